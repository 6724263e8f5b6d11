"""Scheduling overhead: end-to-end time over the critical path, one request at a time."""

from __future__ import annotations

import time
from statistics import median

import httpx2

from cluster.bench.experts import TIMED
from cluster.bench.plans import CHAIN, DIAMOND, PARALLEL, SHAPES, SINGLE, Shape
from cluster.bench.report import Section, Target
from cluster.bench.service import BARE, CONTROLLER

# {milliseconds: {shape: at most this, end to end over the critical path}}
_TARGETS = {50: {CHAIN: Target(1.35)}, 300: dict.fromkeys(SHAPES, Target(1.05))}
# The original's, with the same shapes and an LLM that takes no time.
_ORIGINAL = {300: {SINGLE: "1.21", CHAIN: "1.52", PARALLEL: "1.40–1.67", DIAMOND: "1.52"}}


async def measure(client: httpx2.AsyncClient, rounds: int) -> Section:
    section = Section(
        "End to end over the critical path",
        ("plan", "expert ms", "critical path ms", "median ms", "original"),
        f"Median of {rounds} requests each, in turn, over one connection. Bare is FastAPI and one call of "
        "the same expert's handle.",
    )
    took: dict[tuple[int, Shape | None], list[float]] = {}
    for _ in range(rounds):
        for ms, task in TIMED.items():
            took.setdefault((ms, None), []).append(await timed(client, BARE, SINGLE, task))
            for shape in SHAPES:
                took.setdefault((ms, shape), []).append(await timed(client, CONTROLLER, shape, task))
    for (ms, plan), times in took.items():
        bound = ms * (plan.depth if plan else 1)
        section.add(
            plan.name if plan else "(bare)",
            str(ms),
            str(bound),
            f"{median(times):.0f}",
            _ORIGINAL.get(ms, {}).get(plan, "") if plan else "",
            ratio=median(times) / bound,
            target=_TARGETS.get(ms, {}).get(plan) if plan else None,
        )
    return section


async def timed(client: httpx2.AsyncClient, path: str, shape: Shape, task: str) -> float:
    """Milliseconds from sending a request to its whole answer."""
    began = time.perf_counter()
    reply = await client.post(path, json=asked(shape, task))
    took = (time.perf_counter() - began) * 1000
    reply.raise_for_status()
    return took


def asked(shape: Shape, task: str) -> dict[str, object]:
    """The body of a request; `FixedPlanner` reads it."""
    return {"model": "hugginggpt", "messages": [{"role": "user", "content": f"{shape.name}/{task}"}]}
