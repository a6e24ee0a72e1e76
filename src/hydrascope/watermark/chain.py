"""Hash-chained lines of an append-only file: writing them, and naming the first that is broken."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from hydrascope.errors import StateError
from hydrascope.watermark.keys import derive_secret

__all__ = [
    "GENESIS",
    "HINT",
    "Line",
    "chain_lines",
    "check_chain",
    "check_head",
    "dump_line",
    "hash_line",
    "parse_line",
    "seal_line",
]

GENESIS = "0" * 64
"""What the first line names as the line before it."""
HINT = "restore the file from a backup; `hydrascope watermark keys verify` names the first broken line"
_KINDS = ("open", "commit", "retire", "revoke")

Line = dict[str, Any]


def check_head(lines: Sequence[Line], file: Path, head: str | None) -> None:
    """Refuses lines that do not end as the sidecar, or `head`, says."""
    if head is None:
        sidecar = Path(f"{file}.head")
        try:
            told = msgspec.json.decode(sidecar.read_bytes(), type=dict[str, Any])
            head, wanted = str(told["hash"]), int(told["lines"])
        except (OSError, msgspec.MsgspecError, KeyError, ValueError):
            raise StateError(
                "the registry's head is missing, so a cut-off tail could not be noticed",
                file=str(sidecar),
                hint="restore it, or give --head HASH from a published copy",
            ) from None
        if wanted != len(lines):
            raise StateError(
                f"the registry has {len(lines)} lines, its head says {wanted}",
                file=str(file),
                line=min(wanted, len(lines)),
                hint=HINT,
            )
    if lines[-1]["hash"] != head:
        raise StateError(
            "the registry does not end as its head says", file=str(file), line=len(lines), hint=HINT
        )


def check_chain(lines: Sequence[Line], file: str) -> None:
    """Refuses the first line that is missing, out of order or changed."""
    previous = GENESIS
    for number, line in enumerate(lines, start=1):
        if line.get("seq") != number - 1 or line.get("prev") != previous:
            raise StateError("a line is missing or out of order here", file=file, line=number, hint=HINT)
        if line.get("kind") not in _KINDS or (line["kind"] == "open") != (number == 1):
            raise StateError("this is not a registry line", file=file, line=number, hint=HINT)
        if line.get("hash") != hash_line(line):
            raise StateError("this line was changed after it was written", file=file, line=number, hint=HINT)
        previous = str(line["hash"])


def parse_line(raw: str, file: str, number: int) -> Line:
    """One line of the file."""
    try:
        return msgspec.json.decode(raw, type=dict[str, Any])
    except msgspec.MsgspecError:
        raise StateError("this line is not JSON", file=file, line=number, hint=HINT) from None


def chain_lines(previous: str, seq: int, new: Iterable[Line], root: bytes) -> Iterator[Line]:
    """Numbers, links, hashes and seals new lines that follow `previous`."""
    secret = derive_secret(root, "registry", length=32)
    for line in new:
        body = {**line, "seq": seq, "prev": previous}
        previous = hash_line(body)
        yield {
            **body,
            "hash": previous,
            "mac": hmac.new(secret, previous.encode(), hashlib.sha256).hexdigest(),
        }
        seq += 1


def hash_line(line: Line) -> str:
    """SHA-256 of the canonical line, its own hash and MAC left out."""
    body = {name: value for name, value in line.items() if name not in ("hash", "mac")}
    return hashlib.sha256(dump_line(body).encode()).hexdigest()


def seal_line(root: bytes, digest: str) -> str:
    """MAC of a line's hash under a key only the root gives."""
    return hmac.new(derive_secret(root, "registry", length=32), digest.encode(), hashlib.sha256).hexdigest()


def dump_line(line: Line) -> str:
    """Canonical JSON."""
    return json.dumps(line, sort_keys=True, separators=(",", ":"))
