"""The test on sealed twins: does the suspect like what was served better than what was held back?

For each pair, d = [log p_suspect(served) - log p_suspect(twin)] - [the same for a reference]. The reference
removes what both models find likely anyway, length above all; it does not touch exactness. Given the pair, the
coin was fair and independent of any model that never saw which answer went out, so the signs of d are fair
coins: the sign test is an exact binomial, with no assumption on the models, the texts or the accounts. It
holds for one account even if the suspect was trained on everybody else.

There is no text-only version: compared by n-gram overlap instead of log-probabilities, it had no power.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hydrascope.errors import RefusalError
from hydrascope.watermark.pvalues import binomial_log10_p, holm
from hydrascope.watermark.radioactivity import signed_rank_log10_p

__all__ = ["MIN_PAIRS", "TwinResult", "sign_log10_p", "trace_twins", "twin_result"]

MIN_PAIRS = 8
"""Untied pairs below which an account is not tested: not even eight wins of eight reach 0.1 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TwinResult:
    """One account, cluster or the whole deployment."""

    level: str
    """account, cluster or deployment."""
    name: str
    n_pairs: int
    n_ties: int
    wins: int
    """Pairs where the served answer is the likelier one."""
    log10_p: float
    """Exact sign test, one-sided: the p-value that decides."""
    rank_log10_p: float
    """Wilcoxon's signed ranks as a Chernoff bound; beside the sign test, decides nothing."""
    traced: bool = False
    """Holm at the stated family-wise error, behind the gate of the level above."""


def sign_log10_p(wins: int, n: int) -> float:
    """log10 P(Binomial(n, 1/2) >= wins), exact; 0 where n is 0.

    >>> round(sign_log10_p(85, 100), 2)
    -12.62
    """
    return 0.0 if n == 0 else float(binomial_log10_p(wins, n, 0.5))


def twin_result(level: str, name: str, differences: npt.NDArray[np.float64]) -> TwinResult:
    """Both tests on the differences of one account, cluster or deployment.

    Raises:
        RefusalError: a difference is not finite, or fewer than `MIN_PAIRS` pairs are untied.
    """
    if not np.isfinite(differences).all():
        raise RefusalError(
            f"{level} {name}: a log-likelihood is not finite; the suspect gave no usable scores"
        )
    ties = int((differences == 0.0).sum())
    n = len(differences) - ties
    if n < MIN_PAIRS:
        raise RefusalError(
            f"{level} {name}: {n} untied pairs, at least {MIN_PAIRS} are needed",
            hint="seal more pairs of this account, or test its cluster",
        )
    wins = int((differences > 0.0).sum())
    return TwinResult(
        level=level,
        name=name,
        n_pairs=len(differences),
        n_ties=ties,
        wins=wins,
        log10_p=sign_log10_p(wins, n),
        rank_log10_p=signed_rank_log10_p(differences),
    )


def _groups(names: Sequence[str | None]) -> Mapping[str, npt.NDArray[np.intp]]:
    members: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        if name is not None:
            members.setdefault(name, []).append(row)
    return {name: np.array(rows) for name, rows in sorted(members.items())}


def _level(
    level: str, names: Sequence[str | None], differences: npt.NDArray[np.float64], fwer: float
) -> list[TwinResult]:
    tested = []
    for name, rows in _groups(names).items():
        d = differences[rows]
        if (d != 0.0).sum() >= MIN_PAIRS:
            tested.append(twin_result(level, name, d))
    falls = holm([r.log10_p for r in tested]) <= math.log10(fwer)
    return [_marked(r, bool(fell)) for r, fell in zip(tested, falls, strict=True)]


def _marked(result: TwinResult, traced: bool) -> TwinResult:
    fields = {name: getattr(result, name) for name in TwinResult.__slots__}
    return TwinResult(**fields | {"traced": traced})


def trace_twins(
    differences: npt.NDArray[np.float64],
    accounts: Sequence[str],
    clusters: Sequence[str | None],
    *,
    fwer: float = 0.01,
) -> list[TwinResult]:
    """Gatekept tests: deployment first, then clusters, then accounts, Holm inside each level.

    An account is named only if the deployment as a whole and, where it has one that could be tested, its
    cluster fell before it. Accounts with fewer than `MIN_PAIRS` untied pairs are not tested and not counted.

    Args:
        differences: (n,) one d for each pair.
        accounts: (n,) account ids.
        clusters: (n,) cluster ids, None outside clusters.
        fwer: family-wise error of each level.

    Raises:
        RefusalError: too few untied pairs in all, or a score that is not finite.
    """
    whole = twin_result("deployment", "deployment", differences)
    gate = whole.log10_p <= math.log10(fwer)
    by_cluster = _level("cluster", clusters, differences, fwer)
    open_clusters = {r.name for r in by_cluster if r.traced and gate}
    shut = {r.name for r in by_cluster} - open_clusters
    cluster_of = dict(zip(accounts, clusters, strict=True))
    results = [_marked(whole, gate), *(_marked(r, r.traced and gate) for r in by_cluster)]
    for r in _level("account", accounts, differences, fwer):
        results.append(_marked(r, r.traced and gate and cluster_of[r.name] not in shut))
    return results
