"""What relays, replays and agents leave in a log, and where the addresses lie."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
from simulated import SMALL, with_truth, write_world

from hydrascope.simulate import read_scenario, simulate_world
from hydrascope.simulate.arrivals import Moments
from hydrascope.simulate.dispatch import Dispatch, dispatch
from hydrascope.simulate.life import Life, live
from hydrascope.simulate.roster import enrol
from hydrascope.simulate.seeds import mix, stream
from hydrascope.simulate.setting import DAY_US, World

CALENDAR = World(days=30).calendar()


def test_a_hand_over_shows_the_attempt_that_failed() -> None:
    """Before a session moves, its old account gets 402, 429 or 529 for the same step of the same session."""
    count = 20_000
    step, session = np.arange(count) % 20, mix(np.arange(count) // 20)
    at = CALENDAR.start_us + 15 * DAY_US + np.arange(count) * 8_000_000
    life = Life(burst_day=-2.0, burst_hours=1.0, churn=0.0, first_use_h=1.0, first_use_sd=0.1)
    roster = enrol(1, 0, "g", live(life, 50, CALENDAR, stream("t")), np.array([1.0]))
    moments = Moments(at, np.full(count, -1), session, step, np.arange(count))
    given = dispatch(Dispatch(rule="sticky", handover=0.05), moments, roster, stream("d"))
    assert given.status is not None
    failed = given.keep(np.flatnonzero(given.status > 0))
    assert 0.035 < len(failed.at) / count < 0.06
    assert set(np.unique(failed.status)) == {402, 429, 529}
    served = {(s, n): (a, t) for s, n, a, t, x in zip(given.session, given.step, given.account, given.at, given.status, strict=True) if x == 0}  # fmt: skip
    for s, n, a, t in zip(failed.session, failed.step, failed.account, failed.at, strict=True):
        new, later = served[s, n]
        assert new != a and 0 < later - t < 4_000_000
        assert served[s, n - 1][0] == a


def test_recorded_sessions_are_replayed(tmp_path: Path) -> None:
    """Sessions that users had in the trial come back days later, on other accounts."""
    text = (
        SMALL.split("[groups.ring]")[0].replace("days = 3", "days = 4")
        + """
[groups.ring]
label = "distillation"
accounts = 8
life = { burst_day = -3.0, burst_hours = 10.0, first_use_h = 1.0, first_use_sd = 0.3, churn = 0.0 }
[groups.ring.flows.trial]
arrivals = { process = "human", per_day = 30.0, active = 1.0, steps = 5.0, window = [0.0, 0.5], weekend = 1.0 }
content = { items = "recorded", list_name = "tapes", stretch = 100000, capabilities = ["coding"], follow = "tool" }
[groups.ring.flows.replay]
distill = true
arrivals = { process = "queue", per_day = 12.0, steps = 5.0, window = [0.5, 1.0], weekend = 1.0 }
content = { items = "recorded", list_name = "tapes", stretch = 100000, lag_days = 2, capabilities = ["coding"], follow = "tool" }
"""
    )
    (tmp_path / "s.toml").write_text(text)
    simulate_world(read_scenario(tmp_path / "s.toml"), tmp_path / "world", workers=1, exchange_truth=True)
    marks = pq.read_table(tmp_path / "world" / "truth_exchanges")
    rows = with_truth(tmp_path).drop("campaign").join(marks, "exchange_id").to_pylist()
    mine = [r for r in rows if r["label"] == "distillation"]
    typed = {r["prompt"] for r in mine if r["campaign"] is None}
    replayed = [r for r in mine if r["campaign"] is not None]
    openings = [r["prompt"] in typed for r in replayed if r["turns"] == 1]
    assert len(openings) > 20
    assert sum(openings) / len(openings) > 0.9
    # a replay may go on for longer than its recording did
    assert sum(r["prompt"] in typed for r in replayed) / len(replayed) > 0.45


def test_answers_are_checked_with_questions_whose_answer_is_known(tmp_path: Path) -> None:
    """A small share of a queue's requests comes from a short list, seen by most accounts."""
    write_world(
        tmp_path, SMALL.replace('items = "queue"', 'items = "queue", checks = 0.1, known_answers = 6')
    )
    table = with_truth(tmp_path)
    rows = table.filter(pc.equal(table["campaign"], "ring")).to_pylist()
    tails = [r["prompt"].split("working: ")[1] for r in rows]
    often = {t for t in tails if tails.count(t) > 10}
    assert len(often) == 6
    assert 0.07 < sum(t in often for t in tails) / len(tails) < 0.13
    assert len({r["account_id"] for r, t in zip(rows, tails, strict=True) if t in often}) == 12


def test_an_agent_benchmark_is_a_pass_of_tasks_with_many_calls(tmp_path: Path) -> None:
    """Each task is one session of `calls` steps over a public list."""
    text = (
        SMALL
        + """
[groups.bench]
label = "benchmark"
accounts = 1
life = { newcomers = 0.0, churn = 0.0 }
[groups.bench.flows.run]
arrivals = { process = "run", per_day = 400.0, spread = 0.01, run_hours = 5.0, calls = 30 }
content = { items = "list", list_size = 40, follow = "tool" }
"""
    )
    write_world(tmp_path, text)
    table = with_truth(tmp_path)
    turns = np.array(table.filter(pc.equal(table["label"], "benchmark"))["turns"].drop_null())
    assert 900 < len(turns) < 1300
    assert turns.max() == 1 + 2 * 29
    assert abs(np.mean(turns == 1) - 1 / 30) < 0.01


def test_homes_are_in_no_table_of_clouds_and_follow_the_clock_of_their_country(tmp_path: Path) -> None:
    """A home's address is unicast, public and in its own country's blocks; its busy hours are that country's."""
    write_world(tmp_path, SMALL.replace("accounts = 60", "accounts = 900"))
    table = with_truth(tmp_path)
    people = table.filter(pc.equal(table["label"], "background"))
    for address in people["client_ip"].drop_null().unique().to_pylist()[:300]:
        found = ip_address(address)
        assert found.is_global and not found.is_reserved and not found.is_multicast
    hours = {
        c: np.bincount(
            np.array(pc.hour(people.filter(pc.equal(people["client_country"], c))["started_at"])),
            minlength=24,
        )
        for c in ("US", "CN")
    }
    night = {"US": slice(7, 12), "CN": slice(18, 23)}
    for country, counts in hours.items():
        assert counts[night[country]].mean() < 0.6 * counts.mean(), country
