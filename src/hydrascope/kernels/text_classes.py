"""What each Unicode character means to the text sketch: a separator, a letter, a digit, or a word by itself.

One packed 32-bit entry per code point below `TABLE_SIZE`: bits 0-20 the folded code point, bits 24-27 the kind,
bits 28-31 the script. Folding is lower case, compatibility forms (full-width, mathematical letters, ligature-free)
and, for letters over combining marks U+0300-036F, the base letter, so that composed and decomposed text agree.

The table is shipped (`text_classes.npz`) rather than built at import: sketches made by two Python versions with
two Unicode versions must be equal byte for byte. `python -m hydrascope.kernels.text_classes` writes it again.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "DIGIT",
    "SCRIPTS",
    "SEPARATOR",
    "SINGLE",
    "SKIP",
    "TABLE_SIZE",
    "WORD",
    "build_table",
    "class_table",
    "describe_character",
]

SEPARATOR, WORD, DIGIT, SINGLE, SKIP = range(5)
"""Kinds: ends a token; part of a word; part of a number; a token by itself; as if it were not there."""

SCRIPTS: tuple[str, ...] = (
    "none",
    "latin",
    "han",
    "kana",
    "hangul",
    "cyrillic",
    "arabic",
    "devanagari",
    "other",
)
"""Script names by code; `none` is a text without letters."""

TABLE_SIZE = 0x20000
"""Basic and supplementary multilingual planes; above, CJK extensions are `SINGLE`, the rest separates."""

_TABLE_FILE = Path(__file__).with_name("text_classes.npz")

_SCRIPT_RANGES: tuple[tuple[int, int, str], ...] = (
    (0x0041, 0x024F, "latin"),
    (0x0250, 0x02AF, "latin"),
    (0x0400, 0x052F, "cyrillic"),
    (0x0600, 0x06FF, "arabic"),
    (0x0750, 0x077F, "arabic"),
    (0x08A0, 0x08FF, "arabic"),
    (0x0900, 0x097F, "devanagari"),
    (0x1100, 0x11FF, "hangul"),
    (0x1C80, 0x1C8F, "cyrillic"),
    (0x1E00, 0x1EFF, "latin"),
    (0x2C60, 0x2C7F, "latin"),
    (0x2DE0, 0x2DFF, "cyrillic"),
    (0x3005, 0x3007, "han"),
    (0x3040, 0x30FF, "kana"),
    (0x3130, 0x318F, "hangul"),
    (0x31F0, 0x31FF, "kana"),
    (0x3400, 0x4DBF, "han"),
    (0x4E00, 0x9FFF, "han"),
    (0xA640, 0xA69F, "cyrillic"),
    (0xA720, 0xA7FF, "latin"),
    (0xAC00, 0xD7FF, "hangul"),
    (0xF900, 0xFAFF, "han"),
    (0xFB50, 0xFDFF, "arabic"),
    (0xFE70, 0xFEFF, "arabic"),
)

_UNSPACED: tuple[tuple[int, int], ...] = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x0F00, 0x109F),  # Tibetan, Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x3005, 0x3007),
    (0x3040, 0x312F),  # kana, bopomofo
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
)

_IGNORED_MARKS: tuple[tuple[int, int], ...] = (
    (0x0300, 0x036F),
    (0x0483, 0x0489),
    (0x0591, 0x05BD),
    (0x0610, 0x061A),
    (0x064B, 0x065F),
    (0x0670, 0x0670),
    (0x1AB0, 0x1AFF),
    (0x1DC0, 0x1DFF),
    (0x20D0, 0x20FF),
    (0x3099, 0x309A),
    (0xFE00, 0xFE0F),  # variation selectors
    (0xFE20, 0xFE2F),
)


def describe_character(code: int) -> tuple[int, int, int]:
    """Folded code point, kind and script code of one code point, by this Python's Unicode tables."""
    category = unicodedata.category(chr(code))
    if category == "Cf" or _within(code, _IGNORED_MARKS):
        return code, SKIP, 0
    folded = _fold(code)
    category = unicodedata.category(chr(folded))
    if category == "Nd":
        return 0x30 + unicodedata.digit(chr(folded)), DIGIT, 0
    if category[0] not in "LMN":
        return code, SEPARATOR, 0
    return folded, SINGLE if _within(folded, _UNSPACED) else WORD, _script(folded)


def build_table() -> NDArray[np.uint32]:
    """The packed table, from this Python's Unicode tables."""
    table = np.zeros(TABLE_SIZE, np.uint32)
    for code in range(TABLE_SIZE):
        folded, kind, script = describe_character(code)
        table[code] = folded | kind << 24 | script << 28
    return table


@cache
def class_table() -> NDArray[np.uint32]:
    """The shipped table, uint32[TABLE_SIZE], read once."""
    with np.load(_TABLE_FILE) as archive:
        shift, classes = archive["shift"], archive["classes"]
    table: NDArray[np.uint32] = (np.arange(TABLE_SIZE) + shift).astype(np.uint32)
    table |= classes.astype(np.uint32) << np.uint32(24)
    table.flags.writeable = False
    return table


def _fold(code: int) -> int:
    """Case folded, compatibility form, base letter; the code itself where the result is not one character."""
    text = unicodedata.normalize("NFKC", chr(code)).casefold()
    parts = unicodedata.normalize("NFD", text)
    if len(parts) > 1 and all(0x0300 <= ord(mark) <= 0x036F for mark in parts[1:]):
        text = parts[0]
    return ord(text) if len(text) == 1 else code


def _script(code: int) -> int:
    for first, last, name in _SCRIPT_RANGES:
        if first <= code <= last:
            return SCRIPTS.index(name)
    return SCRIPTS.index("other")


def _within(code: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= code <= last for first, last in ranges)


def _write_table(path: Path = _TABLE_FILE) -> None:
    """Store how far each code point folds instead of where to: nearly all zeros, so it compresses to 6 kB."""
    table = build_table()
    shift = (table & np.uint32(0x1FFFFF)).astype(np.int32) - np.arange(TABLE_SIZE, dtype=np.int32)
    np.savez_compressed(path, shift=shift, classes=(table >> np.uint32(24)).astype(np.uint8))


if __name__ == "__main__":
    _write_table()
