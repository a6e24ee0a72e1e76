"""Accounts and events, from Parquet, JSON lines and CSV."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from ingest_worlds import write_lines

from hydrascope.errors import InputError, SchemaError
from hydrascope.ingest import Rejects, read_accounts, read_events
from hydrascope.schema import ACCOUNTS, EVENTS

ROWS: list[dict[str, Any]] = [
    {
        "account_id": "b",
        "created_at": "2026-01-02T00:00:00Z",
        "email_domain": "Mail.Example",
        "signup_ip": "192.0.2.7",
    },
    {
        "account_id": "a",
        "created_at": "2026-01-01T00:00:00Z",
        "email_domain": "someone@mail.example",
        "plan": "-",
    },
]


def write(tmp_path: Path, rows: list[dict[str, Any]], kind: str) -> str:
    """The rows in a file of this kind."""
    path = tmp_path / f"t.{kind}"
    table = pa.Table.from_pylist([{**dict.fromkeys(sorted(set().union(*rows))), **row} for row in rows])
    if kind == "parquet":
        pq.write_table(table, path)
    elif kind == "csv":
        pacsv.write_csv(table, path)
    else:
        write_lines(path, rows)
    return str(path)


@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl"])
def test_accounts_from_every_container(tmp_path: Path, kind: str) -> None:
    """Sorted, typed, domains in lower case, words for nothing gone."""
    rejects = Rejects()
    table = read_accounts(write(tmp_path, ROWS, kind), rejects)
    assert table.schema == ACCOUNTS
    assert table["account_id"].to_pylist() == ["a", "b"]
    assert table["created_at"].to_pylist() == [datetime(2026, 1, d, tzinfo=UTC) for d in (1, 2)]
    assert table["email_domain"].to_pylist() == ["mail.example", "mail.example"]
    assert table["plan"].to_pylist() == [None, None]
    assert len(rejects) == 0


def test_repeated_accounts_keep_the_same_row_in_any_order(tmp_path: Path) -> None:
    """The rest is rejected with its line."""
    rows = [{"account_id": "a", "plan": plan} for plan in ("pro", "free", "team")] + [{"account_id": "b"}]
    found = set()
    for seed in range(5):
        Random(seed).shuffle(rows)
        rejects = Rejects()
        table = read_accounts(write(tmp_path, rows, "jsonl"), rejects)
        assert rejects.counts == {"duplicate_account_id": 2}
        found.add(json.dumps(table.to_pylist(), default=str))
    assert len(found) == 1


def test_bad_accounts_are_counted(tmp_path: Path) -> None:
    """No id is a reject; an unreadable date is left out."""
    rejects = Rejects()
    rows = [
        {"account_id": None, "plan": "x"},
        {"account_id": "a", "created_at": "soon"},
        {"account_id": "b", "created_at": "2026-01-01"},
    ]
    table = read_accounts(write(tmp_path, rows, "jsonl"), rejects)
    assert table["account_id"].to_pylist() == ["a", "b"]
    assert rejects.counts == {"missing_account_id": 1}
    assert rejects.warnings == {"time_zone_assumed": 1, "wrong_type": 1}


@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl"])
def test_events_are_sorted_and_checked(tmp_path: Path, kind: str) -> None:
    """An unknown kind is a reject, so that a typing error is seen."""
    rows = [
        {"kind": "model_release", "at": "2026-02-01T00:00:00Z", "subject": "large-2"},
        {"kind": "account_banned", "at": "2026-01-01T00:00:00Z", "subject": "a"},
        {"kind": "acount_banned", "at": "2026-01-01T00:00:00Z", "subject": "b"},
        {"kind": "account_banned", "at": "never", "subject": "b"},
    ]
    rejects = Rejects()
    table = read_events(write(tmp_path, rows, kind), rejects)
    assert table.schema == EVENTS
    assert table["subject"].to_pylist() == ["a", "large-2"]
    assert rejects.counts == {"bad_time": 1, "unknown_kind": 1}


def test_tables_of_another_kind_stop_at_once(tmp_path: Path) -> None:
    """With the nearest name."""
    with pytest.raises(SchemaError, match="did you mean 'acount_id'"):
        read_accounts(write(tmp_path, [{"acount_id": "a"}], "parquet"), Rejects())
    with pytest.raises(SchemaError, match="lacks at"):
        read_events(write(tmp_path, [{"kind": "x", "subject": "y"}], "csv"), Rejects())
    with pytest.raises(InputError, match="no such file"):
        read_accounts(str(tmp_path / "none.csv"), Rejects())


def test_an_empty_table_is_counted(tmp_path: Path) -> None:
    """It gives no rows."""
    (tmp_path / "a.csv").write_bytes(b"")
    rejects = Rejects()
    assert read_accounts(str(tmp_path / "a.csv"), rejects).num_rows == 0
    assert rejects.counts == {"empty_file": 1}
