"""Union of shared attributes: accounts that share any identifying value are one entity.

Source: the common account-linking rule of fraud stores (connected components over shared identifiers, as in
graph-database fraud-ring guides). Sees: reused cards, devices, phones, addresses. Blind to: identities that
are unique per account; and one shared gateway or NAT glues strangers into a giant. Scale: one pass and
union-find, any log.
"""

from __future__ import annotations

from collections import Counter

import duckdb

from hydrascope.evaluate.findings import Findings
from hydrascope.evaluate.peers.alarm import raise_alarms
from hydrascope.evaluate.peers.components import group_by_value
from hydrascope.evaluate.world import Log

__all__ = ["detect_attribute_union"]

ACCOUNT_VALUES = ("payment_fingerprint", "device_fingerprint", "phone_fingerprint", "signup_ip")
LOG_VALUES = ("client_ip", "api_key_id")


def detect_attribute_union(log: Log, least: int = 5) -> Findings:
    """Flag components of at least `least` accounts; the score is n / (n + `least`) of the component's size."""
    groups = group_by_value(shared_pairs(log))
    size = Counter(groups.values())
    flagged = {account: group for account, group in groups.items() if size[group] >= least}
    return raise_alarms(log, flagged, {a: size[g] / (size[g] + least) for a, g in groups.items()})


def shared_pairs(log: Log) -> list[tuple[str, str]]:
    """(account, value) of every attribute that log and accounts carry."""
    found: list[tuple[str, str]] = []
    with duckdb.connect() as db:
        for source, names in ((log.sql, LOG_VALUES), (log.accounts_sql, ACCOUNT_VALUES)):
            for name in names:
                found += db.sql(f"""SELECT DISTINCT account_id, '{name}:' || {name} FROM {source}
                    WHERE {name} IS NOT NULL AND account_id IN (SELECT account_id FROM {log.sql})
                    ORDER BY 2, 1""").fetchall()
    return found
