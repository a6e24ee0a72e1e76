"""Rows of JSON and CSV logs gathered into canonical batches."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping

import msgspec
import numpy as np
import pyarrow as pa

from hydrascope.ingest.column_map import ColumnMap
from hydrascope.ingest.conform import MAX_ROWS, conform, split
from hydrascope.ingest.containers import strict_json
from hydrascope.ingest.formats.base import BadRecordError, Format, Row
from hydrascope.ingest.rejects import Rejects
from hydrascope.schema import EXCHANGES

__all__ = ["RowBatches", "read_rows"]

BATCH_CHARS = 32 << 20
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def read_rows(
    records: Iterable[tuple[int, bytes]],
    form: Format,
    path: str,
    rejects: Rejects,
    column_map: ColumnMap | None = None,
) -> Iterator[tuple[int, Row]]:
    """(line, row of contract columns) of every record that gives one; the others are rejected."""
    reader = form.reader()
    for line, raw in records:
        try:
            rows = reader.read(raw, line)
        except BadRecordError as bad:
            rejects.add(path, line, bad.reason, bad.detail)
            continue
        except _UNREADABLE as error:
            repaired = _repair(raw, rejects)
            if repaired is None:
                rejects.add(path, line, "broken_json", _position(error))
                continue
            try:
                rows = reader.read(repaired, line)
            except BadRecordError as bad:
                rejects.add(path, line, bad.reason, bad.detail)
                continue
            except _UNREADABLE as again:
                rejects.add(path, line, "unreadable_record", _position(again))
                continue
            raw = repaired
        yield from _overruled(rows, raw, column_map) if column_map else rows
    yield from reader.finish()


def _position(error: Exception) -> str:
    """What the decoder says of the place, without any of the text."""
    return type(error).__name__ if isinstance(error, UnicodeDecodeError) else str(error).split("\n")[0][:200]


def _repair(raw: bytes, rejects: Rejects) -> bytes | None:
    """Strict JSON of a line with control characters, NaN, half surrogates or broken UTF-8; None if it is no JSON."""
    text = raw.decode("utf-8", "replace")
    try:
        value = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None
    broken = text.count("\ufffd") > raw.count(b"\xef\xbf\xbd")
    rejects.warn("invalid_utf8" if broken else "repaired_json")
    try:
        return strict_json(value)
    except (ValueError, OverflowError, RecursionError):
        return None


def _overruled(
    rows: Iterable[tuple[int, Row]], raw: bytes, column_map: ColumnMap
) -> Iterator[tuple[int, Row]]:
    mapped = column_map.values_of(msgspec.json.decode(raw))
    fixed = column_map.values
    for line, row in rows:
        over = {k: v for k, v in mapped.items() if k not in fixed or v is not fixed[k] or row.get(k) is None}
        yield line, {**row, **over}


class RowBatches:
    """Gathers rows column by column and gives a batch whenever enough have come together.

    Args:
        file: index and path of the input file.
        form: format of the rows.
        rejects: takes rows left out.
        units: hints of a map file.
    """

    def __init__(
        self, file: tuple[int, str], form: Format, rejects: Rejects, units: Mapping[str, str] | None = None
    ) -> None:
        self._file = file
        self._form = form
        self._rejects = rejects
        self._units = units
        self._rows: list[Row] = []
        self._lines: list[int] = []

    def gather(self, rows: Iterable[tuple[int, Row]]) -> Iterator[pa.RecordBatch]:
        """Canonical batches of all the rows, in their order."""
        chars = 0
        for line, row in rows:
            self._rows.append(row)
            self._lines.append(line)
            chars += _chars(row)
            if chars >= BATCH_CHARS or len(self._rows) >= MAX_ROWS:
                yield from self._flush()
                chars = 0
        yield from self._flush()

    def _flush(self) -> Iterator[pa.RecordBatch]:
        if not self._rows:
            return
        for row in self._rows:
            for warning in row.pop("_warnings", ()):
                self._rejects.warn(warning)
        given = set().union(*self._rows)
        columns = {name: [row.get(name) for row in self._rows] for name in EXCHANGES.names if name in given}
        batch = conform(
            columns,
            np.array(self._lines, dtype=np.int64),
            file=self._file,
            rejects=self._rejects,
            units=self._units,
            prompt_needed=self._form.prompt_needed,
        )
        self._rows, self._lines = [], []
        yield from split(batch)


def _chars(row: Row) -> int:
    return sum(
        len(text) for name in ("prompt", "system", "completion") if isinstance(text := row.get(name), str)
    )
