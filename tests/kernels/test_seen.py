"""Counting and remembering hashes gives what a dictionary gives, however the input is cut."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from hydrascope.kernels.seen import SeenValues, Tally


def batches(seed: int) -> list[np.ndarray]:
    """Hashes that repeat, zero and the extremes among them, in batches of none to thousands."""
    rng = np.random.default_rng(seed)
    pool = np.concatenate([rng.integers(-(2**63), 2**63 - 1, 6000), [0, -1, 2**63 - 1, -(2**63)]])
    return [rng.choice(pool, n) for n in (0, 1, 10, 5000, 3, 4000, 0)]


@pytest.mark.parametrize("seed", range(4))
def test_a_tally_counts_as_a_dictionary_does(seed: int) -> None:
    """Including the batch that is asked about, while the table grows."""
    tally, exact = Tally(), Counter[int]()
    for batch in batches(seed):
        exact.update(batch.tolist())
        assert tally.count(batch).tolist() == [exact[k] for k in batch.tolist()]


@pytest.mark.parametrize("seed", range(4))
def test_fresh_values_are_first_occurrences(seed: int) -> None:
    """Over all batches each value is fresh exactly once, where it first stands."""
    seen, known = SeenValues(), set[int]()
    for batch in batches(seed):
        expected = []
        for i, value in enumerate(batch.tolist()):
            if value not in known:
                known.add(value)
                expected.append(i)
        assert seen.fresh(batch).tolist() == expected
