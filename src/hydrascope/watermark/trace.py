"""From weighted items to keys: which key's marks did the suspect learn, and how sure is that?

Every committed key is a test, named or not, revoked or not: the family-wise error is held by Holm over all of
them. Decoy keys, drawn from a public seed, go through the same test; where their p-values are not uniform, no
verdict is given. Where all weights are one (text only) the count is an exact binomial (red/green) or Gamma
(Gumbel-max); otherwise the p-value is the Chernoff bound of `radioactivity.WeightedNull`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit
from scipy.stats import norm

from hydrascope.errors import RefusalError
from hydrascope.watermark.betting import binomial_log10_e, gamma_log10_e
from hydrascope.watermark.keys import SLOTS, Key, decoy_keys
from hydrascope.watermark.marks import Mark, Scheme
from hydrascope.watermark.prf import green_words, uniforms
from hydrascope.watermark.pvalues import binomial_log10_p, gamma_log10_p, uniform_ks
from hydrascope.watermark.radioactivity import MIN_ITEMS, Items, WeightedNull

__all__ = [
    "MIN_UNIFORM",
    "Decoys",
    "KeyTest",
    "MarkTest",
    "decoy_check",
    "key_sums",
]

MIN_UNIFORM = 1e-3
"""Decoys less uniform than this (Kolmogorov-Smirnov p) stop the verdict."""


@njit(cache=True, nogil=True)
def _slot_sums(words, weights, out):  # type: ignore[no-untyped-def]
    one = np.uint64(1)
    for i in range(len(words)):
        word, weight = words[i], weights[i]
        for slot in range(64):
            if (word >> np.uint64(slot)) & one:
                out[slot] += weight


def key_sums(items: Items, keys: Sequence[Key], mark: Mark) -> npt.NDArray[np.float64]:
    """(k,) the sum of weight x score of each key: score is 1 for green, or the exponential of Gumbel-max.

    Keys that share a block are read off the same words, 64 at the price of one.

    Raises:
        RefusalError: the scheme is not one whose marks are drawn by our own keys.
    """
    contexts, tokens = items.full_contexts().astype(np.int64), items.tokens.astype(np.int64)
    if mark.scheme is Scheme.RED_GREEN:
        blocks: dict[tuple[int, int], npt.NDArray[np.float64]] = {}
        for key in keys:
            if (key.k0, key.k1) not in blocks:
                sums = np.zeros(SLOTS)
                _slot_sums(green_words(key, contexts, tokens, mark.gamma, mark.prf), items.weights, sums)
                blocks[key.k0, key.k1] = sums
        return np.array([blocks[key.k0, key.k1][key.slot] for key in keys])
    if mark.scheme is Scheme.GUMBEL:
        scores = (-np.log1p(-uniforms(key, contexts, tokens, mark.prf)) for key in keys)
        return np.array([float(items.weights @ score) for score in scores])
    raise RefusalError(
        f"an audit weighs red_green and gumbel marks, not {mark.scheme}",
        hint="hydrascope watermark detect reads engine-native marks in sampled text",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyTest:
    """One key against one set of items."""

    n_items: int
    statistic: float
    """Sum of weight x score, less its expectation under the null."""
    z: float
    """Statistic in standard deviations; for people, decides nothing."""
    log10_p: float
    """Exact or a Chernoff bound: never too small."""
    estimate: float | None
    """Saddlepoint log10 p, where the bound is below 0.05; for people, decides nothing."""


class MarkTest:
    """The test of one set of items for any number of keys of one mark.

    Args:
        items: what is tested.
        mark: of the keys.
        anytime: whether sampling was stopped by looking at the outcome. The p-value is then the inverse of the
            capital of a bet against the null (`betting`), which holds at any stopping time (Ville 1939).

    Raises:
        RefusalError: too few items (`MIN_ITEMS`).
    """

    def __init__(self, items: Items, mark: Mark, *, anytime: bool = False) -> None:
        if len(items) < MIN_ITEMS:
            raise RefusalError(
                f"{len(items)} distinct (context, token) items; at least {MIN_ITEMS} are needed",
                hint="give more probe text or more served logs",
            )
        self.items, self.mark = items, mark
        self._green = mark.scheme is Scheme.RED_GREEN
        self.counted = bool((items.weights == 1.0).all())
        """All weights one: the exact test of counts."""
        self.anytime = anytime
        if anytime and not self.counted:
            raise RefusalError("only counts of sampled text can be stopped early")
        self._null = WeightedNull(
            items.weights, null="bernoulli" if self._green else "exponential", gamma=mark.gamma
        )

    def log10_p(self, sums: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """(k,) log10 p of `key_sums`."""
        if not self.counted:
            return self._null.log10_p(sums - self._null.mean)
        if self.anytime:
            return np.minimum(-self.log10_e(sums), 0.0)
        if self._green:
            return binomial_log10_p(np.rint(sums), len(self.items), self.mark.gamma)
        return gamma_log10_p(sums, len(self.items))

    def log10_e(self, sums: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """(k,) log10 capital of a bet against the null on these counts."""
        n = len(self.items)
        return binomial_log10_e(sums, n, self.mark.gamma) if self._green else gamma_log10_e(sums, n)

    def estimated_p(self, sums: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """(k,) p-values meant to be uniform, for decoys only: the normal law, which is right near its middle."""
        return np.asarray(norm.sf(self.z(sums)))

    def z(self, sums: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """(k,) statistics in standard deviations."""
        return np.asarray((sums - self._null.mean) / self._null.sd)

    def _estimate(self, total: float, log10_p: float) -> float | None:
        if log10_p > -1.3:
            return None
        return log10_p if self.counted else self._null.saddlepoint_log10_p(total - self._null.mean)

    def tests(self, keys: Sequence[Key]) -> list[KeyTest]:
        """Test each key."""
        sums = key_sums(self.items, keys, self.mark)
        return [
            KeyTest(
                n_items=len(self.items),
                statistic=float(s - self._null.mean),
                z=float((s - self._null.mean) / self._null.sd),
                log10_p=float(p),
                estimate=self._estimate(float(s), float(p)),
            )
            for s, p in zip(sums, self.log10_p(sums), strict=True)
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoys:
    """How keys that marked nothing fare on the same items."""

    seed: int
    n: int
    ks_p: float
    """Kolmogorov-Smirnov p of the decoys' z-scores against the normal law."""
    histogram: tuple[int, ...]
    """How many z-scores lie in each of 40 equal bins from -5 to 5, outliers in the end bins."""
    least_log10_p: float
    """Smallest p among them, same test as the real keys; about 1/n is expected at most."""

    @property
    def uniform(self) -> bool:
        """Whether a verdict may be given."""
        return self.ks_p >= MIN_UNIFORM


def decoy_check(test: MarkTest, *, seed: int, n: int) -> Decoys:
    """Put `n` decoy keys through `test`."""
    sums = key_sums(test.items, decoy_keys(seed, n), test.mark)
    bins, _ = np.histogram(np.clip(test.z(sums), -5.0, 5.0), bins=40, range=(-5.0, 5.0))
    return Decoys(
        seed=seed,
        n=n,
        histogram=tuple(int(count) for count in bins),
        ks_p=uniform_ks(test.estimated_p(sums)),
        least_log10_p=float(test.log10_p(sums).min()),
    )
