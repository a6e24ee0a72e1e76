"""`hydrascope diff`: golden sentences, plain data, and pairs that do not hang on ids alone."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import findings_folders as folders
import pytest
from typer.testing import CliRunner

from hydrascope.cli.app import build_app
from hydrascope.report import compare, describe_difference, difference_as_dict, read_findings, render_text

GOLDEN = Path(__file__).parent / "golden" / "difference.txt"
SIZES = (
    ("distillation", 40),
    ("reseller", 20),
    ("evaluation", 6),
    ("inconclusive", 24),
    ("distillation", 12),
)


def earlier() -> list[dict[str, Any]]:
    """Five campaigns."""
    return [folders.campaign(i + 1, verdict, n) for i, (verdict, n) in enumerate(SIZES)]


def later() -> list[dict[str, Any]]:
    """The first has grown and lost its enforcement, the second split, the third is gone, the fourth took in the fifth."""
    first, second, _, fourth, fifth = copy.deepcopy(earlier())
    first |= {"probability": 0.981, "enforceable": False, "q_value": 0.004, "n_accounts": 41}
    first["members"] = [*first["members"][:-2], *(folders.campaign(7, "distillation", 3)["members"])]
    first["online"] = {"level": 1e-6, "looks": 1, "p_value": 1e-3, "passed": False}
    first["best_innocent"]["name"] = "reseller"
    for item, bits in zip(first["evidence"], (6.1, 2.0), strict=False):
        item["bits"] = bits
    part = copy.deepcopy(second) | {"campaign_id": "c-0022", "n_accounts": 8}
    part["members"], second["members"] = second["members"][:8], second["members"][8:]
    part["lineage"] = {"status": "new", "split_from": "c-0002"}
    fourth |= {"verdict": "distillation", "probability": 0.93}
    fourth["members"] = [*fourth["members"], *fifth["members"]]
    new = folders.campaign(9, "distillation", 5)
    new["lineage"] = {
        "status": "new",
        "successor_of": {
            "campaign_id": "c-0001",
            "gap_h": 3.0,
            "reasons": ["It began 3.0 hours after half of that one was banned."],
        },
    }
    return [first, second, part, fourth, new]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The two folders; the later run read one file more, with another seed and a policy."""
    root = tmp_path_factory.mktemp("pair")
    old = folders.write_folder(root / "old", earlier())
    new = folders.write_folder(root / "new", later())
    manifest = json.loads((new / "manifest.json").read_text())
    manifest["seed"] = 8
    manifest["exchanges"] += 100_000
    manifest["inputs"].append(
        {"file": "log-2.parquet", "exchanges": 100_000, "bytes": 9, "format": "parquet"}
    )
    manifest["settings"]["detect"] = {
        "enforcement": {"probability": 0.99, "q_value": 0.001, "min_members": 5}
    }
    (new / "manifest.json").write_text(json.dumps(manifest))
    return old, new


def test_the_difference_reads_as_agreed(pair: tuple[Path, Path], pytestconfig: pytest.Config) -> None:
    """What changed and why, in sentences."""
    text = render_text(describe_difference(compare(*map(read_findings, pair))))
    if pytestconfig.getoption("--write-outputs"):
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8"), (
        "refresh with pytest --write-outputs, then read the change"
    )


def test_a_folder_does_not_differ_from_itself(pair: tuple[Path, Path]) -> None:
    """Every campaign is there and the same, and the run too."""
    comparison = compare(*[read_findings(pair[0])] * 2)
    assert {c.kind for c in comparison.campaigns} == {"same"}
    assert comparison.run == ()
    assert render_text(describe_difference(comparison)) == "Nothing changed: 5 campaigns.\n"


def test_campaigns_are_paired_by_accounts_where_ids_differ(tmp_path: Path) -> None:
    """A scan without --previous gives other ids; the accounts tell which is which."""
    renamed = [c | {"campaign_id": f"x-{c['campaign_id']}"} for c in earlier()]
    old = folders.write_folder(tmp_path / "old", earlier())
    new = folders.write_folder(tmp_path / "new", renamed)
    comparison = compare(read_findings(old), read_findings(new))
    assert [(c.kind, c.old_id, c.campaign_id) for c in comparison.campaigns] == [
        ("changed", c["campaign_id"], f"x-{c['campaign_id']}") for c in earlier()
    ]


def test_a_campaign_with_all_its_accounts_replaced_is_one_by_its_id(tmp_path: Path) -> None:
    """An id that was carried on by template counts more than accounts."""
    before, after = folders.campaign(1, "distillation", 8), folders.campaign(2, "distillation", 9)
    old = folders.write_folder(tmp_path / "old", [before])
    new = folders.write_folder(tmp_path / "new", [after | {"campaign_id": before["campaign_id"]}])
    (change,) = compare(read_findings(old), read_findings(new)).campaigns
    assert (change.kind, len(change.joined), len(change.left)) == ("changed", 9, 8)


def test_kinds_and_whereabouts_are_data(pair: tuple[Path, Path]) -> None:
    """What the sentences say, a program can read."""
    told = difference_as_dict(compare(*map(read_findings, pair)))
    kinds = {c["campaign_id"]: c["kind"] for c in told["campaigns"]}
    assert kinds == {
        "c-0001": "changed",
        "c-0002": "changed",
        "c-0022": "split",
        "c-0004": "changed",
        "c-0009": "new",
        "c-0003": "withdrawn",
        "c-0005": "merged",
    }
    by_id = {c["campaign_id"]: c for c in told["campaigns"]}
    assert by_id["c-0022"]["old_id"] == "c-0002"
    assert by_id["c-0005"]["into"] == "c-0004"
    assert by_id["c-0003"]["elsewhere"] == {"campaigns": {}, "n_alone": 0, "n_absent": 6}
    assert [r["what"] for r in told["run"]][:2] == ["seed", "settings.detect.enforcement.min_members"]


def test_the_command_prints_and_leaves_with_the_contracts_codes(pair: tuple[Path, Path]) -> None:
    """0 whatever differs, 3 where a folder cannot be read, 2 where one is missing on the line."""
    app = build_app(["diff"])
    plain = CliRunner().invoke(app, ["diff", *map(str, pair)])
    assert (plain.exit_code, plain.output) == (0, GOLDEN.read_text(encoding="utf-8"))
    as_json = CliRunner().invoke(app, ["diff", *map(str, pair), "--json"])
    assert len(json.loads(as_json.output)["campaigns"]) == 7
    missing = CliRunner().invoke(app, ["diff", str(pair[0]), str(pair[0] / "nowhere")])
    assert getattr(missing.exception, "exit_code", None) == 3
    assert CliRunner().invoke(app, ["diff", str(pair[0])]).exit_code == 2
