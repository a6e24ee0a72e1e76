"""Where addresses lie: ASN, country and kind of network, from files that the operator gives.

Nothing is shipped and nothing is fetched. MaxMind-format databases of any vendor are read (GeoLite2, GeoIP2,
IPinfo, DB-IP name their fields differently), and range files as in `hydrascope.ingest.ranges`. Only distinct
addresses are looked up, once each.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import maxminddb
import pyarrow as pa
import pyarrow.compute as pc

from hydrascope.errors import InputError
from hydrascope.ingest.formats.values import first, mapping
from hydrascope.ingest.ranges import IPRange, Ranges, read_ranges

__all__ = ["Network", "Place"]

_REMEMBERED = 500_000
_ASN = ("autonomous_system_number", "asn", "as_number")
_COUNTRY = ("country_code", "country", "countryCode", "iso_code")
_FLAGS: Mapping[str, tuple[str, ...]] = {
    "residential": ("is_residential_proxy", "residential_proxy"),
    "vpn": ("is_anonymous_vpn", "is_tor_exit_node", "is_public_proxy", "vpn", "proxy", "tor", "relay"),
    "hosting": ("is_hosting_provider", "hosting"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What is known of one address."""

    asn: int | None = None
    country: str | None = None
    kind: str | None = None
    """`hosting`, `vpn` or `residential`; None where no file says."""


_NOWHERE = Place()


class Network:
    """Looks up addresses in the operator's files.

    Args:
        databases: paths of MaxMind-format files.
        ranges: paths of range files.

    Raises:
        InputError: a file cannot be read or holds nothing.
    """

    def __init__(self, *, databases: Sequence[str] = (), ranges: Sequence[str] = ()) -> None:
        self._databases = [_open(path) for path in databases]
        labelled: list[tuple[IPRange, str]] = []
        self._asn_kinds: dict[int, str] = {}
        for path in ranges:
            found, asns = read_ranges(path)
            labelled.extend(found)
            self._asn_kinds.update(asns)
        self._ranges = Ranges(labelled)
        self._known: dict[str, Place] = {}

    def look_up(self, ips: Iterable[str]) -> list[Place]:
        """The place of each address, in order."""
        wanted = list(ips)
        known = self._known  # may be replaced by another thread meanwhile: look at this one only
        places = {ip: known.get(ip) for ip in wanted}
        new = [ip for ip, place in places.items() if place is None]
        kinds = self._ranges.labels([_packed(ip) for ip in new])
        found = {ip: self._place(ip, kind) for ip, kind in zip(new, kinds, strict=True)}
        if len(known) + len(found) > _REMEMBERED:
            self._known = found
        else:
            known.update(found)
        return [places[ip] or found[ip] for ip in wanted]

    def labels(self, ips: Sequence[str | None]) -> list[str | None]:
        """The kind of network of each address: `hosting`, `vpn`, `residential`, or None."""
        there = [ip for ip in ips if ip is not None]
        kinds = dict(zip(there, (place.kind for place in self.look_up(there)), strict=True))
        return [None if ip is None else kinds[ip] for ip in ips]

    def enrich(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The batch with `client_asn` and `client_country` filled where they are null and the address is known."""
        ips = batch.column("client_ip")
        if ips.null_count == len(ips):
            return batch
        coded = ips.dictionary_encode()
        places = self.look_up(coded.dictionary.to_pylist())
        columns = {
            "client_asn": pa.array([place.asn for place in places], pa.int32()),
            "client_country": pa.array([place.country for place in places], pa.string()),
        }
        for name, values in columns.items():
            at = batch.schema.get_field_index(name)
            filled = pc.coalesce(batch.column(at), values.take(coded.indices))
            batch = batch.set_column(at, batch.schema.field(at), filled)
        return batch

    def _place(self, ip: str, kind: str | None) -> Place:
        asn: int | None = None
        country: str | None = None
        flagged: str | None = None
        for database in self._databases:
            try:
                found = mapping(database.get(ip))
            except ValueError:
                return _NOWHERE
            asn = asn if asn is not None else _asn(found)
            country = country or _country(found)
            flagged = flagged or _flag(found)
        kind = kind or flagged or (self._asn_kinds.get(asn) if asn is not None else None)
        return Place(asn=asn, country=country, kind=kind)

    def __getstate__(self) -> dict[str, Any]:
        raise TypeError("open the files again in each process: a database handle cannot be sent")


def _open(path: str) -> Any:
    if not Path(path).is_file():
        raise InputError("no such file", file=path, hint="check the path")
    try:
        return maxminddb.open_database(path)
    except (OSError, maxminddb.InvalidDatabaseError) as error:
        raise InputError(
            f"is not a MaxMind-format database: {error}", file=path, hint="give an .mmdb file"
        ) from error


def _packed(ip: str) -> bytes | None:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            return socket.inet_pton(family, ip)
        except OSError:
            continue
    return None


def _asn(found: Mapping[str, Any]) -> int | None:
    value = first(found, _ASN)
    value = value.get("asn") if isinstance(value, dict) else value
    text = str(value or "").upper().removeprefix("AS")
    return int(text) if text.isdigit() and int(text) < 1 << 31 else None


def _country(found: Mapping[str, Any]) -> str | None:
    value = first(found, _COUNTRY) or found.get("registered_country")
    value = first(value, ("iso_code", "code")) if isinstance(value, dict) else value
    return value.upper() if isinstance(value, str) and len(value) == 2 else None


def _flag(found: Mapping[str, Any]) -> str | None:
    tables = (found, mapping(found.get("privacy")), mapping(found.get("traits")))
    for kind, names in _FLAGS.items():
        if any(str(table.get(name)).lower() in ("true", "1") for table in tables for name in names):
            return kind
    return None
