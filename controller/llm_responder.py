"""Stage 4 by a language model: the answer is written from the results, and streams."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from controller import prompts
from controller.errors import LLMError, TooLarge
from controller.links import LinkFilter, links
from controller.llm import LLM
from controller.llm_planner import Available
from controller.responder import Responder
from controller.schema import Request, StepResult


class LLMResponder:
    """Answers from the results, or converses where there are none.

    Where the model fails, at the start or in the middle, `fallback` gives the whole answer.
    """

    def __init__(self, llm: LLM, fallback: Responder, available: Available) -> None:
        self._llm = llm
        self._fallback = fallback
        self._available = available

    async def respond(
        self, request: Request, results: Sequence[StepResult], notes: Sequence[str]
    ) -> AsyncGenerator[str, None]:
        """Links only to this request's artifacts, and what the user linked to. Never raises LLMError."""
        shown = LinkFilter(_allowed(request, results))
        spoken = False
        try:
            async with aclosing(self._written(request, results, notes)) as pieces:
                async for piece in pieces:
                    if text := shown.feed(piece):
                        spoken = True
                        yield text
            yield shown.finish()
            return
        except (LLMError, TooLarge) as error:
            failure = f"{error.message}. What follows is put together without it."
        yield shown.finish() + ("\n\n" if spoken else "")
        async for piece in self._fallback.respond(request, results, [*notes, failure]):
            yield piece

    async def _written(
        self, request: Request, results: Sequence[StepResult], notes: Sequence[str]
    ) -> AsyncGenerator[str, None]:
        most = self._llm.context_length
        if results:
            messages = prompts.response(request, results, notes, most)
        else:
            messages = prompts.chat(request, await self._available(), notes, most)
        async with aclosing(self._llm.stream("respond", messages)) as pieces:
            async for piece in pieces:
                yield piece


def _allowed(request: Request, results: Sequence[StepResult]) -> set[str]:
    said = [request.text, *(turn.text for turn in request.history if turn.role == "user")]
    produced = {artifact.url for result in results for artifact in result.artifacts}
    return produced.union(*map(links, said))
