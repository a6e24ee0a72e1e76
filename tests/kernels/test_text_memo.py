"""A text that came before is found, and nothing else is taken for it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from hydrascope.kernels.text_memo import earlier_texts

TEXTS = st.lists(st.none() | st.text("ab", max_size=3) | st.sampled_from(["x" * 40, "x" * 41]), max_size=40)


def buffers(column: pa.Array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bytes, offsets and validity."""
    _, offsets, data = column.buffers()
    bounds = np.frombuffer(offsets, np.int32)[column.offset : column.offset + len(column) + 1]
    return (
        np.frombuffer(data, np.uint8) if data else np.zeros(0, np.uint8),
        bounds,
        column.is_valid().to_numpy(zero_copy_only=False),
    )


def found(texts: list[str | None], cut: int = 0) -> list[int]:
    """What the kernel says of the texts from `cut` on."""
    return earlier_texts(*buffers(pa.array(texts, pa.string())[cut:])).tolist()


@settings(max_examples=200)
@given(TEXTS.filter(len), st.integers(0, 5))
def test_the_first_row_with_the_same_text_is_found(texts: list[str | None], cut: int) -> None:
    """Also in a slice; of texts that crowd the same slots a few may be missed, never mistaken."""
    cut = min(cut, len(texts) - 1)
    seen = texts[cut:]
    for row, first in enumerate(found(texts, cut)):
        if first >= 0:
            assert seen[row] is not None and seen[first] == seen[row] and seen.index(seen[row]) == first
    few = list(dict.fromkeys(t for t in seen if t is not None))[:2]
    assert found([*few, *few]) == [*[-1] * len(few), *range(len(few))]


def test_a_byte_anywhere_makes_another_text() -> None:
    """Of any length, also where length, beginning, middle and end are the same."""
    for length in range(1, 70):
        base = "m" * length
        others = [base[:i] + "n" + base[i + 1 :] for i in range(length)]
        assert not any(
            first >= 0 and other == base
            for first, other in zip(found([base, *others])[1:], others, strict=True)
        )
        for other in others:
            assert found([base, other, base]) == [-1, -1, 0]


def test_nulls_have_no_text_whatever_lies_under_them() -> None:
    """A null's bytes are nobody's first."""
    data, offsets, _ = buffers(pa.array(["same", "same", "same"]))
    assert earlier_texts(data, offsets, np.array([False, True, True])).tolist() == [-1, -1, 1]
