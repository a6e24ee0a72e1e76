"""How many exchanges of each account hold which of some shingles: counted account by account, in arrays of the shingles' size.

Lists are the exchanges' prompts; an account's system prompts come once each with the exchanges that they stand in.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from hydrascope.kernels.lookup import index_values, place_of
from hydrascope.kernels.repeats import grown

__all__ = ["heavy_pairs", "match_lists", "usual_shares"]

_BILLION = 1e9


@njit(cache=True, nogil=True)
def usual_shares(
    lists: tuple[np.ndarray, ...],
    wrappers: tuple[np.ndarray, ...],
    systems: tuple[np.ndarray, np.ndarray],
    candidates: np.ndarray,
    n_sampled: np.ndarray,
    users: np.ndarray,
    share: np.ndarray,
) -> None:
    """Add to each candidate the accounts that hold it, and the sum of their shares of exchanges in whole billionths.

    Args:
        lists: int64[n] order with the lists of one account together, int32[n] account of each list, int64[n+1] offsets,
            int64[] shingles.
        wrappers: int64[accounts+1] offsets, int32[w] systems of each account, int64[w] its exchanges that have it.
        systems: int64[s+1] offsets, int64[] shingles.
        candidates: int64[c], distinct.
        n_sampled: int64[accounts].
        users, share: int64[c], added to.
    """
    table = index_values(candidates)
    counts, touched = np.zeros(len(candidates), np.int32), np.empty(len(candidates), np.int32)
    start = 0
    while start < len(lists[0]):
        stop, n_touched = _count(lists, wrappers, systems, table, start, counts, touched)
        n = n_sampled[lists[1][lists[0][start]]]
        for i in range(n_touched):
            c = touched[i]
            users[c] += 1
            share[c] += np.int64(np.floor(min(counts[c], n) * _BILLION / n + 0.5))
            counts[c] = 0
        start = stop


@njit(cache=True, nogil=True)
def heavy_pairs(
    lists: tuple[np.ndarray, ...],
    wrappers: tuple[np.ndarray, ...],
    systems: tuple[np.ndarray, np.ndarray],
    candidates: np.ndarray,
    n_sampled: np.ndarray,
    usual: np.ndarray,
    few: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Candidates that an account holds beyond their usual rate, three standard deviations and one exchange on top.

    Args:
        lists, wrappers, systems, candidates, n_sampled: as in `usual_shares`.
        usual: float64[c], NaN for candidates that are not asked about.
        few: sampled exchanges of accounts in which once can be enough.

    Returns:
        int32[k] accounts, int32[k] positions of candidates, int32[k] exchanges.
    """
    table = index_values(candidates)
    counts, touched = np.zeros(len(candidates), np.int32), np.empty(len(candidates), np.int32)
    owners, found, times, k = np.empty(1024, np.int32), np.empty(1024, np.int32), np.empty(1024, np.int32), 0
    start = 0
    while start < len(lists[0]):
        stop, n_touched = _count(lists, wrappers, systems, table, start, counts, touched)
        account = lists[1][lists[0][start]]
        n = n_sampled[account]
        if k + n_touched > len(owners):
            owners, found, times = (
                grown(owners, k + n_touched),
                grown(found, k + n_touched),
                grown(times, k + n_touched),
            )
        for i in range(n_touched):
            c = touched[i]
            held, mean = min(np.int64(counts[c]), n), n * usual[c]
            counts[c] = 0
            if (held >= 2 or n <= few) and held >= 1.0 + mean + 3.0 * np.sqrt(mean):
                owners[k], found[k], times[k] = account, c, held
                k += 1
        start = stop
    return owners[:k].copy(), found[:k].copy(), times[:k].copy()


@njit(cache=True, nogil=True)
def _count(
    lists: tuple[np.ndarray, ...],
    wrappers: tuple[np.ndarray, ...],
    systems: tuple[np.ndarray, np.ndarray],
    table: tuple[np.ndarray, np.ndarray],
    start: int,
    counts: np.ndarray,
    touched: np.ndarray,
) -> tuple[int, int]:
    """Count the account whose lists begin at `start`. Returns: where the next one's begin, and the candidates counted."""
    order, owner, offsets, shingles = lists
    account, stop, n_touched = owner[order[start]], start, 0
    while stop < len(order) and owner[order[stop]] == account:
        for r in range(offsets[order[stop]], offsets[order[stop] + 1]):
            c = place_of(table, shingles[r])
            if c >= 0:
                if counts[c] == 0:
                    touched[n_touched] = c
                    n_touched += 1
                counts[c] += 1
        stop += 1
    of_account, system, times = wrappers
    of_system, wrapped = systems
    for w in range(of_account[account], of_account[account + 1]):
        for r in range(of_system[system[w]], of_system[system[w] + 1]):
            c = place_of(table, wrapped[r])
            if c >= 0:
                if counts[c] == 0:
                    touched[n_touched] = c
                    n_touched += 1
                counts[c] += times[w]
    return stop, n_touched


@njit(cache=True, nogil=True)
def match_lists(
    lists: tuple[np.ndarray, np.ndarray],
    system: np.ndarray,
    of_system: tuple[np.ndarray, np.ndarray, np.ndarray],
    shingle: np.ndarray,
    of_shingle: tuple[np.ndarray, np.ndarray],
    need: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Templates of whose core each list, together with its system prompt, holds enough.

    Args:
        lists: int64[n+1] offsets, int64[] shingles.
        system: int64[n] the list's system prompt, -1 for none.
        of_system: int64[s+1] offsets, int32[] templates and int64[] how many of their core's shingles it holds.
        shingle: int64[c], distinct, the shingles of all cores.
        of_shingle: int64[c+1] offsets, int32[] templates of which each is part.
        need: int64[t] shingles that are enough, 1 or more.

    Returns:
        int64[k] lists, ascending, int32[k] templates, ascending within a list.
    """
    table = index_values(shingle)
    offsets, held = lists
    counts, touched = np.zeros(len(need), np.int64), np.empty(len(need), np.int32)
    rows, found, k = np.empty(1024, np.int64), np.empty(1024, np.int32), 0
    for i in range(len(offsets) - 1):
        n_touched = 0
        for r in range(offsets[i], offsets[i + 1]):
            c = place_of(table, held[r])
            if c >= 0:
                for p in range(of_shingle[0][c], of_shingle[0][c + 1]):
                    t = of_shingle[1][p]
                    if counts[t] == 0:
                        touched[n_touched] = t
                        n_touched += 1
                    counts[t] += 1
        if system[i] >= 0:
            for p in range(of_system[0][system[i]], of_system[0][system[i] + 1]):
                t = of_system[1][p]
                if counts[t] == 0:
                    touched[n_touched] = t
                    n_touched += 1
                counts[t] += of_system[2][p]
        if k + n_touched > len(rows):
            rows, found = grown(rows, k + n_touched), grown(found, k + n_touched)
        if n_touched > 1:
            touched[:n_touched].sort()
        for j in range(n_touched):
            t = touched[j]
            if counts[t] >= need[t]:
                rows[k], found[k] = i, t
                k += 1
            counts[t] = 0
    return rows[:k].copy(), found[:k].copy()
