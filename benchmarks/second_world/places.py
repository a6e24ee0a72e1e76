"""An invented address book: countries, their access networks, and hosting, cloud and VPN ranges.

IPv4 addresses lie in unicast blocks that hold no public hosts (6, 7, 11, 21, 22, 26, 28, 29, 30, 33, 55 and 214 /8), IPv6 ones in the
documentation prefix 3fff::/20, AS numbers in the private range: no world names a real line or company.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

__all__ = [
    "CLOUDS",
    "COUNTRIES",
    "Country",
    "Place",
    "access_address",
    "full_v6",
    "hosting_address",
    "vpn_address",
]

Place = tuple[str | None, str | None, int | None]
"""Address, country and AS number of one request."""


@dataclass(frozen=True, slots=True)
class Access:
    """An access network."""

    asn: int
    prefixes: tuple[str, ...]
    v6: bool


@dataclass(frozen=True, slots=True)
class Country:
    """Where people live."""

    weight: float
    hours: float
    """Hours from UTC."""
    mail: tuple[str, ...]
    networks: tuple[Access, ...]


TABLE = (
    # code, weight, hours, access networks, mail domains beside the common ones
    ("US", 26, -6, 6, "yahoo.com icloud.com"), ("CA", 3, -5, 3, "hotmail.com"), ("GB", 6, 0, 3, "hotmail.co.uk"), ("DE", 6, 1, 3, "gmx.de web.de posteo.de"),
    ("FR", 4, 1, 3, "orange.fr free.fr proton.me"), ("ES", 2, 1, 2, "hotmail.com"), ("IT", 2, 1, 2, "libero.it"), ("PL", 2, 1, 2, "wp.pl"),
    ("NL", 2, 1, 2, "ziggo.nl"), ("TR", 2, 3, 2, "hotmail.com"), ("RU", 2, 3, 2, "mail.ru yandex.ru"), ("UA", 1, 2, 2, "ukr.net"), ("IN", 11, 5.5, 3, "rediffmail.com"),
    ("PK", 1, 5, 2, ""), ("BD", 1, 6, 2, ""), ("CN", 3, 8, 3, "qq.com 163.com foxmail.com 126.com"), ("HK", 2, 8, 2, "qq.com"), ("TW", 2, 8, 1, "yahoo.com.tw"),
    ("SG", 2, 8, 2, ""), ("JP", 5, 9, 3, "yahoo.co.jp icloud.com"), ("KR", 4, 9, 2, "naver.com daum.net"), ("VN", 2, 7, 2, ""), ("ID", 2, 7, 2, "yahoo.co.id"),
    ("PH", 2, 8, 2, "yahoo.com"), ("TH", 1, 7, 2, "hotmail.com"), ("AU", 3, 10, 2, "bigpond.com"), ("BR", 5, -3, 3, "hotmail.com uol.com.br"), ("MX", 2, -6, 2, "hotmail.com"),
    ("AR", 1, -3, 2, ""), ("CO", 1, -5, 2, ""), ("NG", 2, 1, 2, "yahoo.com"), ("KE", 1, 3, 1, ""), ("ZA", 1, 2, 2, ""), ("EG", 1, 2, 2, "yahoo.com"), ("IL", 1, 2, 2, ""),
    ("AE", 1, 4, 2, ""),
)  # fmt: skip
HOME_BLOCKS = (6, 7, 11, 21, 22, 26, 28, 29)
PREFIXES_OF_NETWORK = 20
CLOUDS = {
    # provider: share, AS number, countries, blocks
    "azurite": (38, 65001, ("US", "US", "IE", "DE", "SG", "JP"), tuple(f"55.{k}" for k in range(80))),
    "cirrus": (18, 65002, ("US", "US", "BE", "TW"), tuple(f"55.{k}" for k in range(80, 130))),
    "stratus": (17, 65003, ("US", "NL", "IE", "SG"), tuple(f"55.{k}" for k in range(130, 180))),
    "droplet": (12, 65004, ("US", "DE", "SG", "NL"), tuple(f"55.{k}" for k in range(180, 220))),
    "nimbus": (8, 65005, ("US", "JP", "SG"), tuple(f"55.{k}" for k in range(220, 256))),
}  # fmt: skip
HOSTING = tuple((65100 + k, cc, tuple(f"{30 if k < 16 else 33}.{16 * (k % 16) + j}" for j in range(16)))
                for k, cc in enumerate(("US", "DE", "NL", "SG", "HK", "JP", "FI", "US") * 4))  # fmt: skip
VPNS = tuple(
    (65200 + k, cc, f"214.{k}") for k, cc in enumerate(("GB", "US", "NL", "SE", "SG", "DE", "US", "HK"))
)


def build() -> dict[str, Country]:
    """Every access network gets twenty /16 of the home blocks."""
    out: dict[str, Country] = {}
    k = 0
    for code, weight, hours, n_networks, mail in TABLE:
        networks = []
        for j in range(n_networks):
            at = range(k * PREFIXES_OF_NETWORK, (k + 1) * PREFIXES_OF_NETWORK)
            prefixes = tuple(f"{HOME_BLOCKS[i // 256]}.{i % 256}" for i in at)
            networks.append(Access(64512 + k, prefixes, v6=j == 0 and k % 3 == 0))
            k += 1
        domains = ("gmail.com", "gmail.com", "outlook.com", *mail.split())
        out[code] = Country(weight, hours, domains, tuple(networks))
    return out


COUNTRIES = build()


def octet(r: Random) -> int:
    """A host's last octet."""
    return 1 + int(r.random() * 253)


def access_address(country: str, r: Random, asn: int | None = None, v6: bool = True) -> tuple[str, int]:
    """An address of an access network and its AS number; a v6 prefix of /64 ends in a colon, see `full_v6`."""
    networks = COUNTRIES[country].networks
    network = (
        networks[int(r.random() ** 1.6 * len(networks))]
        if asn is None
        else next(n for n in networks if n.asn == asn)
    )
    if v6 and network.v6 and r.random() < 0.16:
        return (
            f"3fff:{network.asn - 64512:x}:{int(r.random() * 65536):x}:{int(r.random() * 65536):x}:",
            network.asn,
        )
    return f"{r.choice(network.prefixes)}.{int(r.random() * 256)}.{octet(r)}", network.asn


def full_v6(address: str, r: Random) -> str:
    """A whole address from a v6 prefix; others as they are."""
    if not address.endswith(":"):
        return address
    return address + ":".join(f"{int(r.random() * 65536):x}" for _ in range(4))


def hosting_address(r: Random) -> Place:
    """A rented server of a small hosting company."""
    asn, country, blocks = r.choice(HOSTING)
    return f"{r.choice(blocks)}.{int(r.random() * 256)}.{octet(r)}", country, asn


def vpn_address(r: Random) -> Place:
    """A shared exit of a VPN brand."""
    asn, country, block = r.choice(VPNS)
    return f"{block}.{int(r.random() * 8)}.{octet(r)}", country, asn
