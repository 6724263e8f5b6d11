"""What is starting: one row per part, redrawn in a terminal; one line per change elsewhere."""

from __future__ import annotations

import time

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from controller.render import brief


class Startup:
    """A context manager; the live display runs inside it until `done`."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = time.monotonic()
        self._rows: dict[str, tuple[str, str]] = {}
        self._spinner = Spinner("dots", style="cyan")
        self._live = Live(console=console, get_renderable=self._table, refresh_per_second=8)

    def __enter__(self) -> Startup:
        self.update("Ray cluster", "starting")
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.done()

    def done(self) -> None:
        """Leave what was drawn and draw no more."""
        self._live.stop()

    def update(self, part: str, status: str, message: str = "") -> None:
        """status: "ready", "failed", or words for how far it is."""
        if self._rows.get(part) == (status, message):
            return
        self._rows[part] = status, message
        if not self._console.is_terminal:
            elapsed = time.monotonic() - self._began
            told = f": {brief(message, 300)}" if message else ""
            print(f"[{elapsed:5.1f} s] {part} {status}{told}", file=self._console.file, flush=True)

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        marks = {"ready": Text("✔", style="green"), "failed": Text("✘", style="red")}
        for part, (status, message) in self._rows.items():
            told = brief(message, 100)
            table.add_row(marks.get(status, self._spinner), part, status, Text(told, style="dim"))
        return table
