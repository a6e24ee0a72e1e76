"""Where requests come from: each network answers `at(t, r)` with a place for a moment t, in seconds from the log's start."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from random import Random
from typing import Protocol

from second_world.clock import DAY
from second_world.places import CLOUDS, COUNTRIES, Place, access_address, full_v6, hosting_address

__all__ = [
    "Fixed",
    "Home",
    "Mix",
    "Mobile",
    "Network",
    "Rotating",
    "cloud",
    "hosting",
    "office",
    "residential_pool",
]


class Network(Protocol):
    """Anything that requests come from."""

    def at(self, t: float, r: Random) -> Place:
        """The place of a request at t."""
        ...


class Fixed:
    """A fixed set of addresses, the first the likeliest."""

    def __init__(self, places: Sequence[Place], skew: float = 2.0) -> None:
        self.places, self.skew = places, skew

    def at(self, t: float, r: Random) -> Place:
        """One of them."""
        return self.places[int(r.random() ** self.skew * len(self.places))]


class Home:
    """A household line: a new address every few days or weeks, and some requests from a phone elsewhere."""

    def __init__(self, country: str, r: Random, away: float | None = None) -> None:
        self.country = country
        self.asn: int | None = None
        self.lease = r.choice((2, 5, 12, 40, 90)) * DAY * (0.7 + 0.6 * r.random())
        self.offset = r.random() * self.lease
        self.away = (0.0 if r.random() < 0.5 else 0.3 * r.random()) if away is None else away
        self.seed = r.getrandbits(32)
        self.leases: dict[int, Place] = {}
        phone, asn = access_address(country, r, v6=False)
        self.phone: Place = (phone, country, asn)

    def at(self, t: float, r: Random) -> Place:
        """The lease of the moment; the host part of a v6 address changes daily."""
        if self.away and r.random() < self.away:
            return self.phone
        k = int((t + self.offset) // self.lease)
        if k not in self.leases:
            address, self.asn = access_address(self.country, r, self.asn)
            self.leases[k] = (address, self.country, self.asn)
        address_now, country, asn = self.leases[k]
        if address_now and address_now.endswith(":"):
            day = Random(zlib.crc32(b"%d/%d" % (self.seed, int(t // DAY))))
            return full_v6(address_now, day), country, asn
        return address_now, country, asn


class Mobile:
    """A phone behind carrier NAT: another address of a small shared pool every few hours."""

    def __init__(self, pool: Sequence[Place], hold: float) -> None:
        self.pool, self.hold = pool, hold
        self.slot: int | None = None
        self.now: Place = pool[0]

    def at(self, t: float, r: Random) -> Place:
        """The exit of the moment."""
        slot = int(t // self.hold)
        if slot != self.slot:
            self.slot, self.now = slot, self.pool[int(r.random() * len(self.pool))]
        return self.now


class Rotating:
    """A proxy subscription: addresses out of a large pool, held some minutes each."""

    def __init__(self, pool: Sequence[Place], hold: float) -> None:
        self.pool, self.hold = pool, hold
        self.until = -1e9
        self.now: Place = pool[0]

    def at(self, t: float, r: Random) -> Place:
        """The exit of the moment."""
        if t > self.until or t < self.until - 20 * self.hold:
            self.until = t + self.hold * (0.3 + 1.4 * r.random())
            self.now = self.pool[int(r.random() * len(self.pool))]
        return self.now


class Mix:
    """Two networks, the second with probability p."""

    def __init__(self, usual: Network, other: Network, p: float) -> None:
        self.usual, self.other, self.p = usual, other, p

    def at(self, t: float, r: Random) -> Place:
        """A place of either."""
        return (self.other if r.random() < self.p else self.usual).at(t, r)


def office(country: str, r: Random, n: int = 1) -> Fixed:
    """A business line with n addresses of one /24."""
    address, asn = access_address(country, r, v6=False)
    block = address.rsplit(".", 1)[0]
    return Fixed([(f"{block}.{1 + int(r.random() * 253)}", country, asn) for _ in range(n)])


def cloud(r: Random, n: int = 1, provider: str | None = None) -> Fixed:
    """A cloud egress of n addresses in one region."""
    name = provider or r.choices(list(CLOUDS), [share for share, *_ in CLOUDS.values()])[0]
    _, asn, countries, blocks = CLOUDS[name]
    country = r.choice(countries)
    return Fixed(
        [
            (f"{r.choice(blocks)}.{int(r.random() * 256)}.{1 + int(r.random() * 253)}", country, asn)
            for _ in range(n)
        ],
        1.3,
    )


def hosting(r: Random, n: int = 1) -> Fixed:
    """n servers of small hosting companies."""
    return Fixed([hosting_address(r) for _ in range(n)], 1.0)


def residential_pool(r: Random, n: int, countries: Sequence[str] | None = None) -> list[Place]:
    """n household addresses of the given or of all countries."""
    out: list[Place] = []
    weights = [c.weight for c in COUNTRIES.values()]
    for _ in range(n):
        country = r.choice(countries) if countries else r.choices(list(COUNTRIES), weights)[0]
        address, asn = access_address(country, r)
        out.append((full_v6(address, r), country, asn))
    return out
