"""Merkle tree and chained heads: what was sealed can be proven later, and nothing can be slipped in.

The tree is that of RFC 6962: a leaf hashes with a leading 0x00, a node with 0x01, and the left part of a
split is the largest power of two below the size, so that a proof needs about log2(n) hashes. A head fixes the
root at one size and hashes the head before it; publishing one head (or having a third party stamp it) fixes
everything sealed until then.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = [
    "GENESIS",
    "Head",
    "canonical_json",
    "first_broken_head",
    "inclusion_proof",
    "leaf_hash",
    "merkle_root",
    "next_head",
    "root_from_proof",
]

GENESIS = "0" * 64
"""What the first head names as the one before it."""


def canonical_json(value: object) -> bytes:
    """The one way a record is written before it is hashed: sorted keys, no spaces, UTF-8.

    >>> canonical_json({"b": 1, "a": [1, 2]})
    b'{"a":[1,2],"b":1}'
    """
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def leaf_hash(data: bytes) -> bytes:
    """Hash of one leaf (32 bytes)."""
    return hashlib.sha256(b"\x00" + data).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _split(size: int) -> int:
    return 1 << ((size - 1).bit_length() - 1)


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """Root over leaf hashes, in order; of no leaves, the hash of nothing (RFC 6962, section 2.1)."""
    level = list(leaves)
    if not level:
        return hashlib.sha256(b"").digest()
    while len(level) > 1:
        # Pairing level by level with the odd one carried up gives the same tree as splitting at powers of two.
        odd = level[-1:] if len(level) % 2 else []
        level = [_node(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)] + odd
    return level[0]


def inclusion_proof(leaves: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """Hashes that lead from leaf `index` to the root of `leaves`, nearest first.

    Raises:
        IndexError: `index` is not a leaf.
    """
    if not 0 <= index < len(leaves):
        raise IndexError(f"leaf {index} of {len(leaves)}")
    path: list[bytes] = []
    level, at = list(leaves), index
    while len(level) > 1:
        sibling = at ^ 1
        if sibling < len(level):
            path.append(level[sibling])
        odd = level[-1:] if len(level) % 2 else []
        level = [_node(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)] + odd
        at //= 2
    return tuple(path)


def root_from_proof(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes | None:
    """The root that `proof` leads to, or None where it does not fit a tree of `size` leaves.

    Args:
        leaf: leaf hash.
        index: 0-based place of the leaf.
        size: number of leaves under the root.
        proof: as `inclusion_proof` gives it.
    """
    if not 0 <= index < size:
        return None
    value, at, width, rest = leaf, index, size, list(proof)
    while width > 1:
        if at ^ 1 < width:
            if not rest:
                return None
            sibling = rest.pop(0)
            value = _node(sibling, value) if at & 1 else _node(value, sibling)
        at, width = at // 2, (width + 1) // 2
    return None if rest else value


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The state of a log at one moment."""

    size: int
    """Leaves under the root."""
    root: str
    """Hex."""
    previous: str
    """`hash` of the head before, hex; `GENESIS` for the first."""
    at: str
    """ISO time, UTC; a claim of whoever keeps the log until a third party stamps the hash."""

    @property
    def hash(self) -> str:
        """Hex digest to publish."""
        body = {"size": self.size, "root": self.root, "previous": self.previous, "at": self.at}
        return hashlib.sha256(b"hydrascope-head-v1\x00" + canonical_json(body)).hexdigest()


def next_head(previous: str, leaves: Sequence[bytes], at: str) -> Head:
    """The head over all `leaves`.

    Args:
        previous: `hash` of the head before; of the log's opening statement, or `GENESIS`, for the first.
    """
    return Head(size=len(leaves), root=merkle_root(leaves).hex(), previous=previous, at=at)


def first_broken_head(
    heads: Sequence[Head], leaves: Sequence[bytes] | None = None, *, start: str = GENESIS
) -> str | None:
    """What is wrong with a chain of heads, in words, or None.

    Args:
        heads: oldest first.
        leaves: every leaf hash of the log; where given, each root is recomputed, so that a log that was
            rewritten between two heads is caught. Without them only the chain is checked.
        start: what the first head must name as the one before it.
    """
    before: Head | None = None
    for number, head in enumerate(heads):
        if head.previous != (start if before is None else before.hash):
            return f"head {number} does not follow the head before it"
        if before is not None and head.size < before.size:
            return f"head {number} has fewer leaves than the head before it"
        if leaves is not None and head.size > len(leaves):
            return f"head {number} covers {head.size} leaves, the log has {len(leaves)}: it was truncated"
        if leaves is not None and merkle_root(leaves[: head.size]).hex() != head.root:
            return f"root of head {number} does not match the sealed records"
        before = head
    return None
