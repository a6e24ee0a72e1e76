"""What every customer and campaign of a world draws on, and what the seed decides."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import numpy as np

from second_world.clock import DAY, HOUR, human
from second_world.places import COUNTRIES
from second_world.text.agents import Agent
from second_world.text.bank import Bank
from second_world.text.pool import read_pool
from second_world.text.prose import STOCK
from second_world.world import World

__all__ = ["Scene", "Setting", "side_of"]

T = TypeVar("T")
LARGEST_REGION = 4.0
"""A country has up to so many times its usual weight in a world."""


def side_of(seed: int) -> str:
    """`judging` for seeds 10-19, 30-39 and so on, else `tuning`: no wrapper of a campaign serves both."""
    return "judging" if seed // 10 % 2 else "tuning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What makes a world.

    Attributes:
        name: of the kind of world.
        seed: decides everything that is drawn.
        scale: factor on numbers of accounts and volumes of groups.
        identity: whether the accounts table has cards, phones, devices and sign-up addresses.
        small: a self-hosted place.
        prompts: a pool given by the user.
    """

    name: str
    seed: int
    scale: float = 1.0
    identity: bool = True
    small: bool = False
    prompts: Path | None = None


class Scene:
    """The world under construction with its text, its randomness and its draws.

    Attributes:
        models: names of the large, small, old, reasoning and released model.
        agents: coding agents that its developers use.
    """

    def __init__(self, setting: Setting, out: Path, world: type[World] | None = None) -> None:
        code = zlib.crc32(setting.name.encode())
        self.setting, self.side = setting, side_of(setting.seed)
        self.r = r = Random(code * 1000 + setting.seed)
        self.g = np.random.default_rng([code, setting.seed])
        pool = read_pool(setting.prompts, self.side == "judging", r) if setting.prompts else None
        self.bank = Bank(r, pool, int(max(3000, STOCK * min(1.0, setting.scale))))
        self.models = self.model_names()
        weights = [c.weight * LARGEST_REGION ** r.uniform(-1, 1) for c in COUNTRIES.values()]
        release = r.uniform(6, 15) * DAY + (15 + 3 * r.random()) * HOUR
        self.world = (world or World)(
            out,
            r,
            self.g,
            models=self.models,
            weights=weights,
            release=release,
            identity=setting.identity,
            small=setting.small,
        )
        self.agents = [
            Agent(f"{self.bank.company(r)} {r.choice(('Code', 'CLI', 'Shell', 'Dev'))}", r, 4)
            for _ in range(r.randrange(3, 6))
        ]

    def model_names(self) -> tuple[str, ...]:
        """Five names of one provider; a small place serves one model."""
        name, n = self.bank.company(self.r).lower(), self.r.randrange(2, 7)
        if self.setting.small:
            return (f"{name}-{self.r.choice((32, 70, 120))}b-instruct",) * 5
        return (
            f"{name}-{n}-large",
            f"{name}-{n}-mini",
            f"{name}-{n - 1}.5-large",
            f"{name}-{n}-think",
            f"{name}-{n + 1}-large",
        )

    # ---- draws ----
    def between(self, low: float, high: float) -> float:
        """A number of a range."""
        return self.r.uniform(low, high)

    def count(self, low: float, high: float, least: int = 1) -> int:
        """A number of accounts or groups of a range, scaled."""
        return max(least, round(self.r.uniform(low, high) * self.setting.scale))

    def volume(self, low: float, high: float) -> int:
        """Exchanges of a group: evenly drawn by orders of magnitude, scaled."""
        drawn: float = low * (high / low) ** self.r.random()
        return max(20, round(drawn * self.setting.scale))

    def wording(self, options: Sequence[T]) -> T:
        """One of the wordings of this side: even ones are for tuning, odd ones for judging."""
        return self.r.choice(options[self.side == "judging" :: 2])

    def model(self, weights: Sequence[float] = (40, 34, 14, 12)) -> str:
        """A model that a customer settled on before the release."""
        return self.r.choices(self.models[:4], weights)[0]

    def heavy(self, median: float, sigma: float = 1.15, most: float = 4000) -> float:
        """A heavy-tailed volume of one account."""
        return min(most, max(1.0, median * self.r.lognormvariate(0, sigma)))

    def sessions(self, n: float, hours: float, **habits: Any) -> list[list[float]]:
        """A person's sessions, see `clock.human`."""
        return human(self.r, n, hours, **habits)
