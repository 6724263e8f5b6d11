"""The parts of the benchmark that need no cluster; what it measures is not tested."""

import pytest
from pydantic import SecretStr

from cluster.bench.paced_llm import PACE_S, PacedLLM
from cluster.bench.plans import CHAIN, DIAMOND, PARALLEL, SHAPES, SINGLE, FixedPlanner
from cluster.bench.report import Section, Target
from controller.llm import LLM
from controller.llm_planner import LLMPlanner
from controller.planner import collect
from controller.schema import Request

TASK = "translation"


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
async def test_fixed_planner_plans_the_shape_that_is_named(shape):
    """A request that names a shape and a task gets steps of that task that wait for each other as drawn."""
    steps = await collect(FixedPlanner(), Request(id="r", text=f"{shape.name}/{TASK}"))
    assert [step.dep for step in steps] == list(shape.needs)
    assert {step.task for step in steps} == {TASK}


def test_depth_is_the_longest_chain():
    """The critical path counts the steps that cannot run side by side."""
    for shape in SHAPES:
        depths = []
        for needs in shape.needs:
            depths.append(1 + max((depths[i] for i in needs), default=0))
        assert shape.depth == max(depths)


@pytest.mark.parametrize("shape", [SINGLE, DIAMOND], ids=lambda shape: shape.name)
async def test_paced_llm_writes_plans_that_the_controller_reads(shape):
    """The paced model's text is a valid plan of the shape that the request names."""

    async def available():
        return [TASK]

    async with PacedLLM(TASK, "timed").serve() as settings:
        llm = LLM(settings, SecretStr("none"))
        steps = await collect(LLMPlanner(llm, available, 8), Request(id="r", text=f"{shape.name}/{TASK}"))
        await llm.close()
    assert [step.dep for step in steps] == list(shape.needs)


def test_bound_overlaps_the_plan_with_choices_and_steps():
    """A chain is bound by its first step and its experts, parallel steps by the last one that is written."""
    llm = PacedLLM(TASK, "timed")
    single, chain = llm.bound(SINGLE, 10.0), llm.bound(CHAIN, 10.0)
    assert chain - single == pytest.approx(20.0)
    assert llm.bound(DIAMOND, 10.0) == pytest.approx(chain)
    # What the three further steps of a plan take to be written is many tokens, but no expert's time.
    assert 10 * PACE_S < llm.bound(PARALLEL, 10.0) - single < 10.0


def test_targets_are_judged_in_their_direction():
    """A ratio is to stay under a limit, a share to come up to one, and a miss is said."""
    assert Target(1.05).reached(1.05) and not Target(1.05).reached(1.06)
    assert Target(0.6, at_least=True).reached(0.6) and not Target(0.6, at_least=True).reached(0.59)
    section = Section("t", ("plan",))
    section.add("a", ratio=1.2, target=Target(1.05))
    section.add("b", ratio=1.0)
    assert section.rows == [("a", "1.20", "≤ 1.05", "not reached"), ("b", "1.00", "", "")]
    assert section.reached == [False]
