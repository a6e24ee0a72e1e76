"""Scores every pair of accounts that shares a bucket: a sparse row product with one set of counters an account.

Rules. For account u, its buckets are walked in order (family, channel, popularity), and in each bucket the members
after u. Because of that order each partner v needs only constant state: the channel and family it is in, how
many values of the channel were shared so far, the best surprise of the channel, the strongest and the rest of the
family, the total of closed families. Work is the sum of squared bucket sizes over two, at most rows x cap / 2;
memory is a few words an account, whatever the number of pairs. A pair is seen by exactly one u, so ranges of
accounts can be walked at the same time and their results joined in order.

Surprise of a pair: in a channel, the largest `shared_surprise` over the shared values from rare to popular; in a
family, the strongest channel plus `discount` times the others, at most the family's cap; the sum of the families.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from hydrascope.stats.surprise import shared_surprise

__all__ = ["pair_detail", "score_pairs"]


@njit(cache=True, nogil=True)
def score_pairs(  # type: ignore[no-untyped-def]
    first, last, row_ptr, row_bucket, row_at, row_degree, bucket_ptr, members, member_degree,
    bucket_channel, bucket_rate, channel_family, family_cap, discount, many, group, lift,
    floor, bin_width, histogram, out_a, out_b, out_s,
):  # fmt: skip
    """Adds the surprise of every pair (u, v), first <= u < last, u < v, to a histogram, and lists the high ones.

    Args:
        first, last: range of accounts u.
        row_ptr, row_bucket, row_at, bucket_ptr, members: as `kernels.incidence.arrange` returns them.
        row_degree, member_degree: degree d of the account, by row of either direction.
        bucket_channel, bucket_rate: channel, and S(k) / E^2, of each bucket.
        channel_family: family of each channel.
        family_cap: most decades that each family may add.
        discount: weight of a family's other channels.
        many: count several shared values of one channel, not only the rarest.
        group, lift: group of each account, and (channel, group, group) factors on the rate.
        floor: decades from which pairs are listed.
        bin_width, histogram: decades a bin, and counts added to.
        out_a, out_b, out_s: filled with pairs and their surprise as far as they reach.

    Returns:
        number of pairs at or above the floor, which may exceed what the arrays hold.
    """
    n_accounts = len(row_ptr) - 1
    stamp = np.full(n_accounts, -1, dtype=np.int32)
    channel_of = np.empty(n_accounts, dtype=np.int16)
    shared = np.empty(n_accounts, dtype=np.int32)
    state = np.empty(
        (n_accounts, 4), dtype=np.float32
    )  # channel best, family best, family rest, closed total
    touched = np.empty(n_accounts, dtype=np.int32)
    n_out = 0
    last_bin = len(histogram) - 1
    for u in range(first, last):
        n_touched = 0
        for row in range(row_ptr[u], row_ptr[u + 1]):
            bucket = row_bucket[row]
            channel = bucket_channel[bucket]
            family = channel_family[channel]
            rate_u = bucket_rate[bucket] * row_degree[row]
            for at in range(row_at[row] + 1, bucket_ptr[bucket + 1]):
                v = members[at]
                if stamp[v] != u:
                    stamp[v] = u
                    touched[n_touched] = v
                    n_touched += 1
                    channel_of[v] = channel
                    shared[v] = 0
                    state[v, :] = 0.0
                elif channel_of[v] != channel:
                    close_channel(state, v)
                    if channel_family[channel_of[v]] != family:
                        close_family(state, v, family_cap[channel_family[channel_of[v]]], discount)
                    channel_of[v] = channel
                    shared[v] = 0
                if shared[v] == 0 or many:
                    shared[v] += 1
                    rate = rate_u * member_degree[at] * lift[channel, group[u], group[v]]
                    state[v, 0] = max(state[v, 0], shared_surprise(shared[v], rate))
        for i in range(n_touched):
            v = touched[i]
            close_channel(state, v)
            close_family(state, v, family_cap[channel_family[channel_of[v]]], discount)
            total = state[v, 3]
            histogram[min(int(total / bin_width), last_bin)] += 1
            if total >= floor:
                if n_out < len(out_a):
                    out_a[n_out], out_b[n_out], out_s[n_out] = u, v, total
                n_out += 1
    return n_out


@njit(cache=True, nogil=True, inline="always")
def close_channel(state, v):  # type: ignore[no-untyped-def]
    """The channel that v was in joins its family."""
    best = state[v, 0]
    state[v, 2] += min(best, state[v, 1])
    state[v, 1] = max(best, state[v, 1])
    state[v, 0] = 0.0


@njit(cache=True, nogil=True, inline="always")
def close_family(state, v, cap, discount):  # type: ignore[no-untyped-def]
    """The family that v was in joins the total."""
    state[v, 3] += min(state[v, 1] + discount * state[v, 2], cap)
    state[v, 1] = 0.0
    state[v, 2] = 0.0


@njit(cache=True, nogil=True)
def pair_detail(  # type: ignore[no-untyped-def]
    a: NDArray[np.int32], b: NDArray[np.int32], row_ptr, row_bucket, row_degree,
    bucket_channel, bucket_rate, many, group, lift, spread, n_channels, shared_ptr, shared_bucket,
):  # fmt: skip
    """Surprise by channel, and the buckets shared, of given pairs.

    Args:
        a, b: the pairs.
        spread: how unequally strangers share (`stats.surprise.mixed_surprise`); 0: all alike.
        shared_ptr: (n_pairs + 1,) filled with where each pair's buckets start.
        shared_bucket: filled with the buckets as far as it reaches.

    Returns:
        (n_pairs, n_channels) surprise in decades, and the number of shared buckets, which may exceed the array.
    """
    surprise = np.zeros((len(a), n_channels), dtype=np.float32)
    n = 0
    for p in range(len(a)):
        i, j = row_ptr[a[p]], row_ptr[b[p]]
        channel, count = -1, 0
        while i < row_ptr[a[p] + 1] and j < row_ptr[b[p] + 1]:
            if row_bucket[i] < row_bucket[j]:
                i += 1
            elif row_bucket[i] > row_bucket[j]:
                j += 1
            else:
                bucket = row_bucket[i]
                if bucket_channel[bucket] != channel:
                    channel, count = bucket_channel[bucket], 0
                count += 1
                if count == 1 or many:
                    rate = bucket_rate[bucket] * row_degree[i] * row_degree[j]
                    rate *= lift[channel, group[a[p]], group[b[p]]]
                    surprise[p, channel] = max(surprise[p, channel], shared_surprise(count, rate, spread))
                if n < len(shared_bucket):
                    shared_bucket[n] = bucket
                n += 1
                i += 1
                j += 1
        shared_ptr[p + 1] = n
    return surprise, n
