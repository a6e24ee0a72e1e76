"""Weights fitted to groups of known truth, beside the rates."""

from __future__ import annotations

import math
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydrascope.campaigns.fitted import NOT_FITTED, Fitted, load_fitted
from hydrascope.campaigns.hypotheses import intervals_of, load_model, pooled_log2_odds, score_hypotheses

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

from weights import Known, as_toml, fit_weights

NOTHING = Fitted(intercept=0.0, bits={})
OBSERVABLES = {o.name: o for o in load_model().observables}


def world(rng: np.random.Generator, n: int, family: str = "w") -> list[Known]:
    """Groups of ten, an eleventh guilty; guilty ones mostly elicit, innocent ones seldom, and cards say nothing."""
    guilty = rng.random(n) < 1 / 11
    elicits = rng.random(n) < np.where(guilty, 0.8, 0.1)
    cards = rng.random(n)
    return [
        Known(
            family=family,
            measured={"n_accounts": 10.0, "elicitation": 0.95 if e else 0.02, "card_sharing": float(c)},
            guilty=bool(g),
        )
        for g, e, c in zip(guilty, elicits, cards, strict=True)
    ]


def test_every_observable_but_the_size_has_a_weight_for_each_interval() -> None:
    """A new observable is fitted before it is shipped."""
    bits = load_fitted().bits
    assert set(bits) == set(OBSERVABLES) - NOT_FITTED
    assert all(len(weights) == len(OBSERVABLES[n].edges) + 1 for n, weights in bits.items())


def test_a_group_of_which_nothing_is_known_has_the_odds_of_the_priors() -> None:
    """Neither the rates nor the weights say anything of it."""
    model = load_model()
    prior = np.exp2(model.log2_prior)
    odds = math.log2(prior[model.guilty].sum() / prior[~model.guilty].sum())
    assert pooled_log2_odds({}) == pytest.approx(odds, abs=0.01)


@given(st.sampled_from(sorted(set(OBSERVABLES) - NOT_FITTED)), st.floats(0, 1))
def test_pooled_odds_are_the_mean_of_stated_and_fitted_ones(name: str, value: float) -> None:
    """In bits, for any one observable."""
    stated = 2 * pooled_log2_odds({name: value}, NOTHING)
    fitted = load_fitted().log2_odds(intervals_of({name: value}))
    assert pooled_log2_odds({name: value}) == pytest.approx((stated + fitted) / 2)


@given(st.integers(1, 50_000))
def test_the_size_counts_as_stated(n_accounts: int) -> None:
    """What has no fitted weight is not halved."""
    size = {"n_accounts": float(n_accounts)}
    stated_alone = 2 * pooled_log2_odds({}, NOTHING)
    stated = pooled_log2_odds(size, NOTHING) + 0.5 * stated_alone
    assert pooled_log2_odds(size) - pooled_log2_odds({}) == pytest.approx(stated - stated_alone)


def test_evidence_between_two_explanations_is_pooled_too() -> None:
    """What the waterfall shows adds up to what the odds are made of."""
    scored = score_hypotheses({"n_accounts": 50.0, "elicitation": 0.95})
    mine, rival = scored.leading(guilty=True), scored.leading(guilty=False)
    names = load_model().names
    rates = scored.contributions["elicitation"]
    stated = rates[names.index(mine.name)] - rates[names.index(rival.name)]
    bits = scored.bits_between(mine, rival)
    assert bits["elicitation"] == pytest.approx((stated + scored.fitted["elicitation"]) / 2)
    assert "n_accounts" in bits and "n_accounts" not in scored.fitted


def test_a_fit_finds_what_speaks_and_leaves_what_does_not() -> None:
    """Wording that guilty groups show eight times as often, cards that say nothing (statistical, 20,000 groups)."""
    fitted = fit_weights(world(np.random.default_rng(3), 20_000), prior=1 / 11)
    seen, unseen = fitted.bits["elicitation"][-1], fitted.bits["elicitation"][0]
    assert seen - unseen == pytest.approx(math.log2(0.8 / 0.1) - math.log2(0.2 / 0.9), abs=0.4)
    assert np.ptp(fitted.bits["card_sharing"]) < 0.2 * (seen - unseen)
    assert not fitted.bits["refused"].any(), "never measured"


def test_few_groups_move_a_weight_less_than_many() -> None:
    """The penalty holds a weight where groups are few."""
    few, many = (fit_weights(world(np.random.default_rng(4), n), prior=1 / 11) for n in (60, 6_000))
    assert abs(few.bits["elicitation"]).max() < abs(many.bits["elicitation"]).max()


def test_each_family_of_worlds_counts_alike() -> None:
    """A generator that made ten times as many groups does not outvote the other."""
    rng = np.random.default_rng(6)
    one = world(rng, 500, "one")
    turned = [Known(family="two", measured=k.measured, guilty=not k.guilty) for k in world(rng, 5_000)]
    bits = fit_weights([*one, *turned], prior=0.5).bits["elicitation"]
    alone = fit_weights(turned, prior=0.5).bits["elicitation"]
    assert abs(bits[-1] - bits[0]) < 0.5 * abs(alone[-1] - alone[0])


def test_weights_are_read_back_as_they_were_written() -> None:
    """The file is made by a script and read by the scan."""
    fitted = fit_weights(world(np.random.default_rng(5), 500), prior=1 / 11)
    table = tomllib.loads(as_toml(fitted))
    assert table["intercept"] == fitted.intercept
    assert table["bits"]["elicitation"] == fitted.bits["elicitation"].tolist()
