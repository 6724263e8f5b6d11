"""Cuts a masked request into clauses, one instruction or question each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from controller.embedded.mentions import MARK, Masked, Mention
from controller.embedded.words import (
    FILLERS,
    KIND_NOUNS,
    LANGUAGES,
    PRODUCING,
    PRONOUNS,
    QUESTION,
    VERBS,
    normal,
    vocabulary,
)

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
_ATTENTION: Final = vocabulary(
    "look check consider take open see examine analyze analyse review listen load study view use"
)
_POINTERS: Final = vocabulary(
    "the this that these those at given following to my called named file it of from"
)
_OBJECTS: Final = frozenset({"it", "them", "this"})
_DETERMINERS: Final = vocabulary(
    """
    a an the some any my your his her our their another other of in on at with from to by about above below
    both all each every no not one two three four five if as than
    """
)
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
            if mention.asked:
                spoken += [normal(token) for token in re.findall(r"[\w']+", mention.value)]
            elif mention.literal:
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
            attention = next((word.norm for word in body if word.norm not in FILLERS), "") in _ATTENTION
            leads = (
                (body[0].norm in _LEADS and not _tells(body))
                or (attention and _pointing(body))
                or _keeps(body)
            )
            if leads and not clause.question:
                lead += tuple(body)
                continue
            found.append(clause)
            lead = ()
    if lead:
        found.append(Clause((), lead, False, masked))
    return found


def _pointing(body: Sequence[Word]) -> bool:
    """ "Look at a.jpg", "check the given text": only says what the next clause is about."""
    known = _ATTENTION | FILLERS | KIND_NOUNS.keys() | _ARTICLES
    return all(
        word.norm in known or bool(MARK.fullmatch(word.norm)) or word.norm in _POINTERS for word in body
    )


def _keeps(body: Sequence[Word]) -> bool:
    """ "Keep the pose of the man in a.jpg": says how the next clause is to draw."""
    told = [word.norm for word in body if word.norm in VERBS and word.norm not in FILLERS]
    return (
        len(told) == 1
        and told[0] in ("keep", "use", "copy", "follow", "reuse", "borrow", "match")
        and len(body) > 2
    )


def _words(text: str) -> list[Word]:
    words: list[Word] = []
    for token in _TOKEN.findall(text):
        if MARK.fullmatch(token):
            words.append(Word(token, token))
            continue
        first, *rest = normal(token).split() or [token]
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
            into = _into(words[start:position])
            if begun == "made" and into:
                parts.append(words[start:position])
                words = [*words[:end], *into, *words[end:]]
                start = end
                position = end + len(into)
                continue
            if begun == "made" and head:
                parts.append(words[start:position])
                words = [*words[:end], *head, *words[end:]]
                start = end
                position = end + len(head)
                continue
            if begun == "told" and not _purpose(words[start:position], words[end:]):
                parts.append(words[start:position])
                start = end
        position = end
    parts.append(words[start:])
    return [part for part in parts if part]


def _begins(words: list[Word], position: int, joint: list[str]) -> str:
    """Whether an instruction ("told") or a product of the verb before ("made") starts here."""
    wish = " ".join(word.norm for word in words[position : position + 4])
    if re.match(r"(?:now |then |also )?i(?: would|'d)? (?:want|need|like|wish|require)\b", wish):
        return "told"
    skipped = position
    while skipped < len(words) and words[skipped].norm in FILLERS:
        skipped += 1
    if skipped < len(words):
        word = words[skipped].norm
        if word in VERBS:
            return "told"
        if word in QUESTION and not (joint == [","] and word in ("which", "who", "where", "when", "whose")):
            return "told"
        whole = (
            MARK.fullmatch(words[position - len(joint) - 1].norm)
            or words[position - len(joint) - 1].norm in _OBJECTS
        )
        noun = word in KIND_NOUNS or word in PRONOUNS or word in _DETERMINERS or word in LANGUAGES
        if whole and {"and", "then"} & set(joint) and word.isalpha() and not noun and word not in _MADE:
            # An unknown verb after a complete instruction: better not understood than not seen.
            return "told"
    ahead = [word.norm for word in words[skipped : skipped + 5]]
    article = bool(ahead) and ahead[0] in _ARTICLES
    for offset, word in enumerate(ahead):
        if word in _MADE and (article or offset == 0):
            return "made"
        if word in ("of", "in", "and", ",") or word in VERBS or MARK.fullmatch(word):
            break
    return ""


def _into(words: list[Word]) -> list[Word]:
    """ "Turn it into": what is said again before a second thing to turn it into."""
    at = [i for i, word in enumerate(words) if word.norm == "into"]
    return words[: at[-1] + 1] if at and any(word.norm in VERBS for word in words[: at[-1]]) else []


def _purpose(before: list[Word], after: list[Word]) -> bool:
    """Whether "and" joins two verbs of one purpose: "segment it to find and separate the objects"."""
    verbs = [i for i, word in enumerate(before) if word.norm in VERBS]
    if len(verbs) < 2 or not after or after[0].norm not in VERBS:
        return False
    last = verbs[-1]
    wished = last > 1 and before[last - 2].norm in (
        "like",
        "want",
        "need",
        "you",
        "me",
        "love",
        "wish",
        "able",
    )
    pronoun = len(after) > 1 and after[1].norm in ("it", "them", "that", "this")
    bare = before[last].norm in KIND_NOUNS or last + 1 == len(before)
    return before[last - 1].norm == "to" and not (wished or pronoun or bare)


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
