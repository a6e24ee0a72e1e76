"""Rows of JSON and CSV logs gathered into canonical batches."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from hydrascope.ingest.column_map import ColumnMap
from hydrascope.ingest.conform import MAX_ROWS, conform, split
from hydrascope.ingest.containers import strict_json
from hydrascope.ingest.formats.base import BadRecordError, Format, Reader, Row
from hydrascope.ingest.rejects import Rejects
from hydrascope.schema import EXCHANGES

__all__ = ["RowBatches", "read_rows"]

BATCH_CHARS = 32 << 20
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_ODD_SHAPE = (TypeError, ValueError, KeyError, AttributeError, IndexError, OverflowError)
"""What a format's code meets where a record nests otherwise than any seen before: the record's fault, not the run's."""


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
            rows, raw = _read_record(reader, raw, line, rejects)
        except BadRecordError as bad:
            rejects.add(path, line, bad.reason, bad.detail)
            continue
        yield from _finished(rows, raw, column_map, not form.prompt_needed)
    try:
        yield from _finished(reader.finish(), b"", column_map, False)
    except _ODD_SHAPE as error:
        rejects.add(path, None, "unreadable_record", f"at the end: {type(error).__name__}")


def _read_record(
    reader: Reader, raw: bytes, line: int, rejects: Rejects
) -> tuple[Iterable[tuple[int, Row]], bytes]:
    """The rows of a record, and its bytes as they were read: repaired where they were not strict JSON.

    Raises:
        BadRecordError: it gives no exchange, even repaired.
    """
    try:
        return reader.read(raw, line), raw
    except _UNREADABLE as error:
        if isinstance(error, msgspec.ValidationError) and "out of range" not in str(error):
            raise BadRecordError("unreadable_record", _position(error)) from error
        strict, warning = _repair(raw)
        if strict is None:
            raise BadRecordError("broken_json", _position(error)) from error
    except _ODD_SHAPE as error:
        raise BadRecordError("unreadable_record", type(error).__name__) from error
    try:
        rows = reader.read(strict, line)
    except (*_UNREADABLE, *_ODD_SHAPE) as error:
        raise BadRecordError("unreadable_record", _position(error)) from error
    rejects.warn(warning)
    return rows, strict


def _finished(
    rows: Iterable[tuple[int, Row]], raw: bytes, column_map: ColumnMap | None, form_makes_ids: bool
) -> Iterator[tuple[int, Row]]:
    """Rows with mapped columns laid over them, and an id made of the record's bytes where it has none."""
    for number, (line, row) in enumerate(rows):
        source = row.pop("_source", None)
        if column_map is not None and set(row) != {"_warnings"}:
            row = _overruled(row, source if source is not None else _record(raw), column_map)
        if form_makes_ids and not row.get("exchange_id") and raw and set(row) != {"_warnings"}:
            row["exchange_id"] = f"h:{blake2b(raw, digest_size=12).hexdigest()}" + (
                f".{number}" if number else ""
            )
        yield line, row


def _record(raw: bytes) -> Mapping[str, Any]:
    value = msgspec.json.decode(raw) if raw else {}
    return value if isinstance(value, dict) else {}


def _position(error: Exception) -> str:
    """What the decoder says of the place, without any of the text."""
    return type(error).__name__ if isinstance(error, UnicodeDecodeError) else str(error).split("\n")[0][:200]


def _repair(raw: bytes) -> tuple[bytes | None, str]:
    """Strict JSON of a line with control characters, NaN, half surrogates or broken UTF-8, and what was wrong."""
    text = raw.decode("utf-8", "replace")
    try:
        strict = strict_json(json.loads(text, strict=False))
    except (ValueError, OverflowError, RecursionError):
        return None, ""
    broken = text.count("\ufffd") > raw.count(b"\xef\xbf\xbd")
    return strict, "invalid_utf8" if broken else "repaired_json"


def _overruled(row: Row, source: Mapping[str, Any], column_map: ColumnMap) -> Row:
    """Mapped paths overrule what the format found; fixed values fill what neither found."""
    fixed = {name: value for name, value in column_map.values.items() if row.get(name) is None}
    return {**row, **fixed, **column_map.found_in(source)}


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
            for warning in row.pop("_warnings", ()):
                self._rejects.warn(warning)
            if not row:
                continue
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
        given: set[str] = set().union(*self._rows)
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
