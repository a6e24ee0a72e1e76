"""What a state holds: the input files that were observed and the parts that hold them.

Theory of operation. `journal.json` is a whole journal, replaced by one rename; `journal.tail` beside it holds the
changes since, a line each, appended and flushed, so that a change costs what it says and not what the state holds. A
line counts once its newline is there; one that a stopped run left without is no change. When the tail has grown, its
changes go into a new `journal.json` of the next generation. Lines name the generation that they follow, so those that
a run did not come to remove after the rename are known to be in the whole already.
"""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from hydrascope.errors import StateError

__all__ = [
    "Change",
    "Journal",
    "JournalFile",
    "LandedFile",
    "Part",
    "changed",
    "flush",
    "read_journal",
    "tail_of",
]

VERSION = 2
_READ = (1, VERSION)
"""Journals of version 1 have no tail."""
MOST_TAIL_BYTES = 4 << 20
"""A longer tail goes into the whole: some twenty thousand files."""
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
    generation: int = 0
    """How often changes were put into the whole."""
    next_part: int = 0
    id: str = ""
    """The state's name in a lake; given when it is first asked for."""
    files: tuple[LandedFile, ...] = ()
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What becomes of a journal in one step."""

    landed: tuple[LandedFile, ...] = ()
    added: tuple[Part, ...] = ()
    """They take the next numbers."""
    removed: tuple[str, ...] = ()
    """Names of parts."""
    exported: tuple[str, ...] = ()
    """Names of parts that a lake holds now."""
    id: str = ""
    """The state's name in a lake, where it is given now."""


def changed(journal: Journal, change: Change) -> Journal:
    """The journal after a change."""
    parts, gone, there = journal.parts, set(change.removed), set(change.exported)
    if gone:
        parts = tuple(p for p in parts if p.name not in gone)
    if there:
        parts = tuple(replace(p, exported=p.exported or p.name in there) for p in parts)
    return replace(
        journal,
        next_part=journal.next_part + len(change.added),
        files=(*journal.files, *change.landed),
        parts=(*parts, *change.added),
        id=change.id or journal.id,
    )


class JournalFile:
    """A journal that its one writer changes.

    Args:
        path: of `journal.json`.
        journal: what a new file starts with; None: what is there.

    Raises:
        StateError: it cannot be read.
    """

    def __init__(self, path: Path, journal: Journal | None = None) -> None:
        self._path = path
        read = _read(path) if journal is None else None
        if read is None:
            self.journal, self._size = journal or Journal(), 0
            self._write_whole()
            return
        self.journal, self._size = read
        if self.journal.version != VERSION:
            self._write_whole()
        elif tail_of(path).exists():
            os.truncate(tail_of(path), self._size)

    def change(self, change: Change) -> None:
        """Make a change count: all of it, or, if the machine stops before, none."""
        line = _line(change, self.journal.generation)
        new = self._size == 0
        descriptor = os.open(tail_of(self._path), os.O_WRONLY | os.O_CREAT, 0o644)
        try:
            os.lseek(descriptor, self._size, os.SEEK_SET)
            _write_all(descriptor, line)
            os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, self._size)
            raise
        finally:
            os.close(descriptor)
        if new:
            flush(self._path.parent)
        self._size += len(line)
        self.journal = changed(self.journal, change)
        if self._size > MOST_TAIL_BYTES:
            self._write_whole()

    def _write_whole(self) -> None:
        """Put everything into a new `journal.json`; whoever reads sees the old one with its tail or the new one."""
        self.journal = replace(self.journal, version=VERSION, generation=self.journal.generation + 1)
        partial = self._path.with_suffix(".partial")
        with partial.open("wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(self.journal), indent=1))
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self._path)
        flush(self._path.parent)
        tail_of(self._path).unlink(missing_ok=True)
        self._size = 0


def tail_of(path: Path) -> Path:
    """Where the changes since a `journal.json` are; there may be none."""
    return path.with_suffix(".tail")


def read_journal(path: Path) -> Journal | None:
    """The journal, or None where there is none yet.

    Raises:
        StateError: it cannot be read, or is of another version.
    """
    read = _read(path)
    return None if read is None else read[0]


def _read(path: Path) -> tuple[Journal, int] | None:
    """The journal with its changes, and the bytes of the tail that count."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        version = msgspec.json.decode(content)["version"]
        journal = msgspec.json.decode(content, type=Journal)
    except (msgspec.DecodeError, KeyError, TypeError) as error:
        raise _unreadable(path, str(error)) from error
    if version not in _READ:
        raise StateError(
            f"the state is of version {version}, this program writes {VERSION}",
            file=str(path),
            hint="land the source again into a new --state",
        )
    return _follow(journal, tail_of(path))


class _Line(msgspec.Struct):
    generation: int
    change: Change


def _line(change: Change, generation: int) -> bytes:
    """A checksum, and what it is of."""
    content = msgspec.json.encode(_Line(generation, change))
    return b"%08x %s\n" % (zlib.crc32(content), content)


def _follow(journal: Journal, tail: Path) -> tuple[Journal, int]:
    """The journal after the changes in its tail, and how long the tail is without a line that was not finished."""
    lines = tail.read_bytes().splitlines(keepends=True) if tail.exists() else []
    size = 0
    changes = []
    for number, line in enumerate(lines, start=1):
        if not line.endswith(b"\n"):
            break
        try:
            if line[:9] != b"%08x " % zlib.crc32(line[9:-1]):
                raise ValueError("its checksum is another")
            read = msgspec.json.decode(line[9:-1], type=_Line)
        except (ValueError, msgspec.DecodeError) as error:
            raise _unreadable(tail, f"line {number}: {error}") from error
        if read.generation != journal.generation:
            break
        changes.append(read.change)
        size += len(line)
    return _all_changed(journal, changes), size


def _all_changed(journal: Journal, changes: list[Change]) -> Journal:
    files = [*journal.files]
    for change in changes:  # files are added at the end: once for all, so that a long tail is read in one go
        files += change.landed
        journal = changed(journal, replace(change, landed=()))
    return replace(journal, files=tuple(files))


def _unreadable(path: Path, why: str) -> StateError:
    return StateError(f"the state's journal cannot be read: {why}", file=str(path), hint=_START_AGAIN)


def _write_all(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]


def flush(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
