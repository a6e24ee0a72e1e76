"""Langfuse exports: observations, or traces with their observations inside, as JSON, JSON lines, CSV or Parquet.

An exchange is an observation of type GENERATION. The instrumented application names its user (`userId`); that
user is the account, else the project is. Langfuse sees no key, address or client.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from hydrascope.ingest.formats.base import BadRecordError, Format, Row, Stateless
from hydrascope.ingest.formats.providers import PAIR_PROVENANCE
from hydrascope.ingest.formats.requests import read_request
from hydrascope.ingest.formats.responses import read_response
from hydrascope.ingest.formats.values import first, mapping, opened, pick, sequence
from hydrascope.ingest.times import read_time

__all__ = ["LANGFUSE"]

_decoder = msgspec.json.Decoder(dict[str, Any])
_START = ("startTime", "start_time", "timestamp", "createdAt")
_USER = ("userId", "user_id")


def _read(raw: bytes) -> Iterable[Row]:
    record = _decoder.decode(raw)
    trace = mapping(record.get("trace")) or record
    nested = sequence(record.get("observations"))
    if nested and isinstance(nested[0], dict):
        rows = [_observation(mapping(each), trace) for each in nested if _is_generation(mapping(each))]
        return rows or ({"_warnings": ("not_a_model_call",)},)
    if "type" in record and not _is_generation(record):
        return ({"_warnings": ("not_a_model_call",)},)
    if "input" not in record and "output" not in record:
        raise BadRecordError("not_an_exchange", "neither input nor output")
    return (_observation(record, trace),)


def _is_generation(record: Mapping[str, Any]) -> bool:
    return str(record.get("type", "")).upper() in ("GENERATION", "")


def _observation(record: Mapping[str, Any], trace: Mapping[str, Any]) -> Row:
    parameters = mapping(first(record, ("modelParameters", "model_parameters")))
    sent = opened(record.get("input"))
    body = {**parameters, **sent} if isinstance(sent, dict) else {**parameters, "messages": sent}
    if isinstance(sent, str):
        body = {**parameters, "input": sent}
    row = {**read_request(body), **_answer(record.get("output"))}
    row = {name: value for name, value in row.items() if value is not None and not name.startswith("_")}
    row.update(_usage(record))
    start = first(record, _START)
    row.update(
        exchange_id=record.get("id"),
        started_at=start,
        account_id=first(record, _USER) or first(trace, _USER) or _project(record, trace),
        organization_id=_project(record, trace),
        model=first(record, ("model", "providedModelName", "provided_model_name")) or row.get("model"),
        duration_ms=_duration_ms(start, first(record, ("endTime", "end_time"))),
        platform=pick(record, "metadata", "platform"),
        _source=dict(record),
    )
    return row


def _project(record: Mapping[str, Any], trace: Mapping[str, Any]) -> Any:
    names = ("projectId", "project_id")
    return first(record, names) or first(trace, names)


def _answer(output: Any) -> Row:
    output = opened(output)
    if isinstance(output, list) and output and all("role" in mapping(m) for m in output):
        output = mapping(output[-1])  # chat messages: the last is the answer
    if isinstance(output, dict) and "role" in output and "type" not in output:
        output = {"content": output.get("content")}
    return read_response(output)


def _usage(record: Mapping[str, Any]) -> Row:
    """Token counts; `usageDetails` splits the input, `usage` is the older form."""
    details = mapping(first(record, ("usageDetails", "usage_details")))
    usage = details or mapping(record.get("usage"))
    inputs = [n for name, n in usage.items() if name.startswith(("input", "prompt")) and isinstance(n, int)]
    outputs = [
        n for name, n in usage.items() if name.startswith(("output", "completion")) and isinstance(n, int)
    ]
    found = {
        "input_tokens": sum(inputs) if inputs else first(record, ("inputUsage", "promptTokens")),
        "output_tokens": sum(outputs) if outputs else first(record, ("outputUsage", "completionTokens")),
        "reasoning_tokens": first(usage, ("output_reasoning_tokens", "reasoning_tokens", "output_reasoning")),
    }
    return {name: value for name, value in found.items() if value is not None}


def _duration_ms(start: Any, end: Any) -> float | None:
    try:
        return (read_time(end)[0] - read_time(start)[0]) // 1000
    except ValueError:
        return None


def _recognises(record: Mapping[str, Any]) -> bool:
    nested = sequence(record.get("observations"))
    if nested:
        return isinstance(nested[0], (dict, str))
    return (
        any(name in record for name in ("traceId", "trace_id"))
        and any(name in record for name in ("startTime", "start_time"))
        and any(name in record for name in ("type", "modelParameters", "model_parameters", "usageDetails"))
    )


LANGFUSE = Format(
    name="langfuse",
    recognises=_recognises,
    reader=lambda: Stateless(_read),
    provenance={
        name: "operator" if name in ("account_id", "organization_id", "platform", "model") else who
        for name, who in PAIR_PROVENANCE.items()
        if name
        not in ("api_key_id", "client_ip", "client_country", "client_asn", "user_agent", "tls_fingerprint")
    },
)
