"""The mechanics do what their names say, by their statistics."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated import SMALL, log_of, volumes, with_truth, write_world

from hydrascope.errors import ConfigError
from hydrascope.simulate import read_scenario, simulate_world
from hydrascope.simulate.arrivals import Moments, ranks, renewal
from hydrascope.simulate.compose import draw_composer
from hydrascope.simulate.dispatch import Dispatch, dispatch
from hydrascope.simulate.life import Life, live
from hydrascope.simulate.prompts import PromptPool
from hydrascope.simulate.roster import enrol
from hydrascope.simulate.seeds import hex_ids, mix, stream
from hydrascope.simulate.setting import HOUR_US, World
from hydrascope.simulate.texts import render_variants

CALENDAR = World(days=30).calendar()


def ring_only(dispatch: str, **more: str) -> str:
    """A world of one queue under a rule of dispatch."""
    text = SMALL.replace("weekend = 1.0 }", f'weekend = 1.0 }}\ndispatch = {{ rule = "{dispatch}" }}')
    for old, new in more.items():
        text = text.replace(old.replace("_", " "), new)
    return text.replace("per_day = 60.0", "per_day = 900.0").replace("accounts = 60", "accounts = 2")


def ring(folder: Path) -> np.ndarray:
    """Volumes of the campaign's accounts."""
    table = with_truth(folder)
    return volumes(table.filter(pc.equal(table["campaign"], "ring")))


def test_an_even_queue_splits_evenly(tmp_path: Path) -> None:
    """Workers on one queue end within a few per cent of each other."""
    write_world(tmp_path, ring_only("even"))
    assert 0.01 < np.std(np.log(ring(tmp_path))) < 0.09


def test_round_robin_is_exactly_even(tmp_path: Path) -> None:
    """Turn by turn, no account is more than one share ahead."""
    write_world(tmp_path, ring_only("round_robin"))
    found = ring(tmp_path)
    assert found.max() / found.min() < 1.02


def test_priority_fills_the_first_accounts_first(tmp_path: Path) -> None:
    """A fail-over order is anything but even."""
    write_world(tmp_path, ring_only("priority"))
    assert ring(tmp_path).max() / max(ring(tmp_path).min(), 1) > 2


def test_sticky_sessions_stay_on_one_account(tmp_path: Path) -> None:
    """All steps of a session meet the same account."""
    text = (
        ring_only("sticky").replace("steps = 1.0", "steps = 8.0").replace("accounts = 2\n", "accounts = 1\n")
    )
    write_world(tmp_path, text.replace('"queue" }', '"queue", follow = "tool", tools = ["a"] }'))
    table = with_truth(tmp_path)
    rows = table.filter(pc.equal(table["campaign"], "ring"))
    starts = rows.filter(pc.equal(rows["turns"], 1))
    assert len(set(starts["account_id"].to_pylist())) == 12
    assert len(rows) / len(starts) > 5


def test_sticky_sessions_are_handed_over_now_and_then() -> None:
    """A session keeps its account, but for abrupt moves at the stated rate."""
    count = 40_000
    step, session = np.arange(count) % 20, mix(np.arange(count) // 20)
    zeros = np.zeros(count, dtype=np.int64)
    lives = live(
        Life(burst_day=-2.0, burst_hours=1.0, churn=0.0, first_use_h=1.0, first_use_sd=0.1),
        50,
        CALENDAR,
        stream("t"),
    )
    moments = Moments(
        zeros + CALENDAR.start_us + 15 * 24 * HOUR_US, zeros - 1, session, step, np.arange(count)
    )
    given = dispatch(
        Dispatch(rule="sticky", handover=0.02), moments, enrol(1, 0, "g", lives, np.array([1.0])), stream("d")
    )
    served = given.keep(np.flatnonzero(given.status == 0))
    served = served.keep(np.lexsort((served.step, served.session)))
    moved = (np.diff(served.account) != 0)[served.step[1:] > 0]
    assert 0.015 < moved.mean() < 0.025


def test_people_differ_in_volume_as_people_do(tmp_path: Path) -> None:
    """The log volumes of people spread by about one, a queue's hardly at all."""
    text = SMALL.replace("accounts = 60", "accounts = 600").replace("per_day = 8.0", "per_day = 40.0")
    write_world(tmp_path, text)
    table = with_truth(tmp_path)
    spread = np.std(np.log(volumes(table.filter(pc.equal(table["label"], "background")))))
    assert 0.8 < spread < 1.7


def test_a_queue_hands_each_item_out_once(tmp_path: Path) -> None:
    """Accounts on one queue do not repeat each other's items."""
    write_world(tmp_path)
    table = with_truth(tmp_path)
    prompts = table.filter(pc.equal(table["campaign"], "ring"))["prompt"].to_pylist()
    tails = [p.split("working: ")[1] for p in prompts]
    assert len(set(tails)) / len(tails) > 0.995


def test_self_consistency_asks_each_item_several_times(tmp_path: Path) -> None:
    """With four samples an item, a queue has a quarter as many items, spread over accounts."""
    write_world(tmp_path, SMALL.replace('items = "queue"', 'items = "queue", samples = 4'))
    table = with_truth(tmp_path)
    tails = [
        p.split("working: ")[1]
        for p in table.filter(pc.equal(table["campaign"], "ring"))["prompt"].to_pylist()
    ]
    assert 3.5 < len(tails) / len(set(tails)) < 4.2


def test_warm_up_comes_before_the_first_real_use(tmp_path: Path) -> None:
    """A warm-up flow runs between sign-up and first use, and nowhere else."""
    text = SMALL.replace("burst_day = -3.0", "burst_day = 0.1").replace(
        "first_use_h = 1.0", "first_use_h = 40.0"
    )
    text += '[groups.ring.flows.warm]\narrivals = { process = "human", per_day = 30.0, active = 1.0, warm_up = true }\n'
    (tmp_path / "s.toml").write_text(text)
    simulate_world(read_scenario(tmp_path / "s.toml"), tmp_path / "world", workers=1, exchange_truth=True)
    marks = pq.read_table(tmp_path / "world" / "truth_exchanges")
    rows = with_truth(tmp_path).drop("campaign").join(marks, "exchange_id").to_pylist()
    real = {r["account_id"]: [] for r in rows if r["label"] == "distillation"}
    for r in rows:
        if r["label"] == "distillation":
            real[r["account_id"]].append((r["started_at"], r["campaign"] is not None))
    flags = [[flag for _, flag in sorted(times)] for times in real.values()]
    assert any(not f[0] for f in flags)
    assert all(f == sorted(f) for f in flags)


def test_shards_by_index_share_nothing_and_a_public_list_is_shared(tmp_path: Path) -> None:
    """Index modulo accounts divides a list; teams on one benchmark overlap."""
    base = SMALL.replace('process = "queue"', 'process = "service"').replace(
        "steps = 1.0", "steps = 1.0, spread = 0.05, active = 1.0"
    )
    overlap = {}
    for name, items in (("shard", 'items = "shard"'), ("list", 'items = "list", list_size = 150')):
        (tmp_path / name).mkdir()
        write_world(tmp_path / name, base.replace('items = "queue"', items))
        table = with_truth(tmp_path / name)
        rows = table.filter(pc.equal(table["campaign"], "ring"))
        pairs = {
            (a, p.split("working: ")[1])
            for a, p in zip(rows["account_id"].to_pylist(), rows["prompt"].to_pylist(), strict=True)
        }
        overlap[name] = len(pairs) / len({p for _, p in pairs})
    assert overlap["shard"] < 1.02
    assert overlap["list"] > 4


def test_a_banned_account_is_replaced_within_hours() -> None:
    """Every ban has a successor in the same slot after about the stated wait."""
    life = Life(
        burst_day=-2.0,
        burst_hours=5.0,
        first_use_h=1.0,
        first_use_sd=0.2,
        ban_days=4.0,
        replace_h=3.0,
        churn=0.0,
    )
    lives = live(life, 200, CALENDAR, stream("t"))
    heirs = np.flatnonzero(lives.succeeds >= 0)
    wait = (lives.start_us[heirs] - lives.end_us[lives.succeeds[heirs]]) / HOUR_US
    assert len(heirs) > 500
    assert 2.5 < np.median(wait) < 3.5
    assert (lives.slot[heirs] == lives.slot[lives.succeeds[heirs]]).all()
    assert lives.banned[lives.succeeds[heirs]].all()


def test_a_second_pool_takes_over_within_hours() -> None:
    """When the first pool falls, the second starts within the stated hours and is larger."""
    life = Life(burst_day=-2.0, burst_hours=5.0, churn=0.0, pool_ban=0.5, second_pool=1.4, failover_h=4.0)
    lives = live(life, 100, CALENDAR, stream("t"))
    moment = CALENDAR.start_us + 15 * 24 * HOUR_US
    first, second = lives.slot < 100, lives.slot >= 100
    assert second.sum() == 140
    assert ((lives.end_us[first] - moment) / HOUR_US).max() < 12
    assert ((lives.start_us[second] - moment) / HOUR_US).max() <= 4


def test_burstiness_is_as_measured() -> None:
    """Drawn variation of inter-arrival times: median 1.4, p90 5-8, one in ten steadier than Poisson."""
    lives = live(Life(), 20_000, CALENDAR, stream("t"))
    drawn = enrol(1, 0, "g", lives, np.array([1.0])).burstiness
    p10, p50, p90 = np.quantile(drawn, [0.1, 0.5, 0.9])
    assert p10 < 1.0
    assert 1.25 < p50 < 1.55
    assert 5.0 < p90 < 8.0


@pytest.mark.parametrize("cv", [0.3, 1.0, 2.0])
def test_renewal_gaps_have_the_stated_variation(cv: float) -> None:
    """Gamma gaps recover their coefficient of variation."""
    place = renewal(np.array([40_000]), np.array([cv]), stream("r"))
    gaps = np.diff(place)
    assert abs(gaps.std() / gaps.mean() - cv) < 0.08 * cv


def test_half_of_a_pivoting_campaign_moves_within_a_day(tmp_path: Path) -> None:
    """A campaign with `move` is on the new model 24 hours later; ordinary people hardly are."""
    text = SMALL.replace(
        "accounts = 12", 'accounts = 12\nmodels = { prefer = { "nova-1" = 1.0 }, move = 0.5 }'
    )
    write_world(tmp_path, text.replace("days = 3", "days = 4").replace("per_day = 60.0", "per_day = 300.0"))
    table = with_truth(tmp_path)
    late = pc.greater_equal(pc.day(table["started_at"]), 4)
    share = {}
    for label in ("background", "distillation"):
        rows = table.filter(pc.and_(late, pc.equal(table["label"], label)))
        share[label] = pc.mean(pc.equal(rows["model"], "nova-2").cast("float64")).as_py()
    assert 0.42 < share["distillation"] < 0.62
    assert share["background"] < 0.3


def test_bans_and_releases_are_events(tmp_path: Path) -> None:
    """The operator's events tell of releases and bans, of honest accounts too."""
    write_world(tmp_path, SMALL.replace("days = 3", "days = 3\nordinary_bans = 0.3"))
    kinds = pq.read_table(tmp_path / "world" / "events.parquet")["kind"].to_pylist()
    assert kinds.count("model_release") == 1
    assert kinds.count("account_banned") >= 4


def test_nobody_is_seen_after_a_ban(tmp_path: Path) -> None:
    """A banned account sends nothing more."""
    write_world(tmp_path, SMALL.replace("churn = 0.0", "churn = 0.0, ban_days = 1.0"))
    events = pq.read_table(tmp_path / "world" / "events.parquet").to_pylist()
    banned = {e["subject"]: e["at"] for e in events if e["kind"] == "account_banned"}
    assert banned
    table = log_of(tmp_path)
    for account, at in zip(table["account_id"].to_pylist(), table["started_at"].to_pylist(), strict=True):
        assert account not in banned or at <= banned[account]


def test_shared_cards_are_shared_in_groups(tmp_path: Path) -> None:
    """Nine accounts to a card gives a ninth as many cards; unique cards stay unique."""
    text = SMALL.replace("accounts = 12", "accounts = 90\nidentity = { cards = 9.0, devices = 1.0 }").replace(
        "days = 3", "days = 3\npayment_known = 1.0"
    )
    write_world(tmp_path, text)
    accounts = pq.read_table(tmp_path / "world" / "accounts.parquet").join(
        pq.read_table(tmp_path / "world" / "truth.parquet"), "account_id"
    )
    mine = accounts.filter(pc.equal(accounts["campaign"], "ring"))
    assert len(set(mine["payment_fingerprint"].to_pylist())) == 10
    assert len(set(mine["device_fingerprint"].to_pylist())) == 90


@pytest.mark.parametrize(
    ("old", "new", "hint"),
    [
        ('process = "human"', 'process = "humen"', "human"),
        ('items = "queue"', 'items = "que"', "queue"),
        ('vary = "exchange"', 'vary = "exchanges"', "exchange"),
    ],
)
def test_an_unknown_mechanic_is_answered_with_the_nearest(
    tmp_path: Path, old: str, new: str, hint: str
) -> None:
    """A misspelt process, order of items or rule stops the run with a suggestion."""
    with pytest.raises(ConfigError, match=f"did you mean '{hint}'"):
        write_world(tmp_path, SMALL.replace(old, new))


def test_an_outage_fails_nearly_everything(tmp_path: Path) -> None:
    """While the service is down, requests come back overloaded."""
    write_world(tmp_path, SMALL.replace("days = 3", "days = 3\noutages = [[1.0, 6.0]]"))
    table = log_of(tmp_path)
    down = pc.and_(pc.equal(pc.day(table["started_at"]), 3), pc.less(pc.hour(table["started_at"]), 6))
    assert pc.mean(pc.equal(table.filter(down)["status"], 529).cast("float64")).as_py() > 0.85


def test_hidden_columns_are_null(tmp_path: Path) -> None:
    """A small operator does not log what it does not log."""
    write_world(
        tmp_path, SMALL.replace("days = 3", 'days = 3\nhide = ["tls_fingerprint"]\nidentity_known = false')
    )
    assert log_of(tmp_path)["tls_fingerprint"].null_count == len(log_of(tmp_path))
    accounts = pq.read_table(tmp_path / "world" / "accounts.parquet")
    assert accounts["payment_fingerprint"].null_count == len(accounts)


def test_a_fixed_wording_has_one_rendering_and_paraphrases_have_many() -> None:
    """`variants` is the number of wordings; text without alternatives has one."""
    assert render_variants("Say {item} twice.", 50, stream("v")).count == 1
    many = render_variants("[[Say|Repeat|Tell]] {item} [[now|today|twice]].", 50, stream("v"))
    assert many.slots == ("item",)
    assert len(set(zip(*(p.to_pylist() for p in many.pieces), strict=True))) > 5


def test_the_same_number_is_the_same_text() -> None:
    """Items are known by number, in any order and company."""
    bank = PromptPool.builtin().bank(lang="en", capabilities=("reasoning",), groups=(), side=None)
    numbers = np.arange(500, dtype=np.uint64)
    forward, backward = bank.read(numbers, 3).to_pylist(), bank.read(numbers[::-1], 3).to_pylist()
    assert forward == backward[::-1]
    assert len(set(forward)) > 495


def test_composed_questions_of_strangers_differ() -> None:
    """Among ten thousand composed requests hardly two are equal."""
    composer = draw_composer(
        ["{person} has {n} coins in {city} and finds {m}.", "[[Why|How]] does {topic} matter in {year}?"]
    )
    texts = composer.compose(mix(np.arange(10_000), 5)).to_pylist()
    assert len(set(texts)) / len(texts) > 0.8


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=50, unique=True), st.integers(0, 2**63))
@settings(max_examples=50, deadline=None)
def test_scrambling_keeps_numbers_apart(numbers: list[int], key: int) -> None:
    """The id scrambler is one to one, so ids cannot collide."""
    mixed = mix(np.array(numbers, dtype=np.uint64), key)
    assert len(set(hex_ids(mixed).to_pylist())) == len(numbers)


@given(st.lists(st.integers(0, 5), max_size=40))
@settings(max_examples=50, deadline=None)
def test_ranks_count_within_runs(values: list[int]) -> None:
    """Ranks restart with every run of equal neighbours."""
    found = ranks(np.array(sorted(values), dtype=np.int64)) if values else np.array([])
    expected = [sorted(values)[:i].count(v) for i, v in enumerate(sorted(values))]
    assert found.tolist() == expected
