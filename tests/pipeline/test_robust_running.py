"""What stops a run - a full disk, too little memory, a signal, another run, a damaged file - is said in one line and costs
nothing that was finished. Real processes, stopped by what really stops them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from scanning import accused, found, scan_paths

from hydrascope.pipeline.lock import hold_lock

MB = 1 << 20


def scan_in_process(log: Path, out: Path, limit: str | None = None) -> subprocess.Popen[str]:
    """`hydrascope scan` as a process of its own, under a limit of the operating system as `prlimit` writes it."""
    if limit is not None and shutil.which("prlimit") is None:
        pytest.skip("prlimit is not installed")
    command = [sys.executable, "-m", "hydrascope", "scan", str(log), "--out", str(out), "--quiet"]
    before = ["prlimit", limit] if limit else []
    return subprocess.Popen([*before, *command], stderr=subprocess.PIPE, text=True)


def ended(run: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit code and what was said on stderr."""
    said = run.communicate(timeout=300)[1]
    return run.returncode, said


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Makes a disk of so many bytes; the same one grows when it is asked for again."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(n_bytes: int) -> Path:
        again = ["remount,"] if folder.is_mount() else [""]
        options = f"{again[0]}size={n_bytes}"
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "none", str(folder)], capture_output=True, check=False
        )
        if done.returncode:
            pytest.skip("this user may not mount a disk")
        return folder

    yield mount
    if folder.is_mount():
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(scope="module")
def long_log(side: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The world forty times, in forty files: some seconds of reading."""
    folder = tmp_path_factory.mktemp("long")
    table = pq.read_table(side / "log.parquet")
    ids = table["exchange_id"].cast(pa.string())
    place = table.schema.get_field_index("exchange_id")
    for i in range(40):
        copy = table.set_column(place, "exchange_id", pc.binary_join_element_wise(ids, str(i), "-"))
        pq.write_table(copy, folder / f"{i:02d}.parquet")
    return folder


@pytest.mark.parametrize(
    "n_bytes",
    [
        pytest.param(100_000, id="while reading", marks=pytest.mark.slow),
        pytest.param(1_300_000, id="while computing"),
    ],
)
def test_a_full_disk_costs_nothing_that_was_finished(
    side: Path, small_disk: Callable[[int], Path], n_bytes: int
) -> None:
    """One line and exit code 3; with more room the same command goes on."""
    out = small_disk(n_bytes) / "out"
    code, said = ended(scan_in_process(side / "log.parquet", out))
    assert (code, said.splitlines()[0]) == (3, f"hydrascope: {out}: the disk is full")
    assert "Traceback" not in said
    read = {p.name: p.stat().st_mtime_ns for p in out.glob(".stages/*/rows/*.parquet")}
    small_disk(100 * MB)
    assert ended(scan_in_process(side / "log.parquet", out))[0] == 0
    assert accused(out)
    assert bool(read) == (n_bytes > 500_000)
    assert not (out / ".stages").exists()


@pytest.mark.slow
@pytest.mark.parametrize("n_bytes", [3_000, 30_000, 100_000])
def test_a_limit_on_the_size_of_files_is_named(side: Path, tmp_path: Path, n_bytes: int) -> None:
    """As `ulimit -f` sets it."""
    out = tmp_path / "out"
    code, said = ended(scan_in_process(side / "log.parquet", out, f"--fsize={n_bytes}"))
    assert code == 3
    assert "may not grow any further" in said
    assert "Traceback" not in said


@pytest.mark.slow
@pytest.mark.parametrize("n_bytes", [1_000 * 10**6, 1_200 * 10**6, 2_000 * 10**6])
def test_too_little_memory_costs_nothing_that_was_finished(side: Path, tmp_path: Path, n_bytes: int) -> None:
    """Under `ulimit -v` a run may end inside a library; where it can, it says why, and never with a traceback."""
    out = tmp_path / "out"
    code, said = ended(scan_in_process(side / "log.parquet", out, f"--as={n_bytes}"))
    assert "Traceback" not in said
    assert code <= 0 or (code == 3 and "memory" in said), said
    if code:
        assert ended(scan_in_process(side / "log.parquet", out))[0] == 0
    assert accused(out)


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)], ids=lambda n: n.name
)
def test_a_stopped_scan_says_how_to_go_on(long_log: Path, tmp_path: Path, number: signal.Signals) -> None:
    """The exit code is the signal's, and what was read is not read again."""
    out = tmp_path / "out"
    run = scan_in_process(long_log, out)
    until = time.monotonic() + 200
    while not list(out.glob(".stages/*/done/*.pickle")) and time.monotonic() < until:
        time.sleep(0.02)
    run.send_signal(number)
    code, said = ended(run)
    assert (code, said) == (
        128 + number,
        "hydrascope: stopped; the same command goes on from what is finished\n",
    )
    kept = {p: p.stat().st_mtime_ns for p in out.glob(".stages/*/rows/*.parquet")}
    assert kept
    run = scan_in_process(long_log, out)
    while run.poll() is None and all(p.exists() for p in kept):
        assert {p: p.stat().st_mtime_ns for p in kept if p.exists()}.items() <= kept.items()
        time.sleep(0.02)
    assert ended(run)[0] == 0


def test_a_second_scan_into_one_folder_is_told_who_holds_it(side: Path, tmp_path: Path) -> None:
    """It stops before it reads anything; the folder can be used again afterwards."""
    out = tmp_path / "out"
    out.mkdir()
    with hold_lock(out, "findings folder", name=".lock"):
        code, said = ended(scan_in_process(side / "log.parquet", out))
        assert [p.name for p in out.iterdir()] == [".lock"]
    assert code == 3
    assert f"the findings folder is held by another run (process {os.getpid()} on " in said
    assert "name another --out" in said
    assert not list(out.iterdir())


def damage_a_byte(path: Path) -> None:
    """One byte in the middle is another."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x55
    path.write_bytes(content)


def cut_short(path: Path) -> None:
    """The end is missing."""
    path.write_bytes(path.read_bytes()[:-9])


@pytest.fixture(scope="module")
def finished(side: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A findings folder with its stages."""
    out = tmp_path_factory.mktemp("finished")
    scan_paths([side / "log.parquet"], out, side, keep_stages=True)
    return out


@pytest.mark.parametrize(
    ("file", "harm"),
    [("rows/*", damage_a_byte), ("shingles/*", cut_short), ("texts/*", Path.unlink), ("done/*", cut_short)],
    ids=["another byte", "cut short", "gone", "no record"],
)
def test_a_damaged_stage_file_is_made_again(
    side: Path, findings: Path, finished: Path, tmp_path: Path, file: str, harm: Callable[[Path], None]
) -> None:
    """What was read is a copy of the log: a chunk that is not what was written is read anew; so are kept results."""
    out = tmp_path / "out"
    shutil.copytree(finished, out)
    harm(next(out.glob(f".stages/*/{file}")))
    for path in out.glob(".stages/*/results/*.parquet"):
        cut_short(path)
    scan_paths([side / "log.parquet"], out, side)
    assert found(out) == found(findings)
