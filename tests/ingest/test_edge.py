"""Edge logs fill in what the application log could not see."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from ingest_worlds import exchange, read_table, write_lines

from hydrascope.errors import SchemaError
from hydrascope.ingest import ColumnMap, Rejects, join_edge, read_edge

ENVOY = {
    "start_time": "2026-03-01T10:00:00.250Z",
    "x-request-id": "x1",
    "x-forwarded-for": "192.0.2.7, 10.0.0.1",
    "downstream_remote_address": "10.0.0.1:4711",
    "user-agent": "ua",
    "tls_ja4_fingerprint": "t13d",
    "response_code": 200,
}
NGINX = {
    "time_iso8601": "2026-03-01T10:00:01+00:00",
    "request_id": "x2",
    "remote_addr": "192.0.2.8",
    "http_user_agent": "-",
    "ssl_ja4": "t13e",
    "status": "429",
}


def batch_of(tmp_path: Path, rows: list[dict[str, Any]]) -> pa.RecordBatch:
    """Canonical exchanges."""
    return read_table(write_lines(tmp_path / "log.jsonl", rows))[0].to_batches()[0]


def test_by_request_id(tmp_path: Path) -> None:
    """Envoy and nginx lines are understood as they are; a request that is not there leaves its row alone."""
    rejects = Rejects()
    edge = read_edge(write_lines(tmp_path / "edge.jsonl", [ENVOY, NGINX, {"path": "/"}, "{"]), rejects)
    batch = batch_of(tmp_path, [exchange(exchange_id=f"x{i}") for i in (1, 2, 3)])
    joined = join_edge(batch, edge)
    assert joined.schema == batch.schema
    assert joined["client_ip"].to_pylist() == ["192.0.2.7", "192.0.2.8", None]
    assert joined["tls_fingerprint"].to_pylist() == ["t13d", "t13e", None]
    assert joined["user_agent"].to_pylist() == ["ua", None, None]
    assert joined["status"].to_pylist() == [200, 429, None]
    assert edge.n_requests == 2 and rejects.counts == {"broken_json": 1, "unreadable_record": 1}


def test_values_of_the_log_stay_unless_overruled(tmp_path: Path) -> None:
    """A gateway that logged only the edge's own address is overruled on request."""
    edge = read_edge(write_lines(tmp_path / "edge.jsonl", [ENVOY]), Rejects())
    batch = batch_of(tmp_path, [exchange(client_ip="10.0.0.1")])
    assert join_edge(batch, edge)["client_ip"].to_pylist() == ["10.0.0.1"]
    assert join_edge(batch, edge, overrule=True)["client_ip"].to_pylist() == ["192.0.2.7"]


def test_by_account_and_time(tmp_path: Path) -> None:
    """Without a shared id: the same account's, or key's, nearest request within the window."""
    lines = [
        {"timestamp": f"2026-03-01T10:00:0{s}Z", "account_id": who, "client_ip": ip}
        for s, who, ip in ((0, "a1", "192.0.2.1"), (3, "a1", "192.0.2.2"), (0, "k2", "192.0.2.3"))
    ]
    edge = read_edge(write_lines(tmp_path / "edge.jsonl", lines), Rejects())
    rows = [
        exchange(exchange_id="near", started_at="2026-03-01T10:00:00.900Z"),
        exchange(exchange_id="next", started_at="2026-03-01T10:00:02.500Z"),
        exchange(exchange_id="far", started_at="2026-03-01T10:00:09Z"),
        exchange(exchange_id="key", account_id="a2", api_key_id="k2"),
        exchange(exchange_id="stranger", account_id="a3"),
    ]
    joined = join_edge(batch_of(tmp_path, rows), edge, window_ms=1_000)
    assert joined["client_ip"].to_pylist() == ["192.0.2.1", "192.0.2.2", None, "192.0.2.3", None]


def test_the_order_of_the_edge_log_does_not_matter(tmp_path: Path) -> None:
    """Retries with one id: always the same one is taken."""
    lines = [{**ENVOY, "x-forwarded-for": f"192.0.2.{i}"} for i in (9, 3, 5)]
    batch = batch_of(tmp_path, [exchange()])
    found = {
        join_edge(batch, read_edge(write_lines(tmp_path / "e.jsonl", order), Rejects()))["client_ip"][
            0
        ].as_py()
        for order in (lines, lines[::-1], lines[1:] + lines[:1])
    }
    assert len(found) == 1


def test_a_map_names_the_columns(tmp_path: Path) -> None:
    """Any JSON, CSV or Parquet access log."""
    (tmp_path / "edge.csv").write_text("rid,peer\nx1,192.0.2.7\n")
    column_map = ColumnMap(columns={"exchange_id": ("rid",), "client_ip": ("peer",)})
    edge = read_edge(str(tmp_path / "edge.csv"), Rejects(), column_map)
    assert join_edge(batch_of(tmp_path, [exchange()]), edge)["client_ip"].to_pylist() == ["192.0.2.7"]


def test_nothing_to_join_by_stops_at_once(tmp_path: Path) -> None:
    """The message says what to map."""
    with pytest.raises(SchemaError, match="--map"):
        read_edge(write_lines(tmp_path / "edge.jsonl", [{"path": "/"}]), Rejects())
