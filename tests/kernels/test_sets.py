"""MinHash estimates Jaccard similarity as theory says, and equal sets get one leader."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hydrascope.kernels.sets import lead_sets, minhash_sets

Sets = list[list[int]]


def flat(sets: Sets) -> tuple[np.ndarray, np.ndarray]:
    """Sets as offsets and members."""
    offsets = np.cumsum([0, *(len(s) for s in sets)]).astype(np.int64)
    return offsets, np.array([m for s in sets for m in s], np.int32)


def lead(sets: Sets, *, agreement: float, order: list[int] | None = None, k: int = 64) -> np.ndarray:
    """Leaders of sets, visited in an order."""
    signatures = minhash_sets(*flat(sets), k)
    visited = np.array(order if order is not None else range(len(sets)), np.int64)
    return lead_sets(signatures, visited, 2, agreement)


@pytest.mark.parametrize("jaccard", [0.1, 0.35, 0.7, 0.95])
def test_equal_entries_estimate_jaccard_within_its_standard_error(jaccard: float) -> None:
    """Over many pairs the mean is unbiased and the spread is sqrt(J (1 - J) / k)."""
    rng = np.random.default_rng(3)
    n_pairs, union, k = 300, 200, 128
    shared = round(jaccard * union)
    sets: Sets = []
    for _ in range(n_pairs):
        pool = rng.choice(10**6, union, replace=False).tolist()
        half = (union - shared) // 2
        sets += [pool[: shared + half], pool[:shared] + pool[shared + half :]]
    true = shared / union
    signatures = minhash_sets(*flat(sets), k)
    estimates = (signatures[0::2] == signatures[1::2]).mean(axis=1)
    error = np.sqrt(true * (1 - true) / k)
    assert abs(estimates.mean() - true) < 4 * error / np.sqrt(n_pairs)
    assert 0.8 * error < estimates.std() < 1.2 * error


@given(st.lists(st.integers(0, 2**31 - 1), min_size=1, max_size=30, unique=True), st.randoms())
def test_the_order_of_members_does_not_matter(members: list[int], random: object) -> None:
    """A set is a set."""
    other = list(reversed(members))
    signatures = minhash_sets(*flat([members, other]), 16)
    assert np.array_equal(signatures[0], signatures[1])


def test_an_empty_set_agrees_with_no_other() -> None:
    """Its entries are the largest value, which a hash of a member hardly ever is."""
    signatures = minhash_sets(*flat([[], [1, 2, 3]]), 32)
    assert not (signatures[0] == signatures[1]).any()
    assert minhash_sets(*flat([]), 32).shape == (0, 32)


@settings(max_examples=30)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=40))
def test_equal_sets_have_one_leader_and_disjoint_sets_their_own(kinds: list[int]) -> None:
    """Grouping by leader is grouping by content, where contents are equal or disjoint."""
    sets = [list(range(100 * kind, 100 * kind + 40)) for kind in kinds]
    leader = lead(sets, agreement=0.7)
    for i, a in enumerate(kinds):
        assert leader[i] == kinds.index(a)


def test_the_first_visited_leads() -> None:
    """The order of visits decides who leads, not who belongs together."""
    sets = [list(range(50)), list(range(50)), list(range(500, 560))]
    assert lead(sets, agreement=0.7, order=[1, 0, 2]).tolist() == [1, 1, 2]
    assert lead(sets, agreement=0.7, order=[2, 0, 1]).tolist() == [0, 0, 2]


def test_sets_join_only_above_the_agreement() -> None:
    """Jaccard 0.9 joins at 0.7, Jaccard 0.5 does not."""
    base = list(range(90))
    near = list(range(95))[5:]
    far = list(range(30, 120))
    leader = lead([base, near, far], agreement=0.7, k=256)
    assert leader.tolist() == [0, 0, 2]


def test_no_sets_have_no_leaders() -> None:
    """Nothing in, nothing out."""
    assert len(lead([], agreement=0.5)) == 0
