"""Keeps links that the language model made up, or was told to plant, from reaching the user.

>>> links = LinkFilter(["http://127.0.0.1:8000/v1/files/f1/content"])
>>> links.feed("Here: [picture](http://127.0.0.1:8000/v1/files/f1/con")
'Here: '
>>> links.feed("tent), also at https://evil.example/?q=1 and ![x](/images/x.png). Bye")
'[picture](http://127.0.0.1:8000/v1/files/f1/content), also at [link removed] and x. '
>>> links.finish()
'Bye'
"""

from __future__ import annotations

import re
from collections.abc import Iterable

REMOVED = "[link removed]"

_MEDIA = "png|jpe?g|gif|webp|bmp|svg|tiff?|avif|wav|mp3|flac|ogg|opus|m4a|aac|mp4|webm|mov|avi|mkv"
_TOP_LEVEL = "com|org|net|io|ai|co|dev|app|edu|gov|info|me|xyz|example"
_REST = r"[^\s<>\"'`\[\]|\\^{}]"
# What a reader, or the program that shows the answer, may follow. Repeats are bounded: matching stays linear.
_URL = re.compile(
    rf"""
    \b[a-z][a-z0-9+.-]{{0,30}}://{_REST}+
    | \b(?:data|javascript|vbscript|file|sandbox|blob|mailto|attachment):{_REST}+
    | (?<![\w:/])//[\w-]{{1,63}}(?:\.[\w-]{{1,63}}){{1,10}}{_REST}*            # //host.tld/…
    | \bwww\.{_REST}+
    | (?<![\w.-])(?:[\w-]{{1,63}}\.){{1,10}}(?:{_TOP_LEVEL})(?::\d+)?/{_REST}*   # host.tld/…
    | (?<![\w/.~])[~.]{{0,2}}/?(?:[\w.~%-]{{1,99}}/){{1,20}}[\w.%-]{{1,99}}\.(?:{_MEDIA})\b  # /images/x.png
    | (?<![\w/.~])/[\w.%-]{{1,99}}\.(?:{_MEDIA})\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
_LABEL = r"\[(?P<label>(?:[^\[\]\n]|\[[^\[\]\n]*\])*)\]"
_MARKDOWN = re.compile(
    rf"!?{_LABEL}\(\s*<?(?P<target>[^\s<>()]*(?:\([^\s<>()]*\)[^\s<>()]*)*)>?[^()\n]*\)", re.IGNORECASE
)
# In code, `items[0](x)` looks like a link; what it is followed to has one of these.
_ADDRESS = re.compile(r"[/:.%&\\]")
_TAG = re.compile(r"<[a-z][^<>]*?\b(?:href|src|srcset|action|data|poster|url)\s*=[^<>]*>", re.IGNORECASE)
_VALUE = re.compile(r"=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s>]+))")
_AFTER = ".,;:!?)*_~"

# What may still grow into one of these: an open tag, an open bracket, a last word.
_GROWING = re.compile(
    r"""
    <[a-z/!][^<>\n]*(?:>\S*)?\Z
    | !?\[(?:[^\[\]\n]|\[[^\[\]\n]*(?:\]|\Z))*(?:\](?:\((?:[^()\n]|\([^()\n]*(?:\)|\Z))*(?:\)\S*)?)?)?\Z
    | (?<!\S)\S+\Z
    """,
    re.IGNORECASE | re.VERBOSE,
)
# A bracket that stays open for longer than this is just a bracket.
_MOST_HELD = 4000


class LinkFilter:
    """Passes text on as it streams, without links outside `allowed` and the paths of files.

    A made-up link keeps its label; a bare one becomes `[link removed]`.
    """

    def __init__(self, allowed: Iterable[str]) -> None:
        self._allowed = frozenset(allowed)
        self._held = ""

    def feed(self, piece: str) -> str:
        """The text that can be shown now."""
        self._held += piece
        growing = _GROWING.search(self._held)
        cut = growing.start() if growing else len(self._held)
        if len(self._held) - cut > _MOST_HELD:
            cut = len(self._held)
        ready, self._held = self._held[:cut], self._held[cut:]
        return self._clean(ready)

    def finish(self) -> str:
        """The rest of the text."""
        ready, self._held = self._held, ""
        return self._clean(ready)

    def _clean(self, text: str) -> str:
        text = _TAG.sub(lambda m: m[0] if self._tag_allowed(m[0]) else "", text)
        # Twice: an image may be the label of a link.
        for _ in range(2):
            text = _MARKDOWN.sub(lambda m: m[0] if self._target_allowed(m["target"]) else m["label"], text)
        return _URL.sub(self._bare, text)

    def _target_allowed(self, target: str) -> bool:
        return target in self._allowed or not _ADDRESS.search(target)

    def _tag_allowed(self, tag: str) -> bool:
        return all((m[1] or m[2] or m[3] or "") in self._allowed for m in _VALUE.finditer(tag))

    def _bare(self, match: re.Match[str]) -> str:
        url = match[0]
        bare = url.rstrip(_AFTER)
        return url if {url, bare} & self._allowed else REMOVED + url[len(bare) :]


def links(text: str) -> set[str]:
    """The links in a text that somebody wrote."""
    found = {match[0] for match in _URL.finditer(text)}
    return found | {url.rstrip(_AFTER) for url in found}
