"""Reads transformers' `SynthIDTextWatermarkingConfig` marks.

That format hashes with a linear congruential generator and looks the result up, modulo the table size, in a
public table of random bits. With the default 65,536 entries only the low 16 bits of the n-gram's hash matter, so
different pairs often draw the same bits; they are counted once (`classes`). A layer's bits are shifted reads of one
table, so layers are not independent: the reported p is Hoeffding's bound on the mean over distinct classes, each
in [0, 1] with mean one half, which holds however layers depend on each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np
import numpy.typing as npt

from hydrascope.errors import UsageError
from hydrascope.watermark.pvalues import bounded_mean_log10_p
from hydrascope.watermark.schemes.synthid import layer_weights

__all__ = ["HfSynthID", "hf_synthid_keys"]

_MULTIPLIER = np.uint64(6364136223846793005)
_ONE = np.uint64(1)

Bits = npt.NDArray[np.uint8]


def hf_synthid_keys(handle: int, layers: int = 30) -> tuple[int, ...]:
    """`keys` of a SynthIDTextWatermarkingConfig for a key's 64-bit handle, 31 bits each."""
    base = handle.to_bytes(8, "big")
    digests = (sha256(b"synthid" + base + layer.to_bytes(2, "big")).digest() for layer in range(layers))
    return tuple(int.from_bytes(digest[:4], "big") >> 1 for digest in digests)


@dataclass(frozen=True, slots=True)
class HfSynthID:
    """One transformers SynthID-Text mark."""

    keys: tuple[int, ...]
    """One integer a layer."""
    ngram_len: int = 5
    """Context width plus one."""
    table_size: int = 65536
    """`sampling_table_size`, a power of two."""
    table_seed: int = 0
    """`sampling_table_seed`."""

    def __post_init__(self) -> None:
        if (
            not self.keys
            or self.ngram_len < 2
            or self.table_size & (self.table_size - 1)
            or self.table_size < 2
        ):
            raise UsageError(
                "a SynthID mark needs keys, an n-gram of 2 or more, and a table of a power of two",
                hint="copy them from the generation config",
            )

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> HfSynthID:
        """From `SynthIDTextWatermarkingConfig.to_dict()`."""
        keys: Sequence[int] = config.get("keys", ())
        return cls(
            keys=tuple(int(key) for key in keys),
            ngram_len=int(config.get("ngram_len", 5)),
            table_size=int(config.get("sampling_table_size", 65536)),
            table_seed=int(config.get("sampling_table_seed", 0)),
        )

    @property
    def pair_width(self) -> int:
        """Context width of the pairs to score."""
        return self.ngram_len - 1

    def table(self) -> Bits:
        """The public table of bits, as torch's CPU generator draws it (MT19937, lowest bit)."""
        generator = np.random.RandomState(self.table_seed)
        words = generator.randint(0, 2**32, self.table_size, dtype=np.uint32)
        return (words & np.uint32(1)).astype(np.uint8)

    def hashes(self, contexts: npt.ArrayLike, tokens: npt.ArrayLike) -> npt.NDArray[np.uint64]:
        """The n-gram hash of each pair, before keys enter."""
        rows = np.column_stack([np.asarray(contexts, dtype=np.int64), np.asarray(tokens, dtype=np.int64)])
        state = np.ones(len(rows), dtype=np.uint64)
        for column in rows.T:
            state = _accumulate(state, column.astype(np.uint64))
        return state

    def classes(self, contexts: npt.ArrayLike, tokens: npt.ArrayLike) -> npt.NDArray[np.uint64]:
        """Distinct inputs of the keyed lookup among pairs: what may be counted, once each."""
        return np.unique(self.hashes(contexts, tokens) & np.uint64(self.table_size - 1))

    def bits(self, hashes: npt.NDArray[np.uint64]) -> Bits:
        """Layer bits for n-gram hashes (or classes), shape (n, layers)."""
        keys = np.array(self.keys, dtype=np.int64).astype(np.uint64)
        at = _accumulate(hashes[:, None], keys[None, :]) & np.uint64(self.table_size - 1)
        return self.table()[at.astype(np.int64)]

    def mean_score(self, contexts: npt.ArrayLike, tokens: npt.ArrayLike) -> tuple[float, int]:
        """Weighted mean over distinct classes, 1/2 on average under the null, and their number."""
        classes = self.classes(contexts, tokens)
        if len(classes) == 0:
            return 0.5, 0
        weights = layer_weights(len(self.keys)) / len(self.keys)
        return float((self.bits(classes) @ weights).mean()), len(classes)

    def log10_p(self, contexts: npt.ArrayLike, tokens: npt.ArrayLike) -> float:
        """Upper bound on the p-value, log10, over distinct pairs."""
        return bounded_mean_log10_p(*self.mean_score(contexts, tokens))


def _accumulate(state: npt.NDArray[np.uint64], data: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    with np.errstate(over="ignore"):
        return np.asarray((state + data) * _MULTIPLIER + _ONE)
