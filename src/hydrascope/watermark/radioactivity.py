"""Weighted tests of radioactivity: did a model learn the marks of a key? Exact under the draw of the key.

Theory of operation. A probe gives (context, token) items and a weight each: what the suspect believes more
than the reference does, `w = p_suspect(token | context) - p_reference(token | context)`. Weights never look
at the key. For a key that the suspect was not trained on, the mark of every distinct (context, token) is an
independent draw: green with chance gamma (red/green), or a unit exponential (Gumbel-max). So

    S = sum_i w_i (g_i - E g),    K(t) = log E exp(t S) = sum_i log(1 - gamma + gamma e^(t w_i)) - t gamma w_i

and for every t >= 0 the Chernoff bound `P(S >= s) <= exp(K(t) - t s)` holds exactly, for any number of items
and any weights. The smallest over a fixed grid of t is therefore *the* p-value here: never too small. The
Lugannani-Rice saddlepoint is printed beside it as an estimate and decides nothing. The normal approximation
is not used: it has accused an innocent.

K depends on the weights alone, so one table of K serves thousands of keys.

Sources: Kirchenbauer et al. 2023 (red/green); Sander et al. 2024 (radioactivity, de-duplication); Lugannani
and Rice 1980; the minus-reference weights are this project's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from hydrascope.errors import RefusalError

__all__ = [
    "MIN_ITEMS",
    "Items",
    "ProbeSums",
    "WeightedNull",
    "clipped",
    "merge_items",
    "signed_rank_log10_p",
    "strongest_items",
]

MIN_ITEMS = 50
"""Fewer distinct (context, token) items than this cannot carry a test; the refusal says so."""

_STEP = 1.05
_GRID = 150
Null = Literal["bernoulli", "exponential"]


@dataclass(frozen=True, slots=True, eq=False)
class Items:
    """Distinct (context, token) items with their weights. Row order is by context, then token.

    Attributes:
        contexts: (n_contexts, width) int32, distinct rows; token ids, oldest first.
        context_of: (n,) int32 row of `contexts`.
        tokens: (n,) int32.
        weights: (n,) float64.
    """

    contexts: npt.NDArray[np.int32]
    context_of: npt.NDArray[np.int32]
    tokens: npt.NDArray[np.int32]
    weights: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.tokens)

    def full_contexts(self) -> npt.NDArray[np.int32]:
        """(n, width): the context of each item."""
        return self.contexts[self.context_of]


def merge_items(
    contexts: npt.NDArray[np.integer],
    tokens: npt.NDArray[np.integer],
    weights: npt.NDArray[np.floating],
) -> Items:
    """Gather rows to distinct (context, token) items, adding weights.

    De-duplication over the whole corpus is what makes the null exact: a pair repeated a hundred times is one
    draw of the key, not a hundred.

    Args:
        contexts: (n, width) token ids before each token, oldest first.
        tokens: (n,) token ids.
        weights: (n,).
    """
    rows = np.ascontiguousarray(contexts, np.int32)
    if len(tokens) == 0:
        return Items(rows[:0], np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.float64))
    distinct, context_of = _distinct_rows(rows)
    packed = context_of.astype(np.int64) << 32 | np.asarray(tokens).astype(np.int64)
    pairs, item_of = np.unique(packed, return_inverse=True)
    sums = np.bincount(item_of.reshape(-1), weights=np.asarray(weights, np.float64), minlength=len(pairs))
    tokens_of = (pairs & 0xFFFFFFFF).astype(np.int32)
    return Items(distinct, (pairs >> 32).astype(np.int32), tokens_of, sums.astype(np.float64))


def clipped(items: Items, most: float) -> Items:
    """Weights held within [-most, most].

    A token that the suspect has plainly learned is about as likely to be green at a gain of 0.1 as at 0.9: beyond
    some point a larger weight buys noise, not signal. Measured: the exponent grows three- to fourfold on trigram
    students at small shares; on a small transformer it grew at 10 % on served probes and fell at full marking.
    """
    return Items(items.contexts, items.context_of, items.tokens, np.clip(items.weights, -most, most))


def _distinct_rows(rows: npt.NDArray[np.int32]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.intp]]:
    """`np.unique(axis=0)` with its inverse; by one packed integer where ids are small enough, much faster."""
    bits = int(rows.max(initial=0)).bit_length()
    if rows.min(initial=0) < 0 or bits * rows.shape[1] > 62:
        distinct, inverse = np.unique(rows, axis=0, return_inverse=True)
        return distinct, inverse.reshape(-1)
    packed = np.zeros(len(rows), np.int64)
    for column in rows.T:
        packed = packed << bits | column
    _, first, inverse = np.unique(packed, return_index=True, return_inverse=True)
    return rows[first], inverse.reshape(-1)


def strongest_items(items: Items, limit: int) -> Items:
    """The `limit` items of largest absolute weight (ties by place). The key is not looked at: still exact."""
    if len(items) <= limit:
        return items
    keep = np.sort(np.argsort(-np.abs(items.weights), kind="stable")[:limit])
    used, context_of = np.unique(items.context_of[keep], return_inverse=True)
    return Items(
        items.contexts[used], context_of.reshape(-1).astype(np.int32), items.tokens[keep], items.weights[keep]
    )


class ProbeSums:
    """Adds up weights probe by probe, so that a long audit holds only what is distinct."""

    def __init__(self) -> None:
        self._parts: list[tuple[npt.NDArray, npt.NDArray, npt.NDArray]] = []
        self._rows = 0
        self._merged: Items | None = None

    def add(self, contexts: npt.NDArray, tokens: npt.NDArray, weights: npt.NDArray) -> None:
        """Add rows as `merge_items` takes them."""
        self._parts.append((contexts, tokens, weights))
        self._rows += len(tokens)
        if self._rows > 4_000_000:
            self._fold()

    def _fold(self) -> None:
        if self._merged is not None:
            kept = self._merged
            self._parts.append((kept.full_contexts(), kept.tokens, kept.weights))
        if self._parts:
            columns = [np.concatenate(column) for column in zip(*self._parts, strict=True)]
            self._merged = merge_items(*columns)
        self._parts, self._rows = [], 0

    def items(self) -> Items | None:
        """Everything added so far, merged; None where nothing was."""
        self._fold()
        return self._merged


def _bernoulli_cumulant(w: npt.NDArray[np.float64], t: float, gamma: float) -> float:
    return float(np.logaddexp(math.log1p(-gamma), math.log(gamma) + t * w).sum() - t * gamma * float(w.sum()))


def _exponential_cumulant(w: npt.NDArray[np.float64], t: float) -> float:
    return float((-np.log1p(-t * w)).sum() - t * float(w.sum()))


class WeightedNull:
    """The null distribution of `sum w (g - E g)`: one table, any number of keys.

    Args:
        weights: (n,) item weights.
        null: "bernoulli" for red/green marks, "exponential" for Gumbel-max scores.
        gamma: green share; only for "bernoulli".

    Raises:
        RefusalError: fewer than `MIN_ITEMS` items, or all weights are zero.
    """

    def __init__(
        self, weights: npt.NDArray[np.float64], *, null: Null = "bernoulli", gamma: float = 0.5
    ) -> None:
        used = np.asarray(weights, np.float64)
        used = used[used != 0.0]
        if len(used) < MIN_ITEMS:
            raise RefusalError(
                f"{len(used)} distinct (context, token) items carry weight; at least {MIN_ITEMS} are needed",
                hint="give more probe text or more served logs",
            )
        self._w, self._null, self._gamma = used, null, gamma
        variance = gamma * (1 - gamma) if null == "bernoulli" else 1.0
        self.mean = (gamma if null == "bernoulli" else 1.0) * float(np.sum(weights))
        """Expected value of `sum w g` under the null."""
        self.sd = math.sqrt(variance * float(np.square(used).sum()))
        """Standard deviation of the statistic under the null."""
        self._t = self._grid()
        self._k = np.array([self._cumulant(t) for t in self._t])

    def _grid(self) -> npt.NDArray[np.float64]:
        t: npt.NDArray[np.float64] = 0.25 / self.sd * _STEP ** np.arange(_GRID, dtype=np.float64)
        if self._null == "exponential":
            most = float(self._w.max())
            t = t[t * most < 0.999] if most > 0 else t
        return t

    def _cumulant(self, t: float) -> float:
        if self._null == "bernoulli":
            return _bernoulli_cumulant(self._w, t, self._gamma)
        return _exponential_cumulant(self._w, t)

    def log10_p(self, statistic: npt.NDArray[np.float64] | float) -> npt.NDArray[np.float64]:
        """Chernoff bound on log10 P(S >= s), one for each statistic; at most 0.

        Args:
            statistic: (k,) values of `sum w g - mean`.
        """
        s = np.atleast_1d(np.asarray(statistic, np.float64))
        if len(self._t) == 0:
            return np.zeros(len(s))
        # One t after the other: memory stays that of the keys, whatever the grid.
        exponent = np.zeros(len(s))
        for t, k in zip(self._t, self._k, strict=True):
            np.minimum(exponent, k - t * s, out=exponent)
        return exponent / math.log(10.0)

    def saddlepoint_log10_p(self, statistic: float) -> float:
        """Lugannani-Rice estimate of log10 P(S >= s). An estimate; nothing is decided by it."""
        if statistic <= 0.25 * self.sd:
            return float(norm.logsf(statistic / self.sd)) / math.log(10.0)
        t = float(self._t[np.argmin(self._k - statistic * self._t)])
        for _ in range(30):
            slope, curve = self._slopes(t)
            if curve <= 0:
                break
            step = max(t - (slope - statistic) / curve, t / 4) - t
            t += step
            if abs(step) < 1e-9 * t:
                break
        k = self._cumulant(t)
        root = math.sqrt(max(2.0 * (t * statistic - k), 1e-300))
        u = t * math.sqrt(max(self._slopes(t)[1], 1e-300))
        log_tail = float(norm.logsf(root))
        if not math.isfinite(log_tail) or abs(self._slopes(t)[0] - statistic) > 0.01 * self.sd:
            return float(self.log10_p(statistic)[0])
        # sf(r) + pdf(r) (1/u - 1/r), kept in logs so that it survives far tails.
        ratio = math.exp(float(norm.logpdf(root)) - log_tail) * (1.0 / u - 1.0 / root)
        return min((log_tail + math.log1p(max(ratio, -0.999999))) / math.log(10.0), 0.0)

    def _slopes(self, t: float) -> tuple[float, float]:
        w = self._w
        if self._null == "bernoulli":
            odds = self._gamma * np.exp(np.clip(t * w, -700, 700))
            q = odds / (1 - self._gamma + odds)
            return float((w * (q - self._gamma)).sum()), float((w * w * q * (1 - q)).sum())
        rate = 1.0 - t * w
        return float((w / rate - w).sum()), float((w * w / (rate * rate)).sum())


def signed_rank_log10_p(differences: npt.NDArray[np.float64]) -> float:
    """Wilcoxon's signed ranks, one-sided (larger than 0), as a bound on log10 p.

    Given the sizes, the signs of the differences are fair coins, so that the sum of the ranks (mid-ranks where
    tied) of the positive ones is a weighted Bernoulli(1/2) sum and the Chernoff bound holds for any ties.

    Args:
        differences: (n,); zeros are dropped.
    """
    kept = differences[differences != 0.0]
    if len(kept) < 2:
        return 0.0
    _, place, count = np.unique(np.abs(kept), return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2.0)[place.reshape(-1)]
    statistic = float(ranks[kept > 0].sum() - ranks.sum() / 2.0)
    t = 0.25 / (0.5 * math.sqrt(float(np.square(ranks).sum()))) * _STEP ** np.arange(_GRID)
    bound = min(_bernoulli_cumulant(ranks, float(x), 0.5) - float(x) * statistic for x in t)
    return min(bound, 0.0) / math.log(10.0)
