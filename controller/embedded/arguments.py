"""Literal arguments, copied from the clause that asks for them; nothing is made up."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from controller.embedded.clauses import Clause, Word, written
from controller.embedded.mentions import MARK
from controller.embedded.words import (
    DRAWING,
    FILLERS,
    KIND_NOUNS,
    LANGUAGES,
    NUMBERS,
    ORDINALS,
    PRODUCTS,
    PRONOUNS,
    VERBS,
    vocabulary,
)

_LANGUAGE: Final = "|".join(sorted(LANGUAGES))
_INTO: Final = re.compile(
    rf"\b(?:in|into|to|2)(?: (?:both|the|simple|plain))?"
    rf" ((?:{_LANGUAGE})(?:(?:,? and|,) (?:into |to |in )?(?:{_LANGUAGE}))*)\b(?! text)"
)
_VERSION: Final = re.compile(rf"\b({_LANGUAGE}) (?:version|translation)\b")
SPEECH: Final = re.compile(
    r"\b(?:out loud|aloud|loudly|verbally|by voice|with (?:your|a) voice|in (?:a|your) (?:\w+ )?voice"
    r"|as (?:an? )?(?:audio|speech|mp3|wav|sound|voice)(?: (?:file|note|message|clip|recording))?"
    r"|in (?:an? )?(?:audio|speech|spoken)(?: form)?|to (?:hear|listen to)|(?<=, )spoken$)\b"
)
_SENTENCES: Final = re.compile(rf"\b(\d+|{'|'.join(NUMBERS)}|a(?: single)?)[ -](?:short )?sentences?\b")
_OR: Final = re.compile(r"([\w-]+(?:, [\w-]+)*),? or ([\w-]+)")
_BY: Final = (
    "(?:based on|using|with|from|following|in|and (?:her|his|their|its|the)|that has|guided by|on|by)"
)
_HOW: Final = re.compile(rf"(?i),? {_BY}(?: \w+){{0,3}}? (?:it|that|this|them|these)\b")
PICTURE: Final = vocabulary("""
    image images picture pictures photo photograph painting drawing illustration video clip animation
    movie scene art artwork pic gif render rendering film
    """)
_PLAIN: Final = vocabulary("""
    a an the some new short nice quick little beautiful another me us one different small
    """)
_ARTICLES: Final = vocabulary("a an another new one")
_OF: Final = vocabulary("""
    of showing with where depicting about that which in from based on for to shows has features prompt
    """)
_GLUE: Final = vocabulary("""
    a an the of in on from to for with by at as and or says said written reads writing says' read say
    there here you my me your what whatever which is are was were does do above below attached following
    given content contents words word file files thing things version new original whole full entire
    short again text image audio using use based about that's prompt following loud aloud voice language
    speech back just into out shown found inside
    """)


def languages(clause: Clause) -> list[str]:
    """Languages to translate into, as in "into French and German"."""
    text = clause.plain()
    found = [match[1] for match in _INTO.finditer(text)] + [match[1] for match in _VERSION.finditer(text)]
    return [name.capitalize() for part in found for name in re.findall(_LANGUAGE, part)]


def stripped(text: str) -> str:
    """A clause's plain text without "in French" and "out loud"."""
    return re.sub(r"\s+", " ", SPEECH.sub("", _INTO.sub("", text))).strip(" ,")


def sentences(clause: Clause) -> str | None:
    """How many sentences a summary may have."""
    match = _SENTENCES.search(clause.plain())
    if not match:
        return None
    return "1" if match[1].startswith("a") else NUMBERS.get(match[1], match[1])


def labels(clause: Clause) -> list[str]:
    """The choices of "positive or negative", "sports, politics or science"."""
    match = _OR.search(clause.plain(whole=True))
    if not match:
        return []
    return [*match[1].split(", "), match[2]]


def bare(words: Sequence[Word]) -> tuple[Word, ...]:
    """The words without the politeness before the verb."""
    start = 0
    while start < len(words) and words[start].norm in FILLERS | {","}:
        start += 1
    return tuple(words[start:]) or tuple(words)


def referential(words: Sequence[Word]) -> bool:
    """Whether the words only point at something and say nothing of their own."""
    return all(
        word.norm in PRONOUNS
        or word.norm in _GLUE
        or word.norm in FILLERS
        or word.norm in KIND_NOUNS
        or word.norm in PRODUCTS
        or word.norm in ORDINALS
        or word.norm in LANGUAGES
        or word.norm in {",", "'", "(", ")"}
        or bool(MARK.fullmatch(word.norm))
        for word in words
    )


def spoken(clause: Clause) -> bool:
    """Whether the answer is to be heard: "out loud", "with your voice"."""
    return SPEECH.search(clause.plain()) is not None


def prompt(clause: Clause, control: str | None = None) -> str | None:
    """What a picture or video is to show: a quote, or the words after "draw", "an image of".

    With the pattern of a control image's words, those that only say how to draw are left out.
    """
    if literals := [mention.value for mention in clause.mentions if mention.literal]:
        return literals[-1]
    text = _HOW.split(_drawn(clause) or "")[0].strip(" ,")
    if control is not None:
        text = re.split(rf"(?i),? {_BY}(?: \w+){{0,3}}? (?:{control})", text)[0].strip(" ,")
        head = " ".join(text.split()[:4]).lower()
        if head.startswith("the ") or re.search(control, head):
            return None
    # A file's name is no description.
    return None if not text or any(mention.value in text for mention in clause.mentions) else text


def _drawn(clause: Clause) -> str | None:
    words = list(bare(clause.body))
    drawn = [
        i
        for i in range(1, len(words))
        if (words[i].norm in DRAWING and words[i - 1].norm == "to")
        or (
            words[i].norm in PICTURE
            and words[i - 1].norm in _ARTICLES
            and any(w.norm in _OF for w in words[i + 1 : i + 2])
        )
    ]
    if drawn:
        words = words[drawn[-1] :]
    if words[0].norm not in DRAWING | {"use"} and not any(word.norm in PICTURE for word in words[:5]):
        return None
    if words[0].norm in VERBS - DRAWING - KIND_NOUNS.keys() - {"use"}:
        return None
    while words and words[0].norm in DRAWING | FILLERS | {"use"}:
        words = words[1:]
    picture = next((i for i, word in enumerate(words[:5]) if word.norm in PICTURE), None)
    if picture is not None and all(word.norm in _PLAIN for word in words[:picture]):
        words = words[picture + 1 :]
        while words and words[0].norm in _OF:
            words = words[1:]
    if not words or referential(words):
        return None
    return clause.masked.restore(written(words)) or None


def inline(clause: Clause, verbs: frozenset[str]) -> str | None:
    """The words between the verb and "in French" or "out loud", as in "say good night in Welsh"."""
    words = list(bare(clause.body))
    at = next((i for i, word in enumerate(words) if word.norm in verbs), None)
    if at is None or at > 4:
        return None
    words = words[at + 1 :]
    plain = " ".join(word.norm for word in words)
    for pattern in (_INTO, SPEECH):
        if match := pattern.search(plain):
            kept = len(plain[: match.start()].split())
            words = words[:kept] if kept else words[len(plain[: match.end()].split()) :]
            plain = " ".join(word.norm for word in words)
    if (
        not words
        or referential(words)
        or words[0].norm in {"the", "this", "that", "these", "its", "my", "their", "what"}
    ):
        return None
    return clause.masked.restore(written(words))


def instruction(clause: Clause) -> str:
    """The clause as an instruction, without the politeness before its verb."""
    return clause.masked.restore(written(bare(clause.body)))
