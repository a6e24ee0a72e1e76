"""Bytes of plain, gzip and Zstandard files, in blocks and in lines; a broken archive gives all it still holds.

Compression is told by the first bytes, not by the name: exports drop and invent suffixes.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import zstandard

from hydrascope.storage import open_binary

__all__ = ["BrokenStreamError", "compression", "line_ranges", "read_blocks", "read_lines"]

BLOCK = 1 << 20
PIECE = 1 << 15
_WIDE_BLOCK = 1 << 22
_MAGIC = {b"\x1f\x8b": "gz", b"\x28\xb5\x2f\xfd": "zst"}


class BrokenStreamError(Exception):
    """The archive ended early or is corrupt; everything before the break has been given."""


def compression(path: str | Path) -> str | None:
    """`gz`, `zst`, or None for a plain file."""
    with open_binary(path) as file:
        head = file.read(4)
    return next((name for magic, name in _MAGIC.items() if head.startswith(magic)), None)


def read_blocks(path: str | Path, *, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
    """Decompressed blocks of about 1 MB; `start` and `stop` are byte offsets of a plain file.

    Raises:
        BrokenStreamError: after the last byte before the break.
    """
    packed = compression(path)
    if packed is None:
        yield from _plain(path, start, stop)
    elif packed == "gz":
        yield from _unpack(path, lambda: zlib.decompressobj(wbits=31), zlib.error)
    else:
        unpack = zstandard.ZstdDecompressor(max_window_size=1 << 31)
        yield from _unpack(path, unpack.decompressobj, zstandard.ZstdError)


def _plain(path: str | Path, start: int, stop: int | None) -> Iterator[bytes]:
    with open_binary(path) as file:
        file.seek(start)
        left = None if stop is None else stop - start
        while left is None or left > 0:
            block = file.read(BLOCK if left is None else min(BLOCK, left))
            if not block:
                return
            if left is not None:
                left -= len(block)
            yield block


def _unpack(path: str | Path, new: Any, error: type[Exception]) -> Iterator[bytes]:
    """Concatenated gzip members or Zstandard frames, in pieces small enough that a break costs little."""
    with open_binary(path) as file:
        member, fresh = new(), True
        while piece := file.read(PIECE):
            while piece:
                before = member.copy() if hasattr(member, "copy") else None
                try:
                    out = member.decompress(piece)
                except error as broken:
                    yield from _last_bytes(before, piece, error)
                    raise BrokenStreamError(str(broken)) from None
                fresh = False
                if out:
                    yield out
                if not member.eof:
                    break
                piece, member, fresh = member.unused_data, new(), True
        if not fresh:
            raise BrokenStreamError("the archive ends early")


def _last_bytes(member: Any, piece: bytes, error: type[Exception]) -> Iterator[bytes]:
    """What a failing piece still gives when fed byte by byte."""
    if member is None:
        return
    out: list[bytes] = []
    try:
        for i in range(len(piece)):
            out.append(member.decompress(piece[i : i + 1]))
    except error:
        pass
    yield b"".join(out)


def read_lines(
    path: str | Path, *, start: int = 0, stop: int | None = None, first_line: int = 1
) -> Iterator[tuple[int, list[bytes]]]:
    """Blocks of whole lines without their ends: (1-based number of the first line, lines).

    Raises:
        BrokenStreamError: after the last line before the break; a line cut by the break is given too.
    """
    line = first_line
    rest: list[bytes] = []  # pieces of a line that has not ended yet
    broken: BrokenStreamError | None = None
    blocks = read_blocks(path, start=start, stop=stop)
    while True:
        try:
            block = next(blocks)
        except StopIteration:
            break
        except BrokenStreamError as error:
            broken = error
            break
        if line == 1 and start == 0 and not rest:
            block = block.removeprefix(b"\xef\xbb\xbf")
        if b"\n" not in block:
            rest.append(block)
            continue
        lines = b"".join([*rest, block]).split(b"\n")
        rest = [lines.pop()]
        yield line, lines
        line += len(lines)
    last = b"".join(rest)
    if last:
        yield line, [last]
    if broken is not None:
        raise broken


def line_ranges(path: str | Path, size: int) -> list[tuple[int, int, int]]:
    """Byte ranges of whole lines of a plain file, `size` bytes or a little more: (start, stop, 1-based first line)."""
    ranges = []
    start, first, at, lines = 0, 1, 0, 0
    with open_binary(path) as file:
        while block := file.read(_WIDE_BLOCK):
            cut = block.rfind(b"\n")
            if cut >= 0 and at + cut + 1 - start >= size:
                lines += block.count(b"\n")
                stop = at + cut + 1
                ranges.append((start, stop, first))
                start, first = stop, lines + 1
            else:
                lines += block.count(b"\n")
            at += len(block)
    return [*ranges, (start, at, first)] if at > start else ranges
