"""Map files: which of the operator's columns is which of the contract's.

format = "contract"            # of the records; left out: detected

[columns]                      # contract column = their column, or a path into a JSON record
account_id = "key.owner"
prompt = "request.messages[-1].content"
client_ip = ["edge.ip", "remote_addr"]     # the first that holds a value

[values]                       # the same for every exchange
platform = "first_party"

[units]                        # of numbers whose size does not tell: s, ms, us or ns
duration_ms = "s"
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from hydrascope.config import read_toml
from hydrascope.errors import ConfigError, nearest
from hydrascope.ingest.formats.contract import COLUMNS
from hydrascope.ingest.times import UNITS

__all__ = ["ColumnMap", "follow", "read_column_map"]

_TABLES = ("format", "columns", "values", "units")
_STEP = re.compile(r"\[(-?\d+)\]|([^.\[\]]+)")
Step = str | int


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnMap:
    """Where the contract's columns lie in somebody's log."""

    format: str | None = None
    """Format of the records that the paths overrule; None: as detected."""
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Contract column to the paths to try, in order."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """Contract column to a fixed value, used where the log has none."""
    units: Mapping[str, str] = field(default_factory=dict)
    """`started_at` or `duration_ms` to s, ms, us or ns."""

    def found_in(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """The mapped columns of one decoded record; columns without a value are left out."""
        found: dict[str, Any] = {}
        for column, paths in self.columns.items():
            for path in paths:
                value = follow(record, path)
                if value is not None:
                    found[column] = value
                    break
        return found


def read_column_map(path: str | Path) -> ColumnMap:
    """Read a map file.

    Raises:
        ConfigError: not TOML, or a name that is no table, contract column or unit, with the nearest one.
    """
    file = str(path)
    tables = read_toml(Path(path))
    for name in tables:
        if name not in _TABLES:
            raise ConfigError(f"a map has no table '{name}'", file=file, hint=nearest(name, _TABLES))
    for table in _TABLES[1:]:
        _check_columns(tables.get(table, {}), table, file)
    units = tables.get("units", {})
    for column, unit in units.items():
        if column not in ("started_at", "duration_ms") or unit not in UNITS:
            raise ConfigError(
                f"[units] {column} = {unit!r} is no unit",
                file=file,
                hint="started_at and duration_ms take s, ms, us or ns",
            )
    form = tables.get("format")
    if form is not None and not isinstance(form, str):
        raise ConfigError("format is a name in quotes", file=file, hint='for example format = "openai"')
    columns = {name: _paths(name, value, file) for name, value in tables.get("columns", {}).items()}
    return ColumnMap(format=form, columns=columns, values=tables.get("values", {}), units=units)


def _check_columns(table: Any, name: str, file: str) -> None:
    if not isinstance(table, dict):
        raise ConfigError(f"'{name}' must be a table", file=file, hint=f"write [{name}] on a line of its own")
    for column in table:
        if column not in COLUMNS:
            raise ConfigError(
                f"[{name}] '{column}' is no column of the contract", file=file, hint=nearest(column, COLUMNS)
            )


def _paths(column: str, value: Any, file: str) -> tuple[str, ...]:
    paths = [value] if isinstance(value, str) else value
    if not isinstance(paths, list) or not paths or not all(isinstance(p, str) and p for p in paths):
        raise ConfigError(
            f"[columns] {column} is neither a path nor a list of paths",
            file=file,
            hint=f'for example {column} = "request.{column}"',
        )
    return tuple(paths)


def follow(record: Any, path: str) -> Any:
    """The value at a path such as `request.messages[-1].content`, or None.

    A name that holds dots itself is found at the top level; a JSON text on the way is decoded.

    >>> follow({"a": '{"b": [1, 2]}'}, "a.b[-1]")
    2
    """
    if isinstance(record, Mapping) and path in record:
        return record[path]
    for index, name in _STEP.findall(path):
        record = _step(_decoded(record), int(index) if index else name)
        if record is None:
            return None
    return record


def _decoded(value: Any) -> Any:
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return msgspec.json.decode(value)
        except msgspec.DecodeError:
            return value
    return value


def _step(value: Any, step: Step) -> Any:
    if isinstance(step, str):
        return value.get(step) if isinstance(value, Mapping) else None
    if isinstance(value, list) and -len(value) <= step < len(value):
        return value[step]
    return None
