"""Window MMD: does a window of one account's queries come from the same distribution as the background?

Source: arXiv 2606.05725 (RBF maximum mean discrepancy on embeddings of query windows; Gretton et al. 2012,
JMLR 13, for the statistic and its null). The kernel mean is taken through 256 random Fourier features (Rahimi
& Recht 2007), so that a window costs its own length; the median rule sets the bandwidth. For n queries drawn
at random the statistic tends to a weighted sum of chi-squares over n, its weights the eigenvalues of the
features' covariance; the line is the 99.7 % quantile of that. Sees: accounts whose topics differ from
everyone's. Blind to: accounts below 50 queries, covered traffic; and honest accounts differ from the mixture
as much as guilty ones. Embeddings here are latent semantic vectors, the paper's are neural. Scale: linear in prompts; at
most 100,000 are read.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hydrascope.evaluate.findings import Findings
from hydrascope.evaluate.peers.alarm import alone, raise_alarms
from hydrascope.evaluate.peers.prompts import Vectors, on_one_core, read_prompts
from hydrascope.evaluate.world import Log

__all__ = ["MmdSettings", "detect_window_mmd"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MmdSettings:
    """The test's numbers."""

    window: int = 1_500
    least: int = 50
    """Queries of an account that is tested at all."""
    false_alarms: float = 0.003
    n_null: int = 20_000
    seed: int = 0


@on_one_core
def detect_window_mmd(log: Log, settings: MmdSettings = MmdSettings()) -> Findings:
    """Flag accounts whose worst window exceeds the line; the score is x / (1 + x) of the ratio x to it."""
    prompts = read_prompts(log)
    if len(prompts.vectors) < settings.least:
        return raise_alarms(log, {}, {})
    rng = np.random.default_rng(settings.seed)
    features = fourier_features(prompts.vectors, rng)
    centre, unit = features.mean(axis=0), null_line(features, settings, rng)
    scores: dict[str, float] = {}
    order = np.argsort(prompts.account, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(prompts.account[order])) + 1):
        if len(rows) < settings.least:
            continue
        name = prompts.accounts[prompts.account[rows[0]]]
        for window in np.array_split(rows, -(-len(rows) // settings.window)):
            ratio = discrepancy(features[window], centre) * len(window) / unit
            scores[name] = max(scores.get(name, 0.0), ratio / (1 + ratio))
    return raise_alarms(log, alone({a: s for a, s in scores.items() if s > 0.5}), scores)


def fourier_features(vectors: Vectors, rng: np.random.Generator, width: int = 256) -> Vectors:
    """Random Fourier features of the RBF kernel whose bandwidth is the median distance of sampled pairs."""
    a, b = rng.integers(0, len(vectors), (2, 2_000))
    distance = np.linalg.norm(vectors[a] - vectors[b], axis=1)
    scale = float(np.median(distance[distance > 0])) if (distance > 0).any() else 1.0
    w = rng.normal(0, 1 / scale, (vectors.shape[1], width // 2)).astype(np.float32)
    angle = vectors @ w
    return np.hstack([np.cos(angle), np.sin(angle)]) * np.float32((2 / width) ** 0.5)


def discrepancy(window: Vectors, centre: npt.NDArray[np.float32]) -> float:
    """Squared distance of kernel means: the biased MMD^2 estimate, whose bias the null windows share."""
    return float(((window.mean(axis=0) - centre) ** 2).sum())


def null_line(features: Vectors, settings: MmdSettings, rng: np.random.Generator) -> float:
    """The line for a window of one query; a window of n has it divided by n."""
    weights = np.maximum(np.linalg.eigvalsh(np.cov(features, rowvar=False)), 0)
    null = rng.chisquare(1, (settings.n_null, len(weights))) @ weights
    return max(float(np.quantile(null, 1 - settings.false_alarms)), 1e-12)
