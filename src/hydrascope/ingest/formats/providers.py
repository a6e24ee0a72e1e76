"""OpenAI- and Anthropic-shaped request/response pairs in a tolerant envelope."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from hydrascope.ingest.formats.base import BadRecordError, Format, Provenance, Row, Stateless
from hydrascope.ingest.formats.envelope import REQUEST_KEYS, bodies, read_envelope
from hydrascope.ingest.formats.requests import read_request
from hydrascope.ingest.formats.responses import read_response
from hydrascope.ingest.formats.values import first, mapping, opened, sequence

__all__ = ["ANTHROPIC", "OPENAI", "PAIR_PROVENANCE", "read_pair"]

_decoder = msgspec.json.Decoder()
_ANTHROPIC_BLOCKS = frozenset({"message", "message_start", "content_block_delta"})

PAIR_PROVENANCE: Mapping[str, Provenance] = {
    "exchange_id": "server",
    "started_at": "server",
    "account_id": "server",
    "organization_id": "server",
    "api_key_id": "server",
    "end_user_id": "caller",
    "platform": "operator",
    "client_ip": "server",
    "client_country": "server",
    "client_asn": "server",
    "user_agent": "caller",
    "tls_fingerprint": "server",
    "prompt": "caller",
    "system": "caller",
    "completion": "server",
    "signatures": "server",
    "sent_signatures": "caller",
    "model": "caller",
    "tools": "caller",
    "turns": "caller",
    "temperature": "caller",
    "top_p": "caller",
    "max_tokens": "caller",
    "reasoning": "caller",
    "input_tokens": "server",
    "output_tokens": "server",
    "reasoning_tokens": "server",
    "duration_ms": "server",
    "stop_reason": "server",
    "status": "server",
}


def read_pair(raw: bytes) -> Iterable[Row]:
    """The exchange of one record: envelope, request body and response body.

    Raises:
        BadRecordError: not an object, or neither a request nor a response in it.
    """
    record = _decoder.decode(raw)
    if not isinstance(record, dict):
        raise BadRecordError("not_a_record", type(record).__name__)
    request, response = bodies(record)
    if not isinstance(mapping(request).get("messages", mapping(request).get("input")), (list, str)):
        request = request if _is_request(request) else record  # the body lies bare in the record
    if response is None:
        response = record if any(key in record for key in ("choices", "output", "content")) else None
    row = {**read_request(request), **read_response(response)}
    if not any(row.get(name) for name in ("prompt", "completion", "turns")):
        raise BadRecordError("not_an_exchange", "no request body of a known shape")
    row.update(read_envelope(record))
    response_id, created = row.pop("_response_id", None), row.pop("_created", None)
    row["exchange_id"] = row.get("exchange_id") or response_id
    row["started_at"] = row.get("started_at") or created
    return (row,)


def _is_request(value: Any) -> bool:
    return isinstance(value, (str, list)) or bool(
        mapping(value).keys() & {"prompt", "contents", "input", "messages"}
    )


def _pair_of(record: Mapping[str, Any]) -> tuple[Mapping[str, Any], Any] | None:
    request, response = bodies(record)
    request = mapping(request)
    if not request.keys() & {"messages", "input", "prompt"}:
        request = record
    if "messages" not in request and not (
        isinstance(request.get("input"), (str, list)) and "model" in request
    ):
        return None
    if not any(key in record for key in (*REQUEST_KEYS, "body", "model")):
        return None
    return request, response if response is not None else record


def _is_anthropic(record: Mapping[str, Any]) -> bool:
    pair = _pair_of(record)
    if pair is None:
        return False
    request, response = pair
    body: Any = opened(response)
    if isinstance(body, list):
        body = mapping(next(iter(body), None))
    if "choices" in mapping(body) or "input" in request:
        return False
    return (
        mapping(body).get("type") in _ANTHROPIC_BLOCKS
        or "system" in request
        or any(isinstance(m, dict) and _has_blocks(m) for m in sequence(request.get("messages")))
        or str(first(request, ("model",))).startswith("claude")
    )


def _has_blocks(message: Mapping[str, Any]) -> bool:
    return any(
        isinstance(b, dict) and b.get("type") in ("tool_use", "tool_result", "thinking", "document")
        for b in sequence(message.get("content"))
    )


def _is_openai(record: Mapping[str, Any]) -> bool:
    return _pair_of(record) is not None


ANTHROPIC = Format(
    name="anthropic",
    recognises=_is_anthropic,
    reader=lambda: Stateless(read_pair),
    provenance=PAIR_PROVENANCE,
)
OPENAI = Format(
    name="openai", recognises=_is_openai, reader=lambda: Stateless(read_pair), provenance=PAIR_PROVENANCE
)
