"""The language model: any OpenAI-compatible endpoint, through the `openai` client.

Every answer is streamed, so that a model that falls silent is noticed and a cancelled request closes its
connection. Whatever goes wrong becomes an LLMError that names the stage.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Literal, TypedDict, cast

import httpx2
import openai
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletionChunk
from pydantic import SecretStr

from controller.errors import (
    LLMBusy,
    LLMCutOff,
    LLMEmpty,
    LLMError,
    LLMRefused,
    LLMRejected,
    LLMTimeout,
    LLMUnavailable,
)
from controller.settings import LLMSettings, Stage

_DOING: Mapping[Stage, str] = {
    "plan": "planning",
    "select": "choosing a model",
    "execute": "doing a text task",
    "respond": "writing the answer",
}


class Message(TypedDict):
    role: Literal["system", "user", "assistant"]
    content: str


@dataclass
class Usage:
    """Tokens, where the endpoint counts them, and calls that were answered."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def add(self, usage: CompletionUsage | None) -> None:
        self.calls += 1
        if usage is not None:
            self.prompt_tokens += usage.prompt_tokens
            self.completion_tokens += usage.completion_tokens


class LLM:
    def __init__(self, settings: LLMSettings, key: SecretStr) -> None:
        """`settings` as completed by `settings.llm_endpoint`."""
        self.settings = settings
        self.usage = Usage()
        # The read timeout holds for each attempt, `_chunks` keeps the others.
        read = settings.first_token_timeout_s
        self._client = openai.AsyncOpenAI(
            base_url=settings.base_url,
            api_key=key.get_secret_value(),
            timeout=httpx2.Timeout(read, connect=settings.connect_timeout_s),
            max_retries=settings.max_retries,
        )
        # {model: parameters that the endpoint was seen to refuse for it}
        self._refused: dict[str, frozenset[str]] = {}

    @property
    def context_length(self) -> int:
        return self.settings.context_length

    def model(self, stage: Stage) -> str:
        return self.settings.models.get(stage, self.settings.model)

    def metered(self) -> LLM:
        """The same endpoint with a usage count of its own."""
        own = copy.copy(self)
        own.usage = Usage()
        return own

    async def close(self) -> None:
        await self._client.close()

    async def complete(
        self, stage: Stage, messages: Sequence[Message], schema: Mapping[str, Any] | None = None
    ) -> str:
        """The whole answer. Raises LLMError."""
        return "".join([piece async for piece in self.stream(stage, messages, schema)])

    async def stream(
        self, stage: Stage, messages: Sequence[Message], schema: Mapping[str, Any] | None = None
    ) -> AsyncGenerator[str, None]:
        """The answer in pieces; JSON of this schema where the endpoint can see to it. Raises LLMError.

        Close the generator (`contextlib.aclosing`) where it may be left early.
        """
        thoughts = _Thoughts()
        empty = True
        finish: str | None = None
        usage: CompletionUsage | None = None
        refusal = ""
        try:
            async with aclosing(self._chunks(self.model(stage), messages, schema)) as chunks:
                async for chunk in chunks:
                    usage = chunk.usage or usage
                    for choice in chunk.choices or ():
                        finish = choice.finish_reason or finish
                        refusal += choice.delta.refusal or ""
                        piece = thoughts.feed(choice.delta.content or "")
                        empty = empty and not piece.strip()
                        if piece:
                            yield piece
        except (openai.OpenAIError, TimeoutError, ValueError) as error:
            raise self._error(stage, error) from error
        self.usage.add(usage)
        if refusal or finish == "content_filter":
            raise LLMRefused(self._says(stage, f"refused: {refusal or 'its content filter stopped it'}"))
        if finish == "length":
            raise LLMCutOff(self._says(stage, "reached its length limit before it was done"))
        if finish is None:
            raise LLMUnavailable(self._says(stage, "broke off in the middle of its answer"))
        if empty:
            raise LLMEmpty(self._says(stage, "gave an empty answer"))

    async def _chunks(
        self, model: str, messages: Sequence[Message], schema: Mapping[str, Any] | None
    ) -> AsyncGenerator[ChatCompletionChunk, None]:
        now = asyncio.get_running_loop().time
        deadline = now() + self.settings.total_timeout_s
        async with asyncio.timeout_at(deadline):
            response = await self._open(model, messages, schema)
        wait = self.settings.first_token_timeout_s
        async with response:
            chunks = response.__aiter__()
            while True:
                try:
                    async with asyncio.timeout_at(min(deadline, now() + wait)):
                        chunk = await anext(chunks)
                except StopAsyncIteration:
                    return
                wait = self.settings.idle_timeout_s
                yield chunk

    async def _open(
        self, model: str, messages: Sequence[Message], schema: Mapping[str, Any] | None
    ) -> openai.AsyncStream[ChatCompletionChunk]:
        """Start the answer, without the optional parameters that the endpoint refuses for this model."""
        refused = self._refused.get(model, frozenset())
        while True:
            wanted = self._options(schema)
            options = {name: value for name, value in wanted.items() if name not in refused}
            try:
                response = await self._client.chat.completions.create(
                    model=model, messages=cast(Any, messages), stream=True, **options
                )
            except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                blamed = frozenset(name for name in options if _blames(error, name))
                if not blamed:
                    raise
                refused |= blamed
                continue
            # Known for good once an answer came without them.
            self._refused[model] = refused
            return cast("openai.AsyncStream[ChatCompletionChunk]", response)

    def _options(self, schema: Mapping[str, Any] | None) -> dict[str, Any]:
        """Parameters that some endpoints refuse and every stage can do without."""
        options: dict[str, Any] = {"stream_options": {"include_usage": True}}
        if self.settings.temperature is not None:
            options["temperature"] = self.settings.temperature
        if schema is not None:
            form = {"name": "answer", "strict": True, "schema": schema}
            options["response_format"] = {"type": "json_schema", "json_schema": form}
        return options

    def _says(self, stage: Stage, what: str) -> str:
        return f"{_DOING[stage]}: the language model {self.model(stage)} {what}"

    def _error(self, stage: Stage, error: Exception) -> LLMError:
        match error:
            case TimeoutError() | openai.APITimeoutError():
                return LLMTimeout(self._says(stage, "did not answer in time"))
            case openai.RateLimitError():
                return LLMBusy(self._says(stage, "is over its rate limit (429); try again later"))
            case openai.InternalServerError():
                return LLMUnavailable(self._says(stage, f"failed with status {error.status_code}"))
            case openai.APIStatusError():
                what = f"does not take the request ({error.status_code}: {error.message[:300]})"
                return LLMRejected(self._says(stage, what))
            case openai.APIConnectionError(__cause__=httpx2.ConnectError()):
                return LLMUnavailable(self._says(stage, f"cannot be reached at {self.settings.base_url}"))
            case openai.APIConnectionError():
                return LLMUnavailable(self._says(stage, "broke off the connection"))
            case openai.APIError():
                return LLMUnavailable(self._says(stage, f"failed: {error.message[:300]}"))
            case _:
                return LLMUnavailable(self._says(stage, f"did not speak the protocol ({error})"))


class _Thoughts:
    """Leaves out the `<think>…</think>` that some models open their answer with."""

    def __init__(self) -> None:
        self._held: str | None = ""

    def feed(self, piece: str) -> str:
        if self._held is None:
            return piece
        self._held += piece
        opening = self._held.lstrip()
        if opening.startswith("<think>"):
            _, closed, rest = opening.partition("</think>")
            if not closed:
                return ""
        elif "<think>".startswith(opening):
            return ""
        else:
            rest = self._held
        self._held = None
        return rest


def _blames(error: openai.APIStatusError, parameter: str) -> bool:
    words = (parameter, "json_schema") if parameter == "response_format" else (parameter,)
    return any(word in f"{error.param} {error.message}" for word in words)
