"""Addresses: homes, mobiles behind carrier NAT, campuses, offices, clouds, VPN exits, rotating proxies.

The built-in book lives in unicast space that belongs to a defence department, holds no customer and no public host,
and is in no table of clouds, hosts or VPNs: the blocks that mobile carriers borrow for their own NAT. So a home looks
like a home to a look-up, as it would not in reserved space, and no shipped world accuses a real line. AS numbers are
private. A folder of real reference tables takes the place of clouds, hosts and VPN exits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from hydrascope.errors import ConfigError, InputError, nearest
from hydrascope.simulate.arrivals import Moments
from hydrascope.simulate.places import COUNTRIES, SHARES, draw_countries
from hydrascope.simulate.roster import Roster
from hydrascope.simulate.seeds import mix, salt, stream
from hydrascope.simulate.setting import DAY_US

__all__ = [
    "AddressBook",
    "Network",
    "addresses",
    "format_addresses",
    "pick_block",
    "read_networks",
]

Ints = npt.NDArray[np.int64]

KINDS: Mapping[str, tuple[int, int, tuple[int, ...]]] = {
    "home": (32, 10, (21, 22, 26, 28, 29, 30, 33, 55)),
    "mobile": (16, 12, (11,)),
    "hosting": (12, 13, (6,)),
    "cloud": (6, 12, (7,)),
    "vpn": (4, 16, (214,)),
    "campus": (10, 16, (215,)),
    "office": (16, 14, (25,)),
}
"""Kind to its number of AS, the length of their prefixes, and the /8 blocks in which they lie."""
POOL_BITS = 15
"""Homes draw their leases from one pool of their provider: the neighbourhood, 2 ** POOL_BITS addresses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """Where a group's requests come from."""

    kind: str = "home"
    """home, mobile, hosting, cloud, vpn, campus, office, or rotating (a fresh residential exit each time)."""
    addresses: int = 0
    """Size of a shared pool; 0: an address for every account."""
    pool: str = ""
    """Name of the shared pool; groups that name the same pool share it."""
    by: str = "account"
    """What keeps one address of the pool: account, session or exchange."""
    lease_days: float = 9.0
    """Days after which an own address changes."""
    roam: float = 0.18
    """Share of sessions from elsewhere: mobile, office, VPN."""
    countries: tuple[str, ...] = ()
    """Countries of the accounts; empty: as the world's."""
    networks: int = 0
    """How many AS the group is spread over; 0: all of the kind."""


@dataclass(frozen=True, slots=True)
class AddressBook:
    """Blocks of addresses with their AS, kind and country."""

    base: Ints
    size: Ints
    asn: Ints
    kind: tuple[str, ...]
    country: tuple[str, ...]
    by_kind: Mapping[str, Ints] = field(default_factory=dict)

    def blocks(self, kind: str, countries: tuple[str, ...] = ()) -> Ints:
        """Rows of a kind, in these countries where there are any."""
        if kind not in self.by_kind:
            raise ConfigError(f"no network kind '{kind}'", hint=nearest(kind, [*KINDS, "rotating"]))
        rows = self.by_kind[kind]
        near = rows[np.isin(np.array(self.country)[rows], countries)] if countries else rows
        return near if len(near) else rows


def index_kinds(kinds: tuple[str, ...]) -> dict[str, Ints]:
    """Rows of each kind."""
    return {kind: np.flatnonzero(np.array(kinds) == kind) for kind in KINDS}


def builtin_networks() -> AddressBook:
    """Ninety-six AS in unicast space without hosts; the first of each kind cover every country."""
    rng = stream("networks")
    base, size, kinds, country = [], [], [], []
    for kind, (count, bits, blocks) in KINDS.items():
        length = 1 << (32 - bits)
        whole = np.concatenate([np.arange(b << 24, (b + 1) << 24, length) for b in blocks])
        base.append(rng.permutation(whole)[:count])
        size.append(np.full(count, length))
        kinds += [kind] * count
        drawn = [COUNTRIES[i] for i in draw_countries(count, (), rng)]
        country += (
            [COUNTRIES[i % 16] for i in range(count)] if kind in ("home", "mobile", "office") else drawn
        )
    asn = rng.choice(np.arange(64_512, 65_535), len(kinds), replace=False)
    return AddressBook(
        np.concatenate(base),
        np.concatenate(size),
        asn,
        tuple(kinds),
        tuple(country),
        index_kinds(tuple(kinds)),
    )


def read_networks(folder: Path | None) -> AddressBook:
    """The built-in book, or one in which clouds, hosts and VPNs use the address ranges of reference tables.

    Args:
        folder: holds `net_cloud_ip_ranges.parquet`, `net_vpn_datacenter_cidr.parquet` and, where known,
            `net_hosting_vpn_asn.parquet`, whose AS numbers hosts and VPNs then have; None: built-in.

    Raises:
        InputError: a table is missing.
    """
    book = builtin_networks()
    if folder is None:
        return book
    clouds = real_blocks(folder / "net_cloud_ip_ranges.parquet", None)
    vpns = real_blocks(folder / "net_vpn_datacenter_cidr.parquet", "vpn")
    centres = real_blocks(folder / "net_vpn_datacenter_cidr.parquet", "datacenter")
    base, size, asn = book.base.copy(), book.size.copy(), book.asn.copy()
    numbers = real_numbers(folder / "net_hosting_vpn_asn.parquet")
    for kind, found in (("cloud", clouds), ("vpn", vpns), ("hosting", centres)):
        rows = book.by_kind[kind]
        base[rows], size[rows] = found[: len(rows), 0], found[: len(rows), 1]
        known = numbers.get("x4bnet_vpn" if kind == "vpn" else "x4bnet_datacenter", [])
        if len(known) >= len(rows):
            asn[rows] = stream("asn", kind).choice(known, len(rows), replace=False)
    return AddressBook(base, size, asn, book.kind, book.country, book.by_kind)


def real_numbers(path: Path) -> dict[str, list[int]]:
    """AS numbers of a reference table by the list they are on; nothing where there is no such table."""
    found: dict[str, list[int]] = {}
    for row in pq.read_table(path).to_pylist() if path.is_file() else ():
        found.setdefault(row["list"], []).append(int(row["asn"]))
    return {name: sorted(set(numbers)) for name, numbers in found.items()}


def real_blocks(path: Path, kind: str | None) -> npt.NDArray[np.int64]:
    """The largest IPv4 blocks of a reference table: rows of (first address, size)."""
    if not path.is_file():
        raise InputError(
            "no such network table", file=str(path), hint="give --networks the folder that has it"
        )
    table = pq.read_table(path).to_pylist()
    wanted = [r["cidr"] for r in table if r["ip_version"] == 4 and (kind is None or r["kind"] == kind)]
    return np.array(sorted((parse_cidr(c) for c in wanted), key=lambda b: (-b[1], b[0])), dtype=np.int64)


def parse_cidr(cidr: str) -> tuple[int, int]:
    """First address and size of a block."""
    address, _, bits = cidr.partition("/")
    number = 0
    for part in address.split("."):
        number = number * 256 + int(part)
    return number, 1 << (32 - int(bits or 32))


def pick_block(network: Network, roster: Roster, book: AddressBook) -> Ints:
    """The block of each account's own address: one of its country's, or of any where the kind has none there."""
    rows = book.blocks("home" if network.kind == "rotating" else network.kind, network.countries)
    if network.networks:
        rows = stream(roster.key, "blocks").permutation(rows)[: network.networks]
    where = np.array([COUNTRIES.index(book.country[r]) for r in rows])
    block = rows[roster.choose("block", SHARES[where])]
    for country in np.unique(roster.country):
        near, mine = rows[where == country], roster.country == country
        if len(near):
            block = np.where(mine, near[roster.draw("block-near", len(near))], block)
    return np.asarray(block)


def in_block(book: AddressBook, block: Ints, numbers: npt.NDArray[np.uint64]) -> Ints:
    """An address of the block for each number."""
    return book.base[block] + (numbers % book.size[block].astype(np.uint64)).astype(np.int64)


def shared_pool(
    network: Network, roster: Roster, book: AddressBook, turn: npt.NDArray[np.uint64]
) -> tuple[Ints, Ints]:
    """(block, address) out of a pool that accounts share; `turn` picks the member."""
    name = salt("pool", network.pool or roster.key, network.kind)
    rows = book.blocks("home" if network.kind == "rotating" else network.kind, network.countries)
    rows = rows[mix(np.arange(max(network.networks, 1)), name) % np.uint64(len(rows))]
    member = turn % np.uint64(network.addresses)
    block = rows[(member % np.uint64(len(rows))).astype(np.int64)]
    number = mix(member, name)
    if network.kind in ("campus", "office", "hosting", "vpn"):  # such pools are neighbours, in a few /24
        number = mix(member // np.uint64(160), name) // np.uint64(256) * np.uint64(256) + number % np.uint64(
            250
        )
    return block, in_block(book, block, number)


def own_address(network: Network, roster: Roster, book: AddressBook, moments: Moments) -> tuple[Ints, Ints]:
    """(block, address) of each exchange from the account's own line, renewed now and then."""
    block = pick_block(network, roster, book)[moments.account]
    if network.kind == "mobile":  # carrier NAT: some hundred addresses a carrier, a new one every few hours
        turn = mix(roster.account[moments.account] + (moments.at // (DAY_US // 6)).astype(np.uint64), 3)
        return block, in_block(book, block, mix(turn % np.uint64(400), 17))
    phase = roster.draw("lease")[moments.account]
    lease = np.floor(moments.at / (network.lease_days * DAY_US) + phase).astype(np.uint64)
    number = mix(roster.account[moments.account] + (lease << np.uint64(40)), 23)
    if network.kind == "home":
        pool = mix(roster.account, 29)[moments.account] >> np.uint64(POOL_BITS) << np.uint64(POOL_BITS)
        number = pool | number % np.uint64(1 << POOL_BITS)
    return block, in_block(book, block, number)


def addresses(network: Network, roster: Roster, book: AddressBook, moments: Moments) -> tuple[Ints, Ints]:
    """(block, address) of every exchange."""
    if network.kind == "rotating" and not network.addresses:
        rows = book.blocks("home", network.countries)
        turn = mix(moments.session, 31)
        block = rows[(turn % np.uint64(len(rows))).astype(np.int64)]
        return block, in_block(book, block, mix(turn, 37))
    if network.addresses:
        turns = {
            "account": lambda: mix(roster.account[moments.account], 41),
            "session": lambda: mix(moments.session, 43),
            "exchange": lambda: mix(moments.session + moments.step.astype(np.uint64), 47),
        }
        if network.by not in turns:
            raise ConfigError(f"no such keeper of addresses '{network.by}'", hint=nearest(network.by, turns))
        block, address = shared_pool(network, roster, book, turns[network.by]())
    else:
        block, address = own_address(network, roster, book, moments)
    return roam(network, roster, book, moments, block, address)


def roam(
    network: Network, roster: Roster, book: AddressBook, moments: Moments, block: Ints, address: Ints
) -> tuple[Ints, Ints]:
    """Sends a share of the sessions through mobile carriers and the VPN exits that everybody uses."""
    draw = mix(moments.session, 53)
    away = draw % np.uint64(10_000) < np.uint64(int(network.roam * 10_000))
    if not away.any():
        return block, address
    rows = np.flatnonzero(away)
    part = moments.keep(rows)
    mobile = own_address(Network(kind="mobile", countries=network.countries), roster, book, part)
    public = Network(kind="vpn", addresses=600, pool="public-vpn", networks=4)
    vpn = shared_pool(public, roster, book, mix(part.session, 59))
    by_vpn = roster.draw("vpn-user")[part.account] < 0.25
    block, address = block.copy(), address.copy()
    block[rows] = np.where(by_vpn, vpn[0], mobile[0])
    address[rows] = np.where(by_vpn, vpn[1], mobile[1])
    return block, address


_OCTETS = pa.array([str(i) for i in range(256)])


def format_addresses(address: Ints) -> pa.Array:
    """Dotted quads, dictionary-encoded."""
    values, place = np.unique(address, return_inverse=True)
    texts = [f"{v >> 24}.{v >> 16 & 255}.{v >> 8 & 255}.{v & 255}" for v in values.tolist()]
    return pa.DictionaryArray.from_arrays(pa.array(place.astype(np.int32)), pa.array(texts, pa.string()))
