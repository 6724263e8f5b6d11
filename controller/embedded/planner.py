"""Request → clauses → tasks → steps, or a refusal that quotes what was not understood."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from typing import Final

from controller.embedded import arguments
from controller.embedded.bank import BEYOND, KNOWLEDGE, TALK, Bank, Embed
from controller.embedded.builder import Builder
from controller.embedded.choice import Choice, kind_of
from controller.embedded.clauses import Clause, clauses
from controller.embedded.limits import beyond
from controller.embedded.linker import Linker
from controller.embedded.mentions import MARK, mask
from controller.embedded.words import KIND_NOUNS, VERBS
from controller.errors import CannotPlan
from controller.plan import Draft
from controller.schema import Request, Step
from deployments.task import tasks

# "I have two photos", "the file is a.png": says what there is, and asks for nothing.
_GIVEN: Final = re.compile(
    r"^(?:here(?:'s| is| are)?|attached|i got|i attached|i uploaded|there(?:'s| is| are)"
    r"|(?:i|we)(?:'ve| have)(?: got)?(?! to\b)|(?:i|we)(?:'m| am| are| can't| cannot| don't| didn't)"
    r"|(?:the|this|that|these|those|my|our|his|her|it|its)(?: \S+){0,6}?"
    r" (?:is|are|was|were|has|have|contains|says|shows|includes|reads))\b"
)
_WANTED: Final = re.compile(
    r"\b(?:needs?|should|must|want|to be|would like|i'd like|can you|could you|please)\b"
)

# What a longer request says takes seconds to take apart.
_MAX_CHARS: Final = 30_000


class EmbeddedPlanner:
    """Plans everyday requests with example phrases; `embed` gives unit-norm sentence vectors."""

    name = "embedded"

    def __init__(self, embed: Embed, max_steps: int = 32) -> None:
        self._bank = Bank(embed)
        self._max_steps = max_steps

    async def ready(self) -> None:
        """Raises Unavailable while there is nothing to embed sentences with."""
        await self._bank.scores(["hello"])

    async def plan(self, request: Request) -> AsyncIterator[Step]:
        """The steps in order; none where the request is small talk.

        Raises CannotPlan, quoting the words, where any part of the request is not understood.
        """
        if len(request.text) > _MAX_CHARS:
            raise CannotPlan(
                f"The request has more than {_MAX_CHARS:,} characters. Attach long texts as files."
            )
        past = [resource for turn in request.history for resource in turn.resources]
        masked = mask(request.text, (*request.resources, *past))
        if masked.foreign:
            raise CannotPlan(
                f"I cannot read {', '.join(masked.foreign)}: files are text, images or audio recordings."
            )
        parts = clauses(masked)
        if len(parts) > self._max_steps:
            raise CannotPlan(
                f"The request has more than {self._max_steps} instructions. Ask for less at once."
            )
        texts = [text for clause in parts for text in _variants(clause)]
        scores = iter(await self._bank.scores(texts)) if texts else iter(())
        scored = [(clause, _best([next(scores) for _ in _variants(clause)])) for clause in parts]
        if all(_idle(clause, score) for clause, score in scored):
            return
        spoken = MARK.sub(" ", masked.text).lower()
        if (what := beyond(spoken)) is not None:
            raise CannotPlan(f"The request asks for {what}, which I cannot plan without an LLM.")
        linker = Linker(request, masked.files())
        for clause, score in scored:
            if not _idle(clause, score):
                task = Choice(clause, score, linker).task()
                Builder(clause, linker).build(task)
        draft = Draft(request, self._max_steps)
        for step in linker.steps:
            for checked in draft.add(step):
                yield checked
        draft.finish()


def _variants(clause: Clause) -> list[str]:
    """The clause as it is, without its modifiers, and with its lead."""
    body = clause.plain()
    bare = " ".join(word.norm for word in arguments.bare(clause.body) if not MARK.fullmatch(word.norm))
    return [text or "?" for text in (body, arguments.stripped(body), bare, clause.textual())]


def _best(scores: list[Mapping[str, float]]) -> dict[str, float]:
    """The best of the variants for each label; that which speaks of texts counts only for tasks on texts."""
    *variants, textual = scores
    best = {label: max(score[label] for score in variants) for label in textual}
    for name, task in tasks().items():
        if kind_of(task) == "text":
            best[name] = max(best[name], textual[name])
    return best


def _idle(clause: Clause, score: Mapping[str, float]) -> bool:
    """Whether the clause asks for nothing: greetings, thanks, "here are two photos", bare file names."""
    words = [word.norm for word in arguments.bare(clause.body)]
    if not any(re.search(r"\w", word) and word not in KIND_NOUNS.keys() - VERBS for word in words):
        return True
    stated = _GIVEN.match(clause.plain()) and not _WANTED.search(clause.plain())
    if stated and not clause.question:
        return True
    best = max(score[name] for name in tasks())
    idle = max(score[TALK], score[KNOWLEDGE] if not clause.masked.mentions else 0.0)
    return idle >= 0.5 and idle > best and idle > score[BEYOND] and not clause.mentions
