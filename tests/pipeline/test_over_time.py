"""Run after run: ids are carried on, successors named, enforcement held to the level of the whole sequence."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from scanning import FAST, documents, found, scan_world
from worlds import START, World, build_world, exchange_table

from hydrascope.campaigns.judge import EnforcementSettings
from hydrascope.campaigns.track import campaign_id
from hydrascope.errors import FindingsError
from hydrascope.pipeline import DetectSettings
from hydrascope.pipeline.output import forget_account
from hydrascope.pipeline.watch import detect_state, land_files, open_state

HANDOVER = START + timedelta(days=8)
"""When the first pool is banned; the second begins three hours later."""


def days(world: World, first: float, last: float) -> World:
    """What a log of some of the days holds."""
    start, stop = START + timedelta(days=first), START + timedelta(days=last)
    rows = [r for r in world.exchanges if start <= r["started_at"] < stop]
    known = [e for e in world.events if e["at"] < stop]
    return replace(world, exchanges=rows, events=known)


def replaced_after_bans(world: World) -> World:
    """The campaign's accounts are all banned at the hand-over; its work goes on in others, three hours later."""

    def other(row: dict[str, Any]) -> dict[str, Any]:
        late = row["account_id"].startswith("camp") and row["started_at"] >= HANDOVER
        if not late:
            return row
        name = row["account_id"].replace("camp", "next")
        host = row["client_ip"].rsplit(".", 1)[1]
        at = max(row["started_at"], HANDOVER + timedelta(hours=3, minutes=int(host)))
        return row | {
            "account_id": name,
            "api_key_id": f"key-{name}",
            "client_ip": f"198.18.7.{host}",
            "started_at": at,
        }

    def successor(account: dict[str, Any]) -> dict[str, Any]:
        name = account["account_id"].replace("camp", "next")
        i = int(name[-3:])
        return account | {
            "account_id": name,
            "created_at": HANDOVER + timedelta(hours=1, minutes=i),
            "payment_fingerprint": f"card-n{i // 6}",
            "device_fingerprint": f"device-n{i // 4}",
            "phone_fingerprint": f"phone-{name}",
        }

    campaign = [a for a in world.accounts if a["account_id"] in world.campaign]
    bans = [{"kind": "account_banned", "at": HANDOVER, "subject": a["account_id"]} for a in campaign]
    return World(
        exchanges=[other(r) for r in world.exchanges],
        accounts=world.accounts + [successor(a) for a in campaign],
        events=[e for e in world.events if e["kind"] != "account_banned"] + bans,
    )


def campaign_of(folder: Path, prefix: str) -> dict[str, Any]:
    """The campaign that holds most accounts whose ids begin so."""
    entries = documents(folder)
    counts = [sum(m["account_id"].startswith(prefix) for m in e["members"]) for e in entries]
    assert max(counts) >= 12
    return entries[counts.index(max(counts))]


def events(folder: Path) -> list[dict[str, Any]]:
    """The lines of history.jsonl."""
    return [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]


SMALL: dict[str, int] = {"class_size": 12, "enterprise": 6, "people": 80}


@pytest.fixture(scope="module")
def early(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Findings of the first eight days."""
    return scan_world(days(build_world(**SMALL), 0, 8), tmp_path_factory.mktemp("early"))


@pytest.fixture(scope="module")
def later(early: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Findings of all days, with more accounts in the campaign, that go on from the first."""
    return scan_world(build_world(campaign=30, **SMALL), tmp_path_factory.mktemp("later"), previous=early)


@pytest.fixture(scope="module")
def banned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Findings of the days until the whole campaign was banned."""
    world = replaced_after_bans(build_world(**SMALL))
    return scan_world(days(world, 0, 8.1), tmp_path_factory.mktemp("banned"))


def test_a_campaign_keeps_its_id_while_its_log_grows(early: Path, later: Path) -> None:
    """Without --previous the id is made of the members; with it the old one is carried on and its history written."""
    before, after = campaign_of(early, "camp"), campaign_of(later, "camp")
    assert before["campaign_id"] == campaign_id([m["account_id"] for m in before["members"]])
    assert before["campaign_id"] == after["campaign_id"]
    assert after["lineage"]["status"] == "continued"
    assert after["lineage"]["n_joined"] == after["n_accounts"] - after["lineage"]["n_kept"] > 0
    assert events(later)[: len(events(early))] == events(early)
    mine = [e for e in events(later) if e["campaign_id"] == before["campaign_id"]]
    assert [(e["run"], e["event"]) for e in mine][:2] == [(1, "created"), (2, "continued")]


def test_the_same_input_and_the_same_memory_give_the_same_bytes(
    early: Path, later: Path, tmp_path: Path
) -> None:
    """Also where a run stopped between its files: lines that the tracks do not know are written again, not twice."""
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "tracks.json").write_bytes((early / "tracks.json").read_bytes())
    (tmp_path / "torn" / "history.jsonl").write_bytes((later / "history.jsonl").read_bytes())
    again = scan_world(build_world(campaign=30, **SMALL), tmp_path / "again", previous=tmp_path / "torn")
    assert found(again) == found(later)
    for name in ("tracks.json", "history.jsonl"):
        assert (again / name).read_bytes() == (later / name).read_bytes()


def test_a_campaign_keeps_its_id_when_one_account_of_it_is_forgotten(
    early: Path, later: Path, tmp_path: Path
) -> None:
    """The account is in no byte of the memory, and the others still tell the campaign."""
    entry = campaign_of(early, "camp")
    account = entry["members"][0]["account_id"]
    (tmp_path / "early").mkdir()
    (tmp_path / "early" / "tracks.json").write_bytes((early / "tracks.json").read_bytes())
    assert forget_account(tmp_path / "early", account) == 1
    assert account.encode() not in (tmp_path / "early" / "tracks.json").read_bytes()
    again = scan_world(build_world(campaign=30, **SMALL), tmp_path / "again", previous=tmp_path / "early")
    assert campaign_of(again, "camp")["campaign_id"] == entry["campaign_id"]


def test_a_second_pool_beside_the_banned_first_is_tied_to_it(banned: Path, tmp_path: Path) -> None:
    """One campaign that goes on in new accounts, or a successor with reasons: never a stranger."""
    before = campaign_of(banned, "camp")["campaign_id"]
    after = scan_world(replaced_after_bans(build_world(**SMALL)), tmp_path / "after", previous=banned)
    second = campaign_of(after, "next")
    successor = second["lineage"]["successor_of"] or {}
    assert before in (second["campaign_id"], successor.get("campaign_id"))
    assert campaign_of(after, "camp")["campaign_id"] == before


def test_a_second_pool_is_tied_within_hours(banned: Path, tmp_path: Path) -> None:
    """Three hours after it began, with an exchange or two an account, it already says whom it follows and why."""
    world = days(replaced_after_bans(build_world(**SMALL)), 0, 8.25)
    after = scan_world(world, tmp_path / "after", previous=banned)
    before = campaign_of(banned, "camp")["campaign_id"]
    later = [
        d["lineage"]
        for d in documents(after)
        if any(m["account_id"].startswith("next") for m in d["members"]) and d["campaign_id"] != before
    ]
    assert later or campaign_of(after, "next")["campaign_id"] == before
    for lineage in later:
        assert lineage["successor_of"]["campaign_id"] == before
        assert 3.0 <= lineage["successor_of"]["gap_h"] <= 4.0


def test_a_second_pool_goes_on_under_the_id_of_one_that_has_left_the_log(
    banned: Path, tmp_path: Path
) -> None:
    """After the first pool's rows have aged out, the template and the hours after the ban carry the id."""
    world = replaced_after_bans(build_world(**SMALL))
    rest = [r for r in world.exchanges if not r["account_id"].startswith("camp")]
    after = scan_world(replace(world, exchanges=rest), tmp_path / "after", previous=banned)
    second = campaign_of(after, "next")
    assert second["campaign_id"] == campaign_of(banned, "camp")["campaign_id"]
    assert second["lineage"]["by"] == "template"
    assert any("hours after half of that one was banned" in r for r in second["lineage"]["reasons"])


def test_a_campaign_that_is_gone_is_withdrawn_and_remembered(early: Path, tmp_path: Path) -> None:
    """The history says where its accounts are; a later run gives it its id back."""
    name = campaign_of(early, "camp")["campaign_id"]
    gone = scan_world(days(build_world(campaign=0, **SMALL), 0, 9), tmp_path / "gone", previous=early)
    assert name not in {d["campaign_id"] for d in documents(gone)}
    (event,) = [e for e in events(gone) if e["campaign_id"] == name and e["run"] == 2]
    assert (event["event"], event["n_not_in_the_log"]) == ("withdrawn", event["n_accounts"])
    back = scan_world(days(build_world(**SMALL), 0, 10), tmp_path / "back", previous=gone)
    assert campaign_of(back, "camp")["campaign_id"] == name
    assert campaign_of(back, "camp")["lineage"]["status"] == "revived"


def test_what_is_enforceable_in_a_sequence_has_passed_its_level(
    early: Path, later: Path, tmp_path: Path
) -> None:
    """Known campaigns make no further test; one that has not passed is not enforceable whatever today's q-value."""
    before, after = (json.loads((f / "manifest.json").read_text()) for f in (early, later))
    online = [m["error_rates"]["online"] for m in (before, after)]
    assert [(o["run"], o["applied"]) for o in online] == [(1, False), (2, True)]
    known = {d["campaign_id"] for d in documents(early)}
    new = [d for d in documents(later) if d["campaign_id"] not in known]
    assert online[1]["tests"] == online[0]["tests"] + len(new)
    lenient = DetectSettings(null_draws=30, enforcement=EnforcementSettings(q_value=0.05))
    for passed in (True, False):
        tracks = json.loads((early / "tracks.json").read_text())
        for track in tracks["tracks"]:
            track["tested"] |= {"passed": passed, "n_exchanges": 10**9}
        previous = tmp_path / f"previous-{passed}"
        previous.mkdir()
        (previous / "tracks.json").write_text(json.dumps(tracks))
        folder = scan_world(
            build_world(campaign=30, **SMALL), tmp_path / str(passed), previous=previous, detect=lenient
        )
        assert campaign_of(folder, "camp")["enforceable"] == passed


def test_findings_without_tracks_carry_members_on(early: Path, tmp_path: Path) -> None:
    """Findings of an older version have campaigns.json alone; a folder that has neither is refused."""
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "campaigns.json").write_bytes((early / "campaigns.json").read_bytes())
    after = scan_world(days(build_world(**SMALL), 0, 10), tmp_path / "new", previous=tmp_path / "old")
    assert campaign_of(after, "camp")["campaign_id"] == campaign_of(early, "camp")["campaign_id"]
    with pytest.raises(FindingsError, match="no findings to go on from"):
        scan_world(days(build_world(**SMALL), 0, 10), tmp_path / "none", previous=tmp_path / "nowhere")


def test_a_watched_state_goes_on_from_its_own_findings(tmp_path: Path) -> None:
    """Each detection carries on the ids of the one before, and the first is held to the online level, too."""
    world = build_world(**SMALL)
    source = tmp_path / "source"
    source.mkdir()
    with open_state(tmp_path / "state") as state:
        for number, (first, last) in enumerate(((0, 8), (8, 14))):
            rows = days(world, first, last).exchanges
            pq.write_table(exchange_table(rows), source / f"{number}.parquet")
            land_files(state, [str(source)])
            detect_state(state, tmp_path / "out", settings=FAST, sequence=True)
            runs = json.loads((tmp_path / "out" / "manifest.json").read_text())["error_rates"]["online"]
            assert (runs["run"], runs["applied"]) == (number + 1, True)
    campaign = campaign_of(tmp_path / "out", "camp")
    told = [
        (e["run"], e["event"])
        for e in events(tmp_path / "out")
        if e["campaign_id"] == campaign["campaign_id"]
    ]
    assert told[0] == (1, "created")
    assert campaign["lineage"]["status"] == "continued"
