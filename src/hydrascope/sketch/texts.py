"""Texts to sketches: an exact key, a size, a script and a sample of word shingles, column by column."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hydrascope.errors import UsageError
from hydrascope.kernels.text import MAX_WIDTH, sketch_buffer
from hydrascope.kernels.text_classes import SCRIPTS, class_table
from hydrascope.kernels.text_memo import earlier_texts

__all__ = [
    "LEAST",
    "LIMIT",
    "RATE",
    "SCRIPTS",
    "WIDTH",
    "TextSketch",
    "concat_sketches",
    "sketch_texts",
    "string_array",
    "string_buffers",
]

RATE = 1 / 8
"""Share of distinct shingles that is kept (docs/design/0002-content.md has the experiment)."""
LEAST = 32
"""Shingles that every text keeps, if it has as many, so that a short wrapper is never missed by chance."""
WIDTH = 3
"""Words to a shingle; twice as many characters in scripts without spaces."""
LIMIT = 512
"""The most shingles of one text; a longer one keeps those with the lowest hashes."""
_PROBE = 2_048
"""So many texts are looked at first."""
_PAYS = 40.0
"""Bytes a text, in the mean, that came before: from here on each text is sketched once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextSketch:
    """Sketches of n texts."""

    text_hash: NDArray[np.uint64]
    """uint64[n]: key of the normalised token sequence, blind to case, space and punctuation, digits kept; 0: no words."""
    n_words: NDArray[np.int32]
    """int32[n]: words, numbers, and single characters of scripts without spaces."""
    script: NDArray[np.uint8]
    """uint8[n]: dominant script, an index into `SCRIPTS`."""
    offsets: NDArray[np.int64]
    """int64[n + 1] into `shingles`."""
    shingles: NDArray[np.uint64]
    """uint64[m]: sampled distinct shingle hashes, ascending within a text."""

    def __len__(self) -> int:
        return len(self.text_hash)

    def shingles_of(self, row: int) -> NDArray[np.uint64]:
        """The shingles of one text, uint64[]."""
        return self.shingles[self.offsets[row] : self.offsets[row + 1]]


def sketch_texts(
    texts: pa.Array | pa.ChunkedArray,
    *,
    rate: float = RATE,
    width: int = WIDTH,
    least: int = LEAST,
    limit: int = LIMIT,
    select: NDArray[np.bool_] | None = None,
) -> TextSketch:
    """Sketch every text in one pass over its bytes, without holding the interpreter lock.

    Args:
        texts: n strings (string, large_string, or chunks of either); a null gives hash 0, no words, script `none`.
        rate: share of distinct shingles to keep, in (0, 1]. Containment is estimated on hashes below
            2^64 * rate alone, since those are sampled alike in every text.
        width: words to a shingle, 1 to 8; in scripts without spaces, twice as many characters.
        least: how many of the lowest hashes each text keeps whatever the rate; 0 for plain FracMinHash.
        limit: the most shingles of one text, those with the lowest hashes.
        select: bool[n], which texts get shingles; all where None. The other columns are always filled.

    Raises:
        UsageError: a parameter is out of range, or `texts` are not strings.
    """
    if not 0 < rate <= 1 or not 1 <= width <= MAX_WIDTH or least < 0 or limit < 1:
        raise UsageError(
            f"a sketch cannot have rate {rate}, width {width}, least {least}, limit {limit}",
            hint=f"use 0 < rate <= 1, 1 <= width <= {MAX_WIDTH} least >= 0 and limit >= 1",
        )
    column = string_array(texts)
    data, offsets, valid = string_buffers(column)
    chosen = np.zeros(0, np.bool_) if select is None else np.ascontiguousarray(select, np.bool_)
    if select is not None and len(chosen) != len(column):
        raise UsageError(f"`select` has {len(chosen)} entries for {len(column)} texts")
    threshold = np.uint64(min(int(rate * 2.0**64), 2**64) - 1)
    first = _repeats(data, offsets, valid)
    if first is not None:
        valid, chosen = _once(first, valid, chosen)
    result = sketch_buffer(
        data, offsets, valid, chosen, class_table(), width, threshold, min(least, limit), limit
    )
    hashes, n_words, scripts, bounds, shingles = result
    sketch = TextSketch(text_hash=hashes, n_words=n_words, script=scripts, offsets=bounds, shingles=shingles)
    return sketch if first is None else _repeated(sketch, first, select)


def _repeats(data: np.ndarray, offsets: np.ndarray, valid: np.ndarray) -> NDArray[np.int32] | None:
    """int32[n], the first row with the same text, its own where it is that; None where few texts repeat.

    Looking for repeats and copying what is known of them costs as much as sketching 40 bytes (benchmarks/sketch.py), so
    it is done where the first texts say that it pays.
    """
    n = len(offsets) - 1
    if n < _PROBE:
        return None
    again = earlier_texts(data, offsets[: _PROBE + 1], valid[:_PROBE]) >= 0
    if (np.diff(offsets[: _PROBE + 1]) * again).mean() < _PAYS:
        return None
    first = earlier_texts(data, offsets, valid)
    return np.where(first < 0, np.arange(n, dtype=np.int32), first)


def _once(
    first: NDArray[np.int32], valid: np.ndarray, chosen: NDArray[np.bool_]
) -> tuple[np.ndarray, NDArray[np.bool_]]:
    """Which rows are sketched, each text once, and which of them get shingles: those that a repeat wants."""
    is_first = first == np.arange(len(first))
    if len(valid):
        is_first &= valid
    if len(chosen):
        wanted = np.zeros(len(first), np.bool_)
        wanted[first[chosen]] = True
        chosen = wanted
    return is_first, chosen


def _repeated(sketch: TextSketch, first: NDArray[np.int32], select: NDArray[np.bool_] | None) -> TextSketch:
    """Every row with what was sketched of its first."""
    starts, lengths = sketch.offsets[:-1][first], np.diff(sketch.offsets)[first]
    if select is not None:
        lengths = np.where(select, lengths, 0)
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    return TextSketch(
        text_hash=sketch.text_hash[first],
        n_words=sketch.n_words[first],
        script=sketch.script[first],
        offsets=offsets,
        shingles=sketch.shingles[np.repeat(starts - offsets[:-1], lengths) + np.arange(offsets[-1])],
    )


def concat_sketches(parts: list[TextSketch]) -> TextSketch:
    """The sketch of the parts' texts one after another; equal to sketching them together."""
    if not parts:
        return sketch_texts(pa.array([], pa.string()))
    starts = np.cumsum([0, *(len(p.shingles) for p in parts[:-1])])
    shifted = [p.offsets[1:] + start for p, start in zip(parts, starts, strict=True)]
    return TextSketch(
        text_hash=np.concatenate([p.text_hash for p in parts]),
        n_words=np.concatenate([p.n_words for p in parts]),
        script=np.concatenate([p.script for p in parts]),
        offsets=np.concatenate([np.zeros(1, np.int64), *shifted]),
        shingles=np.concatenate([p.shingles for p in parts]),
    )


def string_array(texts: pa.Array | pa.ChunkedArray) -> pa.Array:
    """One contiguous string or large_string array."""
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.chunk(0) if texts.num_chunks == 1 else texts.cast(pa.large_string()).combine_chunks()
    if isinstance(texts, pa.ChunkedArray):  # newer pyarrow keeps chunks that would not fit one array
        texts = pa.concat_arrays(texts.chunks)
    if pa.types.is_string(texts.type) or pa.types.is_large_string(texts.type):
        return texts
    if (
        pa.types.is_string_view(texts.type)
        or pa.types.is_dictionary(texts.type)
        or pa.types.is_null(texts.type)
    ):
        return texts.cast(pa.large_string())
    raise UsageError(f"texts to sketch must be strings, not {texts.type}")


def string_buffers(
    column: pa.Array,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bytes, offsets and validity of a string array, without copying the bytes."""
    _, offset_buffer, byte_buffer = column.buffers()
    wide = np.int64 if pa.types.is_large_string(column.type) else np.int32
    offsets = np.zeros(1, wide)
    if len(column):
        offsets = np.frombuffer(offset_buffer, wide)[column.offset : column.offset + len(column) + 1]
    data = np.zeros(0, np.uint8) if byte_buffer is None else np.frombuffer(byte_buffer, np.uint8)
    valid = np.zeros(0, np.bool_)
    if column.null_count:
        valid = column.is_valid().to_numpy(zero_copy_only=False)
    return data, offsets, valid
