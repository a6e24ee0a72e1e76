"""`hydrascope evaluate` from the command line."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from hydrascope.cli import build_app
from hydrascope.errors import FindingsError
from hydrascope.evaluate.findings import write_findings
from hydrascope.evaluate.peers import find_peer
from hydrascope.evaluate.world import World


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
