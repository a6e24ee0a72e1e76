"""Parquet in the contract's columns: row groups stream through in batches, their text never visited in Python."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hydrascope.ingest.column_map import ColumnMap, follow
from hydrascope.ingest.conform import MAX_ROWS, MAX_TEXT_BYTES, conform, split
from hydrascope.ingest.formats.contract import COLUMNS
from hydrascope.ingest.rejects import Rejects
from hydrascope.storage import is_remote, local_copy, open_parquet

__all__ = ["parquet_batches", "parquet_ids", "parquet_rows", "row_group_runs"]

PART_BYTES = 512 << 20
"""Uncompressed bytes of the row groups of one part."""


def row_group_runs(path: str) -> list[tuple[tuple[int, ...], int]]:
    """Runs of row groups of about `PART_BYTES`: (row groups, 1-based row they begin on)."""
    with open_parquet(path) as file:
        meta = file.metadata
        sizes = [meta.row_group(i).total_byte_size for i in range(meta.num_row_groups)]
        counts = [meta.row_group(i).num_rows for i in range(meta.num_row_groups)]
    runs: list[tuple[tuple[int, ...], int]] = []
    run: list[int] = []
    first, row, size = 1, 1, 0
    for i, n_bytes in enumerate(sizes):
        if run and size + n_bytes > PART_BYTES:
            runs.append((tuple(run), first))
            run, first, size = [], row, 0
        run.append(i)
        row += counts[i]
        size += n_bytes
    return [*runs, (tuple(run), first)] if run else runs


def parquet_batches(
    path: str,
    file_index: int,
    rejects: Rejects,
    *,
    row_groups: Sequence[int],
    first_row: int,
    column_map: ColumnMap | None = None,
) -> Iterator[pa.RecordBatch]:
    """Canonical batches of some row groups of a file."""
    wanted = column_map or ColumnMap()
    for offset, raw in _raw_batches(path, rejects, row_groups, _sources(wanted)):
        columns = _columns(raw, wanted)
        lines = np.arange(raw.num_rows, dtype=np.int64) + (first_row + offset)
        batch = conform(columns, lines, file=(file_index, path), rejects=rejects, units=wanted.units)
        yield from split(batch)


def parquet_ids(path: str) -> Iterator[tuple[pa.Array, pa.Array]] | None:
    """Exchange and account ids of a file in the contract's columns, without its texts.

    None where the footer does not promise that every record has ids, a time and a prompt: some may be rejects.
    """
    with open_parquet(path) as file:
        kinds = {n: file.schema_arrow.field(n).type for n in file.schema_arrow.names}
        if not all(_is_text(kinds.get(n)) for n in ("exchange_id", "account_id")) or not _is_filled(file):
            return None
    return _ids(path)


def _ids(path: str) -> Iterator[tuple[pa.Array, pa.Array]]:
    with open_parquet(path, pre_buffer=False, buffer_size=1 << 20) as file:
        columns = ["exchange_id", "account_id"]
        for batch in file.iter_batches(1 << 20, columns=columns, use_threads=False):
            yield batch["exchange_id"], batch["account_id"]


def _is_text(kind: pa.DataType | None) -> bool:
    return kind is not None and (pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_filled(file: Any) -> bool:
    meta = file.metadata
    place = {meta.schema.column(i).path: i for i in range(meta.num_columns)}
    needed = [place.get(n) for n in ("exchange_id", "account_id", "started_at", "prompt")]
    if None in needed:
        return False
    statistics = [meta.row_group(g).column(i).statistics for g in range(meta.num_row_groups) for i in needed]
    return all(s is not None and s.has_null_count and s.null_count == 0 for s in statistics)


def parquet_rows(
    path: str, rejects: Rejects, *, row_groups: Sequence[int], first_row: int
) -> Iterator[tuple[int, dict[str, Any]]]:
    """(row number, record) of a Parquet file that holds another format's records."""
    for offset, raw in _raw_batches(path, rejects, row_groups, None):
        yield from enumerate(raw.to_pylist(), start=first_row + offset)


def _sources(column_map: ColumnMap) -> set[str]:
    paths = {path for paths in column_map.columns.values() for path in paths}
    return set(COLUMNS) | paths | {path.split(".")[0].split("[")[0] for path in paths}


def _raw_batches(
    path: str, rejects: Rejects, row_groups: Sequence[int], wanted: set[str] | None
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """(rows before it in these row groups, batch) of every batch that decodes."""
    with open_parquet(path, pre_buffer=False, buffer_size=1 << 20) as file:
        names = [n for n in file.schema_arrow.names if wanted is None or n in wanted]
        rows = _batch_rows(file.metadata, row_groups)
        given = 0
        try:
            for batch in _batches(file, row_groups, names, rows):
                yield given, batch
                given += batch.num_rows
        except (pa.ArrowInvalid, OSError):
            with _at_hand(file, path) as same:
                yield from _rescued(same, path, rejects, row_groups, names, given)


@contextmanager
def _at_hand(file: Any, path: str) -> Iterator[Any]:
    """The file itself, or a store's on this disk: if it can be fetched, the damage is its own and not the line's."""
    if not is_remote(path):
        yield file
        return
    with local_copy(path) as copy, open_parquet(copy) as same:
        yield same


def _batches(file: Any, row_groups: Sequence[int], names: list[str], rows: int) -> Iterator[pa.RecordBatch]:
    yield from file.iter_batches(
        batch_size=rows, row_groups=list(row_groups), columns=names, use_threads=False
    )


def _rescued(
    file: Any, path: str, rejects: Rejects, row_groups: Sequence[int], names: list[str], given: int
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """The rest of a damaged file, a row group at a time in small steps: a group ends at its damage, others are whole."""
    before = 0
    for group in row_groups:
        at = before
        before += file.metadata.row_group(group).num_rows
        if given >= before:
            continue
        try:
            for batch in _batches(file, [group], names, 256):
                fresh = batch.slice(max(0, min(batch.num_rows, given - at)))
                at += batch.num_rows
                if fresh.num_rows:
                    yield at - fresh.num_rows, fresh
        except (pa.ArrowInvalid, OSError) as error:
            detail = f"row group {group}: {str(error).splitlines()[0][:160]}"
            rejects.add(path, None, "corrupt_file", detail)


def _batch_rows(meta: Any, row_groups: Sequence[int]) -> int:
    """Rows that hold about `MAX_TEXT_BYTES`, by the footer's own figures."""
    rows = sum(meta.row_group(i).num_rows for i in row_groups)
    size = sum(meta.row_group(i).total_byte_size for i in row_groups)
    return int(min(MAX_ROWS, max(64, MAX_TEXT_BYTES * rows // max(size, 1))))


def _columns(batch: pa.RecordBatch, column_map: ColumnMap) -> Mapping[str, Any]:
    columns = {name: batch.column(name) for name in batch.schema.names if name in COLUMNS}
    for column, paths in column_map.columns.items():
        found = [_at_path(batch, path) for path in paths]
        columns[column] = _first_value([values for values in found if values is not None], batch.num_rows)
    for column, value in column_map.values.items():
        fixed = pa.array([value] * batch.num_rows)
        columns[column] = (
            _first_value([columns[column], fixed], batch.num_rows) if column in columns else fixed
        )
    return columns


def _at_path(batch: pa.RecordBatch, path: str) -> Any:
    if path in batch.schema.names:
        return batch.column(path)
    top = path.split(".", maxsplit=1)[0].split("[", maxsplit=1)[0]
    if top not in batch.schema.names:
        return None
    return [follow({top: value}, path) for value in batch.column(top).to_pylist()]


def _first_value(candidates: list[Any], n: int) -> Any:
    if not candidates:
        return pa.nulls(n)
    if len(candidates) == 1:
        return candidates[0]
    arrays = [c if isinstance(c, pa.Array) else pa.array(c) for c in candidates]
    if len({a.type for a in arrays}) > 1:
        arrays = [a.cast(pa.string()) for a in arrays]
    return pc.coalesce(*arrays)
