"""The optional tables beside the log: accounts and events."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hydrascope.errors import InputError, SchemaError, nearest
from hydrascope.ingest.addresses import address
from hydrascope.ingest.casting import cast_column
from hydrascope.ingest.conform import reject_rows
from hydrascope.ingest.containers import read_csv, read_document, read_json_lines
from hydrascope.ingest.detect import look
from hydrascope.ingest.formats.contract import CONTRACT
from hydrascope.ingest.rejects import Rejects
from hydrascope.ingest.rows import read_rows
from hydrascope.ingest.text import repair_text
from hydrascope.ingest.times import read_times
from hydrascope.schema import ACCOUNTS, EVENTS
from hydrascope.storage import file_facts, open_parquet

__all__ = ["EVENT_KINDS", "read_accounts", "read_events"]

EVENT_KINDS = ("account_banned", "account_limited", "account_verified", "model_release")


def read_accounts(path: str, rejects: Rejects) -> pa.Table:
    """`schema.ACCOUNTS`, one row an account, sorted by id.

    Of several rows with one id the first in the order of all their columns is kept, so that the order of the
    file does not matter; the others are rejected as `duplicate_account_id`.

    Raises:
        InputError: the file cannot be read.
        SchemaError: it has no `account_id`.
    """
    columns, lines = _read_table(path, rejects, ACCOUNTS, needed=("account_id",))
    ready = _cast(columns, ACCOUNTS, len(lines), rejects)
    ready["signup_ip"] = _plain(ready["signup_ip"], address)
    ready["email_domain"] = _plain(ready["email_domain"], _domain)
    keep = reject_rows({"missing_account_id": _null(ready["account_id"])}, lines, path, rejects)
    table = pa.table([ready[f.name] for f in ACCOUNTS], schema=ACCOUNTS).append_column(
        "line", pa.array(lines)
    )
    table = table if keep is None else table.filter(pa.array(keep))
    table = table.sort_by([(name, "ascending") for name in (*ACCOUNTS.names, "line")])
    return _first_of_each(table, path, rejects).drop_columns("line").combine_chunks()


def read_events(path: str, rejects: Rejects) -> pa.Table:
    """`schema.EVENTS`, sorted by time, kind and subject; an event with an unknown kind is rejected.

    Raises:
        InputError: the file cannot be read.
        SchemaError: a column is missing.
    """
    columns, lines = _read_table(path, rejects, EVENTS, needed=("kind", "at", "subject"))
    ready = _cast(columns, EVENTS, len(lines), rejects)
    failed = {
        "missing_kind": _null(ready["kind"]),
        "unknown_kind": ~pc.is_in(ready["kind"], pa.array(EVENT_KINDS)).to_numpy(zero_copy_only=False),
        "missing_subject": _null(ready["subject"]),
        "bad_time": _null(ready["at"]),
    }
    keep = reject_rows(failed, lines, path, rejects)
    table = pa.table([ready[f.name] for f in EVENTS], schema=EVENTS)
    table = table if keep is None else table.filter(pa.array(keep))
    return table.sort_by(
        [("at", "ascending"), ("kind", "ascending"), ("subject", "ascending")]
    ).combine_chunks()


def _read_table(
    path: str, rejects: Rejects, schema: pa.Schema, *, needed: tuple[str, ...]
) -> tuple[Mapping[str, Any], np.ndarray[Any, Any]]:
    if file_facts(path) is None:
        raise InputError("no such file", file=path, hint="check the path")
    head = look(path)
    if head.container == "empty":
        rejects.add(path, None, "empty_file")
        return {}, np.empty(0, dtype=np.int64)
    lacking = [name for name in needed if name not in head.columns]
    if lacking and (head.columns or head.container == "parquet"):
        raise SchemaError(
            f"lacks {', '.join(lacking)}", file=path, hint=nearest(lacking[0], head.columns or needed)
        )
    if head.container == "parquet":
        with open_parquet(path) as file:
            table = file.read(columns=[n for n in head.columns if n in schema.names])
        return dict(zip(table.column_names, table.columns, strict=True)), np.arange(1, table.num_rows + 1)
    if head.container == "csv":
        rows = list(read_csv(path, rejects))
    else:
        reader = read_document if head.container == "json_document" else read_json_lines
        rows = list(read_rows(reader(path, rejects), CONTRACT, path, rejects))
    columns = {name: [row.get(name) for _, row in rows] for name in schema.names}
    return columns, np.array([line for line, _ in rows], dtype=np.int64)


def _cast(columns: Mapping[str, Any], schema: pa.Schema, n: int, rejects: Rejects) -> dict[str, pa.Array]:
    ready = {}
    for field in schema:
        values = columns.get(field.name)
        if values is None:
            ready[field.name] = pa.nulls(n, field.type)
        elif pa.types.is_timestamp(field.type):
            ready[field.name] = _moments(values, field.type, rejects)
        else:
            ready[field.name] = repair_text(cast_column(values, field.type, rejects), rejects)
    return ready


def _moments(values: Any, kind: pa.DataType, rejects: Rejects) -> pa.Array:
    if isinstance(values, list):
        values = pa.array([None if v is None or v == "" else str(v) for v in values], pa.string())
    elif isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if pa.types.is_string(values.type):
        values = pc.if_else(
            pc.is_in(values, pa.array(["", "-", "null"])), pa.scalar(None, pa.string()), values
        )
    times = read_times(values)
    rejects.warn("time_zone_assumed", times.n_assumed)
    rejects.warn("wrong_type", int((~times.ok & ~times.absent).sum()))
    return pa.array(times.us, mask=~times.ok).cast(kind)


def _plain(values: pa.Array, tidy: Callable[[str | None], str | None]) -> pa.Array:
    return pa.array([tidy(v) for v in values.to_pylist()], pa.string())


def _domain(text: str | None) -> str | None:
    """A mail domain in lower case, also out of a whole address."""
    return text.rsplit("@", 1)[-1].strip().lower().rstrip(".") or None if text else None


def _null(values: pa.Array) -> np.ndarray[Any, Any]:
    return pc.is_null(values).to_numpy(zero_copy_only=False)


def _first_of_each(table: pa.Table, path: str, rejects: Rejects) -> pa.Table:
    ids = table["account_id"].combine_chunks()
    if len(ids) < 2:
        return table
    repeated = np.concatenate(([False], pc.equal(ids[1:], ids[:-1]).to_numpy(zero_copy_only=False)))
    lines = table["line"].to_numpy()
    for row in np.flatnonzero(repeated):
        rejects.add(path, int(lines[row]), "duplicate_account_id")
    return table.filter(pa.array(~repeated))
