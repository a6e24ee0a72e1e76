"""The `sketch` column: one text's sketch as a short string, for logs that may not keep the text.

`hs1:` and base64 of, little-endian: text hash u64, words u32, sampling rate f32, key id u32 (0: no key), script u8,
shingle width u8, floor of shingles u16, then the shingles u64 in ascending order.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import struct
from base64 import b64decode, b64encode

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hydrascope.errors import UsageError
from hydrascope.kernels.sketch_key import key_hashes
from hydrascope.sketch.texts import LEAST, RATE, SCRIPTS, WIDTH, TextSketch

__all__ = ["PREFIX", "decode_sketches", "encode_sketch", "encode_sketches", "key_id", "key_sketch"]

PREFIX = "hs1:"
"""Version mark of the encoding; a change to hashing or layout changes it."""

_HEADER = struct.Struct("<QIfIBBH")


def encode_sketch(
    sketch: TextSketch,
    row: int = 0,
    *,
    rate: float = RATE,
    width: int = WIDTH,
    least: int = LEAST,
    key: bytes | None = None,
) -> str:
    """One text's sketch as a string; the parameters say how it was made (the key itself is not stored)."""
    hash_, n_words, script = int(sketch.text_hash[row]), int(sketch.n_words[row]), int(sketch.script[row])
    head = _HEADER.pack(hash_, n_words, rate, key_id(key), script, width, least)
    body = sketch.shingles_of(row).astype("<u8", copy=False).tobytes()
    return PREFIX + b64encode(head + body).decode("ascii")


def encode_sketches(
    sketch: TextSketch,
    *,
    rate: float = RATE,
    width: int = WIDTH,
    least: int = LEAST,
    key: bytes | None = None,
) -> pa.StringArray:
    """`encode_sketch` of every text."""
    rows = range(len(sketch))
    return pa.array(
        [encode_sketch(sketch, row, rate=rate, width=width, least=least, key=key) for row in rows],
        pa.string(),
    )


def decode_sketches(column: pa.Array | pa.ChunkedArray, *, width: int = WIDTH) -> TextSketch:
    """Read sketches back.

    A null or unreadable entry gives the sketch of a null text. Shingles of another width are left out, because they
    can be compared with nothing.
    """
    entries = [_read_entry(entry, width) for entry in column.to_pylist()]
    sizes = [len(entry[3]) for entry in entries]
    return TextSketch(
        text_hash=np.array([entry[0] for entry in entries], np.uint64),
        n_words=np.array([entry[1] for entry in entries], np.int32),
        script=np.array([entry[2] for entry in entries], np.uint8),
        offsets=np.cumsum([0, *sizes], dtype=np.int64),
        shingles=np.concatenate([np.zeros(0, np.uint64), *(entry[3] for entry in entries)]),
    )


def key_id(key: bytes | None) -> int:
    """A 32-bit mark by which sketches under different keys are told apart; 0 without a key."""
    if key is None:
        return 0
    digest = hmac.digest(key, b"hydrascope sketch key id", hashlib.sha256)
    return int.from_bytes(digest[:4], "little") or 1


def key_sketch(sketch: TextSketch, key: bytes) -> TextSketch:
    """Replace every hash by a keyed one; equalities, and so all overlaps, are kept.

    Args:
        sketch: an unkeyed sketch.
        key: a secret of at least 16 bytes, the same for all logs that are to be compared.

    Raises:
        UsageError: the key is too short.
    """
    if len(key) < 16:
        raise UsageError(f"a sketch key of {len(key)} bytes is too short", hint="use 16 random bytes or more")
    digest = hmac.digest(key, b"hydrascope sketch hashes", hashlib.sha256)
    low, high = (np.uint64(int.from_bytes(digest[at : at + 8], "little")) for at in (0, 8))
    shingles = key_hashes(sketch.shingles, low, high)
    owner = np.repeat(np.arange(len(sketch)), np.diff(sketch.offsets))
    hashes = key_hashes(sketch.text_hash, low, high)
    hashes[sketch.text_hash == 0] = 0
    return TextSketch(
        text_hash=hashes,
        n_words=sketch.n_words,
        script=sketch.script,
        offsets=sketch.offsets,
        shingles=shingles[np.lexsort((shingles, owner))],
    )


def _read_entry(entry: str | None, width: int) -> tuple[int, int, int, NDArray[np.uint64]]:
    """Text hash, words, script and shingles of one entry; of a null text where there is nothing to read."""
    nothing = 0, 0, 0, np.zeros(0, np.uint64)
    if entry is None or not entry.startswith(PREFIX):
        return nothing
    try:
        raw = b64decode(entry[len(PREFIX) :], validate=True)
    except (binascii.Error, ValueError):
        return nothing
    if len(raw) < _HEADER.size or (len(raw) - _HEADER.size) % 8:
        return nothing
    text_hash, n_words, _, _, script, made_width, _ = _HEADER.unpack_from(raw)
    if script >= len(SCRIPTS) or n_words >= 2**31:
        return nothing
    shingles = np.frombuffer(raw, "<u8", offset=_HEADER.size).astype(np.uint64)
    return text_hash, n_words, script, shingles if made_width == width else shingles[:0]
