"""A receiver that is killed loses nothing that it has acknowledged, and doubles nothing that is sent again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

_CYCLE = Path(__file__).with_name("push_kill_cycle.py")


def _kill(tmp_path: Path, times: int) -> None:
    done = subprocess.run(
        [sys.executable, str(_CYCLE), str(tmp_path), str(times)], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{times} kills" in done.stdout


def test_a_killed_receiver_keeps_what_it_acknowledged(tmp_path: Path) -> None:
    """Eight kills at random moments of receiving, sealing, landing, merging and publishing."""
    _kill(tmp_path, 8)


@pytest.mark.slow
def test_a_receiver_killed_a_hundred_times(tmp_path: Path) -> None:
    """The same, a hundred times."""
    _kill(tmp_path, 100)
