"""Every output file is as contract.md says."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import UTC
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scanning import accused, campaigns, documents, rejects, scan_paths
from worlds import START, World

from hydrascope import __version__
from hydrascope.records import FAMILIES, VERDICTS
from hydrascope.schema import CAPABILITIES, ELICITATIONS, FINDINGS_ACCOUNTS, FINDINGS_CAMPAIGNS

ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@pytest.fixture(scope="module")
def ids(findings: Path) -> set[str]:
    """Ids of the campaigns."""
    return {c["campaign_id"] for c in campaigns(findings)}


def test_tables_have_the_contracts_columns_and_types(findings: Path) -> None:
    """Names, order and types."""
    assert pq.read_table(findings / "campaigns.parquet").schema.equals(FINDINGS_CAMPAIGNS)
    assert pq.read_table(findings / "accounts.parquet").schema.equals(FINDINGS_ACCOUNTS)
    links = pq.read_table(findings / "links.parquet").schema
    assert links.names == ["account_a", "account_b", "surprise", "bits", "families", "sentences"]
    assert links.field("families").type == pa.map_(pa.string(), pa.float64())


def test_campaigns_hold_what_the_contract_allows(findings: Path) -> None:
    """Verdicts by name, shares and probabilities between 0 and 1, unique ids, times in order."""
    rows = campaigns(findings)
    assert rows and len({r["campaign_id"] for r in rows}) == len(rows)
    for row in rows:
        assert row["verdict"] in VERDICTS
        assert all(0 <= row[name] <= 1 for name in ("probability", "q_value", "distillation_share"))
        assert row["n_accounts"] >= 3 and row["n_exchanges"] >= row["n_accounts"]
        assert START <= row["first_seen"] <= row["last_seen"]
        assert row["first_seen"].tzinfo is not None and row["first_seen"].utcoffset() == UTC.utcoffset(None)
        assert all(name in CAPABILITIES and 0 <= share <= 1 for name, share in row["capabilities"])
        assert row["input_tokens"] >= 0 and row["output_tokens"] >= 0
        assert row["title"] and row["enforceable"] in (True, False)
        assert not row["enforceable"] or row["verdict"] == "distillation"
        assert row["distillation_share"] == 0 or row["verdict"] == "distillation"
    assert all(value is not None for row in rows for value in row.values())


def test_every_account_of_the_log_has_one_row(world: World, findings: Path, ids: set[str]) -> None:
    """Also accounts in no campaign; each with its number of exchanges."""
    rows = pq.read_table(findings / "accounts.parquet").to_pylist()
    sent = Counter(r["account_id"] for r in world.exchanges)
    assert {r["account_id"]: r["n_exchanges"] for r in rows} == sent
    assert [r["account_id"] for r in rows] == sorted(sent)
    for row in rows:
        assert row["campaign_id"] is None or row["campaign_id"] in ids
        assert 0 <= row["probability"] <= 1 and 0 <= row["distillation_share"] <= 1
        assert np.isfinite(row["bits"])
        assert not row["enforceable"] or row["campaign_id"] is not None


def test_campaigns_and_accounts_agree(findings: Path) -> None:
    """Members, exchanges and documents are counted alike in every file."""
    rows = pq.read_table(findings / "accounts.parquet").to_pylist()
    for campaign, document in zip(campaigns(findings), documents(findings), strict=True):
        members = [r for r in rows if r["campaign_id"] == campaign["campaign_id"]]
        assert len(members) == campaign["n_accounts"]
        assert sum(r["n_exchanges"] for r in members) == campaign["n_exchanges"]
        assert {m["account_id"] for m in document["members"]} == {r["account_id"] for r in members}
        assert {n["account_id"] for n in document["graph"]["nodes"]} == {r["account_id"] for r in members}
        for name in ("campaign_id", "verdict", "probability", "q_value", "enforceable", "title"):
            assert document[name] == campaign[name]
        assert document["capabilities"] == dict(campaign["capabilities"])
        assert ISO.fullmatch(document["first_seen"]) and ISO.fullmatch(document["last_seen"])


def test_documents_explain_for_and_against(world: World, findings: Path) -> None:
    """Evidence with family, bits, sentence and exchanges of the log; every rival; the best innocent one."""
    known = {r["exchange_id"]: r["account_id"] for r in world.exchanges}
    accounts = {a["account_id"] for a in world.accounts}
    for document in documents(findings):
        members = {m["account_id"] for m in document["members"]}
        for item in document["evidence"]:
            assert item["side"] in ("link", "abuse") and item["sentence"]
            assert item["side"] == "abuse" or item["family"] in FAMILIES
            assert item["p_value"] is None or 0 <= item["p_value"] <= 1
            assert {known[x] for x in item["exchanges"]} <= members
            assert set(item["accounts"]) <= accounts
        assert sum(h["probability"] for h in document["hypotheses"]) == pytest.approx(1, abs=0.01)
        assert document["best_innocent"]["verdict"] != "distillation"
        assert set(document["elicitations"]) <= set(ELICITATIONS)
        assert document["weakest_member"]["account_id"] in members
        assert document["weakest_member"]["bits"] == min(m["bits"] for m in document["members"])


def test_the_campaigns_template_is_shown_with_its_slot(findings: Path) -> None:
    """The wrapper is constant, the problem is the slot, and the exchanges named hold it."""
    (document,) = [d for d in documents(findings) if d["verdict"] == "distillation"]
    template = document["templates"][0]
    constant = " ".join(p["text"] for p in template["parts"] if not p["slot"])
    assert "Write out every step of the reasoning" in constant
    assert any(p["slot"] and p["examples"] for p in template["parts"])
    assert template["n_accounts"] == 24 and template["exchanges"]


def test_the_timeline_adds_up(findings: Path) -> None:
    """Exchanges by bin sum to the campaign's, by model too; bans are those of the events table."""
    for document in documents(findings):
        line = document["timeline"]
        assert line["bin_s"] in (3600, 86400)
        assert sum(line["n_exchanges"]) == document["n_exchanges"]
        assert max(line["accounts_active"]) <= document["n_accounts"]
        assert sum(map(sum, line["models"].values())) == document["n_exchanges"]
        assert (
            len({len(line["n_exchanges"]), len(line["accounts_active"]), *map(len, line["models"].values())})
            == 1
        )
    (guilty,) = [d for d in documents(findings) if d["verdict"] == "distillation"]
    assert [b["account_id"] for b in guilty["timeline"]["bans"]] == ["camp000", "camp001", "camp002"]
    assert [r["subject"] for r in guilty["timeline"]["releases"]] == ["large-2"]


def test_links_join_known_accounts_once(world: World, findings: Path) -> None:
    """Ends in order, no pair twice, families of the contract and finite weights."""
    rows = pq.read_table(findings / "links.parquet").to_pylist()
    accounts = {a["account_id"] for a in world.accounts}
    pairs = [(r["account_a"], r["account_b"]) for r in rows]
    assert len(set(pairs)) == len(pairs)
    for row in rows:
        assert row["account_a"] < row["account_b"]
        assert {row["account_a"], row["account_b"]} <= accounts
        assert row["surprise"] > 0 and np.isfinite(row["bits"])
        assert {name for name, _ in row["families"]} <= set(FAMILIES)


def test_the_manifest_says_how_the_findings_came_about(world: World, side: Path, findings: Path) -> None:
    """Version, engine, settings, seed, inputs with counts, rejects by reason, timings, memory."""
    manifest = json.loads((findings / "manifest.json").read_text())
    assert manifest["hydrascope"] == __version__
    assert (manifest["engine"], manifest["seed"]) == ("duckdb", 0)
    assert manifest["settings"]["detect"]["null_draws"] == 30
    (entry,) = manifest["inputs"]
    assert entry["file"] == str(side / "log.parquet") and entry["format"] == "contract"
    assert entry["exchanges"] == manifest["exchanges"] == len(world.exchanges)
    assert manifest["accounts"] == len(world.accounts)
    assert manifest["rejects"] == {} and rejects(findings) == []
    assert all(t["wall_s"] >= 0 and t["cpu_s"] >= 0 for t in manifest["timings"].values())
    assert manifest["peak_memory_bytes"] > 1 << 20
    assert manifest["error_rates"]["enforcement"]["q_value"] > 0


def test_no_honest_account_is_enforceable(world: World, findings: Path) -> None:
    """Neither the class nor the enterprise nor anybody else."""
    rows = pq.read_table(findings / "accounts.parquet").to_pylist()
    assert not {r["account_id"] for r in rows if r["enforceable"]} & world.honest
    assert accused(findings) <= world.campaign


def test_json_has_no_number_that_json_does_not_know(findings: Path) -> None:
    """No NaN, no infinity, nothing but UTF-8."""
    for name in ("campaigns.json", "manifest.json"):
        json.loads((findings / name).read_text(encoding="utf-8"), parse_constant=pytest.fail)


def test_rejects_name_file_line_and_reason_in_any_order(world: World, side: Path, tmp_path: Path) -> None:
    """Broken lines are counted, named and left out; nothing good is lost."""
    lines = [json.dumps({**r, "started_at": r["started_at"].isoformat()}) for r in world.exchanges[:2000]]
    lines[10] = '{"exchange_id": "broken", '
    lines[700] = json.dumps({"exchange_id": "y", "account_id": "a", "prompt": "no time"})
    lines[1500] = json.dumps({**json.loads(lines[1500]), "account_id": None})
    (tmp_path / "a.jsonl").write_text("\n".join(lines) + "\n")
    result = scan_paths([tmp_path / "a.jsonl"], tmp_path / "out", side, workers=3)
    assert (result.n_exchanges, result.n_rejects) == (1997, 3)
    assert [(r["line"], r["reason"]) for r in rejects(tmp_path / "out")] == [
        (11, "broken_json"),
        (701, "missing_time"),
        (1501, "missing_account_id"),
    ]
    assert {r["file"] for r in rejects(tmp_path / "out")} == {str(tmp_path / "a.jsonl")}
    assert result.manifest["rejects"] == {"broken_json": 1, "missing_account_id": 1, "missing_time": 1}
