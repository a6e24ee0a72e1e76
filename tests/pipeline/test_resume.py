"""An interrupted scan goes on where it stopped; nothing else ever picks up what it left."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scanning import FAST, accused, found, scan_paths
from worlds import World, build_world, exchange_table, write_world

N_FILES = 6
Batch = pa.RecordBatch


@pytest.fixture(autouse=True)
def every_file_is_a_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of a few hundred rows are otherwise read as one chunk."""
    monkeypatch.setattr(sys.modules["hydrascope.pipeline.scan"], "_CHUNK_BYTES", 1)


@pytest.fixture
def pieces(world: World, tmp_path: Path) -> list[Path]:
    """The world's log in `N_FILES` files."""
    table, folder = exchange_table(world.exchanges), tmp_path / "log"
    folder.mkdir()
    paths = [folder / f"{i}.parquet" for i in range(N_FILES)]
    for i, path in enumerate(paths):
        pq.write_table(table.take(pa.array(range(i, len(table), N_FILES))), path)
    return paths


class InterruptedScanError(Exception):
    """What a power cut would be."""


def counting(stop_after: int | None = None) -> tuple[Callable[[Batch], Batch], list[int]]:
    """A transform that counts the batches it sees and stops the scan after some."""
    seen: list[int] = []
    lock = threading.Lock()

    def transform(batch: Batch) -> Batch:
        with lock:
            if stop_after is not None and len(seen) >= stop_after:
                raise InterruptedScanError
            seen.append(len(batch))
        return batch

    return transform, seen


def test_an_interrupted_scan_reads_only_what_it_had_not_finished(
    side: Path, pieces: list[Path], findings: Path, tmp_path: Path
) -> None:
    """After an error in the fifth file, the first four are not read again and the findings are the same."""
    breaking, before = counting(stop_after=4)
    with pytest.raises(InterruptedScanError):
        scan_paths(pieces, tmp_path / "out", side, transform=breaking, workers=1)
    going_on, after = counting()
    scan_paths(pieces, tmp_path / "out", side, transform=going_on, workers=1)
    assert (len(before), len(after)) == (4, N_FILES - 4)
    assert found(tmp_path / "out") == found(findings)


def test_the_manifest_counts_what_was_read_before_the_interruption(
    world: World, side: Path, pieces: list[Path], tmp_path: Path
) -> None:
    """Rows and rejects of finished chunks are remembered."""
    broken = pieces[0].with_name("a.jsonl")
    broken.write_text('{"exchange_id": "lost", \n')
    breaking, _ = counting(stop_after=4)
    with pytest.raises(InterruptedScanError):
        scan_paths(
            [*pieces, broken], tmp_path / "out", side, transform=breaking, workers=1, format="contract"
        )
    result = scan_paths([*pieces, broken], tmp_path / "out", side, workers=1, format="contract")
    assert sum(i["exchanges"] for i in result.manifest["inputs"]) == len(world.exchanges)
    assert result.manifest["rejects"] == {"broken_json": 1}


def test_stages_are_gone_once_the_scan_is_done(side: Path, pieces: list[Path], tmp_path: Path) -> None:
    """They are removed at the end, leftovers of other inputs with them, unless they are asked for."""
    scan_paths(pieces, tmp_path / "out", side, keep_stages=True)
    assert list((tmp_path / "out" / ".stages").iterdir())
    scan_paths(pieces[:3], tmp_path / "out", side)
    assert not (tmp_path / "out" / ".stages").exists()
    assert not list((tmp_path / "out").glob("*.partial"))


KILLED = """
import os, sys
sys.path.insert(0, {here!r})
from pathlib import Path
from scanning import scan_paths
import hydrascope.pipeline.scan
sys.modules["hydrascope.pipeline.scan"]._CHUNK_BYTES = 1
seen = []
def transform(batch):
    seen.append(1)
    if len(seen) == 4:
        os._exit(9)
    return batch
scan_paths([Path(p) for p in {paths!r}], Path({out!r}), Path({side!r}), transform=transform, workers=1)
"""


def test_a_killed_scan_resumes(side: Path, pieces: list[Path], findings: Path, tmp_path: Path) -> None:
    """The process dies in its fourth file without a chance to tidy up; the same command goes on from there."""
    program = KILLED.format(
        here=str(Path(__file__).parent),
        paths=[str(p) for p in pieces],
        out=str(tmp_path / "out"),
        side=str(side),
    )
    died = subprocess.run([sys.executable, "-c", program], check=False)
    assert died.returncode == 9
    assert (tmp_path / "out" / ".stages").exists()
    going_on, after = counting()
    scan_paths(pieces, tmp_path / "out", side, transform=going_on, workers=1)
    assert len(after) == N_FILES - 3
    assert found(tmp_path / "out") == found(findings)


def changed_settings(folder: Path) -> dict[str, object]:
    """Half of the sampling rate."""
    return {"observe": replace(FAST.observe, rate=FAST.observe.rate / 2)}


def another_format(folder: Path) -> dict[str, object]:
    """The same files under a named format."""
    return {"format": "contract", "column_map": None, "seed": 3}


def another_edge_log(folder: Path) -> dict[str, object]:
    """A file that the transform reads."""
    (folder / "edge.log").write_text("one line")
    return {"transform_files": [str(folder / "edge.log")]}


def touched_input(folder: Path) -> dict[str, object]:
    """One file of the log was written again."""
    os.utime(folder / "log" / "0.parquet", ns=(1, 1))
    return {}


@pytest.mark.parametrize("change", [changed_settings, another_format, another_edge_log, touched_input])
def test_leftovers_are_used_only_for_the_same_input_and_settings(
    side: Path, pieces: list[Path], tmp_path: Path, change: Callable[[Path], dict[str, object]]
) -> None:
    """Whatever findings depend on makes another scan, which reads everything."""
    breaking, _ = counting(stop_after=4)
    with pytest.raises(InterruptedScanError):
        scan_paths(pieces, tmp_path / "out", side, transform=breaking, workers=1)
    going_on, after = counting()
    scan_paths(pieces, tmp_path / "out", side, transform=going_on, **change(tmp_path))
    assert len(after) == N_FILES


def test_another_log_into_the_same_folder_finds_its_own_campaigns(
    pieces: list[Path], side: Path, tmp_path: Path
) -> None:
    """Neither leftovers nor findings of the first log show up in those of the second."""
    breaking, _ = counting(stop_after=4)
    with pytest.raises(InterruptedScanError):
        scan_paths(pieces, tmp_path / "out", side, transform=breaking, workers=1)
    quiet = build_world(campaign=0, people=40, seed=8)
    log, _, _ = write_world(quiet, tmp_path / "quiet")
    scan_paths([log], tmp_path / "out", tmp_path / "quiet")
    scan_paths([log], tmp_path / "fresh", tmp_path / "quiet")
    assert found(tmp_path / "out") == found(tmp_path / "fresh")
    assert not accused(tmp_path / "out")


def test_resources_do_not_make_another_scan() -> None:
    """Memory, workers and engine are no part of what findings depend on."""
    other = replace(FAST, memory_bytes=1 << 30, workers=7, keep_stages=True, engine="spark")
    assert other.material() == FAST.material()
    assert replace(FAST, seed=1).material() != FAST.material()
