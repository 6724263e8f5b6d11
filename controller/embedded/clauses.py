"""Cuts a masked request into clauses, one instruction or question each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from controller.embedded.mentions import MARK, Masked, Mention
from controller.embedded.words import FILLERS, KIND_NOUNS, PRODUCING, QUESTION, VERBS, normal, vocabulary

_TOKEN: Final = re.compile(
    r"(?i:tl;dr)|[\ue000-\uf8ff]|\d+(?:[.,]\d+)+|[\w&][\w'\u2019/&-]*(?:\+\+)?|[.,;!?\n()]|-(?=\s)|\S"
)
_STOPS: Final = frozenset(".!?;\n")
_JOINTS: Final = frozenset(
    {",", "and", "then", "also", "plus", "but", "-", "followed", "while", "afterwards"}
)
_LEADS: Final = vocabulary("""
    given using with based from for in on about regarding by taking considering as following according
    use to
    """)
_ARTICLES: Final = vocabulary("a an the some another its their one new")
_MADE: Final = vocabulary("""
    audio video picture image clip speech story poem joke summary caption description translation
    transcript transcription map drawing painting haiku limerick song animation narration photo edges
    skeleton summaries captions mask masks segmentation labels illustration version
    """)


@dataclass(frozen=True)
class Word:
    """A word as written and as understood; a mention is its mark in both."""

    raw: str
    norm: str


@dataclass(frozen=True)
class Clause:
    """`lead` is what the sentence started from ("based on a.jpg, …"); `body` is the instruction."""

    lead: tuple[Word, ...]
    body: tuple[Word, ...]
    question: bool
    masked: Masked

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(word.norm for word in self.lead + self.body)

    @property
    def mentions(self) -> tuple[Mention, ...]:
        marks = dict.fromkeys(word for word in self.words if MARK.fullmatch(word))
        return tuple(self.masked.mention(mark) for mark in marks)

    @property
    def raw(self) -> str:
        """The instruction as the user wrote it."""
        return self.masked.restore(written(self.body)) + ("?" if self.question else "")

    def plain(self, whole: bool = False) -> str:
        """Normalised words; a mention is named by its kind."""
        words = self.lead + self.body if whole else self.body
        spoken: list[str] = []
        for word in words:
            if not MARK.fullmatch(word.norm):
                spoken.append(word.norm)
                continue
            mention = self.masked.mention(word.norm)
            before = spoken[-1] if spoken else ""
            if mention.literal:
                spoken.append("this text")
            elif KIND_NOUNS.get(before) != mention.kind:
                spoken.append(mention.kind if before in ("the", "this", "my", "a") else f"the {mention.kind}")
        return " ".join(spoken).replace(" ,", ",").strip(" ,-")

    def textual(self) -> str:
        """Normalised words as if what the clause works on were text already."""
        spoken = [
            "text"
            if MARK.fullmatch(word.norm) or KIND_NOUNS.get(word.norm) in ("image", "audio")
            else word.norm
            for word in self.body
            if word.norm not in (",", "-")
        ]
        return re.sub(r"\btext(?: (?:file )?text)+\b", "text", " ".join(spoken))


def written(words: Sequence[Word]) -> str:
    """Raw words joined again."""
    text = " ".join(word.raw for word in words if word.raw)
    return re.sub(r"\s+([,.)])", r"\1", text).replace("( ", "(").strip(" ,-\n")


def clauses(masked: Masked) -> list[Clause]:
    """The clauses of a request in order. A lead without an instruction joins the clause after it."""
    found: list[Clause] = []
    lead: tuple[Word, ...] = ()
    for sentence, question in _sentences(masked.text):
        parts = _split(sentence)
        for body in parts:
            clause = Clause(lead, tuple(body), question and body is parts[-1], masked)
            if body[0].norm in _LEADS and not _tells(body) and not clause.question:
                lead += tuple(body)
                continue
            found.append(clause)
            lead = ()
    if lead:
        found.append(Clause((), lead, False, masked))
    return found


def _words(text: str) -> list[Word]:
    words: list[Word] = []
    for token in _TOKEN.findall(text):
        if MARK.fullmatch(token):
            words.append(Word(token, token))
            continue
        first, *rest = normal(token).split()
        words += [Word(token, first), *(Word("", word) for word in rest)]
    return words


def _sentences(text: str) -> list[tuple[list[Word], bool]]:
    sentences: list[tuple[list[Word], bool]] = []
    current: list[Word] = []
    for word in _words(text):
        if word.norm in _STOPS or not word.norm:
            if current:
                sentences.append((current, word.norm == "?"))
            current = []
        else:
            current.append(word)
    if current:
        sentences.append((current, False))
    return sentences


def _split(words: list[Word]) -> list[list[Word]]:
    parts: list[list[Word]] = []
    start = position = 0
    while position < len(words):
        end = position
        while end < len(words) and words[end].norm in _JOINTS:
            end += 1
        if end == position:
            position += 1
            continue
        if position > 0 and end < len(words):
            joint = [word.norm for word in words[position:end]]
            begun = _begins(words, end, joint)
            head = _head(words[start:position])
            if begun == "made" and head:
                parts.append(words[start:position])
                words = [*words[:end], *head, *words[end:]]
                start = end
                position = end + len(head)
                continue
            if begun == "told":
                parts.append(words[start:position])
                start = end
        position = end
    parts.append(words[start:])
    return [part for part in parts if part]


def _begins(words: list[Word], position: int, joint: list[str]) -> str:
    """Whether an instruction ("told") or a product of the verb before ("made") starts here."""
    skipped = position
    while skipped < len(words) and words[skipped].norm in FILLERS:
        skipped += 1
    if skipped < len(words):
        word = words[skipped].norm
        if word in VERBS:
            return "told"
        if word in QUESTION and not (joint == [","] and word in ("which", "who", "where", "when", "whose")):
            return "told"
    ahead = [word.norm for word in words[skipped : skipped + 5]]
    article = bool(ahead) and ahead[0] in _ARTICLES
    for offset, word in enumerate(ahead):
        if word in _MADE and (article or offset == 0):
            return "made"
        if word in ("of", "in", "and", ",") or word in VERBS or MARK.fullmatch(word):
            break
    return ""


def _head(words: list[Word]) -> list[Word]:
    """The producing verb of a clause, to be said again before its next product."""
    for index, word in enumerate(words):
        if word.norm in VERBS | {"want", "need", "like", "love"}:
            if word.norm not in PRODUCING:
                return []
            after = words[index + 1 : index + 2]
            return [word, *(after if after and after[0].norm in ("me", "us") else [])]
    return []


def _tells(words: Sequence[Word]) -> bool:
    return any(word.norm in VERBS - {"use", "model", "sound"} for word in words)
