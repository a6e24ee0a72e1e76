"""A run that is told to stop says how to go on, with the exit code that a shell expects of its signal."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

__all__ = ["stopped_politely"]


@contextmanager
def stopped_politely(hint: str) -> Iterator[None]:
    """SIGINT and SIGTERM raise `KeyboardInterrupt` in the main thread; it ends here, in one line and 128 + the signal.

    Args:
        hint: how to go on.
    """
    came: list[int] = []

    def stop(number: int, frame: object) -> None:
        came.append(number)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    except BaseException as error:  # an engine that was interrupted raises something of its own
        if not came or isinstance(error, SystemExit):
            raise
        sys.stderr.write(f"hydrascope: stopped; {hint}\n")
        raise typer.Exit(128 + came[0]) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
