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
    """One number per account, and how usual it is among all accounts."""

    values: np.ndarray
    """float64[n_accounts], NaN where unknown."""
    widths: np.ndarray
    """float64[w], ascending; the widest one is the background's."""
    mass: np.ndarray
    """float64[n_accounts]: kernel mass of all accounts at each account's own value, at the widest width."""
    n_known: int
    """Accounts whose value is known."""
    cap: float
    """Most bits that it may give one account."""

    @staticmethod
    def prepare(values: np.ndarray, widths: tuple[float, ...], cap: float) -> Quantity:
        """Densities of the finite values at each width."""
        known = np.isfinite(values)
        mass = np.full(len(values), np.nan)
        mass[known] = LaplaceDensity(values[known], widths[-1]).sums(values[known])
        return Quantity(values, np.array(widths), mass, int(known.sum()), cap)


def leave_one_out_bits(quantity: Quantity, members: np.ndarray) -> np.ndarray:
    """log2 of group density over background density at each member's own value, that value left out.

    The group density is estimated from the other members at the width that predicts the members best, mixed
    with a tenth of the background, so that one odd value costs at most log2(10) bits; the background is all
    non-members.

    Returns:
        float64[k]; 0 where the member's value is unknown, or fewer than three members or ten others are known.
    """
    return _leave_one_out(
        quantity.values, quantity.widths, quantity.mass, quantity.n_known, quantity.cap, members
    )


@njit(cache=True, nogil=True)
def _leave_one_out(
    values: np.ndarray, widths: np.ndarray, mass: np.ndarray, n_known: int, cap: float, members: np.ndarray
) -> np.ndarray:
    out = np.zeros(len(members))
    known = np.flatnonzero(np.isfinite(values[members]))
    k = len(known)
    if k < 3 or n_known - k < 10:
        return out
    known = known[np.argsort(values[members[known]])]
    x, background = values[members[known]], widths[-1]
    outside = mass[members[known]] - _mass_at_own(x, background)
    outside = np.maximum(outside, 0.05) / ((n_known - k) * 2 * background)
    best, best_mean = np.zeros(k), -np.inf
    for width in widths:
        inside = np.maximum(_mass_at_own(x, width) - 1.0, 0.0) / ((k - 1) * 2 * width)
        bits = np.log2((0.9 * inside + 0.1 * outside) / outside)
        if bits.mean() > best_mean:
            best, best_mean = bits, bits.mean()
    out[known] = np.minimum(best, cap)
    return out


@njit(cache=True, nogil=True)
def _mass_at_own(ordered: np.ndarray, width: float) -> np.ndarray:
    """Kernel mass of an ordered sample at each of its points, the point itself included."""
    left, right = _running_sums(ordered, width)
    return left + right - 1.0
