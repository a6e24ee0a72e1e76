"""The adaptive attacker: prices by hand, and a search against a detector whose weak spot is known."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydrascope.errors import ConfigError, UsageError
from hydrascope.evaluate.attacker.arena import CAMPAIGN, Arena, campaign_table
from hydrascope.evaluate.attacker.contest import Attacker, Contest, held_by, hold_contest
from hydrascope.evaluate.attacker.costs import Goal, bill, read_costs, size_of
from hydrascope.evaluate.attacker.frontier import frontier_json, frontier_markdown, pareto, render_frontier
from hydrascope.evaluate.attacker.search import Attempt, Exam, Outcome, Search
from hydrascope.evaluate.attacker.tactics import LADDERS, Tactics, plainest, strongest
from hydrascope.evaluate.judged import read_truth
from hydrascope.evaluate.peers import find_peer
from hydrascope.evaluate.peers.keywords import KeywordSettings, detect_keywords
from hydrascope.evaluate.world import read_span

SMALL = Goal(per_day=60, days=3)
all_tactics = st.builds(
    lambda *rungs: Tactics(rungs=rungs), *(st.integers(0, len(ladder) - 1) for ladder in LADDERS.values())
)


def attempt(cost: float, caught: float) -> Attempt:
    return Attempt(
        tactics=plainest(),
        passed=caught < 0.2,
        caught=caught,
        enforced=caught,
        share=caught,
        n_distilled=10,
        n_undetected=10,
        honest=0,
        cost=cost,
    )


def test_a_bill_worked_out_by_hand() -> None:
    """400 a day over ten accounts of 40: one card, one device, eight hosting addresses, and the tokens."""
    costs = read_costs()
    parts = bill(plainest(), Goal(per_day=400, days=8), costs)
    assert parts["division"] == 10 * costs.account
    assert (parts["cards"], parts["devices"]) == (costs.card, costs.device)
    assert parts["network"] == 8 * costs.hosting_address
    assert parts["tokens"] == pytest.approx(3200 * costs.exchange)
    assert sum(parts[m] for m in ("client", "wording", "cover", "signup", "timing")) == 0


def test_cover_multiplies_what_is_sent() -> None:
    """Four in five exchanges cover: four times the distilled ones on top."""
    size = size_of(plainest().moved("cover", 2), Goal(per_day=400, days=8))
    assert size.n_cover == pytest.approx(4 * size.n_distilled)


@given(all_tactics)
def test_every_tactics_can_be_priced_and_built(tactics: Tactics) -> None:
    """No rung is free of meaning, and no bill is negative."""
    assert min(bill(tactics, SMALL, read_costs()).values()) >= 0
    assert campaign_table(tactics, SMALL)["accounts"] >= 3


def test_an_unknown_price_is_refused(tmp_path: Path) -> None:
    """A price list with a typing error does not run."""
    path = tmp_path / "costs.toml"
    path.write_text("acount = 1.0\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="did you mean 'account'"):
        read_costs(path)


def test_tactics_outside_the_ladders_are_refused() -> None:
    """One rung of every ladder, and mechanics by their names."""
    with pytest.raises(UsageError):
        Tactics(rungs=(0, 0))
    with pytest.raises(UsageError, match="did you mean 'cover'"):
        plainest().moved("covr", 1)


def test_the_frontier_keeps_what_nothing_undercuts() -> None:
    """Dearer and no better is dropped."""
    tried = [attempt(5, 0.5), attempt(1, 0.9), attempt(3, 0.9), attempt(4, 0.6), attempt(9, 0.5)]
    assert [(a.cost, a.caught) for a in pareto(tried)] == [(1, 0.9), (4, 0.6), (5, 0.5)]


@pytest.fixture(scope="module")
def arena(tmp_path_factory: pytest.TempPathFactory) -> Arena:
    return Arena("demo", folder=tmp_path_factory.mktemp("arena"), goal=SMALL, scale=0.01)


def test_a_campaign_is_laid_beside_the_same_background(arena: Arena, tmp_path: Path) -> None:
    """Two tactics share the honest files, and no account is in both worlds."""
    one = arena.make(plainest(), 1, tmp_path / "one")
    two = arena.make(strongest(), 1, tmp_path / "two")
    assert one.log.exchanges[0] == two.log.exchanges[0]
    first, last = read_span(one.log)
    assert (last - first).days < SMALL.days
    assert set(read_truth(one.truth)["campaign"].to_pylist()) == {None, CAMPAIGN}


def test_the_search_finds_the_weak_spot_of_a_keyword_list(arena: Arena, tmp_path: Path) -> None:
    """Enough cover traffic takes the share of matching prompts below the line; other mechanics stay plain."""
    detect = partial(detect_keywords, settings=KeywordSettings(share=0.4))
    exam = Exam(arena, detect, read_costs(), name="keywords", seeds=(1,), folder=tmp_path)
    search = Search.against(exam, mechanics=("cover", "cards", "network"))
    assert search.cheapest is not None
    assert search.cheapest.tactics.place("cover") == 2
    assert search.cheapest.tactics.place("cards") == 0
    assert search.sweep["cover"][0].passed is False
    assert search.cheapest.cost == min(a.cost for a in search.attempts if a.passed)
    text, page = frontier_markdown([search]), render_frontier([search])
    assert "keywords" in text
    assert page.count("<svg") == 2
    assert "| cover | 80 % ($" in text
    assert json.loads(frontier_json([search]))["defences"][0]["cheapest"]["passed"] is True


def test_outcomes_are_kept_by_what_was_tried(arena: Arena, tmp_path: Path) -> None:
    """A second exam with the same name asks no detector."""
    exam = Exam(arena, find_peer("keywords"), read_costs(), name="k", seeds=(1,), folder=tmp_path)
    first = exam.attempt(plainest())
    again = Exam(arena, find_peer("velocity"), read_costs(), name="k", seeds=(1,), folder=tmp_path)
    assert asdict(again.attempt(plainest())) == asdict(first)
    assert (exam.n_scans, again.n_scans) == (1, 0)


def test_a_defence_that_nothing_passes_says_so(arena: Arena) -> None:
    """A line of zero catches everything: no cheapest tactics, and the sweep is about the best tried."""
    exam = Exam(arena, find_peer("keywords"), read_costs(), name="all", seeds=(1,), line=0.0)
    search = Search.against(exam, mechanics=("cards",), passes=1)
    assert search.cheapest is None
    assert "none found" in frontier_markdown([search])


def test_tactics_pass_on_the_mean_of_the_seeds(arena: Arena) -> None:
    """One seed over the line does not fail tactics that the others pass, and a hopeless first seed ends the trial."""
    asked: list[int] = []

    def exam(shares: dict[int, float]) -> Exam:
        e = Exam(arena, find_peer("keywords"), read_costs(), name="x", seeds=(1, 2, 3))

        def outcome(tactics: Tactics, seed: int) -> Outcome:
            asked.append(seed)
            share = shares[seed]
            return Outcome(
                caught=share, enforced=0.0, n_distilled=9, n_undetected=9, n_unenforced=9, honest=0.0
            )

        e.outcome = outcome  # type: ignore[method-assign]
        return e

    passed = exam({1: 0.3, 2: 0.1, 3: 0.1}).attempt(plainest())
    assert (passed.passed, passed.n_seeds, passed.span) == (True, 3, (0.1, 0.3))
    asked.clear()
    assert exam({1: 0.9, 2: 0.0, 3: 0.0}).attempt(plainest()).passed is False
    assert asked == [1]


def test_what_is_held_stays_and_the_rest_starts_at_its_dearest() -> None:
    """An attacker who needs one wrapper starts with it, and does not look at other wordings."""
    attacker = Attacker(name="a", held=held_by(["wording=one wrapper", "cover=none"]))
    assert attacker.start.names["wording"] == "one wrapper"
    assert attacker.start.names["cards"] == "own card"
    assert not {"wording", "cover"} & set(attacker.open)
    with pytest.raises(UsageError, match="did you mean 'own card'"):
        plainest().on("cards", "own cards")


def test_a_contest_sets_every_attacker_against_every_defence(tmp_path: Path) -> None:
    """Two attackers, two peers: four searches, and a mechanic moves when the phrases no longer count."""
    attackers = (
        Attacker(name="open", mechanics=("cover",)),
        Attacker(name="plain", mechanics=("cards",), held={"cover": "none"}),
    )
    contest = Contest(
        folder=tmp_path,
        detectors=("keywords", "velocity"),
        attackers=attackers,
        seeds=(1,),
        scale=0.01,
        goal=SMALL,
    )
    found = hold_contest(contest)
    assert [(s.attacker, s.defence) for s in found] == [
        ("open", "keywords"), ("open", "velocity"), ("plain", "keywords"), ("plain", "velocity"),
    ]  # fmt: skip
    text = frontier_markdown(found)
    assert "Attacker: open" in text
    assert "Moves when a channel is off: cover." in text


def test_a_campaign_that_sends_nothing_in_time_is_no_way_past(tmp_path: Path) -> None:
    """Three accounts that sign up over a window of hours may stay silent; that is not evasion."""
    hours = Arena("demo", folder=tmp_path, goal=Goal(per_day=1, days=1), scale=0.01)
    late = plainest().on("signup", "over the window").on("division", "5 a day")
    exam = Exam(hours, find_peer("velocity"), read_costs(), name="v", seeds=(4, 5, 6), folder=tmp_path)
    tried = exam.attempt(late)
    assert tried.passed == (tried.n_undetected > 0)
    assert exam.n_scans == 3
