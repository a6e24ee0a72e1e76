"""Which accounts use which templates: sampled exchanges that hold them, counted, and whether that is in earnest."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy.sparse import csr_array

from hydrascope.features.content import Matches
from hydrascope.features.heavy import usual_rate

__all__ = ["count_matches", "earnest_shares", "plain_shares"]

_AT_ONCE = 4_000_000
"""Matches that are counted at once: a large log has tens of millions, and the work takes several times their size."""


def count_matches(matches: Matches, column: np.ndarray, n_accounts: int, n_columns: int) -> csr_array:
    """accounts x columns: sampled exchanges of an account that match the column."""
    width = max(n_columns, 1)
    cuts = np.searchsorted(matches.offsets, np.arange(_AT_ONCE, len(matches.xid), _AT_ONCE))
    bounds = [0, *np.unique(cuts).tolist(), n_accounts]
    pieces = [_counted(matches, column, start, stop, width) for start, stop in pairwise(bounds)]
    n_held, indices, counts = (np.concatenate(part) for part in zip(*pieces, strict=True))
    return csr_array((counts, indices, np.append(0, np.cumsum(n_held))), shape=(n_accounts, width))


def _counted(
    matches: Matches, column: np.ndarray, start: int, stop: int, width: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of the accounts from `start` to `stop`: how many columns each matches, which ones (int32[], ascending), and in how many exchanges (float64[])."""
    offsets = matches.offsets[start : stop + 1]
    rows = slice(offsets[0], offsets[-1])
    account = np.repeat(np.arange(stop - start), np.diff(offsets))
    xid, column = matches.xid[rows], column[rows]
    first = np.ones(len(xid), bool)  # of an exchange: matches are sorted by account and exchange
    first[1:] = (xid[1:] != xid[:-1]) | (account[1:] != account[:-1])
    held = np.sort((np.cumsum(first) - 1) * width + column)
    held = held[np.diff(held, prepend=-1) > 0]
    pairs = np.sort(account[first][held // width] * width + held % width)
    starts = np.flatnonzero(np.diff(pairs, prepend=-1) > 0)
    n = np.diff(np.append(starts, len(pairs))).astype(float)
    pairs = pairs[starts]
    return np.bincount(pairs // width, minlength=stop - start), (pairs % width).astype(np.int32), n


def plain_shares(counts: csr_array, n_sampled: np.ndarray) -> csr_array:
    """accounts x columns: share of an account's sampled exchanges. Args: n_sampled: int64[accounts]."""
    weight = np.repeat(1.0 / np.maximum(n_sampled, 1), np.diff(counts.indptr))
    return csr_array((counts.data * weight, counts.indices, counts.indptr), shape=counts.shape)


def earnest_shares(counts: csr_array, n_sampled: np.ndarray) -> csr_array:
    """accounts x columns: share of an account's sampled exchanges, where the column is used in earnest.

    In earnest means beyond the column's usual rate (its mean share over all accounts, three standard deviations
    and one exchange on top): one question that happens to hold a common phrase does not make a user.
    """
    column, n_held = counts.indices, np.diff(counts.indptr)
    sampled = np.repeat(n_sampled, n_held)
    share = counts.data / np.maximum(sampled, 1)
    total = np.bincount(column, weights=share, minlength=counts.shape[1])
    n_users = np.bincount(column, minlength=counts.shape[1])
    mean = usual_rate(total, n_users, counts.shape[0])[column] * sampled
    kept = (counts.data >= 1 + mean + 3 * np.sqrt(mean)) & ((counts.data >= 2) | (sampled <= 3))
    del mean, sampled  # a large log has tens of millions
    row = np.repeat(np.arange(counts.shape[0], dtype=np.int32), n_held)[kept]
    offsets = np.append(0, np.cumsum(np.bincount(row, minlength=counts.shape[0])))
    return csr_array((share[kept], column[kept], offsets), shape=counts.shape)
