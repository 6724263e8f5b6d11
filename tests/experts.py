"""An expert for tests that does as the text of a call tells it; deployed like any other, by configuration.

"break" raises; "wait" says its process id through the pipe `called` and waits, the first time; "hang" does so
every time, and says through the pipe `cancelled` when it is stopped. Its model is the folder of the pipes.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ray import serve

from deployments.call import Call
from deployments.engine import BaseEngine
from deployments.expert import DEPLOYMENT, Expert
from deployments.identity import Identity
from deployments.values import Encoded, Output


class ToldEngine(BaseEngine):
    tasks = frozenset({"translation", "text2text-generation"})

    def __init__(self, identity: Identity) -> None:
        self._folder = Path(identity.model)
        self._stopped = threading.Event()

    def predict(self, task: str, inputs: Mapping[str, Any]) -> Output:
        text = inputs["text"]
        if text == "break":
            raise RuntimeError("told to break")
        waited = self._folder / "waited"
        if text == "hang" or (text == "wait" and not waited.exists()):
            if text == "wait":
                waited.touch()
            self._say("called", str(os.getpid()))
            self._stopped.wait()
            self._stopped.clear()
        return Output(text=f"told to {text}")

    def stopped(self) -> None:
        self._stopped.set()
        self._say("cancelled", str(os.getpid()))

    def _say(self, pipe: str, words: str) -> None:
        (self._folder / pipe).write_text(words)


class ToldExpert(Expert):
    def reconfigure(self, config: dict[str, Any]) -> None:
        self._identity = Identity.model_validate(config)
        self._engine: ToldEngine = ToldEngine(self._identity)
        self._thread = ThreadPoolExecutor(max_workers=1)

    async def run(self, call: Call, *upstream: Output | Encoded) -> Output:
        try:
            return await super().run(call, *upstream)
        except asyncio.CancelledError:
            self._engine.stopped()
            raise


def build(args: dict[str, Any]) -> serve.Application:
    user_config = Identity.model_validate(args).model_dump(mode="json")
    return serve.deployment(name=DEPLOYMENT, user_config=user_config)(ToldExpert).bind()
