"""Which account used which value of which channel, and how often.

A channel belongs to one evidence family; only families, not channels, count as independent witnesses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from hydrascope.engine.base import Engine
from hydrascope.features.population import Population
from hydrascope.kernels.strings import hash_prefixes, hash_strings

__all__ = ["CHANNELS", "IDENTITY_GRADE", "ChannelRows", "read_channels"]

CHANNELS: Mapping[str, str] = {
    "payment_fingerprint": "identity",
    "phone_fingerprint": "identity",
    "device_fingerprint": "identity",
    "api_key": "identity",
    "ip": "egress",
    "network": "egress",
    "asn": "egress",
    "signup_ip": "egress",
    "signup_network": "egress",
    "user_agent": "client",
    "tls": "client",
    "tools": "content",
    "system": "content",
    "decoding": "configuration",
    "model": "configuration",
    "platform": "configuration",
    "email_domain": "lifecycle",
    "access_pathway": "lifecycle",
    "plan": "lifecycle",
}
"""Channel to family. Country is deliberately no channel: it is never evidence."""

IDENTITY_GRADE = frozenset({"payment_fingerprint", "phone_fingerprint", "device_fingerprint", "api_key"})
"""Channels whose values normally belong to one person or company."""

_FROM_EXCHANGES = (
    "api_key",
    "ip",
    "network",
    "asn",
    "user_agent",
    "tls",
    "tools",
    "system",
    "decoding",
    "model",
    "platform",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelRows:
    """m distinct (account, value) pairs of one channel, sorted by account, then value."""

    name: str
    family: str
    account: np.ndarray
    """int32[m] codes."""
    value: np.ndarray
    """int64[m] hashes."""
    count: np.ndarray
    """int64[m] exchanges."""

    def __len__(self) -> int:
        return len(self.account)


def read_channels(
    engine: Engine, population: Population, disabled: frozenset[str] = frozenset()
) -> dict[str, ChannelRows]:
    """Every channel that has at least one value, less those of disabled channels or families."""
    wanted = {n: f for n, f in CHANNELS.items() if n not in disabled and f not in disabled}
    rows = {n: _from_exchanges(engine, n, f) for n, f in wanted.items() if n in _FROM_EXCHANGES}
    rows |= {n: _from_attributes(population, n, f) for n, f in wanted.items() if n not in _FROM_EXCHANGES}
    return {name: r for name, r in rows.items() if len(r)}


def _from_exchanges(engine: Engine, name: str, family: str) -> ChannelRows:
    table = engine.collect(
        f"SELECT d.code AS account, g.value AS value, g.n AS n FROM ("
        f"SELECT account, CAST({name} AS BIGINT) AS value, count(*) AS n FROM exchanges WHERE {name} IS NOT NULL "
        f"GROUP BY account, {name}) g JOIN dim d ON g.account = d.account"
    )
    return _sorted(
        name, family, table["account"].to_numpy(), table["value"].to_numpy(), table["n"].to_numpy()
    )


def _from_attributes(population: Population, name: str, family: str) -> ChannelRows:
    source = "signup_ip" if name == "signup_network" else name
    values: Sequence[str | None] = population.attributes.get(source, [])
    texts = pa.array(values, pa.string())
    hashed = hash_prefixes(texts) if name == "signup_network" else hash_strings(texts)
    valid = np.flatnonzero(np.array([v is not None for v in values], bool))
    return _sorted(name, family, valid, hashed.drop_null().to_numpy(), population.n[valid])


def _sorted(name: str, family: str, account: np.ndarray, value: np.ndarray, count: np.ndarray) -> ChannelRows:
    order = np.lexsort((value, account))
    return ChannelRows(
        name=name,
        family=family,
        account=account[order].astype(np.int32),
        value=value[order].astype(np.int64),
        count=count[order].astype(np.int64),
    )
