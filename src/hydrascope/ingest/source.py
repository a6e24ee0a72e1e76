"""Opens logs: finds the files, tells their formats, and cuts them into parts that can be read anywhere."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from glob import glob, has_magic
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from hydrascope.errors import InputError, UsageError, nearest
from hydrascope.ingest.bytestream import compression, line_ranges
from hydrascope.ingest.column_map import ColumnMap
from hydrascope.ingest.containers import read_csv, read_document, read_json_lines
from hydrascope.ingest.detect import Container, Head, look, missing_columns, recognise
from hydrascope.ingest.formats import FORMATS
from hydrascope.ingest.formats.contract import COLUMNS, NEEDED
from hydrascope.ingest.formats.otlp_wire import read_protobuf
from hydrascope.ingest.parquet import parquet_batches, parquet_rows, row_group_runs
from hydrascope.ingest.rejects import Rejects
from hydrascope.ingest.rows import RowBatches, read_rows
from hydrascope.schema import ACCOUNTS, EVENTS, TRUTH
from hydrascope.storage import file_facts, find_remote, interrupted, is_remote, join

__all__ = ["InputFile", "LogPart", "LogSource", "open_log", "open_records"]

SUFFIXES = (
    ".parquet",
    ".pq",
    ".jsonl",
    ".ndjson",
    ".json",
    ".csv",
    ".tsv",
    ".log",
    ".pb",
    ".binpb",
    ".gz",
    ".zst",
)
"""Files that a folder is searched for; a file named by itself may be called anything."""
FINDINGS = frozenset(
    {
        "accounts.parquet",
        "campaigns.json",
        "campaigns.parquet",
        "history.jsonl",
        "hunt.json",
        "hunt_accounts.parquet",
        "hunt_exchanges.parquet",
        "links.parquet",
        "manifest.json",
        "rejects.jsonl",
        "tracks.json",
    }
)
"""Files of an earlier scan's or hunt's findings, which a folder search passes over."""
SPLIT_BYTES = 256 << 20
"""Plain JSON lines files above this are read in several parts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InputFile:
    """One file of the log."""

    index: int
    """Its place in the sorted list of files; `source_file` of its exchanges."""
    path: str
    format: str
    """Name in `FORMATS`."""
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPart:
    """An independent piece of a log; can be pickled and read in another thread or process."""

    file: InputFile
    container: Container
    column_map: ColumnMap | None = None
    row_groups: tuple[int, ...] = ()
    start: int = 0
    stop: int | None = None
    first_line: int = 1

    def batches(self, rejects: Rejects) -> Iterator[pa.RecordBatch]:
        """Batches of `schema.EXCHANGES`, at most 65,536 rows and about 64 MB of text each, in file order.

        Raises:
            ResourceError: a store stopped answering.
        """
        try:
            yield from self._batches(rejects)
        except OSError as error:
            if not is_remote(self.file.path):
                raise
            raise interrupted(self.file.path, error) from error

    def _batches(self, rejects: Rejects) -> Iterator[pa.RecordBatch]:
        if self.container == "empty":
            rejects.add(self.file.path, None, "empty_file")
            return
        form = FORMATS[self.file.format]
        if self.container == "parquet" and form.name == "contract":
            yield from parquet_batches(
                self.file.path,
                self.file.index,
                rejects,
                row_groups=self.row_groups,
                first_row=self.first_line,
                column_map=self.column_map,
            )
            return
        rows = read_rows(self._records(rejects), form, self.file.path, rejects, self.column_map)
        units = self.column_map.units if self.column_map else None
        gatherer = RowBatches((self.file.index, self.file.path), form, rejects, units)
        yield from gatherer.gather(rows)

    def _records(self, rejects: Rejects) -> Iterable[tuple[int, bytes]]:
        if self.container == "json_lines":
            return read_json_lines(
                self.file.path, rejects, start=self.start, stop=self.stop, first_line=self.first_line
            )
        return _whole_records(self.file.path, self.container, rejects, self.row_groups, self.first_line)


def _whole_records(
    path: str, container: Container, rejects: Rejects, row_groups: Sequence[int], first_row: int
) -> Iterable[tuple[int, bytes]]:
    """(line, JSON text) of each record, whatever holds it."""
    if container == "json_document":
        return read_document(path, rejects)
    if container == "csv":
        return _encoded(read_csv(path, rejects))
    if container == "protobuf":
        return read_protobuf(path, rejects)
    if container == "parquet":
        return _encoded(parquet_rows(path, rejects, row_groups=row_groups, first_row=first_row))
    return read_json_lines(path, rejects)


def open_records(path: str, rejects: Rejects) -> Iterable[tuple[int, bytes]]:
    """(line, JSON text) of each record of a file of any container, whatever its records say.

    Raises:
        InputError: the file cannot be read.
    """
    container = look(path).container
    if container == "empty":
        rejects.add(path, None, "empty_file")
        return ()
    groups = [g for run, _ in row_group_runs(path) for g in run] if container == "parquet" else []
    return _whole_records(path, container, rejects, groups, 1)


def _encoded(records: Iterable[tuple[int, dict[str, Any]]]) -> Iterator[tuple[int, bytes]]:
    encode = msgspec.json.Encoder(enc_hook=str).encode
    for line, record in records:
        yield line, encode(record)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSource:
    """A log of one or many files."""

    files: tuple[InputFile, ...]
    """Sorted by path."""
    containers: tuple[Container, ...]
    unknown_columns: tuple[str, ...] = ()
    """Columns of contract-shaped files that the contract does not name; they are not read."""
    ignored: tuple[str, ...] = ()
    """Files in a searched folder that are no log: accounts, events and truth tables, other suffixes."""
    column_map: ColumnMap | None = None

    @property
    def size_bytes(self) -> int:
        """Bytes on disk of all files."""
        return sum(file.size_bytes for file in self.files)

    def parts(self) -> list[LogPart]:
        """Pieces that can be read in any order, or at once; together they give every exchange once."""
        return [
            part
            for file, container in zip(self.files, self.containers, strict=True)
            for part in _parts(file, container, self.column_map)
        ]

    def batches(self, rejects: Rejects) -> Iterator[pa.RecordBatch]:
        """Every batch of every part, in order."""
        for part in self.parts():
            yield from part.batches(rejects)


def open_log(
    paths: Sequence[str], *, format: str | None = None, column_map: ColumnMap | None = None
) -> LogSource:
    """Find, open and recognise the files of a log; nothing is read yet but their starts.

    Args:
        paths: files, folders (searched through) and globs.
        format: a name in `FORMATS`, for every file; None: detected file by file.
        column_map: where the contract's columns lie, if they have other names.

    Raises:
        UsageError: an unknown format.
        InputError: a path that does not exist, a folder or glob without a log, a file that cannot be opened.
        SchemaError: a file of no known format.
    """
    wanted = format or (column_map.format if column_map else None)
    if wanted is not None and wanted not in FORMATS:
        raise UsageError(f"unknown format '{wanted}'", hint=nearest(wanted, FORMATS))
    found, ignored = _find_files(paths)
    heads = []
    for path, searched in found:
        head = look(path)
        if searched and _is_side_table(head):
            ignored.append(path)
        else:
            heads.append((path, head))
    if not heads:
        raise InputError(f"no log in {', '.join(paths)}", hint=_looked_for())
    files = tuple(
        InputFile(
            index=i,
            path=path,
            format=_format(path, head, wanted, column_map),
            size_bytes=_size(path),
        )
        for i, (path, head) in enumerate(heads)
    )
    contract_heads = [h for f, (_, h) in zip(files, heads, strict=True) if f.format == "contract"]
    return LogSource(
        files=files,
        containers=tuple(head.container for _, head in heads),
        unknown_columns=_unknown_columns(contract_heads, column_map),
        ignored=tuple(sorted(ignored)),
        column_map=column_map,
    )


def _size(path: str) -> int:
    facts = file_facts(path)
    return facts.size_bytes if facts else 0


def _looked_for() -> str:
    return "name a file, a glob, or a folder that holds " + ", ".join(SUFFIXES)


def _find_files(paths: Sequence[str]) -> tuple[list[tuple[str, bool]], list[str]]:
    """Sorted (path, whether a folder search found it), each file once, and what was passed over."""
    if not paths:
        raise UsageError("no log given", hint=_looked_for())
    found: dict[str, tuple[str, bool]] = {}
    ignored: list[str] = []
    for given in paths:
        path = Path(given)
        if is_remote(given):
            hits, searched = _search_store(given, ignored)
            if not hits:
                raise InputError("the store holds no log there", file=given, hint=_looked_for())
        elif path.is_dir():
            hits = _search(os.walk(path), ignored)
            if not hits:
                raise InputError("the folder holds no log", file=given, hint=_looked_for())
            searched = True
        elif path.exists():
            hits, searched = [given], False
        elif has_magic(given):
            hits = sorted(hit for hit in glob(given, recursive=True) if Path(hit).is_file())  # noqa: PTH207 (absolute ones too)
            searched = True
            if not hits:
                raise InputError(
                    "the pattern matches no file", file=given, hint="quote it and check the folder"
                )
        else:
            raise InputError("no such file or folder", file=given, hint=_sibling(path))
        for hit in hits:
            found.setdefault(hit if is_remote(hit) else str(Path(hit).resolve()), (hit, searched))
    return sorted(found.values()), ignored


def _search_store(given: str, ignored: list[str]) -> tuple[list[str], bool]:
    names, searched = find_remote(given)
    if not searched or has_magic(given):
        return names, searched
    folders: dict[str, list[str]] = {}
    for folder, _, name in (path.rpartition("/") for path in names):
        folders.setdefault(folder, []).append(name)
    return _search(((folder, [], found) for folder, found in sorted(folders.items())), ignored), True


def _search(walk: Iterable[tuple[str, list[str], list[str]]], ignored: list[str]) -> list[str]:
    hits: list[str] = []
    for root, folders, names in walk:
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        ours = "manifest.json" in names and not {"campaigns.parquet", "hunt.json"}.isdisjoint(names)
        written = FINDINGS if ours else frozenset()
        for name in sorted(names):
            if name.startswith((".", "_")):
                continue
            path = str(join(root, name))
            (hits if name.lower().endswith(SUFFIXES) and name not in written else ignored).append(path)
    return hits


def _sibling(path: Path) -> str:
    there = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
    hint = nearest(path.name, there) if there else ""
    return hint if hint.startswith("did") else "check the path"


def _is_side_table(head: Head) -> bool:
    """A table of accounts, events or truth that lies beside the log."""
    columns = set(head.columns)
    if not columns or columns & {"prompt", "sketch", "exchange_id"}:
        return False
    if {"kind", "at", "subject"} <= columns or {"account_id", "label", "campaign"} <= columns:
        return columns <= set(EVENTS.names) | set(TRUTH.names)
    known = set(ACCOUNTS.names)
    return (
        "account_id" in columns
        and len(columns & known) >= max(2, len(columns) // 2)
        and "started_at" not in columns
    )


def _format(path: str, head: Head, wanted: str | None, column_map: ColumnMap | None) -> str:
    if head.container == "empty":
        return wanted or "contract"
    if wanted is None and column_map is not None and column_map.columns:
        return _format_under_map(path, head, column_map)
    form = wanted or recognise(path, head)
    if form == "contract":
        _check_columns(path, head, column_map)
    return form


def _format_under_map(path: str, head: Head, column_map: ColumnMap) -> str:
    """A map that names all the contract needs makes any table a contract table."""
    if set(NEEDED) <= set(column_map.columns) | set(column_map.values) | set(head.columns):
        _check_columns(path, head, column_map)
        return "contract"
    return recognise(path, head)


def _check_columns(path: str, head: Head, column_map: ColumnMap | None) -> None:
    have = set(head.columns)
    if column_map is not None:
        have |= set(column_map.columns) | set(column_map.values)
        _check_map_paths(path, head, column_map)
    known = head.container in ("parquet", "csv") or bool(head.records)
    if known and not (set(NEEDED) <= have and have & {"prompt", "sketch"}):
        raise missing_columns(path, have)


def _check_map_paths(path: str, head: Head, column_map: ColumnMap) -> None:
    """In a table, a mapped column that does not exist is a slip of the pen; in JSON it may come later."""
    if head.container not in ("parquet", "csv"):
        return
    for column, paths in column_map.columns.items():
        tops = [p if p in head.columns else p.split(".")[0].split("[")[0] for p in paths]
        if not any(top in head.columns for top in tops):
            raise UsageError(
                f"the map reads {column} from '{paths[0]}', which the file does not have",
                file=path,
                hint=nearest(tops[0], head.columns),
            )


def _unknown_columns(heads: Sequence[Head], column_map: ColumnMap | None) -> tuple[str, ...]:
    paths = {p for ps in column_map.columns.values() for p in ps} if column_map else set()
    read = set(COLUMNS) | {"source_file", "source_line"} | paths
    read |= {p.split(".")[0].split("[")[0] for p in paths}
    return tuple(sorted({name for head in heads for name in head.columns} - read))


def _parts(file: InputFile, container: Container, column_map: ColumnMap | None) -> list[LogPart]:
    if container == "parquet":
        return [
            LogPart(file=file, container=container, column_map=column_map, row_groups=groups, first_line=row)
            for groups, row in row_group_runs(file.path)
        ]
    whole = LogPart(file=file, container=container, column_map=column_map)
    stateless = file.format in ("contract", "litellm", "openai", "anthropic", "bedrock", "vertex", "langfuse")
    big = container == "json_lines" and file.size_bytes > SPLIT_BYTES and stateless
    if not big or compression(file.path) is not None:
        return [whole]
    return [
        LogPart(
            file=file, container=container, column_map=column_map, start=start, stop=stop, first_line=line
        )
        for start, stop, line in line_ranges(file.path, SPLIT_BYTES // 2)
    ]
