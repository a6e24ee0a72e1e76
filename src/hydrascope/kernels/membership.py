"""Weights of the members of a group, each against the others and against everybody else: loops over their own rows.

A group costs what its members' rows cost, however many accounts and values the log has: what is counted by value
lies in scratch arrays that are all zero between two calls, since every call wipes the entries that it has touched.
The formulas are explained where they are used, in `hydrascope.campaigns.profile`.
"""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["carried_weights", "channel_weights", "combine_families", "text_weights"]


@njit(cache=True, nogil=True)
def channel_weights(
    offsets: np.ndarray,
    value: np.ndarray,
    share: np.ndarray,
    popularity: np.ndarray,
    n_known: int,
    members: np.ndarray,
    floor: float,
    cap: float,
    counts: np.ndarray,
    out: np.ndarray,
) -> None:
    """Match weight of each member in one channel; 0 where it has no value.

    Args:
        offsets: int64[n+1] into `value` (int32 codes) and `share` (of the account's exchanges).
        popularity: int64[v] accounts that have a value.
        n_known: accounts that have any.
        members: int32[k].
        floor, cap: bits, the least for sharing nothing and the most for anything.
        counts: int32[>= v], zero, and zero again on return.
        out: float64[k], written.
    """
    n_inside = _count_values(offsets, value, members, counts)
    if n_inside < 2:
        out[:] = 0.0
    else:
        n_outside = max(n_known - n_inside, 1)
        hits, usual = 0, 0.0
        for i in range(len(members)):
            best, tried = 0.0, 0
            for r in range(offsets[members[i]], offsets[members[i] + 1]):
                n = counts[value[r]]
                if -2 < n < 2:
                    continue
                p_other = (popularity[value[r]] - abs(n) + 0.5) / (n_outside + 1.0)
                if n > 0:  # its first row: a negative count says that the value has been summed
                    usual += p_other
                    counts[value[r]] = -n
                tried += 1
                p_group = (abs(n) - 1 + 0.5 / n_inside) / n_inside
                best = max(best, p_group / p_other * np.sqrt(max(share[r], 1e-3)))
            out[i] = np.log2(best / np.sqrt(tried)) if tried else -np.inf
            hits += tried > 0
        miss = _miss(hits, n_inside, usual, floor)
        for i in range(len(members)):
            if offsets[members[i]] == offsets[members[i] + 1]:
                out[i] = 0.0
            elif out[i] == -np.inf:
                out[i] = miss
            out[i] = min(out[i], cap)
    for a in members:
        for r in range(offsets[a], offsets[a + 1]):
            counts[value[r]] = 0


@njit(cache=True, nogil=True)
def _count_values(offsets: np.ndarray, value: np.ndarray, members: np.ndarray, counts: np.ndarray) -> int:
    """Members that have any value, each value's members counted."""
    known = 0
    for a in members:
        known += offsets[a + 1] > offsets[a]
        for r in range(offsets[a], offsets[a + 1]):
            counts[value[r]] += 1
    return known


@njit(cache=True, nogil=True)
def _miss(hits: int, known: int, usual: float, floor: float) -> float:
    """Weight of sharing nothing where sharing is usual: log2 P(no hit | member) / P(no hit | other)."""
    rate = (hits + 0.5) / (known + 1.0)
    return max(np.log2((1 - rate) / (1 - min(usual, 0.98, rate))), floor)


@njit(cache=True, nogil=True)
def carried_weights(
    offsets: np.ndarray,
    partner: np.ndarray,
    weight: np.ndarray,
    sent: np.ndarray,
    said: np.ndarray,
    least: np.ndarray,
    totals: tuple[int, int, int],
    members: np.ndarray,
    alike: float,
    counts: np.ndarray,
    out: np.ndarray,
) -> None:
    """Weight of exchanging answers with the rest of the group; 0 for members who do not, which says nothing.

    Args:
        offsets: int64[n+1] into `partner` (int32 accounts) and `weight` (int64, prompts that hold an answer).
        sent, said: int64[n] prompts and answers of each account that could be known again.
        least: int64[n] prompts from which each account exchanges with a group.
        totals: prompts and answers of all accounts, and the accounts that have any.
        members: int32[k].
        alike: how alike an account's exchanges are.
        counts: int32[>= n], zero, and zero again on return.
        out: float64[k], written.
    """
    k = len(members)
    within, total = np.zeros(k), np.zeros(k)
    known, outside, hits = 0, 0, 0
    for a in members:
        counts[a] = -1
        known += sent[a] + said[a] > 0
    for i in range(k):
        for r in range(offsets[members[i]], offsets[members[i] + 1]):
            other = partner[r]
            total[i] += weight[r]
            if counts[other] == -1:
                within[i] += weight[r]
            elif counts[other] < least[other]:  # an account outside, counted once
                counts[other] += min(weight[r], least[other] - counts[other])
                outside += counts[other] == least[other]
        hits += within[i] >= least[members[i]]
    p_other = (outside + 0.5) / (max(totals[2] - known, 1) + 1.0)
    inside = np.array([sent[members].sum(), said[members].sum()], np.float64)
    for i in range(k):
        a = members[i]
        out[i] = 0.0
        if within[i] < least[a]:
            continue
        mine, theirs = (within.sum() - within[i]), max(total.sum() - total[i], 1.0)
        g = min(max(mine / theirs, 1e-4), 0.98)
        chances = sent[a] * (totals[1] - said[a]) + said[a] * (totals[0] - sent[a])
        q = (sent[a] * (inside[1] - said[a]) + said[a] * (inside[0] - sent[a])) / max(chances, 1.0)
        q = min(max(q, 1e-6), 0.98)
        rest = total[i] - within[i]
        by_exchange = within[i] * np.log2(g / q) + rest * np.log2((1.0 - g) / (1.0 - q))
        by_exchange /= 1.0 + (total[i] - 1.0) * alike
        by_account = np.log2((hits - 1 + 0.5 / known) / known / p_other)
        out[i] = max(min(by_exchange, by_account), 0.0)
    for a in members:
        counts[a] = 0
        for r in range(offsets[a], offsets[a + 1]):
            counts[partner[r]] = 0


@njit(cache=True, nogil=True)
def text_weights(
    offsets: np.ndarray,
    community: np.ndarray,
    share: np.ndarray,
    total_share: np.ndarray,
    earnest: tuple[np.ndarray, np.ndarray, np.ndarray],
    n_users: np.ndarray,
    n_sampled: np.ndarray,
    n_with_sample: int,
    members: np.ndarray,
    settings: tuple[int, float, float],
    totals: np.ndarray,
    out: np.ndarray,
) -> None:
    """Weight of using the group's leading texts as the group does; 0 for members without a sample.

    Args:
        offsets: int64[n+1] into `community` (int32 codes) and `share` (of the account's sampled exchanges, > 0).
        total_share: float64[c], the sum of `share` over all accounts.
        earnest: CSR arrays accounts x communities (indptr, indices, data) of who uses a text in earnest.
        n_users: int64[c] such accounts.
        n_sampled: int64[n] sampled exchanges. n_with_sample: accounts with any.
        members: int32[k].
        settings: leading texts looked at, how alike an account's exchanges are, and the least weight in bits.
        totals: float64[>= c], zero, and zero again on return.
        out: float64[k], written.
    """
    n_leading, alike, floor = settings
    out[:] = 0.0
    sampled, n_rows = 0, 0
    for a in members:
        sampled += n_sampled[a] > 0
        n_rows += offsets[a + 1] - offsets[a]
    if sampled < 2 or n_rows == 0:
        return
    leading, weight = _leading_texts(offsets, community, share, members, n_leading, totals)
    best = np.full(len(members), -np.inf)
    for j in range(len(leading)):
        c = leading[j]
        if c < 0:
            continue
        outside = max(total_share[c] - weight[j], 0.0)
        other = (outside + 0.02) / (n_with_sample - sampled + 1)
        o = min(max(other, 1e-6), 0.98)
        uses, n_uses = _users(earnest, members, c)
        p_other = (n_users[c] - n_uses + 0.5) / (n_with_sample - sampled + 1)
        for i in range(len(members)):
            n, mine = n_sampled[members[i]], _share_of(offsets, community, share, members[i], c)
            g = min(max((weight[j] - mine) / max(sampled - 1, 1), 1e-4), 0.98)
            by_exchange = n * (mine * np.log2(g / o) + (1 - mine) * np.log2((1 - g) / (1 - o)))
            by_exchange /= 1 + max(n - 1, 0) * alike
            by_account = np.log2((n_uses - uses[i] + 0.5) / max(sampled, 1) / p_other)
            best[i] = max(best[i], min(by_exchange, by_account))
    for i in range(len(members)):
        if n_sampled[members[i]] > 0:
            out[i] = max(best[i], floor)


@njit(cache=True, nogil=True)
def _leading_texts(
    offsets: np.ndarray,
    community: np.ndarray,
    share: np.ndarray,
    members: np.ndarray,
    n_leading: int,
    totals: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """The texts that the members use most, with the members' summed shares; -1 where there are fewer."""
    for a in members:
        for r in range(offsets[a], offsets[a + 1]):
            totals[community[r]] += share[r]
    leading, weight = np.full(n_leading, -1, np.int64), np.zeros(n_leading)
    for a in members:
        for r in range(offsets[a], offsets[a + 1]):
            c, total = community[r], totals[community[r]]
            totals[c] = 0.0
            j = n_leading
            while j > 0 and total > 0.0 and _precedes(total, c, weight[j - 1], leading[j - 1]):
                j -= 1
            for i in range(n_leading - 1, j, -1):
                leading[i], weight[i] = leading[i - 1], weight[i - 1]
            if j < n_leading:
                leading[j], weight[j] = c, total
    return leading, weight


@njit(cache=True, nogil=True)
def _precedes(total: float, code: int, other_total: float, other: int) -> bool:
    return total > other_total or (total == other_total and code < other)


@njit(cache=True, nogil=True)
def _users(
    earnest: tuple[np.ndarray, np.ndarray, np.ndarray], members: np.ndarray, text: int
) -> tuple[np.ndarray, int]:
    """Whether each member uses a text in earnest, and how many do."""
    indptr, indices, data = earnest
    uses = np.zeros(len(members), np.bool_)
    for i in range(len(members)):
        for r in range(indptr[members[i]], indptr[members[i] + 1]):
            if indices[r] == text and data[r] > 0:
                uses[i] = True
    return uses, uses.sum()


@njit(cache=True, nogil=True)
def _share_of(
    offsets: np.ndarray, community: np.ndarray, share: np.ndarray, account: int, text: int
) -> float:
    for r in range(offsets[account], offsets[account + 1]):
        if community[r] == text:
            return np.float64(share[r])
    return 0.0


@njit(cache=True, nogil=True)
def combine_families(
    bits: np.ndarray, family: np.ndarray, caps: np.ndarray, rest: float, against: float, floor: float
) -> np.ndarray:
    """float64[k, f] weight of each family of channels, capped.

    Args:
        bits: float64[c, k] by channel.
        family: int64[c] of each channel.
        caps: float64[f] bits.
        rest, against: what further support, and what else speaks against, count for beside the strongest channel.
        floor: the least weight of a family.
    """
    k = bits.shape[1]
    out = np.zeros((k, len(caps)))
    for f in range(len(caps)):
        rows = np.flatnonzero(family == f)
        if not len(rows):
            continue
        for i in range(k):
            strongest, support, opposed = -np.inf, 0.0, 0.0
            for c in rows:
                strongest = max(strongest, bits[c, i])
                support += max(bits[c, i], 0.0)
                opposed += min(bits[c, i], 0.0)
            support -= max(strongest, 0.0)
            opposed -= min(strongest, 0.0)
            out[i, f] = min(max(strongest + rest * support + against * opposed, floor), caps[f])
    return out
