"""How much of a quantity varies between groups of measurements, and how much within them."""

from __future__ import annotations

import numpy as np

__all__ = ["effective_number", "intraclass_correlation"]


def intraclass_correlation(n: np.ndarray, mean: np.ndarray, squares: np.ndarray) -> float | None:
    """One-way random-effects intraclass correlation of k unbalanced classes, at least 0.

    With mean squares B between and W within classes and n0 = (N - sum n^2 / N) / (k - 1),
    rho = (B - W) / (B + (n0 - 1) W) (Fisher 1925; Donner and Koval 1980 for unbalanced classes).

    Args:
        n: float64[k] measurements of each class. mean: float64[k]. squares: float64[k] sums of squared deviations
            from the class's mean.

    Returns:
        None where nothing varies or there are no repeated measurements.
    """
    k, total = len(n), float(n.sum())
    if k < 2 or total <= k:
        return None
    grand = float((n * mean).sum() / total)
    between = float((n * (mean - grand) ** 2).sum()) / (k - 1)
    within = float(squares.sum()) / (total - k)
    size = (total - float((n**2).sum()) / total) / (k - 1)
    spread = between + (size - 1) * within
    return max((between - within) / spread, 0.0) if spread > 0 else None


def effective_number(group: np.ndarray, kind: np.ndarray) -> tuple[float, int]:
    """How many kinds a group uses in turn: the inverse of Simpson's index, pairs without replacement, pooled over groups.

    Args:
        group: int64[n], kind: int64[n], none negative.

    Returns:
        the number, and the ordered pairs within groups that it rests on.
    """
    _, of_group = np.unique(group, return_counts=True)
    both = group.astype(np.int64) * (int(kind.max(initial=0)) + 1) + kind
    _, of_both = np.unique(both, return_counts=True)
    pairs, alike = (int((n * (n - 1)).sum()) for n in (of_group, of_both))
    return pairs / max(alike, 1), pairs
