"""One batch of exchanges becomes narrow rows, sampled shingles and a few texts: the only place that sees text.

Everything later works on these tables. Identifiers are 64-bit hashes (`hydrascope.kernels.strings`); the
strings behind them are kept once each in `VALUES`. What is sampled is chosen by a hash of the exchange id
(the smallest per account), so the choice is the same however the log is split or ordered.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hydrascope.kernels.strings import hash_prefixes, hash_strings, mix64
from hydrascope.sketch import TextSketch, decode_sketches, sketch_texts

__all__ = [
    "CHANNEL_COLUMNS",
    "OBSERVED",
    "PASSAGES",
    "SHINGLES",
    "SYSTEMS",
    "TEXTS",
    "VALUES",
    "ObservedBatch",
    "observe_exchanges",
    "rank_exchanges",
]

CHANNEL_COLUMNS: dict[str, str] = {
    "organization": "organization_id",
    "api_key": "api_key_id",
    "end_user": "end_user_id",
    "platform": "platform",
    "ip": "client_ip",
    "country": "client_country",
    "user_agent": "user_agent",
    "tls": "tls_fingerprint",
    "model": "model",
    "stop": "stop_reason",
}
"""Narrow column to the contract column that it hashes."""

_ID = pa.int64()
OBSERVED = pa.schema(
    [
        ("xid", _ID),
        ("account", _ID),
        ("at_us", _ID),  # microseconds since 1970, UTC
        *((name, _ID) for name in CHANNEL_COLUMNS),
        ("network", _ID),  # hash of the /24 or /48
        ("asn", pa.int32()),
        ("tools", _ID),  # hash of the sorted tool names
        ("decoding", _ID),  # hash of temperature, top_p, max_tokens
        ("system", _ID),
        ("prompt", _ID),  # hash of the normalised words
        ("n_words", pa.int32()),
        ("script", pa.int8()),
        ("turns", pa.int32()),
        ("input_tokens", pa.int32()),
        ("output_tokens", pa.int32()),
        ("reasoning_tokens", pa.int32()),
        ("reasoning", pa.int8()),
        ("status", pa.int16()),
        ("row_hash", _ID),
        ("file", pa.int32()),
        ("line", pa.int64()),
    ]
)
_PLACE = [("file", pa.int32()), ("line", pa.int64())]
SHINGLES = pa.schema(
    [("account", _ID), ("xid", _ID), ("rank", _ID), ("system", _ID), ("shingles", pa.list_(_ID)), *_PLACE]
)
PASSAGES = pa.schema(
    [
        ("account", _ID),
        ("xid", _ID),
        ("at_us", _ID),
        ("answer", pa.int8()),  # 1: of the completion, 0: of the prompt
        ("leads", pa.int8()),  # 1: the first of its text
        ("passage", _ID),
        *_PLACE,
    ]
)
TEXTS = pa.schema(
    [
        ("account", _ID),
        ("xid", _ID),
        ("rank", _ID),
        ("exchange_id", pa.string()),
        ("system", _ID),
        ("text", pa.string()),
        *_PLACE,
    ]
)
SYSTEMS = pa.schema(
    [("system", _ID), ("n_words", pa.int32()), ("text", pa.string()), ("shingles", pa.list_(_ID))]
)
VALUES = pa.schema([("channel", pa.string()), ("value", _ID), ("text", pa.string())])

_PERSONAL = ("account_id", "exchange_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedBatch:
    """What one batch leaves behind."""

    rows: pa.Table
    """`OBSERVED`, one row an exchange, in the batch's order."""
    sketch: TextSketch
    rank: np.ndarray
    """int64[n], uniform: the sampling order of the exchanges."""
    chosen: np.ndarray | None
    """bool[n], the exchanges that got shingles; None where all did."""
    batch: pa.RecordBatch
    """The exchanges themselves, for the samplers; dropped after them."""


Choose = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Accounts (int64[n] hashes) and ranks (int64[n]) to the exchanges that get shingles, bool[n]."""


def rank_exchanges(xid: np.ndarray) -> np.ndarray:
    """int64[n] sampling order, uniform over the positive numbers, of exchanges by their hashed ids."""
    return (mix64(xid.view(np.uint64), seed=7) >> np.uint64(1)).view(np.int64)


def observe_exchanges(
    batch: pa.RecordBatch, *, rate: float, select: np.ndarray | Choose | None = None
) -> ObservedBatch:
    """Hash, sketch and narrow one batch.

    Args:
        batch: n rows of `hydrascope.schema.EXCHANGES`.
        rate: share of shingles kept.
        select: bool[n], the exchanges that get shingles, or what chooses them; None for all.
    """
    xid, account = hash_strings(batch["exchange_id"]), hash_strings(batch["account_id"])
    rank = rank_exchanges(xid.to_numpy())
    chosen = select(account.to_numpy(), rank) if callable(select) else select
    sketch = _sketch(batch, rate, chosen)
    columns = {
        "xid": xid,
        "account": account,
        "at_us": batch["started_at"].cast(pa.int64()),
        **{name: hash_strings(batch[source]) for name, source in CHANNEL_COLUMNS.items()},
        "network": hash_prefixes(batch["client_ip"]),
        "asn": batch["client_asn"],
        "tools": _hash_tools(batch["tools"]),
        "decoding": _hash_decoding(batch),
        "system": hash_strings(batch["system"].dictionary_encode()),
        "prompt": pa.array(sketch.text_hash.view(np.int64), mask=sketch.n_words == 0),
        "n_words": pa.array(sketch.n_words),
        "script": pa.array(sketch.script.astype(np.int8)),
        **{
            name: batch[name]
            for name in ("turns", "input_tokens", "output_tokens", "reasoning_tokens", "status")
        },
        "reasoning": batch["reasoning"].cast(pa.int8()),
        "file": batch["source_file"],
        "line": batch["source_line"],
    }
    columns["row_hash"] = _hash_rows(columns)
    rows = pa.table([columns[f.name].cast(f.type) for f in OBSERVED], schema=OBSERVED)
    return ObservedBatch(rows=rows, sketch=sketch, rank=rank, chosen=chosen, batch=batch)


def _sketch(batch: pa.RecordBatch, rate: float, select: np.ndarray | None) -> TextSketch:
    if batch["sketch"].null_count == len(batch):
        return sketch_texts(batch["prompt"], rate=rate, select=select)
    fed = decode_sketches(batch["sketch"])
    if batch["prompt"].null_count == len(batch):
        return fed
    read = sketch_texts(batch["prompt"], rate=rate, select=select)
    return _choose(pc.is_valid(batch["prompt"]).to_numpy(zero_copy_only=False), read, fed)


def _choose(first: np.ndarray, a: TextSketch, b: TextSketch) -> TextSketch:
    """Row by row, `a` where `first` holds and `b` elsewhere."""
    starts = np.where(first, a.offsets[:-1], b.offsets[:-1] + len(a.shingles))
    lengths = np.where(first, np.diff(a.offsets), np.diff(b.offsets))
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    flat = np.repeat(starts - offsets[:-1], lengths) + np.arange(offsets[-1])
    return TextSketch(
        text_hash=np.where(first, a.text_hash, b.text_hash),
        n_words=np.where(first, a.n_words, b.n_words),
        script=np.where(first, a.script, b.script),
        offsets=offsets,
        shingles=np.concatenate([a.shingles, b.shingles])[flat],
    )


def _hash_tools(tools: pa.Array) -> pa.Array:
    if tools.null_count == len(tools):
        return pa.nulls(len(tools), pa.int64())
    offsets = tools.offsets.to_numpy()
    names = hash_strings(tools.values)
    mixed = mix64(names.fill_null(0).to_numpy().view(np.uint64))
    sums = np.concatenate([[np.uint64(0)], np.cumsum(mixed, dtype=np.uint64)])  # a sum ignores the order
    total = mix64(sums[offsets[1:]] - sums[offsets[:-1]])
    empty = (offsets[1:] == offsets[:-1]) | pc.is_null(tools).to_numpy(zero_copy_only=False)
    return pa.array(total.view(np.int64), mask=empty)


def _hash_decoding(batch: pa.RecordBatch) -> pa.Array:
    total = np.zeros(len(batch), np.uint64)
    known = np.zeros(len(batch), bool)
    for seed, (name, scale) in enumerate(
        (("temperature", 1e4), ("top_p", 1e4), ("max_tokens", 1.0)), start=1
    ):
        column = batch[name]
        valid = pc.is_valid(column).to_numpy(zero_copy_only=False)
        number = np.nan_to_num(column.cast(pa.float64()).fill_null(-1.0).to_numpy(zero_copy_only=False))
        total ^= mix64(np.rint(number * scale).astype(np.int64).view(np.uint64), seed=seed)
        known |= valid
    return pa.array(mix64(total).view(np.int64), mask=~known)


def _hash_rows(columns: dict[str, pa.Array]) -> pa.Array:
    """Order-free choice between two records that claim one exchange id."""
    total = np.zeros(len(columns["xid"]), np.uint64)
    for seed, name in enumerate(n for n in OBSERVED.names if n not in ("row_hash", "file", "line")):
        column = columns[name].cast(pa.int64()).fill_null(-1)
        total ^= mix64(column.to_numpy(zero_copy_only=False).view(np.uint64), seed=seed)
    return pa.array(total.view(np.int64))
