"""What a request quotes or names: files, URLs, quoted strings and the text after a colon.

Each becomes a one-character mark in the masked text, so that its words are never taken for instructions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from controller.embedded.words import QUESTION, VERBS, normal
from controller.errors import CannotPlan
from controller.schema import Resource
from deployments.values import Kind

_KINDS: Final[dict[str, Kind]] = {
    **dict.fromkeys(["jpg", "jpeg", "png", "gif", "bmp", "webp", "tif", "tiff", "heic"], "image"),
    **dict.fromkeys(["wav", "mp3", "flac", "ogg", "oga", "m4a", "aac", "opus"], "audio"),
    **dict.fromkeys(["mp4", "mov", "avi", "mkv", "webm"], "video"),
    **dict.fromkeys(["txt", "md", "csv", "json", "log", "rst"], "text"),
}
# Named so that they can be refused by name.
_FOREIGN: Final = "pdf docx doc xlsx xls pptx ppt zip svg epub html htm"

_EXTENSION: Final = "|".join([*_KINDS, *_FOREIGN.split()])
_URL: Final = re.compile(r"https?://[^\s<>\"'\u201d]+[^\s<>\"'\u201d.,;:!?)]")
_FILE: Final = re.compile(rf"(?<![\w./~\\-])[~\w./\\-]*[\w)-]\.(?:{_EXTENSION})\b(?!\.\w)", re.IGNORECASE)
_QUOTE: Final = re.compile(
    r"\"([^\"]+)\"|\u201c([^\u201d]+)\u201d|\u00ab([^\u00bb]+)\u00bb|`([^`]+)`"
    r"|(?<!\w)'(?=\S)(.+?)(?<=\S)'(?!\w)|(?<!\w)\u2018(.+?)\u2019(?!\w)",
    re.DOTALL,
)
FIRST_MARK: Final = 0xE000
_MAX_MENTIONS: Final = 1000
MARK: Final = re.compile("[\ue000-\uf8ff]")
_COLON: Final = re.compile(r":(?=\s|[\ue000-\uf8ff]|$)")
_LABELS: Final = frozenset(
    {"context", "text", "passage", "article", "paragraph", "sentence", "review", "email"}
)
# Where quoted text ends and the request goes on.
_RESUMES: Final = re.compile(
    r"(?<=[.!?\n])\s*(?=(?:please|could you|can you)\b"
    r"|(?:and|now|then|after that|afterwards|finally|also|next,?) (?:please|could you|can you|"
    + "|".join(sorted(VERBS))
    + r")\b"
    r"|(?:translate|summari[sz]e|read|speak|say|draw|rewrite|paraphrase|compare|extract)"
    r" (?:it|this|that|the|all|out)\b)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Mention:
    """`value` is a file name, or the text itself where `literal`."""

    kind: Kind
    value: str
    literal: bool = False

    @property
    def asked(self) -> bool:
        """Whether it is a quoted question."""
        return self.literal and self.value.rstrip().endswith("?")


@dataclass(frozen=True)
class Masked:
    """Text with a mark for each of its mentions; `foreign` are files of a type nothing here reads."""

    text: str
    mentions: tuple[Mention, ...]
    foreign: tuple[str, ...] = ()

    def mention(self, mark: str) -> Mention:
        return self.mentions[ord(mark) - FIRST_MARK]

    def restore(self, text: str) -> str:
        """The text with marks written out again as the user wrote them, without quotation marks."""
        return MARK.sub(lambda match: self.mention(match[0]).value, text)

    def files(self) -> tuple[Resource, ...]:
        return tuple(Resource(name=m.value, kind=m.kind) for m in self.mentions if not m.literal)


def kind_of(name: str) -> Kind | None:
    """The kind a file name's extension stands for."""
    return _KINDS.get(PurePosixPath(name.split("?")[0]).suffix.lower().lstrip("."))


def mask(text: str, known: Iterable[Resource] = ()) -> Masked:
    """Mark the mentions of a text; `known` are files of the conversation, matched by name."""
    return _Masker(text, known).masked()


class _Masker:
    def __init__(self, text: str, known: Iterable[Resource]) -> None:
        self._text = MARK.sub(" ", text)
        self._known = {resource.name: resource for resource in known}
        self._mentions: list[Mention] = []
        self._foreign: list[str] = []

    def masked(self) -> Masked:
        for name in sorted(self._known, key=len, reverse=True):
            pattern = rf"(?<![\w/.])['\"]?{re.escape(name)}['\"]?(?![\w])"
            self._text = re.sub(pattern, lambda m: self._file(m[0].strip("'\"")), self._text)
        self._text = _URL.sub(lambda m: self._file(m[0]), self._text)
        self._text = _QUOTE.sub(self._quote, self._text)
        self._text = _FILE.sub(lambda m: self._file(m[0]), self._text)
        self._payload()
        return Masked(self._text, tuple(self._mentions), tuple(self._foreign))

    def _mark(self, mention: Mention) -> str:
        if mention not in self._mentions:
            if len(self._mentions) == _MAX_MENTIONS:
                raise CannotPlan(
                    "The request quotes or names more than I can keep apart. Ask for less at once."
                )
            self._mentions.append(mention)
        return chr(FIRST_MARK + self._mentions.index(mention))

    def _file(self, name: str) -> str:
        kind = self._known[name].kind if name in self._known else kind_of(name)
        if kind is None:
            self._foreign.append(name)
            return name
        return self._mark(Mention(kind, name))

    def _quote(self, match: re.Match[str]) -> str:
        quoted = next(group for group in match.groups() if group is not None).strip()
        if MARK.fullmatch(quoted):
            return quoted
        if "\n" not in quoted and (_FILE.fullmatch(quoted) or kind_of(quoted)):
            return self._file(quoted)
        return self._mark(Mention("text", self._plain(quoted), literal=True))

    def _plain(self, text: str) -> str:
        return MARK.sub(lambda m: self._mentions[ord(m[0]) - FIRST_MARK].value, text)

    def _payload(self) -> None:
        """Mark the text after each colon that introduces one; other colons become commas."""
        position = 0
        while match := _COLON.search(self._text, position):
            before, after = self._text[: match.start()], self._text[match.end() :]
            position = match.end()
            lead = re.split(r"[.!?;\n]\s|[\ue000-\uf8ff]\s*[,.]?\s", before)[-1].strip()
            bare = re.sub(
                r"[\ue000-\uf8ff]|[\s,.;!?&'\"]|\b(?:and|[a-h]|[1-9])\b", "", after, flags=re.IGNORECASE
            )
            label = normal(lead.split()[-1]) if lead else ""
            if label in ("question", "q") and len(lead.split()) <= 2:
                self._ask(match, lead, after)
            elif not bare or not lead:
                self._separate(match, label)
            elif label in _LABELS and len(lead.split()) <= 2:
                # "Context: … Question: …"
                if MARK.match(after.strip()):
                    self._drop(match, lead)
                    continue
                end = re.search(r"\b(?:question|q|context|text|passage)\s*:", after, re.IGNORECASE)
                self._swallow(match, after, end.start() if end else None)
                start = match.start() - len(lead.split()[-1])
                self._text = self._text[:start] + self._text[match.start() :]
                position = start
            elif self._introduces(lead):
                self._swallow(match, after, None)
                position = match.start() + 1
            else:
                self._separate(match, label)

    def _separate(self, match: re.Match[str], label: str) -> None:
        # "A: a.jpg" loses its label, "for a.jpg: …" gets a comma; the length stays.
        start, mark = (match.start() - 1, "  ") if len(label) == 1 else (match.start(), ",")
        self._text = self._text[:start] + mark + self._text[match.end() :]

    @staticmethod
    def _introduces(lead: str) -> bool:
        words = [normal(word.strip(",\"'()")) for word in lead.split()]
        told = [
            word
            for word in words
            if word in VERBS | QUESTION or word in ("tl;dr", "tldr", "sentiment", "prompt")
        ]
        return bool(told) and not re.search(
            r"\b(?:do|perform|steps?|things?|tasks?|help|instructions?)\b", lead.lower()
        )

    def _drop(self, match: re.Match[str], lead: str) -> None:
        """Take the label off "Context: '…'", which becomes a sentence of its own."""
        after = self._text[match.end() :].strip()
        start = match.start() - len(lead.split()[-1])
        self._text = f"{self._text[:start]}{after[0]} . {after[1:].lstrip(' .')}".ljust(match.end())

    def _ask(self, match: re.Match[str], lead: str, after: str) -> None:
        """Let "Question: …" stand as a sentence of its own."""
        before = self._text[: match.start() - len(lead.split()[-1])]
        quoted = MARK.match(after.strip())
        asked = self._plain(quoted[0]) if quoted else ""
        self._text = f"{before}. {asked}{after.strip()[1:] if quoted else after}"

    def _swallow(self, match: re.Match[str], after: str, end: int | None) -> None:
        """Make the text after a colon a mention, up to `end` or to where the request goes on."""
        if end is None and (resumed := _RESUMES.search(after)):
            end = resumed.start()
        body, rest = (after, "") if end is None else (after[:end], after[end:])
        known = MARK.fullmatch(body.strip(" .,\n"))
        mark = known[0] if known else self._mark(Mention("text", self._plain(body.strip()), literal=True))
        self._text = f"{self._text[: match.start()]} {mark} {'. ' if rest else ''}{rest.lstrip()}"
