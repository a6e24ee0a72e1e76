"""What accounts are known by: summaries, rhythm, channels, repeated prompts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from observing import at, engine_on

from hydrascope.engine.duckdb import DuckEngine
from hydrascope.features.activity import Activity, read_activity
from hydrascope.features.incidence import CHANNELS, IDENTITY_GRADE, read_channels
from hydrascope.features.items import MIN_WORDS, read_items
from hydrascope.features.population import Population, read_population
from hydrascope.features.surroundings import read_happenings
from hydrascope.records import FAMILIES
from hydrascope.schema import ACCOUNTS, EVENTS


def accounts_table(*rows: dict[str, Any]) -> pa.Table:
    """The accounts table."""
    return pa.Table.from_pylist(list(rows), schema=ACCOUNTS)


def read(
    rows: list[dict[str, Any]], tmp_path: Path, accounts: pa.Table | None = None
) -> tuple[DuckEngine, Population, Activity]:
    """Engine, population and activity of some rows."""
    engine = engine_on(rows, tmp_path)
    population = read_population(engine, accounts)
    return engine, population, read_activity(engine, population)


def test_accounts_are_coded_in_the_order_of_their_ids(tmp_path: Path) -> None:
    """Whatever order the log has; sums and times are each account's own."""
    rows = [
        {"account_id": "b", "started_at": at(5), "input_tokens": 3, "output_tokens": 9},
        {"account_id": "a", "started_at": at(2), "input_tokens": None, "output_tokens": 4},
        {"account_id": "b", "started_at": at(1), "input_tokens": 1, "output_tokens": 1},
    ]
    _, population, _ = read(rows, tmp_path)
    assert list(population.account_id) == ["a", "b"]
    assert population.n.tolist() == [1, 2]
    assert population.totals["output_tokens"].tolist() == [4, 10]
    assert population.ratio("output_tokens", "input_tokens").tolist() == [-1.0, 2.5]
    assert (population.first_at[1], population.last_at[1]) == tuple(
        int(at(h).timestamp() * 1e6) for h in (1, 5)
    )


def test_the_accounts_table_may_know_more_or_fewer_accounts(tmp_path: Path) -> None:
    """Unknown accounts have unknown attributes; accounts that never came are left out; empty columns are absent."""
    table = accounts_table(
        {"account_id": "b", "created_at": at(-48), "plan": "free"}, {"account_id": "z", "plan": "team"}
    )
    _, population, _ = read([{"account_id": n, "started_at": at(0)} for n in "ab"], tmp_path, table)
    assert population.attributes == {"plan": [None, "free"]}
    assert population.created_at.tolist() == [-1, int(at(-48).timestamp() * 1e6)]
    assert read([{"account_id": "a", "started_at": at(0)}], tmp_path, accounts_table())[1].attributes == {}


def test_round_the_clock_and_office_hours_are_told_apart(tmp_path: Path) -> None:
    """The spread of the day and the weekend's share, each known only with enough traffic."""
    machine = [{"account_id": "machine", "started_at": at(h)} for h in range(24 * 21)]
    clerk = [
        {"account_id": "clerk", "started_at": at(24 * d + h)}
        for d in range(21)
        if d % 7 < 5
        for h in (9, 10, 14)
    ]
    rare = [{"account_id": "rare", "started_at": at(h)} for h in (0, 400)]
    _, population, activity = read([*machine, *clerk, *rare], tmp_path)
    code = {name: i for i, name in enumerate(population.account_id)}
    assert activity.day_spread[code["machine"]] == pytest.approx(1.0)
    assert activity.day_spread[code["clerk"]] < 0.5
    assert activity.weekend_ratio[code["machine"]] == pytest.approx(1.0)
    assert activity.weekend_ratio[code["clerk"]] == 0
    assert activity.day_spread[code["rare"]] == activity.weekend_ratio[code["rare"]] == -1
    assert activity.active_days[code["clerk"]] == 15 and activity.per_active_day[code["machine"]] == 24


def test_hours_are_counted_once_and_in_order(tmp_path: Path) -> None:
    """Two exchanges in one hour are one active hour with a count of two."""
    rows = [{"account_id": "a", "started_at": at(h)} for h in (7.9, 3.1, 3.6)]
    _, _, activity = read(rows, tmp_path)
    assert (activity.hour.tolist(), activity.n.tolist(), activity.n_hours) == ([0, 4], [2, 1], 5)


def test_the_wait_after_sign_up_is_known_only_where_first_use_was_seen(tmp_path: Path) -> None:
    """An account older than the log and active at its start may have been used before."""
    rows = [{"account_id": "old", "started_at": at(1)}, {"account_id": "new", "started_at": at(100)}]
    table = accounts_table(
        {"account_id": "old", "created_at": at(-500)}, {"account_id": "new", "created_at": at(97)}
    )
    _, population, activity = read(rows, tmp_path, table)
    assert dict(zip(population.account_id, activity.signup_to_use_h.tolist(), strict=True)) == {
        "new": 3.0,
        "old": -1.0,
    }


def test_every_channel_has_a_family_of_the_records() -> None:
    """And country is no channel: it is never evidence."""
    assert set(CHANNELS.values()) <= set(FAMILIES)
    assert set(CHANNELS) >= IDENTITY_GRADE
    assert not any("country" in name for name in CHANNELS)


def test_channels_hold_each_account_and_value_once(tmp_path: Path) -> None:
    """With the number of exchanges; unused and disabled channels are absent."""
    rows = [
        {"account_id": a, "started_at": at(i), "client_ip": ip, "model": "m"}
        for i, (a, ip) in enumerate(
            [("a", "192.0.2.1"), ("a", "192.0.2.1"), ("a", "192.0.2.9"), ("b", "192.0.2.9")]
        )
    ]
    table = accounts_table({"account_id": "b", "payment_fingerprint": "card"})
    engine, population, _ = read(rows, tmp_path, table)
    channels = read_channels(engine, population)
    assert set(channels) == {"ip", "network", "model", "payment_fingerprint"}
    assert sorted(channels["ip"].count.tolist()) == [1, 1, 2]
    assert channels["network"].account.tolist() == [0, 1]
    assert len(np.unique(channels["network"].value)) == 1
    assert channels["payment_fingerprint"].account.tolist() == [1]
    assert set(read_channels(engine, population, frozenset({"egress", "model"}))) == {"payment_fingerprint"}


def test_only_prompts_that_others_sent_too_are_items(tmp_path: Path) -> None:
    """Short ones ("continue") are everybody's and do not count."""
    shared, own = "what is the boiling point of water here", "an entirely different question of my own"
    rows = [
        {"account_id": "a", "started_at": at(0), "prompt": shared},
        {"account_id": "a", "started_at": at(1), "prompt": shared.upper()},
        {"account_id": "a", "started_at": at(2), "prompt": own},
        {"account_id": "b", "started_at": at(3), "prompt": shared},
        {"account_id": "b", "started_at": at(4), "prompt": "continue"},
        {"account_id": "a", "started_at": at(5), "prompt": "continue"},
    ]
    engine, population, _ = read(rows, tmp_path)
    items = read_items(engine, len(population), int(population.n.sum()))
    assert MIN_WORDS > 1
    assert (items.account.tolist(), items.n.tolist()) == ([0, 1], [2, 1])
    assert (items.n_items.tolist(), items.n_distinct.tolist()) == ([3, 1], [2, 1])


def test_what_is_said_later_in_a_conversation_is_no_item(tmp_path: Path) -> None:
    """Whoever follows up says the same few sentences; where the turns are not known all count."""
    opening, again = "name the three longest rivers of the country", "now give me the same answer as a table"
    rows = [
        {"account_id": a, "started_at": at(i), "prompt": prompt, "turns": turns}
        for i, (a, prompt, turns) in enumerate(
            [("a", opening, 1), ("a", again, 3), ("a", again, 5), ("b", opening, None), ("b", again, 2)]
        )
    ]
    engine, population, _ = read(rows, tmp_path)
    items = read_items(engine, len(population), int(population.n.sum()))
    assert (items.n_items.tolist(), items.n_distinct.tolist()) == ([1, 1], [1, 1])
    assert items.account.tolist() == [0, 1]


def test_the_first_ban_of_a_known_account_counts(tmp_path: Path) -> None:
    """Later bans, limits and strangers are passed over; releases are in order."""
    _, population, _ = read([{"account_id": "a", "started_at": at(0)}], tmp_path)
    events = [
        {"kind": "account_banned", "at": at(9), "subject": "a"},
        {"kind": "account_banned", "at": at(5), "subject": "a"},
        {"kind": "account_banned", "at": at(1), "subject": "stranger"},
        {"kind": "model_release", "at": at(8), "subject": "m2"},
        {"kind": "model_release", "at": at(2), "subject": "m1"},
    ]
    found = read_happenings(pa.Table.from_pylist(events, schema=EVENTS), population)
    assert found.banned_at.tolist() == [int(at(5).timestamp() * 1e6)]
    assert [subject for _, subject in found.releases] == ["m1", "m2"]
    assert read_happenings(None, population).banned_at.tolist() == [-1]
