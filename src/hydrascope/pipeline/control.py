"""The control file: what the operator has decided beforehand.

```toml
[regions]
served = ["US", "DE"]            # where the service is offered; shown, never evidence

[allow]                          # never in an enforceable verdict
organizations = ["org_42"]
accounts = ["acct_7"]
addresses = ["192.0.2.0/24"]

[indicators]                     # shared by others; matches are shown with the campaign
client_ip = ["203.0.113.9"]
payment_fingerprint = ["pf_1"]
tls_fingerprint = ["t13d1516h2_8daaf6152771_02713d6af862"]

[policy]                         # what automatic action asks for
probability = 0.99
q_value = 0.001
min_members = 5
```
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hydrascope.campaigns.judge import EnforcementSettings
from hydrascope.campaigns.observations import Channel
from hydrascope.config import build, read_toml
from hydrascope.engine.base import Engine
from hydrascope.errors import ConfigError, nearest
from hydrascope.features.population import Population
from hydrascope.kernels.strings import hash_strings

__all__ = [
    "INDICATOR_CHANNELS",
    "Allow",
    "Control",
    "allowed_accounts",
    "match_indicators",
    "read_control",
    "without_allowed",
]

INDICATOR_CHANNELS: Mapping[str, str] = {
    "client_ip": "ip",
    "tls_fingerprint": "tls",
    "user_agent": "user_agent",
    "payment_fingerprint": "payment_fingerprint",
    "phone_fingerprint": "phone_fingerprint",
    "device_fingerprint": "device_fingerprint",
    "email_domain": "email_domain",
    "signup_ip": "signup_ip",
}
"""Contract column to channel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allow:
    """Who is known and trusted."""

    organizations: Sequence[str] = ()
    accounts: Sequence[str] = ()
    addresses: Sequence[str] = ()
    """Addresses or networks in CIDR form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One control file."""

    served: tuple[str, ...] = ()
    allow: Allow = field(default_factory=Allow)
    indicators: Mapping[str, Sequence[str]] = field(default_factory=dict)
    policy: EnforcementSettings | None = None


def read_control(path: Path) -> Control:
    """Read a control file.

    Raises:
        ConfigError: not TOML, an unknown table or setting, or an address that is none.
    """
    table = read_toml(path)
    file = str(path)
    known = ("regions", "allow", "indicators", "policy")
    for name, settings in table.items():
        if name not in known:
            raise ConfigError(f"has no table [{name}]", file=file, hint=nearest(name, known))
        _check_values(name, settings, file)
    for name in table.get("indicators", {}):
        if name not in INDICATOR_CHANNELS:
            raise ConfigError(
                f"[indicators] has no kind '{name}'", file=file, hint=nearest(name, INDICATOR_CHANNELS)
            )
    allow = build(Allow, table.get("allow", {}), file=file, table="allow")
    for address in allow.addresses:
        try:
            ipaddress.ip_network(address, strict=False)
        except ValueError as error:
            raise ConfigError(
                f"[allow] '{address}' is no address or network",
                file=file,
                hint="write 192.0.2.7 or 192.0.2.0/24",
            ) from error
    regions = table.get("regions", {})
    return Control(
        served=tuple(regions.get("served", ())),
        allow=allow,
        indicators=table.get("indicators", {}),
        policy=build(EnforcementSettings, table["policy"], file=file, table="policy")
        if "policy" in table
        else None,
    )


def _check_values(table: str, settings: Any, file: str) -> None:
    """A string where a list belongs would be read letter by letter."""
    if not isinstance(settings, dict):
        raise ConfigError(f"'{table}' is no table", file=file, hint=f"write [{table}] on a line of its own")
    for name, value in settings.items():
        if table == "policy":
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ConfigError(f"[{table}] {name} is no number", file=file)
        elif not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            raise ConfigError(
                f"[{table}] {name} is no list of texts", file=file, hint=f'write {name} = ["...", "..."]'
            )


def allowed_accounts(
    control: Control, population: Population, channels: Mapping[str, Channel], engine: Engine
) -> np.ndarray:
    """bool[n_accounts]: allow-listed by themselves, by their organization, or by an address that they use."""
    allowed = np.isin(np.array(population.account_id, object), list(control.allow.accounts))
    organizations = set(control.allow.organizations)
    if organizations:
        known = population.attributes.get("organization_id", [])
        allowed |= np.array([v in organizations for v in known], bool) if len(known) else False
        wanted = ", ".join(str(v) for v in _hashes(sorted(organizations)))
        rows = engine.collect(
            f"SELECT DISTINCT d.code AS code FROM exchanges e JOIN dim d ON e.account = d.account WHERE e.organization IN ({wanted})"
        )
        allowed[rows["code"].to_numpy()] = True
    if control.allow.addresses and "ip" in channels:
        networks = [ipaddress.ip_network(a, strict=False) for a in control.allow.addresses]
        allowed[_users(channels["ip"], _inside(engine, networks))] = True
    return allowed


def without_allowed(control: Control, accounts: pa.Table) -> pa.Table:
    """Rows of an accounts table that are allow-listed neither by themselves nor by their organization: silent accounts have no address."""
    listed = pc.or_(
        pc.is_in(accounts["account_id"], value_set=pa.array(control.allow.accounts, pa.string())),
        pc.is_in(accounts["organization_id"], value_set=pa.array(control.allow.organizations, pa.string())),
    )
    return accounts.filter(pc.invert(listed))


def _inside(engine: Engine, networks: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> np.ndarray:
    rows = engine.collect("SELECT DISTINCT value, text FROM value_names WHERE channel = 'ip'")
    found = []
    for value, text in zip(rows["value"].to_pylist(), rows["text"].to_pylist(), strict=True):
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            continue
        if any(address in network for network in networks):
            found.append(value)
    return np.array(found, np.int64)


def _hashes(texts: Sequence[str]) -> list[int]:
    return hash_strings(pa.array(texts, pa.string())).to_pylist()


def _users(channel: Channel, hashes: np.ndarray) -> np.ndarray:
    rows = np.flatnonzero(np.isin(channel.names[channel.value], hashes))
    return np.unique(np.searchsorted(channel.offsets, rows, side="right") - 1)


def match_indicators(
    control: Control, channels: Mapping[str, Channel], members: np.ndarray
) -> list[dict[str, object]]:
    """Known indicators that members show: kind, value and number of accounts."""
    found: list[dict[str, object]] = []
    for kind, values in sorted(control.indicators.items()):
        channel = channels.get(INDICATOR_CHANNELS[kind])
        if channel is None:
            continue
        for value in sorted(values):
            n = len(np.intersect1d(_users(channel, np.array(_hashes([value]))), members))
            if n:
                found.append({"kind": kind, "value": value, "n_accounts": n})
    return found
