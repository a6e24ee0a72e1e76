"""Map files say where the contract's columns lie; a slip of the pen is named with the nearest right word."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ingest_worlds import only, read, write_lines

from hydrascope.errors import ConfigError, UsageError
from hydrascope.ingest import ColumnMap, open_log, read_column_map
from hydrascope.ingest.column_map import follow

MAP = """
[columns]
exchange_id = "uuid"
started_at = "when"
account_id = "owner.id"
prompt = "body.messages[-1].content"
client_ip = ["edge.ip", "peer"]
duration_ms = "took"

[values]
platform = "first_party"

[units]
started_at = "ms"
duration_ms = "s"
"""


def read_map(tmp_path: Path, text: str) -> ColumnMap:
    """A map file of this text."""
    (tmp_path / "map.toml").write_text(text)
    return read_column_map(tmp_path / "map.toml")


@pytest.mark.parametrize("container", ["jsonl", "parquet"])
def test_a_map_makes_any_table_a_log(tmp_path: Path, container: str) -> None:
    """Nested columns, lists, alternatives, units and fixed values, in JSON lines and in Parquet."""
    record = {
        "uuid": "x1",
        "when": 1772359200000,
        "owner": {"id": "a1"},
        "body": {"messages": [{"content": "one"}, {"content": "two"}]},
        "peer": "192.0.2.7",
        "took": 1.5,
    }
    path = tmp_path / f"a.{container}"
    if container == "parquet":
        pq.write_table(pa.Table.from_pylist([record]), path)
    else:
        write_lines(path, [record])
    row = only(read(path, column_map=read_map(tmp_path, MAP))[0])
    assert row == {
        "exchange_id": "x1",
        "started_at": datetime(2026, 3, 1, 10, tzinfo=UTC),
        "account_id": "a1",
        "prompt": "two",
        "client_ip": "192.0.2.7",
        "duration_ms": 1500,
        "platform": "first_party",
    }


def test_paths() -> None:
    """Names with dots, JSON inside text, negative places, nothing there."""
    assert follow({"a.b": 1, "a": {"b": 2}}, "a.b") == 1
    assert follow({"a": '{"b": {"c": [1, 2]}}'}, "a.b.c[-2]") == 1
    assert follow({"a": [1]}, "a[3]") is None
    assert follow({"a": 1}, "a.b.c") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[colums]\n", "did you mean 'columns'"),
        ('[columns]\nacount_id = "a"\n', "did you mean 'account_id'"),
        ("[columns]\nprompt = 3\n", "neither a path nor a list"),
        ('[units]\nstarted_at = "minutes"\n', "s, ms, us or ns"),
        ('[units]\nprompt = "s"\n', "started_at and duration_ms"),
        ('columns = "x"\n', "must be a table"),
        ("format = 3\n", "a name in quotes"),
        ("[columns\n", "not valid TOML"),
    ],
)
def test_a_wrong_map_is_refused(tmp_path: Path, text: str, message: str) -> None:
    """Before anything is read."""
    with pytest.raises(ConfigError, match=message):
        read_map(tmp_path, text)


def test_a_map_onto_columns_that_are_not_there_is_refused(tmp_path: Path) -> None:
    """In a table the column must exist."""
    pq.write_table(pa.table({"uuid": ["x"], "at": [1], "who": ["a"], "text": ["t"]}), tmp_path / "a.parquet")
    paths = {"exchange_id": ("uuid",), "started_at": ("at",), "account_id": ("whom",), "prompt": ("text",)}
    with pytest.raises(UsageError, match="did you mean 'who'"):
        open_log([str(tmp_path / "a.parquet")], column_map=ColumnMap(columns=paths))
