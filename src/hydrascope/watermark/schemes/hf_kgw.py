"""Reads transformers' `WatermarkingConfig` marks (KGW): a seeded permutation of the vocabulary for each context.

Two weaknesses of that format are handled, not hidden. A context token 0 seeds the same list under every key
("lefthash"), so those contexts are left out. Tokens that share a context share one list, drawn without
replacement: the count is then not binomial, but its moment generating function is no larger (Hoeffding 1963,
theorem 4), so the reported p is the Kullback-Leibler bound, an upper bound.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hydrascope.errors import RefusalError, UsageError, nearest
from hydrascope.kernels.prf_twister import green_of_permutation, permutation
from hydrascope.watermark.pvalues import bounded_mean_log10_p

__all__ = ["HfRedGreen", "hf_hashing_key"]

_TABLE = 1_000_003
_NAMES = ("greenlist_ratio", "bias", "hashing_key", "seeding_scheme", "context_width")


def hf_hashing_key(handle: int) -> int:
    """`hashing_key` for a key's 64-bit handle: it has to fit a signed 64-bit integer."""
    return handle & (2**63 - 1)


@dataclass(frozen=True, slots=True)
class HfRedGreen:
    """One transformers red/green mark."""

    hashing_key: int = 15485863
    n_vocabulary: int = 50257
    gamma: float = 0.25
    """`greenlist_ratio`."""
    delta: float = 2.0
    """`bias`."""
    seeding: str = "lefthash"
    """lefthash, or selfhash (the marked token seeds its own list)."""
    width: int = 1
    """`context_width`; lefthash reads the last token only, whatever it says."""

    @classmethod
    def from_config(cls, config: Mapping[str, Any], n_vocabulary: int) -> HfRedGreen:
        """From `WatermarkingConfig.to_dict()` and the model's vocabulary size."""
        unknown = sorted(set(config) - {*_NAMES, "watermarking_type"})
        if unknown:
            raise UsageError(
                f"{unknown[0]!r} is not in a WatermarkingConfig", hint=nearest(unknown[0], _NAMES)
            )
        return cls(
            hashing_key=int(config.get("hashing_key", 15485863)),
            n_vocabulary=n_vocabulary,
            gamma=float(config.get("greenlist_ratio", 0.25)),
            delta=float(config.get("bias", 2.0)),
            seeding=str(config.get("seeding_scheme", "lefthash")),
            width=int(config.get("context_width", 1)),
        )

    @property
    def pair_width(self) -> int:
        """Context width of the pairs to score: lefthash 1; selfhash one less than its own, at least 1."""
        return 1 if self.seeding == "lefthash" else max(self.width - 1, 1)

    @property
    def n_green(self) -> int:
        """Length of each green list."""
        return int(self.n_vocabulary * self.gamma)

    def seeds(self, contexts: npt.ArrayLike, tokens: npt.ArrayLike) -> npt.NDArray[np.uint64]:
        """Generator seed of each pair, its low 32 bits being all that MT19937 takes."""
        context, token = np.asarray(contexts, dtype=np.int64), np.asarray(tokens, dtype=np.int64)
        if self.seeding == "lefthash":
            lasts, where = np.unique(context[:, -1], return_inverse=True)
            low = [(self.hashing_key * int(last)) % (2**64 - 1) & 0xFFFFFFFF for last in lasts]
            return np.array(low, dtype=np.uint64)[where]
        table = permutation(np.uint64(self.hashing_key), _TABLE, _TABLE, np.empty(_TABLE, np.int64))
        window = np.column_stack([context, token])[:, -max(self.width, 1) :]
        a = table[window % _TABLE] + 1
        b = table[token % _TABLE] + 1
        with np.errstate(over="ignore"):
            smallest = (np.int64(self.hashing_key) * a * b[:, None]).min(axis=1)
        return np.array([int(s) % (2**64 - 1) & 0xFFFFFFFF for s in smallest], dtype=np.uint64)

    def green(self, contexts: npt.ArrayLike, tokens: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Which tokens are green after which contexts."""
        token = np.asarray(tokens, dtype=np.int64)
        if token.size and int(token.max()) >= self.n_vocabulary:
            raise RefusalError(
                f"token {int(token.max())} is outside a vocabulary of {self.n_vocabulary}",
                hint="the tokens are another tokenizer's",
            )
        seeds = self.seeds(contexts, tokens)
        order = np.argsort(seeds, kind="stable")
        out = np.empty(len(token), np.bool_)
        sorted_green = np.empty(len(token), np.bool_)
        green_of_permutation(seeds[order], token[order], self.n_vocabulary, self.n_green, sorted_green)
        out[order] = sorted_green
        return out

    def keyed(self, contexts: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Which contexts' lists depend on the key at all."""
        context = np.asarray(contexts, dtype=np.int64)
        return (
            np.asarray(context[:, -1] != 0) if self.seeding == "lefthash" else np.ones(len(context), np.bool_)
        )

    def log10_p(self, contexts: npt.ArrayLike, tokens: npt.ArrayLike) -> float:
        """Upper bound on the p-value, log10, over distinct pairs."""
        context, token = np.asarray(contexts), np.asarray(tokens)
        keep = self.keyed(context)
        green = self.green(context[keep], token[keep])
        share = float(green.mean()) if green.size else 0.0
        return bounded_mean_log10_p(share, green.size, self.n_green / self.n_vocabulary)
