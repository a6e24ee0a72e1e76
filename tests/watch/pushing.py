"""Small pushes, and a client that sends them."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq

from hydrascope.kernels.strings import hash_strings
from hydrascope.pipeline.watch import State

AT_NS = 1_772_409_600_000_000_000


def exchange_lines(numbers: Iterable[int], *, accounts: int = 5) -> bytes:
    """Contract exchanges `x{number}` as JSON lines."""
    rows = (
        {
            "exchange_id": f"x{i}",
            "started_at": f"2026-03-02T00:{i // 60 % 60:02d}:{i % 60:02d}Z",
            "account_id": f"acct_{i % accounts}",
            "prompt": f"please summarise chapter {i} of the long book about rivers",
        }
        for i in numbers
    )
    return b"".join(msgspec.json.encode(row) + b"\n" for row in rows)


def span_id(number: int) -> tuple[str, str]:
    """Trace and span id of exchange `number`."""
    return f"{number + 1:032x}", f"{number + 1:016x}"


def span_request(numbers: Iterable[int], *, prompt: bool = False) -> dict[str, Any]:
    """OTLP/JSON spans about model calls; their messages are elsewhere, or in an attribute."""
    spans = []
    for i in numbers:
        trace, span = span_id(i)
        named = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "user.id": f"acct_{i % 5}"}
        if prompt:
            named["gen_ai.input.messages"] = json.dumps(
                [{"role": "user", "parts": [{"type": "text", "content": f"how high is mountain {i}"}]}]
            )
        attributes = [{"key": k, "value": {"stringValue": v}} for k, v in named.items()]
        frame = {"traceId": trace, "spanId": span, "name": "chat m", "attributes": attributes}
        spans.append({**frame, "startTimeUnixNano": str(AT_NS + i), "endTimeUnixNano": str(AT_NS + i + 9)})
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]}


def log_request(numbers: Iterable[int]) -> dict[str, Any]:
    """OTLP/JSON log records with the user messages of those spans."""
    records = []
    for i in numbers:
        trace, span = span_id(i)
        content = {
            "kvlistValue": {"values": [{"key": "content", "value": {"stringValue": f"how high is {i}"}}]}
        }
        frame = {"traceId": trace, "spanId": span, "timeUnixNano": str(AT_NS + i)}
        records.append({**frame, "eventName": "gen_ai.user.message", "body": content})
    return {"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}


def span_hashes(numbers: Iterable[int]) -> list[int]:
    """Hashed exchange ids of spans."""
    return hashed("-".join(span_id(i)) for i in numbers)


def hashed(ids: Iterable[str]) -> list[int]:
    """Hashed exchange ids, sorted."""
    import pyarrow as pa

    return sorted(hash_strings(pa.array(list(ids), pa.string())).to_pylist())


def rows_of(state: State) -> list[dict[str, Any]]:
    """All rows of a state."""
    return [row for path in state.paths("rows") for row in pq.read_table(path).to_pylist()]


def ids_of(folder: Path) -> list[int]:
    """Hashed exchange ids in a state folder, sorted."""
    return sorted(x for p in (folder / "rows").glob("*.parquet") for x in pq.read_table(p)["xid"].to_pylist())


def post(
    port: int,
    body: bytes,
    path: str = "/v1/exchanges",
    *,
    media_type: str = "application/x-ndjson",
    method: str = "POST",
    headers: Mapping[str, str] | None = None,
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the answer."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        client.request(method, path, body, {"Content-Type": media_type, **(headers or {})})
        answer = client.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    finally:
        client.close()
