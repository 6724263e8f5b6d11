"""The HTTP interface: OpenAI's endpoints, the service's own, and the original's."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import secrets
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from controller import openai_api, original_api
from controller.conversation import Conversation
from controller.errors import (
    AllStepsFailed,
    Busy,
    CannotPlan,
    HuggingGPTError,
    RequestError,
    TooLarge,
    Unavailable,
)
from controller.intake import Budget
from controller.pipeline import Event, Pipeline
from controller.schema import Request as Asked
from controller.schema import Run

logger = logging.getLogger("ray.serve")

_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
# A base64 body is a third longer than the files in it; the rest is room for the words around them.
_BODY_FACTOR, _BODY_SPARE = 4 / 3, 1_000_000
_READY_TIMEOUT_S = 5.0


def create_app(pipeline: Pipeline) -> FastAPI:
    """The ASGI application in front of one pipeline."""
    app = FastAPI(title="HuggingGPT", docs_url=None, redoc_url=None)
    app.include_router(_Routes(pipeline).router)
    limits = pipeline.settings.limits
    app.add_middleware(_BodyLimit, max_bytes=int(limits.request_bytes * _BODY_FACTOR) + _BODY_SPARE)
    app.add_exception_handler(HuggingGPTError, _on_error)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_error)
    return app


class _Routes:
    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._store = pipeline.store
        max_chars = pipeline.settings.limits.text_chars
        self._conversation = Conversation(pipeline.store, pipeline.intake, max_chars)
        self._running = 0
        self.router = router = APIRouter()
        router.post("/v1/chat/completions")(self.chat)
        router.get("/v1/models")(self.models)
        router.get("/v1/models/{model}")(self.model)
        router.post("/v1/files")(self.upload)
        router.get("/v1/files")(self.files)
        router.get("/v1/files/{file_id}")(self.file)
        router.delete("/v1/files/{file_id}")(self.delete)
        router.get("/v1/files/{file_id}/content")(self.content)
        router.get("/v1/experts")(self.experts)
        router.get("/healthz")(self.healthz)
        router.post("/tasks")(self.tasks)
        router.post("/results")(self.results)
        router.post("/hugginggpt")(self.hugginggpt)

    async def chat(self, http: Request) -> Response:
        body = await _body(http)
        openai_api.check_model(body.get("model"))
        if body.get("n") not in (None, 1):
            raise RequestError("`n` must be 1: a request is carried out once", "n")
        if not body.get("stream"):
            return JSONResponse(openai_api.completion(await self._run(http, body)))
        self._check_room()
        budget = Budget(self._pipeline.settings.limits)
        asked = await self._conversation.read(body.get("messages"), _id(http), budget)
        return StreamingResponse(self._stream(asked, http, budget), media_type="text/event-stream")

    async def models(self) -> dict[str, Any]:
        return {"object": "list", "data": [openai_api.model()]}

    async def model(self, model: str) -> dict[str, Any]:
        openai_api.check_model(model)
        return openai_api.model()

    async def upload(self, http: Request) -> dict[str, Any]:
        async with http.form() as form:
            file = form.get("file")
            if not isinstance(file, UploadFile):
                raise RequestError("a multipart form with a `file` is needed", "file")
            return openai_api.file(await self._pipeline.intake.upload(await file.read(), file.filename))

    async def files(self) -> dict[str, Any]:
        data = [openai_api.file(stored) for stored in await self._store.list()]
        return {"object": "list", "data": data, "has_more": False}

    async def file(self, file_id: str) -> dict[str, Any]:
        return openai_api.file(await self._store.get(file_id))

    async def delete(self, file_id: str) -> dict[str, Any]:
        await self._store.delete(file_id)
        return {"id": file_id, "object": "file", "deleted": True}

    async def content(self, file_id: str) -> Response:
        stored = await self._store.get(file_id)
        # The bytes are a stranger's: a browser may show pictures and play sound, and run nothing.
        headers = {
            "x-content-type-options": "nosniff",
            "content-security-policy": "sandbox; default-src 'none'",
        }
        if stored.kind == "text":
            headers["content-disposition"] = "attachment"
        return Response(await self._store.read(file_id), media_type=stored.media_type, headers=headers)

    async def experts(self) -> dict[str, Any]:
        experts = await self._pipeline.fleet.experts()
        data = [expert.model_dump(mode="json") | {"where": expert.where()} for expert in experts]
        return {"object": "list", "data": data}

    async def healthz(self) -> dict[str, Any]:
        """200 once the service can plan and has an expert to send a step to."""
        try:
            async with asyncio.timeout(_READY_TIMEOUT_S):
                experts = await self._pipeline.ready()
        except TimeoutError:
            raise Unavailable("the planner does not answer") from None
        return {"status": "ok", "experts": {expert.name: expert.health for expert in experts}}

    async def tasks(self, http: Request) -> Response:
        body = await _body(http)
        asked = await self._conversation.sketch(body.get("messages"), _id(http))
        try:
            return JSONResponse(original_api.tasks(await self._pipeline.plan(asked)))
        except CannotPlan as error:
            # The original's clients expect a list, whatever happens; why it is empty goes beside it.
            note = error.message.encode("ascii", "replace").decode().replace("\n", " ")
            return JSONResponse([], headers={"x-hugginggpt-note": note})

    async def results(self, http: Request) -> dict[str, Any]:
        return original_api.results(await self._run(http, await _body(http)))

    async def hugginggpt(self, http: Request) -> dict[str, Any]:
        return original_api.message(await self._run(http, await _body(http)))

    async def _run(self, http: Request, body: dict[str, Any]) -> Run:
        self._check_room()
        budget = Budget(self._pipeline.settings.limits)
        asked = await self._conversation.read(body.get("messages"), _id(http), budget)
        async with aclosing(self._events(asked, http, budget)) as events:
            async for event in events:
                if isinstance(event, Run):
                    return event
        raise AssertionError("a pipeline ends with its record")

    async def _stream(self, asked: Asked, http: Request, budget: Budget) -> AsyncIterator[str]:
        stream = openai_api.Stream(asked.id)
        yield stream.start()
        try:
            async with aclosing(self._events(asked, http, budget)) as events:
                async for event in events:
                    yield stream.event(event)
        except Exception as error:
            # The status line is gone; OpenAI's clients raise on an error in the stream.
            yield stream.error(_known(error, asked.id).body())
            return
        yield stream.end()

    async def _events(self, asked: Asked, http: Request, budget: Budget) -> AsyncGenerator[Event]:
        base = (self._pipeline.settings.public_url or str(http.base_url)).rstrip("/")
        self._running += 1
        try:
            run = self._pipeline.run(asked, lambda file_id: f"{base}/v1/files/{file_id}/content", budget)
            async with aclosing(run) as events:
                async for event in events:
                    yield event
        finally:
            self._running -= 1

    def _check_room(self) -> None:
        if self._running >= self._pipeline.settings.max_requests:
            raise Busy("the service is working on as many requests as it can; try again shortly")


class _BodyLimit:
    """Refuses a body that is larger than any request may be, before it is read whole."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        got = 0

        async def limited() -> Message:
            nonlocal got
            message = await receive()
            got += len(message.get("body", b""))
            if got > self._max_bytes:
                raise TooLarge(f"a request may have {self._max_bytes:,} bytes")
            return message

        await self._app(scope, limited if scope["type"] == "http" else receive, send)


async def _body(http: Request) -> dict[str, Any]:
    try:
        body = json.loads(await http.body())
    except (ValueError, RecursionError):
        raise RequestError("the body is not JSON, or nested too deeply") from None
    if not isinstance(body, dict):
        raise RequestError("the body must be a JSON object")
    return body


def _id(http: Request) -> str:
    """Serve's id of this request, which it also puts in the reply's header and its logs."""
    given = http.headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(16)


def _known(error: Exception, request_id: str) -> HuggingGPTError:
    """The error for the user; what is not one of ours is logged and told without its inside."""
    if isinstance(error, HuggingGPTError):
        return error
    logger.error("request %s: internal error", request_id, exc_info=error)
    return HuggingGPTError(f"internal error; the log has it under request {request_id}")


async def _on_error(http: Request, error: Exception) -> JSONResponse:
    known = _known(error, _id(http))
    headers = {}
    if isinstance(known, Busy):
        headers["retry-after"] = str(known.retry_after_s)
    if isinstance(known, AllStepsFailed):
        # The work was done, with its own second tries; OpenAI's clients would send it again.
        headers["x-should-retry"] = "false"
    return JSONResponse(known.body(), known.status, headers)


async def _on_http(http: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    body = RequestError(f"{http.method} {http.url.path}: {error.detail}").body()
    return JSONResponse(body, error.status_code, error.headers)
