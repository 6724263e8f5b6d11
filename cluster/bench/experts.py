"""Experts without a model: they take a fixed time, or hand on an array of a fixed size."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
from ray import serve

from deployments.call import Call, bind
from deployments.expert import DEPLOYMENT, Expert
from deployments.identity import Identity
from deployments.task import tasks
from deployments.values import Encoded, Image, Output

# {milliseconds: the task that an expert of this latency serves}
TIMED = {50: "summarization", 300: "translation", 510: "text-generation"}
PAINTED, VIEWED = "text-to-image", "image-to-text"
# Pixels of 3 bytes: 10 MB.
_HEIGHT, _WIDTH = 2000, 1667


class TimedExpert(Expert):
    """Gives its text back after the milliseconds that its identity's `revision` says."""

    def reconfigure(self, config: dict[str, Any]) -> None:
        self._seconds = int(Identity.model_validate(config).revision or 0) / 1000

    async def run(self, call: Call, *upstream: Output | Encoded) -> Output:
        text = bind(tasks()[call.task], call, upstream)["text"]
        await asyncio.sleep(self._seconds)
        return Output(text=text)


class Painter(Expert):
    """Gives an image of 10 MB."""

    def reconfigure(self, config: dict[str, Any]) -> None:
        self._image = Image(np.zeros((_HEIGHT, _WIDTH, 3), np.uint8))

    async def run(self, call: Call, *upstream: Output | Encoded) -> Output:
        return Output(image=self._image)


class Viewer(Expert):
    """Takes an image and tells its size."""

    def reconfigure(self, config: dict[str, Any]) -> None:
        """Nothing to load."""

    async def run(self, call: Call, *upstream: Output | Encoded) -> Output:
        image = bind(tasks()[call.task], call, upstream)["image"]
        return Output(text=f"{image.pixels.nbytes} bytes")


def timed(milliseconds: int, task: str) -> serve.Application:
    return _application(TimedExpert, task, str(milliseconds))


def painter() -> serve.Application:
    return _application(Painter, PAINTED)


def viewer() -> serve.Application:
    return _application(Viewer, VIEWED)


def _application(kind: type[Expert], task: str, revision: str = "1") -> serve.Application:
    """An application that the controller finds as it finds any expert; it is never what is waited for."""
    identity = Identity(
        engine="transformers",  # one of the known; none is loaded
        model=f"bench/{kind.__name__}",
        revision=revision,
        tasks=(task,),
        description="No model; part of the benchmark.",
        license="Apache-2.0",
    )
    deployment = serve.deployment(
        name=DEPLOYMENT,
        user_config=identity.model_dump(mode="json"),
        max_ongoing_requests=1000,
        ray_actor_options={"num_cpus": 0},
    )
    return deployment(kind).bind()
