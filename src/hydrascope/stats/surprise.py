"""How unlikely it is that strangers share what two accounts share."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

__all__ = ["DECADES_TO_BITS", "expected_sharing", "mixed_surprise", "poisson_surprise", "shared_surprise"]

DECADES_TO_BITS = math.log2(10.0)
LN10 = math.log(10.0)
MOST_TERMS = 40
MOST = 300.0
"""Decades at which a surprise stops growing: the smallest positive double is near 1e-308."""


def expected_sharing(d_u: float, d_v: float, squares: float, rows: float) -> float:
    """Expected number of values that two strangers share: lambda = d_u d_v S(k) / E^2.

    The configuration model of a bipartite graph: each of u's d_u values is value x with chance k_x / E, so
    u and v both have x with chance about d_u d_v k_x^2 / E^2; summed over the values no more popular than k.

    Args:
        d_u, d_v: distinct values of each account in the channel.
        squares: S(k), the sum of squared popularities of values that at most k accounts share.
        rows: E, distinct (account, value) rows of the channel.

    Source: Newman, Networks (2018), section 12.1; Dianati, "Unwinding the hairball graph", Phys. Rev. E 93 (2016).

    >>> expected_sharing(2, 3, 400.0, 1000.0)
    0.0024
    """
    return d_u * d_v * squares / (rows * rows)


@njit(cache=True, nogil=True)
def poisson_surprise(j: int, rate: float) -> float:
    """-log10 P(N >= j) for N ~ Poisson(rate); 0 where j is no more than expected, at most 300.

    P(N >= j) = e^-rate rate^j / j! (1 + rate/(j+1) + rate^2/((j+1)(j+2)) + ...), summed until terms vanish.
    Source: Johnson, Kemp and Kotz, Univariate Discrete Distributions (2005), section 4.2.
    """
    if j <= 0 or rate >= j:
        return 0.0
    if rate <= 0.0:
        return MOST
    series, term, i = 1.0, 1.0, j + 1
    while term > 1e-9 * series:
        term *= rate / i
        series += term
        i += 1
    log_p = j * math.log(rate) - rate - math.lgamma(j + 1.0) + math.log(series)
    return min(max(-log_p / LN10, 0.0), MOST)


@njit(cache=True, nogil=True)
def mixed_surprise(j: int, rate: float, spread: float) -> float:
    """-log10 P(N >= j) where N is Poisson with a rate that itself varies: mean `rate`, variance `spread` rate^2.

    Pairs of strangers differ in how much they have in common. With gamma distributed rates N is negative binomial with shape
    r = 1 / spread: the first shared value costs what it costs under a Poisson law, and each further one is about `spread` times likelier, for
    it has become likely that the two like the same things. Without spread this is `poisson_surprise`.
    Source: Greenwood and Yule, J. Roy. Statist. Soc. 83, 1920; Johnson, Kemp and Kotz (2005), section 5.3.
    """
    if spread <= 1e-6:
        return poisson_surprise(j, rate)
    if j <= 0 or rate >= j:
        return 0.0
    if rate <= 0.0:
        return MOST
    shape, lifted = 1.0 / spread, rate * spread
    ratio = lifted / (1.0 + lifted)
    series, term, i = 1.0, 1.0, j
    while i < j + MOST_TERMS:
        term *= ratio * (i + shape) / (i + 1.0)
        series += term
        i += 1
        if term <= 1e-9 * series:
            break
    series += (
        term * ratio / (1.0 - ratio)
    )  # a bound on what is left: successive terms fall at least as fast in the end
    log_p = math.lgamma(j + shape) - math.lgamma(shape) - math.lgamma(j + 1.0) + math.log(series)
    log_p += j * math.log(ratio) - shape * math.log1p(lifted)
    return min(max(-log_p / LN10, 0.0), MOST)


@njit(cache=True, nogil=True)
def shared_surprise(j: int, rate: float, spread: float = 0.0) -> float:
    """Surprise at sharing j values none more popular than k, having looked at every j.

    The largest over j is taken, so each look costs log10(j^2): the weights 6/(pi^2 j^2) sum to one (a weighted
    Bonferroni bound, Genovese, Roeder and Wasserman, Biometrika 93, 2006, short of its constant 0.2). `spread` is that of `mixed_surprise`.
    """
    return max(mixed_surprise(j, rate, spread) - 2.0 * math.log10(float(max(j, 1))), 0.0)


def poisson_surprise_exact(j: int, rate: float) -> float:
    """`poisson_surprise` by direct summation, for tests; only for tails above 1e-12."""
    below = sum(math.exp(i * math.log(rate) - rate - math.lgamma(i + 1)) for i in range(j))
    return float(-np.log10(max(1.0 - below, 1e-300)))
