"""`make bench`: deploys experts of fixed times on a private Ray cluster and prints what the controller adds.

Ratios are taken side by side in one run: what else the machine does falls on both sides. A missed target is
said, and is no failure.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence

import httpx2
from rich.console import Console

from cluster.bench.report import Section, summary
from cluster.private_ray import private_ray
from controller.settings import Settings, StoreSettings

_WIDTH = 110


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 0 once measured, 130 if interrupted."""
    parser = argparse.ArgumentParser(prog="python -m cluster.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    args = parser.parse_args(argv)
    console = Console(highlight=False)
    console.width = max(console.width, _WIDTH)
    console.print("starting a private Ray cluster")
    try:
        with private_ray() as ray:
            settings = Settings(store=StoreSettings(url=str(ray.folder / "store")), planner="embedded")
            asyncio.run(_measure(settings, args.quick, console))
    except KeyboardInterrupt:
        return 130
    return 0


async def _measure(settings: Settings, quick: bool, console: Console) -> None:
    # Imported here: Ray reads its environment when it is imported.
    from cluster.bench import latency, overlap, throughput, transfer
    from cluster.bench.service import start

    url = await asyncio.to_thread(start, settings)
    sections: list[Section] = []

    def show(section: Section) -> None:
        sections.append(section)
        console.print(section.table())

    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx2.AsyncClient(base_url=url, trust_env=False, timeout=60, limits=limits) as client:
        await latency.measure(client, rounds=1)  # warms up
        show(await latency.measure(client, rounds=4 if quick else 12))
        show(await throughput.measure(client, rounds=2 if quick else 4, seconds=2 if quick else 4))
        show(await overlap.measure(client, settings, rounds=3 if quick else 10))
    show(await transfer.measure(rounds=5 if quick else 20))
    summary(console, sections)


if __name__ == "__main__":
    raise SystemExit(main())
