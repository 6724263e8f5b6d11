"""Stage 1 by a language model: the plan is run while it is still being written.

The plan streams in. Each step is checked and yielded the moment its JSON object is complete. A plan that is
not valid goes back to the model once, with what was wrong; steps that were already yielded stay where the
corrected plan still has them.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from controller import prompts
from controller.errors import LLMError, PlanError
from controller.llm import LLM, Message
from controller.partial import Named, Scanner, parsed
from controller.plan import Draft, renumbered
from controller.planner import Drop, Event, Fallback, Planner, Seen
from controller.schema import Request, Step
from deployments.task import tasks

# Names of the tasks that have an expert now.
Available = Callable[[], Awaitable[Sequence[str]]]

# A plan with more faults is not read to its end.
_MOST_FAULTS = 5


class LLMPlanner:
    def __init__(self, llm: LLM, available: Available, max_steps: int) -> None:
        self.name = llm.model("plan")
        self._llm = llm
        self._available = available
        self._max_steps = max_steps

    async def plan(self, request: Request) -> AsyncGenerator[Event, None]:
        """Raises LLMError, PlanError, TooLarge."""
        available = await self._available()
        if not available:
            return
        messages = prompts.planning(request, available, self._llm.context_length)
        schema = prompts.plan_schema(available)
        first = _Attempt(Draft(request, self._max_steps), _Yielded())
        async with aclosing(self._read(first, messages, schema)) as events:
            async for event in events:
                yield event
        if not first.faults:
            return
        messages += [{"role": "assistant", "content": first.text}, prompts.correction(first.faults)]
        second = _Attempt(Draft(request, self._max_steps), _Yielded(first.yielded.steps))
        async with aclosing(self._read(second, messages, schema)) as events:
            async for event in events:
                yield event
        if second.faults:
            raise PlanError(f"no valid plan was found, in two attempts: {'; '.join(second.faults)}")
        for step in second.yielded.unwanted():
            yield Drop(step.id)

    async def ready(self) -> None:
        """Always: asking the endpoint would cost a call, and the first request tells as much."""

    async def _read(
        self, attempt: _Attempt, messages: Sequence[Message], schema: Mapping[str, Any]
    ) -> AsyncGenerator[Event, None]:
        async with aclosing(self._llm.stream("plan", messages, schema)) as pieces:
            async for piece in pieces:
                for event in attempt.feed(piece):
                    yield event
                if len(attempt.faults) >= _MOST_FAULTS:
                    return
        attempt.finish()


class AutoPlanner:
    """The LLM's plan; the embedded planner's where the LLM fails before it has planned anything."""

    def __init__(self, llm: Planner, embedded: Planner) -> None:
        self.name = llm.name
        self._llm = llm
        self._embedded = embedded

    async def plan(self, request: Request) -> AsyncGenerator[Event, None]:
        """Raises LLMError where the LLM fails when steps already run, and what the planners raise."""
        under_way = False
        try:
            async for event in self._llm.plan(request):
                under_way = under_way or isinstance(event, Step)
                yield event
            return
        except LLMError as error:
            if under_way:
                raise
            reason = error.message
        yield Fallback(f"{reason}. Planned without it, by the {self._embedded.name} planner.")
        async for event in self._embedded.plan(request):
            yield event

    async def ready(self) -> None:
        """Raises Unavailable while the LLM's planner cannot plan."""
        await self._llm.ready()


class _Yielded:
    """The steps that have been yielded, under the ids they were yielded with."""

    def __init__(self, before: Iterable[Step] = ()) -> None:
        self.steps = list(before)
        self._unclaimed = list(before)
        # {id in the plan being read: id it was yielded with}
        self._ids: dict[int, int] = {}

    def admit(self, step: Step) -> Step | None:
        """The step under an id of its own; None where an earlier attempt has yielded the same already."""
        wanted = renumbered(step, self._ids)
        for same in self._unclaimed:
            if (same.task, same.args) == (wanted.task, wanted.args) and set(same.dep) <= set(wanted.dep):
                self._unclaimed.remove(same)
                self._ids[step.id] = same.id
                return None
        taken = {known.id for known in self.steps}
        own_id = step.id if step.id not in taken else max(taken) + 1
        self._ids[step.id] = own_id
        self.steps.append(wanted.model_copy(update={"id": own_id}))
        return self.steps[-1]

    def unwanted(self) -> list[Step]:
        """Steps of an earlier attempt that the plan no longer has, each before those it needs."""
        return self._unclaimed[::-1]


class _Attempt:
    """One plan as the model writes it."""

    def __init__(self, draft: Draft, yielded: _Yielded) -> None:
        self.text = ""
        self.faults: list[str] = []
        self.yielded = yielded
        self._draft = draft
        self._scanner = Scanner(key="task")

    def feed(self, piece: str) -> list[Event]:
        self.text += piece
        events: list[Event] = []
        for found in self._scanner.feed(piece):
            if not isinstance(found, Named):
                events += self._add(found)
            elif found.value in tasks():
                events.append(Seen(found.value))
        return events

    def finish(self) -> None:
        try:
            self._scanner.finish()
            # References to a step that was at fault dangle; that is no fault of their own.
            if not self.faults:
                self._draft.finish()
        except PlanError as error:
            self.faults.append(error.message)

    def _add(self, text: str) -> list[Step]:
        try:
            released = self._draft.add(_step(parsed(text)))
        except PlanError as error:
            self.faults.append(error.message)
            return []
        # Nothing more is started of a plan that must be corrected.
        return [] if self.faults else [s for step in released if (s := self.yielded.admit(step)) is not None]


class _Written(BaseModel):
    """A step as models write it: ids as text, a single dep, dep -1, numbers and nulls among the arguments."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    task: str
    id: int = Field(ge=0)
    dep: list[int] = []
    args: dict[str, str | list[str]]

    @field_validator("dep", mode="before")
    @classmethod
    def _listed(cls, dep: Any) -> Any:
        return dep if isinstance(dep, list) else [] if dep is None else [dep]

    @field_validator("args", mode="before")
    @classmethod
    def _given(cls, args: Any) -> Any:
        return {k: v for k, v in args.items() if v is not None} if isinstance(args, dict) else args


def _step(raw: dict[str, Any]) -> Step:
    try:
        written = _Written.model_validate(raw)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:3])
        raise PlanError(f"step {raw.get('id', '?')}: {wrong}") from None
    needed = tuple(i for i in written.dep if i >= 0)
    return Step(task=written.task, id=written.id, dep=needed, args=written.args)
