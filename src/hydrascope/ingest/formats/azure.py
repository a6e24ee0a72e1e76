"""Azure OpenAI diagnostics and API Management gateway logs, joined by correlation id.

Three records may describe one call: RequestResponse (times, masked address, no text), the gateway log (full
address, subscription, truncated bodies) and the gateway's LLM log, whose messages come in numbered parts. They
are put together within a file. The account is the API Management subscription, else the caller's object id, else
the Azure resource.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from hydrascope.ingest.formats.base import BadRecordError, Format, Row
from hydrascope.ingest.formats.envelope import edge_columns
from hydrascope.ingest.formats.providers import PAIR_PROVENANCE
from hydrascope.ingest.formats.requests import read_request
from hydrascope.ingest.formats.responses import read_response
from hydrascope.ingest.formats.values import first, headers_of, mapping, opened

__all__ = ["AZURE"]

_MOST_OPEN = 100_000
_CALLS = ("chatcompletions", "completions", "responses", "messages", "extensionschatcompletions")
_decoder = msgspec.json.Decoder(dict[str, Any])


class _Call:
    """What the records of one correlation id have told so far."""

    __slots__ = ("asked", "fields", "line", "said")

    def __init__(self, line: int) -> None:
        self.line = line
        self.fields: dict[str, Any] = {}
        self.asked: dict[int, Any] = {}
        self.said: dict[int, Any] = {}

    def add(self, fields: dict[str, Any]) -> None:
        part = fields.get("sequencenumber")
        part = int(part) if isinstance(part, (int, str)) and str(part).isdigit() else 0
        for name, parts in (("requestmessages", self.asked), ("responsemessages", self.said)):
            if fields.get(name) not in (None, "", []):
                parts[part] = fields[name]
        for name, value in fields.items():
            if value not in (None, "") and (name not in self.fields or name == "time"):
                self.fields[name] = min(value, self.fields.get(name, value)) if name == "time" else value


class _Reader:
    def __init__(self) -> None:
        self._open: dict[str, _Call] = {}

    def read(self, raw: bytes, line: int) -> Iterable[tuple[int, Row]]:
        fields = _flat(_decoder.decode(raw))
        key = first(fields, ("correlationid", "requestid"))
        if key is None:
            raise BadRecordError("not_an_exchange", "no correlationId")
        if not _is_call(fields):
            return [(line, {"_warnings": ("not_a_model_call",)})]
        self._open.setdefault(str(key), _Call(line)).add(fields)
        if len(self._open) <= _MOST_OPEN:
            return ()
        oldest = next(iter(self._open))
        return [_row(oldest, self._open.pop(oldest))]

    def finish(self) -> Iterable[tuple[int, Row]]:
        return [_row(key, call) for key, call in self._open.items()]


def _flat(record: Mapping[str, Any]) -> dict[str, Any]:
    """Top-level fields and properties under lower-case names: the portal, the hub and the workspace differ."""
    properties = mapping(first(record, ("properties", "Properties", "properties_s")))
    return {name.lower(): value for table in (properties, record) for name, value in table.items()}


def _is_call(fields: Mapping[str, Any]) -> bool:
    name = str(first(fields, ("operationname", "operationid")) or "").lower().replace("_", "")
    if "requestmessages" in fields or "responsemessages" in fields or "sequencenumber" in fields:
        return True
    if fields.get("category") in ("GatewayLogs", "GatewayLlmLogs") or "apimsubscriptionid" in fields:
        return True
    return any(name.startswith(call) for call in _CALLS)


def _row(key: str, call: _Call) -> tuple[int, Row]:
    fields = call.fields
    asked = _stitched(call.asked) or first(fields, ("requestbody", "backendrequestbody"))
    said = _stitched(call.said) or first(fields, ("responsebody", "backendresponsebody"))
    row = {**read_request(_whole(asked)), **_answer(_whole(said))}
    row = {name: value for name, value in row.items() if value is not None and not name.startswith("_")}
    if isinstance(asked, str) and asked.lstrip().startswith("{") and isinstance(opened(asked), str):
        row["prompt"] = None  # a body cut in the middle is no prompt
        row["_warnings"] = ("truncated_content",)
    headers = headers_of(first(fields, ("requestheaders", "backendrequestheaders")))
    resource = str(first(fields, ("resourceid", "_resourceid")) or "").lower()
    found = {
        **edge_columns(headers),
        "exchange_id": key,
        "started_at": first(fields, ("time", "timegenerated", "timestamp")),
        "account_id": first(fields, ("apimsubscriptionid", "subscriptionid", "objectid")) or resource or None,
        "organization_id": resource.split("/")[2] if resource.startswith("/subscriptions/") else None,
        "platform": "foundry",
        "client_ip": first(fields, ("calleripaddress", "clientip")) or edge_columns(headers).get("client_ip"),
        "model": first(fields, ("modeldeploymentname", "deploymentname", "modelname")) or row.get("model"),
        "input_tokens": fields.get("prompttokens"),
        "output_tokens": fields.get("completiontokens"),
        "duration_ms": _positive(first(fields, ("durationms", "totaltime"))),
        "status": first(fields, ("resultsignature", "responsecode", "backendresponsecode")),
    }
    row.update({name: value for name, value in found.items() if value is not None})
    row["_source"] = fields
    return call.line, row


def _positive(value: Any) -> Any:
    """A clock set back gives negative durations: unknown, and no fault of the record."""
    return None if isinstance(value, (int, float)) and value < 0 else value


def _whole(value: Any) -> Any:
    value = opened(value)
    return None if isinstance(value, str) and value.lstrip().startswith("{") else value


def _stitched(parts: Mapping[int, Any]) -> Any:
    """Parts in their order: halves of one JSON text, or lists whose touching messages of one role belong together."""
    ordered = [parts[number] for number in sorted(parts)]
    if not ordered:
        return None
    if all(isinstance(part, str) for part in ordered):
        joined = opened("".join(ordered))
        if not isinstance(joined, str):
            return joined
    messages: list[Any] = []
    for part in map(opened, ordered):
        listed = part if isinstance(part, list) else [part]
        if messages and listed and _continues(messages[-1], listed[0]):
            messages[-1] = {**messages[-1], "content": messages[-1]["content"] + listed[0]["content"]}
            listed = listed[1:]
        messages.extend(listed)
    return messages


def _continues(last: Any, next_: Any) -> bool:
    both = (mapping(last), mapping(next_))
    return both[0].get("role") == both[1].get("role") and all(isinstance(m.get("content"), str) for m in both)


def _answer(said: Any) -> Row:
    if isinstance(said, list) and said and all("role" in mapping(m) for m in said):
        said = {"content": "".join(str(mapping(m).get("content") or "") for m in said)}
    return read_response(said)


def _recognises(record: Mapping[str, Any]) -> bool:
    names = {name.lower() for name in record}
    if "correlationid" not in names:
        return False
    return bool(
        names & {"properties", "apimsubscriptionid", "requestmessages", "operationname", "sequencenumber"}
    )


AZURE = Format(
    name="azure",
    recognises=_recognises,
    reader=_Reader,
    provenance={
        name: who for name, who in PAIR_PROVENANCE.items() if name not in ("api_key_id", "client_asn")
    }
    | {"platform": "server"},
)
