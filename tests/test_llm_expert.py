"""The language model as one of the experts."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

import pytest
from fake_llm import FakeLLM, Fault, Gate, Reply

from controller.errors import ExpertLost, LLMUnavailable, TooLarge
from controller.fleet import Expert, Pending, Upstream
from controller.llm_expert import NAME, TASKS, FleetWithLLM
from controller.selector import available_tasks, rank
from deployments.call import Call, Slot
from deployments.errors import BadInput
from deployments.identity import Identity
from deployments.task import tasks
from deployments.values import Encoded, Output

READER = Expert(
    name="reader",
    identity=Identity(
        engine="rapidocr",
        model="m",
        revision="1",
        tasks=("image-to-text", "text-to-speech"),
        description="Reads.",
        license="mit",
    ),
    health="healthy",
    replicas=0,
)


@pytest.fixture
def fake() -> Iterator[FakeLLM]:
    with FakeLLM() as server:
        yield server


class Done:
    """A call that has its output."""

    def __init__(self, output: Output) -> None:
        self._output = output

    async def output(self) -> Output:
        return self._output

    def cancel(self) -> None:
        raise AssertionError("nothing to cancel")


class Fleet:
    """One expert; keeps what it was called with."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, list[Upstream]]] = []
        self.warmed: list[str] = []

    async def experts(self) -> Sequence[Expert]:
        return [READER]

    def call(self, expert: Expert, call: Call, upstream: Sequence[Upstream]) -> Pending:
        self.calls.append((expert.name, list(upstream)))
        return Done(Output(text="from the fleet"))

    def warm(self, expert: Expert) -> None:
        self.warmed.append(expert.name)


def sum_up(*items: str | Slot) -> Call:
    return Call(task="summarization", args={"text": (items,)}, request_id="r", step=1)


async def own(fleet: FleetWithLLM) -> Expert:
    return next(expert for expert in await fleet.experts() if expert.name == NAME)


async def test_the_model_is_listed_among_the_experts(fake: FakeLLM) -> None:
    """It serves tasks from text to text, runs in the cloud, and takes part in what is available."""
    fleet = FleetWithLLM(Fleet(), fake.llm())
    assert [expert.name for expert in await fleet.experts()] == ["reader", "llm"]
    expert = await own(fleet)
    assert (expert.where(), expert.identity.model, expert.latency) == ("cloud", "worker", None)
    assert expert.model_dump(mode="json")["identity"]["engine"] == "llm"
    assert all(tasks()[name].outputs == ("text",) for name in TASKS)
    assert await available_tasks(fleet) == sorted({*TASKS, "image-to-text", "text-to-speech"})


async def test_it_does_a_text_task_on_what_came_before(fake: FakeLLM) -> None:
    """Outputs of other calls and attached texts are its inputs, as data; its text is the output."""
    fake.execute(Reply(" The bridge is shut. \n"))
    fleet = FleetWithLLM(Fleet(), fake.llm())
    upstream = [Done(Output(text="Long text </text> about")), Encoded(b"a bridge", "text/plain")]
    pending = fleet.call(await own(fleet), sum_up(Slot(0), " ", Slot(1)), upstream)
    assert await pending.output() == Output(text="The bridge is shut.")
    system, user = fake.requests[0]["messages"]
    assert "summarization" in system["content"]
    assert user["content"] == '<text>\n"Long text <\\/text> about a bridge"\n</text>'
    latency = (await own(fleet)).latency
    assert latency is not None
    assert latency > 0


async def test_its_output_goes_to_other_experts_by_value(fake: FakeLLM) -> None:
    """Another expert gets the text itself, since there is no reference to it in the cluster."""
    fake.execute(Reply("In short."))
    inner = Fleet()
    fleet = FleetWithLLM(inner, fake.llm())
    pending = fleet.call(await own(fleet), sum_up("Long text"), [])
    await pending.output()
    other = Done(Output(text="x"))
    speak = Call(task="text-to-speech", args={"text": ((Slot(0), Slot(1)),)}, request_id="r", step=2)
    assert await fleet.call(READER, speak, [pending, other]).output() == Output(text="from the fleet")
    assert inner.calls == [("reader", [Output(text="In short."), other])]


async def test_only_other_experts_are_warmed(fake: FakeLLM) -> None:
    """There is nothing to wake at an endpoint."""
    inner = Fleet()
    fleet = FleetWithLLM(inner, fake.llm())
    fleet.warm(await own(fleet))
    fleet.warm(READER)
    assert inner.warmed == ["reader"]


async def test_its_failures_are_errors_of_the_step(fake: FakeLLM) -> None:
    """A model that fails, an input that does not fit and one that is too long each say so."""
    fake.execute(Fault(500))
    fleet = FleetWithLLM(Fleet(), fake.llm())
    expert = await own(fleet)
    with pytest.raises(LLMUnavailable, match="doing a text task: the language model worker"):
        await fleet.call(expert, sum_up("x"), []).output()
    with pytest.raises(BadInput):
        await fleet.call(expert, sum_up(Slot(0)), [Done(Output(data=1))]).output()
    with pytest.raises(TooLarge):
        await fleet.call(expert, sum_up("x" * 100_000), []).output()


async def test_a_cancelled_call_hangs_up_and_says_so(fake: FakeLLM) -> None:
    """Cancelling closes the connection; whoever waits for the output is told, and is not cancelled itself."""
    fake.execute(Reply("never more than this", gates={1: Gate()}))
    fleet = FleetWithLLM(Fleet(), fake.llm())
    pending = fleet.call(await own(fleet), sum_up("x"), [])
    waiting = asyncio.create_task(pending.output())
    await fake.until_asked("execute")
    pending.cancel()
    with pytest.raises(ExpertLost):
        await waiting
    await asyncio.wait_for(fake.left.wait(), 5)


async def test_one_who_stops_waiting_does_not_stop_the_call(fake: FakeLLM) -> None:
    """Two steps may wait for the same output."""
    gate = Gate()
    fake.execute(Reply("done", gates={0: gate}))
    fleet = FleetWithLLM(Fleet(), fake.llm())
    pending = fleet.call(await own(fleet), sum_up("x"), [])
    first, second = asyncio.create_task(pending.output()), asyncio.create_task(pending.output())
    await fake.until_asked("execute")
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    gate.open()
    assert await second == Output(text="done")


async def test_it_ranks_behind_the_experts_of_the_cluster(fake: FakeLLM) -> None:
    """A model that is down must not be what is left when nothing could be chosen."""
    fleet = FleetWithLLM(Fleet(), fake.llm())
    cold = READER.model_copy(
        update={"identity": READER.identity.model_copy(update={"tasks": ("summarization",)}), "name": "z"}
    )
    ranked = rank("summarization", [*await fleet.experts(), cold])
    assert [expert.name for expert in ranked] == ["z", "llm"]
