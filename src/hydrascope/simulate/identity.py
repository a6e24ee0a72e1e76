"""What the operator knows about who signed up: cards, mail, phones, devices, organizations, addresses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hydrascope.errors import ConfigError, nearest
from hydrascope.schema import ACCOUNTS
from hydrascope.simulate.arrivals import Moments
from hydrascope.simulate.network import (
    AddressBook,
    Network,
    addresses,
    format_addresses,
    pick_block,
)
from hydrascope.simulate.places import COUNTRIES, SHARES
from hydrascope.simulate.roster import Roster
from hydrascope.simulate.seeds import hex_ids, mix, salt
from hydrascope.simulate.setting import World
from hydrascope.simulate.words import WORDS

__all__ = ["Identity", "account_rows", "organizations", "shared_ids"]

Ints = npt.NDArray[np.int64]

PUBLIC_MAIL = (
    "gmail.com",
    "outlook.com",
    "qq.com",
    "163.com",
    "icloud.com",
    "yahoo.com",
    "proton.me",
    "gmx.de",
    "mail.ru",
    "naver.com",
)
MAIL_SHARES = np.array([46, 15, 9, 6, 7, 6, 4, 3, 2, 2], dtype=np.float64)
DISPOSABLE = tuple(
    f"{w[:-2].lower()}-{e}"
    for w, e in zip(
        WORDS["company"][::19], ("mail.top", "box.click", "inbox.icu", "post.lol") * 90, strict=False
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Sharing of what identifies people. A number below 2 means: that share minus one have a twin."""

    cards: float = 1.02
    """Accounts per payment card; 0: nobody pays by card."""
    devices: float = 1.04
    """Accounts per device fingerprint."""
    phones: float = 1.03
    """Accounts per phone."""
    orgs: float = 1.05
    """Accounts per organization; 0: all in one."""
    keys: int = 2
    """API keys per account, at most."""
    mail: Mapping[str, float] = field(
        default_factory=lambda: {"public": 0.7, "own": 0.25, "disposable": 0.05}
    )
    """public, own (a domain of each organization), group (one domain for all), disposable."""
    pathway: Mapping[str, float] = field(
        default_factory=lambda: {
            "self_serve": 0.74,
            "education": 0.06,
            "startup_program": 0.06,
            "enterprise": 0.06,
            "cloud_marketplace": 0.06,
            "security_research": 0.02,
        }
    )
    plan: Mapping[str, float] = field(
        default_factory=lambda: {"free": 0.3, "pay_as_you_go": 0.5, "pro": 0.15, "scale": 0.05}
    )
    platform: Mapping[str, float] = field(
        default_factory=lambda: {
            "first_party": 0.8,
            "bedrock": 0.08,
            "vertex": 0.06,
            "foundry": 0.04,
            "gateway": 0.02,
        }
    )
    declared: str = ""
    signup: str = "own"
    """own: from the address in use; else any network kind, e.g. vpn or mobile."""


def shared_ids(roster: Roster, name: str, per: float, owners: Ints | None = None) -> npt.NDArray[np.uint64]:
    """A number for each account, the same for those that share the thing called `name`."""
    index = np.arange(len(roster)) if owners is None else owners
    own = salt(roster.key, "thing", name)
    if per <= 0:
        return mix(np.zeros(len(roster), dtype=np.int64), own)
    if per < 2:
        twin = (roster.draw(f"twin-{name}") < per - 1) & (index > 0)
        return mix(np.where(twin, index - 1, index), own)
    order = np.argsort(roster.draw(f"order-{name}"), kind="stable")
    place = np.empty(len(roster), dtype=np.int64)
    place[order] = (np.arange(len(roster)) / per).astype(np.int64)
    return mix(place, own)


def organizations(identity: Identity, roster: Roster) -> pa.Array:
    """Organization ids of the accounts."""
    return prefixed("org_", shared_ids(roster, "org", identity.orgs))


def prefixed(prefix: str, numbers: npt.NDArray[np.uint64]) -> pa.Array:
    """Opaque ids with a prefix."""
    return pa.array([prefix + text for text in hex_ids(numbers).to_pylist()], pa.string())


def pick(weights: Mapping[str, float], roster: Roster, name: str) -> list[str]:
    """One of the names for each account, by weight."""
    names = list(weights)
    return [names[i] for i in roster.choose(name, np.array(list(weights.values()), dtype=np.float64))]


def mail_domains(identity: Identity, roster: Roster) -> list[str]:
    """The domain of each account's mail address."""
    known = ("public", "own", "group", "disposable")
    for kind in identity.mail:
        if kind not in known:
            raise ConfigError(f"no such kind of mail '{kind}'", hint=nearest(kind, known))
    public = roster.choose("mail-host", MAIL_SHARES)
    own = shared_ids(roster, "org", identity.orgs)
    burner = roster.draw("mail-burner", len(DISPOSABLE))
    names = WORDS["company"]
    ours = names[salt(roster.key, "domain") % len(names)].lower() + ".io"

    def domain(i: int, kind: str) -> str:
        if kind == "own":
            number = int(own[i])
            return (
                names[number % len(names)].lower()
                + (".com", ".io", ".dev", ".ai", ".net")[number // 7919 % 5]
            )
        return {"public": PUBLIC_MAIL[public[i]], "group": ours, "disposable": DISPOSABLE[burner[i]]}[kind]

    return [domain(i, kind) for i, kind in enumerate(pick(identity.mail, roster, "mail"))]


def billing_countries(roster: Roster, network: Network, book: AddressBook) -> list[str]:
    """Two-letter countries: mostly that of the account's own line, anything where it has none."""
    anywhere = [COUNTRIES[i] for i in roster.choose("billing", SHARES)]
    if network.addresses or network.kind == "rotating":
        return anywhere
    block = pick_block(network, roster, book)
    abroad = roster.draw("abroad") < 0.08
    return [anywhere[i] if abroad[i] else book.country[block[i]] for i in range(len(roster))]


def signup_addresses(identity: Identity, network: Network, roster: Roster, book: AddressBook) -> pa.Array:
    """Addresses from which the accounts were made."""
    count = len(roster)
    own = network if identity.signup == "own" else Network(kind=identity.signup)
    moments = Moments(
        roster.lives.created_us,
        np.arange(count),
        mix(roster.account, 83),
        np.zeros(count, np.int64),
        np.arange(count),
    )
    return format_addresses(addresses(own, roster, book, moments)[1]).cast(pa.string())


def account_rows(
    identity: Identity, network: Network, roster: Roster, book: AddressBook, world: World, ids: pa.Array
) -> pa.Table:
    """The group's part of `accounts.parquet`."""
    count = len(roster)

    def known(name: str, values: Any) -> pa.Array:
        lost = (roster.draw(f"lost-{name}") > world.payment_known) | (not world.identity_known)
        return pa.array(values, pa.string(), mask=lost)

    columns: dict[str, Any] = {
        "account_id": ids,
        "created_at": pa.array(
            roster.lives.created_us // 1_000_000 * 1_000_000, ACCOUNTS.field("created_at").type
        ),
        "organization_id": organizations(identity, roster),
        "access_pathway": pa.array(pick(identity.pathway, roster, "pathway")),
        "plan": pa.array(pick(identity.plan, roster, "plan")),
        "payment_fingerprint": known(
            "card",
            prefixed("pay_", shared_ids(roster, "card", identity.cards)).to_pylist()
            if identity.cards
            else [None] * count,
        ),
        "email_domain": known("mail", mail_domains(identity, roster)),
        "phone_fingerprint": known(
            "phone", prefixed("ph_", shared_ids(roster, "phone", identity.phones)).to_pylist()
        ),
        "device_fingerprint": known(
            "device", prefixed("dev_", shared_ids(roster, "device", identity.devices)).to_pylist()
        ),
        "signup_ip": known("signup", signup_addresses(identity, network, roster, book).to_pylist()),
        "billing_country": known("country", billing_countries(roster, network, book)),
        "declared": pa.array([identity.declared or None] * count, pa.string()),
    }
    return pa.table(columns, schema=ACCOUNTS)
