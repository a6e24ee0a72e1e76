"""Answers that come back through another account tie accounts together, and are shown with exchanges to look at."""

from __future__ import annotations

import json
from pathlib import Path

from scanning import documents, scan_world
from worlds import World


def test_who_sends_whose_answers_is_told(world: World, findings: Path) -> None:
    """Of the campaign alone: how many accounts, how many prompts at least, and which exchanges show it."""
    rows = {row["exchange_id"]: row for row in world.exchanges}
    told = {
        e["channel"]: (e, c)
        for c in documents(findings)
        for e in c["evidence"]
        if e["channel"] in ("answers", "carried")
    }
    assert set(told) == {"answers", "carried"}
    link, campaign = told["answers"]
    assert campaign["verdict"] == "distillation"
    assert link["family"] == "identity" and link["bits"] > 3
    assert "24 of 24 accounts exchange answers" in link["sentence"]
    assert 0.2 < campaign["observables"]["carried"] <= 0.5
    assert told["carried"][0]["bits"] > 0.5
    by_chance = json.loads((findings / "manifest.json").read_text())["error_rates"]["answers"]
    assert by_chance["prompts"] > 500 and by_chance["share_outside"] < 0.01
    for evidence, _ in told.values():
        assert evidence["exchanges"]
        assert all(" Answer: " in rows[x]["prompt"] for x in evidence["exchanges"])


def test_a_scan_can_do_without(world: World, tmp_path: Path) -> None:
    """By the channel's name, or where answers are not logged."""
    without = scan_world(world, tmp_path / "off", disabled_families=frozenset({"answers"}))
    unlogged = scan_world(world, tmp_path / "unlogged", drop=frozenset({"completion"}))
    for folder in (without, unlogged):
        channels = {e["channel"] for c in documents(folder) for e in c["evidence"]}
        assert channels and not channels & {"answers", "carried"}
    assert (without / "accounts.parquet").read_bytes() == (unlogged / "accounts.parquet").read_bytes()
