"""Text columns without invalid UTF-8 and NUL characters; clean columns are passed through uncopied."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hydrascope.ingest.rejects import Rejects

__all__ = ["repair_text", "text_bytes"]


def repair_text(values: pa.Array, rejects: Rejects) -> pa.Array:
    """The same strings with every broken byte and NUL as U+FFFD; each repaired value is counted."""
    values = _repair_utf8(values, rejects)
    if not _has_nul(values):
        return values
    rejects.warn("nul_bytes", pc.sum(pc.match_substring(values, "\0")).as_py() or 0)
    return pc.replace_substring(values, "\0", "\ufffd")


def _repair_utf8(values: pa.Array, rejects: Rejects) -> pa.Array:
    try:
        values.validate(full=True)
    except pa.ArrowInvalid:
        pass
    else:
        return values
    raw = values.cast(pa.binary()).to_pylist()
    texts = [None if v is None else v.decode("utf-8", "replace") for v in raw]
    n = sum(1 for v, t in zip(raw, texts, strict=True) if v is not None and t is not None and t.encode() != v)
    rejects.warn("invalid_utf8", n)
    return pa.array(texts, pa.string())


def _data(values: pa.Array) -> np.ndarray[Any, Any]:
    """The bytes of the array's own slice."""
    buffer = values.buffers()[2]
    if buffer is None or not len(values):
        return np.empty(0, dtype=np.uint8)
    offsets = _offsets(values)
    return np.frombuffer(buffer, dtype=np.uint8)[offsets[0] : offsets[-1]]


def _offsets(values: pa.Array) -> np.ndarray[Any, Any]:
    offsets = np.frombuffer(values.buffers()[1], dtype=np.int32)
    return offsets[values.offset : values.offset + len(values) + 1]


def _has_nul(values: pa.Array) -> bool:
    data = _data(values)
    return bool(data.size) and int(data.min()) == 0


def text_bytes(values: pa.Array) -> np.ndarray[Any, Any]:
    """Bytes of each string of a `string` array, int64."""
    if not len(values):
        return np.empty(0, dtype=np.int64)
    return np.diff(_offsets(values)).astype(np.int64)
