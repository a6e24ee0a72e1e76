"""Progress for people: bars with rates and time left on a terminal, plain lines elsewhere, nothing when quiet."""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

__all__ = ["TerminalProgress"]

_PLAIN_EVERY_S = 10.0


class TerminalProgress:
    """Reports the stages of a scan on stderr.

    Args:
        quiet: say nothing.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        console = Console(stderr=True)
        self._quiet = quiet
        self._bars = None if quiet or not console.is_terminal else _bars(console)
        self._task: TaskID | None = None
        self._name, self._rows, self._done, self._total = "", 0, 0, 0
        self._began = self._said = time.monotonic()
        self._lock = threading.Lock()

    def __enter__(self) -> TerminalProgress:
        if self._bars:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars:
            self._bars.stop()

    def stage(self, name: str, total: int | None) -> None:
        """A stage begins."""
        with self._lock:
            self._name, self._rows, self._done, self._total = name, 0, 0, total or 0
            self._began = self._said = time.monotonic()
            if self._bars:
                if self._task is not None:
                    self._bars.update(self._task, completed=1, total=1)
                self._task = self._bars.add_task(name, total=total, rate="")
            elif not self._quiet:
                sys.stderr.write(f"{name} ...\n")

    def advance(self, *, size: int, rows: int) -> None:
        """So many bytes and rows of the stage are done."""
        with self._lock:
            self._rows += rows
            self._done += size
            now = time.monotonic()
            rate = self._rows / max(now - self._began, 1e-3)
            if self._bars and self._task is not None:
                self._bars.update(self._task, advance=size, rate=f"{self._rows:,} rows, {rate:,.0f}/s")
            elif not self._quiet and now - self._said > _PLAIN_EVERY_S:
                self._said = now
                share = f"{self._done / self._total:.0%}, " if self._total else ""
                sys.stderr.write(f"{self._name}: {share}{self._rows:,} rows, {rate:,.0f}/s\n")


def _bars(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description:<8}"),
        BarColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=False,
    )
