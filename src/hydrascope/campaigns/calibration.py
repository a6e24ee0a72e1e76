"""What pooled odds of distillation are worth, as fitted to groups whose truth is known.

Odds from rates that people stated and from fitted weights rank groups well and say too little of it: of a large group
whose odds are four to one hardly any is innocent. A handful of strangers who agree by chance reaches the same odds far
more often. So log odds in favour are mapped by a line (Platt, Advances in Large Margin Classifiers, 1999), one for large
groups and one for handfuls. Odds against distillation keep their slope: campaigns that hide well lie there, and a line
that were true of them would suspect the innocent. `scripts/calibrate.py` fits the lines to groups found in worlds for
tuning and writes `calibration.toml`, and how the probabilities then hold on worlds for judging.
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
class Interval:
    """Groups whose probability of distillation was stated in one interval, in worlds that nothing was fitted to."""

    least: float
    """Lower end of the interval; the upper end is that of the next one."""
    n: int
    stated: float
    """Mean probability that was stated."""
    guilty: float
    """Share of them that were campaigns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Lines from pooled log odds, in bits, to kept ones."""

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
    judging: tuple[Interval, ...] = ()
    """How the probabilities held on worlds for judging."""

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
    file = Path(__file__).with_name("calibration.toml")
    table = dict(read_toml(file))
    judging = tuple(build(Interval, row, file=file.name, table="judging") for row in table.pop("judging", ()))
    return build(Calibration, table | {"judging": judging}, file=file.name)
