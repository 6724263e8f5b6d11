"""OpenAI messages → Request: the text, the attached files, and what earlier turns are known to have given."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import PurePosixPath
from typing import Any, Literal, cast, get_args
from urllib.parse import unquote, urlsplit

from controller.errors import RequestError, TooLarge, UnknownFile
from controller.intake import Budget, Intake, default_name
from controller.pipeline import answer_key
from controller.schema import Artifact, Request, Resource, Run, StepResult, Turn
from controller.store import Store, StoredFile
from deployments.values import Kind

# Takes one content part that is not text; gives the file it attaches.
Attach = Callable[[Mapping[str, Any]], Awaitable[Resource]]

_FILE_LINK = re.compile(r"/v1/files/(file-[0-9a-f]{32})\b")
_KINDS = get_args(Kind)


class Conversation:
    """Reads messages: what they attach goes through the intake, what they link is looked up in the store."""

    def __init__(self, store: Store, intake: Intake, max_chars: int) -> None:
        self._store = store
        self._intake = intake
        self._max_chars = max_chars

    async def read(self, messages: Any, request_id: str, budget: Budget) -> Request:
        """The request with its files taken in. Raises RequestError and what the intake raises."""

        async def attach(part: Mapping[str, Any]) -> Resource:
            return _resource(await self._attached(part, budget))

        return await self._read(messages, request_id, attach)

    async def sketch(self, messages: Any, request_id: str) -> Request:
        """The request with its files only named: nothing is fetched, decoded or kept."""

        async def attach(part: Mapping[str, Any]) -> Resource:
            match part:
                case {"type": "file", "file": {"file_id": str(file_id)}}:
                    return _resource(await self._store.get(file_id))
            return _named(part)

        return await self._read(messages, request_id, attach)

    async def _read(self, messages: Any, request_id: str, attach: Attach) -> Request:
        turns: list[Turn] = []
        for index, message in enumerate(_messages(messages)):
            role = _role(message, index)
            if role is None:
                continue
            text, parts = _content(message.get("content"), index)
            if len(text) > self._max_chars:
                raise TooLarge(f"a message may have {self._max_chars:,} characters", f"messages[{index}]")
            resources = [await attach(part) for part in parts]
            if role == "assistant":
                turns.append(await self._answered(text))
            else:
                turns.append(Turn(role=role, text=text, resources=tuple(resources)))
        if not turns or turns[-1].role != "user":
            raise RequestError("the last message must be the user's", "messages")
        *history, now = _named_apart(turns)
        if not now.text.strip():
            raise RequestError("the last message says nothing; tell what to do with the files", "messages")
        return Request(id=request_id, text=now.text, resources=now.resources, history=tuple(history))

    async def _answered(self, text: str) -> Turn:
        """An assistant's turn: what its run produced where it is on record, what it links otherwise."""
        record = await self._store.get_record(answer_key(text))
        result, resources = None, []
        if record is not None:
            run = Run.model_validate(record)
            texts = [step.text for step in run.steps if step.status == "ok" and step.text]
            result = texts[-1] if texts else None
            resources = list(_produced(run.steps))
        else:
            for file_id in dict.fromkeys(_FILE_LINK.findall(text)):
                # A file's lifetime may be over; the turn is still worth reading.
                with suppress(UnknownFile):
                    resources.append(_resource(await self._store.get(file_id)))
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
                return await self._intake.inline(data, budget, _filename(rest))
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
        return _valid(content), []
    if not isinstance(content, list) or not all(isinstance(part, dict) for part in content):
        message = f"the content of message {index} must be text or a list of parts"
        raise RequestError(message, f"messages[{index}].content")
    texts = [part.get("text") for part in content if part.get("type") in ("text", "refusal")]
    if not all(isinstance(text, str) for text in texts):
        raise RequestError("a text part needs its `text`", f"messages[{index}].content")
    others = [part for part in content if part.get("type") not in ("text", "refusal")]
    return _valid("\n".join(cast(list[str], texts))), others


def _valid(text: str) -> str:
    """JSON can carry halves of characters, which no encoder takes."""
    return text.encode(errors="replace").decode()


def _named(part: Mapping[str, Any]) -> Resource:
    """What a part would attach, by its name and declared type alone."""
    match part:
        case {"type": "image_url", "image_url": {"url": str(url)}}:
            if url.startswith("data:"):
                return Resource(name=default_name(_declared(url) or "image/png"), kind="image")
            try:
                return Resource(name=_base(unquote(urlsplit(url).path)), kind="image")
            except ValueError:
                raise RequestError(f"not a URL: {url[:100]}", "messages") from None
        case {"type": "input_audio", "input_audio": dict(audio)}:
            return Resource(name=f"audio.{audio.get('format', 'wav')}", kind="audio")
        case {"type": "file", "file": dict(file)}:
            name = _filename(file)
            guessed = (mimetypes.guess_type(name)[0] if name else None) or _declared(file.get("file_data"))
            kind = guessed.split("/")[0]
            return Resource(
                name=_base(name or default_name(guessed or "text/plain")),
                kind=kind if kind in _KINDS else "text",  # type: ignore[arg-type]
            )
    raise _bad_part(part)


def _filename(file: Mapping[Any, Any]) -> str | None:
    name = file.get("filename")
    if name is None:
        return None
    if isinstance(name, str):
        return _valid(name)
    raise RequestError("the `filename` of a file must be text", "messages")


def _declared(payload: object) -> str:
    """The media type that a data URL says it has, empty where it says none."""
    if not isinstance(payload, str) or not payload.startswith("data:"):
        return ""
    return payload[len("data:") : payload.find(",")].partition(";")[0]


def _produced(steps: Sequence[StepResult]) -> Iterator[Resource]:
    """The artifacts of an answer."""
    for step in steps:
        later = {a.kind for user in steps if step.id in user.dep for a in user.artifacts}
        for artifact in step.artifacts:
            yield _resource(artifact).model_copy(update={"interim": artifact.kind in later})


def _resource(file: StoredFile | Artifact) -> Resource:
    return Resource(name=file.name, kind=file.kind, id=file.id)


def _named_apart(turns: Sequence[Turn]) -> Sequence[Turn]:
    """The same turns, no two files of one name: image.png, image-2.png. The newest turn's keep theirs."""
    names: set[str] = set()
    apart = []
    for turn in reversed(turns):
        resources = tuple(_unique(resource, names) for resource in turn.resources)
        apart.append(turn.model_copy(update={"resources": resources}))
    return apart[::-1]


def _unique(resource: Resource, names: set[str]) -> Resource:
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
