"""Google Vertex AI request-response logs, as rows of the BigQuery table (JSON lines, CSV or Parquet).

The table names no caller: the account is what the exporter joined in (`principalEmail` of the audit log, or a
`--map`), else the project or endpoint. The customer sets a sampling rate; counts are of what was sampled.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from hydrascope.ingest.formats.base import BadRecordError, Format, Provenance, Row, Stateless
from hydrascope.ingest.formats.envelope import read_envelope
from hydrascope.ingest.formats.requests import read_request
from hydrascope.ingest.formats.responses import read_response
from hydrascope.ingest.formats.values import first, mapping, opened, pick

__all__ = ["VERTEX"]

_REQUESTS = ("full_request", "request_payload", "fullRequest")
_RESPONSES = ("full_response", "response_payload", "fullResponse")
_PRINCIPALS = ("principal_email", "principalEmail", "user_email", "service_account_key_name")
_decoder = msgspec.json.Decoder(dict[str, Any])


def _read(raw: bytes) -> Iterable[Row]:
    record = _decoder.decode(raw)
    record = _unwrapped(record)
    request, response = _payload(first(record, _REQUESTS)), _payload(first(record, _RESPONSES))
    if request is None and response is None:
        raise BadRecordError("not_an_exchange", "neither full_request nor full_response")
    row = {**read_request(request), **read_response(response)}
    response_id = row.pop("_response_id", None) or mapping(response).get("responseId")
    row.pop("_created", None)
    row = {name: value for name, value in row.items() if value is not None}
    row.update(read_envelope(record))
    row["platform"] = "vertex"
    row["exchange_id"] = first(record, ("request_id", "requestId")) or response_id
    row["started_at"] = first(record, ("logging_time", "loggingTime", "started_at", "timestamp"))
    row["model"] = _short(first(record, ("model", "deployed_model_id")) or row.get("model"))
    row["account_id"] = first(record, ("account_id", *_PRINCIPALS)) or row.get("account_id") or _owner(record)
    row["duration_ms"] = pick(record, "metadata", "request_latency") or row.get("duration_ms")
    return (row,)


def _unwrapped(record: dict[str, Any]) -> dict[str, Any]:
    """The BigQuery row out of a shipper's event."""
    for path in (("gcp", "vertexai", "prompt_response_logs"), ("gcp", "vertexai"), ("json",)):
        inner = pick(record, *path)
        if isinstance(inner, dict) and _recognises(inner):
            return {"timestamp": record.get("@timestamp"), **inner}
    return record


def _payload(value: Any) -> Any:
    value = opened(value)
    if isinstance(value, list) and value and all(isinstance(v, str) for v in value):
        parts = [opened(v) for v in value]
        return parts[0] if len(parts) == 1 else parts
    return value


def _owner(record: Mapping[str, Any]) -> Any:
    """The project out of a resource name such as `projects/p/locations/...`."""
    for name in ("endpoint", "model", "resource"):
        value = record.get(name)
        if isinstance(value, str) and value.startswith("projects/"):
            return "/".join(value.split("/")[:2])
    return first(record, ("project_id", "project", "endpoint"))


def _short(model: Any) -> Any:
    return model.rsplit("/", 1)[-1] if isinstance(model, str) else model


def _recognises(record: Mapping[str, Any]) -> bool:
    named = any(name in record for name in _REQUESTS) and any(
        name in record
        for name in ("logging_time", "loggingTime", "api_method", "deployed_model_id", "model_version")
    )
    return named or isinstance(pick(record, "gcp", "vertexai"), dict)


_SERVER: Provenance = "server"
VERTEX = Format(
    name="vertex",
    recognises=_recognises,
    reader=lambda: Stateless(_read),
    provenance={
        "exchange_id": _SERVER,
        "started_at": _SERVER,
        "account_id": _SERVER,
        "platform": _SERVER,
        "prompt": "caller",
        "system": "caller",
        "completion": _SERVER,
        "signatures": _SERVER,
        "sent_signatures": "caller",
        "model": "caller",
        "tools": "caller",
        "turns": "caller",
        "temperature": "caller",
        "top_p": "caller",
        "max_tokens": "caller",
        "reasoning": "caller",
        "input_tokens": _SERVER,
        "output_tokens": _SERVER,
        "reasoning_tokens": _SERVER,
        "duration_ms": _SERVER,
        "stop_reason": _SERVER,
    },
)
