"""Which task a clause asks for: closeness to example phrases, cues, and whether its input is there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from textwrap import shorten
from typing import Final

from controller.embedded import arguments, controls
from controller.embedded.bank import BEYOND, KNOWLEDGE, TALK
from controller.embedded.clauses import Clause
from controller.embedded.linker import Linker, Value, points
from controller.embedded.words import DRAWING, OUTSIDE, PRODUCTS, QUESTION, vocabulary
from controller.errors import CannotPlan
from deployments.task import Task, tasks
from deployments.values import Kind

# A clause closer than this to no phrase is not understood.
_THRESHOLD: Final = 0.5
# Two tasks closer than this to each other are a guess.
_MARGIN: Final = 0.03
# A task nothing fits that is better than the best by this is what was meant.
_MEANT: Final = 0.2
# What a cue adds, and what the way over an image's or a recording's words takes.
_CUE: Final = 0.25
_BRIDGED: Final = 0.07
# Without a cue such a way must be at least this close.
_SURE: Final = 0.65
# Any question about a thing at hand is at least this close to answering it; "is there …" more so.
_QUESTION: Final = 0.52
_YES_NO: Final = 0.65

_ASKED: Final = re.compile(
    r"(?:tell|show|let|check|see|say|find|explain|know|determine|figure)(?: me| us| out| know)*"
    r" (?:what|who|where|when|which|why|how|whether|if)\b"
)
_ELLIPSIS: Final = re.compile(
    r"^(?:and |so )?(?:what|how) about\b|^(?:and )?the other\b|\b(?:do|and) the same\b"
)
_THE: Final = re.compile(r"\b(?:the|that|this|its|your) (\w+)")
_AUXILIARY: Final = vocabulary("is are does do did was were has")
_ASKING: Final = vocabulary("what who where when which why how whether") | _AUXILIARY
_SPEAKERS: Final = vocabulary("say speak pronounce announce narrate recite voice utter")
_TRANSLATORS: Final = vocabulary("translate say put render convert")
_GETTERS: Final = vocabulary("give get want need have tell show")
# Tasks that answer the same wish: which of them is chosen is no misunderstanding.
_ALIKE: Final = (
    vocabulary(
        """
        visual-question-answering document-question-answering object-detection image-classification
        image-to-text
        """
    ),
    vocabulary("text-generation conversational"),
)
# Tasks that are only meant where their own words, or for translation a language, are used.
_RARE: Final = vocabulary("feature-extraction tabular-classification translation")
# Tasks that make something new: no question asks for them.
_MAKING: Final = vocabulary("text-to-image text-to-video text-generation image-to-image text2text-generation")


def kind_of(task: Task) -> Kind:
    """The kind of thing a task works on."""
    return next((kind for kind in ("image", "audio") if kind in task.inputs), "text")


def missing(name: str) -> str:
    kind = kind_of(tasks()[name])
    return f"it sounds like {name}, and there is no {'recording' if kind == 'audio' else kind} for it"


def refusal(clause: Clause, why: str) -> CannotPlan:
    quoted = shorten(clause.raw, 200, placeholder=" …")
    return CannotPlan(f"I do not understand “{quoted}” well enough to plan it without an LLM: {why}.")


def inline(clause: Clause, name: str) -> tuple[Value, ...]:
    """The words to speak or translate where they stand in the clause itself, unquoted."""
    verbs = {"text-to-speech": _SPEAKERS, "translation": _TRANSLATORS}.get(name)
    text = arguments.inline(clause, verbs) if verbs and not clause.mentions else None
    return (Value("text", text),) if text else ()


class Choice:
    """One clause and its closeness to each label, seen against the plan so far."""

    def __init__(self, clause: Clause, score: Mapping[str, float], linker: Linker) -> None:
        self._clause = clause
        self._linker = linker
        self._plain = clause.plain()
        self._words = [word.norm for word in arguments.bare(clause.body)]
        self._languages = arguments.languages(clause)
        self._spoken = arguments.spoken(clause)
        self._score = {**score, **{name: score[name] + _CUE for name in tasks() if self._cued(name)}}
        for name in _RARE:
            if not self._cued(name) and not (name == "translation" and self._languages):
                self._score[name] = 0.0

    def task(self) -> str | None:
        """The task; None where the clause only says how to deliver what there is: "out loud", "in French".

        Raises CannotPlan where no task is close, two are equally close, or the closest lacks its input.
        """
        if drawn := self._drawn():
            return drawn
        if (self._languages or self._spoken) and self._only_delivers():
            said = _SPEAKERS & set(arguments.stripped(self._plain).split())
            return "text-to-speech" if said and not self._spoken else None
        first = self._words[0]
        if first in OUTSIDE and self._words[1:2] != ["me"]:
            raise refusal(self._clause, f"none of my tasks can {first} anything")
        if _ELLIPSIS.search(self._plain):
            raise refusal(self._clause, "say in full what to do with which file")
        return self._ranked()

    def _ranked(self) -> str:
        (best, name), *rest = sorted(((self._fit(name), name) for name in tasks()), reverse=True)
        top = max(tasks(), key=lambda known: self._score[known])
        if best < _THRESHOLD:
            close = self._score[top] >= _THRESHOLD
            raise refusal(self._clause, missing(top) if close else "it is close to no task I know")
        second, rival = next(
            (score, other) for score, other in rest if not any({name, other} <= alike for alike in _ALIKE)
        )
        if self._spoken and {name, rival} == {"image-to-text", "text-to-speech"}:
            return "text-to-speech"
        if best - second < _MARGIN:
            raise refusal(self._clause, f"it could be {name} or {rival}")
        alien = max(self._score[label] for label in (BEYOND, TALK, KNOWLEDGE))
        if alien > best - (_CUE if self._cued(name) else 0):
            raise refusal(self._clause, "it asks for something that is none of my tasks")
        if self._score[top] - best > _MEANT:
            raise refusal(self._clause, missing(top))
        return name

    def _fit(self, name: str) -> float:
        """The score of a task, lowered where its input is a bridge away, 0 where nothing fits it."""
        score, clause, kind, first = self._score[name], self._clause, kind_of(tasks()[name]), self._words[0]
        if controls.by_drawer(name) or not self._plausible(name):
            return 0.0
        if name in ("text-to-image", "text-generation", "conversational", "text-to-video"):
            media = any(mention.kind != "text" for mention in clause.mentions)
            unfit = (name == "text-to-image" and media) or (name == "conversational" and clause.mentions)
            return 0.0 if unfit else score
        values = inline(clause, name) or self._linker.find(kind, clause, name)
        if not values:
            return 0.0
        if kind == "text" and values[0].kind != "text":
            score -= _BRIDGED
            if not self._cued(name) and score < _SURE:
                return 0.0
        if name == "translation" and self._languages:
            # "What do they say in English": the language is a wish about the result of another task.
            score -= _BRIDGED
        if self._asks() or any(mention.asked for mention in clause.mentions):
            if name == "visual-question-answering" and points(clause):
                return max(score, _YES_NO if first in _AUXILIARY else _QUESTION)
            if name == "question-answering" and values[0].kind == "text":
                return max(score, _QUESTION)
        return score

    def _plausible(self, name: str) -> bool:
        if kind_of(tasks()[name]) != "text" and any(self._made(noun) for noun in _THE.findall(self._plain)):
            return False
        if self._cued(name):
            return True
        if self._words[0] in QUESTION and name in _MAKING:
            return False
        return not (self._words[0] in _AUXILIARY and name == "image-classification")

    def _cued(self, name: str) -> bool:
        # "Shorten the transcript" asks for no transcription where there is a transcript already.
        text = _THE.sub(lambda match: "" if self._made(match[1]) else match[0], self._plain)
        return any(re.search(cue, text) for cue in tasks()[name].cues)

    def _made(self, noun: str) -> bool:
        """Whether "the <noun>" is a text that an earlier step of the plan makes."""
        made = {group.task for group in self._linker.groups if "text" in tasks()[group.task].outputs}
        return bool(made & PRODUCTS.get(noun, frozenset()))

    def _asks(self) -> bool:
        return (
            self._clause.question
            or self._words[0] in _ASKING
            or re.match(_ASKED, " ".join(self._words)) is not None
        )

    def _only_delivers(self) -> bool:
        said = arguments.bare(self._clause.body)
        if said[0].norm in _SPEAKERS | _TRANSLATORS | _GETTERS:
            said = said[1:]
        told = {"what", "read", "written", "describe", "caption"} & set(
            arguments.stripped(self._plain).split()
        )
        return arguments.referential(said) and not told

    def _drawn(self) -> str | None:
        """The task that draws from a control image, where the clause asks for that."""
        clause, groups = self._clause, self._linker.groups
        if not any(word in DRAWING or word in arguments.PICTURE for word in clause.words):
            return None
        text = clause.plain(whole=True)
        control = controls.named(text) or controls.meant(text, groups[-1].task if groups else "")
        if control is None or not arguments.prompt(clause, control.pattern):
            return None
        return control.drawer if self._linker.find("image", clause, control.drawer) else None
