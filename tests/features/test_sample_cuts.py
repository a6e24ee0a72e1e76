"""Cuts never cost a sample anything: whatever is sampled lies under its account's cut."""

from __future__ import annotations

import numpy as np
import pytest

from hydrascope.features.observed import rank_exchanges
from hydrascope.features.sample_cuts import RankCounts


def counted(accounts: np.ndarray, xid: np.ndarray, pieces: int) -> RankCounts:
    """Counts of a log that is read in pieces and merged."""
    whole = RankCounts()
    for part in np.array_split(np.arange(len(xid)), pieces):
        counts = RankCounts()
        counts.observe(accounts[part], xid[part])
        whole.merge(counts)
    return whole


@pytest.mark.parametrize("seed", range(5))
def test_the_lowest_ranks_of_every_account_lie_under_its_cut(seed: int) -> None:
    """Of accounts with one exchange to fifty thousand, a fifth of whose records are not kept."""
    rng = np.random.default_rng(seed)
    sizes = np.array([1, 5, 95, 96, 97, 130, 400, 3000, 50_000])
    accounts = rng.permutation(np.repeat(rng.integers(0, 2**62, len(sizes)), sizes))
    xid = rng.integers(-(2**62), 2**62, len(accounts))
    cuts = counted(accounts, xid, 4).cuts(96)
    rank, kept = rank_exchanges(xid), rng.random(len(xid)) > 0.2
    for account in np.unique(accounts):
        mine = np.sort(rank[kept & (accounts == account)])[:96]
        assert (mine <= cuts.highest(np.array([account]))[0]).all()


def test_a_cut_spares_most_exchanges_of_a_large_account() -> None:
    """A hundred thousand exchanges: no more than twice the sample lies under the cut."""
    xid = np.random.default_rng(1).integers(-(2**62), 2**62, 100_000)
    cut = counted(np.zeros(100_000, np.int64), xid, 3).cuts(96).highest(np.zeros(1, np.int64))[0]
    assert 96 <= (rank_exchanges(xid) <= cut).sum() <= 192


def test_counts_do_not_depend_on_how_a_log_is_cut() -> None:
    """One part or seven give the same cuts; an account that nobody counted has none."""
    rng = np.random.default_rng(2)
    accounts, xid = rng.integers(0, 9, 5000), rng.integers(-(2**62), 2**62, 5000)
    names = np.arange(10)
    one, seven = (counted(accounts, xid, n).cuts(96).highest(names) for n in (1, 7))
    assert (one == seven).all()
    assert one[9] == 2**63 - 1
