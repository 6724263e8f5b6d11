"""Experts and a planner that do as a test tells them; the stages cannot tell them from the real ones.

fleet = FakeFleet()
fleet.add("ocr", "image-to-text", gives=Output(text="hello"))
gate = fleet.gate("ocr")                    # its calls wait until gate.set()
planner = ScriptedPlanner(step(0, "image-to-text", image="a.png"))
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

from controller.fleet import Expert, Upstream
from controller.plan import Draft
from controller.planner import Event
from controller.schema import Request, Step
from deployments.call import Call, bind
from deployments.identity import Identity
from deployments.task import tasks
from deployments.values import Encoded, Output

# What an expert gives for a call: always the same, or made from the call's inputs; an exception is raised.
Reply = Output | Exception | Callable[[Mapping[str, Any]], Output]
# What a planner does next: a step to check, an event to pass on, an error to raise, a gate to wait at.
Stroke = Step | Event | Exception | asyncio.Event


class FakePending:
    """One call. `upstream` is what was handed over, `inputs` what the expert made of it."""

    def __init__(self, fleet: FakeFleet, expert: str, call: Call, upstream: Sequence[Upstream]) -> None:
        self.expert = expert
        self.call = call
        self.upstream = tuple(upstream)
        self.inputs: dict[str, Any] | None = None
        # How many times the caller fetched the output.
        self.fetched = 0
        self._fleet = fleet
        self._work = asyncio.create_task(self._run())

    async def output(self) -> Output:
        self.fetched += 1
        return await asyncio.shield(self._work)

    def cancel(self) -> None:
        if not self._work.done():
            self._work.cancel()
            self._fleet.note("cancelled", self.expert)

    async def value(self) -> Output:
        """The output as another expert receives it."""
        return await asyncio.shield(self._work)

    async def _run(self) -> Output:
        # As over Ray: what the call refers to is resolved on the expert's side.
        values: list[Output | Encoded] = [
            await value.value() if isinstance(value, FakePending) else value  # type: ignore[misc]
            for value in self.upstream
        ]
        self.inputs = bind(tasks()[self.call.task], self.call, values)
        self._fleet.note("called", self.expert)
        if (gate := self._fleet.gates.get(self.expert)) is not None:
            await gate.wait()
        reply = self._fleet.reply(self.expert)
        if callable(reply):
            reply = reply(self.inputs)
        if isinstance(reply, Exception):
            self._fleet.note("failed", self.expert)
            raise reply
        self._fleet.note("done", self.expert)
        return reply


class FakeFleet:
    """Scripted experts; `log` is what happened, in order.

    Its items are (what, expert), where what is called, done, failed, cancelled or warmed.
    """

    def __init__(self) -> None:
        self.calls: list[FakePending] = []
        self.gates: dict[str, asyncio.Event] = {}
        self.log: list[tuple[str, str]] = []
        self._experts: dict[str, Expert] = {}
        self._replies: dict[str, list[Reply]] = {}
        self._noted = asyncio.Event()

    def add(
        self,
        name: str,
        *serves: str,
        gives: Reply | Sequence[Reply] = Output(text="done"),  # noqa: B008 (frozen)
        downloads: int = 0,
        **fields: Any,
    ) -> Expert:
        """Deploy an expert. Of several replies each call takes the next, and the last one stays."""
        identity = Identity(
            engine="opencv",
            model=f"models/{name}",
            revision="1",
            tasks=serves,
            description=f"The {name} expert.",
            license="Apache-2.0",
            downloads=downloads,
        )
        expert = Expert(name=name, identity=identity, **{"health": "healthy", "replicas": 1, **fields})
        self._experts[name] = expert
        self._replies[name] = list(gives) if isinstance(gives, Sequence) else [gives]
        return expert

    def gate(self, name: str) -> asyncio.Event:
        """Calls of this expert wait here until it is set."""
        return self.gates.setdefault(name, asyncio.Event())

    def of(self, expert: str) -> FakePending:
        """The only call of this expert."""
        (pending,) = [pending for pending in self.calls if pending.expert == expert]
        return pending

    async def until(self, what: str, expert: str) -> None:
        """Wait for something to happen; at once where it already did."""
        async with asyncio.timeout(10):
            while (what, expert) not in self.log:
                self._noted.clear()
                await self._noted.wait()

    def note(self, what: str, expert: str) -> None:
        self.log.append((what, expert))
        self._noted.set()

    def reply(self, expert: str) -> Reply:
        replies = self._replies[expert]
        return replies.pop(0) if len(replies) > 1 else replies[0]

    # controller.fleet.Fleet

    async def experts(self) -> Sequence[Expert]:
        return tuple(self._experts.values())

    def call(self, expert: Expert, call: Call, upstream: Sequence[Upstream]) -> FakePending:
        pending = FakePending(self, expert.name, call, upstream)
        self.calls.append(pending)
        return pending

    def warm(self, expert: Expert) -> None:
        self.note("warmed", expert.name)


class ScriptedPlanner:
    """Writes the plan it was given, each step checked as a real planner's are."""

    name = "scripted"

    def __init__(self, *script: Stroke, max_steps: int = 32) -> None:
        self.script = list(script)
        self.max_steps = max_steps
        # The requests it was asked to plan.
        self.asked: list[Request] = []
        self.unavailable: Exception | None = None

    async def plan(self, request: Request) -> AsyncIterator[Event]:
        self.asked.append(request)
        draft = Draft(request, self.max_steps)
        for stroke in self.script:
            if isinstance(stroke, Exception):
                raise stroke
            if isinstance(stroke, asyncio.Event):
                await stroke.wait()
            elif isinstance(stroke, Step):
                for ready in draft.add(stroke):
                    yield ready
            else:
                yield stroke
        draft.finish()

    async def ready(self) -> None:
        if self.unavailable is not None:
            raise self.unavailable


def step(id: int, task: str, dep: tuple[int, ...] = (), **args: str | list[str]) -> Step:
    return Step(task=task, id=id, dep=dep, args=args)
