"""Which sentences of a text say the most of it: central ones first, none that repeats another."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from deployments.engines.sentences import ended
from deployments.errors import BadInput

# What a reader of an invoice or a sign wants to know; such lines have no theme to be central to.
FACTS = (
    "Total amount due: 100.00 EUR",
    "Grand total 52.10",
    "Date: 1 January 2026",
    "Opening hours: 9 am to 5 pm",
)

_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
# Lines that are no sentences are told together, up to this many words as one.
_SENTENCE_WORDS = 18


def wanted(wish: str | None, pieces: Sequence[str]) -> int:
    """How many sentences to keep: "1", "one", "two sentences"; about a quarter where nothing is wished."""
    if wish is None or not wish.strip():
        return max(1, round(sum(map(_share, pieces)) / 4))
    found = re.search(r"\d+|" + "|".join(rf"\b{word}\b" for word in _WORDS), wish.casefold())
    if found is None and re.search(r"\b(?:a|single)\b", wish.casefold()):
        return 1
    count = 0 if found is None else int(found[0]) if found[0].isdigit() else _WORDS.index(found[0])
    if count < 1:
        raise BadInput(f"'{wish}' is no number of sentences to keep")
    return count


def choose(
    pieces: Sequence[str], vectors: NDArray[np.float32], facts: NDArray[np.float32], count: int
) -> list[int]:
    """The indices to keep, in the text's order. vectors: [n, d] and facts: [m, d], of length 1."""
    share = np.array([_share(piece) for piece in pieces])
    centre = vectors.mean(0)
    worth = vectors @ (centre / np.linalg.norm(centre))
    lines = share < 1
    worth[lines] = 0.3 * worth[lines] + 0.7 * (vectors[lines] @ facts.T).max(1, initial=0)
    # The opening names the subject: the headline of a page of lines above all.
    worth[0] += 0.4 if lines[0] else 0.1
    # Lines of one kind, a subtotal and a total, look alike and still say different things.
    repeats = np.where(lines, 0.1, 0.3)
    kept: list[int] = []
    room = float(count)
    left = set(range(len(pieces)))
    while left and room > 0:
        near = {i: max((float(vectors[i] @ vectors[j]) for j in kept), default=0.0) for i in left}
        best = max(left, key=lambda i: (0.7 * float(worth[i]) - repeats[i] * near[i], -i))
        left.remove(best)
        if share[best] <= room + 1e-6 or not kept:
            kept.append(best)
            room -= float(share[best])
    return sorted(kept)


def join(kept: Sequence[str]) -> str:
    """One text: sentences as they are, lines that are none strung together into one."""
    told: list[str] = []
    open_line = False
    for piece in kept:
        if open_line and not _prose(piece):
            told[-1] += f", {piece}"
        else:
            if open_line:
                told[-1] += "."
            told.append(piece)
        open_line = not ended(piece)
    return " ".join(told) + ("." if open_line else "")


def _prose(piece: str) -> bool:
    size = len(piece.split())
    return size >= _SENTENCE_WORDS or (ended(piece) and size > 3)


def _share(piece: str) -> float:
    """What a piece counts as: 1 for a sentence, less for a line that is none."""
    return 1.0 if _prose(piece) else len(piece.split()) / _SENTENCE_WORDS
