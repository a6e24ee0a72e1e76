"""The edge threshold: where permuted tables have almost no links and the table still has many.

Theory of operation. A permuted table keeps each account's number of values and each value's popularity but has
no operators, so the pairs that it puts above a threshold are chance. The expected number of chance pairs above t,
N0(t), over the observed number, N(t), bounds the share of links that are chance (the empirical-null estimate of
the false discovery rate; Efron, Large-Scale Inference, 2010, chapters 2 and 6). The largest surprises of the null are few, so where the
permuted tables hold under `TAIL_PAIRS` pairs together, N0 goes on as an exponential with the Hill slope of the pairs
before (Hill, Annals of Statistics 3, 1975), raised by two standard errors. A table without operators therefore
has no threshold, rather than one that its own luckiest pair clears.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hydrascope.linkage.scoring import BIN_DECADES

__all__ = ["NullCurve", "choose_threshold", "null_curve"]

TAIL_PAIRS = 30
FIT_PAIRS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class NullCurve:
    """Pairs at or above each threshold, observed and expected by chance."""

    threshold: NDArray[np.float64]
    """Decades."""
    observed: NDArray[np.float64]
    null: NDArray[np.float64]
    """Mean over permuted tables, extrapolated where they are too few."""
    permutations: int

    def bin_of(self, threshold: float) -> int:
        """Index of a threshold."""
        return min(max(math.ceil(threshold / BIN_DECADES - 1e-6), 0), len(self.threshold) - 1)

    def null_at(self, threshold: float) -> float:
        """Chance pairs expected at or above a threshold in one table."""
        return float(self.null[self.bin_of(threshold)])

    def observed_at(self, threshold: float) -> float:
        """Pairs at or above a threshold."""
        return float(self.observed[self.bin_of(threshold)])

    def ratio_at(self, threshold: float) -> float:
        """Null over observed at a threshold; 0 where nothing is observed."""
        observed = self.observed_at(threshold)
        return self.null_at(threshold) / observed if observed else 0.0


def null_curve(observed: NDArray[np.int64], null: NDArray[np.int64], permutations: int) -> NullCurve:
    """Both survival curves from histograms of `BIN_DECADES`; `null` is summed over the permutations."""
    above = np.cumsum(observed[::-1])[::-1].astype(np.float64)
    chance = extrapolate(np.cumsum(null[::-1])[::-1].astype(np.float64)) / max(permutations, 1)
    grid = np.arange(len(observed), dtype=np.float64) * BIN_DECADES
    return NullCurve(threshold=grid, observed=above, null=chance, permutations=permutations)


def extrapolate(above: NDArray[np.float64]) -> NDArray[np.float64]:
    """The survival counts with an exponential tail from the last bin that has `TAIL_PAIRS` pairs."""
    if not above[0]:
        return above
    start = int(np.flatnonzero(above >= min(TAIL_PAIRS, above[0]))[-1])
    base = int(np.flatnonzero(above >= min(FIT_PAIRS, above[0]))[-1])
    n = above[base]
    excess = float(above[base + 1 :].sum()) / n * BIN_DECADES + BIN_DECADES / 2
    excess *= 1.0 + 2.0 / math.sqrt(n)
    steps = np.arange(len(above) - start) * BIN_DECADES
    tail = above[start] * np.exp(-steps / excess)
    result = above.copy()
    result[start:] = np.maximum(tail, above[start:])
    return result


def choose_threshold(curve: NullCurve, max_null: float, *, least: float = 0.0) -> float | None:
    """The lowest threshold, at least `least`, at which null/observed is at most `max_null`; None where there is none."""
    good = (curve.null <= max_null * curve.observed) & (curve.observed >= 1)
    good &= curve.threshold >= least - 1e-9
    return float(curve.threshold[np.flatnonzero(good)[0]]) if good.any() else None
