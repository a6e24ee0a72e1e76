"""The contract's own columns, one JSON object an exchange."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from hydrascope.ingest.formats.base import BadRecordError, Format, Provenance, Row, Stateless
from hydrascope.schema import EXCHANGES

__all__ = ["CALLER_COLUMNS", "COLUMNS", "CONTRACT", "NEEDED"]

COLUMNS = tuple(name for name in EXCHANGES.names if not name.startswith("source_"))
"""What a log in the contract's own format may hold."""
NEEDED = ("exchange_id", "started_at", "account_id")
CALLER_COLUMNS = frozenset(
    [
        "prompt",
        "system",
        "end_user_id",
        "user_agent",
        "model",
        "tools",
        "turns",
        "temperature",
        "top_p",
        "max_tokens",
        "reasoning",
        "sent_signatures",
    ]
)
"""What the caller of an API writes, whoever logs it."""

_decoder = msgspec.json.Decoder()


def _read(raw: bytes) -> Iterable[Row]:
    record = _decoder.decode(raw)
    if not isinstance(record, dict):
        raise BadRecordError("not_a_record", type(record).__name__)
    return (record,)


def _recognises(record: Mapping[str, Any]) -> bool:
    return all(name in record for name in NEEDED) and ("prompt" in record or "sketch" in record)


def _provenance(column: str) -> Provenance:
    if column in CALLER_COLUMNS:
        return "caller"
    return "operator" if column in ("organization_id", "platform", "sketch") else "server"


CONTRACT = Format(
    name="contract",
    recognises=_recognises,
    reader=lambda: Stateless(_read),
    provenance={name: _provenance(name) for name in COLUMNS},
    prompt_needed=True,
)
