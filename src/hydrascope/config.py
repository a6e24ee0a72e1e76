"""TOML files become dataclasses; an unknown name is refused with the nearest known one."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from hydrascope.errors import ConfigError, nearest

__all__ = ["build", "read_toml"]

T = TypeVar("T")


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file.

    Raises:
        ConfigError: the file is missing, is not UTF-8, or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError("no such file", file=str(path), hint="check the path") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"not valid TOML: {error}", file=str(path)) from error


def build(kind: type[T], values: Mapping[str, Any], *, file: str | None = None, table: str = "") -> T:
    """A configuration dataclass from a TOML table.

    Raises:
        ConfigError: a name that the dataclass does not have, or one that it needs and the table lacks.
    """
    known = {f.name for f in fields(kind)}  # type: ignore[arg-type]
    for name in values:
        if name not in known:
            where = f"[{table}] " if table else ""
            raise ConfigError(f"{where}has no setting '{name}'", file=file, hint=nearest(name, known))
    try:
        return kind(**values)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"[{table}] {error}", file=file) from error
