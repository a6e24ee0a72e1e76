"""How much memory a run may use, and how it is shared between the engine and our own kernels.

`--memory` is for the whole process. Python and its libraries take a fixed share, reading takes some per worker
while it lasts, and the engine gets the rest: it spills to disk what does not fit, the others cannot.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from hydrascope.errors import UsageError

__all__ = ["LEAST_BYTES", "MemoryShare", "parse_size", "share_memory"]

LEAST_BYTES = 512 << 20
"""Below this the libraries alone would not leave room for a batch."""
_LIBRARIES = 350 << 20
_PER_READER = 320 << 20
_LEAST_ENGINE = 256 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryShare:
    """What each part of a run may use, in bytes."""

    engine_bytes: int
    """The engine's own limit; it spills above it."""
    workers: int
    """Readers at once; fewer than asked for where memory does not carry them."""


def share_memory(total_bytes: int, workers: int) -> MemoryShare:
    """Share `--memory` out.

    Reading and the engine do not work at the same time, so each may have what the libraries leave; half of what
    the engine could have stays free for the arrays of features and links, which are the size of accounts.

    Raises:
        UsageError: too little for the libraries and one reader.
    """
    if total_bytes < LEAST_BYTES:
        raise UsageError(
            f"{total_bytes >> 20} MB is not enough memory",
            hint=f"give --memory {LEAST_BYTES >> 20}MB or more",
        )
    room = total_bytes - _LIBRARIES
    return MemoryShare(
        engine_bytes=max(room // 2, _LEAST_ENGINE), workers=max(1, min(workers, room // _PER_READER))
    )


def parse_size(text: str, option: str = "size") -> int:
    """Bytes of a size that a person wrote.

    Args:
        option: what the person gave it for, as it is typed.

    Raises:
        UsageError: not a size.

    >>> parse_size("1.5 GB") == 3 << 29
    True
    """
    units = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)i?B?\s*", text, re.IGNORECASE)
    if found is None:
        raise UsageError(f"{option} {text} is no usable size", hint="write 4GB or 800MB")
    return int(float(found[1]) * units[found[2].upper()])
