"""What a file is, told from its first bytes and first records."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import pyarrow as pa

from hydrascope.errors import InputError, SchemaError, nearest
from hydrascope.ingest.bytestream import BrokenStreamError, read_blocks
from hydrascope.ingest.containers import is_wrapper, read_csv, read_document, read_json_lines
from hydrascope.ingest.formats import FORMATS
from hydrascope.ingest.formats.contract import COLUMNS, NEEDED
from hydrascope.ingest.rejects import Rejects
from hydrascope.storage import open_parquet

__all__ = ["Container", "Head", "look", "recognise"]

Container = Literal["parquet", "csv", "json_lines", "json_document", "protobuf", "empty"]
HEAD_RECORDS = 50
HEAD_BYTES = 4 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The start of a file."""

    container: Container
    columns: tuple[str, ...]
    """Column names of Parquet and CSV; top-level keys seen in JSON records."""
    records: tuple[Mapping[str, Any], ...]
    """The first records that decode, at most `HEAD_RECORDS`."""


def look(path: str) -> Head:
    """Open a file and read its start.

    Raises:
        InputError: no permission, a Parquet file without its footer, or bytes of an unknown kind.
    """
    try:
        start = _first_bytes(path)
    except OSError as error:
        raise InputError(
            f"cannot be read: {error.strerror or error}", file=path, hint="check the path and rights"
        ) from error
    if not start:
        return Head(container="empty", columns=(), records=())
    if start.startswith(b"PAR1"):
        return _look_parquet(path)
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(
            "is UTF-16", file=path, hint="save it as UTF-8, for example: iconv -f utf-16 -t utf-8"
        )
    container = _text_container(path, start)
    records = tuple(_head_records(path, container))
    names = dict.fromkeys(name for record in records for name in record)
    return Head(container=container, columns=tuple(names), records=records)


def _first_bytes(path: str) -> bytes:
    head = b""
    try:
        for block in read_blocks(path):
            head += block
            if len(head) >= HEAD_BYTES:
                break
    except BrokenStreamError:
        pass
    return head


def _look_parquet(path: str) -> Head:
    try:
        file = open_parquet(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(
            f"is not a complete Parquet file: {str(error).splitlines()[0]}",
            file=path,
            hint="copy it again: the end of the file is missing or damaged",
        ) from error
    with file:
        columns = tuple(file.schema_arrow.names)
        rows: list[Mapping[str, Any]] = []
        if not set(NEEDED) <= set(columns):  # somebody's own table: the shape of its values matters
            rows = next((b.to_pylist() for b in file.iter_batches(batch_size=5)), [])
    return Head(container="parquet", columns=columns, records=tuple(rows))


def _text_container(path: str, start: bytes) -> Container:
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    first = text[:1]
    if first in (b"{", b"["):
        return _json_container(text)
    if b"\0" in start[:4096] or _is_binary(start[:4096]):
        if _looks_length_prefixed(start) or path.removesuffix(".gz").removesuffix(".zst").endswith(
            (".pb", ".binpb", ".otlp")
        ):
            return "protobuf"
        raise InputError(
            "is neither Parquet, JSON, CSV nor OTLP protobuf",
            file=path,
            hint="known formats: " + ", ".join(FORMATS),
        )
    line = text.split(b"\n", 1)[0]
    if any(mark in line for mark in (b",", b"\t", b";")) or path.endswith(".csv"):
        return "csv" if not path.endswith((".jsonl", ".ndjson", ".json")) else "json_lines"
    return "json_lines"


def _is_binary(start: bytes) -> bool:
    odd = sum(byte < 9 or 13 < byte < 32 for byte in start)
    return odd > len(start) // 50


def _looks_length_prefixed(start: bytes) -> bool:
    return len(start) > 5 and 0 < int.from_bytes(start[:4], "big") < 1 << 26 and start[4:5] == b"\x0a"


def _json_container(text: bytes) -> Container:
    """Lines when the first line, or any of the next whole ones, is a JSON value that is not all of a document."""
    lines = text.split(b"\n")
    whole = [line for line in lines[: HEAD_RECORDS + 1] if line.strip()]
    if _is_json(whole[0]):
        return "json_document" if len(whole) == 1 and is_wrapper(whole[0]) else "json_lines"
    if whole[0].strip() in (b"{", b"["):
        return "json_document"
    if any(line[:1] == b"{" and _is_json(line) for line in whole[1:]):
        return "json_lines"
    return "json_lines" if len(whole) == 1 else "json_document"


def _is_json(text: bytes) -> bool:
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, ValueError, RecursionError):
        try:
            json.loads(text.decode("utf-8", "replace"), strict=False)
        except (ValueError, RecursionError):
            return False
    return True


def _head_records(path: str, container: Container) -> Iterable[Mapping[str, Any]]:
    quiet = Rejects()
    found = 0
    for number, record in _raw_records(path, container, quiet):
        if isinstance(record, Mapping):
            decoded: Any = record
        else:
            decoded = _decode(record)
        if isinstance(decoded, Mapping):
            found += 1
            yield decoded
        if found >= HEAD_RECORDS or number > 20 * HEAD_RECORDS:
            return


def _raw_records(path: str, container: Container, rejects: Rejects) -> Iterable[tuple[int, Any]]:
    if container == "csv":
        return read_csv(path, rejects)
    if container == "json_document":
        return read_document(path, rejects)
    return read_json_lines(path, rejects) if container == "json_lines" else ()


def _decode(text: bytes) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def recognise(path: str, head: Head) -> str:
    """The format of a file's records.

    Raises:
        SchemaError: no format fits; names the columns that are missing and the nearest names that are there.
    """
    if head.container == "protobuf":
        return "otlp"
    if set(NEEDED) <= set(head.columns):
        return "contract"
    for name, form in FORMATS.items():
        if any(form.recognises(record) for record in head.records):
            return name
    if not head.records and head.container != "parquet":
        return "contract"  # nothing decodes: each line becomes a reject
    raise missing_columns(path, head.columns)


def missing_columns(path: str, columns: Iterable[str]) -> SchemaError:
    """The error for a table that lacks what the contract needs."""
    have = set(columns)
    lacking = [name for name in NEEDED if name not in have]
    if not have & {"prompt", "sketch"}:
        lacking.append("prompt (or sketch)")
    guesses = [g for name in lacking if (g := _guess(name.split()[0], have - set(COLUMNS)))]
    said = f"; {', '.join(guesses)}" if guesses else ""
    return SchemaError(
        f"lacks {', '.join(lacking)}{said}",
        file=path,
        hint="map its columns with --map FILE, or name its format with --format " + "|".join(FORMATS),
    )


def _guess(name: str, have: Iterable[str]) -> str | None:
    hint = nearest(name, have) if have else ""
    return f"for {name} {hint.removesuffix('?')}" if hint.startswith("did") else None
