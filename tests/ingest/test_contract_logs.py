"""Logs in the contract's own columns give the same exchanges from every container."""

from __future__ import annotations

import gzip
import json
import pickle
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
import zstandard
from ingest_worlds import exchange, exchanges, only, read, read_table, write_lines

from hydrascope.errors import InputError, SchemaError, UsageError
from hydrascope.ingest import Rejects, open_log
from hydrascope.ingest.conform import MAX_ROWS
from hydrascope.schema import EXCHANGES

FULL = exchange(
    system="answer briefly",
    completion="scattering",
    organization_id="o1",
    api_key_id="k1",
    end_user_id="u1",
    platform="first_party",
    client_ip="192.0.2.7",
    client_country="NL",
    client_asn=64500,
    user_agent="curl/8",
    tls_fingerprint="t13d",
    model="large",
    tools=["search", "run"],
    turns=3,
    temperature=0.5,
    top_p=0.25,
    max_tokens=100,
    input_tokens=10,
    output_tokens=20,
    reasoning_tokens=5,
    duration_ms=900,
    reasoning=True,
    stop_reason="stop",
    status=200,
)


def as_read(row: dict[str, Any]) -> dict[str, Any]:
    """The row as the canonical batch gives it back."""
    return {**row, "started_at": datetime(2026, 3, 1, 10, tzinfo=UTC)}


def test_json_lines_give_every_column(tmp_path: Path) -> None:
    """Nothing of a full row is lost or changed."""
    rows, rejects = read(write_lines(tmp_path / "a.jsonl", [FULL]))
    assert only(rows) == as_read(FULL)
    assert len(rejects) == 0 and not rejects.warnings


def test_parquet_gives_every_column(tmp_path: Path) -> None:
    """The same row from Parquet, with wider types than the contract's."""
    pq.write_table(pa.Table.from_pylist([FULL]), tmp_path / "a.parquet")
    rows, _ = read(tmp_path / "a.parquet")
    assert only(rows) == as_read(FULL)


def test_csv_gives_every_column(tmp_path: Path) -> None:
    """The same row from CSV, where everything is text and a list is JSON."""
    flat = {**FULL, "tools": json.dumps(FULL["tools"]), "reasoning": "true"}
    pacsv.write_csv(pa.Table.from_pylist([flat]), tmp_path / "a.csv")
    rows, _ = read(tmp_path / "a.csv")
    assert only(rows) == as_read(FULL)


@pytest.mark.parametrize("column", sorted(set(FULL) - {"exchange_id", "started_at", "account_id", "prompt"}))
def test_an_optional_column_may_be_missing(tmp_path: Path, column: str) -> None:
    """A file without it gives the rest."""
    row = {name: value for name, value in FULL.items() if name != column}
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "a.parquet")
    assert only(read(tmp_path / "a.parquet")[0]) == as_read(row)


def test_compressed_files_are_told_by_their_bytes(tmp_path: Path) -> None:
    """gz and zst are read whatever the files are called, also in several members."""
    one, two = (json.dumps(row).encode() + b"\n" for row in exchanges(2))
    (tmp_path / "a.gz").write_bytes(gzip.compress(one) + gzip.compress(two))
    (tmp_path / "b.jsonl").write_bytes(b"".join(zstandard.compress(p) for p in (one, two)))
    for name in ("a.gz", "b.jsonl"):
        rows, rejects = read(tmp_path / name)
        assert [row["exchange_id"] for row in rows] == ["x0", "x1"]
        assert len(rejects) == 0


def test_a_sketch_stands_in_for_a_prompt(tmp_path: Path) -> None:
    """An operator that may not keep content sends sketches alone."""
    row = {name: value for name, value in exchange(sketch="s").items() if name != "prompt"}
    assert only(read(write_lines(tmp_path / "a.jsonl", [row]))[0])["sketch"] == "s"
    (tmp_path / "a.csv").write_text(
        "exchange_id,started_at,account_id,prompt,sketch\nx1,2026-03-01T10:00:00Z,a1,,s\n"
    )
    row = only(read(tmp_path / "a.csv")[0])
    assert row["sketch"] == "s" and "prompt" not in row


def test_the_order_and_number_of_files_do_not_matter(tmp_path: Path) -> None:
    """Folder, glob, list in any order: the same exchanges."""
    rows = exchanges(30)
    whole = write_lines(tmp_path / "whole.jsonl", rows)
    (tmp_path / "cut").mkdir()
    parts = [write_lines(tmp_path / "cut" / f"{i}.jsonl", rows[10 * i : 10 * i + 10]) for i in range(3)]
    expected = sorted(r["exchange_id"] for r in read(whole)[0])
    for paths in ([str(tmp_path / "cut")], [str(tmp_path / "cut" / "*.jsonl")], parts, parts[::-1]):
        assert sorted(r["exchange_id"] for r in read(*paths)[0]) == expected
    assert open_log(parts).files == open_log(parts[::-1]).files


def test_a_file_named_twice_is_read_once(tmp_path: Path) -> None:
    """A glob and a folder that meet do not double a log."""
    path = write_lines(tmp_path / "a.jsonl", exchanges(3))
    assert len(read(path, str(tmp_path), str(tmp_path / "*.jsonl"))[0]) == 3


def test_lines_and_files_are_kept(tmp_path: Path) -> None:
    """Every exchange knows its file and its line, blank lines counted."""
    write_lines(tmp_path / "a.jsonl", [exchange(exchange_id="x0"), "", exchange(exchange_id="x1")])
    pq.write_table(pa.Table.from_pylist(exchanges(3)), tmp_path / "b.parquet", row_group_size=2)
    table, _ = read_table(tmp_path)
    assert table["source_file"].to_pylist() == [0, 0, 1, 1, 1]
    assert table["source_line"].to_pylist() == [1, 3, 1, 2, 3]


def test_a_csv_row_over_several_lines_knows_where_it_begins(tmp_path: Path) -> None:
    """Line breaks in quotes belong to the prompt."""
    path = tmp_path / "a.csv"
    path.write_text(
        'exchange_id,started_at,account_id,prompt\nx1,2026-03-01T10:00:00Z,a1,"one\ntwo, ""three"""\n'
        "x2,2026-03-01T10:00:01Z,a1,four\n"
    )
    table, rejects = read_table(path)
    assert table["prompt"].to_pylist() == ['one\ntwo, "three"', "four"]
    assert table["source_line"].to_pylist() == [2, 4]
    assert len(rejects) == 0


@pytest.mark.parametrize("mark", ["\t", ";"])
def test_other_separators_are_told_by_the_header(tmp_path: Path, mark: str) -> None:
    """Tabs and semicolons are CSV too."""
    path = tmp_path / "a.csv"
    path.write_text(
        mark.join(["exchange_id", "started_at", "account_id", "prompt"])
        + "\n"
        + mark.join(["x1", "2026-03-01T10:00:00Z", "a1", "a, b"])
        + "\n"
    )
    assert only(read(path)[0])["prompt"] == "a, b"


def test_batches_keep_to_their_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No batch has more text than the limit unless it is one row."""
    monkeypatch.setattr("hydrascope.ingest.conform.MAX_TEXT_BYTES", 640_000)
    long = "y" * 200_000
    rows = [exchange(exchange_id=f"x{i}", prompt=long if i in (5, 6, 7, 8) else "z") for i in range(12)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    write_lines(tmp_path / "b.jsonl", rows)
    for path in (tmp_path / "a.parquet", tmp_path / "b.jsonl"):
        sizes = [
            (b.num_rows, sum(map(len, b["prompt"].to_pylist())))
            for b in open_log([str(path)]).batches(Rejects())
        ]
        assert sum(n for n, _ in sizes) == 12
        assert all(n <= MAX_ROWS and (size <= 640_000 or n == 1) for n, size in sizes)


def test_parts_together_give_everything_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A big file falls into parts that can be sent elsewhere and read in any order."""
    monkeypatch.setattr("hydrascope.ingest.source.SPLIT_BYTES", 2_000)
    monkeypatch.setattr("hydrascope.ingest.bytestream._WIDE_BLOCK", 500)
    monkeypatch.setattr("hydrascope.ingest.parquet.PART_BYTES", 2_000)
    write_lines(tmp_path / "a.jsonl", exchanges(100))
    pq.write_table(pa.Table.from_pylist(exchanges(100)), tmp_path / "b.parquet", row_group_size=10)
    source = open_log([str(tmp_path)])
    parts = [pickle.loads(pickle.dumps(part)) for part in source.parts()]
    assert len(parts) > 4
    found = [
        (row["source_file"], row["source_line"], row["exchange_id"])
        for part in reversed(parts)
        for batch in part.batches(Rejects())
        for row in batch.to_pylist()
    ]
    assert sorted(found) == sorted((f, i + 1, f"x{i}") for f in (0, 1) for i in range(100))


def test_unknown_columns_are_named_and_not_read(tmp_path: Path) -> None:
    """The manifest can say what was left aside."""
    pq.write_table(pa.Table.from_pylist([exchange(cost=0.1, region="eu")]), tmp_path / "a.parquet")
    write_lines(tmp_path / "b.jsonl", [exchange(exchange_id="x2", debug={"a": 1})])
    source = open_log([str(tmp_path)])
    assert source.unknown_columns == ("cost", "debug", "region")
    assert all(b.schema == EXCHANGES for b in source.batches(Rejects()))


def test_side_tables_in_a_folder_are_passed_over(tmp_path: Path) -> None:
    """A folder with its accounts, events and truth can be scanned whole."""
    pq.write_table(pa.Table.from_pylist(exchanges(2)), tmp_path / "log.parquet")
    account = {"account_id": "a1", "created_at": datetime(2026, 1, 1, tzinfo=UTC), "plan": "pro"}
    pq.write_table(pa.Table.from_pylist([account]), tmp_path / "accounts.parquet")
    event = {"kind": "account_banned", "at": datetime(2026, 1, 1, tzinfo=UTC), "subject": "a1"}
    pq.write_table(pa.Table.from_pylist([event]), tmp_path / "events.parquet")
    truth = {"account_id": "a1", "label": "ordinary", "campaign": None}
    pq.write_table(pa.Table.from_pylist([truth]), tmp_path / "truth.parquet")
    (tmp_path / "README.txt").write_text("notes")
    source = open_log([str(tmp_path)])
    assert [Path(f.path).name for f in source.files] == ["log.parquet"]
    assert len(source.ignored) == 4


def test_a_wrong_format_name_stops_at_once(tmp_path: Path) -> None:
    """With the nearest name."""
    path = write_lines(tmp_path / "a.jsonl", exchanges(1))
    with pytest.raises(UsageError, match="did you mean 'bedrock'"):
        open_log([path], format="bedrok")


def test_nothing_to_read_stops_at_once(tmp_path: Path) -> None:
    """An empty folder, a glob without a match, a path that is not there."""
    with pytest.raises(InputError, match="holds no log"):
        open_log([str(tmp_path)])
    with pytest.raises(InputError, match="matches no file"):
        open_log([str(tmp_path / "*.jsonl")])
    write_lines(tmp_path / "march.jsonl", exchanges(1))
    with pytest.raises(InputError, match=r"march\.jsonl"):
        open_log([str(tmp_path / "marsh.jsonl")])
    with pytest.raises(UsageError, match="no log given"):
        open_log([])


def test_another_schema_names_what_is_missing_and_what_may_be_meant(tmp_path: Path) -> None:
    """The message says which columns lack, which are near, and what to type."""
    row = {"exchange": "x1", "started": "2026-03-01", "account_id": "a1", "promt": "hello"}
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "a.parquet")
    with pytest.raises(SchemaError) as caught:
        open_log([str(tmp_path / "a.parquet")])
    message = str(caught.value)
    assert "lacks exchange_id, started_at, prompt (or sketch)" in message
    for part in ("'promt'", "'started'", "'exchange'", "--map", "--format"):
        assert part in message
