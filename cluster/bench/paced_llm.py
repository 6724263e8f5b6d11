"""A language model that answers fixed plans at a fixed rate, over OpenAI's protocol on 127.0.0.1."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import accumulate
from typing import Any

from cluster.bench.plans import SHAPES, Shape
from controller.settings import LLMSettings, Stage

# Seconds from one token to the next, and characters of a token.
PACE_S = 0.01
TOKEN = 4

# Each stage asks for a model of its own, so that the server knows what is wanted.
_MODELS: dict[Stage, str] = {
    "plan": "planner",
    "select": "selector",
    "execute": "worker",
    "respond": "writer",
}
_ANSWER = "The text has been translated; it says what the original says, in short words."


class PacedLLM:
    """Plans the shape that the request names, of steps of one task; selects one expert; gives one answer."""

    def __init__(self, task: str, expert: str) -> None:
        self._plans = {shape: _plan(shape, task) for shape in SHAPES}
        self._selection = json.dumps({"id": expert, "reason": "It translates short texts well, and it runs."})
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[LLMSettings]:
        """Runs on this event loop; yields how to reach it."""
        async with await asyncio.start_server(self._connected, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            yield LLMSettings(base_url=f"http://127.0.0.1:{port}/v1", model="paced", models=_MODELS)
            for writer in self._connections.values():
                writer.close()
            await asyncio.gather(*self._connections)

    def bound(self, shape: Shape, expert_s: float) -> float:
        """Seconds a request takes at least: each part starts once what it needs is there, and nothing else
        takes time."""
        written = [_seconds(text) for text in accumulate(self._plans[shape])]
        finished: list[float] = []
        for needs, complete in zip(shape.needs, written, strict=False):
            chosen = complete + _seconds(self._selection)
            finished.append(max([chosen, *(finished[i] for i in needs)]) + expert_s)
        return max([*finished, written[-1]]) + _seconds(_ANSWER)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None
        self._connections[task] = writer
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                began = loop.time()
                fields = dict(line.split(": ", 1) for line in head.decode().lower().splitlines()[1:] if line)
                request = json.loads(await reader.readexactly(int(fields["content-length"])))
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n")
                writer.write(b"Transfer-Encoding: chunked\r\n\r\n")
                text = self._text(request)
                for number, start in enumerate(range(0, len(text), TOKEN), 1):
                    # By the clock rather than from token to token: delays must not add up.
                    await asyncio.sleep(began + number * PACE_S - loop.time())
                    writer.write(_event(_delta({"content": text[start : start + TOKEN]})))
                writer.write(_event(_delta({}, "stop")) + _chunk(b"data: [DONE]\n\n") + _chunk(b""))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()  # the client has left
        finally:
            del self._connections[task]

    def _text(self, request: dict[str, Any]) -> str:
        stage = next(stage for stage, model in _MODELS.items() if model == request["model"])
        if stage == "plan":
            asked = request["messages"][-1]["content"]
            return "".join(next(plan for shape, plan in self._plans.items() if shape.name in asked))
        return self._selection if stage == "select" else _ANSWER


def _plan(shape: Shape, task: str) -> list[str]:
    """The text of a plan, cut where a step is complete; the last part closes the plan."""
    steps = [json.dumps(step.model_dump()) for step in shape.steps(task)]
    return ['{"tasks": [' + steps[0], *(f", {step}" for step in steps[1:]), "]}"]


def _seconds(text: str) -> float:
    """How long it takes until the last token of this text is sent."""
    return -(-len(text) // TOKEN) * PACE_S


def _delta(delta: dict[str, str], finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "x", "object": "chat.completion.chunk", "created": 0, "model": "x", "choices": [choice]}


def _event(value: dict[str, Any]) -> bytes:
    return _chunk(f"data: {json.dumps(value)}\n\n".encode())


def _chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"
