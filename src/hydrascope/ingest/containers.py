"""Files of JSON lines, JSON documents, CSV and length-prefixed protobuf as numbered raw records."""

from __future__ import annotations

import csv
import json
from collections import deque
from collections.abc import Iterator
from typing import Any

import msgspec

from hydrascope.ingest.bytestream import BrokenStreamError, read_blocks, read_lines
from hydrascope.ingest.rejects import Rejects

__all__ = ["is_wrapper", "read_csv", "read_document", "read_json_lines", "strict_json"]

MAX_CSV_ROW = 64 << 20
"""Characters after which a row of several lines is taken for a quote that was never closed."""
LISTS = ("records", "Records", "events", "logEvents", "data", "traces", "value", "items")
"""Keys under which exports wrap their records in one object."""
_WRAPPER_KEYS = 6
_RECORD_KEYS = frozenset({"attributes", "messages", "model", "name", "traceId", "spanId"})
"""What marks an object with a list in it as a record (a span has `events`) and not as a wrapper."""
_WRAPPERS = tuple(f'{{"{key}"'.encode() for key in LISTS)
_elements = msgspec.json.Decoder(list[msgspec.Raw])
_wrapped = msgspec.json.Decoder(dict[str, msgspec.Raw])

csv.field_size_limit(1 << 30)  # a prompt of 20 MB is a prompt


def read_json_lines(
    path: str, rejects: Rejects, *, start: int = 0, stop: int | None = None, first_line: int = 1
) -> Iterator[tuple[int, bytes]]:
    """(line, JSON text) of each line that is not blank; a line that holds a list gives each of its elements."""
    try:
        for number, lines in read_lines(path, start=start, stop=stop, first_line=first_line):
            for line, text in enumerate(lines, start=number):
                if not text or text.isspace():
                    continue
                if text.lstrip()[:1] == b"[" or text.startswith(_WRAPPERS):
                    yield from _elements_of(text, line)
                else:
                    yield line, text
    except BrokenStreamError as broken:
        rejects.add(path, None, "truncated_file", str(broken))


def _elements_of(text: bytes, line: int) -> Iterator[tuple[int, bytes]]:
    try:
        for element in _unwrap(text):
            yield line, bytes(element)
    except (msgspec.MsgspecError, RecursionError):
        yield line, text


def read_document(path: str, rejects: Rejects) -> Iterator[tuple[int, bytes]]:
    """(1-based number, JSON text) of each record of one JSON document, or of several one after the other."""
    text = _read_whole(path, rejects)
    try:
        elements = _unwrap(text)
    except (msgspec.MsgspecError, RecursionError):
        yield from _salvage(text, path, rejects)
        return
    for number, element in enumerate(elements, start=1):
        yield number, bytes(element)


def _read_whole(path: str, rejects: Rejects) -> bytes:
    blocks: list[bytes] = []
    try:
        blocks.extend(read_blocks(path))
    except BrokenStreamError as broken:
        rejects.add(path, None, "truncated_file", str(broken))
    return b"".join(blocks).removeprefix(b"\xef\xbb\xbf")


def _unwrap(text: bytes) -> list[Any]:
    if text.lstrip()[:1] == b"[":
        return _elements.decode(text)
    fields = _wrapped.decode(text)
    key = _list_key(fields)
    return [text] if key is None else _elements.decode(fields[key])


def _list_key(fields: dict[str, msgspec.Raw]) -> str | None:
    if len(fields) > _WRAPPER_KEYS or fields.keys() & _RECORD_KEYS:
        return None
    return next((key for key in LISTS if bytes(fields.get(key, b""))[:1] == b"["), None)


def is_wrapper(text: bytes) -> bool:
    """Whether a JSON text is an object around a list of records."""
    try:
        return _list_key(_wrapped.decode(text)) is not None
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False


def _salvage(text: bytes, path: str, rejects: Rejects) -> Iterator[tuple[int, bytes]]:
    """Values one after the other, or the elements of a list that breaks off; what follows the break is lost."""
    decode = json.JSONDecoder(strict=False).raw_decode
    whole = text.decode("utf-8", "replace")
    at, number = _skip(whole, 0, "["), 0
    while at < len(whole):
        try:
            value, at = decode(whole, at)
        except (ValueError, RecursionError) as error:
            rejects.add(path, number + 1, "broken_json", str(error).split(":", maxsplit=1)[0])
            return
        at = _skip(whole, at, ",]")
        for element in value if isinstance(value, list) else [value]:
            number += 1
            yield number, strict_json(element)


def _skip(text: str, at: int, marks: str) -> int:
    while at < len(text) and (text[at].isspace() or text[at] in marks):
        at += 1
    return at


def strict_json(value: Any) -> bytes:
    """JSON text of a value read by the lenient decoder: NaN becomes null, half surrogates U+FFFD."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        text = json.dumps(value, ensure_ascii=False, allow_nan=True)
        clean = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return msgspec.json.encode(json.loads(clean))


def read_csv(path: str, rejects: Rejects) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line the row begins on, column to text) of each row after the header.

    A row that does not parse costs that row alone: reading resumes on the line after its first.
    """
    lines = _CsvLines(path, rejects)
    header: list[str] | None = None
    delimiter = ","
    reader: Any = None
    while True:
        if reader is None:
            reader = csv.reader(lines, strict=True, delimiter=delimiter)
        lines.mark()
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            rejects.add(path, lines.marked, "broken_csv_row", str(error))
            lines.rewind()
            reader = None
            continue
        if not row:
            continue
        if header is None:
            header, delimiter, reader = _header(row, lines)
            continue
        if len(row) != len(header):
            rejects.add(
                path, lines.marked, "broken_csv_row", f"{len(row)} fields, the header has {len(header)}"
            )
            lines.rewind()
            reader = None
            continue
        yield lines.marked, dict(zip(header, row, strict=True))


def _header(row: list[str], lines: _CsvLines) -> tuple[list[str], str, Any]:
    delimiter = ","
    if len(row) == 1:
        delimiter = max("\t;|,", key=row[0].count)
        row = row[0].split(delimiter)
    names = [name.strip().strip('"') for name in row]
    return names, delimiter, csv.reader(lines, strict=True, delimiter=delimiter)


class _CsvLines:
    """Lines of a file that can be taken back as far as the start of the current row."""

    def __init__(self, path: str, rejects: Rejects) -> None:
        self._source = self._read(path, rejects)
        self._again: deque[str] = deque()
        self._row: list[str] = []
        self._rejects = rejects
        self._row_chars = 0
        self._next = 1
        self.marked = 1

    def _read(self, path: str, rejects: Rejects) -> Iterator[str]:
        try:
            for _, lines in read_lines(path):
                for raw in lines:
                    try:
                        yield raw.decode() + "\n"
                    except UnicodeDecodeError:
                        rejects.warn("invalid_utf8")
                        yield raw.decode("utf-8", "replace") + "\n"
        except BrokenStreamError as broken:
            rejects.add(path, None, "truncated_file", str(broken))

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._source)
        self._row.append(line)
        self._row_chars += len(line)
        self._next += 1
        if self._row_chars > MAX_CSV_ROW and len(self._row) > 1:
            raise csv.Error("a quote is not closed")
        return line

    def mark(self) -> None:
        """The next line starts a row."""
        self._row.clear()
        self._row_chars = 0
        self.marked = self._next

    def rewind(self) -> None:
        """Take back every line of the current row but its first."""
        self._again.extendleft(reversed(self._row[1:]))
        self._next = self.marked + 1
