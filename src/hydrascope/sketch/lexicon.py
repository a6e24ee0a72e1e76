"""A lexicon of concepts as hashes, and the features of texts that it gives."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hydrascope.kernels.concept_features import MOST_CONCEPTS, concept_features, hash_entry, index_lexicon
from hydrascope.kernels.text_classes import class_table

__all__ = ["N_CONCEPT_FEATURES", "Lexicon", "hash_lexicon", "join_features"]

_N_BITS = 17
N_CONCEPT_FEATURES = 1 << _N_BITS
"""Hash buckets of concepts and of their pairs and triples."""
_OWN = 6
"""Concepts that the kernel gives by itself: numbers and four kinds of markup, and one in reserve."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lexicon:
    """An open hash table from words, beginnings and sequences to concepts."""

    slots: NDArray[np.uint64]
    values: NDArray[np.uint8]

    @classmethod
    def of(cls, keys: NDArray[np.int64], concepts: NDArray[np.integer]) -> Lexicon:
        """From the hashes and concepts that `hash_lexicon` gives."""
        slots, values = index_lexicon(keys.view(np.uint64), concepts.astype(np.uint8))
        return cls(slots=slots, values=values)

    def features(
        self, data: NDArray[np.uint8], offsets: NDArray[np.int64], first: int, ends: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Row bounds and features, numbered from `first`, of the first and last `ends` bytes of each text."""
        return concept_features(
            data, offsets, class_table(), self.slots, self.values, first, _N_BITS, ends, ends
        )


def hash_lexicon(entries: Iterable[tuple[str, int]]) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Hashes and concepts of entries: words, with a star for a beginning, or sequences of words.

    Raises:
        ValueError: a concept has no number left.
    """
    keys, concepts = [], []
    for text, concept in entries:
        if not 0 <= concept < MOST_CONCEPTS - _OWN:
            raise ValueError(
                f"concept {concept} of {text!r}: at most {MOST_CONCEPTS - _OWN} concepts are told apart"
            )
        data = np.frombuffer(text.rstrip("*").encode(), np.uint8)
        keys.append(hash_entry(data, class_table(), text.endswith("*")))
        concepts.append(concept)
    return np.array(keys, np.uint64).view(np.int64), np.array(concepts, np.uint8)


def join_features(
    one: tuple[NDArray[np.int64], NDArray[np.int32]], other: tuple[NDArray[np.int64], NDArray[np.int32]]
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Each row of the one followed by the same row of the other."""
    (left, a), (right, b) = one, other
    bounds = left + right
    out = np.empty(int(bounds[-1]), np.int32)
    out[np.arange(len(a)) + np.repeat(right[:-1], np.diff(left))] = a
    out[np.arange(len(b)) + np.repeat(left[1:], np.diff(right))] = b
    return bounds, out
