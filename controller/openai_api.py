"""OpenAI's response shapes, with the `hugginggpt` object beside them."""

from __future__ import annotations

import json
import time
from typing import Any

from controller.errors import RequestError, UnknownModel
from controller.pipeline import Event
from controller.schema import Planned, Run, StepResult, StepStarted
from controller.store import StoredFile

MODEL = "hugginggpt"


def check_model(model: object) -> None:
    """Raises UnknownModel, and RequestError where there is none."""
    if not isinstance(model, str):
        raise RequestError(f"`model` is missing; it is '{MODEL}'", "model")
    if model != MODEL:
        raise UnknownModel(f"there is no model '{model}'; the model is '{MODEL}'", "model")


def model() -> dict[str, Any]:
    return {"id": MODEL, "object": "model", "created": 0, "owned_by": MODEL}


def file(stored: StoredFile) -> dict[str, Any]:
    return {
        "id": stored.id,
        "object": "file",
        "bytes": stored.bytes,
        "created_at": stored.created_at,
        "expires_at": stored.expires_at,
        "filename": stored.name,
        "purpose": stored.purpose,
        "status": "processed",
    }


def completion(run: Run) -> dict[str, Any]:
    """A whole reply."""
    message = {"role": "assistant", "content": run.answer, "refusal": None}
    return {
        "id": f"chatcmpl-{run.request_id}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": MODEL,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
        "hugginggpt": run.model_dump(mode="json"),
    }


class Stream:
    """The chunks of one streamed reply, as server-sent events."""

    def __init__(self, request_id: str) -> None:
        self._id = f"chatcmpl-{request_id}"
        self._created = int(time.time())

    def start(self) -> str:
        return self._chunk({"role": "assistant", "content": ""})

    def event(self, event: Event) -> str:
        """Progress as `reasoning_content`, the answer as `content`, the record with the last chunk."""
        match event:
            case str():
                return self._chunk({"content": event})
            case Run():
                return self._chunk({}, finish="stop", hugginggpt=event.model_dump(mode="json"))
            case Planned(steps=steps):
                plan = [step.wire() for step in steps]
                return self._progress(_plan_line(event), {"type": "plan", "plan": plan})
            case StepStarted():
                step = {**event.model_dump(mode="json"), "status": "running"}
                line = f"step {event.id} {event.task}: started on {event.expert} ({event.reason})\n"
                return self._progress(line, {"type": "step", "step": step})
            case StepResult():
                step = event.model_dump(mode="json", exclude={"data"})
                return self._progress(_result_line(event), {"type": "step", "step": step})

    def error(self, body: dict[str, Any]) -> str:
        return _sse(body)

    def end(self) -> str:
        return "data: [DONE]\n\n"

    def _progress(self, line: str, event: dict[str, Any]) -> str:
        return self._chunk({"reasoning_content": line}, hugginggpt_event=event)

    def _chunk(self, delta: dict[str, Any], finish: str | None = None, **extension: Any) -> str:
        return _sse(
            {
                "id": self._id,
                "object": "chat.completion.chunk",
                "created": self._created,
                "model": MODEL,
                "choices": [{"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}],
                **extension,
            }
        )


def _plan_line(event: Planned) -> str:
    if not event.steps:
        return "plan: nothing to run\n"
    steps = "; ".join(f"{step.id} {step.task}{_after(step.dep)}" for step in event.steps)
    return f"plan: {steps}\n"


def _result_line(result: StepResult) -> str:
    if result.error is not None:
        return f"step {result.id} {result.task}: {result.status}, {result.error.message}\n"
    return f"step {result.id} {result.task}: done by {result.expert}\n"


def _after(dep: tuple[int, ...]) -> str:
    return f" after {', '.join(map(str, dep))}" if dep else ""


def _sse(body: dict[str, Any]) -> str:
    return f"data: {json.dumps(body, separators=(',', ':'))}\n\n"
