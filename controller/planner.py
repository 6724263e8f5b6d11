"""Stage 1, task planning: what a planner is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from controller.schema import Request, Step


@dataclass(frozen=True)
class Drop:
    """Takes back an earlier step of the same plan: it is not wanted after all."""

    id: int


@dataclass(frozen=True)
class Seen:
    """A step of this task is being written; its expert may be woken meanwhile."""

    task: str


@dataclass(frozen=True)
class Fallback:
    """Another planner takes over, before any step was yielded; the reason is for the user."""

    reason: str


Event = Step | Drop | Seen | Fallback


class Planner(Protocol):
    """Yields a valid plan step by step (see `plan.Draft`), each step after those it depends on.

    A step may be started as soon as it is yielded. No step at all means conversation. Raises CannotPlan
    where the planner does not understand the request, PlanError where its plan is not valid.
    """

    name: str

    def plan(self, request: Request) -> AsyncIterator[Event]: ...

    async def ready(self) -> None:
        """Raises Unavailable while the planner cannot plan."""


async def collect(planner: Planner, request: Request) -> tuple[Step, ...]:
    """The whole plan."""
    steps: dict[int, Step] = {}
    async for event in planner.plan(request):
        if isinstance(event, Drop):
            del steps[event.id]
        elif isinstance(event, Step):
            steps[event.id] = event
    return tuple(steps.values())
