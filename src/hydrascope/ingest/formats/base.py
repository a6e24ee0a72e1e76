"""What every log format gives: rows of contract columns from one raw JSON record at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

__all__ = ["BadRecordError", "Format", "Provenance", "Reader", "Row", "Stateless"]

Row = dict[str, Any]
"""Contract column to value of any JSON type; the key `_warnings` names caveats about this exchange."""

Provenance = Literal["server", "operator", "caller"]
"""Who wrote a value: observed by the server, asserted by the operator, or anything the caller liked."""


class BadRecordError(Exception):
    """The record gives no exchange; `reason` is one of `rejects.REASONS`."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


class Reader(Protocol):
    """Reads the records of one file, in order."""

    def read(self, raw: bytes, line: int) -> Iterable[tuple[int, Row]]:
        """Rows that this record gives or completes, each with the line it began on.

        Raises:
            BadRecordError: the record gives none.
            msgspec.MsgspecError: it is not JSON, or not of this shape.
        """
        ...

    def finish(self) -> Iterable[tuple[int, Row]]:
        """Rows still waiting for a part when the file ends."""
        ...


class Stateless:
    """A reader that needs one record at a time."""

    def __init__(self, read_record: Callable[[bytes], Iterable[Row]]) -> None:
        self._read_record = read_record

    def read(self, raw: bytes, line: int) -> Iterable[tuple[int, Row]]:
        """Rows of one record."""
        return [(line, row) for row in self._read_record(raw)]

    def finish(self) -> Iterable[tuple[int, Row]]:
        """Nothing ever waits."""
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One log format."""

    name: str
    recognises: Callable[[Mapping[str, Any]], bool]
    """Whether a decoded record is of this format; formats are asked in the order of `FORMATS`."""
    reader: Callable[[], Reader]
    provenance: Mapping[str, Provenance]
    """Contract column to who wrote it; columns that the format never fills are left out."""
    prompt_needed: bool = False
    """Whether a record without prompt is rejected, or kept for its account, time and address."""
