"""The plans that are measured, and a planner that plans nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from controller.plan import Draft
from controller.schema import Request, Step


@dataclass(frozen=True)
class Shape:
    """A graph of equal steps. `needs`: by step, the ids of those it waits for; `depth`: its longest chain."""

    name: str
    needs: tuple[tuple[int, ...], ...]
    depth: int

    def steps(self, task: str) -> tuple[Step, ...]:
        return tuple(
            Step(task=task, id=i, args={"text": [f"<GENERATED>-{n}" for n in needs] or "A short text."})
            for i, needs in enumerate(self.needs)
        )


SINGLE = Shape("one step", ((),), 1)
CHAIN = Shape("chain of 3", ((), (0,), (1,)), 3)
PARALLEL = Shape("4 in parallel", ((), (), (), ()), 1)
DIAMOND = Shape("diamond", ((), (0,), (0,), (1, 2)), 3)
SHAPES = (SINGLE, CHAIN, PARALLEL, DIAMOND)


class FixedPlanner:
    """Plans at once what the request asks for: the name of a shape, a slash, and the task of its steps."""

    name = "fixed"

    async def plan(self, request: Request) -> AsyncIterator[Step]:
        named, task = request.text.split("/")
        shape = next(shape for shape in SHAPES if shape.name == named)
        draft = Draft(request, max_steps=len(shape.needs))
        for step in shape.steps(task):
            for released in draft.add(step):
                yield released
        draft.finish()

    async def ready(self) -> None:
        """Always."""
