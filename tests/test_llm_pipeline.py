"""All four stages with a language model: what overlaps, and what is left when it fails."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fake_fleet import FakeFleet, ScriptedPlanner, step
from fake_llm import FakeLLM, Fault, Gate, Hang, Reply

from controller.composed_responder import ComposedResponder
from controller.errors import PlanError
from controller.fetcher import Fetcher
from controller.fleet import Fleet
from controller.intake import Budget, Intake
from controller.llm_expert import FleetWithLLM
from controller.llm_planner import AutoPlanner, LLMPlanner
from controller.llm_responder import LLMResponder
from controller.llm_selector import LLMSelector
from controller.pipeline import Event, Pipeline
from controller.schema import Request, Run, StepResult, StepStarted
from controller.selector import available_tasks
from controller.settings import Settings
from controller.store import Store
from deployments.errors import ModelFailure
from deployments.values import Output

REQUEST = Request(id="r", text="Summarise “a long text” and say it aloud")
SUM_UP = {"task": "summarization", "id": 0, "dep": [-1], "args": {"text": "a long text"}}
SPEAK = {"task": "text-to-speech", "id": 1, "dep": [0], "args": {"text": "<GENERATED>-0"}}
PLAN = json.dumps({"tasks": [SUM_UP, SPEAK]})
AFTER_FIRST_STEP = PLAN.index("}}") // 8 + 1


@pytest.fixture
def fake() -> Iterator[FakeLLM]:
    with FakeLLM() as server:
        yield server


@pytest.fixture
def fleet() -> FakeFleet:
    fleet = FakeFleet()
    fleet.add("short", "summarization", gives=Output(text="in short"), downloads=2)
    fleet.add("shorter", "summarization", gives=Output(text="shorter"), downloads=1)
    fleet.add("voice", "text-to-speech", replicas=0, gives=Output(text="spoken"))
    return fleet


class Controller:
    """A pipeline wired as the application wires it, the embedded planner replaced by a scripted one."""

    def __init__(self, fake: FakeLLM, fleet: Fleet, folder: Path) -> None:
        settings = Settings.model_validate({"store": {"url": str(folder)}})
        llm = fake.llm(first_token_timeout_s=5)
        fleet = FleetWithLLM(fleet, llm)
        now = partial(available_tasks, fleet)
        embedded = ScriptedPlanner(step(0, "summarization", text="a long text"))
        store = Store(settings.store)
        intake = Intake(store, Fetcher(settings.limits), settings.limits)
        self.budget = Budget(settings.limits)
        self.pipeline = Pipeline(
            AutoPlanner(LLMPlanner(llm, now, 8), embedded),
            LLMSelector(llm),
            fleet,
            LLMResponder(llm, ComposedResponder(), now),
            store,
            intake,
            settings,
        )

    def run(self) -> AsyncIterator[Event]:
        return self.pipeline.run(REQUEST, lambda file_id: f"/v1/files/{file_id}/content", self.budget)

    async def record(self) -> Run:
        *_, run = [event async for event in self.run()]
        assert isinstance(run, Run)
        return run


@pytest.fixture
def controller(fake: FakeLLM, fleet: FakeFleet, tmp_path: Path) -> Controller:
    return Controller(fake, fleet, tmp_path)


def choose(name: str) -> Reply:
    return Reply(json.dumps({"id": name, "reason": f"{name} fits"}))


async def test_a_request_goes_through_all_four_stages(fake: FakeLLM, controller: Controller) -> None:
    """Planned, chosen, run and answered by the model's word; the record says so."""
    fake.plan(Reply(PLAN))
    fake.select(choose("shorter"))
    fake.respond(Reply("Here it is."))
    run = await controller.record()
    assert [(s.task, s.status, s.expert, s.reason) for s in run.steps] == [
        ("summarization", "ok", "shorter", "shorter fits"),
        ("text-to-speech", "ok", "voice", "the only expert for the task"),
    ]
    assert (run.answer, run.notes, run.planner) == ("Here it is.", (), "planner")


async def test_the_first_expert_is_called_before_the_plan_is_written(
    fake: FakeLLM, fleet: FakeFleet, controller: Controller
) -> None:
    """Steps run while the model still writes: the expert's call and result come before the last chunk."""
    gate = Gate()
    fake.plan(Reply(PLAN, gates={AFTER_FIRST_STEP: gate}))
    fake.select(choose("short"))
    fake.respond(Reply("Done."))
    events = controller.run()
    seen = []
    async for event in events:
        seen.append(type(event))
        if isinstance(event, StepResult):
            break
    assert seen == [StepStarted, StepResult]
    assert ("done", "short") in fleet.log
    # The plan and the choice are all that was sent so far, and the plan only up to the gate.
    assert fake.sent == AFTER_FIRST_STEP + len(choose("short").chunks())
    gate.open()
    rest = [event async for event in events]
    assert isinstance(rest[-1], Run)


async def test_an_expert_at_zero_replicas_is_woken_by_the_name_of_its_task(
    fake: FakeLLM, fleet: FakeFleet, controller: Controller
) -> None:
    """The warming comes while the step's arguments have not been written yet."""
    gate = Gate()
    arguments = PLAN.index('"args"', PLAN.index("text-to-speech")) // 8
    fake.plan(Reply(PLAN, gates={arguments: gate}))
    fake.select(choose("short"))
    fake.respond(Reply("Done."))
    events = controller.run()
    await anext(events)
    await fleet.until("warmed", "voice")
    assert ("called", "voice") not in fleet.log
    gate.open()
    assert isinstance([event async for event in events][-1], Run)


async def test_choices_are_made_while_earlier_steps_run(
    fake: FakeLLM, fleet: FakeFleet, controller: Controller
) -> None:
    """No choice waits for a model: both are asked for before the first expert has answered."""
    fleet.add("other voice", "text-to-speech")
    running = fleet.gate("short")
    fake.plan(Reply(PLAN))
    asked = Gate()
    fake.select(choose("short"), Reply(choose("voice").text, gates={0: asked}))
    fake.respond(Reply("Done."))
    events = controller.run()
    await anext(events)
    await fleet.until("called", "short")
    await fake.until_asked("select", 2)
    assert ("done", "short") not in fleet.log
    asked.open()
    running.set()
    assert isinstance([event async for event in events][-1], Run)


async def test_a_corrected_plan_runs_nothing_twice(
    fake: FakeLLM, fleet: FakeFleet, controller: Controller
) -> None:
    """The step that already ran keeps its result, under the id that it had."""
    broken = {**SPEAK, "args": {"words": "<GENERATED>-0"}}
    fake.plan(Reply(json.dumps({"tasks": [SUM_UP, broken]})), Reply(PLAN))
    fake.select(choose("short"))
    fake.respond(Reply("Done."))
    run = await controller.record()
    assert [(s.id, s.status) for s in run.steps] == [(0, "ok"), (1, "ok")]
    assert [pending.expert for pending in fleet.calls] == ["short", "voice"]


async def test_a_step_that_the_corrected_plan_drops_is_stopped(
    fake: FakeLLM, fleet: FakeFleet, controller: Controller
) -> None:
    """Its call is cancelled and it is not in the record."""
    fleet.gate("short")
    corrected = Gate()
    fake.plan(Reply(json.dumps({"tasks": [SUM_UP, {"task": "sing"}]})))
    fake.plan(
        Reply(json.dumps({"tasks": [{**SPEAK, "dep": [], "args": {"text": "hi"}}]}), gates={0: corrected})
    )
    fake.select(choose("short"))
    fake.respond(Reply("Done."))
    events = controller.run()
    await anext(events)
    await fleet.until("called", "short")
    corrected.open()
    run = [event async for event in events][-1]
    assert isinstance(run, Run)
    assert [s.task for s in run.steps] == ["text-to-speech"]
    assert ("cancelled", "short") in fleet.log


async def test_a_model_that_is_down_costs_the_words_and_not_the_work(
    fake: FakeLLM, controller: Controller
) -> None:
    """Planned by the embedded planner, ranked, composed; the answer says so."""
    for stage in ("plan", "select", "respond"):
        fake.always(stage, Fault(503))
    run = await controller.record()
    assert [(s.status, s.text) for s in run.steps] == [("ok", "in short")]
    assert "scripted planner" in run.notes[0]
    assert run.notes[0] in run.answer
    assert "in short" in run.answer


async def test_two_invalid_plans_are_the_users_to_know(fake: FakeLLM, controller: Controller) -> None:
    """No answer is made up for a request that could not be planned."""
    fake.always("plan", Reply("I would rather sing."))
    with pytest.raises(PlanError, match="in two attempts"):
        await controller.record()


async def test_the_model_stands_in_for_an_expert_that_fails(
    fake: FakeLLM, fleet: FakeFleet, controller: Controller
) -> None:
    """As one of the candidates it comes after the experts; its text goes on to the next step."""
    for name in ("short", "shorter"):
        fleet.add(name, "summarization", gives=ModelFailure("broken"))
    fake.plan(Reply(PLAN))
    fake.select(choose("short"))
    fake.execute(Reply("Very short."))
    fake.respond(Reply("Done."))
    run = await controller.record()
    assert [attempt.expert for attempt in run.steps[0].attempts] == ["short", "shorter"]
    assert (run.steps[0].expert, run.steps[0].text) == ("llm", "Very short.")
    assert fleet.of("voice").inputs == {"text": "Very short."}


async def test_conversation_is_answered_by_the_model(fake: FakeLLM, controller: Controller) -> None:
    """An empty plan runs nothing."""
    fake.plan(Reply('{"tasks": []}'))
    fake.respond(Reply("Hello to you."))
    run = await controller.record()
    assert (run.answer, run.steps) == ("Hello to you.", ())


async def test_a_user_who_leaves_hangs_up_on_the_model(fake: FakeLLM, controller: Controller) -> None:
    """Closing the events while the model plans closes its connection."""
    fake.plan(Hang())
    events: Any = controller.run()
    first = asyncio.create_task(anext(events))
    await fake.until_asked("plan")
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    await events.aclose()
    await asyncio.wait_for(fake.left.wait(), 5)
