"""Adds the steps of a clause to the plan, with their arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from controller.embedded import arguments, controls
from controller.embedded.choice import inline, kind_of, missing, refusal
from controller.embedded.clauses import Clause
from controller.embedded.linker import Linker, Value
from controller.embedded.words import vocabulary
from deployments.task import tasks
from deployments.values import Kind

Args = dict[str, str | list[str]]

_DRAWN: Final = vocabulary("text-to-image text-to-video")
_CHATTED: Final = vocabulary("text-generation conversational")
_WRITTEN: Final = _DRAWN | _CHATTED | {"text2text-generation"}
_COMPARED: Final = vocabulary("sentence-similarity feature-extraction")
_PRONOUNS: Final = vocabulary("it that this them these")


class Builder:
    """The steps of one clause."""

    def __init__(self, clause: Clause, linker: Linker) -> None:
        self._clause = clause
        self._linker = linker

    def build(self, name: str | None) -> None:
        """Add the steps of a task, then translation and speech where the clause asks for them.

        Without a task only the latter. Raises CannotPlan where an input is missing.
        """
        languages = arguments.languages(self._clause)
        spoken = arguments.spoken(self._clause)
        if name is None or name in ("translation", "text-to-speech"):
            values = self._texts(name or ("translation" if languages else "text-to-speech"))
        elif name in _COMPARED:
            values = self._compared(name)
        elif name in _WRITTEN:
            values = self._written(name)
        else:
            values = self._worked(name)
        if name == "translation" or (languages and name not in _CHATTED):
            values = self._translated(values, languages)
        if name == "text-to-speech" or spoken:
            self._spoken(values)

    def _texts(self, name: str) -> tuple[Value, ...]:
        values = inline(self._clause, name) or self._linker.find("text", self._clause, name)
        if not values:
            raise refusal(self._clause, missing(name))
        return tuple(self._linker.bridge(value) for value in values)

    def _worked(self, name: str) -> tuple[Value, ...]:
        """A step for each thing the clause works on."""
        task, kind = tasks()[name], kind_of(tasks()[name])
        found = self._linker.find(kind, self._clause, name)
        if not found:
            raise refusal(self._clause, missing(name))
        control = controls.by_drawer(name)
        used = tuple(
            self._controlled(control, value) if control else self._worded(kind, value) for value in found
        )
        self._linker.focus[kind] = used
        sources = used if kind == "text" else found
        return self._recorded(
            name, [self._args(name, value) for value in used], sources, "text" in task.outputs
        )

    def _worded(self, kind: Kind, value: Value) -> Value:
        return self._linker.bridge(value) if kind == "text" else value

    def _controlled(self, control: controls.Control, value: Value) -> Value:
        """The control image to draw from, made first where the image is none yet."""
        if value.step is not None and self._linker.steps[value.step].task == control.maker:
            return value
        return self._output(control.maker, {"image": value.text}, "image")

    def _args(self, name: str, value: Value) -> Args:
        clause = self._clause
        if name == "question-answering":
            return {"text": self._question(), "context": value.text}
        args: Args = {kind_of(tasks()[name]): value.text}
        if control := controls.by_drawer(name):
            args["text"] = arguments.prompt(clause, control.pattern) or ""
        elif name == "image-to-image":
            args["text"] = arguments.instruction(clause)
        elif name.endswith("question-answering"):
            args["text"] = self._question()
        elif name == "summarization" and (count := arguments.sentences(clause)):
            args["sentences"] = count
        elif name == "text-classification" and (labels := arguments.labels(clause)):
            args["labels"] = labels
        return args

    def _question(self) -> str:
        quoted = [mention.value for mention in self._clause.mentions if mention.asked]
        return (quoted or [self._clause.raw])[0]

    def _compared(self, name: str) -> tuple[Value, ...]:
        """One step over several texts: those named, and with one only also what the clause points at."""
        clause, linker = self._clause, self._linker
        named = tuple(Value(mention.kind, mention.value) for mention in clause.mentions)
        found = named or linker.find("text", clause, name)
        if name == "sentence-similarity":
            if len(named) == 1:
                found = tuple(dict.fromkeys((*linker.pointed("text", clause, name), *named)))
            if len(found) < 2:
                raise refusal(clause, "it needs two texts to compare")
        if not found:
            raise refusal(clause, missing(name))
        texts = [linker.bridge(value).text for value in found]
        return self._recorded(name, [{"text": texts}], found, True)

    def _written(self, name: str) -> tuple[Value, ...]:
        """Tasks that work from words of the clause itself, or from what it points at."""
        clause, linker = self._clause, self._linker
        instruction = arguments.instruction(clause)
        prompt = arguments.prompt(clause) if name in _DRAWN else None
        literal = any(mention.literal for mention in clause.mentions)
        media = any(not mention.literal for mention in clause.mentions)
        alone = name in _CHATTED and not _PRONOUNS & set(clause.words)
        if prompt and not media:
            return self._recorded(name, [{"text": prompt}], (), False)
        if literal or (alone and not media):
            return self._recorded(name, [{"text": instruction}], (), name not in _DRAWN)
        found = linker.find("text", clause, name)
        if not found:
            raise refusal(clause, missing(name))
        texts = [linker.bridge(value).text for value in found]
        args: list[Args] = [{"text": text if name in _DRAWN else [instruction, text]} for text in texts]
        return self._recorded(name, args, found, name not in _DRAWN)

    def _translated(self, values: tuple[Value, ...], languages: list[str]) -> tuple[Value, ...]:
        if not values:
            raise refusal(self._clause, "there is no text to translate")
        args: list[Args] = [
            {"text": value.text, "language": language} if language else {"text": value.text}
            for language in languages or [""]
            for value in values
        ]
        return self._recorded("translation", args, values, True)

    def _spoken(self, values: tuple[Value, ...]) -> None:
        if not values:
            raise refusal(self._clause, "there is no text to speak")
        args: list[Args] = []
        for value in values:
            # A translation is spoken in its language.
            made = self._linker.steps[value.step].args if value.step is not None else {}
            args.append({"text": value.text, **{key: made[key] for key in ("language",) if key in made}})
        self._recorded("text-to-speech", args, values, False)

    def _recorded(
        self, name: str, args: Sequence[Args], sources: tuple[Value, ...], texts: bool
    ) -> tuple[Value, ...]:
        """Add a step for each of `args` as one group; what they say, where they give text."""
        made = tuple(self._output(name, each) for each in args)
        self._linker.record(name, [value.step for value in made if value.step is not None], sources)
        return tuple(dict.fromkeys(made)) if texts else ()

    def _output(self, name: str, args: Args, kind: Kind = "text") -> Value:
        step = self._linker.add(name, args)
        return Value(kind, f"<GENERATED>-{step}", step)
