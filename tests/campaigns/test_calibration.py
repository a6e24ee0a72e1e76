"""Stated odds and kept ones."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydrascope.campaigns.calibration import SMALL, load_calibration
from hydrascope.campaigns.hypotheses import load_model, pooled_log2_odds, score_hypotheses

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

from calibrate import Group, fit, held

ODDS = st.floats(-30, 30)
SIZES = st.integers(1, 50_000)


@given(ODDS, st.floats(0, 10), SIZES)
def test_more_evidence_never_lowers_what_is_kept(odds: float, more: float, n_accounts: int) -> None:
    """The lines rise, so that a ranking is never turned round."""
    kept = load_calibration().kept
    assert kept(odds + more, n_accounts) >= kept(odds, n_accounts)


@given(st.floats(1, 30), SIZES, SIZES)
def test_a_larger_group_is_never_believed_less_for_the_same_odds(odds: float, a: int, b: int) -> None:
    """From odds of two to one on; a handful reaches them by chance far more often."""
    kept = load_calibration().kept
    assert kept(odds, max(a, b)) >= kept(odds, min(a, b)) - 1e-9


@given(ODDS)
def test_lines_meet_at_even_odds_and_between_sizes(odds: float) -> None:
    """No step: a group of one account more, or with a hair more evidence, is judged alike."""
    line = load_calibration()
    for n in SMALL:
        assert line.kept(odds, n) == pytest.approx(line.kept(odds, n + 1e-9), abs=1e-6)
    assert line.kept(1e-12, 30) == pytest.approx(line.kept(-1e-12, 30), abs=1e-9)


def test_what_makes_sure_of_a_large_group_does_not_of_a_handful() -> None:
    """Stated odds of a hundred to one defend automatic action on two hundred accounts, not on five."""
    kept = load_calibration().kept
    assert kept(math.log2(100), 5) < math.log2(0.99 / 0.01) < kept(math.log2(100), 200)


def test_the_probability_of_distillation_is_what_is_kept_and_the_rest_keeps_its_order() -> None:
    """Calibration moves probability between guilty and innocent hypotheses, none among either."""
    measured = {"n_accounts": 200.0, "synchrony_bits": 3.0, "volume_evenness": 0.2, "one_organization": 0.0}
    scored = score_hypotheses(measured)
    odds = load_calibration().kept(pooled_log2_odds(measured), 200.0)
    assert scored.probability("distillation") == pytest.approx(1 / (1 + 2.0**-odds))
    weights = scored.contributions.values()
    total = dict(zip(load_model().names, load_model().log2_prior + sum(weights), strict=True))
    for side in (True, False):
        here = [h for h in scored.hypotheses if (h.verdict == "distillation") == side]
        for a, b in pairwise(here):
            assert a.bits - b.bits == pytest.approx(total[a.name] - total[b.name])


def test_lines_that_say_nothing_change_nothing() -> None:
    """Slopes of one and no bits at even odds."""
    same = replace(load_calibration(), large=0, handful=0, large_slope=1, handful_slope=1)
    assert [same.kept(x, n) for x in (-7.5, 0.0, 4.25) for n in (3, 11, 400)] == pytest.approx(
        [-7.5] * 3 + [0] * 3 + [4.25] * 3
    )


def groups(rng: np.random.Generator, *, n: int, slope: float) -> list[Group]:
    """Groups of one size, an eleventh of them guilty before anything is seen, that state too much or too little."""
    guilty = rng.random(30_000) < 1 / 11
    true = np.where(guilty, 3.0, -3.0) + rng.normal(
        0, 2.9428, len(guilty)
    )  # equal variances: odds are a line in it
    kept = true * 6.0 / 2.9428**2 / math.log(2) + math.log2(0.1)
    stated = np.where(kept > 0, kept / slope, kept)
    return [group(float(o), bool(g), n=n) for o, g in zip(stated, guilty, strict=True)]


def group(odds: float, guilty: bool, *, n: int, printed: float = 0.5) -> Group:
    """One group of a world."""
    return Group(world="w", n=n, odds=odds, printed=printed, guilty=guilty)


@pytest.mark.parametrize("slope", [0.7, 1.3])
def test_the_fit_finds_by_how_much_odds_are_off(slope: float) -> None:
    """Two sizes whose stated odds are too modest or too bold by known powers (statistical, 60,000 groups)."""
    rng = np.random.default_rng(5)
    fitted = fit(groups(rng, n=100, slope=slope) + groups(rng, n=5, slope=0.5))
    assert fitted.large_slope == pytest.approx(slope, rel=0.12)
    assert fitted.handful_slope == pytest.approx(0.5, rel=0.12)
    assert abs(fitted.large) < 0.4 and abs(fitted.handful) < 0.4


def test_a_slope_stays_bounded_where_all_large_groups_are_guilty() -> None:
    """Separable groups have no likeliest slope; neither what is stated nor what was fitted counts more than once."""
    apart = [group(x, x > 0.5, n=50) for x in np.linspace(-3, 8, 60).tolist()]
    fitted = fit(apart)
    assert 0.5 < fitted.large_slope <= 2.0
    assert math.isfinite(fitted.large)


def test_what_was_held_on_judging_worlds_is_stated_against_found() -> None:
    """Four sure groups of which three are campaigns, and six that are held innocent and are."""
    sure = [group(8.0, i < 3, n=100, printed=0.995) for i in range(4)]
    innocent = [group(-9.0, False, n=100, printed=0.002) for _ in range(6)]
    low, high = held([*sure, *innocent])
    assert (low.n, low.guilty) == (6, 0.0)
    assert (high.n, high.guilty) == (4, 0.75)
    assert high.least >= 0.97
    assert high.stated > 0.99


def test_the_shipped_probabilities_held_on_judging_worlds() -> None:
    """Of groups stated above 0.9 nine in ten and more were campaigns, of those below 0.1 one in ten at most."""
    judged = load_calibration().judging
    assert sum(i.n for i in judged) >= 300
    for least, most, holds in ((0.9, 1.01, lambda g: g >= 0.9), (0.0, 0.1, lambda g: g <= 0.1)):
        chosen = [i for i in judged if least <= i.least < most]
        n = sum(i.n for i in chosen)
        assert n > 0
        assert holds(sum(i.guilty * i.n for i in chosen) / n)
