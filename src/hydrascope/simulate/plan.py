"""What all days of a world have in common: its accounts, flows, texts and addresses."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from hydrascope.simulate.content import Writer
from hydrascope.simulate.life import Lives, live
from hydrascope.simulate.network import AddressBook, read_networks
from hydrascope.simulate.prompts import PromptPool
from hydrascope.simulate.roster import Roster, enrol
from hydrascope.simulate.rows import Source, draw_source
from hydrascope.simulate.scenario import Group, Scenario
from hydrascope.simulate.seeds import salt, stream
from hydrascope.simulate.setting import DAY_US, Calendar

__all__ = ["Order", "Plan", "draw_plan", "resize"]


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that the days of a world have in common; each worker builds its own, all alike."""

    scenario: Scenario
    seed: int
    calendar: Calendar
    book: AddressBook
    sources: tuple[Source, ...]
    rosters: tuple[Roster, ...]
    """One for each group, in the scenario's order."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a worker needs to know to build the plan and write days."""

    scenario: Scenario
    seed: int
    out: Path
    prompts: Path | None
    pool: PromptPool | None
    networks: Path | None
    exchange_truth: bool


def resize(scenario: Scenario, scale: float, accounts: int | None) -> Scenario:
    """Every group times `scale`; then the elastic groups stretched until the world has `accounts` accounts."""
    groups = [replace(g, accounts=max(1, round(g.accounts * scale))) for g in scenario.groups]
    if accounts is not None:
        loose = [g for g in groups if g.elastic]
        own = sum(g.accounts for g in loose)
        extra = accounts - sum(g.accounts for g in groups)
        pull = sum(g.accounts * (g.appeal if extra > 0 else 1.0) for g in loose)
        part = max(extra, -own) / pull if pull else 0.0
        groups = [replace(g, accounts=stretched(g, part)) if g.elastic else g for g in groups]
    return replace(scenario, groups=tuple(groups))


def stretched(group: Group, part: float) -> int:
    """Accounts of an elastic group when `part` accounts are added, or taken away, for each of its own."""
    return max(1, round(group.accounts * (1 + part * (group.appeal if part > 0 else 1.0))))


def ordinary_ends(lives: Lives, share: float, calendar: Calendar, rng: np.random.Generator) -> Lives:
    """Bans of honest accounts for reasons of their own."""
    hit = rng.random(len(lives.slot)) < share
    at = calendar.start_us + (rng.random(len(hit)) * calendar.days * DAY_US).astype(np.int64)
    hit &= (at > lives.start_us) & (at < lives.end_us)
    return replace(lives, end_us=np.where(hit, at, lives.end_us), banned=lives.banned | hit)


def count_fresh(scenario: Scenario) -> int:
    """About how many requests of people's own a world has, so that a pool's prompts can be spread over them."""
    flows = [(g.accounts, f) for g in scenario.groups for f in g.flows]
    own = [(n, f) for n, f in flows if f.content.items in ("fresh", "own_list")]
    per_day = sum(
        n * f.arrivals.per_day / (1 if f.content.follow == "same" else f.arrivals.steps) for n, f in own
    )
    return int(per_day * scenario.world.days) + 1000


def draw_plan(order: Order) -> Plan:
    """The plan of a world."""
    scenario, seed = order.scenario, order.seed
    calendar, book = scenario.world.calendar(), read_networks(order.networks)
    pool = order.pool or (PromptPool.read(order.prompts) if order.prompts else PromptPool.builtin())
    sources: list[Source] = []
    rosters = []
    demand = count_fresh(scenario)
    for number, group in enumerate(scenario.groups):
        rng = stream(seed, "lives", group.name)
        lives = ordinary_ends(
            live(group.life, group.accounts, calendar, rng), scenario.world.ordinary_bans, calendar, rng
        )
        weights = np.array(list(group.languages.values()), dtype=np.float64)
        roster = enrol(seed, number, group.name, lives, weights, group.network.countries)
        rosters.append(roster)
        for flow in group.flows:
            key = salt(roster.key, "flow", flow.name)
            writer = Writer(
                content=flow.content,
                texts=scenario.texts,
                pool=pool,
                languages=tuple(group.languages),
                edges=np.cumsum(weights) / weights.sum(),
                side=scenario.world.pool_side,
                key=key,
                demand=demand,
            )
            sources.append(draw_source(group, flow, roster, writer, len(sources)))
    return Plan(scenario, seed, calendar, book, tuple(sources), tuple(rosters))
