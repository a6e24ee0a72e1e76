"""Parts of a group of accounts that use the same phrases each in their own proportions.

A mixture of two multinomials with hard assignment (Nigam et al., Machine Learning 39, 2000), split again while the parts are
real: proportions are learned from one half of every account's exchanges, and the other half must put the accounts into
the same parts.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

__all__ = ["split_by_use"]

_ROUNDS = 12
_ITERATIONS = 60
_MOST_DEPTH = 5
_AGREEMENT = 0.85
"""Share of the accounts that both halves of their exchanges must put into the same part."""
_LEAST_DRAWS = 3
"""In either half, for an account to be asked."""


def split_by_use(draws: csr_array, account: np.ndarray, n_accounts: int, *, least: int) -> np.ndarray:
    """int64[n_accounts]: the part of each account, numbered from 0.

    Args:
        draws: r x phrases, ones: which phrases each exchange holds.
        account: int64[r] whose it is.
        least: accounts of a part.
    """
    odd = _second_of_each_pair(account)
    halves = tuple(_counts(draws[odd == half], account[odd == half], n_accounts) for half in (0, 1))
    label = np.zeros(n_accounts, np.int64)
    _split(halves, np.arange(n_accounts), label, least, _MOST_DEPTH)
    return np.unique(label, return_inverse=True)[1].astype(np.int64)


def _second_of_each_pair(account: np.ndarray) -> np.ndarray:
    """int64[r], 0 or 1 in turn within each account."""
    order = np.argsort(account, kind="stable")
    place = np.empty(len(account), np.int64)
    place[order] = np.arange(len(account)) - np.searchsorted(account[order], account[order])
    return place % 2


def _counts(draws: csr_array, account: np.ndarray, n_accounts: int) -> csr_array:
    rows = csr_array(
        (np.ones(len(account)), (account, np.arange(len(account)))), shape=(n_accounts, len(account))
    )
    return csr_array(rows @ draws)


def _split(
    halves: tuple[csr_array, csr_array], accounts: np.ndarray, label: np.ndarray, least: int, depth: int
) -> None:
    """Split some accounts in two, and the two again, writing new numbers into `label`."""
    if depth == 0 or len(accounts) < 2 * least:
        return
    first, second = halves[0][accounts], halves[1][accounts]
    rates = _two_rates(first)
    if rates is None:
        return
    sides = [_side(counts, rates) for counts in (first, second)]
    asked = np.minimum(first.sum(axis=1), second.sum(axis=1)) >= _LEAST_DRAWS
    side = _side(csr_array(first + second), rates)
    smaller = min(int(side.sum()), int((~side).sum()))
    if smaller < least or asked.sum() < least or not _agree(sides[0][asked], sides[1][asked]):
        return
    label[accounts[side]] = label.max() + 1
    for part in (accounts[~side], accounts[side]):
        _split(halves, part, label, least, depth - 1)


def _agree(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether both halves tell the same, on either side."""
    return all(
        (second[first == value] == value).mean() >= _AGREEMENT if (first == value).any() else False
        for value in (False, True)
    )


def _two_rates(counts: csr_array) -> np.ndarray | None:
    """float64[2, phrases] log proportions of two parts; None where there is nothing to tell apart."""
    n = np.asarray(counts.sum(axis=1)).ravel()
    if min(counts.shape) < 3 or (n > 0).sum() < 3:
        return None
    whole = np.asarray(counts.sum(axis=0)).ravel()
    side = _second_axis(counts, n, whole) > 0
    for _ in range(_ROUNDS):
        if side.all() or not side.any():
            return None
        rates = np.log([(np.asarray(counts[s].sum(axis=0)).ravel() + 0.5) for s in (~side, side)])
        rates -= np.log(np.exp(rates).sum(axis=1, keepdims=True))
        again = _side(counts, rates)
        if np.array_equal(again, side):
            break
        side = again
    return rates


def _second_axis(counts: csr_array, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """float64[n]: the first axis of a correspondence analysis (Greenacre 1984), by power iteration.

    Of a table divided by the roots of its margins the first singular vectors are those roots, which only say how much each
    uses; they are taken out, and the next is what tells rows apart.
    """
    known = np.sqrt(rows / rows.sum())
    scaled = counts.multiply(1.0 / np.sqrt(np.maximum(rows, 1.0))[:, None])
    scaled = csr_array(scaled.multiply(1.0 / np.sqrt(np.maximum(columns, 1.0))[None, :]))
    axis = np.random.default_rng(0).standard_normal(len(rows))
    for _ in range(_ITERATIONS):
        axis = scaled @ (scaled.T @ axis)
        axis -= known * (known @ axis)
        axis /= max(float(np.linalg.norm(axis)), 1e-300)
    return np.asarray(axis)


def _side(counts: csr_array, rates: np.ndarray) -> np.ndarray:
    """bool[n]: the accounts that the second part's proportions tell better."""
    return np.asarray(counts @ (rates[1] - rates[0])) > 0
