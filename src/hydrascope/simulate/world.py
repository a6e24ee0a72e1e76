"""Writes a world: its log day by day, its accounts, events and truth; the same bytes whatever the workers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hydrascope.schema import ACCOUNTS, EVENTS, TRUTH
from hydrascope.simulate.arrivals import Moments, arrive
from hydrascope.simulate.content import Writer, item_numbers
from hydrascope.simulate.dispatch import dispatch
from hydrascope.simulate.identity import account_rows
from hydrascope.simulate.life import Lives, live
from hydrascope.simulate.network import AddressBook, read_networks
from hydrascope.simulate.prompts import PromptPool
from hydrascope.simulate.roster import enrol
from hydrascope.simulate.rows import LOG, Source, draw_source, exchange_rows
from hydrascope.simulate.scenario import Flow, Scenario
from hydrascope.simulate.seeds import hex_ids, mix, salt, stream
from hydrascope.simulate.setting import DAY_US, Calendar

__all__ = ["GroupFacts", "WorldFacts", "resize", "simulate_world"]

SLICE_ROWS = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupFacts:
    """What is true of a group."""

    name: str
    label: str
    kind: str
    campaign: str | None
    n_accounts: int
    n_exchanges: int
    n_distilled: int
    first_us: int | None
    last_us: int | None

    @property
    def distillation_share(self) -> float:
        """Share of the group's exchanges that extract capabilities."""
        return self.n_distilled / self.n_exchanges if self.n_exchanges else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldFacts:
    """What is true of a world."""

    name: str
    seed: int
    n_accounts: int
    n_exchanges: int
    groups: tuple[GroupFacts, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that the days of a world have in common; each worker builds its own, all alike."""

    scenario: Scenario
    seed: int
    calendar: Calendar
    book: AddressBook
    sources: tuple[Source, ...]
    rosters: tuple[Any, ...]
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
        fixed = sum(g.accounts for g in groups if not g.elastic)
        loose = sum(g.accounts for g in groups if g.elastic)
        factor = max(accounts - fixed, 0) / loose if loose else 1.0
        groups = [replace(g, accounts=max(1, round(g.accounts * factor))) if g.elastic else g for g in groups]
    return replace(scenario, groups=tuple(groups))


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
        roster = enrol(seed, number, group.name, lives, weights)
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


def day_of_flow(
    source: Source, day: int, calendar: Calendar
) -> tuple[Moments, npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """A flow's exchanges of a day with their items and id numbers, in order of time."""
    rng = stream(source.key, "day", day)
    flow: Flow = source.flow
    moments = arrive(flow.arrivals, source.roster, day, calendar, rng, salt(source.key, "session", day))
    moments = moments.keep(np.argsort(moments.at, kind="stable"))
    if flow.arrivals.process == "queue":
        moments = dispatch(flow.dispatch, moments, source.roster, rng)
    elif flow.content.items == "queue":
        moments = Moments(
            moments.at, moments.account, moments.session, moments.step, np.arange(len(moments.at))
        )
    busy = flow.arrivals.per_day * (1 if flow.content.items == "shard" else len(source.roster))
    stretch = flow.content.stretch or int(busy * 2) + 500
    first = max(day - flow.content.lag_days, 0) * stretch
    items = item_numbers(flow.content, source.roster, moments, first)
    ids = np.arange(len(moments.at), dtype=np.uint64) + np.uint64((source.number << 48) + (day << 32))
    return moments, items, ids


def write_day(plan: Plan, order: Order, day: int) -> list[tuple[int, npt.NDArray[np.int64], int, int]]:
    """Writes a day's part of the log; returns, for each flow, its exchanges by account and their span."""
    parts = [day_of_flow(source, day, plan.calendar) for source in plan.sources]
    facts = []
    for source, (moments, _, _) in zip(plan.sources, parts, strict=True):
        counts = np.bincount(moments.account, minlength=len(source.roster))
        span = (int(moments.at[0]), int(moments.at[-1])) if len(moments.at) else (0, 0)
        facts.append((source.number, counts, *span))
    every = np.sort(np.concatenate([m.at for m, _, _ in parts])) if parts else np.zeros(0)
    if not len(every):
        return facts
    edges = [*every[::SLICE_ROWS].tolist(), int(every[-1]) + 1]
    with pq.ParquetWriter(
        order.out / "exchanges" / f"day-{day:03d}.parquet",
        LOG,
        compression="zstd",
        compression_level=1,
        store_schema=False,
        use_dictionary=[f.name for f in LOG if pa.types.is_dictionary(f.type)],
        write_statistics=["started_at"],
    ) as log:
        for low, high in pairwise(edges):
            if high > low:
                log.write_table(slice_rows(plan, parts, low, high))
    if order.exchange_truth:
        write_exchange_truth(plan, parts, order.out, day)
    return facts


def slice_rows(plan: Plan, parts: list[Any], low: int, high: int) -> pa.Table:
    """All flows' rows between two moments, in order of time."""
    tables = []
    for source, (moments, items, ids) in zip(plan.sources, parts, strict=True):
        a, b = np.searchsorted(moments.at, [low, high])
        if b > a:
            rows = np.arange(a, b)
            tables.append(
                exchange_rows(
                    source,
                    moments.keep(rows),
                    items[a:b],
                    ids[a:b] ^ np.uint64(salt(plan.seed, "ids") >> 1),
                    plan.scenario.world,
                    plan.calendar,
                    plan.book,
                )
            )
    whole = pa.concat_tables(tables).unify_dictionaries().combine_chunks()
    return whole.take(
        pc.sort_indices(whole, sort_keys=[("started_at", "ascending"), ("exchange_id", "ascending")])
    )


def write_exchange_truth(plan: Plan, parts: list[Any], out: Path, day: int) -> None:
    """Which exchanges belong to which campaign, a file a day."""
    tables = []
    for source, (moments, _, ids) in zip(plan.sources, parts, strict=True):
        names = hex_ids(mix(ids ^ np.uint64(salt(plan.seed, "ids") >> 1), salt("exchange")))
        campaign = source.group.campaign if source.flow.distill else None
        tables.append(
            pa.table({"exchange_id": names, "campaign": pa.array([campaign] * len(moments.at), pa.string())})
        )
    table = pa.concat_tables(tables)
    pq.write_table(table.sort_by("exchange_id"), out / "truth_exchanges" / f"day-{day:03d}.parquet")


_WORK: dict[str, Any] = {}


def start_worker(order: Order) -> None:
    """Builds the plan once in a worker."""
    pa.set_cpu_count(1)
    _WORK["order"], _WORK["plan"] = order, draw_plan(order)


def work_day(day: int) -> list[tuple[int, npt.NDArray[np.int64], int, int]]:
    """Writes a day in a worker."""
    return write_day(_WORK["plan"], _WORK["order"], day)


def write_days(
    plan: Plan, order: Order, workers: int
) -> Iterator[list[tuple[int, npt.NDArray[np.int64], int, int]]]:
    """Writes every day, here or in workers."""
    days = range(plan.calendar.days)
    if workers <= 1:
        yield from (write_day(plan, order, day) for day in days)
        return
    with ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=start_worker, initargs=(order,)
    ) as pool:
        yield from pool.map(work_day, days)


def simulate_world(
    scenario: Scenario,
    out: Path,
    *,
    seed: int = 0,
    scale: float = 1.0,
    accounts: int | None = None,
    prompts: PromptPool | None = None,
    workers: int = 2,
    networks: Path | None = None,
    exchange_truth: bool = False,
) -> WorldFacts:
    """Writes a world to a folder.

    Args:
        scenario: what to simulate.
        out: folder for `exchanges/*.parquet`, `accounts.parquet`, `events.parquet`, `truth.parquet`,
            `truth_shares.parquet` and `world.json`; made where missing.
        seed: another seed is another world of the same kind.
        scale: factor on the accounts of every group.
        accounts: accounts of the world; the ordinary people among them make up the difference.
        prompts: where items come from; None: the shipped pool.
        workers: processes; they do not change a byte.
        networks: folder of reference tables with real address ranges; None: the built-in address book.
        exchange_truth: also write `truth_exchanges/*.parquet` (exchange_id, campaign).

    Returns:
        What is true of the world.
    """
    scenario = resize(scenario, scale, accounts)
    path = Path(prompts.path) if prompts is not None and prompts.path else None
    order = Order(scenario, seed, out, path, prompts if path is None else None, networks, exchange_truth)
    prepare(out, exchange_truth)
    plan = draw_plan(replace(order, pool=prompts))
    counts = [np.zeros(len(s.roster), dtype=np.int64) for s in plan.sources]
    spans: list[list[tuple[int, int]]] = [[] for _ in plan.sources]
    for facts in write_days(plan, order, workers):
        for number, count, first, last in facts:
            counts[number] += count
            spans[number] += [(first, last)] if last else []
    world = gather_facts(plan, counts, spans)
    write_accounts(plan, out)
    write_truth(plan, counts, out)
    write_events(plan, out)
    (out / "world.json").write_text(describe(plan, world, scale), encoding="utf-8")
    return world


def prepare(out: Path, exchange_truth: bool) -> None:
    """Makes the folders and clears an earlier world's parts."""
    for name in ("exchanges", "truth_exchanges"):
        for old in (out / name).glob("day-*.parquet"):
            old.unlink()
    (out / "exchanges").mkdir(parents=True, exist_ok=True)
    if exchange_truth:
        (out / "truth_exchanges").mkdir(exist_ok=True)


def gather_facts(
    plan: Plan, counts: list[npt.NDArray[np.int64]], spans: list[list[tuple[int, int]]]
) -> WorldFacts:
    """Sums what the days reported."""
    groups = []
    for group, roster in zip(plan.scenario.groups, plan.rosters, strict=True):
        mine = [s for s in plan.sources if s.group is group]
        seen = [span for s in mine for span in spans[s.number]]
        groups.append(
            GroupFacts(
                name=group.name,
                label=group.label,
                kind=group.kind,
                campaign=group.campaign,
                n_accounts=len(roster),
                n_exchanges=int(sum(counts[s.number].sum() for s in mine)),
                n_distilled=int(sum(counts[s.number].sum() for s in mine if s.flow.distill)),
                first_us=min((a for a, _ in seen), default=None),
                last_us=max((b for _, b in seen), default=None),
            )
        )
    return WorldFacts(
        name=plan.scenario.name,
        seed=plan.seed,
        n_accounts=sum(g.n_accounts for g in groups),
        n_exchanges=sum(g.n_exchanges for g in groups),
        groups=tuple(groups),
    )


def ids_of(roster: Any) -> pa.Array:
    """Account ids of a roster."""
    return hex_ids(mix(roster.account, salt("account")))


def write_accounts(plan: Plan, out: Path) -> None:
    """accounts.parquet, in the order of the opaque ids."""
    world = plan.scenario.world
    tables = [
        account_rows(g.identity, g.network, r, plan.book, world, ids_of(r))
        for g, r in zip(plan.scenario.groups, plan.rosters, strict=True)
    ]
    pq.write_table(pa.concat_tables(tables).sort_by("account_id").cast(ACCOUNTS), out / "accounts.parquet")


def write_truth(plan: Plan, counts: list[npt.NDArray[np.int64]], out: Path) -> None:
    """truth.parquet and, beside it, each account's exchanges and how many of them extract."""
    truths, shares = [], []
    for group, roster in zip(plan.scenario.groups, plan.rosters, strict=True):
        count, ids = len(roster), ids_of(roster)
        label, campaign = pa.array([group.label] * count), pa.array([group.campaign] * count, pa.string())
        truths.append(pa.table([ids, label, campaign], schema=TRUTH))
        mine = [s for s in plan.sources if s.group is group]
        total = sum((counts[s.number] for s in mine), np.zeros(count, dtype=np.int64))
        drawn = sum((counts[s.number] for s in mine if s.flow.distill), np.zeros(count, dtype=np.int64))
        shares.append(pa.table({"account_id": ids, "n_exchanges": total, "n_distilled": drawn}))
    pq.write_table(pa.concat_tables(truths).sort_by("account_id"), out / "truth.parquet")
    pq.write_table(pa.concat_tables(shares).sort_by("account_id"), out / "truth_shares.parquet")


def write_events(plan: Plan, out: Path) -> None:
    """events.parquet: releases, bans, and limits and checks that meet anybody."""
    rows: list[tuple[str, int, str]] = []
    start, end = plan.calendar.start_us, plan.calendar.end_us
    rows += [("model_release", start + int(day * DAY_US), model) for day, model in plan.calendar.releases]
    for roster in plan.rosters:
        ids = ids_of(roster).to_pylist()
        hit = np.flatnonzero(roster.lives.banned & (roster.end_us < end) & (roster.end_us > start))
        rows += [("account_banned", int(roster.end_us[i]), ids[i]) for i in hit]
        for kind, share in (("account_limited", 0.02), ("account_verified", 0.05)):
            at = start + (roster.draw(f"at-{kind}") * (end - start)).astype(np.int64)
            some = (roster.draw(kind) < share) & (at > roster.start_us) & (at < roster.end_us)
            rows += [(kind, int(at[i]), ids[i]) for i in np.flatnonzero(some)]
    rows.sort(key=lambda row: (row[1], row[0], row[2]))
    columns = [[r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows]]
    arrays = [pa.array(c, f.type) for c, f in zip(columns, EVENTS, strict=True)]
    pq.write_table(pa.table(arrays, schema=EVENTS), out / "events.parquet")


def describe(plan: Plan, facts: WorldFacts, scale: float) -> str:
    """world.json: settings and group facts."""
    groups = [asdict(g) | {"distillation_share": g.distillation_share} for g in facts.groups]
    world = asdict(plan.scenario.world)
    whole = {
        "version": 1,
        "scenario": facts.name,
        "seed": facts.seed,
        "scale": scale,
        "n_accounts": facts.n_accounts,
        "n_exchanges": facts.n_exchanges,
        "library": plan.scenario.library,
        "world": world,
        "groups": groups,
    }
    return json.dumps(whole, indent=1, default=str, ensure_ascii=False) + "\n"
