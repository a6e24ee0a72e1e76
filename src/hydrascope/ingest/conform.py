"""Columns of any origin become one batch of the canonical schema; what cannot is rejected or left out, counted.

Theory of operation: everything is done a column at a time on Arrow buffers. Only a row that fails a test, or a
column whose fast cast fails, is looked at value by value; a clean Parquet batch is neither copied nor visited.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hydrascope.ingest.addresses import address
from hydrascope.ingest.casting import cast_column
from hydrascope.ingest.rejects import Rejects
from hydrascope.ingest.text import repair_text, text_bytes
from hydrascope.ingest.times import Times, read_times
from hydrascope.schema import EXCHANGES

__all__ = ["MAX_ROWS", "MAX_TEXT_BYTES", "REDACTED", "conform", "reject_rows", "split"]

MAX_ROWS = 65_536
MAX_TEXT_BYTES = 64 << 20
TEXT_COLUMNS = ("prompt", "system", "completion", "sketch")
_MAY_BE_EMPTY = ("prompt", "completion")
REDACTED = frozenset(
    {
        "redacted-by-litellm",
        "[redacted]",
        "<redacted>",
        "***redacted***",
        "[filtered]",
        "__redacted__",
    }
)
"""What gateways write in place of a prompt that the caller, or the operator, did not want logged (lower case)."""
_LONGEST_REDACTION = max(map(len, REDACTED)) + 8  # with some blanks around
_IPV4 = r"^\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}$"


def conform(
    columns: Mapping[str, Any],
    lines: np.ndarray[Any, Any],
    *,
    file: tuple[int, str],
    rejects: Rejects,
    units: Mapping[str, str] | None = None,
    prompt_needed: bool = True,
) -> pa.RecordBatch:
    """A batch of `schema.EXCHANGES`, without the rows that lack what the contract needs.

    Args:
        columns: contract column to an Arrow array of any type, or a list of Python values.
        lines: 1-based line or row of each entry.
        file: index and path of the input file.
        rejects: takes the rows left out and the caveats.
        units: contract column to `s`, `ms`, `us` or `ns`, where the operator knows better than their size.
        prompt_needed: reject a row without prompt and sketch; else keep it and count `prompt_absent`.
    """
    n = len(lines)
    units = units or {}
    ready = {
        field.name: _column(field, columns.get(field.name), n, units.get(field.name), rejects)
        for field in EXCHANGES
        if field.name not in ("started_at", "source_file", "source_line")
    }
    times = _times(columns.get("started_at"), n, units.get("started_at"))
    ready["prompt"] = _yield_to_sketch(ready["prompt"], ready["sketch"])
    redacted = np.zeros(n, dtype=bool)
    for name in ("prompt", "system", "completion"):
        ready[name], marked = _redact(ready[name])
        redacted |= marked if name == "prompt" else False
    rejects.warn("prompt_redacted", int(redacted.sum()))
    silent = _null(ready["prompt"]) & _null(ready["sketch"]) & ~redacted
    if not prompt_needed:
        rejects.warn("prompt_absent", int(silent.sum()))
        silent[:] = False
    failed = {
        "missing_exchange_id": _null(ready["exchange_id"]),
        "missing_account_id": _null(ready["account_id"]),
        "missing_time": times.absent,
        "bad_time": ~times.ok,
        "missing_prompt": silent,
    }
    keep = reject_rows(failed, lines, file[1], rejects)
    rejects.warn("time_zone_assumed", times.n_assumed)
    ready["client_ip"] = _addresses(ready["client_ip"], rejects)
    ready["started_at"] = pa.array(times.us, pa.timestamp("us", tz="UTC"))
    ready["source_file"] = pa.array(np.full(n, file[0], dtype=np.int32))
    ready["source_line"] = pa.array(lines, pa.int64())
    batch = pa.RecordBatch.from_arrays([ready[f.name] for f in EXCHANGES], schema=EXCHANGES)
    return batch if keep is None else batch.filter(pa.array(keep))


def reject_rows(
    failed: Mapping[str, np.ndarray[Any, Any]], lines: np.ndarray[Any, Any], path: str, rejects: Rejects
) -> np.ndarray[Any, Any] | None:
    """Which rows to keep, None for all; each other row is rejected under the first test that it fails."""
    names = list(failed)
    verdict = np.zeros(len(lines), dtype=np.int8)
    for code, name in reversed(list(enumerate(names, start=1))):
        verdict[failed[name]] = code
    bad = np.flatnonzero(verdict)
    if not bad.size:
        return None
    for row in bad:
        rejects.add(path, int(lines[row]), names[verdict[row] - 1])
    return verdict == 0


def _column(field: pa.Field, values: Any, n: int, unit: str | None, rejects: Rejects) -> pa.Array:
    if values is None:
        return pa.nulls(n, field.type)
    if field.name == "duration_ms" and unit is not None:
        values = _milliseconds(values, unit, rejects)
    cast = cast_column(values, field.type, rejects, keep_empty=field.name in _MAY_BE_EMPTY)
    return repair_text(cast, rejects) if pa.types.is_string(field.type) else cast


def _milliseconds(values: Any, unit: str, rejects: Rejects) -> pa.Array:
    factor = {"s": 1e3, "ms": 1.0, "us": 1e-3, "ns": 1e-6}[unit]
    return pc.round(pc.multiply(cast_column(values, pa.float64(), rejects), factor))


def _times(values: Any, n: int, unit: str | None) -> Times:
    if values is None:
        nothing = np.zeros(n, dtype=bool)
        return Times(np.zeros(n, dtype=np.int64), nothing, ~nothing, 0)
    return read_times(_as_array(values), unit)


def _as_array(values: Any) -> pa.Array:
    if isinstance(values, pa.ChunkedArray):
        return values.combine_chunks()
    if isinstance(values, pa.Array):
        return values
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return pa.array([None if v is None else str(v) for v in values], pa.string())


def _yield_to_sketch(prompt: pa.Array, sketch: pa.Array) -> pa.Array:
    """An empty prompt beside a sketch is how CSV writes the lack of one."""
    if sketch.null_count == len(sketch):
        return prompt
    empty = pc.and_(pc.equal(prompt, ""), pc.is_valid(sketch))
    return pc.if_else(pc.fill_null(empty, False), pa.scalar(None, pa.string()), prompt)


def _redact(text: pa.Array) -> tuple[pa.Array, np.ndarray[Any, Any]]:
    """The texts without redaction marks, and which rows had one."""
    none = np.zeros(len(text), dtype=bool)
    short = pc.less_equal(pc.binary_length(text), _LONGEST_REDACTION)
    if not pc.any(short).as_py():
        return text, none
    tidy = pc.utf8_lower(pc.utf8_trim_whitespace(pc.if_else(short, text, pa.scalar(None, pa.string()))))
    marked = pc.is_in(tidy, pa.array(sorted(REDACTED)))
    n = pc.sum(marked).as_py() or 0
    if not n:
        return text, none
    bare = pc.if_else(marked, pa.scalar(None, pa.string()), text)
    return bare, marked.to_numpy(zero_copy_only=False)


def _null(values: pa.Array) -> np.ndarray[Any, Any]:
    return pc.is_null(values).to_numpy(zero_copy_only=False)


def _addresses(values: pa.Array, rejects: Rejects) -> pa.Array:
    """Addresses in canonical form; dotted quads pass, the rest is looked at once per distinct value."""
    if values.null_count == len(values):
        return values
    odd = pc.invert(pc.match_substring_regex(values, _IPV4))
    if not pc.any(odd).as_py():
        return values
    coded = values.dictionary_encode()
    plain = [address(text) for text in coded.dictionary.to_pylist()]
    known = pa.array(plain, pa.string())
    tidy = known.take(coded.indices)
    rejects.warn("bad_address", tidy.null_count - values.null_count)
    return tidy


def split(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Slices of at most `MAX_ROWS` rows and `MAX_TEXT_BYTES` of text; a longer single row stays whole."""
    if not batch.num_rows:
        return
    ends = np.cumsum(sum(text_bytes(batch.column(name)) for name in TEXT_COLUMNS))
    start, given = 0, 0
    while start < batch.num_rows:
        stop = int(np.searchsorted(ends, given + MAX_TEXT_BYTES, side="right"))
        stop = min(max(stop, start + 1), start + MAX_ROWS, batch.num_rows)
        yield batch.slice(start, stop - start)
        start, given = stop, int(ends[stop - 1])
