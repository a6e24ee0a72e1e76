"""AWS Bedrock model invocation logs, from S3 or CloudWatch.

The account is the role or user of the caller within its AWS account: `identity.arn` with the session name taken
off, because a session is minted per run. The AWS account is the organisation. Streamed output is the provider's
list of events. Bodies above 100 KB lie in S3 objects of their own: such an exchange is kept without text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from hydrascope.ingest.formats.base import BadRecordError, Format, Row, Stateless
from hydrascope.ingest.formats.requests import read_request
from hydrascope.ingest.formats.responses import read_response
from hydrascope.ingest.formats.values import mapping, opened

__all__ = ["BEDROCK"]


class _Log(msgspec.Struct, rename="camel"):
    schema_type: Any = None
    timestamp: Any = None
    account_id: Any = None
    identity: Any = None
    request_id: Any = None
    operation: Any = None
    model_id: Any = None
    input: msgspec.Raw = msgspec.Raw(b"")
    output: msgspec.Raw = msgspec.Raw(b"")
    error_code: Any = None
    request_metadata: Any = None
    message: Any = None


_decoder = msgspec.json.Decoder(_Log)


def _read(raw: bytes) -> Iterable[Row]:
    log = _decoder.decode(raw)
    if log.request_id is None and isinstance(log.message, (str, dict)):
        inner = log.message if isinstance(log.message, str) else msgspec.json.encode(log.message)
        log = _decoder.decode(inner)
    if log.request_id is None and log.model_id is None:
        raise BadRecordError("not_an_exchange", "no requestId and no modelId")
    sent, got = mapping(log.input), mapping(log.output)
    row = {**read_request(sent.get("inputBodyJson")), **read_response(got.get("outputBodyJson"))}
    row = {name: value for name, value in row.items() if value is not None and not name.startswith("_")}
    row.update(_who(log), platform="bedrock", model=_model(log.model_id))
    for column, given in (
        ("input_tokens", sent.get("inputTokenCount")),
        ("output_tokens", got.get("outputTokenCount")),
    ):
        if given is not None:
            row[column] = given
    if sent.get("inputBodyS3Path") or got.get("outputBodyS3Path"):
        row["_warnings"] = ("truncated_content",)
    row["stop_reason"] = log.error_code or row.get("stop_reason")
    row["status"] = _STATUS.get(str(log.error_code), 400) if log.error_code else 200
    return (row,)


_STATUS = {
    "ThrottlingException": 429,
    "AccessDeniedException": 403,
    "ModelTimeoutException": 408,
    "ServiceUnavailableException": 503,
}


def _who(log: _Log) -> Row:
    arn = mapping(log.identity).get("arn")
    owner = arn if isinstance(arn, str) else None
    if owner and ":assumed-role/" in owner:
        owner = "/".join(owner.split("/")[:2])
    end_user = next((v for v in mapping(log.request_metadata).values() if isinstance(v, str)), None)
    return {
        "exchange_id": log.request_id,
        "started_at": log.timestamp,
        "account_id": owner or log.account_id,
        "organization_id": log.account_id,
        "api_key_id": arn,
        "end_user_id": end_user,
    }


def _model(model_id: Any) -> Any:
    """A model id without the ARN around it."""
    return (
        model_id.rsplit("/", 1)[-1] if isinstance(model_id, str) and model_id.startswith("arn:") else model_id
    )


def _recognises(record: Mapping[str, Any]) -> bool:
    if isinstance(record.get("message"), str):
        record = mapping(opened(record["message"]))
    return record.get("schemaType") == "ModelInvocationLog" or (
        "modelId" in record and "requestId" in record and "operation" in record
    )


BEDROCK = Format(
    name="bedrock",
    recognises=_recognises,
    reader=lambda: Stateless(_read),
    provenance={
        "exchange_id": "server",
        "started_at": "server",
        "account_id": "server",
        "organization_id": "server",
        "api_key_id": "server",
        "end_user_id": "caller",
        "platform": "server",
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
        "duration_ms": "server",
        "stop_reason": "server",
        "status": "server",
    },
)
