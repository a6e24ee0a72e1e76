"""OTLP on the wire: typed attribute values, ids in hex or base64, and files of protobuf messages."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from hydrascope.ingest.bytestream import BrokenStreamError, read_blocks
from hydrascope.ingest.formats.values import sequence
from hydrascope.ingest.rejects import Rejects

__all__ = ["attributes", "hex_id", "plain", "read_protobuf"]

_SCALARS = ("stringValue", "string_value", "boolValue", "bool_value", "doubleValue", "double_value")
_INTS = ("intValue", "int_value")
MAX_MESSAGE = 1 << 28


def plain(value: Any) -> Any:
    """The Python value of an OTLP `AnyValue`; 64-bit integers arrive as strings."""
    if not isinstance(value, Mapping):
        return value
    for name in _SCALARS:
        if name in value:
            return value[name]
    for name in _INTS:
        if name in value:
            return int(value[name])
    for name in ("arrayValue", "array_value"):
        if name in value:
            return [plain(v) for v in sequence(_values(value[name]))]
    for name in ("kvlistValue", "kvlist_value"):
        if name in value:
            return attributes(_values(value[name]))
    return dict(value) if value and not value.keys() & {"bytesValue", "bytes_value"} else None


def _values(wrapped: Any) -> Any:
    return wrapped.get("values", []) if isinstance(wrapped, Mapping) else wrapped


def attributes(listed: Any) -> dict[str, Any]:
    """Attributes as a flat table; a table that some exporters write already is taken as it is."""
    if isinstance(listed, Mapping):
        return {str(name): plain(value) for name, value in listed.items()}
    return {
        str(pair["key"]): plain(pair.get("value"))
        for pair in sequence(listed)
        if isinstance(pair, Mapping) and "key" in pair
    }


def hex_id(text: Any) -> str:
    """A trace or span id in lower-case hex, also out of base64; an empty string where there is none.

    >>> hex_id("AAECAwQFBgc=") == hex_id("0001020304050607")
    True
    """
    if not isinstance(text, str) or not text:
        return ""
    if len(text) in (16, 32):
        return text.lower()
    try:
        return base64.b64decode(text, validate=True).hex()
    except (binascii.Error, ValueError):
        return text.lower()


def read_protobuf(path: str, rejects: Rejects) -> Iterator[tuple[int, bytes]]:
    """(1-based number, OTLP/JSON text) of each message of a file: length-prefixed, or one message alone."""
    data = bytearray()
    try:
        for block in read_blocks(path):
            data.extend(block)
    except BrokenStreamError as broken:
        rejects.add(path, None, "truncated_file", str(broken))
    for number, message in enumerate(_messages(bytes(data)), start=1):
        decoded = _decode(message)
        if decoded is None:
            rejects.add(path, number, "broken_protobuf")
        else:
            yield number, msgspec.json.encode(decoded)


def _messages(data: bytes) -> Iterator[bytes]:
    if data[:1] == b"\x0a" and _decode(data) is not None:
        yield data
        return
    at = 0
    while at + 4 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if not 0 < size <= MAX_MESSAGE:
            yield data[at:]
            return
        yield data[at + 4 : at + 4 + size]
        at += 4 + size


def _decode(message: bytes) -> dict[str, Any] | None:
    """Traces or logs, told by which of the two has content that fits."""
    for kind, inner in ((TracesData, "scopeSpans"), (LogsData, "scopeLogs")):
        try:
            decoded: dict[str, Any] = MessageToDict(kind.FromString(message))
        except (DecodeError, ValueError):
            continue
        tops = decoded.get("resourceSpans" if inner == "scopeSpans" else "resourceLogs", [])
        leaves = [
            leaf
            for top in tops
            for scope in top.get(inner, [])
            for leaf in scope.get("spans", scope.get("logRecords", []))
        ]
        if leaves and all(
            "startTimeUnixNano" in leaf or "body" in leaf or "eventName" in leaf for leaf in leaves
        ):
            return decoded
    return None
