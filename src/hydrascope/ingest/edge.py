"""Edge access logs (Envoy, nginx, any JSON, CSV or Parquet) laid beside the exchanges.

An application log seldom knows the client's address and never its TLS handshake; the edge knows both. The edge
log is loaded once as sorted arrays; batches stream past it. A row is joined by request id; where ids do not meet,
by account and time, to the edge request of the same account (or key) that began nearest within a window.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hydrascope.errors import SchemaError
from hydrascope.ingest.addresses import address
from hydrascope.ingest.casting import cast_column
from hydrascope.ingest.column_map import ColumnMap
from hydrascope.ingest.formats.envelope import edge_columns
from hydrascope.ingest.formats.values import first, headers_of, hidden_key
from hydrascope.ingest.rejects import Rejects
from hydrascope.ingest.source import open_records
from hydrascope.ingest.text import repair_text
from hydrascope.ingest.times import read_time
from hydrascope.schema import EXCHANGES

__all__ = ["EDGE_COLUMNS", "Edge", "join_edge", "read_edge"]

EDGE_COLUMNS = ("client_ip", "client_country", "client_asn", "user_agent", "tls_fingerprint", "status")
"""Columns that an edge log can fill."""
_NAMES: Mapping[str, tuple[str, ...]] = {
    "request_id": ("exchange_id", "request_id", "x-request-id", "x_request_id", "requestId", "req_id", "id"),
    "at": (
        "started_at",
        "start_time",
        "timestamp",
        "@timestamp",
        "time",
        "time_iso8601",
        "time_local",
        "msec",
        "ts",
    ),
    "account_id": (
        "account_id",
        "account",
        "consumer",
        "customer_id",
        "api_key_id",
        "key_id",
        "x-account-id",
    ),
    "client_ip": (
        "client_ip",
        "remote_addr",
        "remote_ip",
        "source_ip",
        "client_address",
        "x-forwarded-for",
        "http_x_forwarded_for",
        "downstream_remote_address",
    ),
    "client_country": ("client_country", "country", "geoip_country_code"),
    "client_asn": ("client_asn", "asn"),
    "user_agent": ("user_agent", "user-agent", "http_user_agent", "userAgent"),
    "tls_fingerprint": (
        "tls_fingerprint",
        "ja4",
        "tls_ja4_fingerprint",
        "ssl_ja4",
        "ja3",
        "ja3_hash",
        "tls_ja3_fingerprint",
    ),
    "status": ("status", "response_code", "status_code"),
}
_EPOCH_MS = 946_684_800_000
_MS_BITS = 42  # milliseconds since 2000, until 2139


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """An edge log, sorted for look-up."""

    columns: Mapping[str, pa.Array]
    """`EDGE_COLUMNS`, a row a request."""
    ids: np.ndarray[Any, Any]
    """Request ids as fixed-width bytes, ascending."""
    id_rows: np.ndarray[Any, Any]
    """Row of `columns` for each of `ids`."""
    accounts: np.ndarray[Any, Any]
    """Distinct accounts as fixed-width bytes, ascending."""
    moments: np.ndarray[Any, Any]
    """Account number and milliseconds in one integer, ascending."""
    moment_rows: np.ndarray[Any, Any]
    """Row of `columns` for each of `moments`."""

    @property
    def n_requests(self) -> int:
        """Requests in the log."""
        return len(self.columns["client_ip"])


def read_edge(path: str, rejects: Rejects, column_map: ColumnMap | None = None) -> Edge:
    """Load an edge log: JSON lines or document, CSV or Parquet, plain, gz or zst.

    Args:
        path: the file.
        rejects: takes records without an id and without account and time.
        column_map: where `exchange_id`, `started_at`, `account_id` and the client's columns lie, if elsewhere.

    Raises:
        InputError: the file cannot be read.
        SchemaError: no record has anything to join by.
    """
    rows: list[dict[str, Any]] = []
    for line, raw in open_records(path, rejects):
        try:
            record = msgspec.json.decode(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            rejects.add(path, line, "broken_json")
            continue
        if not isinstance(record, dict):
            rejects.add(path, line, "not_a_record")
            continue
        row = _row(record, column_map)
        if row["request_id"] is None and (row["account_id"] is None or row["at"] is None):
            rejects.add(path, line, "unreadable_record", "no request id, and no account with a time")
            continue
        rows.append(row)
    if not rows:
        raise SchemaError(
            "has no record with a request id, or an account and a time",
            file=path,
            hint="map them with --map: exchange_id, account_id, started_at",
        )
    rows.sort(key=lambda row: tuple(str(row[name]) for name in (*_NAMES,)))
    return _sorted(rows, rejects)


def _row(record: Mapping[str, Any], column_map: ColumnMap | None) -> dict[str, Any]:
    headers = headers_of(record.get("headers"), record.get("request_headers"))
    row: dict[str, Any] = {name: first(record, names) for name, names in _NAMES.items()}
    for name, value in edge_columns(headers).items():
        column = "request_id" if name == "exchange_id" else name
        if row.get(column) is None:
            row[column] = value
    if column_map is not None:
        mapped = column_map.found_in(record)
        renamed = {"exchange_id": "request_id", "started_at": "at"}
        row.update(
            {
                renamed.get(name, name): value
                for name, value in mapped.items()
                if renamed.get(name, name) in row
            }
        )
    row["at"] = _milliseconds(row["at"], column_map.units.get("started_at") if column_map else None)
    row["client_ip"] = address(row["client_ip"]) if isinstance(row["client_ip"], str) else None
    row["account_id"] = (
        hidden_key(row["account_id"]) if isinstance(row["account_id"], str) else row["account_id"]
    )
    return row


def _milliseconds(value: Any, unit: str | None) -> int | None:
    try:
        return read_time(value, unit)[0] // 1000
    except (ValueError, OverflowError):
        return None


def _sorted(rows: list[dict[str, Any]], rejects: Rejects) -> Edge:
    columns = {
        name: _column([row[name] for row in rows], EXCHANGES.field(name).type, rejects)
        for name in EDGE_COLUMNS
    }
    named = [
        (i, str(row["request_id"]).encode()) for i, row in enumerate(rows) if row["request_id"] is not None
    ]
    ids = np.array([key for _, key in named] or [b""], dtype=bytes)
    order = np.argsort(ids, kind="stable")
    timed = [
        (i, str(r["account_id"]).encode(), r["at"])
        for i, r in enumerate(rows)
        if r["account_id"] is not None and r["at"]
    ]
    accounts, codes = np.unique(
        np.array([key for _, key, _ in timed] or [b""], dtype=bytes), return_inverse=True
    )
    when = np.array([at for _, _, at in timed] or [_EPOCH_MS], dtype=np.int64)
    moments = _moments(codes, when)
    by_time = np.argsort(moments, kind="stable")
    return Edge(
        columns=columns,
        ids=ids[order],
        id_rows=np.array([i for i, _ in named] or [-1], dtype=np.int64)[order],
        accounts=accounts,
        moments=moments[by_time],
        moment_rows=np.array([i for i, _, _ in timed] or [-1], dtype=np.int64)[by_time],
    )


def _column(values: list[Any], kind: pa.DataType, rejects: Rejects) -> pa.Array:
    cast = cast_column(values, kind, rejects)
    return repair_text(cast, rejects) if pa.types.is_string(kind) else cast


def _moments(codes: np.ndarray[Any, Any], ms: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return (codes.astype(np.int64) << _MS_BITS) | np.maximum(ms - _EPOCH_MS, 0)


def join_edge(
    batch: pa.RecordBatch, edge: Edge, *, window_ms: int = 2_000, overrule: bool = False
) -> pa.RecordBatch:
    """The batch with the client's columns from the edge.

    Args:
        batch: canonical exchanges.
        edge: a loaded edge log.
        window_ms: how far apart the two starts may lie where only account and time can be compared.
        overrule: take the edge's value also where the log has one (a log that saw only the proxy's address).
    """
    rows = _by_id(batch.column("exchange_id"), edge)
    lost = rows < 0
    if lost.any() and edge.moment_rows[0] >= 0:
        rows = np.where(lost, _by_moment(batch, edge, window_ms), rows)
    if not (rows >= 0).any():
        return batch
    take = pa.array(rows, mask=rows < 0)
    for name in EDGE_COLUMNS:
        at = batch.schema.get_field_index(name)
        ours, theirs = batch.column(at), edge.columns[name].take(take)
        filled = pc.coalesce(theirs, ours) if overrule else pc.coalesce(ours, theirs)
        batch = batch.set_column(at, batch.schema.field(at), filled)
    return batch


def _bytes(values: pa.Array) -> np.ndarray[Any, Any]:
    texts = [b"" if v is None else v for v in values.cast(pa.binary()).to_pylist()]
    return np.array(texts, dtype=bytes)


def _look_up(keys: np.ndarray[Any, Any], among: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Position of each key among sorted keys, the first of equals; -1 where it is not there."""
    at = np.searchsorted(among, keys)
    at = np.minimum(at, len(among) - 1)
    return np.where((among[at] == keys) & (keys != b""), at, -1)


def _by_id(ids: pa.Array, edge: Edge) -> np.ndarray[Any, Any]:
    at = _look_up(_bytes(ids), edge.ids)
    return np.where(at >= 0, edge.id_rows[at], -1)


def _by_moment(batch: pa.RecordBatch, edge: Edge, window_ms: int) -> np.ndarray[Any, Any]:
    ms = batch.column("started_at").cast(pa.int64()).to_numpy() // 1000
    codes = _look_up(_bytes(batch.column("account_id")), edge.accounts)
    keys = _look_up(_bytes(batch.column("api_key_id")), edge.accounts)
    codes = np.where(codes >= 0, codes, keys)
    wanted = _moments(np.maximum(codes, 0), ms)
    after = np.searchsorted(edge.moments, wanted)
    before = np.maximum(after - 1, 0)
    after = np.minimum(after, len(edge.moments) - 1)
    gap_before, gap_after = np.abs(edge.moments[before] - wanted), np.abs(edge.moments[after] - wanted)
    nearest = np.where(gap_before <= gap_after, before, after)
    near = (np.minimum(gap_before, gap_after) <= window_ms) & (codes >= 0)
    return np.where(near, edge.moment_rows[nearest], -1)
