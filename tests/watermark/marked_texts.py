"""Texts of a small random model, marked or not."""

from __future__ import annotations

import numpy as np

from hydrascope.watermark import TRACE, Key, Mark, RedGreen

V = 200
"""Vocabulary."""


def texts(
    seed: int, n: int, key: Key | None = None, mark: Mark = TRACE, length: int = 80
) -> list[np.ndarray]:
    """Texts of one random first-order model that repeats itself a lot, marked where a key is given."""
    table = np.random.default_rng(1234).normal(size=(V, V)) * 2.0
    rng = np.random.default_rng(seed)
    scheme = None if key is None else RedGreen(key, mark.context_width, mark.gamma, mark.delta)
    out = []
    for _ in range(n):
        tokens = [int(t) for t in rng.integers(0, V, mark.context_width)]
        for _ in range(length):
            logits = table[tokens[-1]]
            logits = logits if scheme is None else scheme.bias(logits, tokens)
            tokens.append(int(np.argmax(logits + rng.gumbel(size=V))))
        out.append(np.array(tokens))
    return out
