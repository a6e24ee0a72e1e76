"""What stops a watching run is said in one line and loses nothing: real processes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hydrascope.errors import StateError
from hydrascope.pipeline.watch import detect_state, land_files, merge_parts, open_state

LogWriter = Callable[..., Path]


def watch_in_process(*arguments: str, limit: str | None = None) -> subprocess.Popen[str]:
    """`hydrascope watch` as a process of its own, under a limit of the operating system as `prlimit` writes it."""
    if limit is not None and shutil.which("prlimit") is None:
        pytest.skip("prlimit is not installed")
    before = ["prlimit", limit] if limit else []
    return subprocess.Popen(
        [*before, sys.executable, "-m", "hydrascope", "watch", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def n_rows(folder: Path) -> int:
    """Exchanges that the state's journal counts."""
    with open_state(folder) as state:
        return sum(p.n_exchanges for p in state.journal.parts)


def test_a_disk_that_takes_no_more_loses_nothing(tmp_path: Path, write_log: LogWriter) -> None:
    """The first file is landed, the second does not fit; with more room the next run lands it."""
    first, second = write_log("a.parquet", 0, 20), write_log("b.parquet", 20, 20_000)
    state = tmp_path / "state"
    with open_state(state) as opened:
        land_files(opened, [str(first)])
    once = ("--state", str(state), "--once", "--detect-every", "0")
    run = watch_in_process(str(second), *once, limit="--fsize=100000")
    said = run.communicate(timeout=200)[1]
    assert run.returncode == 3
    assert "a file may not grow any further" in said
    assert "Traceback" not in said
    assert n_rows(state) == 20
    run = watch_in_process(str(first.parent), *once)
    assert "20,000 exchanges of 1 files landed" in run.communicate(timeout=200)[0]
    assert n_rows(state) == 20_020


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)], ids=lambda n: n.name
)
def test_a_following_run_ends_when_it_is_told_to(
    tmp_path: Path, write_log: LogWriter, number: signal.Signals
) -> None:
    """With exit code 0: being stopped is how it ends."""
    source = write_log("a.parquet", 0, 20).parent
    state = tmp_path / "state"
    run = watch_in_process(
        str(source), "--state", str(state), "--every", "0.1", "--settle", "0", "--detect-every", "0"
    )
    until = time.monotonic() + 200
    while not (state / "current").exists() and time.monotonic() < until:
        time.sleep(0.05)
    run.send_signal(number)
    said = run.communicate(timeout=200)[1]
    assert (run.returncode, said) == (0, "")
    assert n_rows(state) == 20


def test_a_second_process_is_told_who_holds_the_state(tmp_path: Path, write_log: LogWriter) -> None:
    """And changes nothing."""
    source = write_log("a.parquet", 0, 20).parent
    with open_state(tmp_path / "state"):
        run = watch_in_process(str(source), "--state", str(tmp_path / "state"), "--once")
        said = run.communicate(timeout=200)[1]
    assert run.returncode == 3
    assert f"the state is held by another run (process {os.getpid()} on " in said


@pytest.mark.parametrize("room", ["rows", "shingles", "texts", "systems", "values"])
def test_a_changed_byte_is_found_before_it_is_believed(
    tmp_path: Path, write_log: LogWriter, room: str
) -> None:
    """Neither a detection nor a merge takes in a part that is not what was written."""
    for i in range(2):
        source = write_log(f"{i}.parquet", i * 100, 100).parent
    with open_state(tmp_path / "state") as state:
        for path in sorted(source.iterdir()):
            land_files(state, [str(path)])
        part = state.folder / room / f"{state.journal.parts[1].name}.parquet"
        content = bytearray(part.read_bytes())
        content[len(content) // 3] ^= 0x55
        part.write_bytes(content)
        with pytest.raises(StateError, match="damaged") as caught:
            detect_state(state, tmp_path / "out")
        assert caught.value.file == str(part)
        with pytest.raises(StateError, match="damaged"):
            merge_parts(state, at=2)
        assert len(state.journal.parts) == 2
