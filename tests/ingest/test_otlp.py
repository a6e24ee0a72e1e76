"""OpenTelemetry in three dialects, as OTLP/JSON, protobuf and bare spans; every span here was written for these tests."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from ingest_worlds import only, read, write_lines
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from hydrascope.ingest import open_log

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
START, END = 1772359200_000_000_000, 1772359201_500_000_000


def value(plain: Any) -> dict[str, Any]:
    """An OTLP `AnyValue`."""
    if isinstance(plain, bool):
        return {"boolValue": plain}
    if isinstance(plain, int):
        return {"intValue": str(plain)}
    if isinstance(plain, float):
        return {"doubleValue": plain}
    if isinstance(plain, list):
        return {"arrayValue": {"values": [value(p) for p in plain]}}
    if isinstance(plain, dict):
        return {"kvlistValue": {"values": attributes(plain)}}
    return {"stringValue": plain}


def attributes(table: dict[str, Any]) -> list[dict[str, Any]]:
    """A table as OTLP attributes."""
    return [{"key": name, "value": value(plain)} for name, plain in table.items()]


def span(table: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """A span with these attributes."""
    base = {
        "traceId": TRACE,
        "spanId": SPAN,
        "name": "chat",
        "startTimeUnixNano": str(START),
        "endTimeUnixNano": str(END),
    }
    return {**base, "attributes": attributes(table), **changed}


def export(*spans: dict[str, Any]) -> dict[str, Any]:
    """One exporter message."""
    resource = {"attributes": attributes({"service.name": "shop"})}
    return {
        "resourceSpans": [
            {"resource": resource, "scopeSpans": [{"scope": {"name": "s"}, "spans": list(spans)}]}
        ]
    }


def logs(*records: dict[str, Any]) -> dict[str, Any]:
    """One exporter message of log records."""
    return {"resourceLogs": [{"resource": {"attributes": []}, "scopeLogs": [{"logRecords": list(records)}]}]}


COMMON = {
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "large",
    "gen_ai.request.temperature": 0.5,
    "gen_ai.request.max_tokens": 10,
    "gen_ai.usage.input_tokens": 4,
    "gen_ai.usage.output_tokens": 2,
    "gen_ai.response.finish_reasons": ["stop"],
    "user.id": "user-1",
    "client.address": "192.0.2.7",
    "user_agent.original": "ua",
}
ASKED = [
    {"role": "user", "parts": [{"type": "text", "content": "hello"}, {"type": "blob", "content": "AAAA"}]}
]
SAID = [
    {
        "role": "assistant",
        "parts": [{"type": "reasoning", "content": "hm"}, {"type": "text", "content": "hi"}],
    }
]
SYSTEM = [{"type": "text", "content": "s"}]
ROW = {
    "exchange_id": f"{TRACE}-{SPAN}",
    "started_at": datetime(2026, 3, 1, 10, tzinfo=UTC),
    "account_id": "user-1",
    "prompt": "hello",
    "system": "s",
    "completion": "hi",
    "turns": 1,
    "model": "large",
    "temperature": 0.5,
    "max_tokens": 10,
    "input_tokens": 4,
    "output_tokens": 2,
    "stop_reason": "stop",
    "client_ip": "192.0.2.7",
    "user_agent": "ua",
    "duration_ms": 1500,
}


def told(path: str | Path) -> list[dict[str, Any]]:
    """The exchanges of a file that must be taken for OTLP, none of them rejected."""
    assert open_log([str(path)]).files[0].format == "otlp"
    rows, rejects = read(path)
    assert len(rejects) == 0, list(rejects)
    return rows


@pytest.mark.parametrize("as_text", [True, False])
def test_messages_in_attributes(tmp_path: Path, as_text: bool) -> None:
    """Conventions since 1.37: messages as JSON text or as nested values."""
    wrap = json.dumps if as_text else (lambda plain: plain)
    table = {
        **COMMON,
        "gen_ai.input.messages": wrap(ASKED),
        "gen_ai.output.messages": wrap(SAID),
        "gen_ai.system_instructions": wrap(SYSTEM),
        "gen_ai.tool.definitions": wrap([{"type": "function", "name": "f"}]),
    }
    row = only(told(write_lines(tmp_path / "a.jsonl", [export(span(table))])))
    assert {**ROW, "tools": ["f"]}.items() <= row.items()


def message_events() -> list[tuple[str, Any]]:
    """An event a message, as the conventions had it up to 1.36."""
    return [
        ("gen_ai.system.message", {"content": "s"}),
        ("gen_ai.user.message", {"content": "hello"}),
        (
            "gen_ai.choice",
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hi"}},
        ),
    ]


def test_an_event_a_message_on_the_span(tmp_path: Path) -> None:
    """Conventions up to 1.36, events of the span."""
    events = [{"name": name, "attributes": attributes(body)} for name, body in message_events()]
    row = only(told(write_lines(tmp_path / "a.jsonl", [export(span(COMMON, events=events))])))
    assert ROW.items() <= row.items()


@pytest.mark.parametrize("logs_first", [True, False])
def test_an_event_a_message_in_the_log(tmp_path: Path, logs_first: bool) -> None:
    """Conventions up to 1.36, events as log records that come before or after their span."""
    records = [
        {"traceId": TRACE, "spanId": SPAN, "timeUnixNano": str(START), "eventName": name, "body": value(body)}
        for name, body in message_events()
    ]
    lines = [logs(*records), export(span(COMMON))]
    row = only(told(write_lines(tmp_path / "a.jsonl", lines if logs_first else lines[::-1])))
    assert ROW.items() <= row.items()


def test_events_without_their_span(tmp_path: Path) -> None:
    """The span was not exported; its events still tell an exchange."""
    records = [
        {
            "traceId": TRACE,
            "spanId": SPAN,
            "timeUnixNano": str(START),
            "attributes": attributes({"event.name": name, "user.id": "user-1"}),
            "body": value(body),
        }
        for name, body in message_events()
    ]
    row = only(told(write_lines(tmp_path / "a.jsonl", [logs(*records)])))
    assert (row["prompt"], row["completion"], row["account_id"]) == ("hello", "hi", "user-1")


def test_openinference(tmp_path: Path) -> None:
    """Numbered attributes, parameters as JSON text, tools as schemas."""
    table = {
        "openinference.span.kind": "LLM",
        "llm.model_name": "large",
        "llm.invocation_parameters": json.dumps({"temperature": 0.5, "max_tokens": 10}),
        "llm.input_messages.0.message.role": "system",
        "llm.input_messages.0.message.content": "s",
        "llm.input_messages.1.message.role": "user",
        "llm.input_messages.1.message.contents.0.message_content.type": "text",
        "llm.input_messages.1.message.contents.0.message_content.text": "hello",
        "llm.input_messages.1.message.contents.1.message_content.type": "image",
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.content": "hi",
        "llm.tools.0.tool.json_schema": json.dumps({"type": "function", "function": {"name": "f"}}),
        "llm.token_count.prompt": 4,
        "llm.token_count.completion": 2,
        "user.id": "user-1",
    }
    row = only(told(write_lines(tmp_path / "a.jsonl", [export(span(table))])))
    same = {name: ROW[name] for name in ROW if name not in ("client_ip", "user_agent", "stop_reason")}
    assert {**same, "tools": ["f"]}.items() <= row.items()


def test_indexed_prompts(tmp_path: Path) -> None:
    """`gen_ai.prompt.0.content`, as older instrumentations write."""
    table = {
        **COMMON,
        "gen_ai.prompt.0.role": "system",
        "gen_ai.prompt.0.content": "s",
        "gen_ai.prompt.1.role": "user",
        "gen_ai.prompt.1.content": "hello",
        "gen_ai.completion.0.content": "hi",
    }
    assert ROW.items() <= only(told(write_lines(tmp_path / "a.jsonl", [export(span(table))]))).items()


def test_other_spans_are_passed_over(tmp_path: Path) -> None:
    """HTTP spans, tool runs, agents and embeddings are no exchanges, and no rejects either."""
    others = [{"http.request.method": "POST"}] + [
        {"gen_ai.operation.name": name, "gen_ai.request.model": "m"}
        for name in ("execute_tool", "invoke_agent", "embeddings")
    ]
    ours = {**COMMON, "gen_ai.input.messages": json.dumps(ASKED)}
    path = write_lines(tmp_path / "a.jsonl", [export(*map(span, others), span(ours))])
    rows, rejects = read(path)
    assert len(rows) == 1 and len(rejects) == 0 and rejects.warnings == {"not_a_model_call": 4}


def test_the_service_pays_where_nobody_else_is_named(tmp_path: Path) -> None:
    """GenAI conventions know no account."""
    table = {name: plain for name, plain in COMMON.items() if name != "user.id"}
    table["gen_ai.input.messages"] = json.dumps(ASKED)
    assert only(told(write_lines(tmp_path / "a.jsonl", [export(span(table))])))["account_id"] == "shop"


def test_ids_in_base64_are_the_same_ids(tmp_path: Path) -> None:
    """Generic protobuf converters write base64 where OTLP wants hex."""
    table = {**COMMON, "gen_ai.input.messages": json.dumps(ASKED)}
    odd = span(
        table,
        traceId=base64.b64encode(bytes.fromhex(TRACE)).decode(),
        spanId=base64.b64encode(bytes.fromhex(SPAN)).decode(),
    )
    assert only(told(write_lines(tmp_path / "a.jsonl", [export(odd)])))["exchange_id"] == ROW["exchange_id"]


@pytest.mark.parametrize("prefixed", [True, False])
def test_protobuf(tmp_path: Path, prefixed: bool) -> None:
    """One message, or messages with their lengths before them, as the collector writes files."""
    table = {**COMMON, "gen_ai.input.messages": json.dumps(ASKED), "gen_ai.output.messages": json.dumps(SAID)}
    table["gen_ai.system_instructions"] = json.dumps(SYSTEM)
    odd = span(table)
    odd["traceId"] = base64.b64encode(bytes.fromhex(TRACE)).decode()
    odd["spanId"] = base64.b64encode(bytes.fromhex(SPAN)).decode()
    message = ParseDict(export(odd), TracesData()).SerializeToString()
    data = len(message).to_bytes(4, "big") + message if prefixed else message
    path = tmp_path / "a.pb"
    path.write_bytes(data * (2 if prefixed else 1))
    rows = told(path)
    assert len(rows) == (2 if prefixed else 1)
    assert all(ROW.items() <= row.items() for row in rows)


def test_a_damaged_protobuf_message_is_one_reject(tmp_path: Path) -> None:
    """The messages around it are read."""
    table = {**COMMON, "gen_ai.input.messages": json.dumps(ASKED)}
    plain = span(table)
    plain.pop("traceId"), plain.pop("spanId")
    message = ParseDict(export(plain), TracesData()).SerializeToString()
    broken = b"\xff" * 40
    framed = [len(m).to_bytes(4, "big") + m for m in (message, broken, message)]
    (tmp_path / "a.pb").write_bytes(b"".join(framed))
    rows, rejects = read(tmp_path / "a.pb")
    assert len(rows) == 2 and [(n, r) for _, n, r, _ in rejects] == [(2, "broken_protobuf")]


def test_a_bare_span_with_events_in_a_document(tmp_path: Path) -> None:
    """Its list of events does not make it a wrapper around records."""
    table = {**COMMON, "gen_ai.input.messages": json.dumps(ASKED)}
    lone = span(table, events=[{"name": "exception", "attributes": attributes({"exception.type": "x"})}])
    (tmp_path / "a.json").write_text(json.dumps(lone, indent=2))
    assert only(told(tmp_path / "a.json"))["prompt"] == "hello"


def test_inputs_that_are_no_text_are_no_prompt(tmp_path: Path) -> None:
    """Token ids and forms stay out; plain text and lists of messages come in."""
    base = {"openinference.span.kind": "LLM", "llm.model_name": "m", "user.id": "u"}
    inputs = {
        "tokens": json.dumps({"model": "m", "prompt": [1, 2]}),
        "plain": "hello",
        "messages": json.dumps([{"role": "user", "content": "hello"}]),
    }
    spans = [
        span({**base, "input.value": given}, spanId=f"{i:016x}")
        for i, given in enumerate(inputs.values(), start=1)
    ]
    rows = told(write_lines(tmp_path / "a.jsonl", [export(*spans)]))
    assert sorted(str(row.get("prompt")) for row in rows) == ["None", "hello", "hello"]
