"""Communities of people with an operator problem: niches, bursts of attention, echoing channels, thin accounts.

One recipe, `Society`, with unlike settings. Wikis, ledgers and bazaars may be looked at while the engine is being changed; boards, markets
and streams are for judging alone. What the recipe has that `linkage_worlds` lacks:

- niches of 5 to 100 people who draw on a few dozen values, beside broad topics; a person may be of several;
- bursts: tens of strangers meet on one rare value, on its echo in another channel and in one hour;
- channels that echo another (a page and its talk page), and channels with two dozen values (hours);
- single-purpose accounts with 3 to 10 rows, honest ones and operators';
- operators of 2 to 200 accounts who slip in some channels, with values of their own, with anyone's, or inside a niche.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from linkage_worlds import Rows, World, draw, operators, zipf_weights
from numpy.typing import NDArray

__all__ = ["JUDGING", "TUNING", "Channel", "Society", "people"]

Array = NDArray[np.int64]
NICHE_VALUES = 10**8
OWN_VALUES = 2 * 10**8
BURST_VALUES = 3 * 10**8


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """How one channel falls out."""

    name: str
    values: int
    exponent: float
    """Of the popularity of values."""
    rows: float
    """Rows of a person of ordinary activity."""
    niche: float = 0.0
    """Share of a person's rows that come from one of the person's niches."""
    topic: float = 0.0
    """The same for the person's broad topic."""
    echoes: float = 0.0
    """Share of rows that repeat a value of the channel before, as a talk page does its page."""
    burst: float = 0.0
    """Chance that a visitor of a burst shows the burst's value here."""
    slip: float = 0.0
    """Chance that an operator's accounts share values here."""
    pool: int = 5
    """Values that they share."""
    shown: int = 3
    """How many of them each account shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Society:
    """People, niches, bursts and operators."""

    channels: tuple[Channel, ...]
    activity: float = 1.2
    """Standard deviation of the log of a person's activity."""
    single: float = 0.25
    """Share of accounts with 3 to 10 rows in all."""
    topics: int = 30
    per_niche: float = 40.0
    """Accounts for each niche there is."""
    largest_niche: int = 100
    bursts: float = 0.004
    """Bursts for each account."""
    operated: float = 0.15
    shape: float = 1.1
    largest: int = 200
    own: float = 0.5
    """Chance that a slip's values are the operator's own; else anybody's, or a niche's."""
    in_niche: float = 0.3


def people(spec: Society, rng: np.random.Generator, n: int) -> World:
    """The rows and the truth of one society."""
    rows = Rows()
    operator = operators(rng, n, spec.operated, spec.shape, spec.largest)
    activity = rng.lognormal(0.0, spec.activity, n)
    single = (rng.random(n) < spec.single) | ((operator >= 0) & (rng.random(n) < 0.4))
    topic = rng.choice(spec.topics, n, p=zipf_weights(spec.topics, 0.8))
    niche_of = niches(spec, rng, n)
    before: tuple[Array, Array] = (np.zeros(0, np.int64), np.zeros(0, np.int64))
    for c, channel in enumerate(spec.channels):
        who = np.repeat(np.arange(n), row_counts(spec, channel, rng, activity, single))
        value = interests(spec, channel, rng, who, topic, niche_of)
        echo(channel, rng, who, value, before)
        rows.add(who, c, value)
        before = (who, value)
    attention(spec, rng, rows, activity)
    for g in range(int(operator.max()) + 1):
        slip(spec, rng, rows, np.flatnonzero(operator == g), g)
    return rows.world(operator, tuple(c.name for c in spec.channels), topic)


def niches(spec: Society, rng: np.random.Generator, n: int) -> Array:
    """(n, 2) niches of each account, -1: none."""
    mine = np.full((n, 2), -1, dtype=np.int64)
    for g in range(int(n / spec.per_niche)):
        size = int(min(5 + rng.pareto(1.0) * 8, spec.largest_niche))
        members = rng.choice(n, size, replace=False)
        second = mine[members, 0] >= 0
        mine[members[~second], 0] = g
        mine[members[second], 1] = g
    return mine


def row_counts(
    spec: Society,
    channel: Channel,
    rng: np.random.Generator,
    activity: NDArray[np.float64],
    single: NDArray[np.bool_],
) -> Array:
    """Rows of each account: by activity, or a few for single-purpose accounts."""
    total = sum(c.rows for c in spec.channels)
    few = rng.integers(3, 11, len(activity)) * channel.rows / total
    mean = np.where(single, few, channel.rows * activity)
    return np.minimum(rng.poisson(mean), 3000)


def interests(
    spec: Society, channel: Channel, rng: np.random.Generator, who: Array, topic: Array, niche_of: Array
) -> Array:
    """Values of rows: from a niche of the account, from its topic, or from everything."""
    value = draw(rng, zipf_weights(channel.values, channel.exponent), len(who))
    kind = rng.random(len(who))
    mine = niche_of[who, rng.integers(0, 2, len(who))]
    niche = (kind < channel.niche) & (mine >= 0)
    per_niche = 15 + mine % 40
    value[niche] = (
        NICHE_VALUES + mine[niche] * 64 + (per_niche[niche] * rng.random(int(niche.sum())) ** 1.7).astype(int)
    )
    broad = ~niche & (kind < channel.niche + channel.topic)
    size = max(channel.values // (3 * spec.topics), 10)
    inside = draw(rng, zipf_weights(size, channel.exponent), int(broad.sum()))
    value[broad] = channel.values + topic[who[broad]] * size + inside
    return value


def echo(
    channel: Channel, rng: np.random.Generator, who: Array, value: Array, before: tuple[Array, Array]
) -> None:
    """Replaces some rows by a value that the account showed in the channel before."""
    start = np.searchsorted(before[0], who)
    count = np.searchsorted(before[0], who, side="right") - start
    chosen = np.flatnonzero((rng.random(len(who)) < channel.echoes) & (count > 0))
    value[chosen] = before[1][start[chosen] + (rng.random(len(chosen)) * count[chosen]).astype(int)]


def attention(spec: Society, rng: np.random.Generator, rows: Rows, activity: NDArray[np.float64]) -> None:
    """Bursts: visitors drawn by activity meet on a value in each channel."""
    weight = np.minimum(activity, 20.0)
    n = len(activity)
    for b in range(int(spec.bursts * n)):
        visitors = np.unique(draw(rng, weight / weight.sum(), int(min(8 + rng.pareto(1.2) * 10, 300))))
        for c, channel in enumerate(spec.channels):
            here = visitors[rng.random(len(visitors)) < channel.burst]
            value = BURST_VALUES + b if channel.values > 1000 else int(rng.integers(channel.values))
            rows.add(here, c, np.full(len(here), value))


def slip(spec: Society, rng: np.random.Generator, rows: Rows, mine: Array, g: int) -> None:
    """What the accounts of one operator share."""
    care = rng.beta(2.0, 2.0)
    niche = int(rng.integers(10**6))
    for c, channel in enumerate(spec.channels):
        if rng.random() >= channel.slip:
            continue
        kind = rng.random()
        if channel.values <= 1000 or kind >= spec.own + spec.in_niche:
            pool = draw(rng, zipf_weights(channel.values, 0.5 * channel.exponent), channel.pool)
        elif kind < spec.own:
            pool = OWN_VALUES + g * 64 + np.arange(channel.pool)
        else:
            n_niches = max(int(rows_accounts(rows) / spec.per_niche), 1)
            pool = NICHE_VALUES + (niche % n_niches) * 64 + rng.integers(0, 15, channel.pool)
        shows = mine[rng.random(len(mine)) < 0.4 + 0.6 * care]
        times = 1 + rng.binomial(channel.shown - 1, 0.3 + 0.7 * care, len(shows)) if channel.shown > 1 else 1
        who = np.repeat(shows, times)
        rows.add(who, c, rng.choice(pool, len(who)))


def rows_accounts(rows: Rows) -> int:
    """Accounts that have rows so far."""
    return int(max(part[0].max(initial=0) for part in rows.parts)) + 1


WIKI = Society(
    channels=(
        Channel(name="page", values=120_000, exponent=0.9, rows=9, niche=0.25, topic=0.25, burst=0.9, slip=0.6, pool=8, shown=5),
        Channel(name="talk", values=40_000, exponent=0.9, rows=2, niche=0.1, topic=0.2, echoes=0.4, burst=0.3, slip=0.3, pool=4),
        Channel(name="phrase", values=300_000, exponent=0.7, rows=6, topic=0.1, slip=0.4, pool=6, shown=4),
        Channel(name="link", values=80_000, exponent=0.8, rows=1.5, niche=0.2, topic=0.2, burst=0.2, slip=0.3, pool=3, shown=2),
        Channel(name="hour", values=168, exponent=0.3, rows=5, burst=0.7, slip=0.3, pool=6, shown=4),
    ),
)  # fmt: skip
LEDGER = Society(
    channels=(
        Channel(name="contract", values=15_000, exponent=1.2, rows=3, topic=0.2, burst=0.8, slip=0.5, pool=4),
        Channel(name="funder", values=60_000, exponent=0.9, rows=1, slip=0.5, pool=2, shown=1),
        Channel(name="amount", values=40_000, exponent=1.0, rows=2, burst=0.2, slip=0.4, pool=4, shown=3),
        Channel(name="hour", values=9_000, exponent=0.3, rows=2, burst=0.6, slip=0.5, pool=5, shown=3),
        Channel(name="route", values=40, exponent=1.0, rows=2, slip=0.3, pool=3, shown=2),
    ),
    activity=1.5, topics=10, per_niche=400.0, operated=0.25, shape=0.8, in_niche=0.0,
)  # fmt: skip
BAZAAR = Society(
    channels=(
        Channel(name="seller", values=20_000, exponent=1.0, rows=4, niche=0.3, topic=0.2, burst=0.8, slip=0.6, pool=5),
        Channel(name="item", values=150_000, exponent=0.8, rows=5, niche=0.2, echoes=0.2, burst=0.5, slip=0.4, pool=6),
        Channel(name="address", values=50_000, exponent=0.8, rows=1.5, slip=0.4, pool=4, shown=3),
        Channel(name="browser", values=300, exponent=1.2, rows=1.2, slip=0.3, pool=2, shown=1),
    ),
    per_niche=60.0, operated=0.1, topics=50,
)  # fmt: skip
BOARD = Society(
    channels=(
        Channel(name="thread", values=90_000, exponent=0.8, rows=12, niche=0.3, topic=0.3, burst=0.9, slip=0.6, pool=10, shown=5),
        Channel(name="section", values=250, exponent=1.1, rows=3, topic=0.5, slip=0.2, pool=2, shown=2),
        Channel(name="reply_to", values=30_000, exponent=1.0, rows=4, niche=0.3, topic=0.2, burst=0.3, slip=0.4, pool=4, shown=3),
        Channel(name="ngram", values=500_000, exponent=0.8, rows=8, topic=0.15, slip=0.4, pool=8, shown=5),
        Channel(name="hour", values=24, exponent=0.4, rows=6, slip=0.3, pool=3, shown=3),
    ),
    per_niche=30.0, activity=1.4, topics=40,
)  # fmt: skip
MARKET = Society(
    channels=(
        Channel(name="counterparty", values=40_000, exponent=1.0, rows=2.5, niche=0.15, burst=0.5, slip=0.5, pool=4),
        Channel(name="source", values=80_000, exponent=0.8, rows=1, slip=0.5, pool=2, shown=1),
        Channel(name="day", values=700, exponent=0.3, rows=3, burst=0.8, slip=0.5, pool=5, shown=4),
        Channel(name="amount", values=25_000, exponent=1.1, rows=2, echoes=0.0, burst=0.3, slip=0.5, pool=4, shown=3),
    ),
    activity=1.6, operated=0.25, shape=0.7, per_niche=150.0, single=0.4,
)  # fmt: skip
STREAM = Society(
    channels=(
        Channel(name="target", values=60_000, exponent=1.0, rows=6, niche=0.2, topic=0.3, burst=0.9, slip=0.6, pool=5, shown=4),
        Channel(name="hashtag", values=12_000, exponent=1.0, rows=5, niche=0.2, topic=0.4, echoes=0.0, burst=0.8, slip=0.5, pool=4, shown=3),
        Channel(name="link", values=100_000, exponent=0.8, rows=2, niche=0.1, topic=0.2, burst=0.4, slip=0.4, pool=4, shown=3),
        Channel(name="client", values=60, exponent=1.3, rows=1.5, slip=0.2, pool=1, shown=1),
    ),
    bursts=0.01, per_niche=50.0, operated=0.12, topics=60,
)  # fmt: skip

Maker = Callable[[np.random.Generator, int], World]


def maker(spec: Society) -> Maker:
    """A recipe as `linkage_worlds.WORLDS` holds them."""
    return lambda rng, n: people(spec, rng, n)


TUNING: dict[str, Maker] = {"wiki": maker(WIKI), "ledger": maker(LEDGER), "bazaar": maker(BAZAAR)}
JUDGING: dict[str, Maker] = {"board": maker(BOARD), "market": maker(MARKET), "stream": maker(STREAM)}
