"""Progress is plain lines where there is no terminal, and nothing when quiet."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hydrascope_at_prompt import write_log

from hydrascope.cli._progress import TerminalProgress


def test_stages_are_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """One line a stage; what advances within a few seconds is not worth a line."""
    with TerminalProgress() as progress:
        progress.stage("Read", 100)
        progress.advance(size=50, rows=3)
        progress.stage("Detect", None)
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "Read ...\nDetect ...\n")


def test_quiet_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    """Not even the stages."""
    with TerminalProgress(quiet=True) as progress:
        progress.stage("Read", 100)
        progress.advance(size=50, rows=3)
    assert capsys.readouterr() == ("", "")


def test_many_threads_may_report(capsys: pytest.CaptureFixture[str]) -> None:
    """Calls from several threads neither fail nor interleave."""
    with TerminalProgress() as progress:
        progress.stage("Read", None)
        threads = [
            threading.Thread(target=lambda: [progress.advance(size=1, rows=1) for _ in range(500)])
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert capsys.readouterr().err == "Read ...\n"


def test_a_terminal_gets_bars_with_rates(tmp_path: Path) -> None:
    """On a terminal the stages are bars that name rows and rows a second, and the table is drawn."""
    log = write_log(tmp_path / "log.jsonl")
    leader, follower = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    typed = [sys.executable, "-m", "hydrascope", "scan", str(log), "--out", str(tmp_path / "out")]
    child = subprocess.Popen(typed, stdout=follower, stderr=follower, env=environment)
    os.close(follower)
    shown = b""
    while True:
        try:
            piece = os.read(leader, 4096)
        except OSError:  # the terminal is gone once the child has ended
            break
        if not piece:
            break
        shown += piece
    os.close(leader)
    assert child.wait() == 0
    text = shown.decode()
    assert "40 rows" in text and "/s" in text and "\x1b[" in text
    assert "Report:" in text
