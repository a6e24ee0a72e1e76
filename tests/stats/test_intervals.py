"""Intervals for a share."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from hydrascope.errors import RefusalError
from hydrascope.stats.intervals import clopper_pearson, wilson


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5, 0.97])
def test_intervals_cover_as_often_as_they_say(share):
    """Clopper-Pearson covers at least 95 %, Wilson about 95 %, summed exactly over the binomial."""
    k = np.arange(61)
    weight = stats.binom.pmf(k, 60, share)
    exact = [clopper_pearson(int(i), 60) for i in k]
    score = [wilson(int(i), 60) for i in k]
    assert sum(w for w, (a, b) in zip(weight, exact, strict=True) if a <= share <= b) >= 0.95
    assert sum(w for w, (a, b) in zip(weight, score, strict=True) if a <= share <= b) >= 0.9


def test_nothing_seen_says_nothing():
    """Zero of zero leaves every share possible."""
    assert wilson(0, 0) == clopper_pearson(0, 0) == (0.0, 1.0)


def test_more_hits_than_trials_are_refused():
    """Eleven of ten is a mistake somewhere else."""
    with pytest.raises(RefusalError):
        wilson(11, 10)
