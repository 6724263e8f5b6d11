"""The layout of a read document: its rows, its columns, and the answer to a question about it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from deployments.engines import questions


@dataclass(frozen=True)
class Line:
    """A piece of text as it was read. box: four corners [x, y] from the top left, clockwise, in pixels."""

    text: str
    score: float
    box: tuple[tuple[int, int], ...]

    @property
    def left(self) -> int:
        return min(x for x, _ in self.box)

    @property
    def right(self) -> int:
        return max(x for x, _ in self.box)

    @property
    def top(self) -> int:
        return min(y for _, y in self.box)

    @property
    def bottom(self) -> int:
        return max(y for _, y in self.box)

    @property
    def middle(self) -> float:
        return sum(y for _, y in self.box) / len(self.box)

    @property
    def height(self) -> int:
        return self.bottom - self.top


Row = list[Line]


def rows(lines: Sequence[Line]) -> list[Row]:
    """The lines in reading order: rows from top to bottom, each from left to right; columns one by one."""
    return [row for block in _blocks(list(lines)) for row in _rows(block)]


def _rows(lines: Sequence[Line]) -> list[Row]:
    found: list[Row] = []
    for line in sorted(lines, key=lambda line: line.middle):
        last = found[-1] if found else []
        if last and line.middle - last[-1].middle < 0.5 * min(line.height, last[-1].height):
            last.append(line)
        else:
            found.append([line])
    return [sorted(row, key=lambda line: line.left) for row in found]


def _blocks(lines: list[Line]) -> Iterator[list[Line]]:
    """Columns of running text apart; a table or a form stays whole, its cells are too short for prose."""
    gutter = _gutter(lines)
    if gutter is not None:
        for side in (True, False):
            yield from _blocks([line for line in lines if (line.right <= gutter) == side])
        return
    # A heading over both columns hides the gutter: look for it above and below the widest gap.
    ordered = sorted(lines, key=lambda line: line.top)
    gaps = [(below.top - above.bottom, i) for i, (above, below) in enumerate(pairwise(ordered), 1)]
    size = median(line.height for line in lines) if lines else 0
    gap, cut = max(gaps, default=(0, 0))
    if gap > 0.8 * size and (_gutter(ordered[cut:]) is not None or _gutter(ordered[:cut]) is not None):
        yield from _blocks(ordered[:cut])
        yield from _blocks(ordered[cut:])
    else:
        yield lines


def _gutter(lines: Sequence[Line]) -> int | None:
    """The x between two columns of prose: at least three lines each side, of four words or more."""
    for line in sorted(lines, key=lambda line: line.right):
        left = [other for other in lines if other.right <= line.right]
        right = [other for other in lines if other.left > line.right]
        if len(left) + len(right) == len(lines) and all(_prose(side) for side in (left, right)):
            return line.right
    return None


def _prose(lines: Sequence[Line]) -> bool:
    return len(lines) >= 3 and median(len(line.text.split()) for line in lines) >= 4


# Questions


@dataclass(frozen=True)
class Answer:
    """`text` is quoted from the document; `score` in [0, 1] tells how well the place fits the question."""

    text: str
    score: float
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class _Pair:
    """A label and what may be its value; `trust` tells how surely the layout ties the two."""

    label: str
    value: str
    lines: tuple[Line, ...]
    trust: float


# One word ← the wordings of the same thing on invoices, receipts and forms, and in questions about them.
_SAME = [
    (re.compile("|".join(rf"\b(?:{wording})(?!\w)" for wording in wordings)), f" {word} ")
    for word, wordings in {
        "subtotal": [r"sub[- ]?total", r"net (?:amount|total)", r"total (?:before tax|excl\w*)"],
        "duedate": [
            r"due date",
            r"payment due",
            r"(?:pay(?:ment)?|payable|due) (?:by|on)",
            r"deadline",
            r"when\b.*\b(?:due|pay|paid)",
            r"(?:date|day)\b.*\bdue",
        ],
        "total": [
            r"grand total",
            r"total (?:amount|due|price|cost|sum|payable)",
            r"(?:amount|balance) (?:due|payable)",
            r"how much\b.*\b(?:pay|owe|due|charged?|spen[dt]|(?:invoice|receipt|bill) for)",
            r"(?:have |need )?to pay",
            r"owed?",
            r"altogether",
            r"in total",
            r"(?:full )?amount",
        ],
        "customer": [
            r"(?:bill(?:ed)?|sold|invoiced?|ship(?:ped)?|deliver(?:ed)?)(?: it)? to",
            r"customer",
            r"client",
            r"buyer",
            r"recipient",
            r"whom?\b.*\b(?:pays|for)",
        ],
        "seller": [
            r"seller|vendor|supplier|merchant|shop|store|issuer|company|sender",
            r"(?:issued|sent) by",
            r"whom?\b.*\b(?:sent|issued|wrote|from|(?:i|we) (?:pay|owe))",
        ],
        "number": [r"(?:no|nr|num)\b\.?"],
        "invoice": [r"inv\b\.?"],
        "birthdate": [r"date of birth", r"birth ?da(?:te|y)", r"d\.?o\.?b\.?", r"born"],
        "date": [
            r"(?:issue|invoice) date",
            r"date (?:issued|of issue|of (?:the )?invoice)",
            r"issued(?: on)?",
            r"when\b.*\b(?:written|sent|made)",
            r"when",
            r"dated",
        ],
        "tax": [r"v\.?a\.?t\.?", r"g\.?s\.?t\.?", r"sales tax", r"taxes"],
        "phone": [r"(?:tel|telephone|mobile|call|cell|phone)\b\.?(?: number)?"],
        "email": [r"e-?mail(?: address)?"],
        "website": [r"web ?site", r"url", r"web"],
        "quantity": [r"qty", r"how many", r"pcs", r"pieces", r"units", r"count"],
        "price": [r"unit price", r"costs?", r"how much", r"each"],
        "address": [r"where", r"street", r"lives?"],
        "reference": [r"ref\b\.?"],
        "name": [r"(?:full name|applicant|holder|person)(?:'s)?"],
        "lastname": [r"surname", r"(?:last|family) name"],
        "firstname": [r"(?:first|given) names?", r"forename"],
        "signature": [r"signed"],
    }.items()
]
# Labels of one word that means little elsewhere.
_LONE = {
    "due": "duedate",
    "to": "customer",
    "for": "customer",
    "attn": "customer",
    "from": "seller",
    "by": "seller",
}
_WEAK_WORDS = """
    invoice receipt bill document form page image picture paper written name number price date time
    rate order buy bought item png jpg jpeg
"""
# Words that say little: they tell two places apart only where nothing else does.
_WEAK = {questions.stem(word) for word in _WEAK_WORDS.split()}
# Questions for everything that is written.
_WHOLE = re.compile(r"\b(?:what|read)\b.*\b(?:says?|said|written|reads?|text)\b")
_WHOLE_WORDS = _WEAK | {"sign", "letter", "label", "poster", "not", "text", "say", "said", "read"}
# What else answers a question of a kind: "when" may be an hour, or "within 14 days".
_ALSO: dict[str, tuple[str, ...]] = {
    "date": ("time", "measure"),
    "measure": ("number",),
    "money": ("number",),
}
# A pair scored lower than this is no answer.
_ENOUGH = 0.45


def text(page: Sequence[Row]) -> str:
    """One line of text a row."""
    return "\n".join(" ".join(line.text for line in row) for row in page)


def answer(question: str, page: Sequence[Row]) -> Answer | None:
    """The place of the page that answers the question, None where nothing on it fits."""
    asked = _concepts(question)
    lines = tuple(line for row in page for line in row)
    if _WHOLE.search(question.casefold()) and set(questions.words(question)) <= _WHOLE_WORDS:
        return Answer(text(page), 1.0, lines)
    kind = questions.kind(question)
    best = max(
        (_rate(pair, asked, kind) for pair in _pairs(page)), key=lambda found: found.score, default=None
    )
    if best is None or best.score < _ENOUGH:
        best = _unlabelled(asked, kind, page)
    return best


def _rate(pair: _Pair, asked: set[str], kind: str | None) -> Answer:
    """How well a pair answers: its label says what was asked and little else, its value is of the kind."""
    label = _concepts(pair.label)
    weight = {word: 0.3 if word in _WEAK else 1.0 for word in asked | label}
    shared = sum(weight[word] for word in asked & label)
    if not shared:
        return Answer("", 0.0, pair.lines)
    recall = shared / sum(weight[word] for word in asked)
    # A sentence is no label: it says more than was asked.
    precision = recall if pair.label == pair.value else shared / sum(weight[word] for word in label)
    score = recall * (0.6 + 0.4 * precision) * pair.trust
    value = pair.value
    # A name may be written in any way, so any value may be one.
    if kind is not None and kind != "name":
        typed = questions.find(kind, pair.value)
        if not typed:
            # A number may answer "how much", a word cannot.
            score *= 0.8 if any(questions.find(other, pair.value) for other in _ALSO.get(kind, ())) else 0.3
        elif kind != "number" and len(typed) == 1:
            value = typed[0]
    return Answer(value, round(score * min(line.score for line in pair.lines), 3), pair.lines)


def _pairs(page: Sequence[Row]) -> Iterator[_Pair]:
    for index, row in enumerate(page):
        for column, cell in enumerate(row):
            yield from _inside(cell)
            label = cell.text.rstrip(" :.…_-")
            if not any(char.isalpha() for char in label) or _SENTENCE.search(cell.text):
                continue
            rest = row[column + 1 :]
            if rest and not _labels(rest[0], page[index + 1 :]):
                yield _Pair(label, _with_currency(rest), (cell, *rest[:1]), 1.0)
            for value in rest[1:]:
                if not _labels(value, page[index + 1 :]):
                    yield _Pair(label, value.text, (cell, value), 0.9)
            for value in rest:
                header = _header(value, page[:index])
                if header:
                    yield _Pair(f"{label} {header.text}", value.text, (cell, value), 0.98)
            below = _below(cell, page[index + 1 :])
            # Beside a label stands its value; only where nothing does is it looked for underneath.
            if below:
                trust = 0.97 if not rest or _labels(rest[0], page[index + 1 :]) else 0.8
                yield _Pair(label, below[0].text, (cell, below[0]), trust)
                if len(below) > 1:
                    yield _Pair(
                        f"{label} address", ", ".join(line.text for line in below[1:]), (cell, *below), trust
                    )


# What labels nothing, whatever stands beside it.
_SENTENCE = re.compile(r"(?:\S+ ){3,}\S+[.!?]$")
# A currency, or the first word with a digit in it, opens the value of "Total EUR 42.00".
_VALUE = re.compile(r"(?<=\s)(?:[€$£¥₹#]|(?:EUR|USD|GBP|CHF)\b|\S*\d)")


def _inside(cell: Line) -> Iterator[_Pair]:
    """Label and value in one piece of text: "Invoice No: 17", "Total EUR 42.00", "Opens at nine"."""
    colon = re.match(r"([^:]*[^\W\d][^:]*?) ?: ?(?!//)(\S.*)", cell.text)
    if colon:
        yield _Pair(colon[1], colon[2], (cell,), 1.0)
    starts = [cell.text.find(date) for date in questions.find("date", cell.text)]
    starts += [match.start() for match in _VALUE.finditer(cell.text)]
    start = min(starts, default=0)
    if start > 0 and not colon:
        yield _Pair(cell.text[:start], cell.text[start:].lstrip("# "), (cell,), 0.97)
    if len(cell.text.split()) >= 3:
        yield _Pair(cell.text, cell.text, (cell,), 0.75)


def _with_currency(cells: Sequence[Line]) -> str:
    """The first cell, and the second where the two are an amount and its currency."""
    both = " ".join(cell.text for cell in cells[:2])
    numbers = [cell for cell in cells[:2] if any(char.isdigit() for char in cell.text)]
    return both if len(numbers) == 1 and questions.find("money", both) == [both] else cells[0].text


def _overlap(one: Line, other: Line) -> bool:
    return min(one.right, other.right) > max(one.left, other.left)


def _header(cell: Line, above: Sequence[Row]) -> Line | None:
    """The head of the cell's column: the nearest row above that has several cells and no digits."""
    for row in reversed(above):
        if len(row) > 1 and not any(char.isdigit() for line in row for char in line.text):
            return next((line for line in row if _overlap(line, cell)), None)
    return None


def _labels(cell: Line, after: Sequence[Row]) -> bool:
    """Whether a cell is a label itself: it ends with a colon or has one inside, or heads a value below."""
    if re.search(r"[^\W\d]:(?: |$)", cell.text):
        return True
    return not any(char.isdigit() for char in cell.text) and bool(_below(cell, after))


def _below(cell: Line, rows: Sequence[Row]) -> list[Line]:
    """The lines under a cell, in its column, without a gap and up to the next label."""
    found: list[Line] = []
    last = cell
    for row in rows:
        here = [line for line in row if _overlap(line, cell)]
        if not here:
            continue
        gap = here[0].top - last.bottom
        # The first value may stand a little off its label.
        if gap > (1.6 if last is cell else 0.9) * cell.height or re.search(r":(?: |$)", here[0].text):
            break
        found.append(here[0])
        last = here[0]
    return found


def _unlabelled(asked: set[str], kind: str | None, page: Sequence[Row]) -> Answer | None:
    """What documents show without a label: their date, an address of e-mail, a title, who they are from."""
    lines = [line for row in page for line in row]
    general = asked - _WEAK - {"email", "websit", "phon", "seller", "address"}
    if kind in ("date", "email", "website", "phone") and not general:
        for line in lines:
            for value in questions.find(kind, line.text):
                return Answer(value, 0.5, (line,))
    if ("seller" in asked or asked & {"titl", "head", "headlin"}) and lines:
        tallest = max(line.height for line in lines)
        large = next(
            (line for line in lines if line.height >= 0.8 * tallest and not _concepts(line.text) <= _WEAK),
            None,
        )
        return Answer(large.text, 0.5, (large,)) if large else None
    return None


def _concepts(text: str) -> set[str]:
    lowered = text.casefold().replace("#", " number ")
    for pattern, word in _SAME:
        lowered = pattern.sub(word, lowered)
    lone = _LONE.get(lowered.strip(" :"))
    return {questions.stem(lone)} if lone else set(questions.words(lowered))
