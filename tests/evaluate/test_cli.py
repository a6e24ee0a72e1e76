"""`hydrascope evaluate` and `hydrascope benchmark` from the command line."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from hydrascope.cli import build_app
from hydrascope.errors import FindingsError, UsageError
from hydrascope.evaluate.detectors import choose_detectors, without
from hydrascope.evaluate.findings import write_findings
from hydrascope.evaluate.peers import find_peer
from hydrascope.evaluate.recipe import code_digest
from hydrascope.evaluate.world import World
from hydrascope.pipeline import ScanSettings


def test_evaluate_prints_a_table_and_writes_a_page(micro_world: World, tmp_path: Path) -> None:
    """Table on the terminal; JSON and page in the folder; figures per week where the world is given."""
    findings = write_findings(find_peer("keywords")(micro_world.log), tmp_path / "findings")
    words = ["evaluate", str(findings), str(micro_world.truth), "--world", str(micro_world.truth.parent)]
    result = CliRunner().invoke(build_app(words), [*words, "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    assert "True campaigns" in result.output
    assert json.loads((tmp_path / "out" / "evaluation.json").read_text())["weeks"] > 1
    assert "<svg" in (tmp_path / "out" / "evaluation.html").read_text()


def test_evaluate_prints_json_on_request(micro_world: World, tmp_path: Path) -> None:
    """One JSON document and nothing else."""
    findings = write_findings(find_peer("keywords")(micro_world.log), tmp_path)
    words = ["evaluate", str(findings), str(micro_world.truth), "--json"]
    result = CliRunner().invoke(build_app(words), words)
    assert json.loads(result.output)["recall"] == 1.0


def test_a_missing_findings_folder_is_named_with_a_hint(micro_world: World, tmp_path: Path) -> None:
    """What, where, and what to type next; exit code 3."""
    words = ["evaluate", str(tmp_path / "none"), str(micro_world.truth)]
    error = CliRunner().invoke(build_app(words), words).exception
    assert isinstance(error, FindingsError)
    assert error.exit_code == 3
    assert "hydrascope scan" in str(error)


def test_benchmark_prints_a_leaderboard_and_goes_on_from_its_folder(tmp_path: Path) -> None:
    """Two cheap detectors on a sliver of the demo world, then again from what was kept."""
    words = ["benchmark", "--out", str(tmp_path), "--world", "demo", "--seed", "1", "--scale", "0.02"]
    words += ["--detector", "keywords", "--detector", "velocity"]
    first = CliRunner().invoke(build_app(words), words)
    assert first.exit_code == 0, first.output
    assert "| keywords " in first.output
    kept = sorted((tmp_path / "trials").iterdir())
    again = CliRunner().invoke(build_app(words), [*words, "--json", "--quiet"])
    assert json.loads(again.output)["seeds"] == [1]
    assert sorted((tmp_path / "trials").iterdir()) == kept
    assert {p.name for p in tmp_path.iterdir()} >= {"leaderboard.json", "leaderboard.md", "leaderboard.html"}


def test_a_detector_that_does_not_exist_is_told_the_nearest_name(tmp_path: Path) -> None:
    """Before any world is made."""
    words = ["benchmark", "--out", str(tmp_path), "--detector", "keyword"]
    error = CliRunner().invoke(build_app(words), words).exception
    assert isinstance(error, UsageError)
    assert "did you mean 'keywords'" in str(error)
    assert not (tmp_path / "worlds").exists()


def test_the_code_digest_is_stable_within_a_run() -> None:
    """Kept trials are found again while the code stays the same."""
    assert code_digest() == code_digest()
    assert len(code_digest()) == 12


def test_a_family_can_be_switched_off_by_name() -> None:
    """`hydrascope-content+egress` is a scan without two families."""
    assert without(ScanSettings(), ["content", "egress"]).disabled_families == {"content", "egress"}
    assert list(choose_detectors(["hydrascope-content+egress", "velocity"])) == [
        "hydrascope-content+egress",
        "velocity",
    ]
