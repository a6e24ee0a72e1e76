"""Shared-address hunts: many accounts behind one IP address, or behind one address and user agent.

Source: published threat-hunting queries for LLM APIs (alarm at 20 accounts per address; at 5 where the user
agent agrees too). Sees: pools on a few hosting addresses. Blind to: residential proxies with an address per
account; and it convicts carrier NAT, campuses and VPN exits. Scale: one aggregate and union-find, any log.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from hydrascope.evaluate.findings import Findings
from hydrascope.evaluate.peers.alarm import raise_alarms
from hydrascope.evaluate.peers.components import group_by_value
from hydrascope.evaluate.world import Log

__all__ = ["AddressSettings", "detect_shared_addresses"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressSettings:
    """Accounts per address, and per address and user agent, that raise an alarm."""

    per_address: int = 20
    per_address_and_agent: int = 5


def detect_shared_addresses(log: Log, settings: AddressSettings = AddressSettings()) -> Findings:
    """Flag all accounts on a crowded address; addresses that share an account are one group."""
    with duckdb.connect() as db:
        db.sql(f"""CREATE TEMP TABLE seen AS SELECT DISTINCT account_id, client_ip,
            coalesce(user_agent, '') AS agent FROM {log.sql} WHERE client_ip IS NOT NULL""")
        by_address = pairs(db, "client_ip", settings.per_address)
        by_both = pairs(db, "client_ip || ' ' || agent", settings.per_address_and_agent)
        crowd = db.sql("""SELECT account_id, max(n) FROM seen JOIN (SELECT client_ip,
            count(DISTINCT account_id) AS n FROM seen GROUP BY client_ip) USING (client_ip)
            GROUP BY account_id""").fetchall()
    groups = group_by_value([*by_address, *by_both])
    return raise_alarms(log, groups, {account: n / (n + settings.per_address) for account, n in crowd})


def pairs(db: duckdb.DuckDBPyConnection, value: str, least: int) -> list[tuple[str, str]]:
    """(account, value) of every value with at least `least` accounts."""
    return db.sql(f"""
        SELECT DISTINCT account_id, {value} AS v FROM seen WHERE v IN (
            SELECT {value} AS v FROM seen GROUP BY v HAVING count(DISTINCT account_id) >= {least})
        ORDER BY 2, 1
    """).fetchall()
