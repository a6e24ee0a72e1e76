"""A bad record never stops a run and never costs a good one; a file that cannot be read stops it at once."""

from __future__ import annotations

import gzip
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from ingest_worlds import exchange, exchanges, only, read, read_table, write_lines

from hydrascope.errors import InputError
from hydrascope.ingest import Rejects, open_log

GOOD = exchange(exchange_id="good")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"exchange_id": "x1", ', "broken_json"),
        ("not json at all", "broken_json"),
        ('"a string"', "not_a_record"),
        ("42", "not_a_record"),
        (exchange(exchange_id=None), "missing_exchange_id"),
        (exchange(exchange_id=""), "missing_exchange_id"),
        (exchange(account_id=None), "missing_account_id"),
        (exchange(account_id={"id": "a"}), "missing_account_id"),
        (exchange(started_at=None), "missing_time"),
        (exchange(started_at="yesterday"), "bad_time"),
        (exchange(started_at="1887-03-01T10:00:00Z"), "bad_time"),
        (exchange(started_at=-5), "bad_time"),
        (exchange(started_at=True), "bad_time"),
        (exchange(prompt=None), "missing_prompt"),
        ({"exchange_id": "x"}, "missing_account_id"),
    ],
)
def test_a_bad_line_is_a_reject_with_its_place(tmp_path: Path, line: object, reason: str) -> None:
    """The line before and the line after are read."""
    path = write_lines(tmp_path / "a.jsonl", [exchange(exchange_id="x0"), line, GOOD])
    rows, rejects = read(path)
    assert [row["exchange_id"] for row in rows] == ["x0", "good"]
    assert [(f, n, r) for f, n, r, _ in rejects] == [(path, 2, reason)]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-03-01T10:00:00Z", 0),
        ("2026-03-01T11:00:00+01:00", 0),
        ("2026-03-01 10:00:00", 1),
        ("2026-03-01T10:00:00.0000000Z", 0),
        ("2026-03-01 10:00:00 UTC", 0),
        ("01/Mar/2026:10:00:00 +0000", 0),
        (1772359200, 0),
        (1772359200.0, 0),
        ("1772359200", 0),
        (1772359200_000, 0),
        (1772359200_000_000, 0),
        (1772359200_000_000_000, 0),
    ],
)
def test_every_way_to_write_a_time(tmp_path: Path, value: object, expected: int) -> None:
    """Zones, epochs of four units and seven decimals; a missing zone is assumed and counted."""
    rows, rejects = read(write_lines(tmp_path / "a.jsonl", [exchange(started_at=value)]))
    assert only(rows)["started_at"] == datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert rejects.warnings.get("time_zone_assumed", 0) == expected


@pytest.mark.parametrize("kind", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", ["UTC", "Europe/Amsterdam", None])
def test_parquet_times_of_every_type(tmp_path: Path, kind: str, zone: str | None) -> None:
    """Each unit, with and without a zone."""
    moment = pa.array([datetime(2026, 3, 1, 10, tzinfo=UTC)], pa.timestamp(kind, tz="UTC"))
    column = moment.cast(pa.timestamp(kind, tz=zone))
    table = pa.Table.from_pylist([exchange()]).set_column(1, "started_at", column)
    pq.write_table(table, tmp_path / "a.parquet", version="2.6", use_deprecated_int96_timestamps=False)
    rows, rejects = read(tmp_path / "a.parquet")
    assert only(rows)["started_at"] == datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert rejects.warnings == ({} if zone else {"time_zone_assumed": 1})


def test_mixed_units_in_one_column(tmp_path: Path) -> None:
    """Seconds and nanoseconds may share a Parquet column."""
    rows = [exchange(exchange_id=f"x{i}", started_at=1772359200 * 10**p) for i, p in enumerate((0, 3, 6, 9))]
    pq.write_table(
        pa.Table.from_pylist([*rows, exchange(exchange_id="bad", started_at=7)]), tmp_path / "a.parquet"
    )
    table, rejects = read_table(tmp_path / "a.parquet")
    assert set(table["started_at"].to_pylist()) == {datetime(2026, 3, 1, 10, tzinfo=UTC)}
    assert rejects.counts == {"bad_time": 1}


@pytest.mark.parametrize(
    ("column", "value", "warning"),
    [
        ("temperature", "hot", "wrong_type"),
        ("temperature", [1], "wrong_type"),
        ("input_tokens", 2**40, "out_of_range"),
        ("input_tokens", -4, "out_of_range"),
        ("status", 70_000, "out_of_range"),
        ("tools", 7, "wrong_type"),
        ("model", {"name": "m"}, "wrong_type"),
        ("reasoning", "perhaps", "wrong_type"),
        ("client_ip", "192.0.2.***", "bad_address"),
        ("client_ip", "somewhere", "bad_address"),
    ],
)
def test_a_bad_optional_value_is_left_out(tmp_path: Path, column: str, value: object, warning: str) -> None:
    """The exchange stays; the value goes, counted."""
    rows, rejects = read(write_lines(tmp_path / "a.jsonl", [exchange(**{column: value}), GOOD]))
    assert len(rows) == 2 and column not in rows[0]
    assert rejects.warnings == {warning: 1} and len(rejects) == 0


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("temperature", "0.5", 0.5),
        ("input_tokens", "12", 12),
        ("input_tokens", 12.0, 12),
        ("reasoning", 1, True),
        ("account_id", 17, "17"),
        ("tools", "search, run", ["search", "run"]),
        ("tools", [{"type": "function", "function": {"name": "f"}}, {"name": "g"}], ["f", "g"]),
        ("client_ip", "[2001:DB8::1]:443", "2001:db8::1"),
        ("client_ip", "192.0.2.7:51544", "192.0.2.7"),
        ("client_ip", "192.0.2.7, 10.0.0.1", "192.0.2.7"),
    ],
)
def test_a_value_of_another_type_is_read_where_its_meaning_is_clear(
    tmp_path: Path, column: str, value: object, expected: object
) -> None:
    """Numbers in quotes, numbers as ids, lists as text, addresses with ports."""
    rows, rejects = read(write_lines(tmp_path / "a.jsonl", [exchange(**{column: value})]))
    assert only(rows)[column] == expected and not rejects.warnings


@pytest.mark.parametrize("word", ["", "-", "null", "None", "N/A"])
def test_words_for_nothing_are_nothing(tmp_path: Path, word: str) -> None:
    """Shared, they would link strangers."""
    rows, _ = read(write_lines(tmp_path / "a.jsonl", [exchange(user_agent=word, tls_fingerprint=word)]))
    assert not {"user_agent", "tls_fingerprint"} & set(only(rows))


def test_nan_is_unknown_and_no_fault(tmp_path: Path) -> None:
    """Dataframes write NaN for what they do not know."""
    table = pa.Table.from_pylist([exchange()]).append_column("temperature", pa.array([float("nan")]))
    pq.write_table(table.append_column("turns", pa.array([float("nan")])), tmp_path / "a.parquet")
    rows, rejects = read(tmp_path / "a.parquet")
    assert not {"temperature", "turns"} & set(only(rows)) and not rejects.warnings


def test_nul_and_broken_bytes_are_repaired(tmp_path: Path) -> None:
    """In JSON, escaped and raw, and in Parquet; each counted, none lost."""
    raw = json.dumps(exchange(prompt="a@b")).encode()
    lines = [
        raw.replace(b"@", b"\\u0000"),
        raw.replace(b"@", b"\0"),
        raw.replace(b"@", b"\xff"),
        raw.replace(b"@", b"\\ud800"),
    ]
    rows, rejects = read(write_lines(tmp_path / "a.jsonl", lines))
    assert [row["prompt"] for row in rows] == ["a\ufffdb"] * 4
    assert len(rejects) == 0 and sum(rejects.warnings.values()) >= 4

    broken = pa.Array.from_buffers(
        pa.string(), 2, [None, pa.py_buffer(np.array([0, 3, 6], np.int32)), pa.py_buffer(b"a\xffbc\0d")]
    )
    table = pa.Table.from_pylist(exchanges(2)).set_column(3, "prompt", broken)
    pq.write_table(table, tmp_path / "b.parquet")
    rows, rejects = read(tmp_path / "b.parquet")
    assert [row["prompt"] for row in rows] == ["a\ufffdb", "c\ufffdd"]
    assert rejects.warnings == {"invalid_utf8": 1, "nul_bytes": 1}


def test_lenient_json_is_read(tmp_path: Path) -> None:
    """NaN and raw control characters are no JSON, but their meaning is clear."""
    line = json.dumps(exchange(temperature=float("nan"), prompt="a@b")).replace("@", "\t")
    rows, rejects = read(write_lines(tmp_path / "a.jsonl", [line]))
    assert only(rows)["prompt"] == "a\tb" and rejects.warnings == {"repaired_json": 1}


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.parquet"])
def test_a_prompt_of_20_mb_is_kept_whole(tmp_path: Path, name: str) -> None:
    """Long is not bad."""
    row = exchange(prompt="word " * 4_000_000)
    path = tmp_path / name
    if name.endswith("parquet"):
        pq.write_table(pa.Table.from_pylist([row, GOOD]), path)
    elif name.endswith("csv"):
        path.write_text(
            "\n".join(
                ",".join(r.values())
                for r in (dict.fromkeys(row, "") | dict(zip(row, row, strict=True)), row, GOOD)
            )
        )
    else:
        write_lines(path, [row, GOOD])
    rows, rejects = read(path)
    assert [len(r["prompt"]) for r in rows] == [20_000_000, len(GOOD["prompt"])] and len(rejects) == 0


@pytest.mark.parametrize("kind", ["gz", "zst"])
def test_a_truncated_archive_gives_what_it_holds(tmp_path: Path, kind: str) -> None:
    """Every whole line before the break, and one reject for the file."""
    dice = np.random.default_rng(1)
    rows = [exchange(exchange_id=f"x{i}", prompt=dice.bytes(200).hex()) for i in range(5_000)]
    data = "".join(json.dumps(row) + "\n" for row in rows).encode()
    packed = gzip.compress(data) if kind == "gz" else zstandard.compress(data)
    path = tmp_path / f"a.jsonl.{kind}"
    path.write_bytes(packed[: len(packed) // 2])
    found, rejects = read(path)
    assert 2_000 < len(found) < 3_000
    assert [row["exchange_id"] for row in found] == [f"x{i}" for i in range(len(found))]
    assert rejects.counts.pop("truncated_file", 0) == 1
    assert len(rejects) <= 2  # the line that the break cut in two


def test_damage_inside_an_archive_gives_what_came_before(tmp_path: Path) -> None:
    """A flipped byte ends the file there."""
    dice = np.random.default_rng(2)
    rows = [exchange(exchange_id=f"x{i}", prompt=dice.bytes(200).hex()) for i in range(3_000)]
    packed = bytearray(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))
    packed[len(packed) // 2 : len(packed) // 2 + 64] = b"\xff" * 64
    (tmp_path / "a.jsonl.gz").write_bytes(bytes(packed))
    found, rejects = read(tmp_path / "a.jsonl.gz")
    assert len(found) > 1_300 and rejects.counts["truncated_file"] == 1


def test_an_empty_file_is_counted(tmp_path: Path) -> None:
    """And the others are read."""
    (tmp_path / "a.jsonl").write_bytes(b"")
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(b""))
    write_lines(tmp_path / "c.jsonl", [GOOD])
    rows, rejects = read(tmp_path)
    assert len(rows) == 1 and rejects.counts == {"empty_file": 2}


def test_a_parquet_file_without_rows_is_no_fault(tmp_path: Path) -> None:
    """A quiet hour."""
    pq.write_table(pa.Table.from_pylist([GOOD]).slice(0, 0), tmp_path / "a.parquet")
    rows, rejects = read(tmp_path / "a.parquet")
    assert rows == [] and len(rejects) == 0


def test_a_damaged_parquet_page_gives_what_came_before(tmp_path: Path) -> None:
    """Later row groups cannot be trusted; earlier ones are kept."""
    path = tmp_path / "a.parquet"
    dice = np.random.default_rng(3)
    rows = [exchange(exchange_id=f"x{i}", prompt=dice.bytes(64).hex()) for i in range(4_000)]
    pq.write_table(
        pa.Table.from_pylist(rows), path, row_group_size=1_000, compression="zstd", use_dictionary=False
    )
    meta = pq.read_metadata(path)
    at = meta.row_group(2).column(3).data_page_offset + 200
    data = bytearray(path.read_bytes())
    data[at : at + 400] = b"\0" * 400
    path.write_bytes(bytes(data))
    found, rejects = read(path)
    assert len(found) >= 2_000 and rejects.counts == {"corrupt_file": 1}


def test_a_parquet_file_without_its_end_stops_at_once(tmp_path: Path) -> None:
    """Nothing can be read of it, so the operator must know now."""
    path = tmp_path / "a.parquet"
    pq.write_table(pa.Table.from_pylist(exchanges(100)), path)
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(InputError, match="not a complete Parquet file"):
        open_log([str(path)])


@pytest.mark.parametrize("data", [b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20, "id,ü\n".encode("utf-16")])
def test_a_file_of_another_kind_stops_at_once(tmp_path: Path, data: bytes) -> None:
    """A picture, or UTF-16, named by hand."""
    (tmp_path / "a.jsonl").write_bytes(data)
    with pytest.raises(InputError):
        open_log([str(tmp_path / "a.jsonl")])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_rights_stops_at_once(tmp_path: Path) -> None:
    """With the system's reason."""
    path = Path(write_lines(tmp_path / "a.jsonl", [GOOD]))
    path.chmod(0)
    with pytest.raises(InputError, match="cannot be read"):
        open_log([str(path)])


def test_redacted_prompts_are_kept_and_counted(tmp_path: Path) -> None:
    """A caller can ask some gateways to hide its prompt; the exchange still counts."""
    rows, rejects = read(write_lines(tmp_path / "a.jsonl", [exchange(prompt=" Redacted-by-LiteLLM "), GOOD]))
    assert len(rows) == 2 and "prompt" not in rows[0]
    assert rejects.warnings == {"prompt_redacted": 1} and len(rejects) == 0


def test_a_broken_csv_row_costs_that_row(tmp_path: Path) -> None:
    """An unclosed quote does not swallow the rows after it; too few fields are one reject."""
    head = "exchange_id,started_at,account_id,prompt"
    rows = [f"x{i},2026-03-01T10:00:00Z,a1,text {i}" for i in range(6)]
    rows[1] = 'x1,2026-03-01T10:00:00Z,a1,"never closed'
    rows[3] = "x3,2026-03-01T10:00:00Z"
    path = tmp_path / "a.csv"
    path.write_text("\n".join([head, *rows]) + "\n")
    found, rejects = read(path)
    assert [row["exchange_id"] for row in found] == ["x0", "x2", "x4", "x5"]
    assert [(n, r) for _, n, r, _ in rejects] == [(3, "broken_csv_row"), (5, "broken_csv_row")]


def test_a_json_document_that_breaks_off_gives_what_it_holds(tmp_path: Path) -> None:
    """A list without its end."""
    text = json.dumps([exchange(exchange_id=f"x{i}") for i in range(5)], indent=1)
    (tmp_path / "a.json").write_text(text[: text.index("x3")])
    found, rejects = read(tmp_path / "a.json")
    assert [row["exchange_id"] for row in found] == ["x0", "x1", "x2"]
    assert rejects.counts == {"broken_json": 1}


def test_pretty_printed_and_wrapped_documents_are_read(tmp_path: Path) -> None:
    """A list, an object around a list, one object, several objects in a row."""
    two = [exchange(exchange_id="x0"), exchange(exchange_id="x1")]
    texts = {
        "list": json.dumps(two, indent=2),
        "one-line": json.dumps(two),
        "wrapped": json.dumps({"data": two, "meta": {"page": 1}}, indent=2),
        "objects": "\n".join(json.dumps(row, indent=2) for row in two),
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.json").write_text(text)
        found, rejects = read(tmp_path / f"{name}.json")
        assert [row["exchange_id"] for row in found] == ["x0", "x1"], name
        assert len(rejects) == 0


def test_a_first_line_that_is_broken_does_not_hide_the_rest(tmp_path: Path) -> None:
    """The file is still JSON lines."""
    rows, rejects = read(write_lines(tmp_path / "a.jsonl", ['{"exchange_id": "x0", "sta', *exchanges(3)]))
    assert len(rows) == 3 and rejects.counts == {"broken_json": 1}


def test_deep_nesting_is_a_reject(tmp_path: Path) -> None:
    """No recursion error gets out."""
    rows, rejects = read(write_lines(tmp_path / "a.jsonl", ['{"a":' * 50_000 + "1" + "}" * 50_000, GOOD]))
    assert len(rows) == 1 and len(rejects) == 1


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=60).map(lambda b: b.replace(b"\n", b"")), max_size=8), st.integers(0, 8))
def test_no_bytes_between_good_lines_cost_a_good_line(
    tmp_path_factory: pytest.TempPathFactory, junk: list[bytes], at: int
) -> None:
    """Whatever stands between them, good lines are read and the others are counted or blank."""
    path = tmp_path_factory.mktemp("junk") / "a.jsonl"
    lines = [b'{"exchange_id": "first", ' + json.dumps(exchange()).encode()[21:], *junk]
    lines.insert(min(at + 1, len(lines)), json.dumps(GOOD).encode())
    path.write_bytes(b"\n".join(lines) + b"\n")
    rejects = Rejects()
    ids = [i for b in open_log([str(path)]).batches(rejects) for i in b["exchange_id"].to_pylist()]
    assert ids.count("good") == 1
    assert len(ids) + len(rejects) <= len(lines)
