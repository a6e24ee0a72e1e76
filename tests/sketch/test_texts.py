"""Sketching columns of texts: splits do not matter, samples estimate what they should, strings carry them."""

from __future__ import annotations

import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hydrascope.errors import UsageError
from hydrascope.sketch import (
    SCRIPTS,
    TextSketch,
    concat_sketches,
    decode_sketches,
    encode_sketches,
    key_sketch,
    sketch_texts,
)

TEXTS = st.lists(
    st.none() | st.text(max_size=60) | st.sampled_from(["a b c d e f", "你好世界你好世界"]), max_size=8
)


def equal(left: TextSketch, right: TextSketch) -> bool:
    """Same values in every column."""
    names = ("text_hash", "n_words", "script", "offsets", "shingles")
    return all(np.array_equal(getattr(left, name), getattr(right, name)) for name in names)


def encodable(texts: list[str | None]) -> list[str | None]:
    """Texts that Arrow takes: without lone surrogates."""
    return [t if t is None else t.encode("utf-8", "ignore").decode() for t in texts]


@settings(max_examples=100, deadline=None)
@given(TEXTS, st.integers(0, 8))
def test_any_split_into_batches_gives_the_same_sketch(texts: list[str | None], at: int) -> None:
    """Sketching parts and joining them equals sketching all at once, for slices and both string types."""
    texts = encodable(texts)
    whole = sketch_texts(pa.array(texts, pa.string()))
    column = pa.array(texts, pa.large_string())
    assert equal(concat_sketches([sketch_texts(column[:at]), sketch_texts(column[at:])]), whole)
    assert equal(sketch_texts(pa.chunked_array([column[:at], column[at:]])), whole)


@settings(max_examples=50, deadline=None)
@given(TEXTS.filter(len), st.lists(st.tuples(st.integers(0, 7), st.booleans()), min_size=12, max_size=40))
def test_texts_that_repeat_are_sketched_as_if_they_did_not(
    texts: list[str | None], rows: list[tuple[int, bool]]
) -> None:
    """Whichever of the rows with one text get shingles."""
    column = pa.array(encodable([texts[i % len(texts)] for i, _ in rows]), pa.string())
    select = np.array([chosen for _, chosen in rows])
    plain = [sketch_texts(column), sketch_texts(column, select=select)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules["hydrascope.sketch.texts"], "_PROBE", 1)
        patch.setattr(sys.modules["hydrascope.sketch.texts"], "_PAYS", 0.0)
        once = [sketch_texts(column), sketch_texts(column, select=select)]
    assert equal(once[0], plain[0]) and equal(once[1], plain[1])


@settings(max_examples=100, deadline=None)
@given(TEXTS)
def test_a_sketch_survives_its_string_form(texts: list[str | None]) -> None:
    """Decoding what was encoded gives the sketch back, also under a key."""
    sketch = sketch_texts(pa.array(encodable(texts), pa.string()))
    assert equal(decode_sketches(encode_sketches(sketch)), sketch)
    keyed = key_sketch(sketch, bytes(range(16)))
    assert equal(decode_sketches(encode_sketches(keyed, key=bytes(range(16)))), keyed)


@pytest.mark.parametrize("entry", [None, "", "hs9:AAAA", "hs1:", "hs1:!!!!", "hs1:AAAA", "plain text"])
def test_an_unreadable_string_is_a_null_text(entry: str | None) -> None:
    """Nothing that a log may hold in the sketch column stops the reading of the rest."""
    good = encode_sketches(sketch_texts(pa.array(["one two three four"]))).to_pylist()
    sketch = decode_sketches(pa.array([entry, *good], pa.string()))
    assert sketch.text_hash[0] == 0
    assert sketch.n_words.tolist() == [0, 4]


def test_nulls_blanks_and_unselected_texts_have_no_shingles() -> None:
    """A null has hash 0 and script none; a text that is not selected keeps its other columns."""
    texts = pa.array([None, "", " \n", "one two three four", "one two three four"])
    sketch = sketch_texts(texts, select=np.array([True, True, True, True, False]))
    assert sketch.text_hash[:3].tolist() == [0, 0, 0]
    assert [SCRIPTS[code] for code in sketch.script] == ["none", "none", "none", "latin", "latin"]
    assert np.diff(sketch.offsets).tolist() == [0, 0, 0, 2, 0]
    assert sketch.text_hash[3] == sketch.text_hash[4]


def test_the_exact_key_sees_digits_and_order_but_not_dress() -> None:
    """Case, space and punctuation do not matter; a number or the order of words does."""
    texts = ["Solve 12 + 7, please!", "solve 12  7 PLEASE", "solve 13 7 please", "12 solve 7 please"]
    key = sketch_texts(pa.array(texts)).text_hash
    assert key[0] == key[1]
    assert len(set(key.tolist())) == 3


def test_numbers_are_slots_in_shingles() -> None:
    """Two texts that differ in their numbers alone have the same shingles."""
    sketch = sketch_texts(pa.array(["rate item 1 of 2024-01-02 now", "rate item 77 of 1999 now"]), rate=1.0)
    assert sketch.shingles_of(0).tolist() == sketch.shingles_of(1).tolist()


@pytest.mark.parametrize(
    ("text", "script"),
    [("hello there", "latin"), ("你好，world 世界", "han"), ("今日はいい天気ですね", "kana"), ("안녕 세상", "hangul"),
     ("привет мир", "cyrillic"), ("مرحبا بالعالم", "arabic"), ("नमस्ते दुनिया", "devanagari"),
     ("สวัสดี", "other"), ("123 !", "none")],
)  # fmt: skip
def test_the_dominant_script_is_named(text: str, script: str) -> None:
    """Japanese counts as kana, numbers as none."""
    assert SCRIPTS[sketch_texts(pa.array([text])).script[0]] == script


def test_containment_is_estimated_within_theory() -> None:
    """Sampled containment of one text in another is unbiased with the binomial's spread.

    The estimate is over the n sampled shingles of A, so its variance is c (1 - c) / n (Irber et al. 2022).
    """
    rng = np.random.default_rng(7)
    scores = []
    for _ in range(60):
        words = [
            f"{a}{b}" for a, b in zip(*rng.choice(list("abcdefghijklmnopqrstuvwxyz"), (2, 2000)), strict=True)
        ]
        rest = [
            f"{a}x{b}" for a, b in zip(*rng.choice(list("abcdefghijklmnopqrstuvwxyz"), (2, 500)), strict=True)
        ]
        pair = pa.array([" ".join(words), " ".join(words[:1400] + rest)])
        full = sketch_texts(pair, rate=1.0, limit=10**6)
        part = sketch_texts(pair, rate=1 / 8, least=0, limit=10**6)
        truth, estimate = (float(np.isin(s.shingles_of(0), s.shingles_of(1)).mean()) for s in (full, part))
        scores.append((estimate - truth) / np.sqrt(truth * (1 - truth) / len(part.shingles_of(0))))
    assert abs(np.mean(scores)) < 4 / np.sqrt(60)
    assert 0.7 < np.std(scores) < 1.35


def test_the_sampling_rate_is_met() -> None:
    """The share of distinct shingles kept is the rate, within five standard errors."""
    texts = pa.array(
        [
            " ".join(
                f"{chr(97 + i % 26)}{chr(97 + i // 26 % 26)}{chr(97 + i // 676 % 26)}" for i in range(17000)
            )
        ]
    )
    n = len(sketch_texts(texts, rate=1.0, limit=10**6).shingles)
    kept = len(sketch_texts(texts, rate=1 / 8, least=0, limit=10**6).shingles)
    assert abs(kept - n / 8) < 5 * np.sqrt(n * 7 / 64)


def test_a_key_hides_hashes_and_keeps_overlaps() -> None:
    """Keyed sketches share exactly what the plain ones share, and nothing with the plain ones."""
    plain = sketch_texts(pa.array(["a b c d e f g", "x a b c d e", None]), rate=1.0)
    keyed = key_sketch(plain, b"sixteen bytes ok")
    both = [len(np.intersect1d(s.shingles_of(0), s.shingles_of(1))) for s in (plain, keyed)]
    assert both == [3, 3]
    assert not np.isin(keyed.shingles, plain.shingles).any()
    assert keyed.text_hash[2] == 0


def test_wrong_parameters_are_named() -> None:
    """A rate, width or type that cannot be is a usage error with what to type instead."""
    with pytest.raises(UsageError, match="rate 2"):
        sketch_texts(pa.array(["a"]), rate=2)
    with pytest.raises(UsageError, match="must be strings"):
        sketch_texts(pa.array([1]))
    with pytest.raises(UsageError, match="too short"):
        key_sketch(sketch_texts(pa.array(["a"])), b"short")
