"""What a state holds: the input files that were observed and the parts that hold them, replaced by one rename."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from hydrascope.errors import StateError

__all__ = ["Journal", "LandedFile", "Part", "flush", "read_journal", "write_journal"]

VERSION = 1
_START_AGAIN = "restore it from a backup, or land the source again into a new --state"


@dataclass(frozen=True, slots=True, kw_only=True)
class LandedFile:
    """One input file that was observed; its position in the journal is its number in the parts."""

    path: str
    format: str
    size_bytes: int
    modified_ns: int
    n_exchanges: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Parquet files of one name, one a room of the state."""

    name: str
    files: dict[str, int]
    """Room to size in bytes, of the rooms that the part has a file in."""
    n_exchanges: int
    first_us: int
    last_us: int
    """Times of its earliest and latest exchange, microseconds since 1970."""
    tier: int = 0
    """How often it was merged."""
    digests: dict[str, str] = field(default_factory=dict)
    """Room to SHA-256 of its file; empty in states that were made before there were any."""
    exported: bool = False
    """Whether the lake holds its exchanges (`pipeline.lake`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """The whole of a state, but for the rows themselves."""

    version: int = VERSION
    settings: dict[str, Any] = field(default_factory=dict)
    """What was sampled of each account (`ObserveSettings`); the same for all parts."""
    next_part: int = 0
    id: str = ""
    """The state's name in a lake; given when it is first asked for."""
    files: tuple[LandedFile, ...] = ()
    parts: tuple[Part, ...] = ()


def read_journal(path: Path) -> Journal | None:
    """The journal, or None where there is none yet.

    Raises:
        StateError: it cannot be read, or is of another version.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        version = msgspec.json.decode(content)["version"]
        journal = msgspec.json.decode(content, type=Journal)
    except (msgspec.DecodeError, KeyError, TypeError) as error:
        raise StateError(
            f"the state's journal cannot be read: {error}", file=str(path), hint=_START_AGAIN
        ) from error
    if version != VERSION:
        raise StateError(
            f"the state is of version {version}, this program writes {VERSION}",
            file=str(path),
            hint="land the source again into a new --state",
        )
    return journal


def write_journal(path: Path, journal: Journal) -> None:
    """Replace the journal; whoever reads sees the old one or the new one."""
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(journal), indent=1))
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    flush(path.parent)


def flush(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
