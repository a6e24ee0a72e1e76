"""Small models over hashed features: a softmax, and a yes-or-no question with one hidden layer; and how they are stored.

A text is the set of its features, kept where they are in a model's vocabulary and scaled to unit length. The hidden layer is what lets two words mean together what
neither means alone; the straight path beside it is an ordinary logistic regression.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from hydrascope.kernels.text_features import sum_rows

__all__ = ["HiddenModel", "LinearModel", "place_vocabulary"]

Arrays = Mapping[str, NDArray[np.generic]]
UNKNOWN = 10.0
"""Logit of the rest class, or of no, where no feature of a text is known."""


def place_vocabulary(vocabulary: NDArray[np.int32], n_features: int) -> NDArray[np.int32]:
    """int32[n_features]: row of each feature in a vocabulary, -1 outside it."""
    place = np.full(n_features, -1, np.int32)
    place[vocabulary] = np.arange(len(vocabulary), dtype=np.int32)
    return place


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearModel:
    """One softmax classifier over a vocabulary of hashed features."""

    vocabulary: NDArray[np.int32]
    """The features, ascending."""
    place: NDArray[np.int32]
    """What `place_vocabulary` gives."""
    weights: NDArray[np.float32]
    """float32[vocabulary, classes]."""
    bias: NDArray[np.float32]
    """float32[classes]."""
    rest: int | None = None
    """Class of a text without any known feature, where one is certain."""

    def score(self, bounds: NDArray[np.int64], features: NDArray[np.int32]) -> NDArray[np.float32]:
        """Logits float32[n, classes] of n feature sets."""
        means, n_known = _mean_rows(self.place, self.weights, bounds, features)
        logits = means + self.bias
        if self.rest is not None:
            logits[n_known == 0] = np.where(np.arange(logits.shape[1]) == self.rest, UNKNOWN, 0)
        return logits.astype(np.float32)

    def over(self, divisor: float) -> Self:
        """The model with all logits divided."""
        return replace(self, weights=self.weights / divisor, bias=self.bias / divisor)

    def store(self, name: str) -> dict[str, np.ndarray]:
        """Arrays to ship: eight bits a weight, one scale a class."""
        return _stored(name, self.vocabulary, self.weights, self.bias)

    @classmethod
    def load(cls, archive: Arrays, name: str, n_features: int, rest: int | None = None) -> Self:
        """What `store` made."""
        return cls(**_loaded(name, archive, n_features), rest=rest)


@dataclass(frozen=True, slots=True, kw_only=True)
class HiddenModel:
    """A yes-or-no question over a vocabulary of hashed features: h rectified units, and a straight path."""

    vocabulary: NDArray[np.int32]
    place: NDArray[np.int32]
    weights: NDArray[np.float32]
    """float32[vocabulary, h + 1]: into each unit, and straight to the logit."""
    bias: NDArray[np.float32]
    """float32[h] of the units."""
    out: NDArray[np.float32]
    """float32[h] from the units to the logit."""
    offset: float
    """Of the logit."""

    def score(self, bounds: NDArray[np.int64], features: NDArray[np.int32]) -> NDArray[np.float32]:
        """Logits of yes, float32[n], of n feature sets."""
        means, n_known = _mean_rows(self.place, self.weights, bounds, features)
        units = np.maximum(means[:, :-1] + self.bias, 0)
        logits = means[:, -1] + units @ self.out + self.offset
        return np.where(n_known > 0, logits, -UNKNOWN).astype(np.float32)

    def over(self, divisor: float) -> Self:
        """The model with all logits divided."""
        straight = np.concatenate([np.ones(len(self.bias)), [1 / divisor]])
        return replace(
            self,
            weights=(self.weights * straight).astype(np.float32),
            out=self.out / divisor,
            offset=self.offset / divisor,
        )

    def store(self, name: str) -> dict[str, np.ndarray]:
        """Arrays to ship: eight bits a weight, one scale a unit."""
        return _stored(name, self.vocabulary, self.weights, self.bias) | {
            f"{name}_out": self.out.astype(np.float32),
            f"{name}_offset": np.array(self.offset, np.float32),
        }

    @classmethod
    def load(cls, archive: Arrays, name: str, n_features: int) -> Self:
        """What `store` made."""
        return cls(
            **_loaded(name, archive, n_features),
            out=np.asarray(archive[f"{name}_out"], np.float32),
            offset=float(np.asarray(archive[f"{name}_offset"], np.float32)),
        )


def _mean_rows(
    place: NDArray[np.int32],
    weights: NDArray[np.float32],
    bounds: NDArray[np.int64],
    features: NDArray[np.int32],
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Sums of the known features' weights over the root of how many they are, and how many they are."""
    sums, n_known = sum_rows(bounds, features, place, weights)
    return sums / np.sqrt(np.maximum(n_known, 1))[:, None], n_known


def _stored(
    name: str, vocabulary: NDArray[np.int32], weights: NDArray[np.float32], bias: NDArray[np.float32]
) -> dict[str, np.ndarray]:
    """Arrays of what both kinds of model have: eight bits a weight, one scale a column."""
    scale = np.maximum(np.abs(weights).max(axis=0), 1e-9) / 127
    return {
        f"{name}_vocabulary": vocabulary.astype(np.int32),
        f"{name}_rows": np.rint(weights / scale).astype(np.int8),
        f"{name}_scale": scale.astype(np.float32),
        f"{name}_bias": bias.astype(np.float32),
    }


def _loaded(name: str, archive: Arrays, n_features: int) -> dict[str, np.ndarray]:
    """What `_stored` made, as fields."""
    vocabulary = np.asarray(archive[f"{name}_vocabulary"], np.int32)
    rows, scale = np.asarray(archive[f"{name}_rows"]), np.asarray(archive[f"{name}_scale"])
    return {
        "vocabulary": vocabulary,
        "place": place_vocabulary(vocabulary, n_features),
        "weights": rows.astype(np.float32) * scale.astype(np.float32),
        "bias": np.asarray(archive[f"{name}_bias"], np.float32),
    }
