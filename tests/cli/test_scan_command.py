"""`hydrascope scan` at the prompt: what it prints, where, and its exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hydrascope_at_prompt import Answer, write_log

Command = Callable[..., Answer]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Forty exchanges of eight accounts."""
    return write_log(tmp_path / "log.jsonl")


def test_a_scan_leaves_a_findings_folder(command: Command, log: Path, tmp_path: Path) -> None:
    """Exit code 0, every file of the contract, a table and the place of the report."""
    answer = command("scan", log, "--out", tmp_path / "out")
    assert answer.code == 0
    names = {p.name for p in (tmp_path / "out").iterdir()}
    assert names == {
        "campaigns.parquet",
        "accounts.parquet",
        "links.parquet",
        "campaigns.json",
        "history.jsonl",
        "manifest.json",
        "rejects.jsonl",
        "report.html",
        "tracks.json",
    }
    assert "0 distillation campaigns in 40 exchanges of 8 accounts" in " ".join(answer.out.split())
    assert f"Report: {tmp_path / 'out' / 'report.html'}" in answer.out.replace("\n", "")


def test_json_is_one_object_and_nothing_else(command: Command, log: Path, tmp_path: Path) -> None:
    """For other programs: parses, counts, names the folder; no progress on stderr."""
    answer = command("scan", log, "--out", tmp_path / "out", "--json")
    summary = json.loads(answer.out)
    assert (summary["exchanges"], summary["accounts"], summary["rejects"]) == (40, 8, 0)
    assert summary["findings"] == str(tmp_path / "out") and summary["campaigns"] == []
    assert Path(summary["report"]).exists()
    assert answer.err == ""


def test_quiet_prints_nothing(command: Command, log: Path, tmp_path: Path) -> None:
    """Neither a table nor progress nor a warning of a library."""
    answer = command("scan", log, "--out", tmp_path / "out", "--quiet")
    assert (answer.code, answer.out, answer.err) == (0, "", "")


def test_progress_without_a_terminal_is_plain_lines(command: Command, log: Path, tmp_path: Path) -> None:
    """No escape sequence, no carriage return: fit for a log file."""
    answer = command("scan", log, "--out", tmp_path / "out")
    assert answer.err.splitlines()[:2] == ["Read ...", "Detect ..."]
    assert "\x1b" not in answer.err + answer.out and "\r" not in answer.err


def test_rejects_above_the_share_end_in_four(command: Command, tmp_path: Path) -> None:
    """Findings are written all the same, and the message says where the rejects are."""
    log = write_log(tmp_path / "log.jsonl", broken=5)
    answer = command("scan", log, "--out", tmp_path / "out")
    assert answer.code == 4
    assert f"5 records were rejected: see {tmp_path / 'out' / 'rejects.jsonl'}" in answer.err
    assert len((tmp_path / "out" / "rejects.jsonl").read_text().splitlines()) == 5
    assert len(pq.read_table(tmp_path / "out" / "accounts.parquet")) == 8
    assert command("scan", log, "--out", tmp_path / "out", "--max-rejects", "0.2", "--quiet").code == 0
    assert command("scan", log, "--out", tmp_path / "out", "--max-rejects", "0", "--json").code == 4


def test_no_text_is_kept_where_none_may_be(command: Command, log: Path, tmp_path: Path) -> None:
    """With --no-keep-text no prompt is in the findings or the kept stages."""
    command("scan", log, "--out", tmp_path / "out", "--no-keep-text", "--keep-stages", "--quiet")
    for path in (tmp_path / "out").rglob("*"):
        if path.suffix == ".parquet":
            assert "whisper" not in str(pq.read_table(path).to_pylist())
        elif path.is_file():
            assert b"whisper" not in path.read_bytes()


def test_a_scan_into_a_folder_of_the_log_can_be_repeated(command: Command, tmp_path: Path) -> None:
    """The findings of the first scan are no log of the second."""
    (tmp_path / "logs").mkdir()
    write_log(tmp_path / "logs" / "log.jsonl")
    for _ in range(2):
        answer = command("scan", tmp_path / "logs", "--out", tmp_path / "logs" / "findings", "--json")
        assert answer.code == 0, answer.err
        assert json.loads(answer.out)["exchanges"] == 40


def test_lines_of_an_edge_log_that_cannot_be_read_are_rejects(
    command: Command, log: Path, tmp_path: Path
) -> None:
    """They are counted with the log's own, with file and line."""
    edge = tmp_path / "edge.jsonl"
    row = {"request_id": "x1", "started_at": "2026-03-01T00:00:00Z", "client_ip": "192.0.2.77", "ja4": "t13d"}
    edge.write_text(json.dumps(row) + "\n{broken\n")
    answer = command("scan", log, "--out", tmp_path / "out", "--edge", edge, "--json", "--max-rejects", "1")
    assert json.loads(answer.out)["rejects"] == 1
    (reject,) = (tmp_path / "out" / "rejects.jsonl").read_text().splitlines()
    assert json.loads(reject)["file"] == str(edge)


def test_an_input_is_never_overwritten(command: Command, tmp_path: Path) -> None:
    """Findings have files called accounts.parquet and rejects.jsonl; so may the operator."""
    log = write_log(tmp_path / "rejects.jsonl")
    before = log.read_bytes()
    answer = command("scan", log, "--out", tmp_path)
    assert answer.code == 2 and "overwrite" in answer.err
    assert log.read_bytes() == before


def test_what_was_scanned_can_be_explained(command: Command, log: Path, tmp_path: Path) -> None:
    """An account of the log has an answer; one that is not there ends in 2 or 3 with the nearest name."""
    command("scan", log, "--out", tmp_path / "out", "--quiet")
    assert command("explain", tmp_path / "out", "account-3").code == 0
    answer = command("explain", tmp_path / "out", "acount-3")
    assert answer.code in (2, 3) and "account-3" in answer.err
