"""New files of a source become parts of the state, each exactly once.

A file is landed when it has been quiet for a while, so that a half-written one is left to the next look. What a
landed file holds is never read again: a file that changes afterwards is named in the tick, not read twice.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from glob import escape, glob, has_magic
from pathlib import Path

import msgspec

from hydrascope.errors import InputError
from hydrascope.features.observer import PartObserver
from hydrascope.ingest import ColumnMap, LogPart, LogSource, Rejects, open_log
from hydrascope.ingest.source import SUFFIXES
from hydrascope.pipeline.watch.journal import LandedFile
from hydrascope.pipeline.watch.state import State

__all__ = ["Landing", "land_files", "read_rejects"]

CHUNK_BYTES = 128 << 20
"""Files are landed together up to this size: one part, one entry of the journal."""
CHUNK_FILES = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Landing:
    """What one look at the source brought."""

    n_files: int
    n_exchanges: int
    changed: tuple[str, ...] = ()
    """Files that were landed before and have changed since; their new content is not read."""
    refused: tuple[tuple[str, str], ...] = ()
    """(file, why) of files that are no log, or cannot be opened; looked at again the next time."""


@dataclass(frozen=True, slots=True)
class _Found:
    path: str
    size_bytes: int
    modified_ns: int


def land_files(
    state: State,
    source: Sequence[str],
    *,
    format: str | None = None,
    column_map: ColumnMap | None = None,
    settle_s: float = 0.0,
) -> Landing:
    """Observe every file of the source that the state does not hold yet.

    Args:
        state: an open state.
        source: folders, globs or files.
        format: a name in `ingest.FORMATS`, for every file; None: detected file by file.
        settle_s: leave files that changed within the last so many seconds to the next look.

    Raises:
        InputError: the source does not exist.
    """
    known = {f.path: f for f in state.journal.files}
    found = _find(source)
    quiet_before = time.time_ns() - int(settle_s * 1e9)
    fresh = [f for f in found if f.path not in known and f.modified_ns <= quiet_before]
    changed = [
        f.path
        for f in found
        if f.path in known
        and (known[f.path].size_bytes, known[f.path].modified_ns) != (f.size_bytes, f.modified_ns)
    ]
    n_files, n_exchanges, refused = 0, 0, []
    for chunk in _chunks(fresh):
        log, bad = _open(chunk, format, column_map)
        refused += bad
        if log is not None:
            landed = _land(state, log, {f.path: f for f in chunk})
            n_files += len(landed)
            n_exchanges += sum(f.n_exchanges for f in landed)
    return Landing(n_files=n_files, n_exchanges=n_exchanges, changed=tuple(changed), refused=tuple(refused))


def read_rejects(state: State) -> Rejects:
    """All that was rejected or warned of when the state's files were landed."""
    rejects = Rejects()
    for path in state.paths("rejects"):
        kept = msgspec.json.decode(path.read_bytes())
        for file, line, reason, detail in kept["rejects"]:
            rejects.add(file, line, reason, detail)
        for warning, n in kept["warnings"].items():
            rejects.warn(warning, n)
    return rejects


def _land(state: State, log: LogSource, found: dict[str, _Found]) -> list[LandedFile]:
    """One part, with the files' numbers counted from those that the state has already."""
    base, name = len(state.journal.files), state.fresh_name()
    rejects = Rejects()
    counts = dict.fromkeys((f.path for f in log.files), 0)
    with PartObserver(state.folder, name, state.settings) as observer:
        for part in log.parts():
            for batch in _renumbered(part, base).batches(rejects):
                observer.observe(batch)
                counts[part.file.path] += len(batch)
    _write_rejects(state.folder / "rejects" / f"{name}.json", rejects)
    landed = [
        LandedFile(
            path=f.path,
            format=f.format,
            size_bytes=found[f.path].size_bytes,
            modified_ns=found[f.path].modified_ns,
            n_exchanges=counts[f.path],
        )
        for f in log.files
    ]
    state.commit(add=[state.describe(name)], landed=landed)
    return landed


def _renumbered(part: LogPart, base: int) -> LogPart:
    return replace(part, file=replace(part.file, index=base + part.file.index))


def _write_rejects(path: Path, rejects: Rejects) -> None:
    path.parent.mkdir(exist_ok=True)
    content = {"rejects": list(rejects), "warnings": rejects.warnings}
    partial = path.with_suffix(".partial")
    partial.write_bytes(msgspec.json.encode(content))
    partial.replace(path)


def _open(
    chunk: Sequence[_Found], format: str | None, column_map: ColumnMap | None
) -> tuple[LogSource | None, list[tuple[str, str]]]:
    """The chunk as one log; files that cannot be opened, and side tables, are left out and named."""
    try:
        log = open_log([_alone(f.path) for f in chunk], format=format, column_map=column_map)
        return log, [(path, "a table that lies beside the log") for path in log.ignored]
    except InputError as error:
        if len(chunk) == 1:
            return None, [(chunk[0].path, error.what)]
    kept, refused = [], []
    for file in chunk:
        log_or_none, bad = _open([file], format, column_map)
        refused += bad
        kept += [file] if log_or_none is not None else []
    return (_open(kept, format, column_map)[0] if kept else None), refused


def _alone(path: str) -> str:
    """A pattern that matches just this file: found by pattern, not named, so side tables are passed over."""
    return escape(path[:-1]) + f"[{path[-1]}]"


def _chunks(files: Sequence[_Found]) -> Iterator[list[_Found]]:
    chunk: list[_Found] = []
    size = 0
    for file in files:
        if chunk and (size + file.size_bytes > CHUNK_BYTES or len(chunk) == CHUNK_FILES):
            yield chunk
            chunk, size = [], 0
        chunk.append(file)
        size += file.size_bytes
    if chunk:
        yield chunk


def _find(source: Sequence[str]) -> list[_Found]:
    """Files of the source, sorted by path; hidden ones and those still being written are passed over."""
    paths: set[str] = set()
    for given in source:
        if Path(given).is_dir():
            paths.update(_walk(given))
        elif has_magic(given):
            paths.update(p for p in glob(given, recursive=True) if Path(p).is_file())  # noqa: PTH207 (absolute ones too)
        elif Path(given).exists():
            paths.add(given)
        else:
            raise InputError("no such file or folder", file=given, hint="check the path")
    found = []
    for path in sorted(paths):
        try:
            stat = Path(path).stat()
        except FileNotFoundError:  # moved away since it was listed
            continue
        found.append(_Found(path, stat.st_size, stat.st_mtime_ns))
    return found


def _walk(folder: str) -> Iterator[str]:
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if not name.startswith((".", "_")) and name.lower().endswith(SUFFIXES):
                yield str(Path(root) / name)
