"""Rival explanations, side by side.

A group is scored by naive Bayes over the observables of `hypotheses.toml`: for each, the file states how
often each kind of group falls into each interval. Observables of one family are correlated, so a family's
total is capped at `FAMILY_CAP` bits on either side of the hypotheses' mean; a missing observable adds nothing.

Several hypotheses may lead to one verdict. An operator who shares no card shares no device and no address
either, so the lack of all three is one piece of news, not three: each way of running a campaign is a
hypothesis of its own, and a verdict's probability is the sum over its hypotheses (a finite mixture).
A hypothesis may be `like` another and then states only the rates in which it differs.

The odds of distillation are the mean, in bits, of what the rates say and of what was fitted to groups of known truth
(`fitted`), and are then calibrated (`calibration`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from hydrascope.campaigns.calibration import load_calibration
from hydrascope.campaigns.fitted import NOT_FITTED, Fitted, load_fitted
from hydrascope.config import read_toml
from hydrascope.records import Hypothesis, Verdict

__all__ = [
    "FAMILY_CAP",
    "Observable",
    "Scored",
    "at_most_even",
    "intervals_of",
    "load_model",
    "pooled_log2_odds",
    "score_hypotheses",
]

FAMILY_CAP = 6.0
"""Most bits by which one family may favour one hypothesis over another."""
_BLUR = 0.25
"""How far an edge's ramp reaches on either side, as a share of the way to the nearest other edge."""
_LEAST_INNOCENT = 1e-300
"""Probability that keeps a logarithm and a quotient finite."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observable:
    """How often each hypothesis shows each interval of one quantity."""

    name: str
    family: str
    edges: tuple[float, ...]
    """Ascending, two or more."""
    says: str
    rates: Mapping[str, tuple[float, ...]]

    def intervals(self, value: float) -> np.ndarray:
        """float64[len(edges) + 1] how far the value lies in each interval; they sum to one.

        Near an edge it lies in both, in proportion: two groups that differ by a hair must not differ by bits. The
        ramp is a quarter of the way to the next edge on either side.
        """
        edges = np.array(self.edges)
        gaps = np.diff(edges, prepend=-np.inf, append=np.inf)
        half = _BLUR * np.minimum(gaps[:-1], gaps[1:])
        above = np.clip((value - edges) / (2.0 * half) + 0.5, 0.0, 1.0)
        return -np.diff(np.concatenate([[1.0], above, [0.0]]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """The hypotheses in the file's order, and the observables."""

    names: tuple[str, ...]
    verdicts: Mapping[str, Verdict]
    sentences: Mapping[str, str]
    log2_prior: np.ndarray
    guilty: np.ndarray
    """bool, of each hypothesis: whether it leads to a distillation verdict."""
    observables: tuple[Observable, ...]
    rates: Mapping[str, np.ndarray]
    """Observable to float64[hypotheses, intervals], rows summing to one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """Every hypothesis with its posterior, and what each observable contributed."""

    hypotheses: tuple[Hypothesis, ...]
    """Best first; reasons are the three strongest on either side."""
    contributions: Mapping[str, np.ndarray]
    """Observable to log2 likelihood of each hypothesis, after its family's cap, in the model's order."""
    fitted: Mapping[str, float]
    """Observable to bits for distillation by the fitted weights."""
    measured: Mapping[str, float]

    def bits_between(self, mine: Hypothesis, rival: Hypothesis) -> dict[str, float]:
        """Observable to bits by which it favours one hypothesis over another, as pooled.

        Args:
            mine: one that leads to a distillation verdict.
            rival: one that does not.
        """
        names = load_model().names
        i, j = names.index(mine.name), names.index(rival.name)
        stated = {n: float(w[i] - w[j]) for n, w in self.contributions.items()}
        return {
            n: bits if n not in self.fitted else 0.5 * (bits + self.fitted[n]) for n, bits in stated.items()
        }

    def leading(self, *, guilty: bool) -> Hypothesis:
        """The likeliest hypothesis that leads to a distillation verdict, or that does not."""
        return next(h for h in self.hypotheses if (h.verdict == "distillation") == guilty)

    def probability(self, verdict: Verdict) -> float:
        """Posterior of all hypotheses that lead to a verdict."""
        return sum(h.probability for h in self.hypotheses if h.verdict == verdict)


@cache
def load_model() -> Model:
    """The model shipped in `hypotheses.toml`."""
    table = read_toml(Path(__file__).with_name("hypotheses.toml"))
    hypotheses = table["hypothesis"]
    names = tuple(hypotheses)
    observables = tuple(
        Observable(
            name=name,
            family=o["family"],
            edges=tuple(o["edges"]),
            says=o["says"],
            rates={h: tuple(o["rates"][_holder(h, o["rates"], hypotheses)]) for h in names},
        )
        for name, o in table["observable"].items()
    )
    return Model(
        names=names,
        verdicts={h: hypotheses[h]["verdict"] for h in names},
        sentences={h: hypotheses[h]["sentence"] for h in names},
        log2_prior=np.log2([hypotheses[h]["prior"] for h in names]),
        guilty=np.array([hypotheses[h]["verdict"] == "distillation" for h in names]),
        observables=observables,
        rates={
            o.name: np.array([np.array(o.rates[h]) / sum(o.rates[h]) for h in names]) for o in observables
        },
    )


def _holder(name: str, rates: Mapping[str, object], hypotheses: Mapping[str, Mapping[str, str]]) -> str:
    """The hypothesis whose rates hold for `name`: itself, or the first that it is like and that states any."""
    while name not in rates:
        name = hypotheses[name]["like"]
    return name


def score_hypotheses(measured: Mapping[str, float | None]) -> Scored:
    """Posterior of each hypothesis given what was measured.

    The odds of distillation are those that are kept (`calibration`) where the number of accounts is known; hypotheses
    of either side keep their odds among themselves.
    """
    model = load_model()
    known = {k: v for k, v in measured.items() if v is not None}
    intervals = intervals_of(known)
    weights = _weigh(model, intervals)
    total = _stated(model, weights)
    if "n_accounts" in known:
        pooled = _pooled(model, weights, load_fitted().log2_odds(intervals))
        kept = load_calibration().kept(pooled, known["n_accounts"])
        total += np.where(model.guilty, kept - _log2_odds(model, total), 0.0)
    posterior = np.exp2(total - total.max())
    posterior /= posterior.sum()
    order = np.argsort(-posterior, kind="stable")
    effects = _effects(weights)
    found = tuple(_hypothesis(model, int(i), total, posterior, effects, known) for i in order)
    return Scored(
        hypotheses=found, contributions=weights, fitted=load_fitted().weigh(intervals), measured=known
    )


def at_most_even(scored: Scored) -> Scored:
    """The same with distillation no likelier than not; hypotheses of either side keep their odds among themselves."""
    guilty = scored.probability("distillation")
    if guilty <= 0.5:
        return scored
    innocent = sum(h.probability for h in scored.hypotheses if h.verdict != "distillation")
    halved = [
        h.probability * 0.5 / (guilty if h.verdict == "distillation" else max(innocent, _LEAST_INNOCENT))
        for h in scored.hypotheses
    ]
    bits = np.log2(np.maximum(halved, _LEAST_INNOCENT))
    moved = (
        replace(h, probability=p, bits=float(b - bits.max()))
        for h, p, b in zip(scored.hypotheses, halved, bits, strict=True)
    )
    return replace(scored, hypotheses=tuple(sorted(moved, key=lambda h: -h.probability)))


def pooled_log2_odds(measured: Mapping[str, float], fitted: Fitted | None = None) -> float:
    """Log2 odds of distillation before they are calibrated, by the rates and by fitted weights (by default, those shipped)."""
    model, intervals = load_model(), intervals_of(measured)
    return _pooled(model, _weigh(model, intervals), (fitted or load_fitted()).log2_odds(intervals))


def _pooled(model: Model, weights: Mapping[str, np.ndarray], fitted: float) -> float:
    """The mean of fitted log2 odds and of those that the same observables state; what has no fitted weight counts as stated."""
    stated = _log2_odds(model, _stated(model, weights))
    both = {name: bits for name, bits in weights.items() if name not in NOT_FITTED}
    return stated + 0.5 * (fitted - _log2_odds(model, _stated(model, both)))


def intervals_of(measured: Mapping[str, float]) -> dict[str, np.ndarray]:
    """Observable to float64[intervals], how far its value lies in each, of those that were measured."""
    return {o.name: o.intervals(measured[o.name]) for o in load_model().observables if o.name in measured}


def _weigh(model: Model, intervals: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Observable to float64[hypotheses], log2 of how often each shows such a value, after its family's cap."""
    weights = {name: np.log2(model.rates[name] @ x) for name, x in intervals.items()}
    return _cap_families(weights, {o.name: o.family for o in model.observables})


def _stated(model: Model, weights: Mapping[str, np.ndarray]) -> np.ndarray:
    return model.log2_prior + sum(weights.values(), np.zeros(len(model.names)))


def _log2_odds(model: Model, total: np.ndarray) -> float:
    """Of the hypotheses that lead to a distillation verdict against all others."""
    guilty, innocent = (np.logaddexp2.reduce(total[side]) for side in (model.guilty, ~model.guilty))
    return float(guilty - innocent)


def _cap_families(weights: Mapping[str, np.ndarray], family_of: Mapping[str, str]) -> dict[str, np.ndarray]:
    capped: dict[str, np.ndarray] = {}
    for family in {family_of[n] for n in weights}:
        names = [n for n in weights if family_of[n] == family]
        total = np.sum([weights[n] for n in names], axis=0)
        spread = float(total.max() - total.min())
        scale = min(1.0, FAMILY_CAP / spread) if spread > 0 else 1.0
        capped |= {n: weights[n] * scale for n in names}
    return dict(sorted(capped.items()))


def _effects(weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What each observation does to each hypothesis next to the average of its rivals, in bits: a reason for or against."""
    effects = {}
    for name, bits in weights.items():
        likelihood = np.exp2(bits)
        rivals = (likelihood.sum() - likelihood) / (len(bits) - 1)
        effects[name] = bits - np.log2(rivals)
    return effects


def _hypothesis(
    model: Model,
    i: int,
    total: np.ndarray,
    posterior: np.ndarray,
    effects: Mapping[str, np.ndarray],
    known: Mapping[str, float],
) -> Hypothesis:
    says = {o.name: o.says for o in model.observables}
    effect = {n: float(e[i]) for n, e in effects.items()}
    ordered = sorted(effect, key=lambda n: (-effect[n], n))
    strong_for = [n for n in ordered if effect[n] > 0.5][:4]
    strong_against = [n for n in reversed(ordered) if effect[n] < -0.5][:4]
    name = model.names[i]
    return Hypothesis(
        name=name,
        verdict=model.verdicts[name],
        bits=float(total[i] - total.max()),
        probability=float(posterior[i]),
        reasons_for=tuple(says[n].format(value=known[n]) for n in strong_for),
        reasons_against=tuple(says[n].format(value=known[n]) for n in strong_against),
    )
