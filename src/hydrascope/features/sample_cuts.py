"""Which exchanges can be in their account's sample, found out before any text is read.

The sample of an account is its lowest-ranked exchanges, and ranks are made of ids. Where a log's ids can be read
alone, as in Parquet, one pass over two columns says how high a rank can be and still be sampled; all other
exchanges need no shingles, which are the dear part of a sketch. A cut errs on the side of more: the exact sample is
taken later, in SQL, and is the same with cuts and without.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from hydrascope.features.observed import rank_exchanges

__all__ = ["PartCuts", "RankCounts", "SampleCuts"]

_PER_OCTAVE = 4
_BINS = 16 * _PER_OCTAVE
_SLACK = 1.25
_SPARE = 8
"""Ids may come twice, and records may turn out to be rejects: a cut leaves room for a fifth of them and a few more."""
_HIGHEST = np.int64(2**63 - 1)


class SampleCuts:
    """The highest rank worth sampling, by account.

    Args:
        accounts: int64[n] hashes, ascending. ranks: int64[n].
    """

    def __init__(self, accounts: np.ndarray, ranks: np.ndarray) -> None:
        self._accounts, self._ranks = accounts, ranks

    def highest(self, accounts: np.ndarray) -> np.ndarray:
        """int64[n]: the cut of each account, the highest rank of all where it is unknown."""
        if not len(self._accounts):
            return np.full(len(accounts), _HIGHEST)
        place = np.minimum(np.searchsorted(self._accounts, accounts), len(self._accounts) - 1)
        return np.where(self._accounts[place] == accounts, self._ranks[place], _HIGHEST)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartCuts:
    """What a part need not keep."""

    sketched: SampleCuts
    texts: SampleCuts


class RankCounts:
    """How many exchanges of each account lie under which rank, in bins of a quarter octave.

    A Summary: counts of several parts add up to those of the whole.
    """

    def __init__(self) -> None:
        self._accounts = np.zeros(0, np.int64)
        self._counts = np.zeros((0, _BINS), np.uint16)

    def observe(self, accounts: np.ndarray, xid: np.ndarray) -> None:
        """Count exchanges by their account and hashed id, int64[n] each."""
        names, place = np.unique(accounts, return_inverse=True)
        counts = np.zeros((len(names), _BINS), np.uint16)
        _count(place, rank_exchanges(xid), counts)
        self._add(names, counts)

    def merge(self, other: RankCounts) -> None:
        """Take in what another has counted."""
        self._add(other._accounts, other._counts)

    def _add(self, names: np.ndarray, counts: np.ndarray) -> None:
        everyone = np.union1d(self._accounts, names)
        total = np.zeros((len(everyone), _BINS), np.uint16)
        total[np.searchsorted(everyone, self._accounts)] = self._counts
        rows = np.searchsorted(everyone, names)
        room = np.uint16(65_535) - total[rows]
        total[rows] += np.minimum(counts, room)
        self._accounts, self._counts = everyone, total

    def cuts(self, keep: int) -> SampleCuts:
        """Cuts under which the `keep` lowest of each account surely lie."""
        lower = np.cumsum(self._counts[:, ::-1], axis=1, dtype=np.int64)[:, ::-1]  # in a bin or under it
        bins = (lower >= _SLACK * keep + _SPARE).sum(
            axis=1
        ) - 1  # the lowest bin that still has enough, itself included
        ranks = np.full(len(bins), _HIGHEST)
        some = bins > 0
        ranks[some] = np.exp2(63.0 - bins[some] / _PER_OCTAVE) * (1 + 1e-9)
        return SampleCuts(self._accounts, ranks)


@njit(cache=True, nogil=True)
def _count(place: np.ndarray, rank: np.ndarray, counts: np.ndarray) -> None:
    """Bin b holds ranks from 2^(63 - (b + 1) / 4) to 2^(63 - b / 4), the last one all that are lower."""
    for i in range(len(place)):
        b = int((63.0 - np.log2(max(float(rank[i]), 1.0))) * _PER_OCTAVE)
        b = min(max(b, 0), _BINS - 1)
        if counts[place[i], b] < 65_535:
            counts[place[i], b] += 1
