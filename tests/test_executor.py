import asyncio
import math
import time
from contextlib import asynccontextmanager

import numpy as np
import pytest
from fake_fleet import FakeFleet, step

from controller.errors import ExpertBusy, ExpertLost, UnknownFile
from controller.executor import Execution
from controller.schema import Artifact, Request, Resource, StepResult, StepStarted
from controller.selector import RankSelector
from deployments.errors import BadInput, ModelFailure
from deployments.media import encode
from deployments.values import Audio, Encoded, Image, Output

PICTURE = Image(np.zeros((4, 4, 3), np.uint8))
SOUND = Audio(np.zeros(80, np.float32), 8_000)
ASKED = Request(
    id="r",
    text="read a.png",
    resources=(
        Resource(name="a.png", kind="image", id="1"),
        Resource(name="b.png", kind="image", id="2"),
        Resource(name="note.txt", kind="text", id="3"),
        Resource(name="say.wav", kind="audio", id="4"),
    ),
)
FILES = {
    "1": encode(PICTURE),
    "2": encode(PICTURE),
    "3": Encoded(b"words of the note", "text/plain"),
    "4": encode(SOUND),
}
# No test waits this long.
LONG_S = 60.0
SHORT_S = 0.01


class Bench:
    """One execution over a fake fleet, with what it loaded, saved and told."""

    def __init__(self, fleet: FakeFleet) -> None:
        self.fleet = fleet
        self.loaded: list[Resource] = []
        self.events: list[StepStarted | StepResult] = []
        # Saving waits here, where a test says so.
        self.saving = asyncio.Event()
        self.saving.set()

    @asynccontextmanager
    async def running(self, *steps, step_timeout_s=LONG_S):
        execution = Execution(
            ASKED,
            self.fleet,
            RankSelector(),
            self.load,
            self.save,
            self.events.append,
            step_timeout_s,
            time.monotonic(),
        )
        async with execution:
            for one in steps:
                execution.add(one)
            yield execution

    async def run(self, *steps, timeout_s=LONG_S, **settings) -> dict[int, StepResult]:
        async with self.running(*steps, **settings) as execution:
            return {result.id: result for result in await execution.results(timeout_s)}

    async def load(self, resource: Resource) -> Encoded:
        self.loaded.append(resource)
        if resource.id is None:
            raise BadInput(f"'{resource.name}' is not attached")
        if resource.id not in FILES:
            raise UnknownFile(f"there is no file {resource.id}")
        return FILES[resource.id]

    async def save(self, step, output: Output) -> tuple[Artifact, ...]:
        await self.saving.wait()
        if output.image is None:
            return ()
        name = f"{step.task}-{step.id}.png"
        artifact = Artifact(
            id="f", name=name, kind="image", media_type="image/png", bytes=1, url="http://x/f"
        )
        return (artifact,)


@pytest.fixture
def fleet():
    return FakeFleet()


@pytest.fixture
def bench(fleet):
    return Bench(fleet)


async def test_one_step_gives_its_result(fleet, bench):
    """A result says what was done, by which expert and model, why, when, and what came out."""
    fleet.add("ocr", "image-to-text", gives=Output(text="hello", data=[{"line": "hello"}]))
    result = (await bench.run(step(0, "image-to-text", image="a.png")))[0]
    assert (result.status, result.expert, result.model) == ("ok", "ocr", "models/ocr")
    assert result.reason == "the only expert for the task"
    assert (result.text, result.data) == ("hello", [{"line": "hello"}])
    assert 0 <= result.started <= result.finished
    assert result.error is None and result.attempts == ()


async def test_the_expert_gets_the_decoded_file(fleet, bench):
    """An attached image reaches the expert as pixels, under the argument's name."""
    fleet.add("ocr", "image-to-text")
    await bench.run(step(0, "image-to-text", image="a.png"))
    np.testing.assert_array_equal(fleet.of("ocr").inputs["image"].pixels, PICTURE.pixels)


async def test_a_call_carries_the_request_and_step(fleet, bench):
    """The expert's log can name the request and the step."""
    fleet.add("ocr", "image-to-text")
    await bench.run(step(3, "image-to-text", image="a.png"))
    call = fleet.of("ocr").call
    assert (call.request_id, call.step) == ("r", 3)


async def test_independent_steps_run_at_the_same_time(fleet, bench):
    """Both branches are under way before either is done."""
    fleet.add("ocr", "image-to-text")
    fleet.add("edges", "canny-control")
    gates = [fleet.gate("ocr"), fleet.gate("edges")]
    steps = step(0, "image-to-text", image="a.png"), step(1, "canny-control", image="a.png")
    async with bench.running(*steps) as execution:
        await fleet.until("called", "ocr")
        await fleet.until("called", "edges")
        for gate in gates:
            gate.set()
        results = await execution.results(LONG_S)
    assert [result.status for result in results] == ["ok", "ok"]
    assert {what for what, _ in fleet.log[-2:]} == {"done"}


async def test_a_slow_branch_holds_up_only_what_needs_it(fleet, bench):
    """A chain beside a slow step runs to its end while that step still runs: there are no levels."""
    fleet.add("edges", "canny-control")
    fleet.add("ocr", "image-to-text", gives=Output(text="hello"))
    fleet.add("short", "summarization", gives=Output(text="hi"))
    fleet.add("speaker", "text-to-speech", gives=Output(audio=SOUND))
    gate = fleet.gate("edges")
    steps = (
        step(0, "canny-control", image="a.png"),
        step(1, "image-to-text", image="b.png"),
        step(2, "summarization", dep=(1,), text="<GENERATED>-1"),
        step(3, "text-to-speech", dep=(2,), text="<GENERATED>-2"),
    )
    async with bench.running(*steps) as execution:
        await fleet.until("done", "speaker")
        assert ("done", "edges") not in fleet.log
        gate.set()
        assert all(result.status == "ok" for result in await execution.results(LONG_S))


async def test_a_waiting_step_holds_no_replica(fleet, bench):
    """Nothing is sent to an expert before the inputs are there; it is only woken."""
    fleet.add("ocr", "image-to-text", gives=Output(text="hello"))
    fleet.add("speaker", "text-to-speech", replicas=0)
    gate = fleet.gate("ocr")
    steps = (
        step(0, "image-to-text", image="a.png"),
        step(1, "text-to-speech", dep=(0,), text="<GENERATED>-0"),
    )
    async with bench.running(*steps) as execution:
        await fleet.until("called", "ocr")
        await fleet.until("warmed", "speaker")
        assert [pending.expert for pending in fleet.calls] == ["ocr"]
        gate.set()
        await execution.results(LONG_S)
    assert [pending.expert for pending in fleet.calls] == ["ocr", "speaker"]


async def test_an_output_is_handed_on_by_reference(fleet, bench):
    """The downstream call gets the upstream call itself, not its value."""
    fleet.add("edges", "canny-control", gives=Output(image=PICTURE))
    fleet.add("ocr", "image-to-text", gives=Output(text="hello"))
    await bench.run(
        step(0, "canny-control", image="a.png"),
        step(1, "image-to-text", dep=(0,), image="<GENERATED>-0"),
    )
    assert fleet.of("ocr").upstream == (fleet.of("edges"),)
    assert fleet.of("edges").fetched == 1


async def test_downstream_starts_before_the_media_are_saved(fleet, bench):
    """What an upstream step produced is still being stored while the next step already runs."""
    fleet.add("edges", "canny-control", gives=Output(image=PICTURE))
    fleet.add("ocr", "image-to-text", gives=Output(text="hello"))
    bench.saving.clear()
    steps = (
        step(0, "canny-control", image="a.png"),
        step(1, "image-to-text", dep=(0,), image="<GENERATED>-0"),
    )
    async with bench.running(*steps) as execution:
        await fleet.until("done", "ocr")
        assert not [event for event in bench.events if isinstance(event, StepResult)]
        bench.saving.set()
        first, _ = await execution.results(LONG_S)
    assert [artifact.name for artifact in first.artifacts] == ["canny-control-0.png"]


async def test_a_resource_is_loaded_once(fleet, bench):
    """Several steps on one file share one load of it."""
    fleet.add("ocr", "image-to-text")
    fleet.add("edges", "canny-control")
    await bench.run(
        step(0, "image-to-text", image="a.png"),
        step(1, "canny-control", image="a.png"),
        step(2, "image-to-text", image="b.png"),
    )
    assert [resource.id for resource in bench.loaded] == ["1", "2"]


@pytest.mark.parametrize(
    ("first", "gives", "second", "argument"),
    [
        (step(0, "translation", text="Good morning."), Output(text="Bonjour."), "text-to-speech", "text"),
        (
            step(0, "automatic-speech-recognition", audio="say.wav"),
            Output(text="a cat"),
            "text-to-image",
            "text",
        ),
        (
            step(0, "visual-question-answering", image="a.png", text="Colour?"),
            Output(text="red"),
            "text-to-speech",
            "text",
        ),
        (
            step(0, "audio-to-audio", audio="say.wav"),
            Output(audio=Audio(np.ones(9, np.float32), 8_000)),
            "automatic-speech-recognition",
            "audio",
        ),
        (
            step(0, "image-classification", image="a.png"),
            Output(text="cat", data=[{"label": "cat"}]),
            "text-to-speech",
            "text",
        ),
    ],
    ids=lambda value: getattr(value, "task", None),
)
async def test_every_kind_of_result_flows_on(fleet, bench, first, gives, second, argument):
    """The next step works on what the step before gave, never on its input or on the words <GENERATED>-0."""
    fleet.add("first", first.task, gives=gives)
    fleet.add("second", second)
    results = await bench.run(first, step(1, second, dep=(0,), **{argument: "<GENERATED>-0"}))
    assert results[1].status == "ok"
    assert fleet.of("second").inputs[argument] == gives.get("text" if argument == "text" else "audio")


async def test_several_results_in_one_argument_all_arrive(fleet, bench):
    """Two references in one argument are two values, in order."""
    fleet.add("ocr", "image-to-text", gives=[Output(text="one"), Output(text="two")])
    fleet.add("compare", "sentence-similarity")
    await bench.run(
        step(0, "image-to-text", image="a.png"),
        step(1, "image-to-text", image="b.png"),
        step(2, "sentence-similarity", dep=(0, 1), text=["<GENERATED>-0", "<GENERATED>-1"]),
    )
    assert sorted(fleet.of("compare").inputs["text"]) == ["one", "two"]


async def test_a_reference_inside_text_is_filled_in(fleet, bench):
    """The words around a reference are kept."""
    fleet.add("ocr", "image-to-text", gives=Output(text="STOP"))
    fleet.add("speaker", "text-to-speech")
    await bench.run(
        step(0, "image-to-text", image="a.png"),
        step(1, "text-to-speech", dep=(0,), text="The sign says <GENERATED>-0, so stop."),
    )
    assert fleet.of("speaker").inputs["text"] == "The sign says STOP, so stop."


async def test_a_result_used_twice_travels_once(fleet, bench):
    """Two mentions of one result share one slot of the call."""
    fleet.add("ocr", "image-to-text", gives=Output(text="ha"))
    fleet.add("speaker", "text-to-speech")
    await bench.run(
        step(0, "image-to-text", image="a.png"),
        step(1, "text-to-speech", dep=(0,), text="<GENERATED>-0 <GENERATED>-0!"),
    )
    assert fleet.of("speaker").inputs["text"] == "ha ha!"
    assert len(fleet.of("speaker").upstream) == 1


@pytest.mark.parametrize(
    "text",
    [r"C:\temp\new \n", """both "double" and 'single'""", "an error in words", "{0} %s <b>", "x" * 20_000],
    ids=["backslash", "quotes", "error", "braces", "long"],
)
async def test_text_reaches_the_expert_as_it_was_planned(fleet, bench, text):
    """Nothing is escaped, cut or interpreted on the way."""
    fleet.add("speaker", "text-to-speech")
    results = await bench.run(step(0, "text-to-speech", text=text))
    assert results[0].status == "ok"
    assert fleet.of("speaker").inputs["text"] == text


async def test_a_list_of_texts_is_one_text_where_the_task_takes_one(fleet, bench):
    """A list for a task that takes a single text is joined into it."""
    fleet.add("speaker", "text-to-speech")
    await bench.run(step(0, "text-to-speech", text=["One.", "Two."]))
    assert fleet.of("speaker").inputs["text"] == "One.\n\nTwo."


async def test_an_attached_text_is_the_value_of_a_text_argument(fleet, bench):
    """The expert gets the words of the file, not its name."""
    fleet.add("short", "summarization")
    await bench.run(step(0, "summarization", text="note.txt"))
    assert fleet.of("short").inputs["text"] == "words of the note"


async def test_a_failed_step_skips_what_needs_it_and_nothing_else(fleet, bench):
    """Skipped steps say which step they wanted, through any number of steps; another branch goes on."""
    fleet.add("ocr", "image-to-text", gives=ModelFailure("out of ink"))
    fleet.add("edges", "canny-control", gives=Output(image=PICTURE))
    fleet.add("speaker", "text-to-speech")
    fleet.add("hear", "automatic-speech-recognition")
    results = await bench.run(
        step(0, "image-to-text", image="a.png"),
        step(1, "text-to-speech", dep=(0,), text="<GENERATED>-0"),
        step(2, "automatic-speech-recognition", dep=(1,), audio="<GENERATED>-1"),
        step(3, "canny-control", image="a.png"),
    )
    assert [results[i].status for i in range(4)] == ["failed", "skipped", "skipped", "ok"]
    assert results[0].error.model_dump() == {"code": "model_failure", "message": "out of ink"}
    assert results[1].error.model_dump() == {
        "code": "skipped",
        "message": "step 0 (image-to-text) gave no result",
    }
    assert results[2].error.message == "step 1 (text-to-speech) gave no result"
    assert {pending.expert for pending in fleet.calls} == {"ocr", "edges"}


async def test_a_step_whose_stated_dependency_failed_is_skipped(fleet, bench):
    """`dep` without a reference counts."""
    fleet.add("ocr", "image-to-text", gives=ModelFailure("no"))
    fleet.add("speaker", "text-to-speech")
    results = await bench.run(
        step(0, "image-to-text", image="a.png"), step(1, "text-to-speech", dep=(0,), text="finished")
    )
    assert results[1].status == "skipped"


async def test_an_upstream_without_the_kind_fails_the_step_that_needs_it(fleet, bench):
    """An expert that gave no text although its task gives text does not pass silently."""
    fleet.add("ocr", "image-to-text", gives=Output(data={}))
    fleet.add("speaker", "text-to-speech")
    results = await bench.run(
        step(0, "image-to-text", image="a.png"),
        step(1, "text-to-speech", dep=(0,), text="<GENERATED>-0"),
    )
    assert [results[0].status, results[1].status] == ["ok", "failed"]
    assert results[1].error.code == "bad_input"


async def test_no_expert_is_a_failure_of_that_step_alone(fleet, bench):
    """A step without an expert fails by name; others run."""
    fleet.add("ocr", "image-to-text")
    results = await bench.run(
        step(0, "object-detection", image="a.png"), step(1, "image-to-text", image="a.png")
    )
    assert results[0].error.code == "no_expert" and "object-detection" in results[0].error.message
    assert results[0].expert is None
    assert results[1].status == "ok"


async def test_a_step_without_an_expert_that_is_skipped_is_skipped(fleet, bench):
    """Where both the input and the expert are missing, the input is the reason."""
    fleet.add("ocr", "image-to-text", gives=ModelFailure("no"))
    results = await bench.run(
        step(0, "image-to-text", image="a.png"),
        step(1, "text-to-speech", dep=(0,), text="<GENERATED>-0"),
    )
    assert results[1].status == "skipped"


async def test_a_file_that_is_not_to_be_had_fails_only_its_step(fleet, bench):
    """A named but unattached file is told by name, and the other branch goes on."""
    fleet.add("ocr", "image-to-text")
    named = ASKED.model_copy(update={"text": "read lost.png"})
    execution = Execution(
        named, fleet, RankSelector(), bench.load, bench.save, bench.events.append, LONG_S, time.monotonic()
    )
    async with execution:
        execution.add(step(0, "image-to-text", image="lost.png"))
        execution.add(step(1, "image-to-text", image="a.png"))
        lost, read = await execution.results(LONG_S)
    assert lost.error.model_dump() == {"code": "bad_input", "message": "'lost.png' is not attached"}
    assert read.status == "ok"


async def test_a_lost_expert_is_tried_once_more(fleet, bench):
    """The death of a replica is not the input's fault: the step is sent again, and the loss recorded."""
    fleet.add("ocr", "image-to-text", gives=[ExpertLost("the replica died"), Output(text="hello")])
    result = (await bench.run(step(0, "image-to-text", image="a.png")))[0]
    assert (result.status, result.text) == ("ok", "hello")
    assert [(attempt.expert, attempt.error.code) for attempt in result.attempts] == [("ocr", "expert_lost")]


async def test_a_twice_lost_expert_fails_the_step(fleet, bench):
    """There is one second try, not a loop."""
    fleet.add("ocr", "image-to-text", gives=ExpertLost("the replica died"))
    result = (await bench.run(step(0, "image-to-text", image="a.png")))[0]
    assert (result.status, result.error.code) == ("failed", "expert_lost")
    assert len(fleet.calls) == 2


async def test_spares_are_tried_in_order(fleet, bench):
    """Where an expert fails the next-ranked follows, and the record says who failed and why."""
    fleet.add("first", "image-to-text", downloads=3, gives=ModelFailure("broke"))
    fleet.add("second", "image-to-text", downloads=2, gives=ExpertBusy("too many calls"))
    fleet.add("third", "image-to-text", downloads=1, gives=Output(text="hello"))
    result = (await bench.run(step(0, "image-to-text", image="a.png")))[0]
    assert (result.status, result.expert, result.reason) == ("ok", "third", "second failed")
    assert [(a.expert, a.error.message) for a in result.attempts] == [
        ("first", "broke"),
        ("second", "too many calls"),
    ]
    started = [event.expert for event in bench.events if isinstance(event, StepStarted)]
    assert started == ["first", "second", "third"]


async def test_what_one_expert_cannot_do_a_spare_may(fleet, bench):
    """An edit that the first-ranked expert does not know is sent to the next."""
    fleet.add("classic", "image-to-image", downloads=2, gives=BadInput("I can blur and rotate"))
    fleet.add("diffusion", "image-to-image", downloads=1)
    result = (await bench.run(step(0, "image-to-image", image="a.png", text="as Van Gogh would")))[0]
    assert (result.status, result.expert) == ("ok", "diffusion")
    assert [(a.expert, a.error.code) for a in result.attempts] == [("classic", "bad_input")]


async def test_a_spare_gives_the_result_that_flows_on(fleet, bench):
    """The step after uses the output of the expert that did it."""
    fleet.add("first", "image-to-text", downloads=2, gives=ModelFailure("broke"))
    fleet.add("second", "image-to-text", downloads=1, gives=Output(text="hello"))
    fleet.add("speaker", "text-to-speech")
    await bench.run(
        step(0, "image-to-text", image="a.png"),
        step(1, "text-to-speech", dep=(0,), text="<GENERATED>-0"),
    )
    assert fleet.of("speaker").inputs["text"] == "hello"


async def test_a_step_that_takes_too_long_fails(fleet, bench):
    """The per-step timeout cancels the call and says how long it waited and for whom."""
    fleet.add("ocr", "image-to-text")
    fleet.gate("ocr")
    result = (await bench.run(step(0, "image-to-text", image="a.png"), step_timeout_s=SHORT_S))[0]
    assert (result.status, result.error.code) == ("failed", "step_timeout")
    assert "ocr gave no result within 0.01 s" in result.error.message
    assert ("cancelled", "ocr") in fleet.log


async def test_the_step_timeout_does_not_count_the_wait_for_inputs(fleet, bench):
    """Only the call is timed: a step may wait for others longer than it may run itself."""
    fleet.add("ocr", "image-to-text", gives=Output(text="hello"))
    fleet.add("speaker", "text-to-speech")
    fleet.gate("ocr")
    results = await bench.run(
        step(0, "image-to-text", image="a.png"),
        step(1, "text-to-speech", dep=(0,), text="<GENERATED>-0"),
        step_timeout_s=SHORT_S,
    )
    assert results[0].error.code == "step_timeout"
    assert results[1].status == "skipped"


async def test_the_end_of_the_request_keeps_what_is_done(fleet, bench):
    """At the request's timeout finished steps keep their results, running ones fail and are cancelled."""
    fleet.add("ocr", "image-to-text", gives=Output(text="hello"))
    fleet.add("edges", "canny-control")
    fleet.add("rotate", "image-to-image")
    fleet.gate("edges")
    steps = (
        step(0, "image-to-text", image="a.png"),
        step(1, "canny-control", image="a.png"),
        step(2, "image-to-image", dep=(1,), image="<GENERATED>-1", text="rotate"),
    )
    async with bench.running(*steps) as execution:
        await fleet.until("done", "ocr")
        await fleet.until("called", "edges")
        read, edges, rotated = await execution.results(SHORT_S)
    assert (read.status, read.text) == ("ok", "hello")
    assert (edges.status, edges.error.code) == ("failed", "step_timeout")
    assert "the request took too long" in edges.error.message
    assert rotated.status == "skipped"
    assert ("cancelled", "edges") in fleet.log
    told = {event.id: event.status for event in bench.events if isinstance(event, StepResult)}
    assert told == {0: "ok", 1: "failed", 2: "skipped"}


async def test_a_request_without_time_left_runs_nothing(fleet, bench):
    """Steps that were stopped before they began are told like any other."""
    fleet.add("ocr", "image-to-text")
    fleet.add("speaker", "text-to-speech")
    results = await bench.run(
        step(0, "image-to-text", image="a.png"),
        step(1, "text-to-speech", dep=(0,), text="<GENERATED>-0"),
        timeout_s=-1,
    )
    assert [results[0].status, results[1].status] == ["failed", "skipped"]
    assert fleet.calls == []


async def test_leaving_cancels_every_running_call(fleet, bench):
    """Whoever stops listening stops the work: nothing of it runs on."""
    fleet.add("ocr", "image-to-text")
    fleet.add("edges", "canny-control")
    fleet.gate("ocr"), fleet.gate("edges")
    steps = step(0, "image-to-text", image="a.png"), step(1, "canny-control", image="a.png")
    async with bench.running(*steps):
        await fleet.until("called", "ocr")
        await fleet.until("called", "edges")
    assert fleet.log[-2:] == [("cancelled", "ocr"), ("cancelled", "edges")]


async def test_a_dropped_step_is_cancelled_and_forgotten(fleet, bench):
    """A planner may take a step back after it was started."""
    fleet.add("ocr", "image-to-text")
    fleet.add("edges", "canny-control")
    fleet.gate("edges")
    steps = step(0, "image-to-text", image="a.png"), step(1, "canny-control", image="a.png")
    async with bench.running(*steps) as execution:
        await fleet.until("called", "edges")
        execution.drop(1)
        (only,) = await execution.results(LONG_S)
        await fleet.until("cancelled", "edges")
    assert only.id == 0


async def test_a_cold_expert_is_woken_when_its_task_is_named(fleet, bench):
    """An expert may start while its step is still being written; a task without one is nobody's fault yet."""
    fleet.add("ocr", "image-to-text", replicas=0)
    async with bench.running() as execution:
        execution.prepare("image-to-text")
        execution.prepare("object-detection")
        await fleet.until("warmed", "ocr")
    assert fleet.calls == []


async def test_started_and_finished_are_told_in_order(fleet, bench):
    """Listeners hear of each step when its expert is called and when it is done."""
    fleet.add("ocr", "image-to-text", gives=Output(text="hello"))
    fleet.add("speaker", "text-to-speech")
    await bench.run(
        step(0, "image-to-text", image="a.png"),
        step(1, "text-to-speech", dep=(0,), text="<GENERATED>-0"),
    )
    first, *_, last = bench.events
    assert isinstance(first, StepStarted) and (first.id, first.expert) == (0, "ocr")
    assert isinstance(last, StepResult) and last.id == 1
    assert len(bench.events) == 4


async def test_a_fault_of_ours_fails_one_step(fleet, bench):
    """An exception that nobody expected is that step's failure, told without its inside."""
    fleet.add("ocr", "image-to-text", gives=RuntimeError("secret inside"))
    fleet.add("edges", "canny-control")
    results = await bench.run(
        step(0, "image-to-text", image="a.png"), step(1, "canny-control", image="a.png")
    )
    assert results[0].error.code == "internal_error"
    assert "secret" not in results[0].error.message
    assert results[1].status == "ok"


async def test_a_file_that_cannot_be_saved_fails_its_step_alone(fleet, bench):
    """The steps after it have their input already."""
    fleet.add("edges", "canny-control", gives=Output(image=PICTURE))
    fleet.add("ocr", "image-to-text", gives=Output(text="hello"))

    async def full(step, output):
        if output.image is not None:
            raise OSError("disk full")
        return ()

    bench.save = full
    results = await bench.run(
        step(0, "canny-control", image="a.png"),
        step(1, "image-to-text", dep=(0,), image="<GENERATED>-0"),
    )
    assert [results[0].status, results[1].status] == ["failed", "ok"]


@pytest.mark.parametrize("data", [{"score": np.float32(1)}, object()], ids=["numpy", "object"])
async def test_a_result_that_is_not_json_fails_its_step(fleet, bench, data):
    """An expert that breaks the contract costs its own step, not the request."""
    fleet.add("ocr", "image-to-text", gives=Output(text="hello", data=data))
    fleet.add("edges", "canny-control")
    results = await bench.run(
        step(0, "image-to-text", image="a.png"), step(1, "canny-control", image="a.png")
    )
    assert [results[0].status, results[1].status] == ["failed", "ok"]
    assert results[0].model_dump_json()


async def test_a_score_that_is_no_number_is_null_in_the_record(fleet, bench):
    """JSON has no NaN."""
    fleet.add("ocr", "image-to-text", gives=Output(text="hello", data={"score": math.nan}))
    result = (await bench.run(step(0, "image-to-text", image="a.png")))[0]
    assert result.model_dump(mode="json")["data"] == {"score": None}


async def test_no_steps_no_results(bench):
    """An empty plan has nothing to wait for."""
    assert await bench.run() == {}
