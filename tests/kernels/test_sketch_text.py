"""The compiled text sketch against its plain reference, and the rules that both must keep."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hydrascope.kernels.sketch_key import key_hashes
from hydrascope.kernels.text import sketch_buffer
from hydrascope.kernels.text_classes import (
    DIGIT,
    SCRIPTS,
    SEPARATOR,
    SINGLE,
    TABLE_SIZE,
    WORD,
    class_table,
    describe_character,
)
from hydrascope.kernels.text_reference import mix_reference, sketch_reference, tokenize_reference

MIXED = st.text(
    alphabet=st.one_of(
        st.sampled_from("abcXYZ ée.,-\n019_ÀßÑ你好世界，。ねこ한국어Приветпараعربंकขอ\u200b\u0301٣"),
        st.characters(),
    ),
    max_size=80,
)


def sketch_bytes(
    rows: list[bytes], *, rate: float = 1.0, width: int = 3, least: int = 0, limit: int = 512
) -> list[tuple]:
    """Kernel result for raw bytes, in the shape of the reference's."""
    data = np.frombuffer(b"".join(rows), np.uint8)
    offsets = np.cumsum([0, *map(len, rows)], dtype=np.int32)
    none = np.zeros(0, np.bool_)
    threshold = np.uint64(min(int(rate * 2.0**64), 2**64) - 1)
    result = sketch_buffer(data, offsets, none, none, class_table(), width, threshold, least, limit)
    hashes, n_words, scripts, bounds, shingles = result
    return [
        (int(hashes[i]), int(n_words[i]), SCRIPTS[scripts[i]], shingles[bounds[i] : bounds[i + 1]].tolist())
        for i in range(len(rows))
    ]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(MIXED, max_size=6),
    st.sampled_from([1.0, 0.5, 0.125]),
    st.integers(1, 8),
    st.sampled_from([(0, 1), (0, 9), (2, 2), (3, 40), (12, 13)]),
)
def test_kernel_equals_the_reference_on_any_text(
    texts: list[str], rate: float, width: int, bounds: tuple[int, int]
) -> None:
    """Hash, words, script and shingles agree for all of Unicode, whatever the parameters."""
    rows = [text.encode("utf-8", "surrogatepass") for text in texts]
    least, limit = bounds
    expected = [sketch_reference(row, rate=rate, width=width, least=least, limit=limit) for row in rows]
    assert sketch_bytes(rows, rate=rate, width=width, least=least, limit=limit) == expected


@settings(max_examples=300, deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=4))
def test_kernel_equals_the_reference_on_any_bytes(rows: list[bytes]) -> None:
    """Invalid UTF-8 separates words and never reads beyond its text."""
    assert sketch_bytes(rows) == [
        sketch_reference(row, rate=1.0, width=3, least=0, limit=512) for row in rows
    ]


def test_a_long_text_keeps_the_lowest_hashes_whatever_the_room() -> None:
    """Compaction on the way gives the same bottom shingles as sorting them all at the end."""
    text = " ".join(f"w{chr(97 + i % 26)}{chr(97 + i // 26 % 26)}{chr(97 + i // 676)}" for i in range(9000))
    words = text.split()
    for rate, least, limit in ((1.0, 0, 1), (1.0, 7, 7), (0.25, 32, 512), (0.001, 32, 512), (1e-9, 300, 400)):
        for size in (30, 90, 900, len(words)):
            row = " ".join(words[:size] * 2).encode()
            expected = sketch_reference(row, rate=rate, width=3, least=least, limit=limit)
            assert sketch_bytes([row], rate=rate, least=least, limit=limit) == [expected]


def test_the_shipped_table_is_this_pythons_unicode() -> None:
    """Characters that no later Unicode version touched are described as this Python describes them."""
    table = class_table()
    for code in range(0, TABLE_SIZE, 7):
        if unicodedata.ucd_3_2_0.category(chr(code)) not in ("Cn", "Co", "Cs"):
            folded, kind, script = describe_character(code)
            assert table[code] == folded | kind << 24 | script << 28, hex(code)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Don't STOP", ["don", "t", "stop"]),
        ("ＦＵＬＬ　ｗｉｄｔｈ１２", ["full", "width", "12"]),
        ("naïve nai\u0308ve", ["naive", "naive"]),
        ("ПРИВЕТ, Ёж", ["привет", "еж"]),
        ("ΣΊΣΥΦΟΣ", ["σισυφοσ"]),
        ("你好world", ["你", "好", "world"]),
        ("zero\u200bwidth", ["zerowidth"]),
        ("a\x00b", ["a", "b"]),
        ("한국어 문장", ["한국어", "문장"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
    ],
)
def test_normalisation_reads_words_as_people_do(text: str, tokens: list[str]) -> None:
    """Case, width, accents, punctuation and invisible characters do not matter; words and characters do."""
    assert [word for _, word, _ in tokenize_reference(text.encode())] == tokens


def test_kinds_are_told_apart() -> None:
    """Letters, numbers, unspaced characters and separators have their own class."""
    kinds = [describe_character(ord(c))[1] for c in "a7你 "]
    assert kinds == [WORD, DIGIT, SINGLE, SEPARATOR]


def test_shingle_hashes_are_uniform() -> None:
    """The mixed hash moves half of its bits when one input bit moves, so thresholds sample fairly."""
    flips = [
        (mix_reference(v) ^ mix_reference(v ^ 1 << b)).bit_count() for v in range(1, 60) for b in range(64)
    ]
    assert 31.5 < np.mean(flips) < 32.5
    assert min(flips) > 8


def test_keyed_hashes_are_siphash() -> None:
    """The published SipHash-2-4 test vector for an eight-byte message."""
    low, high, message = (int.from_bytes(bytes(range(at, at + 8)), "little") for at in (0, 8, 0))
    keyed = key_hashes(np.array([message], np.uint64), np.uint64(low), np.uint64(high))
    assert int(keyed[0]) == 0x93F5F5799A932462


def test_twenty_megabytes_in_one_prompt() -> None:
    """A huge prompt is sketched in bounded room."""
    text = "the quick brown fox 12 jumps\x00 " * 700_000
    ((_, n_words, script, shingles),) = sketch_bytes([text.encode()])
    assert (n_words, script, len(shingles)) == (4_200_000, "latin", 6)
