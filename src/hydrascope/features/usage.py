"""Which accounts use which templates: sampled exchanges that hold them, counted, and whether that is in earnest."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy.sparse import csr_array

from hydrascope.features.content import Matches
from hydrascope.features.heavy import usual_rate

__all__ = ["count_matches", "earnest_shares"]

_AT_ONCE = 4_000_000
"""Matches that are counted at once: a large log has tens of millions, and the work takes several times their size."""


def count_matches(matches: Matches, column: np.ndarray, n_accounts: int, n_columns: int) -> csr_array:
    """accounts x columns: sampled exchanges of an account that match the column."""
    width = max(n_columns, 1)
    n_rows = len(matches.account)
    cuts = np.searchsorted(matches.account, matches.account[_AT_ONCE:n_rows:_AT_ONCE])
    bounds = [0, *np.unique(cuts).tolist(), n_rows]
    pieces = [
        _counted(matches.account[a:b], matches.xid[a:b], column[a:b], width) for a, b in pairwise(bounds)
    ]
    pairs, n = (np.concatenate(c) for c in zip(*pieces, strict=True))
    return csr_array((n.astype(float), (pairs // width, pairs % width)), shape=(n_accounts, width))


def _counted(
    account: np.ndarray, xid: np.ndarray, column: np.ndarray, width: int
) -> tuple[np.ndarray, np.ndarray]:
    """Account times `width` plus column, ascending, and how many exchanges of the account match it."""
    first = np.ones(len(xid), bool)  # of an exchange: matches are sorted by account and exchange
    first[1:] = (xid[1:] != xid[:-1]) | (account[1:] != account[:-1])
    held = np.sort((np.cumsum(first) - 1) * width + column)
    held = held[np.diff(held, prepend=-1) > 0]
    pairs = np.sort(account[first][held // width].astype(np.int64) * width + held % width)
    starts = np.flatnonzero(np.diff(pairs, prepend=-1) > 0)
    return pairs[starts], np.diff(np.append(starts, len(pairs)))


def earnest_shares(counts: csr_array, n_sampled: np.ndarray) -> csr_array:
    """accounts x columns: share of an account's sampled exchanges, where the column is used in earnest.

    In earnest means beyond the column's usual rate (its mean share over all accounts, three standard deviations
    and one exchange on top): one question that happens to hold a common phrase does not make a user.
    """
    table = counts.tocoo()
    account, column = table.coords
    share = table.data / np.maximum(n_sampled[account], 1)
    total = np.bincount(column, weights=share, minlength=table.shape[1])
    n_users = np.bincount(column, minlength=table.shape[1])
    mean = usual_rate(total, n_users, table.shape[0])[column] * n_sampled[account]
    kept = (table.data >= 1 + mean + 3 * np.sqrt(mean)) & ((table.data >= 2) | (n_sampled[account] <= 3))
    return csr_array((share[kept], (account[kept], column[kept])), shape=table.shape)
