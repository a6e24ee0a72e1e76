"""Address ranges with labels, searched by sorted intervals; the narrowest range that holds an address names it.

A range file is text (a range a line, a label after it), or CSV, JSON lines or Parquet with a `cidr` column and a
`kind` (or `label`, `type`, `provider`) column; a file of `asn` rows labels whole networks in the same way.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from hydrascope.errors import InputError, SchemaError
from hydrascope.ingest.bytestream import read_lines
from hydrascope.ingest.containers import read_csv, read_document, read_json_lines
from hydrascope.ingest.detect import look
from hydrascope.ingest.formats.values import mapping
from hydrascope.ingest.rejects import Rejects

__all__ = ["KINDS", "IPRange", "Ranges", "kind_of", "read_ranges"]

KINDS: Mapping[str, tuple[str, ...]] = {
    "vpn": ("vpn", "proxy", "tor", "anonymous", "relay"),
    "residential": ("residential", "isp", "mobile", "consumer", "broadband"),
    "hosting": ("hosting", "cloud", "datacenter", "data_center", "dc", "server"),
}
"""What an address range is, and the words by which lists say it; anything else, such as a provider's name, is hosting."""
_RANGE_COLUMNS = ("cidr", "network", "prefix", "ip_prefix", "ipv4Prefix", "ipv6Prefix", "range", "subnet")
_LABEL_COLUMNS = ("kind", "label", "type", "category", "list", "provider", "name")
IPRange = ipaddress.IPv4Network | ipaddress.IPv6Network
Segment = tuple[int, int, str]


def kind_of(label: str) -> str:
    """The kind that a list's own word means.

    >>> kind_of("x4bnet_vpn"), kind_of("amazon"), kind_of("Residential proxy")
    ('vpn', 'hosting', 'residential')
    """
    text = label.lower()
    if "residential" in text:
        return "residential"
    return next((kind for kind, words in KINDS.items() if any(word in text for word in words)), "hosting")


class Ranges:
    """Disjoint labelled intervals of IPv4 and IPv6 addresses."""

    def __init__(self, labelled: Iterable[tuple[IPRange, str]]) -> None:
        """Args: pairs of a range and a kind; ranges may nest and repeat."""
        networks = set(labelled)
        four = [(n, k) for n, k in networks if n.version == 4]
        six = [(n, k) for n, k in networks if n.version == 6]
        self._four = _Intervals(_disjoint(four), 4)
        self._six = _Intervals(_disjoint(six), 16)

    def __len__(self) -> int:
        return len(self._four.labels) + len(self._six.labels)

    def labels(self, packed: Sequence[bytes | None]) -> list[str | None]:
        """The kind of each packed address (4 or 16 bytes, network order); None where no range holds it."""
        out: list[str | None] = [None] * len(packed)
        for intervals, size in ((self._four, 4), (self._six, 16)):
            rows = [i for i, address in enumerate(packed) if address is not None and len(address) == size]
            if rows and intervals.labels:
                for row, label in zip(rows, intervals.find([packed[i] or b"" for i in rows]), strict=True):
                    out[row] = label
        return out


class _Intervals:
    """Sorted disjoint intervals; addresses compare as big-endian bytes."""

    def __init__(self, segments: Sequence[Segment], size: int) -> None:
        self._size = size
        self._starts = self._keys([start.to_bytes(size, "big") for start, _, _ in segments])
        self._ends = self._keys([end.to_bytes(size, "big") for _, end, _ in segments])
        self.labels = [label for _, _, label in segments]

    def _keys(self, packed: Sequence[bytes]) -> np.ndarray[Any, Any]:
        """Sortable keys: one number for IPv4, a pair of numbers for IPv6."""
        flat = np.frombuffer(b"".join(packed), dtype=">u4" if self._size == 4 else ">u8")
        if self._size == 4:
            return flat.astype(np.uint64)
        pairs = flat.reshape(-1, 2).astype(np.uint64)
        return pairs.view([("high", np.uint64), ("low", np.uint64)]).reshape(-1)

    def find(self, packed: Sequence[bytes]) -> list[str | None]:
        keys = self._keys(packed)
        at = np.searchsorted(self._starts, keys, side="right") - 1
        inside = (at >= 0) & ~self._after(keys, self._ends[np.maximum(at, 0)])
        return [self.labels[i] if ok else None for i, ok in zip(at, inside, strict=True)]

    def _after(self, keys: np.ndarray[Any, Any], ends: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        if self._size == 4:
            return keys > ends
        high = keys["high"] > ends["high"]
        return high | ((keys["high"] == ends["high"]) & (keys["low"] > ends["low"]))


def _disjoint(networks: Sequence[tuple[Any, str]]) -> list[Segment]:
    """Nested ranges cut into segments that each carry the label of the narrowest range over them."""
    spans = sorted((int(n.network_address), -int(n.broadcast_address), kind) for n, kind in networks)
    segments: list[Segment] = []
    open_: list[tuple[int, str]] = []  # ends and labels of the ranges around the current point, widest first
    point = 0
    for start, negative_end, label in spans:
        point = _close(segments, open_, point, start)
        if open_ and point < start:
            segments.append((point, start - 1, open_[-1][1]))
        open_.append((-negative_end, label))
        point = start
    _close(segments, open_, point, None)
    return [s for s in segments if s[0] <= s[1]]


def _close(segments: list[Segment], open_: list[tuple[int, str]], point: int, until: int | None) -> int:
    """End the ranges that stop before `until`; the point up to which segments are written."""
    while open_ and (until is None or open_[-1][0] < until):
        end, label = open_.pop()
        if point <= end:
            segments.append((point, end, label))
            point = end + 1
    return point


def read_ranges(path: str) -> tuple[list[tuple[IPRange, str]], dict[int, str]]:
    """(range, kind) pairs and ASN to kind, of one file.

    Raises:
        InputError: no such file, or not one usable range in it.
        SchemaError: a table without a range or ASN column.
    """
    if not Path(path).is_file():
        raise InputError("no such file", file=path, hint="check the path")
    ranges: list[tuple[IPRange, str]] = []
    asns: dict[int, str] = {}
    default = kind_of(Path(path).stem)
    for cidr, asn, label in _entries(path):
        kind = kind_of(label) if label else default
        network = _network(cidr)
        if network is not None:
            ranges.append((network, kind))
        elif asn is not None:
            asns[asn] = kind
    if not ranges and not asns:
        raise InputError(
            "holds no address range", file=path, hint="a line is a range such as 192.0.2.0/24, then a label"
        )
    return ranges, asns


def _network(text: str | None) -> IPRange | None:
    try:
        return ipaddress.ip_network(text, strict=False) if text else None
    except ValueError:
        return None


def _entries(path: str) -> Iterator[tuple[str | None, int | None, str | None]]:
    if not _is_table(path):
        yield from _text_entries(path)
        return
    names: set[str] = set()
    for row in _table_rows(path):
        names |= set(row)
        cidr = next((row[n] for n in _RANGE_COLUMNS if row.get(n)), None)
        label = next((str(row[n]) for n in _LABEL_COLUMNS if row.get(n)), None)
        asn = str(row.get("asn") or "").upper().removeprefix("AS")
        yield cidr, int(asn) if asn.isdigit() else None, label
    if not names & {*_RANGE_COLUMNS, "asn"}:
        raise SchemaError(
            "has neither a range nor an ASN column", file=path, hint="name one of them 'cidr' or 'asn'"
        )


def _is_table(path: str) -> bool:
    return path.lower().removesuffix(".gz").endswith((".parquet", ".pq", ".csv", ".tsv", ".json", ".jsonl"))


def _table_rows(path: str) -> Iterator[Mapping[str, Any]]:
    quiet = Rejects()
    container = look(path).container
    if container == "parquet":
        yield from pq.read_table(path).to_pylist()
    elif container == "csv":
        yield from (row for _, row in read_csv(path, quiet))
    elif container == "json_document":  # the clouds' own files: {"prefixes": [...]}
        for _, raw in read_document(path, quiet):
            document = mapping(raw.decode("utf-8", "replace"))
            lists = [value for value in document.values() if isinstance(value, list)]
            yield from (mapping(item) for each in lists or [[document]] for item in each)
    else:
        yield from (mapping(raw.decode("utf-8", "replace")) for _, raw in read_json_lines(path, quiet))


def _text_entries(path: str) -> Iterator[tuple[str | None, int | None, str | None]]:
    for _, lines in read_lines(path):
        for raw in lines:
            words = raw.decode("utf-8", "replace").split("#", 1)[0].replace(",", " ").split()
            if words:
                yield words[0], None, words[1] if len(words) > 1 else None
