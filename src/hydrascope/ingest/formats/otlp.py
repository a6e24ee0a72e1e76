"""OpenTelemetry spans and log records about model calls: OTLP/JSON, and OTLP protobuf.

Three dialects are read: GenAI conventions up to 1.36 (one event a message), since 1.37 (messages in attributes),
and OpenInference. Events that were exported as log records wait for their span within the file. GenAI names no
account: it is looked for in the attributes that gateways and applications add, last in the service's name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from hydrascope.ingest.formats.base import BadRecordError, Format, Provenance, Row
from hydrascope.ingest.formats.otlp_wire import attributes, hex_id, plain
from hydrascope.ingest.formats.semconv import is_model_call, read_attributes, read_messages
from hydrascope.ingest.formats.values import first, mapping, sequence

__all__ = ["OTLP"]

_MOST_WAITING = 200_000
_decoder = msgspec.json.Decoder()
Key = tuple[str, str]


class _Reader:
    """Joins the log records of a span to it, whichever comes first."""

    def __init__(self) -> None:
        self._waiting: dict[Key, tuple[int, Row]] = {}
        self._events: dict[Key, tuple[int, list[Row]]] = {}

    def read(self, raw: bytes, line: int) -> Iterable[tuple[int, Row]]:
        record = _decoder.decode(raw)
        if not isinstance(record, dict):
            raise BadRecordError("not_a_record", type(record).__name__)
        found = False
        out: list[tuple[int, Row]] = []
        for resource, log in _log_records(record):
            found = True
            self._keep(line, resource, log)
        for resource, span in _spans(record):
            found = True
            out.extend(self._span(line, resource, span))
        if not found:
            raise BadRecordError("not_an_exchange", "no span and no log record")
        while len(self._waiting) > _MOST_WAITING:
            out.append(self._waiting.pop(next(iter(self._waiting))))
        return out

    def _keep(self, line: int, resource: Row, log: Mapping[str, Any]) -> None:
        event = attributes(log.get("attributes"))
        name = first(log, ("eventName", "event_name")) or event.get("event.name")
        if not isinstance(name, str) or not name.startswith("gen_ai."):
            return
        key = (hex_id(first(log, ("traceId", "trace_id"))), hex_id(first(log, ("spanId", "span_id"))))
        at = first(log, ("timeUnixNano", "time_unix_nano", "observedTimeUnixNano"))
        event = {**resource, **event, "event.name": name, "body": plain(log.get("body")), "time": at}
        self._events.setdefault(key, (line, []))[1].append(event)

    def _span(self, line: int, resource: Row, span: Mapping[str, Any]) -> Iterable[tuple[int, Row]]:
        named = attributes(span.get("attributes"))
        if not is_model_call(named):
            return [(line, {"_warnings": ("not_a_model_call",)})]
        own = [
            {**attributes(e.get("attributes")), "event.name": e.get("name")}
            for e in map(mapping, sequence(span.get("events")))
        ]
        key = (hex_id(first(span, ("traceId", "trace_id"))), hex_id(first(span, ("spanId", "span_id"))))
        _, kept = self._events.pop(key, (line, []))
        row = read_attributes(resource, named, [*own, *kept])
        row.update({k: v for k, v in _frame(span, key).items() if v is not None})
        row["exchange_id"] = row.get("exchange_id") or row.pop("_response_id", None)
        if row.get("prompt") is None and all(key):
            self._waiting[key] = (line, row)
            return []
        return [(line, row)]

    def finish(self) -> Iterable[tuple[int, Row]]:
        for key, (line, row) in self._waiting.items():
            _, events = self._events.pop(key, (line, []))
            yield line, {**row, **{k: v for k, v in read_messages({}, events).items() if v is not None}}
        for key, (line, events) in self._events.items():  # events whose span was not exported
            row = read_attributes({}, _joined(events), events)
            yield (
                line,
                {**row, "exchange_id": "-".join(key).strip("-") or None, "started_at": events[0]["time"]},
            )


def _joined(events: list[Row]) -> Row:
    return {name: value for event in events for name, value in event.items() if name not in ("body", "time")}


def _frame(span: Mapping[str, Any], key: Key) -> Row:
    """Identity, time and outcome of a span."""
    start = first(span, ("startTimeUnixNano", "start_time_unix_nano", "startTime", "start_time"))
    end = first(span, ("endTimeUnixNano", "end_time_unix_nano", "endTime", "end_time"))
    duration = None
    if str(start).isdigit() and str(end).isdigit():
        duration = (int(end) - int(start)) // 1_000_000
    return {"exchange_id": "-".join(key) if all(key) else None, "started_at": start, "duration_ms": duration}


def _groups(record: Mapping[str, Any], kind: str) -> Iterable[tuple[Row, Mapping[str, Any]]]:
    tops = first(record, (f"resource{kind.title()}s", f"resource_{kind}s"))
    for top in map(mapping, sequence(tops)):
        resource = attributes(mapping(top.get("resource")).get("attributes"))
        for scope in map(
            mapping,
            sequence(first(top, (f"scope{kind.title()}s", f"scope_{kind}s", "instrumentationLibrarySpans"))),
        ):
            yield resource, scope


def _spans(record: Mapping[str, Any]) -> Iterable[tuple[Row, Mapping[str, Any]]]:
    for resource, scope in _groups(record, "span"):
        yield from ((resource, mapping(span)) for span in sequence(scope.get("spans")))
    if "attributes" in record and not isinstance(record.get("body"), (dict, str)):  # a span by itself
        yield attributes(mapping(record.get("resource")).get("attributes")), record
    elif any(name.startswith(("gen_ai.", "llm.")) for name in record):  # its attributes alone
        yield {}, {"attributes": dict(record), **record}


def _log_records(record: Mapping[str, Any]) -> Iterable[tuple[Row, Mapping[str, Any]]]:
    for resource, scope in _groups(record, "log"):
        yield from ((resource, mapping(log)) for log in sequence(first(scope, ("logRecords", "log_records"))))


def _recognises(record: Mapping[str, Any]) -> bool:
    if any(name in record for name in ("resourceSpans", "resourceLogs", "resource_spans", "resource_logs")):
        return True
    if "attributes" in record:
        return any(
            str(name).startswith(("gen_ai.", "llm.", "openinference."))
            for name in attributes(record["attributes"])
        )
    return any(name.startswith(("gen_ai.", "llm.", "openinference.")) for name in record)


_CALLER: Provenance = "caller"
OTLP = Format(
    name="otlp",
    recognises=_recognises,
    reader=_Reader,
    provenance={
        "exchange_id": "server",
        "started_at": "server",
        "account_id": "operator",
        "organization_id": "operator",
        "api_key_id": "operator",
        "end_user_id": _CALLER,
        "platform": "operator",
        "client_ip": "server",
        "user_agent": _CALLER,
        "tls_fingerprint": "server",
        "prompt": _CALLER,
        "system": _CALLER,
        "completion": "server",
        "signatures": "server",
        "sent_signatures": _CALLER,
        "model": _CALLER,
        "tools": _CALLER,
        "turns": _CALLER,
        "temperature": _CALLER,
        "top_p": _CALLER,
        "max_tokens": _CALLER,
        "reasoning": _CALLER,
        "input_tokens": "server",
        "output_tokens": "server",
        "reasoning_tokens": "server",
        "duration_ms": "server",
        "stop_reason": "server",
        "status": "server",
    },
)
