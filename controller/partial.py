"""JSON objects out of text that is still being written.

Language models put fences and prose around their JSON, wrap it in another object, write Python's quotes and
leave commas behind. The scanner finds the objects by the structure of the text alone, in one pass, and
reports each as soon as it is complete.

>>> scanner = Scanner(key="task")
>>> scanner.feed('Sure! ```json\\n[{"task": "image-to-text", "id')
[Named(value='image-to-text')]
>>> [text] = scanner.feed('": 0, "args": {"image": "a.png"},}]```')
>>> parsed(text)
{'task': 'image-to-text', 'id': 0, 'args': {'image': 'a.png'}}
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json

from controller.errors import PlanError

_CLOSES = {"}": "{", "]": "["}


@dataclass(frozen=True)
class Named:
    """The value of `key` of an object whose rest is still to come."""

    value: str


@dataclass
class _Open:
    """A bracket that is still open, and where it stands."""

    bracket: str
    start: int
    is_item: bool
    # The last complete string, which is the key once a colon follows.
    string: str | None = None
    key: str | None = None


class Scanner:
    """Reports objects that have `key`, or are items of a list; what they contain is part of them.

    `empty` tells that the text held an empty list or object and no object to report: a plan of nothing.
    """

    def __init__(self, key: str) -> None:
        self.empty = False
        self._key = key
        self._text = ""
        self._open: list[_Open] = []
        # The bracket of the object being reported, once it is known to be one.
        self._object: _Open | None = None
        self._found = False
        self._quote = ""
        self._string_start = 0
        self._escaped = False
        # The last character outside strings that is no space.
        self._last = ""

    def feed(self, text: str) -> list[Named | str]:
        """What became complete with this piece: the text of an object, before that the value of its key."""
        found: list[Named | str] = []
        start = len(self._text)
        self._text += text
        for position, char in enumerate(text, start):
            if self._quote:
                found += self._in_string(position, char)
            elif char in "\"'" and self._open and self._last in "{[,:":
                self._quote, self._string_start = char, position
            elif char in "{[":
                is_item = bool(self._open) and self._open[-1].bracket == "["
                self._open.append(_Open(char, position, is_item))
                if char == "{" and is_item and self._object is None:
                    self._object = self._open[-1]
            elif char in "}]":
                found += self._close(position, char)
            elif char == ":" and self._open:
                self._open[-1].key = self._open[-1].string
            if not self._quote and not char.isspace():
                self._last = char
        return found

    def finish(self) -> None:
        """The text is complete. Raises PlanError where it breaks off, or holds no JSON of the form."""
        if self._object is not None or self._quote:
            raise PlanError("the JSON breaks off before it is complete")
        if not self._found and not self.empty:
            raise PlanError(f'there is no JSON object with "{self._key}" in it')

    def _in_string(self, position: int, char: str) -> list[Named | str]:
        if self._escaped:
            self._escaped = False
        elif char == "\\":
            self._escaped = True
        elif char == self._quote:
            self._quote = ""
            inside = self._open[-1]
            inside.string = self._text[self._string_start + 1 : position]
            if inside.bracket == "{" and inside.key == self._key and self._last == ":":
                if self._object is None:
                    self._object = inside
                if self._object is inside:
                    return [Named(inside.string)]
        return []

    def _close(self, position: int, char: str) -> list[Named | str]:
        if not self._open or self._open[-1].bracket != _CLOSES[char]:
            # Prose: a bracket that closes nothing.
            return []
        closed = self._open.pop()
        if closed is self._object:
            self._object = None
            self._found = True
            self.empty = False
            return [self._text[closed.start : position + 1]]
        if not self._found and self._object is None and self._last == closed.bracket:
            self.empty = True
        return []


def parsed(text: str) -> dict[str, Any]:
    """An object in JSON, or in Python's spelling: single quotes, trailing commas, None. Raises PlanError."""
    try:
        value = from_json(text)
    except ValueError as fault:
        try:
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            raise PlanError(f"this is not valid JSON ({fault}): {text[:200]}") from None
    if not isinstance(value, dict):
        raise PlanError(f"this is not a JSON object: {text[:200]}")
    return value
