"""A part of the state as readable rows: hashes of channels become their values again, times become timestamps."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from hydrascope.features.observed import CHANNEL_COLUMNS
from hydrascope.schema import TIMESTAMP

__all__ = ["LAKE", "PARTITIONS", "readable_rows"]

PARTITIONS = ("date", "hour")
"""Of the time at which the exchange began, UTC."""
_TEXTS = {"account": "account_id", **CHANNEL_COLUMNS}
_NUMBERS = ("asn", "turns", "input_tokens", "output_tokens", "reasoning_tokens", "n_words")
LAKE = pa.schema(
    [
        ("date", pa.string()),  # 2026-03-02
        ("hour", pa.int32()),
        ("started_at", TIMESTAMP),
        ("exchange", pa.int64()),  # 64-bit hash of the exchange id
        *((name, pa.string()) for name in _TEXTS.values()),
        ("client_asn", pa.int32()),
        *((name, pa.int32()) for name in _NUMBERS[1:]),
        ("reasoning", pa.bool_()),
        ("status", pa.int32()),
        ("prompt", pa.int64()),  # 64-bit hashes: equal texts are equal, the text is not there
        ("system", pa.int64()),
    ]
)
"""One exchange a row; no text. A null means unknown, as in the contract."""


def readable_rows(rows: pa.Table, values: pa.Table) -> pa.Table:
    """`LAKE` rows of `features.observed.OBSERVED` and `VALUES` tables of one part, ordered by time."""
    rows = rows.sort_by("at_us").combine_chunks()
    at = rows["at_us"].cast(TIMESTAMP)
    columns = {
        "date": pc.strftime(at, format="%Y-%m-%d"),
        "hour": pc.hour(at).cast(pa.int32()),
        "started_at": at,
        "exchange": rows["xid"],
        **{column: _texts(rows[name], values, name) for name, column in _TEXTS.items()},
        "client_asn": rows["asn"],
        **{name: rows[name] for name in _NUMBERS[1:]},
        "reasoning": pc.equal(rows["reasoning"], pa.scalar(1, pa.int8())),
        "status": rows["status"].cast(pa.int32()),
        "prompt": rows["prompt"],
        "system": rows["system"],
    }
    return pa.table(columns, schema=LAKE)


def _texts(hashes: pa.ChunkedArray, values: pa.Table, channel: str) -> pa.ChunkedArray:
    known = values.filter(pc.equal(values["channel"], channel)).combine_chunks()
    if not len(known):
        return pa.nulls(len(hashes), pa.string())
    place = pc.index_in(hashes, value_set=known["value"].combine_chunks())
    return known["text"].take(place)
