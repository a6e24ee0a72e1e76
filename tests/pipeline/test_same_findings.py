"""The same input gives the same findings byte for byte, however it is cut, ordered, stored or worked on."""

from __future__ import annotations

import csv
import gzip
import json
import os
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from scanning import found, rejects, scan_paths
from worlds import World, exchange_table

Rows = list[dict[str, Any]]


def shuffled(rows: Rows, seed: int = 1) -> Rows:
    """The rows in another order."""
    return [rows[i] for i in np.random.default_rng(seed).permutation(len(rows)).tolist()]


def cut(rows: Rows, n: int) -> list[Rows]:
    """The rows in `n` unequal pieces."""
    bounds = np.linspace(0, 1, n + 1) ** 1.5 * len(rows)
    return [rows[int(a) : int(b)] for a, b in pairwise(bounds.tolist())]


def flat(row: dict[str, Any]) -> dict[str, Any]:
    """A row as JSON and CSV write it."""
    return {**row, "started_at": row["started_at"].isoformat()}


def write_parquet(rows: Rows, path: Path) -> Path:
    """Parquet in small row groups."""
    pq.write_table(exchange_table(rows), path, row_group_size=400)
    return path


def write_jsonl(rows: Rows, path: Path) -> Path:
    """JSON lines, unknown values left out."""
    lines = [json.dumps({k: v for k, v in flat(r).items() if v is not None}) for r in rows]
    path.write_text("\n".join(lines) + "\n")
    return path


def write_csv_gz(rows: Rows, path: Path) -> Path:
    """Compressed CSV, unknown values empty."""
    with gzip.open(path, "wt", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows({k: "" if v is None else v for k, v in flat(r).items()} for r in rows)
    return path


def one_shuffled_file(rows: Rows, folder: Path) -> list[Path]:
    """All rows in another order."""
    return [write_parquet(shuffled(rows), folder / "a.parquet")]


def seven_shuffled_files(rows: Rows, folder: Path) -> list[Path]:
    """Seven files, named against the order of their rows."""
    pieces = cut(shuffled(rows, 2), 7)
    return [write_parquet(piece, folder / f"{9 - i}.parquet") for i, piece in enumerate(pieces)]


def mixed_formats(rows: Rows, folder: Path) -> list[Path]:
    """Parquet, JSON lines and compressed CSV side by side."""
    a, b, c = cut(shuffled(rows, 3), 3)
    return [
        write_csv_gz(a, folder / "a.csv.gz"),
        write_jsonl(b, folder / "b.jsonl"),
        write_parquet(c, folder / "c.parquet"),
    ]


def json_lines(rows: Rows, folder: Path) -> list[Path]:
    """One file of JSON lines."""
    return [write_jsonl(rows, folder / "a.jsonl")]


def compressed_csv(rows: Rows, folder: Path) -> list[Path]:
    """One compressed CSV file."""
    return [write_csv_gz(rows, folder / "a.csv.gz")]


@pytest.mark.parametrize(
    "layout", [one_shuffled_file, seven_shuffled_files, mixed_formats, json_lines, compressed_csv]
)
def test_the_layout_of_the_log_leaves_no_trace(
    world: World, side: Path, findings: Path, tmp_path: Path, layout: Callable[[Rows, Path], list[Path]]
) -> None:
    """Order of rows, number and order of files, and their format change no byte of the findings."""
    scan_paths(layout(world.exchanges, tmp_path), tmp_path / "out", side)
    assert found(tmp_path / "out") == found(findings)


@pytest.mark.parametrize("workers", [1, 5])
def test_the_number_of_workers_leaves_no_trace(
    world: World, side: Path, findings: Path, tmp_path: Path, workers: int
) -> None:
    """One thread or five find the same, also when there are many chunks to read at once."""
    paths = seven_shuffled_files(world.exchanges, tmp_path)
    scan_paths(paths, tmp_path / "out", side, workers=workers)
    assert found(tmp_path / "out") == found(findings)


def test_an_account_whose_settings_are_rarely_logged_is_the_same_in_any_batch(
    world: World, side: Path, tmp_path: Path
) -> None:
    """A null counts alike whether or not the rows beside it in the file have values."""
    rare = [
        {**r, "temperature": None, "top_p": None, "tools": [None, "search"]}
        if r["account_id"].startswith("class")
        else r
        for r in world.exchanges
    ]
    together = [write_parquet(rare, tmp_path / "together.parquet")]
    apart = [
        write_parquet([r for r in rare if (r["temperature"] is None) == alone], tmp_path / f"{alone}.parquet")
        for alone in (True, False)
    ]
    scan_paths(together, tmp_path / "one", side)
    scan_paths(apart, tmp_path / "two", side)
    assert found(tmp_path / "one") == found(tmp_path / "two")


def test_prompts_that_are_rarely_kept_are_sampled_alike_from_any_file(world: World, tmp_path: Path) -> None:
    """The texts shown to the analyst are the lowest-ranked ones that exist, however rare they are."""
    rows = [r if i % 12 == 0 else {**r, "prompt": "[redacted]"} for i, r in enumerate(world.exchanges)]
    scan_paths([write_parquet(rows, tmp_path / "a.parquet")], tmp_path / "one")
    scan_paths(
        [write_parquet(p, tmp_path / f"p{i}.parquet") for i, p in enumerate(cut(shuffled(rows, 4), 5))],
        tmp_path / "two",
    )
    assert found(tmp_path / "one") == found(tmp_path / "two")


def test_an_exchange_in_two_files_counts_once(
    world: World, side: Path, findings: Path, tmp_path: Path
) -> None:
    """Overlapping exports change nothing; the second record is a reject that names its file and line."""
    whole = write_parquet(world.exchanges, tmp_path / "a.parquet")
    again = write_jsonl(shuffled(world.exchanges[:700], 5), tmp_path / "b.jsonl")
    result = scan_paths([whole, again], tmp_path / "out", side)
    assert found(tmp_path / "out") == found(findings)
    assert result.n_rejects == 700
    assert {r["reason"] for r in rejects(tmp_path / "out")} == {"duplicate_exchange_id"}
    assert {r["file"] for r in rejects(tmp_path / "out")} <= {str(whole), str(again)}
    assert all(r["line"] >= 1 for r in rejects(tmp_path / "out"))


def test_which_of_two_conflicting_records_is_kept_depends_on_neither_file(
    world: World, side: Path, tmp_path: Path
) -> None:
    """Two records claim one id at one moment: the same one wins whatever the files are called."""
    kept, other = world.exchanges, []
    for r in world.exchanges[:300]:
        other.append({**r, "user_agent": "forged/1", "account_id": "person000", "max_tokens": 7})
    for name, first, second in (("ab", "a", "b"), ("ba", "b", "a")):
        folder = tmp_path / name
        folder.mkdir()
        paths = [
            write_parquet(kept, folder / f"{first}.parquet"),
            write_parquet(other, folder / f"{second}.parquet"),
        ]
        scan_paths(paths, folder / "out", side)
    assert found(tmp_path / "ab" / "out") == found(tmp_path / "ba" / "out")


def test_the_place_of_input_and_output_leaves_no_trace(
    side: Path, findings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Relative paths from elsewhere find the same, also into a folder with an odd name."""
    monkeypatch.chdir(tmp_path)
    scan_paths([Path(os.path.relpath(side / "log.parquet"))], Path("it's [a] run*"), side)
    assert found(tmp_path / "it's [a] run*") == found(findings)


def test_another_seed_is_another_scan_of_the_same_campaign(
    side: Path, findings: Path, tmp_path: Path
) -> None:
    """The seed moves p-values, never who is in which campaign."""
    scan_paths([side / "log.parquet"], tmp_path / "out", side, seed=11)
    theirs = pq.read_table(tmp_path / "out" / "accounts.parquet", columns=["account_id", "campaign_id"])
    assert theirs.equals(pq.read_table(findings / "accounts.parquet", columns=["account_id", "campaign_id"]))
