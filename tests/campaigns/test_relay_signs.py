"""What every relay shows is no sign of a campaign where a relay explains the group."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from hydrascope.campaigns.content import _asks
from hydrascope.campaigns.hypotheses import Scored
from hydrascope.campaigns.judge import _withheld, shows_campaign


def shown(guilty: str, innocent: str, *, rival: float = 0.3, **measured: float) -> bool:
    """Whether anything speaks of a campaign, with the likeliest explanations of either kind."""
    names = {True: guilty, False: innocent}
    scored = SimpleNamespace(
        measured=measured, leading=lambda *, guilty: SimpleNamespace(name=names[guilty], probability=rival)
    )
    return shows_campaign(cast(Scored, scored))


def withheld(
    probability: float, linked: bool, guilty: str = "distillation", innocent: str = "class", **measured: float
) -> tuple[str, ...]:
    """Why a group of this probability is not accused."""
    names, rival = {True: guilty, False: innocent}, 1 - probability
    scored = SimpleNamespace(
        measured=measured,
        leading=lambda *, guilty: SimpleNamespace(name=names[guilty], probability=rival),
        hypotheses=[SimpleNamespace(verdict="distillation"), SimpleNamespace(verdict="reseller")],
        probability=lambda verdict: probability if verdict == "distillation" else 1 - probability,
    )
    return _withheld(cast(Scored, scored), linked)


HABITS = {"volume_evenness": 0.1, "synchrony_bits": 7.0, "ban_excess": 20.0, "carried": 0.2}


@pytest.mark.parametrize("guilty", ["relayed", "distillation"])
def test_the_habits_of_a_relay_accuse_none(guilty: str) -> None:
    """Even load, step, bans and answers that come back, with the texts of many customers."""
    assert not shown(guilty, "reseller", **HABITS, private_share=0.3)
    assert not shown(guilty, "reseller", **HABITS)


def test_the_same_habits_speak_where_nearly_all_is_the_groups_own_text() -> None:
    """One work fills the accounts; in the midst of a relay's customers it would not."""
    assert shown("distillation", "reseller", **HABITS, private_share=0.9)
    assert not shown("relayed", "reseller", **HABITS, private_share=0.9)


def test_they_speak_where_a_relay_is_a_thousand_times_less_likely() -> None:
    """An explanation that hardly holds is none."""
    assert shown("distillation", "reseller", **HABITS, private_share=0.1, rival=0.0005)


@pytest.mark.parametrize(("probability", "unsure"), [(0.97, True), (0.985, False)])
def test_what_a_relay_shows_too_accuses_at_surer_odds_only(probability: float, unsure: bool) -> None:
    """A relay that one application fills has texts of its own, and deals them out evenly."""
    measured = {**HABITS, "private_share": 0.8, "n_accounts": 150.0}
    assert ("unsure" in withheld(probability, True, innocent="reseller", **measured)) is unsure
    assert "unsure" not in withheld(probability, True, innocent="reseller", **measured, elicitation=0.9)


@pytest.mark.parametrize("pathway", ["education", "enterprise"])
@pytest.mark.parametrize(
    ("share", "probability", "accused"), [(0.9, 0.98, False), (0.9, 0.995, True), (0.3, 0.7, True)]
)
def test_whom_a_school_or_a_contract_vouches_for_is_not_accused_in_doubt(
    pathway: str, share: float, probability: float, accused: bool
) -> None:
    """A course with one prompt and one calendar comes near a campaign; a third of a campaign may come through a school."""
    measured = {"n_accounts": 40.0, "elicitation": 0.99, pathway: share}
    assert (withheld(probability, True, **measured) == ()) is accused


def test_they_speak_where_no_relay_explains_the_group() -> None:
    """Strangers with one application keep no common step."""
    assert shown("discreet", "shared_application", **HABITS, private_share=0.1)


@pytest.mark.parametrize(
    ("sign", "value"), [("elicitation", 0.9), ("refused", 0.4), ("moved", 0.6), ("copies_spread", 0.2)]
)
def test_what_is_asked_for_speaks_in_a_relay_too(sign: str, value: float) -> None:
    """A campaign among a relay's customers is known by its words, refusals, moves or lists."""
    assert shown("relayed", "reseller", **{sign: value})


def test_every_label_but_that_of_ordinary_use_is_a_demand() -> None:
    """Whole episodes are asked for as rating and reasoning are."""
    assert _asks({"agent_trajectory": 0.3, "rubric_grading": 0.6, "none": 0.1}) == pytest.approx(0.9)
    assert _asks({"none": 1.0}) == 0.0
    assert _asks({}) == 0.0


def test_why_nobody_is_accused_is_told() -> None:
    """Of what distillation explains best alone, and every reason that holds."""
    assert withheld(0.9, True, n_accounts=40, elicitation=0.9) == ()
    assert withheld(0.9, False, n_accounts=40, elicitation=0.9) == ("unlinked",)
    assert withheld(0.9, True, n_accounts=40, elicitation=0.9, declared=0.5) == ("related",)
    assert withheld(0.9, True, n_accounts=5, elicitation=0.9) == ("unsure",)
    assert withheld(0.9, False, n_accounts=5, elicitation=0.1) == ("unlinked", "no_sign", "unsure")
    assert withheld(0.4, False, n_accounts=5) == ()


def test_a_relays_habits_leave_no_sign() -> None:
    """However high the odds of a campaign in its midst."""
    assert withheld(0.99, True, "relayed", "reseller", n_accounts=80, **HABITS) == ("no_sign",)
