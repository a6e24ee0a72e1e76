"""LiteLLM standard logging payloads: files of S3, GCS, SQS, Pub/Sub or the generic HTTP callback.

The account is the proxy user who owns the virtual key; a key without one (or with the built-in administrator)
stands for itself. Team, else organisation, is the organisation. All three are written by the proxy: a caller
cannot set them. A caller can have the prompt redacted (`x-litellm-enable-message-redaction`): such exchanges
are kept and counted. On `/v1/messages` the payload lacks the system prompt.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from hydrascope.ingest.formats.base import BadRecordError, Format, Row, Stateless
from hydrascope.ingest.formats.envelope import edge_columns
from hydrascope.ingest.formats.providers import PAIR_PROVENANCE
from hydrascope.ingest.formats.requests import read_request
from hydrascope.ingest.formats.responses import read_response, read_usage
from hydrascope.ingest.formats.values import first, headers_of, mapping, opened, sequence

__all__ = ["LITELLM"]

_OTHER_CALLS = (
    "embedding",
    "image",
    "speech",
    "transcription",
    "moderation",
    "rerank",
    "batch",
    "file",
    "vector_store",
    "mcp",
)
_NOBODY = ("default_user_id", "litellm-proxy-budget", "")


class _Payload(msgspec.Struct, rename={"start_time": "startTime", "end_time": "endTime"}):
    id: Any = None
    litellm_call_id: Any = None
    call_type: Any = None
    status: Any = None
    start_time: Any = None
    end_time: Any = None
    response_time: Any = None
    model: Any = None
    model_group: Any = None
    messages: msgspec.Raw = msgspec.Raw(b"")
    response: msgspec.Raw = msgspec.Raw(b"")
    model_parameters: Any = None
    metadata: Any = None
    end_user: Any = None
    requester_ip_address: Any = None
    user_agent: Any = None
    prompt_tokens: Any = None
    completion_tokens: Any = None
    error_information: Any = None


_decoder = msgspec.json.Decoder(_Payload)


def _read(raw: bytes) -> Iterable[Row]:
    payload = _decoder.decode(raw)
    if payload.call_type is None and payload.start_time is None:
        raise BadRecordError("not_an_exchange", "neither call_type nor startTime")
    if any(word in str(payload.call_type) for word in _OTHER_CALLS):
        return ({"_warnings": ("not_a_model_call",)},)
    row = _conversation(payload)
    answer = read_response(payload.response)
    row.update({k: v for k, v in answer.items() if v is not None and not k.startswith("_")})
    row.update({k: v for k, v in _counts(payload).items() if v})
    row.update(_who(payload))
    row["exchange_id"] = payload.litellm_call_id or payload.id
    row["started_at"] = payload.start_time
    row["duration_ms"] = _duration_ms(payload)
    row["model"] = payload.model_group or payload.model
    row["status"], row["stop_reason"] = _outcome(payload, row.get("stop_reason"))
    return (row,)


def _conversation(payload: _Payload) -> Row:
    parameters = mapping(payload.model_parameters)
    messages = opened(payload.messages)
    body: dict[str, Any] = {**parameters}
    if isinstance(messages, dict):  # the whole request, as some versions log it
        body = {**body, **messages}
    elif isinstance(messages, list):
        body["messages"] = messages
        if parameters.get("instructions"):
            body["system"] = parameters["instructions"]
    elif isinstance(messages, str):
        body["input"] = messages
    return {k: v for k, v in read_request(body).items() if v is not None}


def _counts(payload: _Payload) -> Row:
    usage = mapping(mapping(payload.metadata).get("usage_object"))
    counts = read_usage(usage)
    counts.setdefault("input_tokens", payload.prompt_tokens)
    counts.setdefault("output_tokens", payload.completion_tokens)
    return counts


def _who(payload: _Payload) -> Row:
    metadata = mapping(payload.metadata)
    key = metadata.get("user_api_key_hash")
    user = metadata.get("user_api_key_user_id")
    headers = headers_of(metadata.get("requester_custom_headers"))
    edge = edge_columns(headers)
    return {
        "account_id": user if user and user not in _NOBODY else key,
        "organization_id": first(
            metadata, ("user_api_key_team_id", "user_api_key_org_id", "user_api_key_project_id")
        ),
        "api_key_id": key,
        "end_user_id": payload.end_user or metadata.get("user_api_key_end_user_id"),
        "platform": "gateway",
        "client_ip": payload.requester_ip_address or metadata.get("requester_ip_address"),
        "client_country": edge.get("client_country"),
        "user_agent": payload.user_agent or metadata.get("user_agent") or edge.get("user_agent"),
        "tls_fingerprint": edge.get("tls_fingerprint"),
    }


def _duration_ms(payload: _Payload) -> float | None:
    if isinstance(payload.response_time, (int, float)):
        return round(payload.response_time * 1000.0)
    start, end = payload.start_time, payload.end_time
    if isinstance(start, (int, float)) and isinstance(end, (int, float)):
        return round((end - start) * 1000.0)
    return None


def _outcome(payload: _Payload, stop_reason: Any) -> tuple[int | None, Any]:
    if payload.status == "success":
        return 200, stop_reason
    error = mapping(payload.error_information)
    code = str(error.get("error_code") or "")
    return (int(code) if code.isdigit() else 500), error.get("error_class") or stop_reason


def _recognises(record: Mapping[str, Any]) -> bool:
    if "call_type" in record and "startTime" in record:
        return "metadata" in record or "model_parameters" in record
    return "litellm_call_id" in record and bool(sequence(record.get("messages")))


LITELLM = Format(
    name="litellm",
    recognises=_recognises,
    reader=lambda: Stateless(_read),
    provenance={**PAIR_PROVENANCE, "platform": "server"},
)
