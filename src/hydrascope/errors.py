"""Every error that Hydrascope raises on purpose.

    HydrascopeError                 what, where, and what to type next
    ├── UsageError                  exit 2: an option, argument or name is wrong
    │   └── ConfigError             exit 2: a control, map, scenario or policy file is wrong
    ├── InputError                  exit 3: an input cannot be read at all
    │   └── SchemaError             exit 3: it can be read, but is not what was asked for
    ├── FindingsError               exit 3: a findings folder is missing, incomplete or of another version
    ├── StateError                  exit 3: a stage or state folder is corrupt, or held by another run
    ├── ResourceError               exit 3: memory or disk ran out; nothing that was finished is lost
    └── RefusalError                exit 2: a statistic is refused because its assumptions do not hold

A bad record is not an error: it becomes a counted reject (`hydrascope.ingest.rejects`).
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = [
    "ConfigError",
    "FindingsError",
    "HydrascopeError",
    "InputError",
    "RefusalError",
    "ResourceError",
    "SchemaError",
    "StateError",
    "UsageError",
    "nearest",
]


class HydrascopeError(Exception):
    """What went wrong, where, and what to type next.

    Args:
        what: one sentence, no trailing advice.
        hint: what to type or change next, or None where nothing can be said.
        file: the file at fault, where there is one.
        line: 1-based line (or row) in `file`, where there is one.
    """

    exit_code = 3

    def __init__(
        self, what: str, *, hint: str | None = None, file: str | None = None, line: int | None = None
    ) -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint
        self.file = file
        self.line = line

    def __str__(self) -> str:
        place = "" if self.file is None else self.file + ("" if self.line is None else f":{self.line}") + ": "
        return f"{place}{self.what}" + (f"\n  {self.hint}" if self.hint else "")


class UsageError(HydrascopeError):
    """An option, argument or name is wrong."""

    exit_code = 2


class ConfigError(UsageError):
    """A control, map, scenario or policy file is wrong."""


class InputError(HydrascopeError):
    """An input cannot be read at all."""


class SchemaError(InputError):
    """An input can be read, but is not what was asked for."""


class FindingsError(HydrascopeError):
    """A findings folder is missing, incomplete or of another version."""


class StateError(HydrascopeError):
    """A stage or state folder is corrupt, or held by another run."""


class ResourceError(HydrascopeError):
    """Memory or disk ran out; nothing that was finished is lost."""


class RefusalError(HydrascopeError):
    """A statistic is refused because its assumptions do not hold."""

    exit_code = 2


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint that names the closest known name, or lists them all when none is close.

    >>> nearest("anthropc", ["openai", "anthropic"])
    "did you mean 'anthropic'?"
    """
    names = sorted(known)
    close = get_close_matches(name, names, n=1, cutoff=0.6)
    return f"did you mean '{close[0]}'?" if close else "known: " + ", ".join(names)
