"""Wordings no fixed graph of steps can express: conditions, loops, exceptions, arithmetic over results."""

from __future__ import annotations

import re
from typing import Final

_BEYOND: Final[dict[str, tuple[str, ...]]] = {
    "a condition": (
        # "Tell me if …" asks whether, "if you can" is politeness.
        r"(?<!\bsee )(?<!\bme )(?<!\bknow )(?<!\bcheck )(?<!\bout )(?<!\bas )"
        r"\bif\b(?! possible| you (?:can|could|don't mind))",
        r"\bunless\b|\botherwise\b|\belse\b|\bdepending on\b|\bin case\b",
        r"\bwh(?:en|ere|ich)ever\b|\bprovided that\b|\bonly when\b",
    ),
    "a repetition": (
        r"\buntil\b|\btill\b|\brepeat\w*\b|\bkeep \w+ing\b|\bover and over\b|\bagain and again\b",
        r"\b(?:two|three|four|five|ten|\d+|several|many) (?:more )?times\b",
        r"\bevery (?:day|hour|minute|time)\b",
        r"\b(?:for|of) (?:each|every)(?: \w+)?"
        r" (?:object|person|word|sentence|name|result|label|line|face)s?\b",
        r"\b(?:\d+|two|three|four|five|several|different|multiple) (?:\w+ )?(?:variation|version|variant)s\b",
    ),
    "an exception": (
        r"\b(?:do not|don't|no need to|(?:and|but|please) never|except|excluding|but not|not the)\b",
        r"\b(?:leave out|ignor\w+|skip|without \w+ing|instead of \w+ing|rather than \w+ing)\b",
    ),
    "a comparison or calculation over results": (
        r"\b(?:add up|sum of|subtract|on average|the average|in total|percent\w*|rank)\b",
        r"\bhow (?:many|much) more\b|\bthe (?:difference|ratio) between\b|\bsort (?:them|the results) by\b",
        r"\bwhich .*\b(?:more|most|fewer|fewest|less|least|best|better|higher|highest)\b",
        r"\bhow many (?:words|letters|characters|sentences|lines|times)\b",
        r"\bwhich .*\b(?:biggest|largest|longest|shortest)\b",
    ),
    "an order I cannot follow": (r"\b(?:before|after) (?:that you |you )?\w+ing (?:it|them|that)\b",),
}


def beyond(text: str) -> str | None:
    """What in a masked, lower-case text no fixed plan can express, or None."""
    return next((what for what, patterns in _BEYOND.items() for p in patterns if re.search(p, text)), None)
