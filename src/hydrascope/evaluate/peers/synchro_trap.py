"""SynchroTrap's rule: Jaccard similarity of actions in time buckets, then single-linkage clusters.

Source: Cao, Yang, Yu, Palow, "Uncovering Large Groups of Active Malicious Accounts in Online Social
Networks", CCS 2014. An action is (object, time bucket); objects are the /24 of the client address and the
exact prompt. Two accounts are alike in one object type where |A and B| / |A or B| >= 0.5 with at least
three matched actions; clusters of at least ten accounts are flagged (the paper's own sizes fit a social
network and are larger). Sees: accounts moved by one script at the same times through the same addresses.
Blind to: spread-out timing over unique addresses; and cron jobs or classes look the same. Scale: the pair
join is cut at actions shared by 200 accounts, about 40 rows of work an action row.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import duckdb

from hydrascope.evaluate.findings import Findings
from hydrascope.evaluate.peers.alarm import raise_alarms
from hydrascope.evaluate.peers.components import group_by_edges
from hydrascope.evaluate.world import Log

__all__ = ["SynchroTrapSettings", "detect_synchro_trap"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SynchroTrapSettings:
    """The rule's numbers."""

    bucket_s: int = 3_600
    similarity: float = 0.5
    matched: int = 3
    least: int = 10
    """Accounts in a cluster."""
    crowd: int = 200
    """Actions shared by more accounts are not joined."""


OBJECTS = {
    "address": "regexp_extract(client_ip, '^(.*)[.:]', 1)",
    "prompt": "md5(prompt)",
}


def detect_synchro_trap(log: Log, settings: SynchroTrapSettings = SynchroTrapSettings()) -> Findings:
    """Flag clusters of synchronised accounts; the score is the account's best similarity."""
    best: dict[str, float] = {}
    edges: list[tuple[str, str]] = []
    for expression in OBJECTS.values():
        for a, b, similarity in similar_pairs(log, expression, settings):
            best[a], best[b] = max(best.get(a, 0), similarity), max(best.get(b, 0), similarity)
            if similarity >= settings.similarity:
                edges.append((a, b))
    groups = group_by_edges(edges)
    size = Counter(groups.values())
    return raise_alarms(log, {a: g for a, g in groups.items() if size[g] >= settings.least}, best)


def similar_pairs(log: Log, expression: str, settings: SynchroTrapSettings) -> list[tuple[str, str, float]]:
    """Account pairs with enough matched actions, and their Jaccard similarity."""
    with duckdb.connect() as db:
        db.sql(f"""
            CREATE TEMP TABLE act AS SELECT DISTINCT account_id,
                hash({expression}, epoch_us(started_at) // {settings.bucket_s * 1_000_000}) AS action
            FROM {log.sql} WHERE {expression} IS NOT NULL
        """)
        return db.sql(f"""
            WITH shared AS (
                SELECT * FROM act WHERE action IN (SELECT action FROM act GROUP BY action
                    HAVING count(*) BETWEEN 2 AND {settings.crowd})),
            n AS (SELECT account_id, count(*) AS n FROM act GROUP BY account_id),
            pair AS (
                SELECT x.account_id AS a, y.account_id AS b, count(*) AS m FROM shared x JOIN shared y
                ON x.action = y.action AND x.account_id < y.account_id
                GROUP BY ALL HAVING m >= {settings.matched})
            SELECT a, b, m / (p.n + q.n - m) AS similarity FROM pair
            JOIN n p ON p.account_id = a JOIN n q ON q.account_id = b
            WHERE similarity >= 0.1 ORDER BY a, b
        """).fetchall()
