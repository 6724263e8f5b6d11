"""Control images: what they show, the task that makes each, and how a clause asks to draw from one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Control:
    """`pattern` finds its words in a clause; `maker` makes the image that `drawer` draws from."""

    pattern: str
    maker: str
    drawer: str


# The first whose words are found counts: soft edges before edges.
CONTROLS: Final = (
    Control(r"\bhed\b|\bsoft edges?\b", "hed-control", "hed-text-to-image"),
    Control(r"\bcanny\b|\bedges?\b", "canny-control", "canny-text-to-image"),
    Control(
        r"\bmlsd\b|\bstraight[- ]lines?\b|\bline segments?\b|\bwireframe\b",
        "mlsd-control",
        "mlsd-text-to-image",
    ),
    Control(r"\bnormals?\b(?: map)?", "normal-control", "normal-text-to-image"),
    Control(
        r"\bposes?\b|\bposture\b|\bskeletons?\b|\bstance\b|\bopen ?pose\b",
        "openpose-control",
        "openpose-text-to-image",
    ),
    Control(r"\bdepth\b", "depth-estimation", "depth-text-to-image"),
    Control(r"\bsegment(?:ation|s|ed)?\b", "image-segmentation", "seg-text-to-image"),
)

_BACK: Final = re.compile(
    r"\b(?:from|with|using|use|based on|on|following|follow|like|by|to)"
    r" (?:it|that|this|them|these|those|the (?:result|lines?|edges?|map|pose|skeleton|depth|outlines?))\b"
)


def named(text: str) -> Control | None:
    """The control image a clause names, as in "the same pose"."""
    return next((control for control in CONTROLS if re.search(control.pattern, text)), None)


def meant(text: str, last: str) -> Control | None:
    """The control image that the step before made, where a clause only says "from it"."""
    if not _BACK.search(text):
        return None
    # A segmentation is mostly made for its own sake.
    return next(
        (control for control in CONTROLS if control.maker == last and last != "image-segmentation"), None
    )


def by_drawer(task: str) -> Control | None:
    return next((control for control in CONTROLS if control.drawer == task), None)
