"""Time and volume to detection: the log is cut at the end of each day, or more often, and scanned again.

A detector that is handed a prefix knows nothing of what comes later: exchanges, accounts created after the
cut and events after the cut are left out, and so are accounts without an exchange yet.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import numpy as np
import pyarrow as pa

from hydrascope.errors import UsageError
from hydrascope.evaluate.findings import Findings
from hydrascope.evaluate.judged import judge_against, read_truth
from hydrascope.evaluate.recovery import TrueCampaign, recover_campaigns
from hydrascope.evaluate.world import EPOCH, Log, World, read_span

__all__ = ["Detection", "Replay", "ReplayDay", "cut_log", "replay_days"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayDay:
    """What was known of one campaign when the log ended at `cut_at`; shares are of accounts seen so far."""

    cut_at: datetime
    campaign: str
    n_accounts: int
    n_exchanges: int
    recall: float
    enforceable_recall: float
    honest_enforceable: int
    """Honest accounts in enforceable distillation verdicts on that day, of the whole world."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """When one campaign was first seen for what it is."""

    campaign: str
    first_seen_at: datetime
    """Its first distilled exchange, where the world tells those apart; else the first of its accounts."""
    detected_at: datetime | None
    """First cut at which recall reached the level asked for; None: never."""
    hours: float | None
    """From `first_seen_at` to detection; 0 where the accounts were seen for what they are before it."""
    n_exchanges: int
    """Exchanges that its accounts sent before detection, cover included; all of them where it was never detected."""
    share_of_volume: float
    """The same as a share of all that they sent in the world."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """A world replayed day by day."""

    level: float
    enforceable: bool
    days: tuple[ReplayDay, ...]
    detections: tuple[Detection, ...]


def replay_days(
    detect: Callable[[Log], Findings],
    world: World,
    *,
    level: float = 0.5,
    enforceable: bool = False,
    every_days: float = 1,
    from_day: float | None = None,
) -> Replay:
    """Rescan the world after every `every_days` days of log.

    Args:
        detect: given a log, returns findings; nothing is carried from one day to the next.
        world: with its truth.
        level: share of a campaign's accounts seen so far that counts as detection.
        enforceable: count only enforceable distillation verdicts.
        every_days: days between two scans; 0.25 scans every six hours.
        from_day: days of log before the first scan; None: one, or as many as there are between two scans, if fewer.

    Raises:
        UsageError: `level` is outside (0, 1], or a number of days is not positive.
    """
    begin = min(1.0, every_days) if from_day is None else from_day
    if not 0 < level <= 1 or every_days <= 0 or begin <= 0:
        raise UsageError("a replay needs 0 < level <= 1 and some time between scans")
    truth = read_truth(world.truth)
    days = [
        row for cut in cuts(world.log, every_days, begin) for row in scan_prefix(detect, world, truth, cut)
    ]
    firsts = first_exchanges(world, truth)
    found = tuple(detection(c, at, n, days, level, enforceable) for c, (at, n) in sorted(firsts.items()))
    return Replay(level=level, enforceable=enforceable, days=tuple(days), detections=found)


def cuts(log: Log, every_days: float, from_day: float) -> list[datetime]:
    """When the log is cut, counted from the midnight (UTC) before it begins; the last cut lies after its end."""
    first, last = read_span(log)
    midnight = datetime(first.year, first.month, first.day, tzinfo=UTC)
    n_days = (last - midnight).days + 1
    n = max(math.ceil((n_days - from_day) / every_days), 0)
    days = [*(from_day + i * every_days for i in range(n)), n_days]
    return [cut for cut in (midnight + timedelta(days=d) for d in days) if cut > first]


def scan_prefix(
    detect: Callable[[Log], Findings], world: World, truth: pa.Table, cut_at: datetime
) -> list[ReplayDay]:
    """One scan of the log before `cut_at`, one row a campaign that has begun."""
    with TemporaryDirectory(prefix="replay-") as folder:
        findings = detect(cut_log(world.log, cut_at, Path(folder)))
    seen = pa.compute.is_in(truth["account_id"], value_set=findings.accounts["account_id"].combine_chunks())
    judged = judge_against(findings, truth.filter(seen))
    honest = int(np.sum(judged.enforceable & judged.honest))
    return [replay_day(c, cut_at, honest) for c in recover_campaigns(judged)]


def replay_day(campaign: TrueCampaign, cut_at: datetime, honest_enforceable: int) -> ReplayDay:
    """One campaign's state on one day."""
    return ReplayDay(
        cut_at=cut_at,
        campaign=campaign.campaign,
        n_accounts=campaign.n_accounts,
        n_exchanges=campaign.n_exchanges,
        recall=campaign.recall,
        enforceable_recall=campaign.enforceable_recall,
        honest_enforceable=honest_enforceable,
    )


def cut_log(log: Log, cut_at: datetime, folder: Path) -> Log:
    """Write what was known at `cut_at` into `folder`: one file of exchanges, accounts and events."""
    at = f"TIMESTAMPTZ '{cut_at.isoformat()}'"
    parts = [("exchanges", [str(p) for p in log.exchanges], "started_at")]
    parts += [("accounts", [str(log.accounts)], "created_at")] if log.accounts else []
    parts += [("events", [str(log.events)], "at")] if log.events else []
    with duckdb.connect() as db:
        for name, files, column in parts:
            source = f"read_parquet({files!r}, union_by_name = true)"
            known = column in db.sql(f"SELECT * FROM {source} LIMIT 0").columns
            rule = f'WHERE "{column}" IS NULL OR "{column}" < {at}' if known else ""
            db.sql(f"COPY (SELECT * FROM {source} {rule}) TO '{folder / name}.parquet' (FORMAT parquet)")
    return Log(
        exchanges=(folder / "exchanges.parquet",),
        accounts=folder / "accounts.parquet" if log.accounts else None,
        events=folder / "events.parquet" if log.events else None,
    )


def first_exchanges(world: World, truth: pa.Table) -> dict[str, tuple[datetime, int]]:
    """Campaign to its first distilled exchange (the first of its accounts, where the world does not tell) and its number of exchanges."""
    meant = "true"
    if world.distilled:
        files = [str(p) for p in world.distilled]
        meant = f"exchange_id IN (SELECT exchange_id FROM read_parquet({files!r}) WHERE campaign IS NOT NULL)"
    with duckdb.connect() as db:
        db.register("t_", truth)
        rows = db.sql(f"""SELECT campaign, epoch_us(min(started_at) FILTER (WHERE {meant})), count(*)
            FROM {world.log.sql} JOIN t_ USING (account_id) WHERE campaign IS NOT NULL GROUP BY campaign
            HAVING count(*) FILTER (WHERE {meant}) > 0""").fetchall()
    return {name: (EPOCH + timedelta(microseconds=at), n) for name, at, n in rows}


def detection(
    campaign: str, first: datetime, total: int, days: Sequence[ReplayDay], level: float, enforceable: bool
) -> Detection:
    """The first day of a campaign at or above `level`."""
    mine = (d for d in days if d.campaign == campaign)
    hit = next((d for d in mine if (d.enforceable_recall if enforceable else d.recall) >= level), None)
    sent = hit.n_exchanges if hit else total
    return Detection(
        campaign=campaign,
        first_seen_at=first,
        detected_at=hit.cut_at if hit else None,
        hours=max((hit.cut_at - first).total_seconds() / 3600, 0.0) if hit else None,
        n_exchanges=sent,
        share_of_volume=sent / total,
    )
