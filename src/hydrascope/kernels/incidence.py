"""Bucket layout of an incidence: rows grouped by value, and each account's rows in one fixed order.

Rows come sorted by bucket. `arrange` drops an account's second entry in a bucket (a permutation can make one)
and writes both directions of the bipartite graph, so that `pairs` walks memory in order.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["arrange", "popularity_sums", "ranked_degrees"]


@njit(cache=True, nogil=True)
def arrange(
    bucket_ptr: NDArray[np.int64], account: NDArray[np.int32], n_accounts: int
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int64], NDArray[np.int32], NDArray[np.int64]]:
    """Both directions of the graph.

    Args:
        bucket_ptr: (n_buckets + 1,) start of each bucket in `account`.
        account: (n_rows,) accounts, bucket by bucket, in any order within a bucket.
        n_accounts: number of accounts.

    Returns:
        bucket starts and members (ascending, no repeats); account row starts, the buckets of each account
        (ascending), and where in the members each row stands.
    """
    n_buckets = len(bucket_ptr) - 1
    ptr = np.zeros(n_buckets + 1, dtype=np.int64)
    members = np.empty(len(account), dtype=np.int32)
    degree = np.zeros(n_accounts + 1, dtype=np.int64)
    n = 0
    for b in range(n_buckets):
        block = np.sort(account[bucket_ptr[b] : bucket_ptr[b + 1]])
        for i in range(len(block)):
            if i == 0 or block[i] != block[i - 1]:
                members[n] = block[i]
                degree[block[i] + 1] += 1
                n += 1
        ptr[b + 1] = n
    row_ptr = np.cumsum(degree)
    row_bucket = np.empty(n, dtype=np.int32)
    row_at = np.empty(n, dtype=np.int64)
    fill = row_ptr[:-1].copy()
    for b in range(n_buckets):
        for i in range(ptr[b], ptr[b + 1]):
            at = fill[members[i]]
            row_bucket[at] = b
            row_at[at] = i
            fill[members[i]] = at + 1
    return ptr, members[:n], row_ptr, row_bucket, row_at


@njit(cache=True, nogil=True)
def popularity_sums(
    popularity: NDArray[np.int64], cap: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """S(k) and E(k) for k = 0..cap: squared sizes, and sizes, summed over values that at most k accounts share."""
    squares = np.zeros(cap + 1, dtype=np.float64)
    rows = np.zeros(cap + 1, dtype=np.float64)
    for k in popularity:
        if k <= cap:
            squares[k] += float(k) * float(k)
            rows[k] += float(k)
    return np.cumsum(squares), np.cumsum(rows)


@njit(cache=True, nogil=True)
def ranked_degrees(
    row_ptr: NDArray[np.int64],
    row_bucket: NDArray[np.int32],
    row_at: NDArray[np.int64],
    channel: NDArray[np.int16],
    size: NDArray[np.int64],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """d(k) of each row: values of its account and channel that are no more popular, itself included.

    Relies on buckets sorted by popularity within a channel. Returned by row of an account and by member of a bucket.
    """
    by_row = np.empty(len(row_bucket), dtype=np.float32)
    by_member = np.empty(len(row_bucket), dtype=np.float32)
    for a in range(len(row_ptr) - 1):
        last, end = row_ptr[a + 1] - 1, row_ptr[a + 1]
        for row in range(last, row_ptr[a] - 1, -1):
            bucket = row_bucket[row]
            if row < last:
                after = row_bucket[row + 1]
                if channel[after] != channel[bucket] or size[after] != size[bucket]:
                    end = row + 1
            by_row[row] = end
        start = row_ptr[a]
        for row in range(row_ptr[a], row_ptr[a + 1]):
            if channel[row_bucket[row]] != channel[row_bucket[start]]:
                start = row
            by_row[row] -= start
            by_member[row_at[row]] = by_row[row]
    return by_row, by_member
