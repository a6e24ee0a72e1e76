"""Bucket layout of an incidence: rows grouped by value, and each account's rows in one fixed order.

Rows come sorted by bucket. `arrange` drops an account's second entry in a bucket (a permutation can make one)
and writes both directions of the bipartite graph, so that `pairs` walks memory in order.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["arrange", "popularity_sums"]


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
def popularity_sums(popularity: NDArray[np.int64], cap: int) -> NDArray[np.float64]:
    """S(k) for k = 0..cap: the sum of squared sizes of the values that at most k accounts share."""
    sums = np.zeros(cap + 1, dtype=np.float64)
    for k in popularity:
        if k <= cap:
            sums[k] += float(k) * float(k)
    for k in range(1, cap + 1):
        sums[k] += sums[k - 1]
    return sums
