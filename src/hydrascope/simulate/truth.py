"""What is true of a world, and the files beside its log: accounts, events, truth, settings."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from hydrascope.schema import ACCOUNTS, EVENTS, TRUTH
from hydrascope.simulate.identity import account_rows
from hydrascope.simulate.plan import Plan
from hydrascope.simulate.roster import Roster
from hydrascope.simulate.seeds import hex_ids, mix, salt
from hydrascope.simulate.setting import DAY_US

__all__ = [
    "GroupFacts",
    "WorldFacts",
    "describe",
    "gather_facts",
    "write_accounts",
    "write_events",
    "write_truth",
]


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


def ids_of(roster: Roster) -> pa.Array:
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
