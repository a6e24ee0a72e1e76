"""Records that were not read, and good records that were read with a caveat: both counted, never silent.

A *reject* is a record (or file) that gives no exchange. A *warning* is a good exchange of which a part was
repaired, assumed or left out. Details never carry prompt text: they name a column, a type or a position.
"""

from __future__ import annotations

import heapq
import tempfile
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

__all__ = ["REASONS", "WARNINGS", "Rejects"]

REASONS: Mapping[str, str] = {
    "bad_time": "the time cannot be read, or lies outside 2000-2100",
    "broken_csv_row": "a quote is not closed, or the row has another number of fields than the header",
    "broken_json": "the line is not one JSON value",
    "broken_protobuf": "a length-prefixed OTLP message does not decode",
    "corrupt_file": "a Parquet page or a row group does not decode; everything else was kept",
    "duplicate_account_id": "an accounts row repeats an id; the first in sorted order was kept",
    "duplicate_exchange_id": "an exchange repeats an id; the earliest was kept",
    "empty_file": "the file holds no byte",
    "missing_account_id": "no account id, and none can be derived",
    "missing_exchange_id": "no exchange id",
    "missing_kind": "an event without a kind",
    "missing_prompt": "neither prompt nor sketch",
    "missing_subject": "an event without a subject",
    "missing_time": "no time",
    "not_a_record": "the JSON value is not an object",
    "not_an_exchange": "nothing in the record tells of an exchange",
    "truncated_file": "the archive ends early or is corrupt; everything before the break was kept",
    "unknown_kind": "an event of a kind that the contract does not name",
    "unreadable_record": "the record has the wrong shape for its format",
}
"""Reject reason to its meaning."""

WARNINGS: Mapping[str, str] = {
    "bad_address": "the client address is not an IP address, or is masked; left out",
    "invalid_utf8": "bytes that are not UTF-8 became U+FFFD",
    "not_a_model_call": "a record of the format that tells of something else (a tool, an embedding, an HTTP span); passed over",
    "nul_bytes": "NUL characters became U+FFFD",
    "out_of_range": "a number outside its column's range was left out",
    "prompt_absent": "the log holds no prompt for the exchange (failed call, body too large, content not logged)",
    "prompt_redacted": "the prompt was redacted before it was logged; a caller can ask for that in some gateways",
    "repaired_json": "the line was not strict JSON (control characters, NaN) but could be read",
    "time_zone_assumed": "a time without a zone was read as UTC",
    "truncated_content": "the log cut the request or the response; what it holds was kept",
    "wrong_type": "an optional value of the wrong type was left out",
}
"""Warning to its meaning."""

Row = tuple[str, int, str, str]


class Rejects:
    """Collects rejects and warnings from many threads; the order of collection leaves no trace.

    Args:
        memory_rows: rejects held in memory before they go to a temporary file.

    >>> rejects = Rejects()
    >>> rejects.add("a.jsonl", 7, "broken_json", "invalid character (byte 3)")
    >>> rejects.counts
    {'broken_json': 1}
    """

    def __init__(self, *, memory_rows: int = 100_000) -> None:
        self._memory_rows = memory_rows
        self._lock = threading.Lock()
        self._rows: list[Row] = []
        self._spills: list[Any] = []
        self._counts: Counter[str] = Counter()
        self._warnings: Counter[str] = Counter()

    def add(self, file: str, line: int | None, reason: str, detail: str = "") -> None:
        """Count one record (or, with `line` None, one file) that was not read."""
        if reason not in REASONS:
            raise ValueError(f"unknown reject reason {reason!r}")
        with self._lock:
            self._counts[reason] += 1
            self._rows.append((file, line or 0, reason, detail))
            if len(self._rows) >= self._memory_rows:
                self._spill()

    def warn(self, warning: str, n: int = 1) -> None:
        """Count `n` exchanges that were read with a caveat."""
        if warning not in WARNINGS:
            raise ValueError(f"unknown warning {warning!r}")
        if n:
            with self._lock:
                self._warnings[warning] += n

    def merge(self, other: Rejects) -> None:
        """Add what another collector holds; the order of merges does not matter."""
        for row in other:
            self.add(*row)
        with self._lock:
            self._warnings.update(other._warnings)

    @property
    def counts(self) -> dict[str, int]:
        """Rejects by reason, sorted by name."""
        return dict(sorted(self._counts.items()))

    @property
    def warnings(self) -> dict[str, int]:
        """Warnings by name, sorted by name."""
        return dict(sorted(self._warnings.items()))

    def __len__(self) -> int:
        return sum(self._counts.values())

    def __iter__(self) -> Iterator[tuple[str, int | None, str, str]]:
        """Rejects sorted by file, line, reason and detail."""
        with self._lock:
            sources: list[Iterable[Row]] = [_read_spill(f) for f in self._spills]
            sources.append(sorted(self._rows))
        return ((f, line or None, reason, detail) for f, line, reason, detail in heapq.merge(*sources))

    def write(self, path: str | Path) -> None:
        """Write `rejects.jsonl`: one object a reject, sorted, so that equal runs give equal bytes."""
        with Path(path).open("wb") as out:
            for file, line, reason, detail in self:
                row = {"file": file, "line": line, "reason": reason, "detail": detail}
                out.write(msgspec.json.encode(row) + b"\n")

    def _spill(self) -> None:
        spill = tempfile.TemporaryFile(prefix="hydrascope-rejects-")  # noqa: SIM115 (lives as long as we do)
        spill.writelines(msgspec.json.encode(row) + b"\n" for row in sorted(self._rows))
        self._spills.append(spill)
        self._rows.clear()

    def __getstate__(self) -> dict[str, Any]:
        return {
            "rows": [(f, line or 0, reason, detail) for f, line, reason, detail in self],
            "warnings": dict(self._warnings),
            "memory_rows": self._memory_rows,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(memory_rows=state["memory_rows"])  # type: ignore[misc]
        for row in state["rows"]:
            self.add(*row)
        self._warnings.update(state["warnings"])


def _read_spill(spill: Any) -> Iterator[Row]:
    spill.seek(0)
    decoder = msgspec.json.Decoder(Row)
    for line in spill:
        yield decoder.decode(line)
