"""A running service, reached through the openai client."""

from __future__ import annotations

import base64
import json
import mimetypes
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx2
import openai
from openai.types.chat import ChatCompletionMessageParam

from controller.schema import Artifact, Run, Step

DEFAULT_URL = "http://127.0.0.1:8000"


class ServiceError(Exception):
    """The service could not be reached or refused the request; the message is one line."""


@dataclass(frozen=True)
class Update:
    """News of a request: progress in words, the same as an event, a piece of the answer, or the record."""

    line: str = ""
    event: dict[str, Any] | None = None
    answer: str = ""
    run: Run | None = None


class Service:
    """One service at `url`, without the `/v1`. Every method raises ServiceError."""

    def __init__(self, url: str = DEFAULT_URL) -> None:
        self.url = url.rstrip("/")
        # The key is the user's for another service, so none is taken from the environment. Nothing is
        # sent twice: a request that failed half-way has already cost its time.
        self._client = openai.OpenAI(base_url=f"{self.url}/v1", api_key="none", max_retries=0)

    def ask(self, text: str, files: Sequence[Path]) -> Iterator[Update]:
        """Send a request and yield its progress; the last update carries the record. Closing it cancels."""
        run: object = None
        with self._errors():
            stream = self._client.chat.completions.create(
                model="hugginggpt", messages=[message(text, files)], stream=True
            )
            with stream:
                for chunk in stream:
                    extra = chunk.model_extra or {}
                    run = extra.get("hugginggpt") or run
                    for choice in chunk.choices:
                        yield Update(
                            line=(choice.delta.model_extra or {}).get("reasoning_content") or "",
                            event=extra.get("hugginggpt_event"),
                            answer=choice.delta.content or "",
                        )
            yield Update(run=Run.model_validate(run))

    def plan(self, text: str, files: Sequence[Path]) -> list[Step]:
        """The plan alone; a request that cannot be planned is a ServiceError with the reason."""
        with self._errors():
            body = {"messages": [message(text, files)]}
            reply = self._client.post(f"{self.url}/tasks", body=body, cast_to=httpx2.Response)
            steps = [
                Step.model_validate({**step, "dep": [number for number in step["dep"] if number >= 0]})
                for step in reply.json()
            ]
        if not steps:
            raise ServiceError(reply.headers.get("x-hugginggpt-note", "the request holds no task to plan"))
        return steps

    def experts(self) -> list[dict[str, Any]]:
        """Every expert, as GET /v1/experts gives it."""
        with self._errors():
            reply = cast(dict[str, Any], self._client.get("/experts", cast_to=object))
            return list(reply["data"])

    def save(self, artifact: Artifact, folder: Path) -> Path:
        """Download a produced file into the folder, under a name that was free. Raises OSError too."""
        with self._errors():
            data = self._client.files.content(artifact.id).read()
        folder.mkdir(parents=True, exist_ok=True)
        return _write(folder, file_name(artifact.name), data)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """What the client raises, in one line."""
        try:
            yield
        except openai.APITimeoutError as error:
            raise ServiceError(f"{self.url} did not answer in time") from error
        except openai.APIConnectionError as error:
            reason = str(error.__cause__ or error)
            raise ServiceError(
                f"cannot reach {self.url} ({reason}); `make run` starts the service"
            ) from error
        except openai.APIError as error:
            told = error.body.get("message") if isinstance(error.body, dict) else None
            raise ServiceError(" ".join(str(told or error.message).split())) from error
        except (json.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            raise ServiceError(f"{self.url} did not answer as a HuggingGPT service does") from error


def message(text: str, files: Sequence[Path]) -> ChatCompletionMessageParam:
    """A user message with files attached under their names. Raises OSError where one cannot be read."""
    content: list[dict[str, Any]] = [{"type": "text", "text": text}]
    for path in files:
        media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        data = base64.b64encode(path.read_bytes()).decode()
        file = {"filename": path.name, "file_data": f"data:{media_type};base64,{data}"}
        content.append({"type": "file", "file": file})
    return cast(ChatCompletionMessageParam, {"role": "user", "content": content})


def file_name(name: str) -> str:
    """The name without folders, control or shell characters, never hidden or empty."""
    plain = re.sub(r"[^\w.-]+", "_", name.replace("\\", "/").rpartition("/")[2])
    return plain.lstrip(".-")[-100:] or "file"


def _write(folder: Path, name: str, data: bytes) -> Path:
    """Write a new file, numbered where the name is taken: nothing is ever overwritten."""
    stem, suffix = Path(name).stem, Path(name).suffix
    number = 0
    while True:
        path = folder / (f"{stem}-{number}{suffix}" if number else name)
        try:
            with path.open("xb") as file:
                file.write(data)
        except FileExistsError:
            number += 1
        else:
            return path
