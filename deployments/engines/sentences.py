"""Text → sentences."""

from __future__ import annotations

import re

_END = re.compile(r"[.!?…]+[\"'”)\]]*(?=\s|$)")
_ABBREVIATION = re.compile(
    r"(?:\b(?:mr|mrs|ms|dr|prof|st|no|nr|vs|etc|inc|ltd|co|corp|approx|dept|fig|e\.g|i\.e)|\b[a-z])\.$",
    re.IGNORECASE,
)


def split(text: str) -> list[str]:
    """The sentences of a text in order. A line that is no prose, as on a sign, counts as one."""
    return [sentence for paragraph in _paragraphs(text) for sentence in _sentences(paragraph)]


def ended(sentence: str) -> bool:
    """Whether it ends like a sentence, which a line of a sign or an invoice does not."""
    return re.search(r"[.!?…][\"'”)\]]*$", sentence) is not None


def _paragraphs(text: str) -> list[str]:
    """The lines of a text, those that were broken only by the width of the page joined again."""
    lines = [" ".join(line.split()) for line in text.splitlines()]
    widest = max(map(len, lines), default=0)
    # Prose has long lines, many of which begin in the middle of a sentence; a form or a sign has neither.
    full_lines = [line for line in lines if line]
    inside = sum(line[0].islower() for line in full_lines[1:])
    wrapped = 4 * inside > len(full_lines) or sum(len(line.split()) for line in full_lines) > 7 * len(
        full_lines
    )
    found: list[str] = []
    goes_on = False
    for line in lines:
        if line and found and (goes_on or (line[0].islower() and not ended(found[-1]))):
            found[-1] += f" {line}"
        elif line:
            found.append(line)
        full = len(line.split()) > 4 and len(line) > 0.6 * widest and not line[-1].isdigit()
        goes_on = wrapped and full and not ended(line)
    return found


def _sentences(paragraph: str) -> list[str]:
    found: list[str] = []
    start = 0
    for match in _END.finditer(paragraph):
        piece, rest = paragraph[start : match.end()], paragraph[match.end() :].lstrip()
        if match[0] == "." and (_ABBREVIATION.search(piece) or rest[:1].islower()):
            continue
        found.append(piece.strip())
        start = match.end()
    if paragraph[start:].strip():
        found.append(paragraph[start:].strip())
    return found
