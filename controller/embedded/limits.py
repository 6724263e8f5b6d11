"""Wordings no fixed graph of steps can express: conditions, loops, exceptions, arithmetic over results."""

from __future__ import annotations

import re
from typing import Final

_BEYOND: Final = {
    "a condition": r"(?<!\bsee )(?<!\bme )(?<!\bknow )(?<!\bcheck )(?<!\bout )(?<!\bas )\bif\b(?! possible| you (?:can|could|don't mind))"
    r"|\bunless\b|\botherwise\b|\belse\b|\bdepending on\b|\bin case\b|\bwhenever\b|\bprovided that\b|\bonly when\b",
    "a repetition": r"\buntil\b|\btill\b|\brepeat\w*\b|\bkeep \w+ing\b|\bover and over\b|\bagain and again\b"
    r"|\b(?:two|three|four|five|ten|\d+|several|many) (?:more )?times\b|\bevery (?:day|hour|minute|time)\b"
    r"|\b(?:for|of) (?:each|every)(?: \w+)? (?:object|person|word|sentence|name|result|label|line|face|entity|city)s?\b"
    r"|\b(?:\d+|two|three|four|five|several|different|multiple) (?:\w+ )?(?:variations|versions|variants)\b",
    "an exception": r"\b(?:do not|don't|no need to|(?:and|but|please) never|except|excluding|but not|not the|leave out|ignor\w+|skip)\b"
    r"|\bwithout \w+ing\b|\b(?:instead of|rather than) \w+ing\b",
    "a comparison or calculation over results": r"\b(?:add up|sum of|subtract|on average|the average|in total)\b"
    r"|\bhow many more\b|\bhow much more\b|\bwhich (?:one |image |photo |picture |file |recording |of \S+ )?.*\b(?:more|most|fewer|fewest|less|least|biggest|largest|longest|shortest|best|better|higher|highest)\b"
    r"|\bthe (?:difference|ratio) between\b|\bpercent\w*\b|\bsort (?:them|the results) by\b|\brank\b",
    "an order I cannot follow": r"\b(?:before|after) (?:that you |you )?\w+ing (?:it|them|that)\b",
}


def beyond(text: str) -> str | None:
    """What in a masked, lower-case text no fixed plan can express, or None."""
    for what, pattern in _BEYOND.items():
        if re.search(pattern, text):
            return what
    return None
