"""Writes a world: its log day by day, its accounts, events and truth; the same bytes whatever the workers."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hydrascope.simulate.arrivals import Moments, arrive
from hydrascope.simulate.content import item_numbers, recorded_order
from hydrascope.simulate.dispatch import dispatch
from hydrascope.simulate.plan import Order, Plan, draw_plan, resize
from hydrascope.simulate.prompts import PromptPool
from hydrascope.simulate.rows import LOG, Source, exchange_rows
from hydrascope.simulate.scenario import Flow, Scenario
from hydrascope.simulate.seeds import hex_ids, mix, salt, stream
from hydrascope.simulate.setting import Calendar
from hydrascope.simulate.truth import (
    WorldFacts,
    describe,
    gather_facts,
    write_accounts,
    write_events,
    write_truth,
)

__all__ = ["simulate_world"]

SLICE_ROWS = 200_000


def day_of_flow(
    source: Source, day: int, calendar: Calendar
) -> tuple[Moments, npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """A flow's exchanges of a day with their items and id numbers, in order of time."""
    rng = stream(source.key, "day", day)
    flow: Flow = source.flow
    moments = arrive(flow.arrivals, source.roster, day, calendar, rng, salt(source.key, "session", day))
    moments = moments.keep(np.argsort(moments.at, kind="stable"))
    if flow.content.items == "recorded":
        moments = replace(moments, order=recorded_order(moments))
    elif flow.content.items == "queue":
        moments = replace(moments, order=np.arange(len(moments.at)))
    if flow.arrivals.process == "queue":
        moments = dispatch(flow.dispatch, moments, source.roster, rng)
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
        tenant = f"/{source.flow.operator}" if source.flow.operator else ""
        campaign = f"{source.group.campaign}{tenant}" if source.flow.distill else None
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
