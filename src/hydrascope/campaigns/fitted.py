"""What groups of known truth taught of each observable, beside the rates that people stated.

The rates of `hypotheses.toml` are arguments: each can be disputed by itself, and together they overrate whatever
their authors thought of together. Weights fitted to groups are true of the worlds that the groups came from, and
take what is alike there for a law. Neither holds best where a world is new; their mean does (a logarithmic opinion pool:
Genest and Zidek, Statistical Science 1, 1986). `scripts/calibrate.py` fits the weights by penalised logistic regression
over the same intervals and writes `fitted.toml`; docs/design/0020 has what it gained on worlds of other authors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from hydrascope.config import read_toml

__all__ = ["NOT_FITTED", "Fitted", "load_fitted"]

NOT_FITTED = frozenset({"n_accounts"})
"""Observables whose weight is not fitted: how large campaigns are is up to whoever makes a world."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """Bits for distillation against all else."""

    intercept: float
    """Of a group of which nothing was measured."""
    bits: Mapping[str, np.ndarray]
    """Observable to float64[intervals]."""

    def weigh(self, intervals: Mapping[str, np.ndarray]) -> dict[str, float]:
        """Bits of each observable that was measured and has a weight.

        Args:
            intervals: observable to float64[intervals], how far its value lies in each.
        """
        return {name: float(x @ self.bits[name]) for name, x in intervals.items() if name in self.bits}

    def log2_odds(self, intervals: Mapping[str, np.ndarray]) -> float:
        """Of distillation, of a group with these values."""
        return self.intercept + sum(self.weigh(intervals).values())


@cache
def load_fitted() -> Fitted:
    """The weights shipped in `fitted.toml`."""
    table = read_toml(Path(__file__).with_name("fitted.toml"))
    return Fitted(
        intercept=table["intercept"], bits={name: np.array(bits) for name, bits in table["bits"].items()}
    )
