"""Weights of observables by penalised logistic regression over the intervals of `hypotheses.toml` (used by calibrate.py).

Each interval of each observable has a weight, drawn towards nothing and towards its neighbours': it says much only where
groups do. What was not measured weighs nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from hydrascope.campaigns.fitted import NOT_FITTED, Fitted
from hydrascope.campaigns.hypotheses import Observable, intervals_of, load_model

LEAST_ACCOUNTS = 4
"""Accounts of a group that weights are fitted to: pairs and triples agree in too many ways."""
SIZE_PENALTY = 0.3
"""Inverse variance of a weight, in nats."""
STEP_PENALTY = 1.0
"""Inverse variance of the difference of neighbours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A group of known truth."""

    family: str
    """Whose world it comes from."""
    measured: Mapping[str, float]
    guilty: bool


def fit_weights(groups: Sequence[Known], *, prior: float) -> Fitted:
    """The weights under which the groups' truth is likeliest, less the penalty.

    Each family of worlds weighs alike, and in each guilty groups as much as the prior says, whatever the worlds hold.

    Args:
        prior: probability of distillation of a group of which nothing is known.
    """
    used = [g for g in groups if g.measured.get("n_accounts", 0) >= LEAST_ACCOUNTS]
    rows = np.array([_row(g.measured) for g in used])
    guilty = np.array([g.guilty for g in used])
    start = math.log(prior / (1 - prior))
    line = _fit(rows, guilty, _sample_weights(used, prior), start) / math.log(2)
    bits, at = {}, 0
    for o in _observables():
        bits[o.name] = np.round(line[at : at + len(o.edges) + 1], 3)
        at += len(o.edges) + 1
    return Fitted(intercept=round(start / math.log(2), 3), bits=bits)


def _observables() -> list[Observable]:
    return [o for o in load_model().observables if o.name not in NOT_FITTED]


def _row(measured: Mapping[str, float | None]) -> list[float]:
    """How far each value lies in each interval; nowhere where it was not measured."""
    intervals = intervals_of({n: v for n, v in measured.items() if v is not None})
    row: list[float] = []
    for o in _observables():
        row += intervals[o.name].tolist() if o.name in intervals else [0.0] * (len(o.edges) + 1)
    return row


def _penalty() -> np.ndarray:
    """float64[intervals, intervals], of which half the quadratic form of the weights is the penalty."""
    n = sum(len(o.edges) + 1 for o in _observables())
    penalty = np.zeros((n, n))
    at = 0
    for o in _observables():
        here = slice(at, at + len(o.edges) + 1)
        step = np.diff(np.eye(len(o.edges) + 1), axis=0)
        penalty[here, here] = SIZE_PENALTY * np.eye(len(o.edges) + 1) + STEP_PENALTY * step.T @ step
        at = here.stop
    return penalty


def _sample_weights(groups: Sequence[Known], prior: float) -> np.ndarray:
    """float64[groups] that sum to their number."""
    family = np.array([g.family for g in groups])
    guilty = np.array([g.guilty for g in groups])
    weight = np.zeros(len(groups))
    for name in set(family.tolist()):
        here = family == name
        share = guilty[here].mean()
        one = np.where(guilty, prior / max(share, 1e-9), (1 - prior) / max(1 - share, 1e-9))
        weight[here] = one[here] / one[here].sum()
    return weight * len(groups) / weight.sum()


def _fit(x: np.ndarray, guilty: np.ndarray, weight: np.ndarray, start: float) -> np.ndarray:
    """float64[intervals], in nats.

    Args:
        start: log odds of a group of which nothing is known.
    """
    sign = np.where(guilty, 1.0, -1.0)
    penalty = _penalty()

    def loss(line: np.ndarray) -> tuple[float, np.ndarray]:
        score = sign * (start + x @ line)
        wrong = weight @ np.logaddexp(0, -score) + 0.5 * line @ penalty @ line
        slope = x.T @ (-sign * weight / (1 + np.exp(score))) + penalty @ line
        return float(wrong), slope

    return np.asarray(
        minimize(loss, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 5000}).x
    )


def as_toml(fitted: Fitted) -> str:
    """The text of `fitted.toml`."""
    lines = [
        "# Made by scripts/calibrate.py: bits for distillation of each interval of hypotheses.toml, fitted to groups of known truth (fitted.py).",
        f"intercept = {fitted.intercept}",
        "",
        "[bits]",
        *(f"{name} = {bits.tolist()}" for name, bits in fitted.bits.items()),
    ]
    return "\n".join(lines) + "\n"
