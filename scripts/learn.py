"""Multinomial logistic regression on hashed features, by AdaGrad, with features dropped at random while it learns.

Dropping features spreads the weight over all words of a phrase, so that a phrase in other words is still known by
those that it keeps (Hinton et al. 2012; for linear models Wager, Wang and Liang 2013, "Dropout training as adaptive
regularization"). One thread, one seed, one result.
"""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["learn_weights"]


@njit(cache=True)
def learn_weights(
    bounds: np.ndarray,
    features: np.ndarray,
    truth: np.ndarray,
    importance: np.ndarray,
    n_features: int,
    n_classes: int,
    n_epochs: int,
    rate: float,
    penalty: float,
    drop: float,
    n_words: int,
    blind: float,
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Weights float32[n_features, n_classes] and bias float32[n_classes] for unit-length binary features.

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
            n, least = 0, n_words if np.random.random() < blind else 0
            for at in range(bounds[row], bounds[row + 1]):
                if features[at] >= least and np.random.random() >= drop:
                    kept[n] = features[at]
                    n += 1
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
                    slope = logits[c] * scale + penalty * weights[feature, c]
                    past[feature, c] += slope * slope
                    weights[feature, c] -= rate * slope / np.sqrt(past[feature, c])
    return weights, bias
