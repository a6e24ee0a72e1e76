"""PRADA: are the distances from each query to the nearest earlier one of the same account normal?

Source: Juuti, Szyller, Marchal, Asokan, "PRADA: Protecting Against DNN Model Stealing Attacks", EuroS&P
2019. Each query adds its least distance to the growing set of the account's earlier queries; the set of
distances, three-sigma outliers removed, is tested with Shapiro-Wilk, and W below delta flags the account. The
paper splits by predicted class; a language model has none, so there is one class. Sees: synthetic image
queries, for which it was made. On text, honest distances are not normal either: at chance (49 % at 52 % in
its own protocol on LLM traffic). Scale: quadratic in queries per account, cut at 1,000.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import shapiro

from hydrascope.evaluate.findings import Findings
from hydrascope.evaluate.peers.alarm import alone, raise_alarms
from hydrascope.evaluate.peers.prompts import Vectors, on_one_core, read_prompts
from hydrascope.evaluate.world import Log

__all__ = ["PradaSettings", "detect_prada"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PradaSettings:
    """The test's numbers; delta is the paper's for its hardest task."""

    delta: float = 0.9
    least: int = 50
    most: int = 1_000


@on_one_core
def detect_prada(log: Log, settings: PradaSettings = PradaSettings()) -> Findings:
    """Flag accounts with W < delta; the score is 1 - W."""
    prompts = read_prompts(log)
    scores: dict[str, float] = {}
    order = np.argsort(prompts.account, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(prompts.account[order])) + 1):
        if len(rows) < settings.least:
            continue
        w = normality(least_distances(prompts.vectors[rows[: settings.most]]))
        scores[prompts.accounts[prompts.account[rows[0]]]] = 1 - w
    flagged = {a: s for a, s in scores.items() if s > 1 - settings.delta}
    return raise_alarms(log, alone(flagged), scores)


def least_distances(vectors: Vectors) -> npt.NDArray[np.float64]:
    """Distance from each query but the first to the nearest earlier one."""
    squared = 2 - 2 * (vectors @ vectors.T).astype(np.float64)
    squared[np.triu_indices(len(squared))] = np.inf
    return np.sqrt(np.maximum(squared[1:].min(axis=1), 0))


def normality(distances: npt.NDArray[np.float64]) -> float:
    """Shapiro-Wilk W after removing what lies beyond three standard deviations; 0 for constant distances."""
    kept = distances[np.abs(distances - distances.mean()) <= 3 * distances.std() + 1e-12]
    return float(shapiro(kept).statistic) if len(kept) >= 3 and np.ptp(kept) > 1e-9 else 0.0
