"""What it gains to run a plan while it is written, with a language model and experts of fixed speed."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from statistics import median

import httpx2
from fastapi import FastAPI
from ray import serve

from cluster.bench.experts import TIMED
from cluster.bench.latency import timed
from cluster.bench.paced_llm import PACE_S, PacedLLM
from cluster.bench.plans import CHAIN, DIAMOND, PARALLEL, SHAPES, SINGLE, Shape
from cluster.bench.report import Section, Target
from cluster.bench.service import OPTIONS, deploy, name
from controller.app import pipeline
from controller.fleet import Expert, Fleet, Pending, Upstream
from controller.ingress import create_app
from controller.planner import Planner, collect
from controller.ray_fleet import RayFleet
from controller.schema import Request, Step
from controller.selector import Choice, Selector
from controller.settings import Settings
from deployments.call import Call

_MS = 300
_TARGET = Target(1.05)
_WAYS = {"overlapped": True, "in-order": False}
# The original's, with 200 ms for each call of the language model and 300 ms models, over its bounds.
_ORIGINAL = {SINGLE: "963/900", CHAIN: "2964/1500", PARALLEL: "1033/900", DIAMOND: "2987/1500"}


@serve.ingress()
class LLMController:
    """The controller as it is deployed; where not `overlapped`, in the original's order."""

    def __init__(self, settings: Settings, overlapped: bool) -> None:
        self._pipeline = stages = pipeline(settings, RayFleet())
        if not overlapped:
            stages.planner = WholePlan(stages.planner)
            stages.selector = stages.fleet = InOrder(stages.selector, stages.fleet)

    def __serve_build_asgi_app__(self) -> FastAPI:
        return create_app(self._pipeline)


class WholePlan:
    """Nothing starts before the plan is complete."""

    def __init__(self, planner: Planner) -> None:
        self.name = planner.name
        self.ready = planner.ready
        self._planner = planner

    async def plan(self, request: Request) -> AsyncIterator[Step]:
        for step in await collect(self._planner, request):
            yield step


class InOrder:
    """A selector and a fleet: the expert of a step is chosen only once its inputs are there."""

    def __init__(self, selector: Selector, fleet: Fleet) -> None:
        self._selector = selector
        self._fleet = fleet
        self.experts = fleet.experts
        self.warm = fleet.warm
        # {(request, step): set once the step's output is there}
        self._done: defaultdict[tuple[str, int], asyncio.Event] = defaultdict(asyncio.Event)
        self._watching: set[asyncio.Task[None]] = set()

    async def select(self, request: Request, step: Step, candidates: Sequence[Expert]) -> Choice:
        for needed in step.dep:
            await self._done[request.id, needed].wait()
        return await self._selector.select(request, step, candidates)

    def call(self, expert: Expert, call: Call, upstream: Sequence[Upstream]) -> Pending:
        pending = self._fleet.call(expert, call, upstream)
        watching = asyncio.create_task(self._watch(pending, self._done[call.request_id, call.step]))
        self._watching.add(watching)
        watching.add_done_callback(self._watching.discard)
        return pending

    async def _watch(self, pending: Pending, done: asyncio.Event) -> None:
        await pending.output()
        done.set()


async def measure(client: httpx2.AsyncClient, settings: Settings, rounds: int) -> Section:
    """`settings`: without a language model; this one's is added."""
    section = Section(
        "A plan that runs while it is written",
        ("plan", "bound ms", "median ms", "original's order ms", "original ms/bound"),
        f"Median of {rounds} requests each, in turn. The language model writes a token each "
        f"{PACE_S * 1000:g} ms, the experts take {_MS} ms. The bound is what plan, choices and answer allow.",
    )
    llm = PacedLLM(TIMED[_MS], name(_MS))
    async with llm.serve() as endpoint:
        settings = settings.model_copy(update={"planner": "llm", "llm": endpoint})
        deployment = serve.deployment(name="Controller", **OPTIONS)(LLMController)
        apps = {way: (f"/{way}", deployment.bind(settings, overlapped)) for way, overlapped in _WAYS.items()}
        await asyncio.to_thread(deploy, apps)
        took: dict[tuple[Shape, str], list[float]] = defaultdict(list)
        for number in range(1 + rounds):
            for shape in SHAPES:
                for way in _WAYS:
                    milliseconds = await timed(client, f"/{way}/v1/chat/completions", shape, TIMED[_MS])
                    if number:  # the first warms up
                        took[shape, way].append(milliseconds)
    for shape in SHAPES:
        ours, in_order = (median(took[shape, way]) for way in _WAYS)
        least = llm.bound(shape, _MS / 1000) * 1000
        section.add(
            shape.name,
            f"{least:.0f}",
            f"{ours:.0f}",
            f"{in_order:.0f}",
            _ORIGINAL[shape],
            ratio=ours / least,
            target=_TARGET,
        )
    return section
