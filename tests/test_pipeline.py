import asyncio
import subprocess
import sys
from contextlib import aclosing

import numpy as np
import pytest
from fake_fleet import step

from controller.errors import (
    AllStepsFailed,
    CannotPlan,
    InputsFailed,
    LLMTimeout,
    PlanError,
    PlanTimeout,
    Unavailable,
)
from controller.intake import Budget
from controller.pipeline import answer_key
from controller.planner import Drop, Fallback, Seen
from controller.schema import Planned, Request, Resource, Run, StepResult, StepStarted
from deployments.errors import BadInput, ModelFailure
from deployments.media import decode, encode
from deployments.values import Audio, Image, Output

PICTURE = Image(np.full((6, 8, 3), 7, np.uint8))
SOUND = Audio(np.linspace(-0.5, 0.5, 800, dtype=np.float32), 8_000)
SHORT_S = 0.01


@pytest.fixture
async def asked(store):
    """A request with one attached picture."""
    file = await store.put(encode(PICTURE).data, "a.png", "image", "image/png")
    return Request(id="r1", text="read a.png", resources=(Resource(name="a.png", kind="image", id=file.id),))


def link(file_id: str) -> str:
    return f"http://here/v1/files/{file_id}/content"


async def events(pipeline, asked) -> list:
    budget = Budget(pipeline.settings.limits)
    return [event async for event in pipeline.run(asked, link, budget)]


async def record(pipeline, asked) -> Run:
    *_, last = await events(pipeline, asked)
    assert isinstance(last, Run)
    return last


async def test_a_request_is_planned_run_and_answered(pipeline, planner, fleet, asked):
    """Plan, steps, answer and record come in this order, and the record holds all of it."""
    fleet.add("ocr", "image-to-text", gives=Output(text="hello"))
    fleet.add("speaker", "text-to-speech", gives=Output(audio=SOUND))
    planner.script = [
        step(0, "image-to-text", image="a.png"),
        step(1, "text-to-speech", text="<GENERATED>-0"),
    ]
    got = await events(pipeline, asked)
    kinds = [type(event) for event in got if not isinstance(event, str)]
    assert sorted(kinds[:-1], key=str) == sorted(
        [Planned, StepStarted, StepResult, StepStarted, StepResult], key=str
    )
    run = got[-1]
    assert "".join(event for event in got if isinstance(event, str)) == run.answer
    assert (run.request_id, run.planner, run.notes) == ("r1", "scripted", ())
    assert [one.id for one in run.plan] == [0, 1]
    assert [result.status for result in run.steps] == ["ok", "ok"]
    assert run.timings.total >= run.timings.execute >= 0


async def test_produced_media_are_files_with_links(pipeline, planner, fleet, asked, store):
    """An artifact is in the store under an opaque id, decodes to what was made, and is linked."""
    fleet.add("edges", "canny-control", gives=Output(image=PICTURE))
    planner.script = [step(0, "canny-control", image="a.png")]
    run = await record(pipeline, asked)
    (artifact,) = run.steps[0].artifacts
    assert (artifact.name, artifact.media_type, artifact.url) == (
        "canny-control-0.png",
        "image/png",
        link(artifact.id),
    )
    file = await store.get(artifact.id)
    assert file.purpose == "artifact"
    np.testing.assert_array_equal(
        decode(type(encode(PICTURE))(await store.read(file.id), file.media_type), "image").pixels,
        PICTURE.pixels,
    )
    assert artifact.url in run.answer


async def test_a_step_starts_while_the_plan_is_still_written(pipeline, planner, fleet, asked):
    """Planning and execution overlap."""
    fleet.add("ocr", "image-to-text", gives=Output(text="hello"))
    rest = asyncio.Event()
    planner.script = [step(0, "image-to-text", image="a.png"), rest]
    budget = Budget(pipeline.settings.limits)
    async with aclosing(pipeline.run(asked, link, budget)) as running:
        first = await anext(running)
        assert isinstance(first, StepStarted)
        await fleet.until("done", "ocr")
        rest.set()
        assert [event async for event in running][-1].steps[0].status == "ok"


async def test_what_a_planner_takes_back_is_not_run_or_recorded(pipeline, planner, fleet, asked):
    """A dropped step leaves no trace in plan or results."""
    fleet.add("ocr", "image-to-text", gives=Output(text="hello"))
    fleet.add("edges", "canny-control")
    fleet.gate("edges")
    planner.script = [
        step(0, "image-to-text", image="a.png"),
        step(1, "canny-control", image="a.png"),
        Drop(1),
    ]
    run = await record(pipeline, asked)
    assert [one.id for one in run.plan] == [0] == [result.id for result in run.steps]


async def test_a_task_that_is_being_written_wakes_its_expert(pipeline, planner, fleet, asked):
    """`Seen` is enough to start a cold expert."""
    fleet.add("ocr", "image-to-text", replicas=0)
    rest = asyncio.Event()
    planner.script = [Seen("image-to-text"), rest, step(0, "image-to-text", image="a.png")]
    running = asyncio.create_task(events(pipeline, asked))
    await fleet.until("warmed", "ocr")
    assert fleet.calls == []
    rest.set()
    await running


async def test_the_fall_back_to_another_planner_is_told(pipeline, planner, fleet, asked):
    """Its reason is a note in the record and in the answer."""
    fleet.add("ocr", "image-to-text", gives=Output(text="hello"))
    planner.script = [Fallback("The LLM did not answer."), step(0, "image-to-text", image="a.png")]
    run = await record(pipeline, asked)
    assert run.notes == ("The LLM did not answer.",)
    assert run.answer.startswith("The LLM did not answer.") and "> hello" in run.answer


async def test_a_request_that_cannot_be_planned_is_answered_with_the_reason(pipeline, planner, asked):
    """Refusing is an answer, not an error: no step ran and the user learns why."""
    planner.script = [CannotPlan("I can't plan this without an LLM: 'fold the laundry'.")]
    run = await record(pipeline, asked)
    assert (run.plan, run.steps) == ((), ())
    assert run.answer.strip() == "I can't plan this without an LLM: 'fold the laundry'."


async def test_small_talk_is_answered(pipeline, asked):
    """No step at all means conversation."""
    run = await record(pipeline, asked)
    assert run.steps == () and "no LLM is configured" in run.answer


@pytest.mark.parametrize(
    "script",
    [
        [step(0, "mind-reading", text="hello")],
        [step(0, "text-to-speech", text="<GENERATED>-5")],
        [
            step(0, "text-to-speech", text="<GENERATED>-1"),
            step(1, "automatic-speech-recognition", audio="<GENERATED>-0"),
        ],
    ],
    ids=["unknown task", "dangling", "cycle"],
)
async def test_an_invalid_plan_is_an_error(pipeline, planner, asked, script):
    """Nothing is silently dropped from a plan: the request fails and says what is wrong with it."""
    planner.script = script
    with pytest.raises(PlanError):
        await events(pipeline, asked)


@pytest.mark.parametrize(
    "fault",
    [step(1, "text-to-speech", text="<GENERATED>-9"), LLMTimeout("the LLM stopped in the middle")],
    ids=["dangling", "broken off"],
)
async def test_a_plan_that_breaks_off_keeps_what_it_had_started(pipeline, planner, fleet, asked, fault):
    """A fault found late is told; the steps that already run are finished and answered with."""
    fleet.add("ocr", "image-to-text", gives=Output(text="hello"))
    planner.script = [step(0, "image-to-text", image="a.png"), fault]
    run = await record(pipeline, asked)
    assert [result.status for result in run.steps] == ["ok"]
    assert "The plan was not finished" in run.answer and "> hello" in run.answer


async def test_a_fault_of_the_planner_stops_the_steps(pipeline, planner, fleet, asked):
    """A bug leaves no call running."""
    fleet.add("ocr", "image-to-text")
    fleet.gate("ocr")
    rest = asyncio.Event()
    planner.script = [step(0, "image-to-text", image="a.png"), rest, RuntimeError("a bug")]
    running = asyncio.create_task(events(pipeline, asked))
    await fleet.until("called", "ocr")
    rest.set()
    with pytest.raises(RuntimeError, match="a bug"):
        await running
    assert ("cancelled", "ocr") in fleet.log


async def test_a_planner_that_hangs_times_out(make_pipeline, planner, asked):
    """The request's timeout covers planning."""
    planner.script = [asyncio.Event()]
    with pytest.raises(PlanTimeout, match=r"0\.01 s"):
        await events(make_pipeline(request_timeout_s=SHORT_S), asked)


async def test_a_request_that_takes_too_long_keeps_what_is_done(make_pipeline, planner, fleet, asked):
    """Finished steps are answered with; the one that hung is told."""
    fleet.add("ocr", "image-to-text", gives=Output(text="hello"))
    fleet.add("edges", "canny-control")
    fleet.gate("edges")
    planner.script = [step(0, "image-to-text", image="a.png"), step(1, "canny-control", image="a.png")]
    run = await record(make_pipeline(request_timeout_s=0.3), asked)
    assert [result.status for result in run.steps] == ["ok", "failed"]
    assert "> hello" in run.answer and "the request took too long" in run.answer


async def test_closing_cancels_the_calls(pipeline, planner, fleet, asked):
    """Whoever goes away takes the running expert calls along."""
    fleet.add("ocr", "image-to-text")
    fleet.gate("ocr")
    planner.script = [step(0, "image-to-text", image="a.png")]
    async with aclosing(pipeline.run(asked, link, Budget(pipeline.settings.limits))) as running:
        await anext(running)
        await fleet.until("called", "ocr")
    assert fleet.log[-1] == ("cancelled", "ocr")


async def test_all_steps_failed_is_an_error_with_the_record(pipeline, planner, fleet, asked):
    """No step gave a result: the error says why and carries plan and steps."""
    fleet.add("ocr", "image-to-text", gives=ModelFailure("out of ink"))
    planner.script = [
        step(0, "image-to-text", image="a.png"),
        step(1, "text-to-speech", text="<GENERATED>-0"),
    ]
    with pytest.raises(AllStepsFailed, match="out of ink") as caught:
        await events(pipeline, asked)
    assert caught.value.status == 502
    body = caught.value.body()
    assert [one["status"] for one in body["hugginggpt"]["steps"]] == ["failed", "skipped"]
    assert Run.model_validate(body["hugginggpt"]).answer


@pytest.mark.parametrize(
    ("gives", "task"),
    [(BadInput("no picture"), "image-to-text"), (Output(), "object-detection")],
    ids=["bad input", "no expert"],
)
async def test_failures_of_the_input_are_the_clients(pipeline, planner, fleet, asked, gives, task):
    """Where sending the request again cannot help, the status is the client's."""
    fleet.add("ocr", "image-to-text", gives=gives)
    planner.script = [step(0, task, image="a.png")]
    with pytest.raises(InputsFailed) as caught:
        await events(pipeline, asked)
    assert caught.value.status == 422


async def test_a_named_file_is_asked_for(pipeline, planner, fleet):
    """A file that is only named is never opened: the step fails and says to attach it."""
    fleet.add("ocr", "image-to-text")
    planner.script = [step(0, "image-to-text", image="/etc/passwd.png")]
    with pytest.raises(InputsFailed, match="not attached; attach the file"):
        await events(pipeline, Request(id="r", text="read /etc/passwd.png"))
    assert fleet.calls == []


async def test_a_private_url_in_the_words_is_not_fetched(pipeline, planner, fleet):
    """URLs in the text pass the same guard as attached ones."""
    fleet.add("ocr", "image-to-text")
    url = "http://127.0.0.1:1/a.png"
    planner.script = [step(0, "image-to-text", image=url)]
    with pytest.raises(InputsFailed):
        await events(pipeline, Request(id="r", text=f"read {url}"))
    assert fleet.calls == []


async def test_a_later_turn_finds_the_record_by_the_answer(pipeline, planner, fleet, asked, store):
    """The record is kept under its answer's words, however a client changed the spaces between them."""
    fleet.add("ocr", "image-to-text", gives=Output(text="hello"))
    planner.script = [step(0, "image-to-text", image="a.png")]
    run = await record(pipeline, asked)
    assert await store.get_record(answer_key(" " + run.answer.replace("\n\n", "\n"))) == run.model_dump(
        mode="json"
    )


async def test_the_plan_alone_opens_nothing(pipeline, planner, store):
    """Planning needs neither experts nor files."""
    planner.script = [
        step(0, "image-to-text", image="gone.png"),
        step(1, "text-to-speech", text="<GENERATED>-0"),
    ]
    plan = await pipeline.plan(Request(id="r", text="read gone.png aloud"))
    assert [(one.task, one.dep) for one in plan] == [("image-to-text", ()), ("text-to-speech", (0,))]


async def test_ready_needs_a_healthy_expert_and_a_planner(pipeline, planner, fleet):
    """The service is ready once it can plan and reach an expert."""
    with pytest.raises(Unavailable):
        await pipeline.ready()
    fleet.add("broken", "image-to-text", health="unhealthy")
    with pytest.raises(Unavailable):
        await pipeline.ready()
    fleet.add("ocr", "image-to-text")
    assert [expert.name for expert in await pipeline.ready()] == ["broken", "ocr"]
    planner.unavailable = Unavailable("no vectors")
    with pytest.raises(Unavailable, match="no vectors"):
        await pipeline.ready()


@pytest.mark.parametrize(
    "text",
    [r"say \ and C:\new", """say "double" and 'single'""", "x" * 20_000, "what does <b>error</b> mean?"],
    ids=["backslash", "quotes", "long", "error"],
)
async def test_a_request_reaches_the_planner_as_it_was_sent(pipeline, planner, text):
    """Requests that broke the original are planned from their whole text."""
    await events(pipeline, Request(id="r", text=text))
    assert planner.asked[0].text == text


def test_the_stages_import_neither_ray_nor_torch():
    """The pipeline is tested, and started, without them."""
    code = "import sys, controller.ingress; print(*{'torch', 'ray', 'cv2'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
