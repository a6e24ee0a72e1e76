"""Worlds for judging linkage: four unlike recipes, so that no setting is tuned to one of them.

Each returns rows (account, channel, value) with integer values, the operator of each account (-1: honest) and the
channels' names. All have heavy-tailed popularity and activity; they differ in what honest people share and in how operators slip.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

__all__ = ["WORLDS", "World", "camouflage"]

Array = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Rows and truth."""

    account: Array
    channel: Array
    value: Array
    operator: Array
    channels: tuple[str, ...]
    interest: Array
    """Community of interest of each account; all 0 where the world has none."""


def zipf_weights(n: int, exponent: float) -> NDArray[np.float64]:
    """Popularity of n values, summing to one."""
    w = 1.0 / np.arange(1, n + 1) ** exponent
    return w / w.sum()


def draw(rng: np.random.Generator, weights: NDArray[np.float64], n: int) -> Array:
    """n values by weight."""
    return np.searchsorted(np.cumsum(weights), rng.random(n)).clip(max=len(weights) - 1).astype(np.int64)


def degrees(rng: np.random.Generator, n: int, median: float, sigma: float, most: int) -> Array:
    """Heavy-tailed numbers of values, zero allowed."""
    return np.minimum(rng.lognormal(np.log(median), sigma, n), most).round().astype(np.int64)


def operators(rng: np.random.Generator, n: int, share: float, shape: float, largest: int) -> Array:
    """Operator of each account: groups of 2..largest, sizes by a power law, about `share` of all accounts."""
    operator = np.full(n, -1, dtype=np.int64)
    order = rng.permutation(n)
    at, g = 0, 0
    while at < share * n:
        size = int(min(2 + rng.pareto(shape) * 2, largest))
        operator[order[at : at + size]] = g
        at, g = at + size, g + 1
    return operator


class Rows:
    """Collects rows."""

    def __init__(self) -> None:
        self.parts: list[tuple[Array, Array, Array]] = []

    def add(self, account: Array, channel: int, value: Array) -> None:
        """Rows of one channel."""
        self.parts.append((account.astype(np.int64), np.full(len(account), channel), value.astype(np.int64)))

    def world(self, operator: Array, channels: tuple[str, ...], interest: Array | None = None) -> World:
        """Everything collected."""
        interest = np.zeros(len(operator), dtype=np.int64) if interest is None else interest
        a, c, v = (np.concatenate(x) for x in zip(*self.parts, strict=True))
        return World(account=a, channel=c, value=v, operator=operator, channels=channels, interest=interest)


def background(
    rng: np.random.Generator, rows: Rows, channel: int, n: int, *, values: int, exponent: float,
    median: float, sigma: float, most: int, topics: Array | None = None, loyalty: float = 0.0,
) -> None:  # fmt: skip
    """Honest values of one channel; with topics, a `loyalty` share comes from the account's own topic."""
    d = degrees(rng, n, median, sigma, most)
    account = np.repeat(np.arange(n), d)
    value = draw(rng, zipf_weights(values, exponent), len(account))
    if topics is not None:
        mine = rng.random(len(account)) < loyalty
        size = max(values // (4 * int(topics.max() + 1)), 20)
        inside = draw(rng, zipf_weights(size, 0.8), int(mine.sum()))
        value[mine] = values + topics[account[mine]] * size + inside
    rows.add(account, channel, value)


def slips(
    rng: np.random.Generator, rows: Rows, operator: Array, channel: int, *, chance: float, pool: int,
    per_account: int, start: int, popular: NDArray[np.float64] | None = None,
) -> None:  # fmt: skip
    """Values that an operator's accounts share: each operator slips in the channel with `chance`.

    Values are the operator's own, or with `popular`, ordinary values that others may have too.
    """
    for g in range(int(operator.max()) + 1):
        if rng.random() >= chance:
            continue
        mine = np.flatnonzero(operator == g)
        own = start + g * pool + np.arange(pool) if popular is None else draw(rng, popular, pool)
        account = np.repeat(mine, per_account)
        rows.add(account, channel, rng.choice(own, len(account)))


def households(rng: np.random.Generator, rows: Rows, n: int, channel: int, share: float, start: int) -> None:
    """Honest neighbours: 2 to 5 accounts on one value."""
    members = rng.permutation(n)[: int(share * n)]
    at, h = 0, 0
    while at < len(members):
        size = int(rng.integers(2, 6))
        mine = members[at : at + size]
        rows.add(mine, channel, np.full(len(mine), start + h))
        at, h = at + size, h + 1


def forum(rng: np.random.Generator, n: int) -> World:
    """Accounts that visit threads: strong communities of interest, heavy activity, few other channels."""
    rows, op = Rows(), operators(rng, n, 0.2, 1.3, 60)
    topics = rng.choice(60, n, p=zipf_weights(60, 0.8))
    background(
        rng,
        rows,
        0,
        n,
        values=60_000,
        exponent=0.9,
        median=6,
        sigma=1.3,
        most=2000,
        topics=topics,
        loyalty=0.6,
    )
    background(
        rng, rows, 1, n, values=8_000, exponent=1.1, median=2, sigma=1.0, most=100, topics=topics, loyalty=0.3
    )
    background(rng, rows, 2, n, values=500, exponent=1.2, median=1, sigma=0.5, most=6)
    slips(rng, rows, op, 0, chance=0.6, pool=8, per_account=5, start=0, popular=zipf_weights(60_000, 0.5))
    slips(rng, rows, op, 0, chance=0.4, pool=5, per_account=3, start=10_000_000)
    slips(rng, rows, op, 1, chance=0.4, pool=3, per_account=2, start=0, popular=zipf_weights(8_000, 0.6))
    return rows.world(op, ("thread", "link", "device"), topics)


def commerce(rng: np.random.Generator, n: int) -> World:
    """Accounts with addresses, cards, devices: households, carrier addresses, cloned devices."""
    rows, op = Rows(), operators(rng, n, 0.1, 1.0, 60)
    background(rng, rows, 0, n, values=60_000, exponent=0.8, median=3, sigma=1.0, most=200)
    background(rng, rows, 1, n, values=300, exponent=1.2, median=1.5, sigma=0.5, most=8)
    background(rng, rows, 2, n, values=n, exponent=0.0, median=1, sigma=0.4, most=5)
    background(rng, rows, 3, n, values=20_000, exponent=1.0, median=5, sigma=1.2, most=500)
    households(rng, rows, n, 0, 0.3, 5_000_000)
    households(rng, rows, n, 2, 0.05, 6_000_000)
    slips(rng, rows, op, 0, chance=0.6, pool=5, per_account=4, start=7_000_000)
    slips(rng, rows, op, 2, chance=0.3, pool=2, per_account=1, start=8_000_000)
    slips(rng, rows, op, 3, chance=0.4, pool=4, per_account=2, start=0, popular=zipf_weights(20_000, 1.0))
    return rows.world(op, ("ip", "user_agent", "card", "item"))


def social(rng: np.random.Generator, n: int) -> World:
    """Five channels of very unlike popularity: hub pages, mid hashtags, rare links; groups share one to five values."""
    rows, op = Rows(), operators(rng, n, 0.15, 1.2, 40)
    topics = rng.choice(60, n, p=zipf_weights(60, 0.7))
    shape = [
        (400, 1.2, 5, 0.8, 0.3),
        (10_000, 1.0, 8, 1.2, 0.5),
        (100_000, 0.8, 4, 1.4, 0.3),
        (3_000, 1.0, 2, 0.7, 0.2),
        (200_000, 0.6, 2, 1.0, 0.1),
    ]
    for c, (values, exponent, median, sigma, loyalty) in enumerate(shape):
        background(
            rng,
            rows,
            c,
            n,
            values=values,
            exponent=exponent,
            median=median,
            sigma=sigma,
            most=1000,
            topics=topics,
            loyalty=loyalty,
        )
        slips(
            rng, rows, op, c, chance=0.5, pool=5, per_account=4, start=0,
            popular=zipf_weights(values, 0.5 * exponent),
        )  # fmt: skip
    return rows.world(op, ("page", "hashtag", "link", "client", "phrase"), topics)


def chain(rng: np.random.Generator, n: int) -> World:
    """Sparse rows: most accounts have two or three values, activity is extreme, operators share tiny fixed sets."""
    rows, op = Rows(), operators(rng, n, 0.3, 1.5, 50)
    background(rng, rows, 0, n, values=20_000, exponent=1.2, median=2, sigma=1.5, most=5000)
    background(rng, rows, 1, n, values=40_000, exponent=0.9, median=1, sigma=1.2, most=800)
    background(rng, rows, 2, n, values=24 * 365, exponent=0.3, median=1, sigma=0.6, most=50)
    slips(rng, rows, op, 0, chance=0.5, pool=3, per_account=3, start=0, popular=zipf_weights(20_000, 0.7))
    slips(rng, rows, op, 1, chance=0.5, pool=3, per_account=2, start=9_000_000)
    slips(rng, rows, op, 2, chance=0.5, pool=3, per_account=2, start=0, popular=zipf_weights(24 * 365, 0.3))
    return rows.world(op, ("contract", "funder", "hour"))


def camouflage(world: World, rng: np.random.Generator, factor: float, *, everyone: bool = False) -> World:
    """The world after operators (or everyone) add `factor` times as many values, drawn as honest rows fall."""
    mine = np.ones(len(world.account), dtype=bool) if everyone else world.operator[world.account] >= 0
    honest = world.operator[world.account] < 0
    parts = [(world.account, world.channel, world.value)]
    for c in range(len(world.channels)):
        here = np.flatnonzero(mine & (world.channel == c))
        source = world.value[honest & (world.channel == c)]
        n = round(factor * len(here))
        if n and len(source):
            who = world.account[rng.choice(here, n)]
            parts.append((who, np.full(n, c), rng.choice(source, n)))
    a, c, v = (np.concatenate(x) for x in zip(*parts, strict=True))
    return replace(world, account=a, channel=c, value=v)


WORLDS: dict[str, Callable[[np.random.Generator, int], World]] = {
    "forum": forum,
    "commerce": commerce,
    "social": social,
    "chain": chain,
}
