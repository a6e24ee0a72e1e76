"""The accounts of one group as arrays: lives, temperaments and the random draws that stay with an account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special

from hydrascope.simulate.life import Lives
from hydrascope.simulate.places import draw_countries, hours_from_utc
from hydrascope.simulate.seeds import mix, salt, stream

__all__ = ["Roster", "enrol"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Roster:
    """One entry for each account of a group."""

    key: int
    """Seed of everything that belongs to the group."""
    lives: Lives
    account: npt.NDArray[np.uint64]
    """Number from which the account's opaque names are made, unique in the world."""
    volume_z: Floats
    """Places of the accounts in a standard normal, spread evenly, so that a small group has its large account too."""
    tail: Floats
    habit: Floats
    burstiness: Floats
    peak_hour: Floats
    """UTC hour about which the account's people are at work."""
    rhythm: Floats
    """Factor on the concentration of a program's daily cycle."""
    minute: Floats
    operator_hour: float
    languages: Ints
    """Index into the group's languages."""
    country: Ints
    """Row of `places.COUNTRIES`."""

    @property
    def start_us(self) -> Ints:
        """First use."""
        return self.lives.start_us

    @property
    def end_us(self) -> Ints:
        """Ban, or end of use."""
        return self.lives.end_us

    def __len__(self) -> int:
        return len(self.account)

    def volume(self, spread: float) -> Floats:
        """Volume factors of mean 1: lognormal, with a Pareto tail where people differ much.

        The mean is that of these accounts, not of the law, so that one huge account takes a large share of its
        group's traffic, as in real logs, and does not become a world of its own.
        """
        factor = np.exp(spread * self.volume_z) * (self.tail if spread > 0.6 else 1.0)
        return np.asarray(factor / factor.mean() if len(factor) else factor)

    def slots_at(self, at_us: int) -> int:
        """How many accounts are in use at a moment."""
        return int(((self.lives.start_us <= at_us) & (self.lives.end_us > at_us)).sum())

    def draw(self, name: str, levels: int | None = None) -> npt.NDArray[Any]:
        """A number in [0, 1), or below `levels`, that stays with each account."""
        numbers = mix(self.account, salt(self.key, name))
        if levels is not None:
            return (numbers % np.uint64(max(levels, 1))).astype(np.int64)
        return (numbers >> np.uint64(11)).astype(np.float64) / float(1 << 53)

    def choose(self, name: str, weights: npt.NDArray[Any]) -> Ints:
        """An index for each account, drawn by weight."""
        edges = np.cumsum(weights) / np.sum(weights)
        return np.minimum(np.searchsorted(edges, self.draw(name), side="right"), len(weights) - 1)


def enrol(
    seed: int, group: int, name: str, lives: Lives, language_weights: Floats, countries: tuple[str, ...] = ()
) -> Roster:
    """The roster of a group; `group` numbers it in the world, `countries` are its people's (empty: the world's)."""
    count = len(lives.slot)
    key = salt(seed, "group", name)
    rng = stream(key, "temper")
    account = mix(
        np.arange(count, dtype=np.uint64) + (np.uint64(group) << np.uint64(32)), salt(seed, "accounts")
    )
    tail = np.where(rng.random(count) < 0.01, (1 - rng.random(count)) ** (-1 / 1.3), 1.0)
    # measured: p10 0.94, p25 1.05, median 1.4, p75 2.4, p90 5-8 (docs/simulate.md)
    burst = 0.9 + 0.5 * np.exp(1.85 * rng.standard_normal(count))
    country = draw_countries(count, countries, rng)
    clock = hours_from_utc(country, rng)
    languages = rng.choice(len(language_weights), size=count, p=language_weights / language_weights.sum())
    return Roster(
        key=key,
        lives=lives,
        account=account,
        volume_z=even_normal(count, rng),
        tail=np.minimum(tail, 20.0),
        habit=rng.beta(2.0, 2.0, count) * 2,
        burstiness=np.minimum(burst, 12.0),
        peak_hour=(14.5 + 3.0 * rng.standard_normal(count) - clock) % 24,
        rhythm=np.exp(1.25 * rng.standard_normal(count)),
        minute=np.where(rng.random(count) < 0.7, 0, rng.integers(0, 60, count)).astype(np.float64),
        operator_hour=float(rng.uniform(0, 24)),
        languages=languages,
        country=country,
    )


def even_normal(count: int, rng: np.random.Generator) -> Floats:
    """One draw from each of `count` equal slices of a standard normal, in random order."""
    places = (rng.permutation(count) + rng.uniform(0.05, 0.95, count)) / max(count, 1)
    return np.asarray(special.ndtri(places))
