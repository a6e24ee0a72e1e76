"""Trials, the leaderboard, and what it says of seeds."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from micro_worlds import write_world

from hydrascope.evaluate.leaderboard import leaderboard_json, leaderboard_markdown, rank_trials
from hydrascope.evaluate.leaderboard_page import render_leaderboard
from hydrascope.evaluate.peers import PEERS
from hydrascope.evaluate.trials import Trial, TrialPlan, run_trials
from hydrascope.evaluate.world import World

DETECTORS = {name: PEERS[name] for name in ("velocity", "keywords", "attribute_union")}


def make(name: str, seed: int, folder: Path) -> World:
    """A world of more accounts with every seed; `null` has no campaign."""
    return write_world(folder, n_honest=12 + seed, n_campaign=0 if name == "null" else 8, per_account=6)


def plan(recipe: str = "") -> TrialPlan:
    return TrialPlan(
        worlds=("open", "null"), seeds=(1, 2), detectors=DETECTORS, make_world=make, recipe=recipe
    )


@pytest.fixture(scope="module")
def trials(tmp_path_factory: pytest.TempPathFactory) -> tuple[Trial, ...]:
    ticks = count()
    return run_trials(plan(), tmp_path_factory.mktemp("bench"), clock=lambda: float(next(ticks)))


def test_every_world_seed_and_detector_is_tried_once(trials: tuple[Trial, ...]) -> None:
    """Two worlds, two seeds, three detectors."""
    assert len({(t.world, t.seed, t.detector) for t in trials}) == len(trials) == 12
    assert {t.seconds for t in trials} == {1.0}


def test_a_null_world_counts_false_alarms_only(trials: tuple[Trial, ...]) -> None:
    """Recall and worth are unknown there, and stay out of the means."""
    null = [t for t in trials if t.world == "null"]
    assert {t.recall for t in null} == {t.worth for t in null} == {None}
    assert {t.any_per_10k for t in null} == {0.0}


def test_the_leaderboard_puts_the_most_worth_first(trials: tuple[Trial, ...]) -> None:
    """Keywords catch the open campaign, velocity nothing; ties go by name."""
    board = rank_trials(trials)
    assert [s.detector for s in board.standings] == ["keywords", "attribute_union", "velocity"]
    worth = board.standings[0].figures["worth"]
    assert worth is not None
    assert (worth.value, worth.low, worth.high) == (1.0, 1.0, 1.0)
    assert board.campaigns["wrap"]["velocity"] == 0.0
    assert board.look_alikes["stranger"]["keywords"] == 0.0


def test_a_stopped_benchmark_goes_on_without_making_worlds_again(tmp_path: Path) -> None:
    """Kept trials are read back; another recipe is another benchmark."""
    made: list[str] = []

    def counted(name: str, seed: int, folder: Path) -> World:
        made.append(name)
        return make(name, seed, folder)

    def again(recipe: str) -> tuple[Trial, ...]:
        again_plan = TrialPlan(
            worlds=("open",), seeds=(1,), detectors=DETECTORS, make_world=counted, recipe=recipe
        )
        return run_trials(again_plan, tmp_path, clock=lambda: 0.0)

    first = again("a")
    assert again("a") == first
    assert len(made) == 1
    again("b")
    assert len(made) == 2
    assert not list((tmp_path / "worlds").iterdir())


def test_the_leaderboard_is_written_three_ways(trials: tuple[Trial, ...]) -> None:
    """Markdown names everybody, JSON keeps the trials, the page fetches nothing."""
    board = rank_trials(trials)
    text, page = leaderboard_markdown(board), render_leaderboard(board)
    assert all(name in text and name in page for name in (*DETECTORS, "wrap", "stranger"))
    assert "http" not in page.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert len(json.loads(leaderboard_json(board, trials))["trials"]) == 12
    for heading in (
        "honest groups / week",
        "Brier score",
        "distilled-share error",
        "1 : 10,000",
        "volume recall",
    ):
        assert heading in text and heading in page, heading


def test_precision_at_base_rates_is_bounded_by_what_the_worlds_can_support(trials: tuple[Trial, ...]) -> None:
    """No false alarm among some dozens of accounts says little of 10,000 to one."""
    rates = rank_trials(trials).base_rates["keywords"]
    at = {b.honest_per_campaign_account: b.enforceable for b in rates}
    assert at[10_000] is not None and at[10] is not None
    assert at[10_000].value == 1.0
    assert at[10_000].low < 0.01 < at[10].low


def test_two_detectors_at_once_find_what_one_after_the_other_finds(tmp_path: Path) -> None:
    """Trials in processes of their own are the same trials."""
    small = TrialPlan(worlds=("open",), seeds=(1,), detectors=DETECTORS, make_world=make)
    alone = run_trials(small, tmp_path / "a", clock=time.process_time)
    pair = run_trials(small, tmp_path / "b", clock=time.process_time, workers=2)
    assert [replace(t, seconds=0.0) for t in pair] == [replace(t, seconds=0.0) for t in alone]
