"""Features of what words mean."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from hydrascope.sketch.lexicon import N_CONCEPT_FEATURES, Lexicon, hash_lexicon, join_features

ENTRIES = [
    ("thinking", 0),
    ("reason*", 0),
    ("chain of thought", 0),
    ("tags", 1),
    ("брать*", 1),
    ("推理", 0),
    ("标签", 1),
    ("never", 2),
]


def features(text: str, *, entries: list[tuple[str, int]] = ENTRIES, ends: int = 1000) -> set[int]:
    """Concept features of one text."""
    column = pa.array([text.encode()], pa.large_binary())
    _, offsets, data = column.buffers()
    assert data is not None
    bounds, found = Lexicon.of(*hash_lexicon(entries)).features(
        np.frombuffer(data, np.uint8), np.frombuffer(offsets, np.int64)[:2], 100, ends
    )
    assert bounds.tolist() == [0, len(found)]
    assert np.all(np.diff(found) > 0)
    assert all(100 <= f < 100 + N_CONCEPT_FEATURES for f in found)
    return set(found.tolist())


def test_words_of_one_concept_are_one_feature_in_any_language() -> None:
    """A word, the beginning of one, a sequence and characters without spaces all stand for what they mean."""
    one = features("thinking")
    assert len(one) == 1
    assert features("Reasoned!") == features("CHAIN of Thought") == features("请推理") == one
    assert features("tags") == features("братьями") != one


def test_a_word_that_the_lexicon_lacks_is_nothing() -> None:
    """Neither an unknown word, a piece of a known one, nor a sequence over a sentence's end is a concept."""
    assert features("rhubarb thinkingly reaso chain. Of thought") == set()


def test_order_within_a_sentence_tells_texts_apart() -> None:
    """The same concepts in another order share their pair but not their order; across a stop there is no order."""
    forth, back = features("thinking never"), features("never thinking")
    assert forth != back
    assert len(forth & back) == 3
    assert features("thinking. never") == forth & back


def test_three_concepts_of_a_sentence_are_a_set() -> None:
    """Three together give a feature that no two of them give."""
    three = features("thinking never tags")
    pairs = (
        features("thinking never. tags") | features("never tags. thinking") | features("thinking tags. never")
    )
    assert len(three - pairs) == 1


def test_only_the_ends_of_a_text_are_read() -> None:
    """What stands in the middle of a long text is not seen, what stands last is."""
    long = "thinking " + "rhubarb " * 50 + "never " + "rhubarb " * 50 + "tags"
    assert features(long, ends=40) == features("thinking. tags")


def test_a_lexicon_has_room_for_so_many_concepts() -> None:
    """A number that stands for markup or numerals is refused."""
    with pytest.raises(ValueError, match="at most"):
        hash_lexicon([("word", 60)])


def test_rows_are_joined_in_order() -> None:
    """Each row of the one is followed by the same row of the other, empty rows included."""
    one = np.array([0, 2, 2, 3]), np.array([1, 2, 3], np.int32)
    other = np.array([0, 0, 1, 2]), np.array([7, 8], np.int32)
    bounds, joined = join_features(one, other)
    assert bounds.tolist() == [0, 2, 3, 5]
    assert joined.tolist() == [1, 2, 7, 3, 8]
