"""Rival explanations are compared by stated rates: sums, caps, silence of what is missing, and growth."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydrascope.campaigns.hypotheses import FAMILY_CAP, at_most_even, load_model, score_hypotheses
from hydrascope.campaigns.judge import LEAST_COLLECTIVE_BITS, collective_bits, draws_on_a_stock, is_related
from hydrascope.records import VERDICTS

MODEL = load_model()
OBSERVABLES = {o.name: o for o in MODEL.observables}
Measured = dict[str, float]


def value_in(name: str, interval: int) -> float:
    """A value inside an observable's interval."""
    edges = OBSERVABLES[name].edges
    bounds = [edges[0] - 1.0, *edges, edges[-1] + 1.0]
    return (bounds[interval] + bounds[interval + 1]) / 2


@st.composite
def measured(draw: st.DrawFn) -> Measured:
    """Any values of any subset of the observables."""
    names = draw(st.lists(st.sampled_from(sorted(OBSERVABLES)), unique=True))
    return {n: value_in(n, draw(st.integers(0, len(OBSERVABLES[n].edges)))) for n in names}


@pytest.mark.parametrize("name", sorted(OBSERVABLES))
def test_every_observable_has_positive_rates_for_every_hypothesis(name: str) -> None:
    """One rate an interval, none zero, summing to one: no observation can rule anything out for good."""
    observable = OBSERVABLES[name]
    assert list(observable.edges) == sorted(set(observable.edges))
    assert set(observable.rates) == set(MODEL.names)
    for rates in observable.rates.values():
        assert len(rates) == len(observable.edges) + 1
        assert min(rates) > 0
        assert sum(rates) == pytest.approx(1.0, abs=0.011)


@pytest.mark.parametrize("name", sorted(OBSERVABLES))
def test_a_value_near_an_edge_lies_in_both_intervals(name: str) -> None:
    """Shares sum to one, the middle of an interval is all in it, an edge is half in each, and nothing jumps."""
    observable = OBSERVABLES[name]
    for i, edge in enumerate(observable.edges):
        assert observable.intervals(edge)[i : i + 2].tolist() == pytest.approx([0.5, 0.5])
    far = 1e6
    bounds = [-far, *observable.edges, far]
    for i, (low, high) in enumerate(pairwise(bounds)):
        assert observable.intervals((low + high) / 2)[i] == pytest.approx(1.0)
    span = observable.edges[-1] - observable.edges[0] + 1.0
    values = np.linspace(observable.edges[0] - 1.0, observable.edges[-1] + 1.0, 5_000)
    places = np.array([observable.intervals(v) for v in values])
    assert places.min() >= 0.0
    assert places.sum(axis=1) == pytest.approx(1.0)
    gap = min([b - a for a, b in pairwise(observable.edges)] or [abs(observable.edges[0])])
    assert np.abs(np.diff(places, axis=0)).max() <= 1.01 * (span + 1.0) / 5_000 / (0.5 * gap)


@pytest.mark.parametrize("name", sorted(OBSERVABLES))
def test_every_observable_says_a_sentence(name: str) -> None:
    """The sentence takes a number and is no longer a pattern afterwards."""
    sentence = OBSERVABLES[name].says.format(value=0.5)
    assert sentence and "{" not in sentence and sentence != OBSERVABLES[name].says


def test_hypotheses_lead_to_verdicts_of_the_contract() -> None:
    """Priors are shares; each hypothesis has a verdict that the contract names and a sentence."""
    assert np.exp2(MODEL.log2_prior).sum() == pytest.approx(1.0, abs=1e-9)
    assert set(MODEL.verdicts.values()) <= set(VERDICTS)
    assert all(MODEL.sentences[h] for h in MODEL.names)


@given(measured())
def test_posteriors_sum_to_one_and_are_sorted(values: Measured) -> None:
    """Best first, all positive, every hypothesis once."""
    scored = score_hypotheses(values)
    probabilities = [h.probability for h in scored.hypotheses]
    assert sum(probabilities) == pytest.approx(1.0)
    assert min(probabilities) > 0
    assert probabilities == sorted(probabilities, reverse=True)
    assert {h.name for h in scored.hypotheses} == set(MODEL.names)
    assert sum(scored.probability(v) for v in VERDICTS) == pytest.approx(1.0)


@given(measured())
def test_a_missing_observable_leaves_the_ratios_untouched(values: Measured) -> None:
    """None is the same as not there at all."""
    holes: dict[str, float | None] = {**dict.fromkeys(OBSERVABLES), **values}
    here = {h.name: h.probability for h in score_hypotheses(values).hypotheses}
    there = {h.name: h.probability for h in score_hypotheses(holes).hypotheses}
    assert here == pytest.approx(there)


def test_nothing_measured_leaves_the_priors() -> None:
    """And no reason for or against anything."""
    scored = score_hypotheses({})
    found = {h.name: h.probability for h in scored.hypotheses}
    assert found == pytest.approx(dict(zip(MODEL.names, np.exp2(MODEL.log2_prior), strict=True)))
    assert not any(h.reasons_for or h.reasons_against for h in scored.hypotheses)


@given(measured())
def test_no_family_favours_one_hypothesis_over_another_by_more_than_the_cap(values: Measured) -> None:
    """Correlated observables do not add up without bound."""
    contributions = score_hypotheses(values).contributions
    assert set(contributions) == set(values)
    for family in {OBSERVABLES[n].family for n in values}:
        total = np.sum([c for n, c in contributions.items() if OBSERVABLES[n].family == family], axis=0)
        assert total.max() - total.min() <= FAMILY_CAP + 1e-9


@given(measured())
def test_reasons_are_sentences_about_what_was_measured(values: Measured) -> None:
    """Each reason is the sentence of a measured observable, and none is both for and against."""
    sentences = {OBSERVABLES[n].says.format(value=v) for n, v in values.items()}
    for h in score_hypotheses(values).hypotheses:
        assert {*h.reasons_for, *h.reasons_against} <= sentences
        assert not set(h.reasons_for) & set(h.reasons_against)


def test_more_accounts_alone_never_lower_distillation() -> None:
    """With nothing else known, a larger group is at least as likely to be a campaign."""
    found = [
        score_hypotheses({"n_accounts": n}).probability("distillation") for n in (3, 10, 30, 100, 1000, 20000)
    ]
    assert all(b >= a - 1e-12 for a, b in pairwise(found))


def grown(values: Measured) -> list[dict[str, float]]:
    """Posteriors by verdict of the same observations in groups of growing size."""
    found = []
    for n in (3, 10, 30, 100, 1000):
        scored = score_hypotheses({**values, "n_accounts": n})
        found.append({v: scored.probability(v) for v in VERDICTS})
    return found


@given(measured())
def test_a_growing_campaign_gains_on_every_rival_but_a_class(values: Measured) -> None:
    """Whatever else was measured, more accounts speak for distillation against each other explanation."""
    for verdict in VERDICTS:
        if verdict in ("distillation", "other_coordination"):
            continue
        odds = [p["distillation"] / p[verdict] for p in grown(values)]
        assert all(b >= a * (1 - 1e-9) for a, b in pairwise(odds))


@given(measured())
def test_a_campaign_that_grows_is_never_let_off(values: Measured) -> None:
    """Whatever else was measured, more accounts never lower the probability of distillation."""
    found = [p["distillation"] for p in grown(values)]
    assert all(b >= a - 1e-9 for a, b in pairwise(found))


def test_a_hypothesis_differs_from_what_it_is_like_only_where_it_says_so() -> None:
    """Rates are inherited, through several steps if need be."""
    assert OBSERVABLES["succession"].rates["borrowed"] == OBSERVABLES["succession"].rates["distillation"]
    assert OBSERVABLES["one_card"].rates["borrowed"] == OBSERVABLES["one_card"].rates["discreet"]
    assert OBSERVABLES["one_card"].rates["discreet"] != OBSERVABLES["one_card"].rates["distillation"]


def test_want_of_every_shared_identity_is_one_piece_of_news() -> None:
    """No shared card, device, address and site together cost a campaign less than the four would apart."""
    absent = dict.fromkeys(("one_card", "card_sharing", "device_sharing", "egress_sharing", "one_site"), 0.0)

    def bits(values: Measured) -> float:
        scored = score_hypotheses(values)
        return float(np.log2(scored.probability("distillation") / scored.probability("shared_application")))

    apart = sum(bits({name: value}) - bits({}) for name, value in absent.items())
    assert apart < bits(absent) - bits({}) < 0


def test_habits_of_the_group_stand_for_an_operator_only_together() -> None:
    """Bans alone, or even volumes alone, fall short; a dispatcher's even load with a common fate does not."""
    users = {"n_accounts": 80.0, "elicitation": 1.0, "egress_sharing": 0.0, "device_sharing": 0.0}
    banned = collective_bits(score_hypotheses(users | {"ban_excess": 12.0}))
    several = collective_bits(score_hypotheses(users | {"volume_evenness": 0.3, "ban_excess": 12.0}))
    assert banned < LEAST_COLLECTIVE_BITS < several


def test_a_group_of_which_a_third_is_declared_is_related() -> None:
    """The operator's records, or one organization over half of the accounts, rule an accusation out."""
    assert not is_related(score_hypotheses({"one_organization": 0.4, "declared": 0.2}))
    assert is_related(score_hypotheses({"one_organization": 0.6}))
    assert is_related(score_hypotheses({"declared": 0.4}))


@pytest.mark.parametrize(("n_accounts", "related"), [(5.0, True), (50.0, False)])
def test_one_declared_account_of_a_handful_is_enough(n_accounts: float, related: bool) -> None:
    """A customer under contract with five accounts is known by one of them; a campaign may have bought one."""
    assert is_related(score_hypotheses({"declared": 0.2, "n_accounts": n_accounts})) is related


def test_many_wordings_used_in_turn_speak_of_a_campaign_that_lives_like_ordinary_people() -> None:
    """With a demand for training signal they outweigh habits of strangers; a template, or an innocent demand, does not."""
    ordinary: Measured = {
        "n_accounts": 80.0,
        "owner_bits": 0.5,
        "card_sharing": 0.0,
        "one_card": 0.0,
        "device_sharing": 0.0,
        "one_organization": 0.0,
        "egress_sharing": 0.0,
        "volume_evenness": 0.8,
        "synchrony_bits": 0.0,
        "day_spread_rank": 0.5,
    }
    eliciting = {"elicitation": 0.95}
    varied = score_hypotheses(ordinary | eliciting | {"wordings": 20.0, "eliciting_wordings": 19.0})
    fixed = score_hypotheses(ordinary | eliciting | {"wordings": 1.0, "eliciting_wordings": 0.95})
    harmless = score_hypotheses(ordinary | {"elicitation": 0.0, "wordings": 20.0, "eliciting_wordings": 0.0})
    prompts = score_hypotheses(ordinary | eliciting | {"wordings": 8.0, "eliciting_wordings": 8.0})
    assert varied.leading(guilty=True).name == "mimicking"
    assert varied.probability("distillation") >= 0.5
    assert max(s.probability("distillation") for s in (fixed, harmless, prompts)) <= 0.4
    asked = (varied, fixed, harmless, prompts)
    assert [draws_on_a_stock(s) for s in asked] == [True, False, False, False]


def test_strangers_whose_devices_report_on_one_schedule_are_no_campaign() -> None:
    """Even loads, in step, each request the same length: scheduled jobs of one public template."""
    found = score_hypotheses(
        {
            "n_accounts": 20.0,
            "owner_bits": 7.8,
            "card_sharing": 0.0,
            "one_card": 0.0,
            "device_sharing": 0.0,
            "one_organization": 0.0,
            "egress_sharing": 0.0,
            "one_site": 0.0,
            "volume_evenness": 0.06,
            "synchrony_bits": 7.9,
            "individuality": 0.0,
            "length_spread": 0.03,
            "elicitation": 0.0,
            "valuable": 0.0,
            "wording_share": 1.0,
            "signup_burst_bits": -2.0,
            "first_seen_burst_bits": -1.6,
        }
    )
    assert found.probability("distillation") < 0.5


@given(measured())
def test_what_is_withheld_is_no_likelier_than_not(values: Measured) -> None:
    """Even odds at most, explanations of either side keep their odds among themselves, and the best stands first."""
    before = score_hypotheses(values)
    after = at_most_even(before)
    stated = before.probability("distillation")
    assert after.probability("distillation") == pytest.approx(min(stated, 0.5))
    assert sum(h.probability for h in after.hypotheses) == pytest.approx(1.0)
    chances = [h.probability for h in after.hypotheses]
    assert chances == sorted(chances, reverse=True)
    assert after.hypotheses[0].bits == 0.0
    for guilty in (True, False):
        sides = (
            [h for h in s.hypotheses if (h.verdict == "distillation") == guilty] for s in (before, after)
        )
        (a, b), *rest = zip(*sides, strict=True)
        assert all(x.name == y.name for x, y in ((a, b), *rest))
        assert all(x.bits - a.bits == pytest.approx(y.bits - b.bits) for x, y in rest)
