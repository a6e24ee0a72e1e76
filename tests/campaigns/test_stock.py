"""Users of one stock of wordings: one group for each operator, programs of one operator together."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from hydrascope.campaigns.cluster import Candidate
from hydrascope.campaigns.membership import ClusterSettings
from hydrascope.campaigns.observations import Observations, index_channels
from hydrascope.campaigns.stock import by_program, loosely_tied
from hydrascope.features.incidence import ChannelRows


def observed(program: np.ndarray) -> Observations:
    """One TLS fingerprint an account; -1 for none."""
    known = np.flatnonzero(program >= 0)
    rows = ChannelRows(
        name="tls",
        family="client",
        account=known.astype(np.int32),
        value=program[known],
        count=np.ones(len(known), np.int64),
    )
    return cast(
        Observations, SimpleNamespace(channels=index_channels({"tls": rows}, np.ones(len(program), np.int64)))
    )


def sizes(program: np.ndarray, share: np.ndarray) -> list[int]:
    parts = by_program(observed(program), np.arange(len(program), dtype=np.int32), share)
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(program)))
    return sorted(map(len, parts))


def test_programs_that_do_the_same_work_are_one_operators() -> None:
    """Statistical: three builds of one fleet, forty times; once in forty at most are they taken for two."""
    apart = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        apart += len(sizes(rng.integers(3, size=90), rng.beta(5, 5, 90))) > 1
    assert apart <= 1


def test_programs_with_a_share_of_their_own_are_anothers() -> None:
    """Half of the traffic of one fleet, a quarter of the other's; accounts without a known program go to the nearer one."""
    rng = np.random.default_rng(4)
    program = np.repeat([0, 1, 2, -1], [40, 30, 50, 6])
    share = np.concatenate([rng.normal(0.5, 0.07, 70), rng.normal(0.25, 0.07, 50), np.full(6, 0.24)])
    assert sizes(program, share) == [56, 70]


@pytest.mark.parametrize("program", [np.full(50, -1), np.arange(50), np.zeros(50, np.int64)])
def test_without_programs_to_compare_the_group_stays_whole(program: np.ndarray) -> None:
    """None known, each its own, or all the same."""
    assert sizes(program, np.linspace(0.0, 1.0, 50)) == [50]


def candidate(members: range, *, origin: str = "core", identity: float = 0.0) -> Candidate:
    """A group whose mean member has so many bits of identity."""
    fit = SimpleNamespace(family=lambda _: np.full(len(members), identity))
    return cast(Candidate, SimpleNamespace(members=np.array(members, np.int32), origin=origin, fit=fit))


def test_a_stock_may_claim_handfuls_that_no_identity_ties_and_nobody_else() -> None:
    """Not what shares cards, not large cores, not users of a text, who are free anyway."""
    groups = [
        candidate(range(12)),
        candidate(range(20, 40), identity=4.0),
        candidate(range(40, 80)),
        candidate(range(80, 90), origin="remainder"),
        candidate(range(5, 15), identity=-0.2),
    ]
    assert loosely_tied(groups, ClusterSettings()).tolist() == list(range(15))
    assert loosely_tied([], ClusterSettings()).tolist() == []
