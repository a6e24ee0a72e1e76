"""From p-values to claims: Holm inside each level, gates between levels, one stated error rate.

The overall rate is shared equally by the levels that have keys, and Holm spends each level's share on that level's
committed keys (revoked ones are counted with p = 1). By the union bound the chance that any claim is false is at
most the overall rate, whatever the dependence. A gate then withholds a level's claims unless the wider question
is settled: "was any of our text used" is the intersection of all keys at that level and below, tested by
Bonferroni, so that text marked with a cluster's key alone does not close the deployment's gate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hydrascope.watermark.keys import Level
from hydrascope.watermark.pvalues import holm

__all__ = ["MEANING", "Claim", "Gate", "KeyResult", "attribute"]

MEANING = {
    Level.DEPLOYMENT: "on text this deployment served, perhaps through the public web",
    Level.CLUSTER: "on text served only to this cluster",
    Level.ACCOUNT: "on text served only to this account",
}
"""What a hit at each level says the texts, or the model behind them, drew on. Exposure is not intent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyResult:
    """One committed key's test."""

    key_id: str
    level: Level
    subject: str
    epoch: int
    mark: str
    """`Mark.label`."""
    method: str
    """How the p-value is computed."""
    statistic: float
    n: int
    """Independent coins counted."""
    log10_p: float
    revoked: bool = False
    committed_at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One level's question: was any text below it used?"""

    level: Level
    n_tests: int
    """Keys at this level."""
    n_below: int
    """Keys at this level and narrower ones."""
    log10_p: float
    """Bonferroni over all of those."""
    log10_alpha: float
    """This level's share of the error rate."""
    opened: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A key whose mark was found, after everything that could have been."""

    result: KeyResult
    log10_adjusted_p: float
    """Holm-adjusted inside the level."""
    meaning: str


def attribute(
    results: Sequence[KeyResult], *, alpha: float = 0.01, gated: bool = True
) -> tuple[tuple[Gate, ...], tuple[Claim, ...]]:
    """Gates in order, and the claims they let through, strongest first.

    Args:
        results: one for each committed key that could have been claimed, revoked ones too.
        alpha: chance that any claim at all is false, at most.
        gated: whether a closed gate withholds narrower levels.
    """
    levels = [level for level in Level if any(r.level is level for r in results)]
    log10_alpha = math.log10(alpha / max(len(levels), 1))
    gates: list[Gate] = []
    claims: list[Claim] = []
    still_open = True
    for i, level in enumerate(levels):
        gate = _gate(
            level, [r for r in results if r.level in levels[i:]], log10_alpha, still_open or not gated
        )
        gates.append(gate)
        still_open = gate.opened
        if gate.opened:
            claims.extend(_claims([r for r in results if r.level is level], log10_alpha))
    return tuple(gates), tuple(sorted(claims, key=lambda c: (c.log10_adjusted_p, c.result.key_id)))


def _effective(result: KeyResult) -> float:
    return 0.0 if result.revoked else result.log10_p


def _gate(level: Level, below: Sequence[KeyResult], log10_alpha: float, reached: bool) -> Gate:
    log10_p = min(0.0, min(map(_effective, below)) + math.log10(len(below)))
    return Gate(
        level=level,
        n_tests=sum(r.level is level for r in below),
        n_below=len(below),
        log10_p=log10_p,
        log10_alpha=log10_alpha,
        opened=reached and log10_p <= log10_alpha,
    )


def _claims(results: Sequence[KeyResult], log10_alpha: float) -> list[Claim]:
    adjusted = holm([_effective(r) for r in results])
    return [
        Claim(result=results[i], log10_adjusted_p=float(adjusted[i]), meaning=MEANING[results[i].level])
        for i in np.flatnonzero(adjusted <= log10_alpha).tolist()
    ]
