"""Request → clauses → tasks → steps, or a refusal that quotes what was not understood."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from typing import Final

from controller.embedded import arguments
from controller.embedded.bank import BEYOND, KNOWLEDGE, TALK, Bank, Embed
from controller.embedded.clauses import Clause, clauses
from controller.embedded.limits import beyond
from controller.embedded.linker import Linker, Value, points
from controller.embedded.mentions import MARK, mask
from controller.embedded.words import DRAWING, KIND_NOUNS, OUTSIDE, VERBS, vocabulary
from controller.errors import CannotPlan
from controller.plan import Draft
from controller.schema import Request, Step
from deployments.task import Task, tasks
from deployments.values import Kind

# A clause closer than this to no phrase is not understood.
_THRESHOLD: Final = 0.5
# Two tasks closer than this to each other are a guess.
_MARGIN: Final = 0.03
_CUE: Final = 0.25
_BRIDGED: Final = 0.07
# What a step that was not asked for must at least be worth.
_SURE: Final = 0.65
_QUESTION: Final = 0.52
# What a control image shows, and the two tasks that make it and draw from it.
_CONTROLS: Final = {
    "hed": (r"\bhed\b|\bsoft edges?\b", "hed-control"),
    "canny": (r"\bcanny\b|\bedges?\b", "canny-control"),
    "mlsd": (r"\bmlsd\b|\bstraight[- ]lines?\b|\bline segments?\b|\bwireframe\b", "mlsd-control"),
    "normal": (r"\bnormals?\b(?: map)?", "normal-control"),
    "openpose": (r"\bposes?\b|\bposture\b|\bskeletons?\b|\bstance\b|\bopen ?pose\b", "openpose-control"),
    "depth": (r"\bdepth\b", "depth-estimation"),
    "seg": (r"\bsegment(?:ation|s|ed)?\b", "image-segmentation"),
}
_BACK: Final = re.compile(
    r"\b(?:from|with|using|use|based on|on|following|follow|like|by|to)"
    r" (?:it|that|this|them|these|those|the (?:result|lines?|edges?|map|pose|skeleton|depth|outlines?))\b"
)
_GIVEN: Final = re.compile(
    r"^(?:here(?:'s| is| are)?|(?:i|we)(?:'ve| have)(?: got)?(?! to\b)|(?:i|we)(?:'m| am| are| can't| cannot| don't| didn't)|i got|i attached"
    r"|i uploaded|attached|there(?:'s| is| are)|(?:the|this|that|these|those|my|our|his|her|it|its)(?: \S+){0,6}?"
    r" (?:is|are|was|were|has|have|contains|says|shows|includes|reads))\b"
)
_WANTED: Final = re.compile(
    r"\b(?:needs?|should|must|want|to be|would like|i'd like|can you|could you|please)\b"
)
_ASKED: Final = re.compile(
    r"(?:tell|show|let|check|see|say|find|explain|know|determine|figure)(?: me| us| out| know)*"
    r" (?:what|who|where|when|which|why|how|whether|if)\b"
)
_ELLIPSIS: Final = re.compile(
    r"^(?:and |so )?(?:what|how) about\b|^(?:and )?the other\b|\b(?:do|and) the same\b"
)
# Tasks that answer the same wish: which of them is chosen is no misunderstanding.
_ALIKE: Final = (
    vocabulary(
        "visual-question-answering document-question-answering object-detection image-classification image-to-text"
    ),
    vocabulary("text-generation conversational"),
)
_SPEAKERS: Final = vocabulary("say speak pronounce announce narrate recite voice utter")
_GETTERS: Final = vocabulary("give get want need have tell show")
_TRANSLATORS: Final = vocabulary("translate say put render convert")


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
        past = [resource for turn in request.history for resource in turn.resources]
        masked = mask(request.text, (*request.resources, *past))
        if masked.foreign:
            raise CannotPlan(
                f"I cannot read {', '.join(masked.foreign)}: files are text, images or audio recordings."
            )
        parts = clauses(masked)
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
                _Reading(clause, score, linker).plan()
        if not linker.steps:
            return
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
    """The best of the variants for each label; the one that speaks of texts counts for tasks on texts only."""
    *variants, textual = scores
    best = {label: max(score[label] for score in variants) for label in textual}
    for name, task in tasks().items():
        if _main(task) == "text":
            best[name] = max(best[name], textual[name])
    return best


def _idle(clause: Clause, score: Mapping[str, float]) -> bool:
    """Whether the clause asks for nothing: greetings, thanks, "here are two photos", bare file names."""
    words = [word.norm for word in arguments.bare(clause.body)]
    if all(MARK.fullmatch(word) or word in KIND_NOUNS.keys() - VERBS for word in words) or not re.search(
        r"[a-z]", " ".join(words)
    ):
        return True
    if _GIVEN.match(clause.plain()) and not clause.question and not _WANTED.search(clause.plain()):
        return True
    best = max(score[name] for name in tasks())
    idle = max(score[TALK], score[KNOWLEDGE] if not clause.masked.mentions else 0.0)
    return idle >= 0.5 and idle > best and idle > score[BEYOND] and not clause.mentions


class _Reading:
    """One clause, its closeness to each label, and the plan it adds to."""

    def __init__(self, clause: Clause, score: Mapping[str, float], linker: Linker) -> None:
        self._clause = clause
        self._linker = linker
        self._plain = clause.plain()
        self._score = dict(score)
        for name in tasks():
            if self._cued(name):
                self._score[name] += _CUE

    def plan(self) -> None:
        """Add the clause's steps: its task, then translation and speech where it asks for them."""
        languages = arguments.languages(self._clause)
        spoken = bool(arguments.SPEECH.search(self._plain))
        name = self._control() or self._choose(languages, spoken)
        if name is None:
            values = self._linker.find("text", self._clause, "translation" if languages else "text-to-speech")
            values = tuple(self._linker.bridge(value) for value in values)
        elif name in ("translation", "text-to-speech"):
            values = self._texts(name)
        else:
            values = self._step(name)
        if (name == "translation" or languages) and name not in ("text-generation", "conversational"):
            values = self._translated(values, languages)
        if name == "text-to-speech" or spoken:
            self._spoken(values)

    def _refuse(self, why: str) -> CannotPlan:
        return CannotPlan(
            f"I do not understand “{self._clause.raw}” well enough to plan it without an LLM: {why}."
        )

    def _choose(self, languages: list[str], spoken: bool) -> str | None:
        """The task of the clause; None where it only says how to deliver: "out loud", "in French"."""
        rest = arguments.stripped(self._plain)
        said = arguments.bare(self._clause.body)
        if said[0].norm in _SPEAKERS | _TRANSLATORS | _GETTERS:
            said = said[1:]
        if (languages or spoken) and arguments.referential(said):
            words = {word for word in rest.split()}
            if not words & {"what", "read", "written", "describe", "caption"}:
                return "text-to-speech" if words & _SPEAKERS and not spoken else None
        first = next(iter(arguments.bare(self._clause.body))).norm
        if first in OUTSIDE and not re.match(
            r"\w+ me\b", " ".join(w.norm for w in arguments.bare(self._clause.body))
        ):
            raise self._refuse(f"none of my tasks can {first} anything")
        if _ELLIPSIS.search(self._plain):
            raise self._refuse("say in full what to do with which file")
        ranked = sorted(((self._fit(name), name) for name in tasks()), reverse=True)
        (best, name), alien = ranked[0], max(self._score[BEYOND], self._score[TALK], self._score[KNOWLEDGE])
        top = max(tasks(), key=lambda known: self._score[known])
        if best < _THRESHOLD:
            if self._score[top] >= _THRESHOLD:
                raise self._refuse(_missing(tasks()[top]))
            raise self._refuse("it is close to no task I know")
        rival = next(
            (other for score, other in ranked[1:] if not any({name, other} <= alike for alike in _ALIKE)),
            name,
        )
        if best - self._fit(rival) < _MARGIN and rival != name:
            raise self._refuse(f"it could be {name} or {rival}")
        if alien > best - (_CUE if self._cued(name) else 0):
            raise self._refuse("it asks for something that is none of my tasks")
        if self._score[top] - best > 0.2:
            raise self._refuse(_missing(tasks()[top]))
        return name

    def _cued(self, name: str) -> bool:
        return any(re.search(cue, self._plain) for cue in tasks()[name].cues)

    def _fit(self, name: str) -> float:
        """The score of a task, lowered where its input is a bridge away, 0 where nothing fits it."""
        score, clause = self._score[name], self._clause
        kind = _main(tasks()[name])
        if name.endswith("-text-to-image"):
            return 0.0
        if name in ("text-to-image", "text-generation", "conversational", "text-to-video"):
            if name == "text-to-image" and any(mention.kind != "text" for mention in clause.mentions):
                return 0.0
            if name == "conversational" and clause.mentions:
                return 0.0
            return score
        values = self._inline(name) or self._linker.find(kind, clause, name)
        if not values:
            return 0.0
        if kind == "text" and values[0].kind != "text":
            score -= _BRIDGED
            if not self._cued(name) and score < _SURE:
                return 0.0
        if name == "translation" and not arguments.languages(clause) and not self._cued(name):
            return 0.0
        if name == "translation" and arguments.languages(clause):
            # "what do they say in English": the language is a wish about the result of another task.
            score -= _BRIDGED
        if self._asks() or any(mention.asked for mention in clause.mentions):
            if name == "visual-question-answering" and (clause.mentions or points(clause)):
                return max(score, _QUESTION)
            if name == "question-answering" and values[0].kind == "text":
                return max(score, _QUESTION)
        return score

    def _asks(self) -> bool:
        text = " ".join(word.norm for word in arguments.bare(self._clause.body))
        if re.match(_ASKED, text):
            return True
        first = text.split()[0]
        return self._clause.question or first in (
            "what",
            "who",
            "where",
            "when",
            "which",
            "why",
            "how",
            "is",
            "are",
            "does",
            "do",
            "did",
            "was",
            "whether",
        )

    def _control(self) -> str | None:
        """The task that draws from a control image, where the clause asks for that."""
        clause, linker = self._clause, self._linker
        text = clause.plain(whole=True)
        if not any(word in DRAWING or word in arguments.PICTURE for word in clause.words):
            return None
        kinds = [kind for kind, (pattern, _) in _CONTROLS.items() if re.search(pattern, text)][:1]
        last = linker.groups[-1].task if linker.groups else ""
        if not kinds and _BACK.search(text):
            kinds = [
                kind for kind, (_, task) in _CONTROLS.items() if task == last and task != "image-segmentation"
            ]
        if not kinds or not self._prompt(_CONTROLS[kinds[0]][0]):
            return None
        if not linker.find("image", clause, f"{kinds[0]}-text-to-image"):
            return None
        return f"{kinds[0]}-text-to-image"

    def _prompt(self, control: str = "(?!)") -> str | None:
        literals = [mention.value for mention in self._clause.mentions if mention.literal]
        if literals:
            return literals[-1]
        text = arguments.prompt(self._clause)
        if text is None:
            return None
        # What follows is how to draw, not what.
        text = re.split(
            rf"(?i),? (?:based on|using|with|from|following|in|and (?:her|his|their|its|the)|that has|guided by|on|by)(?: \w+){{0,3}}? "
            rf"(?:{control}|(?:it|that|this|them|these)\b)",
            text,
        )[0].strip(" ,")
        head = " ".join(text.split()[:4]).lower()
        vague = (
            head.startswith("the ")
            or MARK.search(text)
            or any(m.value in text for m in self._clause.mentions)
        )
        return text if text and not vague and not re.search(control, head) else None

    def _inline(self, name: str) -> tuple[Value, ...]:
        if self._clause.mentions:
            return ()
        verbs = {"text-to-speech": _SPEAKERS, "translation": _TRANSLATORS}.get(name)
        text = arguments.inline(self._clause, verbs) if verbs else None
        return (Value("text", text),) if text else ()

    def _texts(self, name: str) -> tuple[Value, ...]:
        values = self._inline(name) or self._linker.find("text", self._clause, name)
        if not values:
            raise self._refuse(_missing(tasks()[name]))
        return tuple(self._linker.bridge(value) for value in values)

    def _translated(self, values: tuple[Value, ...], languages: list[str]) -> tuple[Value, ...]:
        if not values:
            raise self._refuse("there is no text to translate")
        made: list[Value] = []
        for language in languages or [""]:
            for value in values:
                args: dict[str, str | list[str]] = {"text": value.text}
                if language:
                    args["language"] = language
                made.append(self._output("translation", args))
        self._linker.record("translation", [value.step or 0 for value in made], values)
        return tuple(made)

    def _spoken(self, values: tuple[Value, ...]) -> None:
        if not values:
            raise self._refuse("there is no text to speak")
        made = []
        for value in values:
            args: dict[str, str | list[str]] = {"text": value.text}
            step = self._linker.steps[value.step] if value.step is not None else None
            if step is not None and "language" in step.args:
                args["language"] = step.args["language"]
            made.append(self._output("text-to-speech", args, "audio"))
        self._linker.record("text-to-speech", [value.step or 0 for value in made], values)

    def _output(self, task: str, args: Mapping[str, str | list[str]], kind: Kind = "text") -> Value:
        step = self._linker.add(task, args)
        return Value(kind, f"<GENERATED>-{step}", step)

    def _step(self, name: str) -> tuple[Value, ...]:
        """Add the steps of a task, one per value it is asked for; their outputs."""
        clause, linker, task = self._clause, self._linker, tasks()[name]
        kind = _main(task)
        if name in ("sentence-similarity", "feature-extraction"):
            return self._many(name)
        if name in (
            "text-to-image",
            "text-to-video",
            "text-generation",
            "conversational",
            "text2text-generation",
        ):
            return self._written(name)
        found = linker.find(kind, clause, name)
        if not found:
            raise self._refuse(_missing(task))
        sources = found
        if name.endswith("-text-to-image"):
            found = self._controlled(name, found)
        elif kind == "text":
            found = tuple(linker.bridge(value) for value in found)
        made = []
        for value in found:
            args: dict[str, str | list[str]] = {kind: value.text}
            if name == "question-answering":
                args = {"text": self._question(), "context": value.text}
            elif "text" in task.inputs and kind != "text":
                args["text"] = self._words(name)
            if name == "summarization" and (count := arguments.sentences(clause)):
                args["sentences"] = count
            if name == "text-classification" and (labels := arguments.labels(clause)):
                args["labels"] = labels
            made.append(linker.add(name, args))
        linker.record(name, made, sources if kind != "text" else found)
        linker.focus[kind] = found
        if "text" in task.outputs:
            return linker.outputs(linker.groups[-1], "text")
        return ()

    def _words(self, name: str) -> str:
        if name.endswith("-text-to-image"):
            return self._prompt(_CONTROLS[name.removesuffix("-text-to-image")][0]) or ""
        if name == "image-to-image":
            return arguments.instruction(self._clause)
        return self._question()

    def _question(self) -> str:
        quoted = [m.value for m in self._clause.mentions if m.asked]
        return (quoted or [self._clause.raw])[0]

    def _controlled(self, name: str, images: tuple[Value, ...]) -> tuple[Value, ...]:
        """The control images to draw from, made first where an image is none yet."""
        control = _CONTROLS[name.removesuffix("-text-to-image")][1]
        ready = []
        for value in images:
            if value.step is not None and self._linker.steps[value.step].task == control:
                ready.append(value)
            else:
                ready.append(self._output(control, {"image": value.text}, "image"))
        return tuple(ready)

    def _many(self, name: str) -> tuple[Value, ...]:
        clause, linker = self._clause, self._linker
        named = tuple(Value(m.kind, m.value) for m in clause.mentions)
        found = named
        if name == "sentence-similarity" and len(found) < 2:
            pointed = linker._pointed("text", clause, name)
            found = tuple(dict.fromkeys((*pointed, *named)))
        elif not found:
            found = linker.find("text", clause, name)
        if len(found) < (2 if name == "sentence-similarity" else 1):
            raise self._refuse(
                "it needs two texts to compare" if name == "sentence-similarity" else _missing(tasks()[name])
            )
        texts = [linker.bridge(value).text for value in found]
        step = linker.add(name, {"text": texts})
        linker.record(name, [step], found)
        return linker.outputs(linker.groups[-1], "text")

    def _written(self, name: str) -> tuple[Value, ...]:
        """Tasks that work from words of the clause itself, or from what it points at."""
        clause, linker = self._clause, self._linker
        texts: list[str | list[str]]
        sources: tuple[Value, ...] = ()
        prompt = self._prompt() if name in ("text-to-image", "text-to-video") else None
        media = any(mention.kind != "text" or not mention.literal for mention in clause.mentions)
        pronoun = bool({"it", "that", "this", "them", "these"} & set(clause.words))
        if prompt and not media:
            texts = [prompt]
        elif (name in ("text-generation", "conversational") and not media and not pronoun) or any(
            mention.literal for mention in clause.mentions
        ):
            texts = [arguments.instruction(clause)]
        else:
            sources = linker.find("text", clause, name)
            if not sources:
                raise self._refuse(_missing(tasks()[name]))
            bridged = [linker.bridge(value).text for value in sources]
            if name in ("text-to-image", "text-to-video"):
                texts = list(bridged)
            else:
                texts = [[arguments.instruction(clause), text] for text in bridged]
        made = [linker.add(name, {"text": text}) for text in texts]
        linker.record(name, made, sources)
        return linker.outputs(linker.groups[-1], "text") if "text" in tasks()[name].outputs else ()


def _main(task: Task) -> Kind:
    return next((kind for kind in ("image", "audio") if kind in task.inputs), "text")


def _missing(task: Task) -> str:
    kind = _main(task)
    return f"it sounds like {task.name}, and there is no {'recording' if kind == 'audio' else kind} for it"
