"""Time and volume to detection, by replaying days."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from micro_worlds import START, write_world

from hydrascope.errors import UsageError
from hydrascope.evaluate.findings import Findings
from hydrascope.evaluate.latency import (
    Latency,
    latency_json,
    latency_markdown,
    measure_latency,
    render_latency,
)
from hydrascope.evaluate.peers import find_peer
from hydrascope.evaluate.peers.alarm import raise_alarms
from hydrascope.evaluate.replay import cut_log, replay_days
from hydrascope.evaluate.world import Log, World


def alarm_after(log: Log, n_exchanges: int) -> Findings:
    """Sees the campaign once the log has so many exchanges of it."""
    table = pq.read_table(log.exchanges[0])
    mine = [a for a in table["account_id"].to_pylist() if a.startswith("c")]
    return raise_alarms(log, dict.fromkeys(mine, "c") if len(mine) >= n_exchanges else {}, {})


def after_four_hundred(log: Log) -> Findings:
    """A detector that sees the campaign once its log has 400 exchanges."""
    return alarm_after(log, 400)


def test_a_cut_log_knows_nothing_of_later_days(micro_world: World, tmp_path: Path) -> None:
    """Two of eight days of six-hourly exchanges are left."""
    cut = cut_log(micro_world.log, START + timedelta(days=2), tmp_path)
    table = pq.read_table(cut.exchanges[0])
    assert len(table) == 60 * 8
    assert max(table["started_at"].to_pylist()) < START + timedelta(days=2)
    assert cut.events is not None
    assert pq.read_table(cut.events)["subject"].to_pylist() == ["model-1"]


def test_detection_is_dated_by_the_first_scan_that_sees_it(micro_world: World) -> None:
    """20 accounts send 80 exchanges a day: 400 are there after five days, of 640."""
    (found,) = replay_days(after_four_hundred, micro_world).detections
    assert found.detected_at == START + timedelta(days=5)
    assert (found.n_exchanges, found.share_of_volume) == (400, 0.625)
    assert found.hours == pytest.approx(120, abs=1)


def test_a_campaign_that_is_never_seen_sends_everything(micro_world: World) -> None:
    """No date, the whole volume."""
    (found,) = replay_days(find_peer("velocity"), micro_world, every_days=5).detections
    assert (found.detected_at, found.hours, found.share_of_volume) == (None, None, 1.0)


def test_the_last_scan_sees_the_whole_log(micro_world: World) -> None:
    """Whatever the step, the last cut lies after the last exchange."""
    replay = replay_days(find_peer("velocity"), micro_world, every_days=7)
    assert [d.n_exchanges for d in replay.days] == [20 * 4, 20 * 32]


def test_a_log_may_be_cut_every_six_hours(micro_world: World) -> None:
    """Twenty accounts send one exchange each in six hours: 420 are there after twenty-one such spans, within a day."""
    late = partial(alarm_after, n_exchanges=420)
    (found,) = replay_days(late, micro_world, every_days=0.25, from_day=4).detections
    assert found.detected_at == START + timedelta(days=5, hours=6)
    (daily,) = replay_days(late, micro_world, from_day=4).detections
    assert daily.detected_at == START + timedelta(days=6)


def test_the_clock_starts_with_the_first_exchange_that_was_meant_to_be_trained_on(
    micro_world: World, tmp_path: Path
) -> None:
    """Three days of cover come first, where the world says which exchanges are the campaign's."""
    log = pq.read_table(micro_world.log.exchanges[0])
    of_campaign = pc.starts_with(log["account_id"], "c")
    late = pc.and_(of_campaign, pc.greater_equal(log["started_at"], START + timedelta(days=3)))
    campaign = pc.if_else(late, "wrap", pa.scalar(None, pa.string()))
    pq.write_table(
        pa.table({"exchange_id": log["exchange_id"], "campaign": campaign}), tmp_path / "day-000.parquet"
    )
    told = replace(micro_world, distilled=(tmp_path / "day-000.parquet",))
    (found,) = replay_days(after_four_hundred, told, every_days=1, from_day=5).detections
    assert found.hours == pytest.approx(48, abs=1)
    assert found.n_exchanges == 400


def test_a_level_outside_its_range_is_refused(micro_world: World) -> None:
    """Nothing is detected at a recall of zero."""
    with pytest.raises(UsageError):
        replay_days(after_four_hundred, micro_world, level=0)


def test_latency_is_told_campaign_by_campaign(tmp_path: Path) -> None:
    """Markdown, JSON and page of a replay, and no world left behind."""

    def make(name: str, seed: int, folder: Path) -> World:
        return write_world(folder, n_honest=5, n_campaign=20, per_account=32)

    found = measure_latency(["w"], [1], {"late": after_four_hundred}, make, tmp_path, every_days=2)
    assert "| w | 1 | late | wrap | 120 | 400 | 62 % |" in latency_markdown(found)
    harmless = "late on w, seed 1: honest accounts in an enforceable verdict at 0 of 5 looks."
    assert harmless in latency_markdown(found) and harmless in render_latency(found)
    assert json.loads(latency_json(found))["replays"][0]["replay"]["detections"][0]["n_exchanges"] == 400
    assert "recall so far" in render_latency(found)
    assert [p.name for p in tmp_path.iterdir()] == ["replays"]


def test_looks_that_would_have_hurt_customers_are_told(micro_world: World) -> None:
    """A detector that flags everybody from the third day on: forty honest accounts at six of eight looks."""

    def everybody(log: Log) -> Findings:
        names = pq.read_table(log.exchanges[0])["account_id"].to_pylist()
        return raise_alarms(log, dict.fromkeys(names, "all") if len(names) > 700 else {}, {})

    found = Latency(world="w", seed=1, detector="rash", replay=replay_days(everybody, micro_world))
    told = latency_markdown([found]).splitlines()[-1]
    assert told.startswith(
        "rash on w, seed 1: honest accounts in an enforceable verdict at 6 of 8 looks, at most "
    )
    assert int(told.rstrip(".").rsplit(" ", 1)[1]) == 40


def test_a_stopped_replay_goes_on_without_making_the_world_again(tmp_path: Path) -> None:
    """Kept replays are read back as they were; another recipe is another replay."""
    made: list[int] = []

    def make(name: str, seed: int, folder: Path) -> World:
        made.append(seed)
        return write_world(folder, n_honest=5, n_campaign=20, per_account=32)

    def again(recipe: str) -> tuple[Latency, ...]:
        return measure_latency(
            ["w"], [1], {"late": after_four_hundred}, make, tmp_path, every_days=4, recipe=recipe
        )

    first = again("a")
    assert again("a") == first
    assert made == [1]
    again("b")
    assert made == [1, 1]
