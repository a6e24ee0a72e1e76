"""`hydrascope sketch`: a log goes in, the same log without any text comes out."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer

from hydrascope.cli.sketch import register
from hydrascope.errors import InputError, UsageError
from hydrascope.schema import EXCHANGES
from hydrascope.sketch import SKETCHED, decode_sketches, sketch_texts

PROMPTS = ["Grade the answer below from one to five, please.", "你好世界,今天天气很好", "Is 97 prime?"]
LINE = (
    '{{"exchange_id": "e{i}", "started_at": "2026-03-01T00:00:0{i}Z", "account_id": "a", "model": "m",'
    ' "prompt": "{prompt}", "system": "secret system", "completion": "secret answer"}}\n'
)


def run_sketch(*arguments: str) -> int:
    """Exit code of the command; our own errors pass through."""
    app = typer.Typer()
    register(app)
    result = app(list(arguments), standalone_mode=False)
    return int(result or 0)


def write_log(folder: Path) -> Path:
    """A log of three exchanges with text."""
    path = folder / "log.jsonl"
    path.write_text("".join(LINE.format(i=i, prompt=prompt) for i, prompt in enumerate(PROMPTS)), "utf-8")
    return path


def test_the_written_log_has_sketches_and_no_text(tmp_path: Path) -> None:
    """Every other column stays; the sketches are those of the prompts."""
    out = tmp_path / "out.parquet"
    assert run_sketch(str(write_log(tmp_path)), "--out", str(out), "--quiet") == 0
    table = pq.read_table(out)
    assert table.schema.names == SKETCHED.names
    assert b"secret" not in out.read_bytes()
    assert table["model"].to_pylist() == ["m"] * 3
    decoded = decode_sketches(table["sketch"])
    expected = sketch_texts(pa.array(PROMPTS))
    assert decoded.text_hash.tolist() == expected.text_hash.tolist()
    assert decoded.shingles.tolist() == expected.shingles.tolist()


def test_a_sketched_log_is_a_log_again(tmp_path: Path) -> None:
    """Sketching what was sketched keeps the sketches."""
    first, second = tmp_path / "first.parquet", tmp_path / "second.parquet"
    run_sketch(str(write_log(tmp_path)), "--out", str(first), "--quiet")
    run_sketch(str(first), "--out", str(second), "--quiet")
    assert pq.read_table(first)["sketch"] == pq.read_table(second)["sketch"]


def test_a_key_changes_every_hash(tmp_path: Path) -> None:
    """Two keys give sketches with nothing in common; the same key gives the same."""
    log, columns = str(write_log(tmp_path)), []
    for name, key in (("a", b"0123456789abcdef"), ("b", b"fedcba9876543210"), ("c", b"0123456789abcdef")):
        (tmp_path / f"{name}.key").write_bytes(key)
        out = tmp_path / f"{name}.parquet"
        run_sketch(log, "--out", str(out), "--key-file", str(tmp_path / f"{name}.key"), "--quiet")
        columns.append(pq.read_table(out)["sketch"].to_pylist())
    assert columns[0] == columns[2]
    assert not set(columns[0]) & set(columns[1])


def test_wrong_files_are_named(tmp_path: Path) -> None:
    """A missing or short key, a wrong suffix and an output that is also the input stop at once."""
    log = str(write_log(tmp_path))
    (tmp_path / "short.key").write_bytes(b"abc")
    with pytest.raises(UsageError, match="Parquet"):
        run_sketch(log, "--out", str(tmp_path / "out.csv"))
    with pytest.raises(InputError, match="key"):
        run_sketch(log, "--out", str(tmp_path / "o.parquet"), "--key-file", str(tmp_path / "none"))
    with pytest.raises(UsageError, match="too short"):
        run_sketch(log, "--out", str(tmp_path / "o.parquet"), "--key-file", str(tmp_path / "short.key"))
    run_sketch(log, "--out", str(tmp_path / "o.parquet"), "--quiet")
    with pytest.raises(UsageError, match="one of the logs"):
        run_sketch(str(tmp_path / "o.parquet"), "--out", str(tmp_path / "o.parquet"))


def test_every_column_of_the_contract_but_text_is_kept() -> None:
    """A column added to the contract is not lost on the way."""
    gone = set(EXCHANGES.names) - set(SKETCHED.names)
    assert gone == {"prompt", "system", "completion", "source_file", "source_line"}
