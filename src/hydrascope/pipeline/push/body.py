"""What a push says of itself and whether it is what it says: media type, compression, size, content."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import msgspec

from hydrascope.errors import HydrascopeError
from hydrascope.ingest import open_log
from hydrascope.ingest.detect import look
from hydrascope.pipeline.push.pairing import decode_protobuf

__all__ = ["PATHS", "RefusedError", "check_type", "kind_of_push", "too_large", "unpack"]

PATHS: Mapping[str, str] = {"/v1/traces": "traces.pb", "/v1/logs": "logs.pb", "/v1/exchanges": ""}
"""Where a push may be sent, and the kind of one in protobuf."""
_PROTOBUF = frozenset({"application/x-protobuf", "application/protobuf"})
_JSON = frozenset({"application/json"})
_LINES = frozenset(
    {"application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"}
)


class RefusedError(Exception):
    """Why a push is not taken, as an HTTP status and a gRPC code."""

    def __init__(
        self, status: int, what: str, hint: str | None = None, retry_after_s: int | None = None
    ) -> None:
        super().__init__(what)
        self.status = status
        self.what = what
        self.hint = hint
        self.retry_after_s = retry_after_s

    @property
    def code(self) -> int:
        """The gRPC code that goes with the status: OTLP clients read it."""
        codes = {401: 16, 403: 7, 404: 5, 408: 4, 409: 6, 413: 8, 422: 6, 503: 14}
        return codes.get(self.status, 13 if self.status >= 500 else 3)


def check_type(path: str, media_type: str) -> bool:
    """Whether the body is protobuf.

    Raises:
        RefusedError: the path takes no such media type. Only types that a browser asks leave for are taken, so that no
            web page can push to a receiver on its reader's machine.
    """
    given = media_type.partition(";")[0].strip().lower()
    taken = _JSON | (_LINES if path == "/v1/exchanges" else _PROTOBUF)
    if given not in taken:
        raise RefusedError(415, f"no content type '{given}' is read here", f"send {', '.join(sorted(taken))}")
    return given in _PROTOBUF


def unpack(body: bytes, encoding: str, most_bytes: int) -> bytes:
    """The body as it was before compression, never more than `most_bytes` of it in memory.

    Raises:
        RefusedError: too large, broken, or compressed in a way that is not read.
    """
    if encoding in ("", "identity"):
        plain = body
    elif encoding == "gzip":
        plain = _gunzip(body, most_bytes)
    else:
        raise RefusedError(415, f"no content encoding '{encoding}' is read", "send gzip or none")
    if len(plain) > most_bytes:
        raise too_large(most_bytes)
    return plain


def too_large(most_bytes: int) -> RefusedError:
    """The answer to a push above the limit."""
    return RefusedError(413, f"more than {most_bytes:,} bytes in one push", "send smaller batches")


def _gunzip(body: bytes, most_bytes: int) -> bytes:
    out = bytearray()
    rest = body
    while rest:  # members may follow each other
        member = zlib.decompressobj(wbits=31)
        try:
            out += member.decompress(rest, most_bytes + 1 - len(out))
        except zlib.error as error:
            raise RefusedError(400, f"the gzip stream is broken: {error}") from error
        if len(out) > most_bytes or member.unconsumed_tail:
            raise too_large(most_bytes)
        if not member.eof:
            raise RefusedError(400, "the gzip stream ends early")
        rest = member.unused_data
    return bytes(out)


def kind_of_push(path: str, body: bytes, *, protobuf: bool, format: str | None, scratch: Path) -> str:
    """How the push is to be read: `Push.kind`.

    Args:
        path: one of `PATHS`.
        body: decompressed.
        format: a name in `ingest.FORMATS`, if the sender gave one.
        scratch: a folder to lay the body in for a moment, since formats are told from files.

    Raises:
        RefusedError: nothing in it can be read.
    """
    if not body.strip():
        raise RefusedError(400, "the push is empty")
    if protobuf:
        _check_protobuf(body, PATHS[path])
        return PATHS[path]
    if path != "/v1/exchanges":
        _check_otlp_json(body, path)
        return "otlp.jsonl"
    return f"{_recognise(body, format, scratch)}.jsonl"


def _check_protobuf(body: bytes, kind: str) -> None:
    try:
        decode_protobuf(body, kind)
    except ValueError as error:
        raise RefusedError(400, f"no OTLP export request: {error}") from error


def _check_otlp_json(body: bytes, path: str) -> None:
    request = _decode(body)
    tops = ("resourceSpans", "resource_spans") if path == "/v1/traces" else ("resourceLogs", "resource_logs")
    if not isinstance(request, dict) or not any(isinstance(request.get(t), list) for t in tops):
        raise RefusedError(400, f"no OTLP export request: it has no '{tops[0]}'")


def _decode(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RefusedError(400, f"the body is no JSON: {error}") from error


def _recognise(body: bytes, format: str | None, scratch: Path) -> str:
    with NamedTemporaryFile(dir=scratch, prefix="look-", suffix=".partial") as file:
        file.write(body)
        file.flush()
        try:
            container = look(file.name).container
            if container not in ("json_lines", "json_document"):
                raise RefusedError(
                    415, f"the body is {container}, not JSON", "send JSON lines, or one JSON document"
                )
            if container == "json_document":
                _decode(body)
            if not look(file.name).records:
                raise RefusedError(400, "no line of the body is a JSON object")
            return open_log([file.name], format=format).files[0].format
        except HydrascopeError as error:
            raise RefusedError(400, error.what, error.hint) from error
