"""Planning while the plan is being written, against a model that misbehaves."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import pytest
from fake_llm import FakeLLM, Fault, Gate, Reply

from controller.errors import LLMError, LLMUnavailable, PlanError, TooLarge
from controller.llm_planner import AutoPlanner, LLMPlanner
from controller.planner import Drop, Event, Fallback, Seen, collect
from controller.schema import Request, Resource, Step

AVAILABLE = ("image-to-text", "summarization", "text-to-speech", "canny-control")
REQUEST = Request(id="r", text="Read a.png aloud", resources=(Resource(name="a.png", kind="image"),))

READ = {"task": "image-to-text", "id": 0, "dep": [-1], "args": {"image": "a.png"}}
SUM_UP = {"task": "summarization", "id": 1, "dep": [0], "args": {"text": "<GENERATED>-0"}}
SPEAK = {"task": "text-to-speech", "id": 2, "dep": [1], "args": {"text": "<GENERATED>-1"}}
EDGES = {"task": "canny-control", "id": 3, "dep": [-1], "args": {"image": "a.png"}}


@pytest.fixture
def fake() -> Iterator[FakeLLM]:
    with FakeLLM() as server:
        yield server


def planner(fake: FakeLLM, available: Sequence[str] = AVAILABLE, **changes: Any) -> LLMPlanner:
    async def now() -> Sequence[str]:
        return available

    return LLMPlanner(fake.llm(**changes), now, max_steps=8)


def plan(*steps: dict[str, Any]) -> str:
    return json.dumps({"tasks": steps})


async def events(planner: Any, request: Request = REQUEST) -> list[Event]:
    return [event async for event in planner.plan(request)]


def steps(events: list[Event]) -> list[Step]:
    return [event for event in events if isinstance(event, Step)]


async def test_a_plan_is_yielded_step_by_step(fake: FakeLLM) -> None:
    """Each task is announced by name, then yielded whole, in the order it was written."""
    fake.plan(Reply(plan(READ, SUM_UP)))
    assert await events(planner(fake)) == [
        Seen("image-to-text"),
        Step(task="image-to-text", id=0, args={"image": "a.png"}),
        Seen("summarization"),
        Step(task="summarization", id=1, dep=(0,), args={"text": "<GENERATED>-0"}),
    ]


async def test_a_step_starts_before_the_plan_is_written(fake: FakeLLM) -> None:
    """The first step comes while the rest of the plan has not left the model: order of events, not clocks."""
    text = plan(READ, SUM_UP, SPEAK)
    end_of_first = text.index("}}") // 8 + 1
    gate = Gate()
    fake.plan(Reply(text, gates={end_of_first: gate}))
    planned = planner(fake).plan(REQUEST)
    assert await anext(planned) == Seen("image-to-text")
    assert (await anext(planned)).id == 0  # type: ignore[union-attr]
    assert fake.sent == end_of_first
    gate.open()
    assert [step.id for step in steps([event async for event in planned])] == [1, 2]


async def test_a_task_is_seen_before_its_arguments_are_written(fake: FakeLLM) -> None:
    """Its expert can be woken while the model still writes what the task is to work on."""
    text = plan(READ)
    gate = Gate()
    fake.plan(Reply(text, gates={text.index('"args"') // 8: gate}))
    planned = planner(fake).plan(REQUEST)
    assert await anext(planned) == Seen("image-to-text")
    gate.open()
    assert len([event async for event in planned]) == 1


async def test_the_request_and_its_schema_reach_the_model(fake: FakeLLM) -> None:
    """The prompt holds the request as data; the schema allows the available tasks alone."""
    fake.plan(Reply(plan()))
    await events(planner(fake))
    [asked] = fake.asked("plan")
    assert '"Read a.png aloud"' in asked["messages"][-1]["content"]
    forms = asked["response_format"]["json_schema"]["schema"]["properties"]["tasks"]["items"]["anyOf"]
    assert [form["properties"]["task"]["enum"] for form in forms] == [[name] for name in AVAILABLE]


async def test_ids_and_values_are_understood_as_models_write_them(fake: FakeLLM) -> None:
    """Ids as text, a dep that is no list, numbers and nulls among the arguments."""
    written = [
        {"task": "image-to-text", "id": "0", "dep": -1, "args": {"image": "a.png"}},
        {"task": "summarization", "id": "1", "dep": "0", "args": {"text": "<GENERATED>-0", "sentences": 1}},
        {"task": "text-to-speech", "id": 2, "dep": None, "args": {"text": "<GENERATED>-1", "language": None}},
    ]
    fake.plan(Reply(plan(*written)))
    assert [(step.dep, step.args) for step in await collect(planner(fake), REQUEST)] == [
        ((), {"image": "a.png"}),
        ((0,), {"text": "<GENERATED>-0", "sentences": "1"}),
        ((1,), {"text": "<GENERATED>-1"}),
    ]


async def test_an_empty_plan_is_conversation(fake: FakeLLM) -> None:
    """No task in the request: no step, and no second question."""
    fake.plan(Reply("[]"))
    assert await events(planner(fake)) == []
    assert len(fake.requests) == 1


async def test_without_experts_nothing_is_asked(fake: FakeLLM) -> None:
    """Where no task has an expert there is nothing to plan."""
    assert await events(planner(fake, available=())) == []
    assert fake.requests == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Sure, I will read it for you.", "no JSON object"),
        (plan(READ)[:-20], "breaks off"),
        (plan({**READ, "task": "read-picture"}), "unknown task 'read-picture'"),
        (plan(READ, {**SUM_UP, "args": {"text": "<GENERATED>-7"}}), "step 7, which is not in the plan"),
        (
            plan(
                {**SUM_UP, "id": 0, "dep": [1], "args": {"text": "<GENERATED>-1"}},
                {**SUM_UP, "id": 1, "args": {"text": "<GENERATED>-0"}},
            ),
            "no cycle",
        ),
        (plan({**READ, "args": {"picture": "a.png"}}), "not 'picture'"),
        (plan({**READ, "args": {"image": "b.png"}}), "'b.png' is no image"),
        (plan({**READ, "id": "first"}), "valid integer"),
        (plan({"name": "image-to-text"}), "Field required"),
        (plan(*({**READ, "id": i} for i in range(9))), "more than 8 steps"),
        ('[{"task": "image-to-text" "id": 0}]', "not valid JSON"),
    ],
)
async def test_an_invalid_plan_goes_back_once_with_what_was_wrong(
    fake: FakeLLM, text: str, says: str
) -> None:
    """The model sees its plan and the fault, and its second plan counts."""
    fake.plan(Reply(text), Reply(plan(READ)))
    assert [step.task for step in await collect(planner(fake), REQUEST)] == ["image-to-text"]
    again = fake.asked("plan")[1]["messages"]
    assert again[-2] == {"role": "assistant", "content": text}
    assert says in again[-1]["content"]


async def test_two_invalid_plans_are_an_error_for_the_user(fake: FakeLLM) -> None:
    """After the second attempt the user is told what was wrong with it, and no third is made."""
    fake.plan(Reply("No."), Reply(plan({**READ, "task": "read-picture"})))
    with pytest.raises(PlanError, match=r"in two attempts: .*unknown task 'read-picture'"):
        await events(planner(fake))
    assert len(fake.requests) == 2


async def test_a_plan_full_of_faults_is_not_read_to_its_end(fake: FakeLLM) -> None:
    """A model that runs wild is stopped after a few faults."""
    wild = plan(*({**READ, "task": f"wild-{i}"} for i in range(1000)))
    fake.plan(Reply(wild, size=100, gates={10: Gate()}), Reply(plan(READ)))
    assert len(await collect(planner(fake), REQUEST)) == 1
    assert len(fake.requests) == 2


async def test_steps_that_already_run_are_not_run_twice(fake: FakeLLM) -> None:
    """What the corrected plan still has keeps its id; what follows refers to that."""
    broken = {**SPEAK, "args": {"text": "<GENERATED>-9"}}
    renumbered = [
        {**EDGES, "id": 0},
        {**READ, "id": 1},
        {**SPEAK, "id": 2, "args": {"text": "<GENERATED>-1"}},
    ]
    fake.plan(Reply(plan(READ, broken)), Reply(plan(*renumbered)))
    assert steps(await events(planner(fake))) == [
        Step(task="image-to-text", id=0, args={"image": "a.png"}),
        Step(task="canny-control", id=1, args={"image": "a.png"}),
        Step(task="text-to-speech", id=2, dep=(0,), args={"text": "<GENERATED>-0"}),
    ]


async def test_steps_no_longer_wanted_are_taken_back(fake: FakeLLM) -> None:
    """Steps that the corrected plan has no more are dropped, dependents first, and ids are never reused."""
    fake.plan(Reply(plan(READ, SUM_UP, {**SPEAK, "task": "shout"})), Reply(plan({**EDGES, "id": 0})))
    found = await events(planner(fake))
    assert [step.id for step in steps(found)] == [0, 1, 2]
    assert steps(found)[-1].task == "canny-control"
    assert found[-2:] == [Drop(1), Drop(0)]


async def test_a_step_that_waits_for_a_dropped_one_is_planned_anew(fake: FakeLLM) -> None:
    """The same arguments are not the same step while it waits for something that is no longer planned."""
    after = {**EDGES, "id": 1, "dep": [0]}
    fake.plan(Reply(plan(READ, after, {**SPEAK, "task": "shout"})), Reply(plan({**EDGES, "id": 0})))
    found = await events(planner(fake))
    assert [(step.id, step.task, step.dep) for step in steps(found)] == [
        (0, "image-to-text", ()),
        (1, "canny-control", (0,)),
        (2, "canny-control", ()),
    ]
    assert found[-2:] == [Drop(1), Drop(0)]


async def test_nothing_is_started_after_a_fault(fake: FakeLLM) -> None:
    """A plan that must be corrected starts no more steps: they come with the corrected one."""
    bad = {**SUM_UP, "args": {"words": "x"}}
    fake.plan(Reply(plan(READ, bad, EDGES)), Reply(plan()))
    found = await events(planner(fake))
    assert [step.task for step in steps(found)] == ["image-to-text"]
    assert found[-1] == Drop(0)


async def test_a_request_longer_than_the_context_is_refused(fake: FakeLLM) -> None:
    """It is never planned from a part of it."""
    with pytest.raises(TooLarge):
        await events(planner(fake, context_length=2048), Request(id="r", text="x" * 20_000))
    assert fake.requests == []


class Embedded:
    """Plans one step, whatever is asked."""

    name = "embedded"

    async def plan(self, request: Request) -> AsyncIterator[Event]:
        yield Step(task="image-to-text", id=0, args={"image": "a.png"})


async def test_the_embedded_planner_takes_over_where_the_model_fails(fake: FakeLLM) -> None:
    """With nothing planned yet, the user gets a plan all the same, and the reason."""
    fake.plan(Fault(500))
    fallback, step = await events(AutoPlanner(planner(fake), Embedded()))
    assert isinstance(fallback, Fallback)
    assert "planning: the language model planner failed with status 500" in fallback.reason
    assert "embedded" in fallback.reason
    assert isinstance(step, Step)


async def test_the_embedded_planner_does_not_take_over_a_plan_under_way(fake: FakeLLM) -> None:
    """Once steps run, a failure of the model is an error."""
    text = plan(READ, SUM_UP)
    fake.plan(Reply(text, cut=text.index("}}") // 8 + 2))
    found: list[Event] = []
    with pytest.raises(LLMUnavailable):
        async for event in AutoPlanner(planner(fake), Embedded()).plan(REQUEST):
            found.append(event)
    assert len(steps(found)) == 1


async def test_a_plan_that_is_refused_is_no_case_for_the_embedded_planner(fake: FakeLLM) -> None:
    """A model that answers, and twice wrongly, is a fault to report."""
    fake.plan(Reply("no"), Reply("no"))
    with pytest.raises(PlanError):
        await events(AutoPlanner(planner(fake), Embedded()))


async def test_a_model_that_fails_in_the_second_attempt_is_an_error(fake: FakeLLM) -> None:
    """Steps of the first attempt may run by then."""
    fake.plan(Reply(plan(READ, {**SUM_UP, "task": "shrink"})), Fault(500))
    with pytest.raises(LLMError):
        await events(planner(fake))
