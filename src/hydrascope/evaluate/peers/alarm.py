"""A peer's alarms as findings: the one shape in which all detectors are compared.

A peer has one word only. Every group or account that it flags becomes an enforceable `distillation` verdict,
because that is what acting on its alarm would mean; it has no innocent explanation to offer. A peer that
flags accounts one by one gives each its own campaign, so that B-cubed sees that it linked nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import duckdb
import pyarrow as pa

from hydrascope.evaluate.findings import Findings
from hydrascope.evaluate.world import Log
from hydrascope.schema import FINDINGS_ACCOUNTS, FINDINGS_CAMPAIGNS

__all__ = ["Peer", "alone", "raise_alarms"]

Peer = Callable[[Log], Findings]


def alone(flagged: Mapping[str, float]) -> dict[str, str]:
    """Each flagged account as a group of its own."""
    return {account: f"account:{account}" for account in flagged}


def raise_alarms(log: Log, groups: Mapping[str, str], scores: Mapping[str, float]) -> Findings:
    """Findings of a peer.

    Args:
        log: the log that the peer read.
        groups: flagged account to the name of its group.
        scores: account to a score in [0, 1], also below the alarm; an account left out has 0.
    """
    with duckdb.connect() as db:
        db.register("g_", pa.table({"account_id": list(groups), "campaign_id": list(groups.values())}, TEXTS))
        scored = {"account_id": list(scores), "probability": [float(s) for s in scores.values()]}
        db.register("s_", pa.table(scored, SCORES))
        db.sql(f"""
            CREATE TEMP TABLE a_ AS SELECT account_id, campaign_id, coalesce(probability, 0) AS probability,
                0e0 AS bits, campaign_id IS NOT NULL AS enforceable,
                CASE WHEN campaign_id IS NULL THEN 0e0 ELSE 1e0 END AS distillation_share,
                count(*) AS n_exchanges, min(started_at) AS first_seen, max(started_at) AS last_seen
            FROM {log.sql} LEFT JOIN g_ USING (account_id) LEFT JOIN s_ USING (account_id) GROUP BY ALL
        """)
        accounts = db.sql("SELECT * EXCLUDE (first_seen, last_seen) FROM a_ ORDER BY account_id")
        campaigns = db.sql("""
            SELECT campaign_id, 'distillation' AS verdict, max(probability) AS probability,
                NULL::DOUBLE AS q_value, true AS enforceable, count(*) AS n_accounts,
                sum(n_exchanges)::BIGINT AS n_exchanges, min(first_seen) AS first_seen,
                max(last_seen) AS last_seen, 1e0 AS distillation_share,
                NULL::MAP(VARCHAR, DOUBLE) AS capabilities, NULL::BIGINT AS input_tokens,
                NULL::BIGINT AS output_tokens, campaign_id AS title
            FROM a_ WHERE campaign_id IS NOT NULL GROUP BY campaign_id ORDER BY campaign_id
        """)
        return Findings(
            accounts=accounts.to_arrow_table().cast(FINDINGS_ACCOUNTS),
            campaigns=campaigns.to_arrow_table().cast(FINDINGS_CAMPAIGNS),
        )


TEXTS = pa.schema([("account_id", pa.string()), ("campaign_id", pa.string())])
SCORES = pa.schema([("account_id", pa.string()), ("probability", pa.float64())])
