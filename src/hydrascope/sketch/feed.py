"""Logs without text: exchanges whose prompt, system prompt and completion have given way to a sketch."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hydrascope.schema import EXCHANGES
from hydrascope.sketch.codec import encode_sketches, key_sketch
from hydrascope.sketch.texts import sketch_texts

__all__ = ["SKETCHED", "sketch_batch"]

_DROPPED = ("prompt", "system", "completion", "source_file", "source_line")

SKETCHED = pa.schema([field for field in EXCHANGES if field.name not in _DROPPED])
"""The contract's log with `sketch` in place of all text."""


def sketch_batch(batch: pa.RecordBatch, *, key: bytes | None = None) -> pa.RecordBatch:
    """Replace the text of a batch of exchanges by sketches of the prompts.

    Args:
        batch: `schema.EXCHANGES`. An exchange that already comes with a sketch and no prompt keeps it as it is.
        key: where given, hashes are keyed, so that nobody without the key can test a guess of a prompt.

    Returns:
        The same exchanges in the columns of `SKETCHED`.
    """
    sketch = sketch_texts(batch["prompt"])
    encoded = encode_sketches(key_sketch(sketch, key) if key else sketch, key=key)
    known = batch["prompt"].is_valid()
    columns = {
        field.name: batch[field.name]
        if field.name in batch.schema.names
        else pa.nulls(len(batch), field.type)
        for field in SKETCHED
    }
    columns["sketch"] = pc.if_else(np.asarray(known), encoded, columns["sketch"])
    return pa.RecordBatch.from_pydict(columns, schema=SKETCHED)
