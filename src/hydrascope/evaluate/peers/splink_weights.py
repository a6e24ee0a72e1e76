"""Splink with expert weights: Fellegi-Sunter linkage of account records by the library itself.

Source: Splink (Ministry of Justice), github.com/moj-analytical-services/splink, version 5; model after
Fellegi & Sunter 1969. One record an account: card, device, phone, mail domain, and the commonest /24,
client and prompt opening of its log. m and u are set by hand, as an expert would without labels, with
term-frequency adjustment; pairs of at least 0.95 are clustered. Sees: accounts that share a few rare values.
Blind to: unique identities, since pairs are only formed where they share one; and pairs do not accumulate
into group evidence. Scale: values shared by more than 200 accounts form no pairs, which bounds the work.
"""

from __future__ import annotations

import importlib
from collections import Counter
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from hydrascope.errors import UsageError
from hydrascope.evaluate.findings import Findings
from hydrascope.evaluate.peers.alarm import raise_alarms
from hydrascope.evaluate.world import Log

__all__ = ["SplinkSettings", "detect_splink"]

WEIGHTS = {
    "payment_fingerprint": (0.6, 0.0005),
    "device_fingerprint": (0.6, 0.0005),
    "phone_fingerprint": (0.5, 0.0005),
    "email_domain": (0.6, 0.2),
    "prefix": (0.5, 0.002),
    "client": (0.8, 0.05),
    "opening": (0.8, 0.01),
}
"""Column to (m, u): the chance of agreement between accounts of one operator, and between strangers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SplinkSettings:
    """The model's other numbers."""

    prior: float = 1e-4
    """That two random accounts are of one operator."""
    threshold: float = 0.95
    least: int = 5
    crowd: int = 200


def detect_splink(log: Log, settings: SplinkSettings = SplinkSettings()) -> Findings:
    """Flag clusters of linked accounts; the score is the account's best match probability.

    Raises:
        UsageError: Splink is not installed.
    """
    try:
        importlib.import_module("splink")
    except ImportError:
        raise UsageError("the splink peer needs Splink", hint="pip install 'hydrascope[peers]'") from None
    records = read_records(log, settings.crowd)
    pairs = predict_pairs(records, settings)
    best: dict[str, float] = {}
    for a, b, p in pairs["pairs"]:
        best[a], best[b] = max(best.get(a, 0.0), p), max(best.get(b, 0.0), p)
    size = Counter(pairs["clusters"].values())
    groups = {a: f"splink:{c}" for a, c in pairs["clusters"].items() if size[c] >= settings.least}
    return raise_alarms(log, groups, best)


def read_records(log: Log, crowd: int) -> pa.Table:
    """One record an account; values of more than `crowd` accounts, other than client and mail, are null."""
    with duckdb.connect() as db:
        db.sql(f"""
            CREATE TEMP TABLE r AS SELECT * FROM (SELECT account_id,
                mode(regexp_extract(client_ip, '^(.*)[.:]', 1)) AS prefix,
                mode(user_agent || coalesce(tls_fingerprint, '')) AS client,
                mode(left(prompt, 60)) AS opening FROM {log.sql} GROUP BY account_id)
            LEFT JOIN (SELECT account_id, {", ".join(list(WEIGHTS)[:4])} FROM {log.accounts_sql}) USING (account_id)
        """)
        for name in ("payment_fingerprint", "device_fingerprint", "phone_fingerprint", "prefix", "opening"):
            db.sql(f"""UPDATE r SET {name} = NULL WHERE {name} IN (
                SELECT {name} FROM r GROUP BY {name} HAVING count(*) > {crowd})""")
        return db.sql("SELECT * FROM r ORDER BY account_id").to_arrow_table()


def predict_pairs(records: pa.Table, settings: SplinkSettings) -> dict[str, Any]:
    """Pairs (account, account, probability) and account to cluster, from Splink on an own DuckDB."""
    splink = importlib.import_module("splink")
    library = importlib.import_module("splink.comparison_library")
    comparisons = [
        library.ExactMatch(name).configure(
            term_frequency_adjustments=True, m_probabilities=[m, 1 - m], u_probabilities=[u, 1 - u]
        )
        for name, (m, u) in WEIGHTS.items()
    ]
    blocked = ["payment_fingerprint", "device_fingerprint", "phone_fingerprint", "prefix", "opening"]
    model = splink.SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="account_id",
        comparisons=comparisons,
        blocking_rules_to_generate_predictions=[splink.block_on(name) for name in blocked],
        probability_two_random_records_match=settings.prior,
    )
    db = duckdb.connect()
    api = splink.DuckDBAPI(connection=db)
    linker = splink.Linker(api.register(records), model, log_level=None)
    scored = linker.inference.predict(threshold_match_probability=settings.threshold)
    clusters = linker.clustering.cluster_pairwise_predictions_at_threshold(
        scored, threshold_match_probability=settings.threshold
    )
    names = "account_id_l, account_id_r, match_probability"
    return {
        "pairs": db.sql(f"SELECT {names} FROM {scored.physical_name}").fetchall(),
        "clusters": dict(db.sql(f"SELECT account_id, cluster_id FROM {clusters.physical_name}").fetchall()),
    }
