"""Requests, plans and results in a terminal; plain lines where there is none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rich import box
from rich.console import Console, ConsoleOptions, JustifyMethod, RenderResult
from rich.live import Live
from rich.markdown import Markdown
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from controller.client import Update
from controller.schema import Run, Step, StepResult

_STYLES = {"ok": "green", "failed": "red", "skipped": "yellow", "running": "cyan", "waiting": "dim"}
_MARKS = {"ok": "✔", "failed": "✘", "skipped": "-", "waiting": "·"}
# Model output and file contents must not steer the terminal.
_CONTROLS = {code: None for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}


def printable(text: str) -> str:
    """The text without terminal control characters."""
    return text.translate(_CONTROLS)


def brief(text: str, limit: int) -> str:
    """The text on one line, cut to `limit` characters."""
    line = " ".join(printable(text).split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


class Board:
    """The steps of a request under way: a table that is redrawn in a terminal, one line per news elsewhere.

    A context manager: the table is there inside it, and gone after it.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._rows: dict[int, dict[str, Any]] = {}
        # Kept between redraws, for a spinner turns from the moment it was made.
        self._spinners: dict[int, Spinner] = {}
        self._planning = Spinner("dots", "planning …")
        self._live = Live(self, console=console, refresh_per_second=8, transient=True)

    def __enter__(self) -> Board:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def update(self, update: Update) -> None:
        """Take in one chunk of the reply."""
        if update.event is not None:
            steps = update.event["plan"] if update.event["type"] == "plan" else [update.event["step"]]
            for step in steps:
                self._rows.setdefault(step["id"], {}).update(step)
        if update.run is not None:
            for result in update.run.steps:
                self._rows.setdefault(result.id, {}).update(result.model_dump())
        if not self._console.is_terminal:
            for line in printable(update.line).splitlines():
                print(line, file=self._console.file, flush=True)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if not self._rows:
            yield self._planning
            return
        table = _table("", "#", "Task", "Needs", "Expert", "Time", "Result")
        for number, row in sorted(self._rows.items()):
            status = row.get("status", "waiting")
            table.add_row(
                self._mark(number, status),
                str(number),
                printable(row["task"]),
                _needs(row.get("dep", ())),
                brief(row.get("expert") or "", 40),
                _seconds(row.get("started"), row.get("finished")),
                Text(brief(_result(row), 200), style="" if status == "ok" else _STYLES[status]),
            )
        yield table

    def _mark(self, number: int, status: str) -> Text | Spinner:
        if status == "running":
            return self._spinners.setdefault(number, Spinner("dots", style=_STYLES[status]))
        return Text(_MARKS[status], style=_STYLES[status])


def show_steps(console: Console, run: Run) -> None:
    """How each step went: expert, why it was chosen, time, result or reason, files."""
    for step in run.steps:
        console.print(Text(_headline(step), style=_STYLES[step.status]), soft_wrap=True)
        for attempt in step.attempts:
            console.print(
                Text(f"    {attempt.expert} first: {brief(attempt.error.message, 300)}"), soft_wrap=True
            )
        if result := _result(step.model_dump()):
            console.print(Text(f"    {brief(result, 300)}"), soft_wrap=True)
    times = run.timings
    stages = f"plan {times.plan:.2f} s, execute {times.execute:.2f} s, respond {times.respond:.2f} s"
    console.print(Text(f"{times.total:.2f} s in all: {stages}", style="dim"))


def show_answer(console: Console, answer: str) -> None:
    """The answer: Markdown in a terminal, the text as it is elsewhere."""
    if console.is_terminal:
        console.print(Markdown(printable(answer)))
    else:
        print(printable(answer), file=console.file, flush=True)


def show_plan(console: Console, plan: Sequence[Step]) -> None:
    """The steps of a plan with what each needs and takes."""
    rows = ((str(step.id), step.task, _needs(step.dep), _arguments(step.args)) for step in plan)
    _show(console, ("#", "Task", "Needs", "Arguments"), rows)


def show_experts(console: Console, experts: Sequence[dict[str, Any]]) -> None:
    """The deployed experts. `experts`: the entries of GET /v1/experts."""
    rows = (
        (
            expert["name"],
            ", ".join(expert["identity"]["tasks"]),
            expert["identity"]["model"],
            expert["identity"]["revision"] or "",
            ", ".join((expert["where"], *expert["nodes"])),
            str(expert["replicas"]),
            f"{expert['health']} {expert['message']}".strip(),
        )
        for expert in experts
    )
    _show(console, ("Name", "Tasks", "Model", "Revision", "Where", "Replicas", "Health"), rows)


def _show(console: Console, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    if not console.is_terminal:
        for row in rows:
            print("\t".join(brief(cell, 1000) for cell in row), file=console.file)
        return
    table = _table(*columns)
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    console.print(table)


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, header_style="bold")
    for column in columns:
        justify: JustifyMethod = "right" if column in ("#", "Time", "Replicas") else "left"
        # A result takes what the terminal leaves of the line.
        table.add_column(column, justify=justify, no_wrap=column == "Result", overflow="ellipsis")
    return table


def _headline(step: StepResult) -> str:
    after = f" after {_needs(step.dep)}" if step.dep else ""
    by = f" by {step.expert}" if step.expert else ""
    why = f" ({step.reason})" if step.reason else ""
    took = _seconds(step.started, step.finished)
    return brief(f"{_MARKS[step.status]} {step.id} {step.task}{after}{by}{why} {took}", 300)


def _result(row: dict[str, Any]) -> str:
    """What a step gave, or why it gave nothing."""
    if row.get("error"):
        return str(row["error"]["message"])
    names = [artifact["name"] for artifact in row.get("artifacts") or ()]
    return " · ".join(filter(None, (row.get("text"), *names)))


def _needs(dep: Sequence[int]) -> str:
    return ", ".join(str(number) for number in dep if number >= 0)


def _arguments(args: dict[str, str | list[str]]) -> str:
    pairs = ((name, value if isinstance(value, str) else ", ".join(value)) for name, value in args.items())
    return "  ".join(f"{name}: {value}" for name, value in pairs)


def _seconds(started: float | None, finished: float | None) -> str:
    return "" if started is None or finished is None else f"{finished - started:.2f} s"
