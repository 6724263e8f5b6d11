"""What a hop costs that carries 10 MB from one expert to another, by reference and by value."""

from __future__ import annotations

import time
from statistics import median

import psutil
from ray import serve

from cluster.bench.experts import PAINTED, VIEWED, painter, viewer
from cluster.bench.report import Section
from cluster.bench.service import deploy
from controller.ray_fleet import RayFleet
from deployments.call import Call, Slot

_PAINT = Call(task=PAINTED, args={"text": (("A large picture.",),)}, request_id="bench", step=0)
_VIEW = Call(task=VIEWED, args={"image": ((Slot(0),),)}, request_id="bench", step=1)
_MB = 1e6


class Mover:
    """Stands where the controller does: calls an expert, waits, and calls the next with what it gave."""

    def __init__(self, by_reference: bool) -> None:
        self._by_reference = by_reference
        self._fleet = RayFleet()

    async def move(self) -> float:
        """Milliseconds of the second call, which carries the array."""
        experts = {expert.identity.tasks[0]: expert for expert in await self._fleet.experts()}
        painting = self._fleet.call(experts[PAINTED], _PAINT, ())
        painted = await painting.output()
        began = time.perf_counter()
        viewing = self._fleet.call(experts[VIEWED], _VIEW, (painting if self._by_reference else painted,))
        await viewing.output()
        return (time.perf_counter() - began) * 1000

    async def memory(self) -> tuple[float, float]:
        """Megabytes of this process: resident, and its own alone."""
        memory = psutil.Process().memory_full_info()
        return memory.rss / _MB, memory.uss / _MB


async def measure(rounds: int) -> Section:
    section = Section(
        "A hop that carries 10 MB between two experts",
        ("sent", "median ms", "caller's memory, resident MB", "own MB"),
        f"{rounds} hops each, in turn; growth of the process that calls, over all of its hops.",
    )
    deployment = serve.deployment(name="Mover", ray_actor_options={"num_cpus": 0})
    ways = {"by reference": True, "by value": False}
    deploy({"painter": (None, painter()), "viewer": (None, viewer())})
    deploy({way: (None, deployment(Mover).bind(by_reference)) for way, by_reference in ways.items()})
    movers = {way: serve.get_app_handle(way) for way in ways}
    before: dict[str, tuple[float, float]] = {}
    took: dict[str, list[float]] = {way: [] for way in ways}
    for way, mover in movers.items():
        await mover.move.remote()
        before[way] = await mover.memory.remote()
    for _ in range(rounds):
        for way, mover in movers.items():
            took[way].append(await mover.move.remote())
    least = median(took["by value"])
    for way, mover in movers.items():
        resident, own = (
            now - then for now, then in zip(await mover.memory.remote(), before[way], strict=True)
        )
        section.add(
            way,
            f"{median(took[way]):.1f}",
            f"{resident:+.1f}",
            f"{own:+.1f}",
            ratio=median(took[way]) / least,
        )
    return section
