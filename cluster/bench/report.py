"""Numbers beside their targets, as tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Target:
    """A limit that a number is to stay under, or to come up to where `at_least`."""

    limit: float
    at_least: bool = False

    def reached(self, value: float) -> bool:
        return value >= self.limit if self.at_least else value <= self.limit

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.limit:g}"


@dataclass
class Section:
    """One table. `targets`: what was wanted of each row that had a target, and whether it was reached."""

    title: str
    columns: Sequence[str]
    note: str = ""
    rows: list[tuple[str, ...]] = field(default_factory=list)
    reached: list[bool] = field(default_factory=list)

    def add(self, *cells: str, ratio: float, target: Target | None = None) -> None:
        """A row: its cells, then the ratio, the target and whether it was reached."""
        verdict = ("", "")
        if target is not None:
            self.reached.append(target.reached(ratio))
            verdict = (str(target), "reached" if self.reached[-1] else "not reached")
        self.rows.append((*cells, f"{ratio:.2f}", *verdict))

    def table(self) -> Table:
        table = Table(
            title=self.title, caption=self.note or None, title_justify="left", caption_justify="left"
        )
        for i, column in enumerate((*self.columns, "ratio", "target", "")):
            table.add_column(column, justify="left" if i == 0 else "right")
        for row in self.rows:
            style = "red" if row[-1] == "not reached" else None
            table.add_row(*row, style=style)
        return table


def summary(console: Console, sections: Sequence[Section]) -> None:
    """How many targets were reached."""
    reached = [verdict for section in sections for verdict in section.reached]
    missed = len(reached) - sum(reached)
    console.print(
        f"{sum(reached)} of {len(reached)} targets reached" + (f", {missed} not reached" if missed else "")
    )
