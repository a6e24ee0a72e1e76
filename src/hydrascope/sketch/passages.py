"""Texts to passages: long runs of words by which an answer is known again where it is sent back."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hydrascope.errors import UsageError
from hydrascope.kernels.passages import MAX_PASSAGE, passage_buffer
from hydrascope.kernels.text_classes import class_table
from hydrascope.sketch.texts import string_array, string_buffers

__all__ = ["PASSAGE_RATE", "PASSAGE_WORDS", "find_passages"]

PASSAGE_WORDS = 10
"""Words to a passage, twice as many characters in scripts without spaces: so many in a row are seldom the same by chance."""
PASSAGE_RATE = 1 / 32
"""Share of passages that is kept; of answers of 40 words that are sent back, six in ten are known again."""


def find_passages(
    texts: pa.Array | pa.ChunkedArray,
    *,
    rate: float = PASSAGE_RATE,
    width: int = PASSAGE_WORDS,
    select: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """Sampled passages of every text, in one pass over its bytes.

    Args:
        texts: n strings; a null has none.
        rate: share of distinct passages to keep, in (0, 1].
        width: words to a passage.
        select: bool[n], the texts to read; all where None.

    Returns:
        Offsets int64[n + 1] and passages uint64[m], distinct and ascending within a text.

    Raises:
        UsageError: a parameter is out of range, or `texts` are not strings.
    """
    if not 0 < rate <= 1 or not 1 <= width <= MAX_PASSAGE:
        raise UsageError(
            f"passages cannot have rate {rate} and width {width}",
            hint=f"use 0 < rate <= 1 and 1 <= width <= {MAX_PASSAGE}",
        )
    column = string_array(texts)
    data, offsets, valid = string_buffers(column)
    chosen = np.ones(len(column), np.bool_) if select is None else np.array(select, np.bool_)
    if len(valid):
        chosen &= valid
    threshold = np.uint64(min(int(rate * 2.0**64), 2**64) - 1)
    bounds, passages = passage_buffer(data, offsets, chosen, class_table(), width, threshold)
    return bounds, passages
