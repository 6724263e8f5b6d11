"""An OpenAI-compatible endpoint on 127.0.0.1 that says what a test tells it to, and fails on demand.

It runs on a thread of its own, so async tests, Ray replicas and other processes all reach it:

    with FakeLLM() as fake:
        fake.plan(Reply('{"tasks": []}'))
        llm = fake.llm()
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal

from pydantic import SecretStr

from controller.llm import LLM
from controller.settings import LLMSettings, Stage

MODELS: dict[Stage, str] = {
    "plan": "planner",
    "select": "selector",
    "execute": "worker",
    "respond": "writer",
}


class Gate:
    """Closed until `open()`, which any thread may call."""

    def __init__(self) -> None:
        self._opened = threading.Event()
        self._waiters: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
        self._lock = threading.Lock()

    def open(self) -> None:
        with self._lock:
            self._opened.set()
            for loop, event in self._waiters:
                loop.call_soon_threadsafe(event.set)

    async def wait(self) -> None:
        event = asyncio.Event()
        with self._lock:
            if self._opened.is_set():
                return
            self._waiters.append((asyncio.get_running_loop(), event))
        await event.wait()


@dataclass
class Reply:
    """One completion, sent in chunks of `size` characters, `pace` seconds apart.

    gates: {number of chunk: opened before it is sent}. cut: the connection drops after so many chunks.
    """

    text: str = ""
    size: int = 8
    pace: float = 0.0
    gates: Mapping[int, Gate] = field(default_factory=dict)
    finish: str | None = "stop"
    refusal: str | None = None
    cut: int | None = None

    def chunks(self) -> list[str]:
        return [self.text[i : i + self.size] for i in range(0, len(self.text), self.size)]


@dataclass
class Fault:
    """An answer with an error status, OpenAI's error body unless another is given."""

    status: int
    message: str = "told to fail"
    headers: Mapping[str, str] = field(default_factory=dict)
    param: str | None = None


class Hang:
    """Nothing is answered, until the client gives up."""


Script = Reply | Fault | Hang


class FakeLLM:
    """Replies are taken in turn, per stage; a request that none is left for is answered 418.

    requests: the bodies received. sent: chunks of text sent, over all replies. left: opened when a client
    hangs up before its reply is through.
    """

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.sent = 0
        self.left = Gate()
        self.url = ""
        self._scripts: dict[str, deque[Script]] = defaultdict(deque)
        # Opened once a model was asked so often.
        self._awaited: list[tuple[str, int, Gate]] = []
        # What a model answers once its script has run out.
        self._always: dict[str, Script] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fake llm", daemon=True)

    def __enter__(self) -> FakeLLM:
        self._thread.start()
        start = asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._server = asyncio.run_coroutine_threadsafe(start, self._loop).result()
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/v1"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _stop(self) -> None:
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def plan(self, *replies: Script) -> None:
        self.script("plan", *replies)

    def select(self, *replies: Script) -> None:
        self.script("select", *replies)

    def execute(self, *replies: Script) -> None:
        self.script("execute", *replies)

    def respond(self, *replies: Script) -> None:
        self.script("respond", *replies)

    def script(self, stage: Stage, *replies: Script) -> None:
        self._scripts[MODELS[stage]].extend(replies)

    def always(self, stage: Stage, reply: Script) -> None:
        self._always[MODELS[stage]] = reply

    def asked(self, stage: Stage) -> list[dict[str, Any]]:
        """The requests of one stage."""
        return [request for request in self.requests if request["model"] == MODELS[stage]]

    async def until_asked(self, stage: Stage, times: int = 1) -> None:
        """Wait for a request of a stage, or for so many."""
        gate = Gate()
        self._awaited.append((MODELS[stage], times, gate))
        self._tell()
        async with asyncio.timeout(10):
            await gate.wait()

    def _tell(self) -> None:
        for model, times, gate in self._awaited:
            if sum(request["model"] == model for request in self.requests) >= times:
                gate.open()

    def settings(self, **changes: Any) -> LLMSettings:
        values = {"base_url": self.url, "model": "main", "models": MODELS, "max_retries": 0, **changes}
        return LLMSettings.model_validate(values)

    def llm(self, **changes: Any) -> LLM:
        return LLM(self.settings(**changes), SecretStr("sk-test"))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answering: asyncio.Task[None] | None = None
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            headers = dict(line.split(": ", 1) for line in head.splitlines()[1:] if line)
            request = json.loads(await reader.readexactly(int(headers["content-length"])))
            request["headers"] = headers
            self.requests.append(request)
            self._tell()
            answering = asyncio.create_task(self._answer(request, writer))
            closed = asyncio.create_task(reader.read(1))
            await asyncio.wait([answering, closed], return_when=asyncio.FIRST_COMPLETED)
            if not answering.done():
                self.left.open()
            closed.cancel()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            if answering is not None:
                answering.cancel()
                await asyncio.gather(answering, return_exceptions=True)
            writer.close()

    async def _answer(self, request: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        scripts = self._scripts[request["model"]]
        script = (
            scripts.popleft() if scripts else self._always.get(request["model"], Fault(418, "no script left"))
        )
        match script:
            case Hang():
                await Gate().wait()
            case Fault():
                error = {"message": script.message, "type": "error", "param": script.param, "code": None}
                body = json.dumps({"error": error}).encode()
                headers = {
                    "Content-Type": "application/json",
                    "Content-Length": str(len(body)),
                    **script.headers,
                }
                writer.write(_head(script.status, headers) + body)
                await writer.drain()
            case Reply():
                await self._stream(script, request, writer)

    async def _stream(self, reply: Reply, request: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        writer.write(_head(200, {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"}))
        chunks: Sequence[str] = reply.chunks()
        for number, text in enumerate(chunks):
            if reply.cut == number:
                return
            if number in reply.gates:
                await reply.gates[number].wait()
            if reply.pace:
                await asyncio.sleep(reply.pace)
            self.sent += 1
            await _event(writer, _delta({"content": text}))
        if reply.cut is not None:
            return
        if reply.refusal is not None:
            await _event(writer, _delta({"refusal": reply.refusal}))
        await _event(writer, _delta({}, reply.finish))
        if request.get("stream_options", {}).get("include_usage"):
            usage = {
                "prompt_tokens": 100,
                "completion_tokens": len(chunks),
                "total_tokens": 100 + len(chunks),
            }
            await _event(writer, {**_delta({}), "choices": [], "usage": usage})
        await _event(writer, "[DONE]")
        writer.write(b"0\r\n\r\n")
        await writer.drain()


def _delta(delta: dict[str, str], finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "fake", "choices": [choice]}


async def _event(writer: asyncio.StreamWriter, value: dict[str, Any] | Literal["[DONE]"]) -> None:
    text = value if isinstance(value, str) else json.dumps(value)
    line = f"data: {text}\n\n".encode()
    writer.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
    await writer.drain()


def _head(status: int, headers: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} Status", "Connection: close", *(f"{k}: {v}" for k, v in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()
