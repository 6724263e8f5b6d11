"""OpenAI messages → Request: the text, the attached files, and what earlier turns are known to have given."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, Literal, cast, get_args
from urllib.parse import unquote, urlsplit

from controller.errors import RequestError, UnknownFile
from controller.intake import Budget, Intake
from controller.pipeline import answer_key
from controller.schema import Request, Resource, Run, Turn
from controller.store import Store, StoredFile
from deployments.values import Kind

# Takes one content part that is not text; gives the file it attaches.
Attach = Callable[[Mapping[str, Any]], Awaitable[Resource]]

_FILE_LINK = re.compile(r"/v1/files/(file-[0-9a-f]{32})\b")
_KINDS = get_args(Kind)


class Conversation:
    """Reads messages: what they attach goes through the intake, what they link is looked up in the store."""

    def __init__(self, store: Store, intake: Intake) -> None:
        self._store = store
        self._intake = intake

    async def read(self, messages: Any, request_id: str, budget: Budget) -> Request:
        """The request with its files taken in. Raises RequestError and what the intake raises."""

        async def attach(part: Mapping[str, Any]) -> Resource:
            file = await self._attached(part, budget)
            return Resource(name=file.name, kind=file.kind, id=file.id)

        return await self._read(messages, request_id, attach)

    async def sketch(self, messages: Any, request_id: str) -> Request:
        """The request with its files only named: nothing is fetched, decoded or kept."""

        async def attach(part: Mapping[str, Any]) -> Resource:
            return _named(part)

        return await self._read(messages, request_id, attach)

    async def _read(self, messages: Any, request_id: str, attach: Attach) -> Request:
        turns: list[Turn] = []
        names: set[str] = set()
        for index, message in enumerate(_messages(messages)):
            role = _role(message, index)
            if role is None:
                continue
            text, parts = _content(message.get("content"), index)
            resources = [_unique(await attach(part), names) for part in parts]
            if role == "assistant":
                turns.append(await self._answered(text, names))
            else:
                turns.append(Turn(role=role, text=text, resources=tuple(resources)))
        if not turns or turns[-1].role != "user":
            raise RequestError("the last message must be the user's", "messages")
        *history, now = turns
        if not now.text.strip():
            raise RequestError("the last message says nothing; tell what to do with the files", "messages")
        return Request(id=request_id, text=now.text, resources=now.resources, history=tuple(history))

    async def _answered(self, text: str, names: set[str]) -> Turn:
        """An assistant's turn: what its run produced where it is on record, what it links otherwise."""
        record = await self._store.get_record(answer_key(text))
        result, resources = None, []
        if record is not None:
            run = Run.model_validate(record)
            texts = [step.text for step in run.steps if step.status == "ok" and step.text]
            result = texts[-1] if texts else None
            produced = [artifact for step in run.steps for artifact in step.artifacts]
            resources = [_unique(Resource(name=a.name, kind=a.kind, id=a.id), names) for a in produced]
        else:
            for file_id in dict.fromkeys(_FILE_LINK.findall(text)):
                try:
                    file = await self._store.get(file_id)
                except UnknownFile:
                    # Its lifetime is over; the turn is still worth reading.
                    continue
                resources.append(_unique(Resource(name=file.name, kind=file.kind, id=file.id), names))
        return Turn(role="assistant", text=text, resources=tuple(resources), result=result)

    async def _attached(self, part: Mapping[str, Any], budget: Budget) -> StoredFile:
        match part:
            case {"type": "image_url", "image_url": {"url": str(url)}}:
                return await self._intake.url(url, budget)
            case {"type": "input_audio", "input_audio": {"data": str(data)}}:
                return await self._intake.inline(data, budget)
            case {"type": "file", "file": {"file_id": str(file_id)}}:
                return await self._intake.stored(file_id, budget)
            case {"type": "file", "file": {"file_data": str(data), **rest}}:
                return await self._intake.inline(data, budget, cast(str | None, rest.get("filename")))
        raise _bad_part(part)


def _messages(messages: Any) -> Sequence[Mapping[str, Any]]:
    if not isinstance(messages, list) or not messages or not all(isinstance(m, dict) for m in messages):
        raise RequestError("`messages` must be a list of at least one message object", "messages")
    return messages


def _role(message: Mapping[str, Any], index: int) -> Literal["user", "assistant"] | None:
    """None for instructions to the model: the plan follows what the user asks, nothing else."""
    role = message.get("role")
    if role in ("user", "assistant"):
        return cast(Literal["user", "assistant"], role)
    if role in ("system", "developer"):
        return None
    raise RequestError(
        f"the role of message {index} must be user, assistant, system or developer", f"messages[{index}].role"
    )


def _content(content: Any, index: int) -> tuple[str, list[Mapping[str, Any]]]:
    """The text and the other parts of a message."""
    if content is None:
        return "", []
    if isinstance(content, str):
        return content, []
    if not isinstance(content, list) or not all(isinstance(part, dict) for part in content):
        message = f"the content of message {index} must be text or a list of parts"
        raise RequestError(message, f"messages[{index}].content")
    texts = [part.get("text") for part in content if part.get("type") in ("text", "refusal")]
    if not all(isinstance(text, str) for text in texts):
        raise RequestError("a text part needs its `text`", f"messages[{index}].content")
    others = [part for part in content if part.get("type") not in ("text", "refusal")]
    return "\n".join(cast(list[str], texts)), others


def _named(part: Mapping[str, Any]) -> Resource:
    match part:
        case {"type": "image_url", "image_url": {"url": str(url)}}:
            inline = url.startswith("data:")
            return Resource(name="image.png" if inline else unquote(_base(urlsplit(url).path)), kind="image")
        case {"type": "input_audio", "input_audio": dict(audio)}:
            return Resource(name=f"audio.{audio.get('format', 'wav')}", kind="audio")
        case {"type": "file", "file": dict(file)}:
            name = str(file.get("filename") or file.get("file_id") or "file.txt")
            guessed = (mimetypes.guess_type(name)[0] or "text/plain").split("/")[0]
            return Resource(name=_base(name), kind=guessed if guessed in _KINDS else "text")  # type: ignore[arg-type]
    raise _bad_part(part)


def _unique(resource: Resource, names: set[str]) -> Resource:
    """The same resource under a name that no other of the conversation has: image.png, image-2.png."""
    path, number, name = PurePosixPath(resource.name), 1, resource.name
    while name in names:
        number += 1
        name = f"{path.stem}-{number}{path.suffix}"
    names.add(name)
    return resource.model_copy(update={"name": name})


def _base(path: str) -> str:
    return PurePosixPath(path).name or "file"


def _bad_part(part: Mapping[str, Any]) -> RequestError:
    return RequestError(
        f"cannot read a content part of type {part.get('type')!r}; known are text, image_url {{url}}, "
        "input_audio {data, format}, and file {file_id} or {file_data, filename}",
        "messages",
    )
