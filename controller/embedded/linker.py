"""Finds what a clause works on: what it names or points at, an earlier step, an earlier turn."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from controller.embedded.clauses import Clause
from controller.embedded.mentions import mask
from controller.embedded.words import KIND_NOUNS, ORDINALS, PRODUCTS, PRONOUNS, vocabulary
from controller.errors import CannotPlan
from controller.schema import Request, Resource, Step
from deployments.task import tasks
from deployments.values import Kind

# What brings a value of one kind into words.
BRIDGES: Final[dict[Kind, str]] = {"image": "image-to-text", "audio": "automatic-speech-recognition"}
# Tasks that say something about their input rather than change it: "it" is then still the input.
ANALYSES: Final = vocabulary("""
    token-classification text-classification sentence-similarity question-answering audio-classification
    image-classification object-detection image-segmentation depth-estimation visual-question-answering
    document-question-answering tabular-classification feature-extraction canny-control hed-control
    mlsd-control normal-control openpose-control
    """)
_REFERENCE: Final = re.compile(r"<GENERATED>-(\d+)")
_PLURAL: Final = vocabulary("""
    these those them both all each everything images photos pictures pages files recordings
    """)


@dataclass(frozen=True)
class Value:
    """`text` is what stands in the argument: a file name, literal text, or a reference to step `step`."""

    kind: Kind
    text: str
    step: int | None = None


@dataclass(frozen=True)
class Group:
    """The steps one instruction became, one per value it was applied to."""

    task: str
    steps: tuple[int, ...]
    sources: tuple[Value, ...]


@dataclass
class Linker:
    """The plan so far, and what a next clause can refer to."""

    request: Request
    named: tuple[Resource, ...]
    steps: list[Step] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    focus: dict[Kind, tuple[Value, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        mentioned = {resource.name for resource in self.named}
        unnamed = [resource for resource in self.request.resources if resource.name not in mentioned]
        self.pool = (*self.named, *unnamed)

    def add(self, task: str, args: Mapping[str, str | list[str]]) -> int:
        """The id of the step with these arguments; one asked for twice is one step."""
        for step in self.steps:
            if step.task == task and step.args == dict(args):
                return step.id
        texts = [item for value in args.values() for item in ([value] if isinstance(value, str) else value)]
        refs = {int(match[1]) for text in texts if (match := _REFERENCE.fullmatch(text))}
        step = Step(task=task, id=len(self.steps), dep=tuple(sorted(refs)), args=dict(args))
        self.steps.append(step)
        return step.id

    def record(self, task: str, ids: Sequence[int], sources: Iterable[Value]) -> None:
        self.groups.append(Group(task, tuple(dict.fromkeys(ids)), tuple(sources)))

    def outputs(self, group: Group, kind: Kind) -> tuple[Value, ...]:
        return tuple(Value(kind, f"<GENERATED>-{step}", step) for step in group.steps)

    def bridge(self, value: Value) -> Value:
        """The words of an image or a recording: read or transcribed by a step of its own."""
        if value.kind == "text":
            return value
        if value.kind not in BRIDGES:
            raise CannotPlan(f"I cannot plan work on the {value.kind} {value.text}: no known task takes one.")
        step = self.add(BRIDGES[value.kind], {value.kind: value.text})
        return Value("text", f"<GENERATED>-{step}", step)

    def find(self, kind: Kind, clause: Clause, task: str) -> tuple[Value, ...]:
        """The values of this kind the clause works on; for text also what is yet to be bridged."""
        answers = task.endswith("question-answering")
        named = tuple(Value(m.kind, m.value) for m in clause.mentions if not (answers and m.asked))
        same = tuple(value for value in named if value.kind == kind)
        if same:
            return same
        media = tuple(value for value in named if value.kind != "text")
        if kind == "text" and media:
            return media
        if media:
            return ()
        return self.pointed(kind, clause, task)

    def pointed(self, kind: Kind, clause: Clause, task: str) -> tuple[Value, ...]:
        words = clause.words
        if kind == "text":
            for group in reversed(self.groups):
                if "text" in tasks()[group.task].outputs and self._product(group.task, task, words):
                    return self.outputs(group, "text")
        ordinal = self._ordinal(kind, clause)
        if ordinal:
            return ordinal
        nouns = {KIND_NOUNS[word] for word in words if word in KIND_NOUNS}
        if kind == "text":
            return self._text(nouns, clause, task)
        return self._media(kind, clause, task)

    @staticmethod
    def _product(made: str, task: str, words: Sequence[str]) -> bool:
        """Whether "the summary" means what an earlier step made, not what this task is to make."""
        return any(made in PRODUCTS.get(word, ()) and task not in PRODUCTS[word] for word in words)

    def _ordinal(self, kind: Kind, clause: Clause) -> tuple[Value, ...]:
        at = [
            ORDINALS[word]
            for word, after in zip(clause.words, (*clause.words[1:], ""), strict=True)
            if word in ORDINALS and (after in KIND_NOUNS or after in ("one", "file", ""))
        ]
        if not at:
            return ()
        kinds = ("text", "image", "audio") if kind == "text" else (kind,)
        for resources in (self.pool, *self._turns()):
            fitting = [resource for resource in resources if resource.kind in kinds]
            if len(fitting) > 1 and all(index < len(fitting) for index in at):
                return tuple(Value(fitting[index].kind, fitting[index].name) for index in at)
        return ()

    def _media(self, kind: Kind, clause: Clause, task: str) -> tuple[Value, ...]:
        maps = task.endswith("-text-to-image") or task == "image-to-image"
        words = clause.words
        if "original" not in words:
            for group in reversed(self.groups):
                if kind not in tasks()[group.task].outputs:
                    continue
                if group.task not in ANALYSES or maps or self._product(group.task, task, words):
                    return self.outputs(group, kind)
        if kind in self.focus and not _PLURAL & set(words):
            return self.focus[kind]
        return self._several(
            tuple(Value(kind, r.name) for r in self.pool if r.kind == kind), clause
        ) or self._past(kind, clause)

    def _several(self, values: tuple[Value, ...], clause: Clause) -> tuple[Value, ...]:
        singular = any(
            before in ("the", "this", "that") and word in KIND_NOUNS and not word.endswith("s")
            for before, word in zip(clause.words, clause.words[1:], strict=False)
        )
        if len(values) > 1 and singular and not _PLURAL & set(clause.words) and values[0].kind != "text":
            names = ", ".join(value.text for value in values)
            raise CannotPlan(f"Which of {names} is meant by “{clause.raw}”? Name the file.")
        return values

    def _text(self, nouns: set[Kind], clause: Clause, task: str) -> tuple[Value, ...]:
        files = tuple(Value("text", resource.name) for resource in self.pool if resource.kind == "text")
        if files and "text" in nouns and not self.groups:
            return files
        media: tuple[Value, ...] = ()
        for kind in ("image", "audio"):
            if kind in nouns and (found := self._media(kind, clause, "")):
                media = found
        if media and not set(clause.words) & set(PRODUCTS):
            return media
        for group in reversed(self.groups):
            outputs = tasks()[group.task].outputs
            if "text" in outputs:
                source = group.sources and group.sources[0].kind == "text"
                spoken = task == "text-to-speech" or bool({"answer", "result", "them"} & set(clause.words))
                if group.task in ANALYSES and source and not spoken:
                    return group.sources
                return self.outputs(group, "text")
            if group.task not in ANALYSES and set(outputs) & set(BRIDGES):
                kind = next(kind for kind in outputs if kind in BRIDGES)
                return self.outputs(group, kind)
        if "text" in self.focus:
            return self.focus["text"]
        if files:
            return files
        literals = tuple(Value("text", m.value) for m in clause.masked.mentions if m.literal and not m.asked)
        if literals:
            return literals
        fitting = [tuple(Value(kind, r.name) for r in self.pool if r.kind == kind) for kind in BRIDGES]
        pools = [pool for pool in fitting if pool]
        if len(pools) > 1:
            raise CannotPlan(f"It is not clear which of the files “{clause.raw}” is about. Name the file.")
        return self._several(pools[0], clause) if pools else self._past("text", clause)

    def _turns(self) -> list[tuple[Resource, ...]]:
        """The files of each earlier turn, latest first: attached, produced, or named in words."""
        turns = []
        for turn in reversed(self.request.history):
            found = {
                resource.name: resource
                for resource in (*mask(turn.text, turn.resources).files(), *turn.resources)
            }
            turns.append(tuple(found.values()))
        return turns

    def _past(self, kind: Kind, clause: Clause) -> tuple[Value, ...]:
        if kind == "text":
            return self._told(clause)
        for resources in self._turns():
            fitting = [resource for resource in resources if resource.kind == kind]
            fitting = [resource for resource in fitting if not resource.interim] or fitting
            values = tuple(Value(kind, resource.name) for resource in fitting)
            if len(values) > 1 and not _PLURAL & set(clause.words):
                names = ", ".join(value.text for value in values)
                raise CannotPlan(f"Which of {names} is meant by “{clause.raw}”? Name the file.")
            if values:
                return values
        return ()

    def _told(self, clause: Clause) -> tuple[Value, ...]:
        """The latest answer: its result, what it quotes or says after a colon, an artifact, or all of it."""
        nouns = {KIND_NOUNS[word] for word in clause.words if word in KIND_NOUNS}
        for turn in reversed(self.request.history):
            if turn.role != "assistant":
                continue
            if turn.result and nouns <= {"text"}:
                return (Value("text", turn.result),)
            masked = mask(turn.text, turn.resources)
            media = [resource for resource in (*turn.resources, *masked.files()) if resource.kind in BRIDGES]
            quoted = [mention.value for mention in masked.mentions if mention.literal]
            if quoted and nouns <= {"text"}:
                return (Value("text", max(quoted, key=len)),)
            if media:
                return (Value(media[-1].kind, media[-1].name),)
            if nouns <= {"text"}:
                _, colon, after = turn.text.partition(": ")
                return (Value("text", after.strip() if colon and after.strip() else turn.text),)
            break
        for kind in BRIDGES:
            if kind in nouns and (found := self._past(kind, clause)):
                return found
        return ()


def points(clause: Clause) -> bool:
    """Whether a clause refers to something outside itself."""
    return any(word in PRONOUNS or word in KIND_NOUNS or word in PRODUCTS for word in clause.words) or bool(
        clause.mentions
    )
