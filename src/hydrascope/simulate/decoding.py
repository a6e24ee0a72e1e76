"""Models, decoding parameters and lengths: what a request asks for and what it costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from hydrascope.errors import ConfigError, nearest
from hydrascope.simulate.arrivals import Moments
from hydrascope.simulate.roster import Roster
from hydrascope.simulate.seeds import mix, stream
from hydrascope.simulate.setting import DAY_US, Calendar, World

__all__ = [
    "Decoding",
    "Models",
    "Tokens",
    "choose_models",
    "choose_tuples",
    "output_lengths",
    "tuples",
    "usual_tuples",
]

Ints = npt.NDArray[np.int64]
Tuple = tuple[float | None, float | None, int | None]

KINDS = ("popular", "own", "fixed")
POPULAR: tuple[Tuple, ...] = (
    (None, None, None),
    (1.0, None, 4096),
    (0.7, None, None),
    (None, None, 4096),
    (0.0, None, None),
    (0.7, None, 1024),
    (0.2, None, 2048),
    (1.0, 1.0, None),
    (0.0, 1.0, 1024),
    (0.7, 0.95, 2048),
    (0.3, None, 512),
    (None, None, 8192),
    (0.5, None, 1000),
    (0.0, None, 256),
    (0.8, 0.9, 4000),
    (0.1, None, 800),
    (0.9, None, 1500),
    (0.6, 0.95, 16384),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoding:
    """Temperature, top_p and max_tokens of a flow."""

    kind: str = "popular"
    """popular: each account its own, from a common list with a long tail; own: one tuple of the group; fixed: `values`."""
    values: tuple[float, float, int] = (-1.0, -1.0, -1)
    """(temperature, top_p, max_tokens) under `fixed`; below zero: not sent."""
    spread: float = 0.0
    """Share of exchanges with another tuple."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Models:
    """Which models a flow asks for."""

    prefer: Mapping[str, float] = field(default_factory=dict)
    """Model to share; empty: as ordinary accounts."""
    by: str = "account"
    """What keeps a model: account, session or exchange."""
    move: float | None = None
    """Share of the traffic that is on a new model 24 h after its release; None: as ordinary accounts move."""
    reasoning: float | None = None
    """Share of exchanges that ask for reasoning; None: by account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Lengths of answers."""

    median: float = 220.0
    """Median output tokens."""
    sd: float = 0.9
    """Standard deviation of the log output tokens within an account."""
    between: float = 0.5
    """Standard deviation of the log median between accounts."""
    context: float = 1.0
    """Growth of the context with every step of a session, in answers and prompts carried along."""
    context_base: float = 0.0
    """Tokens that every request carries beside its text (files, tools, history)."""
    context_sd: float = 0.5
    """Standard deviation of their log; small where a product sends the same frame each time."""


def tuples(config: Decoding, roster: Roster) -> list[Tuple]:
    """Every tuple that a group may use; the first eighteen are the popular ones."""
    if config.kind == "fixed":
        t, p, m = config.values
        return [(t if t >= 0 else None, p if p >= 0 else None, m if m >= 0 else None)]
    if config.kind == "own":
        return [rare_tuple(stream(roster.key, "tuple"))]
    if config.kind != "popular":
        raise ConfigError(f"no such kind of decoding '{config.kind}'", hint=nearest(config.kind, KINDS))
    return list(common_tuples())


@lru_cache(maxsize=1)
def common_tuples() -> tuple[Tuple, ...]:
    """What ordinary accounts use: the popular tuples and four hundred that somebody once typed."""
    rng = stream("tuples")
    return (*POPULAR, *(rare_tuple(rng) for _ in range(400)))


def rare_tuple(rng: np.random.Generator) -> Tuple:
    """A tuple that somebody once typed."""
    return (
        round(float(rng.choice([0.05, 0.15, 0.25, 0.35, 0.4, 0.45, 0.55, 0.65, 0.75, 0.85, 1.1, 1.2])), 2),
        None if rng.random() < 0.5 else float(rng.choice([0.8, 0.85, 0.9, 0.92, 0.98])),
        None
        if rng.random() < 0.3
        else int(rng.choice([100, 300, 600, 900, 1200, 1800, 2500, 3000, 6000, 12000])),
    )


def usual_tuples(roster: Roster, count: int) -> Ints:
    """For each account the tuple it sends as a rule, by popularity."""
    return roster.choose("tuple", 1.0 / (np.arange(count) + 1.0) ** 1.1)


def choose_tuples(config: Decoding, usual: Ints, moments: Moments, count: int) -> Ints:
    """The row of each exchange's tuple."""
    row = usual[moments.account]
    if not config.spread:
        return row
    other = mix(moments.session, 61) % np.uint64(1000) < np.uint64(int(config.spread * 1000))
    return np.where(other, (mix(moments.session, 67) % np.uint64(count)).astype(np.int64), row)


def choose_models(
    models: Models, world: World, calendar: Calendar, roster: Roster, moments: Moments
) -> tuple[list[str], Ints]:
    """Model names, and the row of each exchange's."""
    shares = models.prefer or world.models
    names = [*shares, *(model for _, model in calendar.releases)]
    weights = np.array(list(shares.values()), dtype=np.float64)
    if models.by == "account":
        row = roster.choose("model", weights)[moments.account]
    else:
        number = (
            moments.session if models.by == "session" else moments.session + moments.step.astype(np.uint64)
        )
        draw = mix(number, 71) / 2.0**64
        row = np.minimum(
            np.searchsorted(np.cumsum(weights) / weights.sum(), draw, side="right"), len(weights) - 1
        )
    for turn, (day, _) in enumerate(calendar.releases):
        row = np.where(moved(models, world, calendar, roster, moments, day), len(shares) + turn, row)
    return names, row


def moved(
    models: Models, world: World, calendar: Calendar, roster: Roster, moments: Moments, day: float
) -> npt.NDArray[np.bool_]:
    """Whether each exchange is on the model released on `day`."""
    since = (moments.at - calendar.start_us) / DAY_US - day
    if models.move is not None:
        draw = mix(moments.session, 73) / 2.0**64
        reached = models.move * np.clip(since, 0, 1) + 0.2 * models.move * np.clip((since - 1) / 14, 0, 1)
        return np.asarray((since > 0) & (draw < reached))
    # ordinary accounts move one by one: some in the first hours, most over weeks
    lag = np.exp(np.log(6.0) + 1.5 * (roster.draw("adopts") * 6 - 3))
    adopts = roster.draw("adopter") < world.adoption
    return np.asarray((since > lag[moments.account]) & adopts[moments.account])


def output_lengths(tokens: Tokens, roster: Roster, moments: Moments, rng: np.random.Generator) -> Ints:
    """Output tokens before any limit."""
    own = tokens.between * (roster.draw("length")[moments.account] * 3.46 - 1.73)
    sizes = np.exp(np.log(tokens.median) + own + tokens.sd * rng.standard_normal(len(moments.at)))
    return np.clip(sizes, 1, 60_000).astype(np.int64)
