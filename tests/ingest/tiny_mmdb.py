"""Writes MaxMind-format databases of a few IPv4 networks, so that no vendor's file is needed."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_MARKER = b"\xab\xcd\xefMaxMind.com"


def write_mmdb(path: Path, networks: Mapping[str, Mapping[str, Any]]) -> str:
    """A database with one record a network; networks do not overlap."""
    data, offsets = b"", {}
    for network, record in networks.items():
        offsets[network] = len(data)
        data += _encode(record)
    nodes = _tree(networks)
    count = len(nodes)
    tree = b"".join(_record(child, count, offsets) for node in nodes for child in node)
    fields = {
        "node_count": _encode(count),
        "record_size": _short(32),
        "ip_version": _short(4),
        "database_type": _encode("Test"),
        "languages": _encode(["en"]),
        "binary_format_major_version": _short(2),
        "binary_format_minor_version": _short(0),
        "build_epoch": b"\x04\x02" + (1_772_359_200).to_bytes(4, "big"),
        "description": _encode({"en": "Test"}),
    }
    meta = _head(7, len(fields)) + b"".join(_encode(name) + raw for name, raw in fields.items())
    path.write_bytes(tree + b"\0" * 16 + data + _MARKER + meta)
    return str(path)


def _tree(networks: Mapping[str, Any]) -> list[list[Any]]:
    nodes: list[list[Any]] = [[None, None]]
    for text in networks:
        network = ipaddress.ip_network(text)
        at = 0
        for depth in range(network.prefixlen):
            bit = int(network.network_address) >> (31 - depth) & 1
            if depth == network.prefixlen - 1:
                nodes[at][bit] = text
            else:
                if nodes[at][bit] is None:
                    nodes.append([None, None])
                    nodes[at][bit] = len(nodes) - 1
                at = nodes[at][bit]
    return nodes


def _record(child: Any, count: int, offsets: Mapping[str, int]) -> bytes:
    if isinstance(child, str):
        return (count + 16 + offsets[child]).to_bytes(4, "big")
    return (count if child is None else child).to_bytes(4, "big")


def _encode(value: Any) -> bytes:
    if isinstance(value, bool):
        return bytes([int(value), 7])
    if isinstance(value, int):
        raw = value.to_bytes((value.bit_length() + 7) // 8, "big")
        return _head(6, len(raw)) + raw
    if isinstance(value, str):
        return _head(2, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return bytes([len(value), 4]) + b"".join(map(_encode, value))
    pairs = b"".join(_encode(name) + _encode(inner) for name, inner in value.items())
    return _head(7, len(value)) + pairs


def _short(value: int) -> bytes:
    return _head(5, 2) + value.to_bytes(2, "big")


def _head(kind: int, size: int) -> bytes:
    return bytes([kind << 5 | size]) if size < 29 else bytes([kind << 5 | 29, size - 29])
