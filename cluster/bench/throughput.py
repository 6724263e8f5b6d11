"""Requests per second of one-step requests, beside a bare application that calls the same expert."""

from __future__ import annotations

import asyncio
import time

import httpx2

from cluster.bench.experts import TIMED
from cluster.bench.latency import asked
from cluster.bench.plans import SINGLE
from cluster.bench.report import Section, Target
from cluster.bench.service import BARE, CONTROLLER

_TARGET = Target(0.6, at_least=True)
# {clients: requests per second of the original}
_ORIGINAL = {1: "7–9", 8: "13–23", 32: "14–24"}


async def measure(client: httpx2.AsyncClient, rounds: int, seconds: float) -> Section:
    """`seconds`: of one round of one side; the sides take turns."""
    section = Section(
        "One-step requests per second, 50 ms expert",
        ("clients", "controller", "bare application", "original"),
        f"{rounds} rounds of {seconds:g} s for each side, in turn.",
    )
    body = asked(SINGLE, TIMED[50])
    for clients in _ORIGINAL:
        ours = bare = 0.0
        for _ in range(rounds):
            ours += await _rate(client, CONTROLLER, body, clients, seconds)
            bare += await _rate(client, BARE, body, clients, seconds)
        section.add(
            str(clients),
            f"{ours / rounds:.1f}",
            f"{bare / rounds:.1f}",
            _ORIGINAL[clients],
            ratio=ours / bare,
            target=_TARGET,
        )
    return section


async def _rate(
    client: httpx2.AsyncClient, path: str, body: dict[str, object], clients: int, seconds: float
) -> float:
    """Answers per second to clients that each ask again once they are answered."""
    answered = 0
    began = time.perf_counter()

    async def ask_on() -> None:
        nonlocal answered
        while time.perf_counter() - began < seconds:
            reply = await client.post(path, json=body)
            reply.raise_for_status()
            answered += 1

    await asyncio.gather(*(ask_on() for _ in range(clients)))
    return answered / (time.perf_counter() - began)
