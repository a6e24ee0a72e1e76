"""Per-account velocity and volume rules: what a rate-limit dashboard alarms on.

Source: the usual gateway rules (requests a minute, requests a day, tokens a day) and the published hunt for
"10,000 requests per account" (OWASP Automated Threats to Web Applications, OAT-011 and OAT-021, describe the
family). Sees: one account that does too much. Blind to: any campaign that divides its volume; real ones ran
at 13-46 exchanges per account and day. Scale: one aggregate, any log.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from hydrascope.evaluate.findings import Findings
from hydrascope.evaluate.peers.alarm import alone, raise_alarms
from hydrascope.evaluate.world import Log

__all__ = ["VelocitySettings", "detect_velocity"]


@dataclass(frozen=True, slots=True, kw_only=True)
class VelocitySettings:
    """An account is flagged where it reaches any of these."""

    per_minute: int = 60
    per_day: int = 1_000
    total: int = 10_000


def detect_velocity(log: Log, settings: VelocitySettings = VelocitySettings()) -> Findings:
    """Flag accounts above a rate or a volume; the score is x / (1 + x) of the worst ratio x to its limit."""
    with duckdb.connect() as db:
        rows = db.sql(f"""
            WITH minutes AS (
                SELECT account_id, epoch_us(started_at) // 60000000 AS minute, count(*) AS n
                FROM {log.sql} GROUP BY ALL),
            days AS (
                SELECT account_id, minute // 1440 AS day, max(n) AS peak, sum(n) AS n FROM minutes GROUP BY ALL)
            SELECT account_id, greatest(max(peak) / {settings.per_minute}, max(n) / {settings.per_day},
                sum(n) / {settings.total})::DOUBLE FROM days GROUP BY account_id ORDER BY account_id
        """).fetchall()
    scores = {account: ratio / (1 + ratio) for account, ratio in rows}
    return raise_alarms(log, alone({a: s for a, s in scores.items() if s >= 0.5}), scores)
