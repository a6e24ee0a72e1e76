"""The smallest logs that ingest tests need, and one call that reads them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa

from hydrascope.ingest import ColumnMap, Rejects, open_log
from hydrascope.schema import EXCHANGES


def exchange(**changed: Any) -> dict[str, Any]:
    """One exchange in the contract's columns."""
    row = {
        "exchange_id": "x1",
        "started_at": "2026-03-01T10:00:00Z",
        "account_id": "a1",
        "prompt": "why is the sky blue",
    }
    return {**row, **changed}


def exchanges(n: int, **changed: Any) -> list[dict[str, Any]]:
    """`n` exchanges with ids x0, x1, ..."""
    return [exchange(exchange_id=f"x{i}", **changed) for i in range(n)]


def write_lines(path: Path, rows: list[Any]) -> str:
    """JSON lines; strings and bytes are written as they are."""
    lines = [
        r if isinstance(r, bytes) else (r if isinstance(r, str) else json.dumps(r)).encode() for r in rows
    ]
    path.write_bytes(b"\n".join(lines) + b"\n")
    return str(path)


def read(
    *paths: str | Path, format: str | None = None, column_map: ColumnMap | None = None
) -> tuple[list[dict[str, Any]], Rejects]:
    """Every exchange of a log without its nulls and its place, and what was not read."""
    table, rejects = read_table(*paths, format=format, column_map=column_map)
    rows = [{k: v for k, v in row.items() if v is not None} for row in table.to_pylist()]
    return [{k: v for k, v in row.items() if not k.startswith("source_")} for row in rows], rejects


def read_table(
    *paths: str | Path, format: str | None = None, column_map: ColumnMap | None = None
) -> tuple[pa.Table, Rejects]:
    """Every exchange of a log as one table."""
    rejects = Rejects()
    source = open_log([str(p) for p in paths], format=format, column_map=column_map)
    batches = list(source.batches(rejects))
    assert all(batch.schema == EXCHANGES for batch in batches)
    for batch in batches:
        batch.validate(full=True)
    return pa.Table.from_batches(batches, schema=EXCHANGES), rejects


def only(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The one row that there is."""
    assert len(rows) == 1, rows
    return rows[0]
