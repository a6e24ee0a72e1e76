"""Models on hashed features, learnt by AdaGrad, with features dropped at random while it learns.

Dropping features spreads the weight over all words of a phrase, so that a phrase in other words is still known by
those that it keeps (Hinton et al. 2012; for linear models Wager, Wang and Liang 2013, "Dropout training as adaptive
regularization"). AdaGrad: Duchi, Hazan and Singer 2011. One thread, one seed, one result. Texts are sets of features, scaled to unit length.
"""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["learn_hidden", "learn_softmax"]

_START = 0.3  # spread of a hidden unit's weights before it learns
_CALM = 1e-2  # squares that a hidden unit's first steps are divided by, so that none of them is a leap


@njit(cache=True, nogil=True)
def _keep(
    features: np.ndarray, start: int, end: int, n_words: int, blind: float, drop: float, kept: np.ndarray
) -> int:
    """Fill `kept` with the features that this step sees; how many they are."""
    n, least = 0, n_words if np.random.random() < blind else 0
    for at in range(start, end):
        if features[at] >= least and np.random.random() >= drop:
            kept[n] = features[at]
            n += 1
    return n


@njit(cache=True, nogil=True)
def learn_softmax(
    bounds: np.ndarray,
    features: np.ndarray,
    truth: np.ndarray,
    importance: np.ndarray,
    n_classes: int,
    rate: float,
    n_features: int,
    n_epochs: int,
    drop: float,
    n_words: int,
    blind: float,
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Weights float32[n_features, n_classes] and bias float32[n_classes] of a multinomial logistic regression.

    In a share `blind` of the steps the first `n_words` features are not looked at, so that the others learn to do
    without them.
    """
    np.random.seed(seed)
    weights = np.zeros((n_features, n_classes), np.float32)
    past = np.full((n_features, n_classes), 1e-8, np.float32)
    bias, past_bias = np.zeros(n_classes, np.float32), np.full(n_classes, 1e-8, np.float32)
    kept = np.empty(np.max(bounds[1:] - bounds[:-1]) + 1, np.int32)
    logits = np.empty(n_classes, np.float32)
    for _ in range(n_epochs):
        for row in np.random.permutation(len(truth)):
            n = _keep(features, bounds[row], bounds[row + 1], n_words, blind, drop, kept)
            if n == 0:
                continue
            scale = np.float32(1 / np.sqrt(n))
            logits[:] = bias
            for index in range(n):
                for c in range(n_classes):
                    logits[c] += scale * weights[kept[index], c]
            logits[:] = np.exp(logits - logits.max())
            logits /= logits.sum()
            logits[truth[row]] -= 1
            logits *= importance[row]
            for c in range(n_classes):
                past_bias[c] += logits[c] * logits[c]
                bias[c] -= rate * logits[c] / np.sqrt(past_bias[c])
            for index in range(n):
                feature = kept[index]
                for c in range(n_classes):
                    slope = logits[c] * scale
                    past[feature, c] += slope * slope
                    weights[feature, c] -= rate * slope / np.sqrt(past[feature, c])
    return weights, bias


@njit(cache=True, nogil=True)
def learn_hidden(
    bounds: np.ndarray,
    features: np.ndarray,
    truth: np.ndarray,
    importance: np.ndarray,
    n_units: int,
    rate: float,
    n_features: int,
    n_epochs: int,
    drop: float,
    n_words: int,
    blind: float,
    seed: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """A yes-or-no question through rectified units, and straight: the arrays of `hydrascope.sketch.models.HiddenModel`.

    Returns:
        weights float32[n_features, n_units + 1], whose last column is the straight path, bias and way out float32[n_units], offset.
    """
    np.random.seed(seed)
    weights = np.zeros((n_features, n_units + 1), np.float32)
    out = np.empty(n_units, np.float32)
    for u in range(n_units):
        out[u] = _START * np.random.randn()
        for feature in range(n_features):
            weights[feature, u] = _START * np.random.randn()
    past = np.full((n_features, n_units + 1), _CALM, np.float32)
    bias, past_bias = np.zeros(n_units, np.float32), np.full(n_units, _CALM, np.float32)
    past_out, offset, past_offset = np.full(n_units, _CALM, np.float32), 0.0, _CALM
    kept = np.empty(np.max(bounds[1:] - bounds[:-1]) + 1, np.int32)
    units, slopes = np.empty(n_units + 1, np.float32), np.empty(n_units + 1, np.float32)
    for _ in range(n_epochs):
        for row in np.random.permutation(len(truth)):
            n = _keep(features, bounds[row], bounds[row + 1], n_words, blind, drop, kept)
            if n == 0:
                continue
            scale = np.float32(1 / np.sqrt(n))
            units[:n_units] = bias
            units[n_units] = offset
            for index in range(n):
                for u in range(n_units + 1):
                    units[u] += scale * weights[kept[index], u]
            logit = units[n_units]
            for u in range(n_units):
                logit += out[u] * max(units[u], np.float32(0))
            error = np.float32((1 / (1 + np.exp(-logit)) - truth[row]) * importance[row])
            slopes[n_units] = error
            past_offset += error * error
            offset -= rate * error / np.sqrt(past_offset)
            for u in range(n_units):
                slopes[u] = error * out[u] if units[u] > 0 else np.float32(0)
                if units[u] > 0:
                    slope = error * units[u]
                    past_out[u] += slope * slope
                    out[u] -= rate * slope / np.sqrt(past_out[u])
                    past_bias[u] += slopes[u] * slopes[u]
                    bias[u] -= rate * slopes[u] / np.sqrt(past_bias[u])
            for index in range(n):
                feature = kept[index]
                for u in range(n_units + 1):
                    slope = slopes[u] * scale
                    past[feature, u] += slope * slope
                    weights[feature, u] -= rate * slope / np.sqrt(past[feature, u])
    return weights, bias, out, offset
