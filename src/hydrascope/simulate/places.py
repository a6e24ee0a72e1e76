"""Where people live: countries, how many come from each, and their hours from UTC."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["COUNTRIES", "SHARES", "draw_countries", "hours_from_utc"]

COUNTRIES = ("US", "CN", "IN", "DE", "BR", "JP", "GB", "FR", "SG", "ID", "ES", "KR", "PL", "NG", "MX", "VN")
SHARES = np.array([22, 10, 11, 8, 6, 5, 6, 5, 3, 4, 4, 3, 4, 3, 3, 3], dtype=np.float64)
HOURS = np.array([-5, 8, 5.5, 1, -3, 9, 0, 1, 8, 7, 1, 9, 1, 1, -6, 7], dtype=np.float64)
"""Hours from UTC in winter, by country; the largest has four zones, see `hours_from_utc`."""
AMERICAN, AMERICAN_SHARES = (-5.0, -6.0, -7.0, -8.0), (0.47, 0.29, 0.07, 0.17)


def draw_countries(count: int, countries: tuple[str, ...], rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """A row of `COUNTRIES` for each account: evenly from these, or by how many people come from each."""
    rows = np.array([COUNTRIES.index(c) for c in countries if c in COUNTRIES], dtype=np.int64)
    if len(rows):
        return np.asarray(rng.choice(rows, size=count), dtype=np.int64)
    return np.asarray(rng.choice(len(COUNTRIES), size=count, p=SHARES / SHARES.sum()), dtype=np.int64)


def hours_from_utc(country: npt.NDArray[np.int64], rng: np.random.Generator) -> npt.NDArray[Any]:
    """The clock of each account's country."""
    american = rng.choice(AMERICAN, size=len(country), p=AMERICAN_SHARES)
    return np.where(country == COUNTRIES.index("US"), american, HOURS[country])
