"""Randomness that depends on names, never on the order of work: the same world whatever the workers."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = ["hex_ids", "mix", "salt", "stream"]

Uint64s = npt.NDArray[np.uint64]

_HEX = np.frombuffer("".join(f"{i:02x}" for i in range(256)).encode(), dtype="S2")


def salt(*labels: str | int) -> int:
    """A 64-bit number that depends on every label."""
    text = "\x1f".join(str(label) for label in labels).encode()
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "little")


def stream(*labels: str | int) -> np.random.Generator:
    """A generator of its own for this seed, group, flow and day."""
    text = "\x1f".join(str(label) for label in labels).encode()
    return np.random.Generator(
        np.random.SFC64(int.from_bytes(blake2b(text, digest_size=16).digest(), "little"))
    )


def mix(values: npt.NDArray[Any], key: int = 0) -> Uint64s:
    """Scrambles 64-bit numbers one to one (splitmix64), so that distinct inputs stay distinct."""
    x = values.astype(np.uint64) ^ np.uint64(key & 0xFFFFFFFFFFFFFFFF)
    with np.errstate(over="ignore"):
        x = x + np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def hex_ids(numbers: Uint64s) -> pa.Array:
    """Numbers as Arrow strings of sixteen hexadecimal digits."""
    digits = _HEX[numbers.astype(">u8").view(np.uint8)]
    offsets = np.arange(len(numbers) + 1, dtype=np.int32) * 16
    return pa.StringArray.from_buffers(len(numbers), pa.py_buffer(offsets), pa.py_buffer(digits.tobytes()))
