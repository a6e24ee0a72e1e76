"""Dense blocks above the bucket cap: hub values that one set of accounts shares as a set.

Theory of operation. An egress pool of 40 addresses used by 219 accounts has no rare value: each address is a hub,
and a hub makes no candidates. But its addresses keep each other's company. Two hubs of popularity k_x and k_y have
    lambda = k_x k_y sum_u d_u (d_u - 1) / E^2
accounts in common by chance (the configuration model, with the hubs as one side; Newman, Networks, 2018, section 12.1), and hubs
with far more are tied; ties make sets of values as links make clusters. An account belongs to the block if so many of
its hub values lie in the set that a Poisson count of mean d_u p_W would hardly give them (p_W: the set's share of
hub rows). Shared interests make blocks too: a block is a candidate, for others to judge.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import sparse

from hydrascope.kernels.agglomerate import agglomerate
from hydrascope.kernels.ranges import ranges
from hydrascope.linkage.incidence import Incidence, value_groups
from hydrascope.linkage.settings import LinkSettings
from hydrascope.stats.surprise import poisson_surprise

__all__ = ["Block", "dense_blocks"]

MOST_HUBS = 60
"""Hub values of one account that count, its rarest: bounds the work and answers flooding."""
MOST_SHARE = 0.2
"""Share of a channel's accounts beyond which a hub says nothing about anyone."""
LEAST_LIFT = 4.0
LEAST_OVERLAP = 0.1
LEAST_VALUES = 3
SPARE_DECADES = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Accounts that share a set of hub values of one channel."""

    channel: int
    values: NDArray[np.int64]
    accounts: NDArray[np.int32]
    surprise: float
    """Decades by which rows of these accounts in these values exceed chance, less the choice of both sets."""
    density: float
    """Rows in the block over accounts x values."""


def dense_blocks(incidence: Incidence, settings: LinkSettings) -> list[Block]:
    """Blocks of every channel, the most surprising first."""
    blocks = [b for c in range(len(incidence.channels)) for b in channel_blocks(incidence, c, settings)]
    return sorted(blocks, key=lambda b: (-b.surprise, b.channel, int(b.accounts[0])))


def channel_blocks(incidence: Incidence, channel: int, settings: LinkSettings) -> list[Block]:
    """Blocks of one channel."""
    codes, table = hub_table(incidence, channel)
    if len(codes) < LEAST_VALUES:
        return []
    sets = tied_values(table)
    found = (block_of(table, codes, channel, chosen) for chosen in sets)
    least = max(settings.min_members, 3)
    return [b for b in found if b is not None and len(b.accounts) >= least and b.surprise > 0]


def hub_table(incidence: Incidence, channel: int) -> tuple[NDArray[np.int64], sparse.csr_matrix]:
    """Hub values of a channel, rarest first, and accounts by hubs with each account's rarest `MOST_HUBS`."""
    starts, sizes = value_groups(incidence)
    here = incidence.channel[starts] == channel
    accounts = len(np.unique(incidence.account[incidence.channel == channel]))
    cap = incidence.channels[channel].bucket_cap
    hubs = np.flatnonzero(here & (sizes > cap) & (sizes <= max(MOST_SHARE * accounts, 4 * cap)))
    hubs = hubs[np.lexsort((starts[hubs], sizes[hubs]))]
    size = sizes[hubs]
    rows = ranges(starts[hubs], size)
    column = np.repeat(np.arange(len(hubs)), size)
    account = incidence.account[rows]
    order = np.lexsort((column, account))
    account, column = account[order], column[order]
    rank = np.arange(len(account)) - np.searchsorted(account, account)
    kept = rank < MOST_HUBS
    shape = (incidence.n_accounts, len(hubs))
    table = sparse.csr_matrix((np.ones(int(kept.sum())), (account[kept], column[kept])), shape=shape)
    return incidence.value[starts[hubs]], table


def tied_values(table: sparse.csr_matrix) -> list[NDArray[np.int64]]:
    """Sets of hubs that keep each other's company."""
    size = np.asarray(table.sum(axis=0)).ravel()
    degree = np.diff(table.indptr).astype(np.float64)
    paths = float((degree * (degree - 1)).sum()) / max(size.sum(), 1.0) ** 2
    common = sparse.triu(table.T @ table, k=1).tocoo()
    expected = size[common.row] * size[common.col] * paths
    overlap = common.data / np.minimum(size[common.row], size[common.col])
    good = (common.data >= LEAST_LIFT * expected) & (overlap >= LEAST_OVERLAP)
    a, b = common.row[good].astype(np.int32), common.col[good].astype(np.int32)
    surprise = poisson_surprises(common.data[good].astype(np.int64), expected[good])
    line = SPARE_DECADES + 2 * math.log10(max(len(size), 10))
    strong = surprise >= line
    return value_sets(a[strong], b[strong], surprise[strong] / line, len(size))


@njit(cache=True, nogil=True)
def poisson_surprises(count: NDArray[np.int64], rate: NDArray[np.float64]) -> NDArray[np.float64]:
    """`poisson_surprise` of each."""
    out = np.empty(len(count))
    for i in range(len(count)):
        out[i] = poisson_surprise(count[i], rate[i])
    return out


def value_sets(
    a: NDArray[np.int32], b: NDArray[np.int32], worth: NDArray[np.float64], n: int
) -> list[NDArray[np.int64]]:
    """Clusters of at least `LEAST_VALUES` tied values."""
    ends = np.concatenate((a, b))
    ptr = np.concatenate(([0], np.cumsum(np.bincount(ends, minlength=n))))
    ties = np.argsort(ends, kind="stable") % max(len(a), 1)
    label = agglomerate(np.lexsort((b, a, -worth)), a, b, worth, ptr, ties, n)
    order = np.argsort(label, kind="stable")
    sets = np.split(order, np.flatnonzero(np.diff(label[order])) + 1)
    return [s for s in sets if len(s) >= LEAST_VALUES]


def block_of(
    table: sparse.csr_matrix, codes: NDArray[np.int64], channel: int, chosen: NDArray[np.int64]
) -> Block | None:
    """The accounts of a set of values, and how surprising the two sets are together."""
    inside = np.asarray(table[:, chosen].sum(axis=1)).ravel().astype(np.int64)
    degree = np.diff(table.indptr).astype(np.float64)
    accounts, share = np.zeros(0, dtype=np.int64), 0.0
    for _ in range(3):  # the share is that of accounts outside the block, which has to be found first
        outside = np.ones(len(degree), dtype=bool)
        outside[accounts] = False
        share = float((inside[outside].sum() + 1.0) / (degree[outside].sum() + len(chosen)))
        accounts = block_accounts(inside, degree, share)
    if not len(accounts):
        return None
    rows, chance = int(inside[accounts].sum()), float(degree[accounts].sum()) * share
    choice = log10_choose(table.shape[0], len(accounts)) + log10_choose(table.shape[1], len(chosen))
    return Block(
        channel=channel,
        values=np.sort(codes[chosen]),
        accounts=accounts.astype(np.int32),
        surprise=uncapped(rows, chance) - choice,
        density=rows / (len(accounts) * len(chosen)),
    )


def block_accounts(inside: NDArray[np.int64], degree: NDArray[np.float64], share: float) -> NDArray[np.int64]:
    """Accounts with more values in the set than chance gives about one account in ten of the candidates."""
    candidates = np.flatnonzero(inside >= 2)
    surprise = poisson_surprises(inside[candidates], degree[candidates] * share)
    line = math.log10(max(int((degree > 0).sum()), 1) / max(len(candidates), 1)) + 1.0
    return candidates[surprise >= max(line, 1.0)]


def uncapped(count: int, rate: float) -> float:
    """Decades of the Poisson tail, by Stirling's formula where `poisson_surprise` has reached its cap of 300."""
    tail = poisson_surprise(count, rate)
    if tail < 300.0:
        return float(tail)
    return (count * math.log(count / rate) - count + rate) / math.log(10.0)


def log10_choose(n: int, k: int) -> float:
    """log10 of the number of ways to choose k of n."""
    return (math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)) / math.log(10.0)
