"""What stated odds of distillation are worth, as fitted to groups whose truth is known.

The posterior of naive Bayes over rates that people stated ranks groups well and says too little of it: of a large group
whose odds are four to one hardly any is innocent. A handful of strangers who agree by chance reaches the same odds far
more often. So log odds in favour are mapped by a line (Platt, Advances in Large Margin Classifiers, 1999), one for large
groups and one for handfuls. Odds against distillation keep their slope: campaigns that hide well lie there, and a line
that were true of them would suspect the innocent. `scripts/calibrate.py` fits the lines to groups found in worlds for
tuning and writes `calibration.toml`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from hydrascope.config import build, read_toml

__all__ = ["SMALL", "Calibration", "basis", "load_calibration"]

SMALL = (8, 30)
"""Accounts below which a group is a handful, and from which it is not; in between it is partly one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Lines from stated log odds, in bits, to kept ones."""

    large: float
    """Bits that stated even odds are worth, of a large group."""
    large_slope: float
    """Bits for each stated bit in favour of distillation."""
    handful: float
    """The same two of a handful."""
    handful_slope: float
    n_worlds: int
    n_groups: int
    """Groups that the lines were fitted to."""
    n_guilty: int
    """Of them those most of whose members take part in a campaign."""

    def weights(self) -> np.ndarray:
        """float64[5], in the order of `basis`."""
        return np.array([self.large, self.handful, self.large_slope, self.handful_slope, 1.0])

    def kept(self, log2_odds: float, n_accounts: float) -> float:
        """Log2 odds that were kept where these were stated."""
        return float(basis(log2_odds, n_accounts) @ self.weights())


def basis(log2_odds: float, n_accounts: float) -> np.ndarray:
    """float64[5]: how much a group is a large one and a handful, each by itself and times the odds in favour; odds against.

    >>> basis(3.0, 5).tolist(), basis(-2.0, 19).tolist()
    ([0.0, 1.0, 0.0, 3.0, 0.0], [0.5, 0.5, 0.0, 0.0, -2.0])
    """
    large = float(np.interp(n_accounts, SMALL, (0.0, 1.0)))
    favour = max(log2_odds, 0.0)
    return np.array([large, 1 - large, large * favour, (1 - large) * favour, min(log2_odds, 0.0)])


@cache
def load_calibration() -> Calibration:
    """The calibration shipped in `calibration.toml`."""
    return build(Calibration, read_toml(Path(__file__).with_name("calibration.toml")))
