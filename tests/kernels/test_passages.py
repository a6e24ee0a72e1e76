"""Passages of the kernel are those of its reference, and a text is known again inside another."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hydrascope.errors import UsageError
from hydrascope.kernels.text_reference import passages_reference
from hydrascope.sketch import find_passages

TEXTS = st.lists(
    st.none()
    | st.text("ab 19-é你好。", max_size=60)
    | st.text(st.characters(codec="utf-8"), max_size=40)
    | st.lists(st.sampled_from(["red", "42", "moon", "你们都好"]), max_size=40).map(" ".join),
    max_size=8,
)


def passages_of(text: str, **settings: float) -> set[int]:
    """Of one text, all of them where no rate is given."""
    return set(find_passages(pa.array([text]), **{"rate": 1.0, **settings})[1].tolist())


@settings(max_examples=200, deadline=None)
@given(TEXTS, st.integers(1, 32), st.sampled_from([1.0, 0.5, 1 / 32]))
def test_the_kernel_finds_what_the_reference_finds(texts: list[str | None], width: int, rate: float) -> None:
    """Of every text, alone or among others; a null has none."""
    bounds, found = find_passages(pa.array(texts, pa.string()), rate=rate, width=width)
    for row, text in enumerate(texts):
        expected = [] if text is None else passages_reference(text.encode(), rate=rate, width=width)
        assert found[bounds[row] : bounds[row + 1]].tolist() == expected


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.from_regex(r"[a-z]{2,7}", fullmatch=True), min_size=10, max_size=60),
    st.sampled_from(["", "Judge this: ", "评判：", "<answer>\n"]),
    st.sampled_from(["", " Thanks.", "\n</answer>"]),
)
def test_a_text_is_known_inside_another(words: list[str], before: str, after: str) -> None:
    """Every passage of an answer is one of a prompt that quotes it, whatever its case, spaces and surroundings."""
    answer = " ".join(words)
    assert passages_of(answer) <= passages_of(before + "  ".join(words).upper() + after)
    assert passages_of(answer, rate=1 / 8) <= passages_of(answer)


def test_numbers_and_opaque_tokens_tell_texts_apart() -> None:
    """Two signatures have nothing in common, nor have two rows of figures."""
    first, second = (
        f"sealed {''.join(np.random.default_rng(s).choice(list('0123456789abcdef'), 64))}" for s in (1, 2)
    )
    assert passages_of(first) and not passages_of(first) & passages_of(second)
    assert not passages_of(" ".join(map(str, range(20)))) & passages_of(" ".join(map(str, range(50, 70))))


def test_texts_that_are_not_read_have_none() -> None:
    """And the others keep theirs, in slices as in wholes."""
    texts = pa.array(["skip", *[" ".join(f"w{i}x{k}" for k in "abcdefgh") for i in range(6)], None])
    whole = find_passages(texts, rate=1.0, width=2)
    some = find_passages(texts, rate=1.0, width=2, select=np.arange(8) % 2 == 0)
    for row in range(8):
        held = whole[1][whole[0][row] : whole[0][row + 1]]
        assert some[1][some[0][row] : some[0][row + 1]].tolist() == (held.tolist() if row % 2 == 0 else [])
    cut = find_passages(texts[3:], rate=1.0, width=2)
    assert cut[1].tolist() == whole[1][whole[0][3] :].tolist()


@pytest.mark.parametrize(("rate", "width"), [(0.0, 10), (1.5, 10), (0.5, 0), (0.5, 33)])
def test_impossible_passages_are_refused(rate: float, width: int) -> None:
    """With what is possible."""
    with pytest.raises(UsageError, match="passages cannot have"):
        find_passages(pa.array(["a"]), rate=rate, width=width)
