"""OTLP records taken apart, so that a span and the log records of its messages meet although they came in two pushes.

Exporters send spans to one path and log records to another, each when its own buffer is full, and a file's reader joins
them only within the file. So a half waits until its other half has come, and a little longer for more log records of the
same span; or until it has waited long enough. Halves are: a span about a model call that holds no message itself, and a
log record named `gen_ai...` that names a span. What comes later than that is read by itself: its exchange id is that of
the span, so it is a rejected duplicate and not a second exchange.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from hydrascope.ingest.formats.otlp_wire import attributes, hex_id
from hydrascope.ingest.formats.semconv import is_model_call, read_messages
from hydrascope.ingest.formats.values import first, mapping, sequence

__all__ = ["Half", "Pairing", "decode_protobuf", "records_of"]

_MESSAGES: dict[str, Any] = {"traces.pb": ExportTraceServiceRequest, "logs.pb": ExportLogsServiceRequest}
Key = tuple[str, str]


class Half(msgspec.Struct, frozen=True):
    """A log record that waits for its span, or a span that waits for its messages."""

    received_ns: int
    key: Key
    is_span: bool
    record: msgspec.Raw
    """An OTLP/JSON request with this one span or log record in it."""


@dataclass(slots=True)
class Pairing:
    """Halves by the span that they belong to."""

    halves: dict[Key, list[Half]] = field(default_factory=dict)

    def add(self, half: Half) -> None:
        """One more half."""
        self.halves.setdefault(half.key, []).append(half)

    def take(self, now_ns: int, *, settle_s: float, patience_s: float) -> Iterator[Half]:
        """Halves that wait no longer, those of one span together.

        Args:
            now_ns: nanoseconds since 1970, by the clock that `received_ns` was taken from.
            settle_s: so long after the newest half of a span that has both.
            patience_s: so long after the oldest half, whatever is missing.
        """
        settled, patient = now_ns - int(settle_s * 1e9), now_ns - int(patience_s * 1e9)
        for key in list(self.halves):
            halves = self.halves[key]
            came = [h.received_ns for h in halves]
            both = len({h.is_span for h in halves}) == 2
            if min(came) <= patient or (both and max(came) <= settled):
                yield from self.halves.pop(key)


def decode_protobuf(body: bytes, kind: str) -> dict[str, Any]:
    """The OTLP/JSON form of a protobuf export request; `kind` is `traces.pb` or `logs.pb`.

    Raises:
        ValueError: it is none.
    """
    try:
        return dict(MessageToDict(_MESSAGES[kind].FromString(body)))
    except DecodeError as error:
        raise ValueError(str(error)) from error


def records_of(request: Mapping[str, Any], received_ns: int) -> Iterator[bytes | Half]:
    """Each span and log record by itself: whole ones as a line of OTLP/JSON, the others as halves."""
    known = False
    for name, inner, leaves in (("Spans", "spans", "spans"), ("Logs", "logs", "logRecords")):
        for top in _tops(request, f"resource{name}", f"resource_{inner}"):
            known = True
            for scope in _tops(top, f"scope{name}", f"scope_{inner}", "instrumentationLibrarySpans"):
                for leaf in _tops(scope, leaves, "log_records"):
                    resource = {"resource": top["resource"]} if "resource" in top else {}
                    record = msgspec.json.encode(
                        {f"resource{name}": [{**resource, f"scope{name}": [{leaves: [leaf]}]}]}
                    )
                    yield _half(record, leaf, received_ns, is_span=name == "Spans") or record
    if not known:  # a span by itself, or what is no OTLP: the reader of the file says
        yield msgspec.json.encode(dict(request))


def _tops(holder: Mapping[str, Any], *names: str) -> Iterable[Mapping[str, Any]]:
    return map(mapping, sequence(first(holder, names)))


def _half(record: bytes, leaf: Mapping[str, Any], received_ns: int, *, is_span: bool) -> Half | None:
    key = (hex_id(first(leaf, ("traceId", "trace_id"))), hex_id(first(leaf, ("spanId", "span_id"))))
    if not all(key):
        return None
    waits = _waits_for_messages(leaf) if is_span else _is_message(leaf)
    return Half(received_ns, key, is_span, msgspec.Raw(record)) if waits else None


def _waits_for_messages(span: Mapping[str, Any]) -> bool:
    named = attributes(span.get("attributes"))
    if not is_model_call(named):
        return False
    events = [{**attributes(e.get("attributes")), "event.name": e.get("name")} for e in _tops(span, "events")]
    return read_messages(named, events).get("prompt") is None


def _is_message(log: Mapping[str, Any]) -> bool:
    name = first(log, ("eventName", "event_name")) or attributes(log.get("attributes")).get("event.name")
    return isinstance(name, str) and name.startswith("gen_ai.")
