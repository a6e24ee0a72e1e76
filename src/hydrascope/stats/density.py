"""Kernel densities of a group against everybody else, leave-one-out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

__all__ = ["LaplaceDensity", "Quantity", "leave_one_out_bits"]


@njit(cache=True, nogil=True)
def _running_sums(ordered: np.ndarray, width: float) -> tuple[np.ndarray, np.ndarray]:
    """At each point, the kernel mass of itself and all points below; and of itself and all above."""
    n = len(ordered)
    left, right = np.empty(n), np.empty(n)
    total = 0.0
    for i in range(n):
        total = 1.0 + (total * np.exp((ordered[i - 1] - ordered[i]) / width) if i else 0.0)
        left[i] = total
    total = 0.0
    for i in range(n - 1, -1, -1):
        total = 1.0 + (total * np.exp((ordered[i] - ordered[i + 1]) / width) if i < n - 1 else 0.0)
        right[i] = total
    return left, right


class LaplaceDensity:
    """Laplace-kernel density of a sample: heavy tails, exact in O((n + m) log n).

    The Laplace kernel keeps a far point improbable but never impossible (Silverman 1986, section 2.4, on the
    choice of kernel: efficiency hardly depends on it, tails do).

    Args:
        sample: float64[n], finite.
        width: scale of the kernel, in the unit of the sample.
    """

    def __init__(self, sample: np.ndarray, width: float) -> None:
        self.n = len(sample)
        self.width = width
        self._ordered = np.sort(sample)
        self._left, self._right = _running_sums(self._ordered, width)

    def sums(self, at: np.ndarray) -> np.ndarray:
        """float64[m]: n x density x (2 x width), the kernel mass at each point."""
        if self.n == 0:
            return np.zeros(len(at))
        position = np.searchsorted(self._ordered, at, side="right")
        below, above = np.maximum(position - 1, 0), np.minimum(position, self.n - 1)
        left = self._left[below] * np.exp(-np.abs(at - self._ordered[below]) / self.width)
        right = self._right[above] * np.exp(-np.abs(self._ordered[above] - at) / self.width)
        return np.where(position > 0, left, 0.0) + np.where(position < self.n, right, 0.0)


@dataclass(frozen=True, slots=True)
class Quantity:
    """One number per account, with the densities of all accounts prepared at several widths."""

    values: np.ndarray
    """float64[n_accounts], NaN where unknown."""
    everyone: tuple[LaplaceDensity, ...]
    """Ascending widths; the widest one is the background's."""
    cap: float
    """Most bits that it may give one account."""

    @staticmethod
    def prepare(values: np.ndarray, widths: tuple[float, ...], cap: float) -> Quantity:
        """Densities of the finite values at each width."""
        known = values[np.isfinite(values)]
        return Quantity(values, tuple(LaplaceDensity(known, w) for w in widths), cap)


def leave_one_out_bits(quantity: Quantity, members: np.ndarray) -> np.ndarray:
    """log2 of group density over background density at each member's own value, that value left out.

    The group density is estimated from the other members at the width that predicts the members best, mixed
    with a tenth of the background, so that one odd value costs at most log2(10) bits; the background is all
    non-members.

    Returns:
        float64[k]; 0 where the member's value is unknown, or fewer than three members or ten others are known.
    """
    bits = np.zeros(len(members))
    mine = quantity.values[members]
    known = np.isfinite(mine)
    x, k = mine[known], int(known.sum())
    everyone = quantity.everyone[-1]
    if k < 3 or everyone.n - k < 10:
        return bits
    inside_wide = LaplaceDensity(x, everyone.width).sums(x)
    outside = np.maximum(everyone.sums(x) - inside_wide, 0.05) / ((everyone.n - k) * 2 * everyone.width)
    scored = [_against(x, d.width, outside) for d in quantity.everyone]
    bits[known] = np.minimum(max(scored, key=lambda s: float(s.mean())), quantity.cap)
    return bits


def _against(x: np.ndarray, width: float, outside: np.ndarray) -> np.ndarray:
    inside = np.maximum(LaplaceDensity(x, width).sums(x) - 1.0, 0.0) / ((len(x) - 1) * 2 * width)
    return np.log2((0.9 * inside + 0.1 * outside) / outside)
