"""Addresses are placed by the operator's databases and range files."""

from __future__ import annotations

import ipaddress
import json
import socket
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ingest_worlds import exchange, read_table, write_lines
from tiny_mmdb import write_mmdb

from hydrascope.errors import InputError, SchemaError
from hydrascope.ingest import Network
from hydrascope.ingest.ranges import Ranges


@pytest.fixture
def databases(tmp_path: Path) -> list[str]:
    """Two vendors' files with their different names for the same things."""
    one = {
        "192.0.2.0/24": {"autonomous_system_number": 64500, "country": {"iso_code": "NL"}},
        "198.51.100.0/25": {"autonomous_system_number": 64501, "registered_country": {"iso_code": "DE"}},
    }
    two = {
        "203.0.113.0/24": {"asn": "AS64502", "country": "fr"},
        "198.51.100.128/25": {"country_code": "BE", "is_anonymous_vpn": True, "is_hosting_provider": True},
    }
    return [write_mmdb(tmp_path / "one.mmdb", one), write_mmdb(tmp_path / "two.mmdb", two)]


def test_every_vendor_names_its_fields_differently(databases: list[str]) -> None:
    """GeoLite2 tables and IPinfo strings give the same columns."""
    places = Network(databases=databases).look_up(["192.0.2.9", "198.51.100.1", "203.0.113.4", "10.0.0.1"])
    assert [(p.asn, p.country) for p in places] == [(64500, "NL"), (64501, "DE"), (64502, "FR"), (None, None)]


def test_enrich_fills_only_what_is_null(tmp_path: Path, databases: list[str]) -> None:
    """What the log itself says stays."""
    rows = [
        exchange(exchange_id="x0", client_ip="192.0.2.9"),
        exchange(exchange_id="x1", client_ip="192.0.2.9", client_country="XX", client_asn=1),
        exchange(exchange_id="x2"),
        exchange(exchange_id="x3", client_ip="10.0.0.1"),
    ]
    table, _ = read_table(write_lines(tmp_path / "a.jsonl", rows))
    batch = Network(databases=databases).enrich(table.to_batches()[0])
    assert batch["client_asn"].to_pylist() == [64500, 1, None, None]
    assert batch["client_country"].to_pylist() == ["NL", "XX", None, None]
    assert batch.schema == table.schema


def test_labels_from_text_csv_parquet_and_cloud_files(tmp_path: Path, databases: list[str]) -> None:
    """Lists say hosting and VPN in many words; narrower ranges win; a flag in a database is the last resort."""
    (tmp_path / "vpn-exits.txt").write_text("# exits\n203.0.113.0/28\n192.0.2.77 tor\n")
    (tmp_path / "clouds.csv").write_text("provider,cidr\namazon,203.0.113.0/24\n")
    pq.write_table(
        pa.table({"kind": ["datacenter", "residential"], "cidr": ["10.0.0.0/8", "10.9.0.0/16"]}),
        tmp_path / "x.parquet",
    )
    (tmp_path / "aws.json").write_text(
        json.dumps({"prefixes": [{"ip_prefix": "100.64.0.0/10"}], "syncToken": "1"}, indent=1)
    )
    (tmp_path / "asn.csv").write_text("asn,kind\n64500,hosting\n")
    files = [str(tmp_path / n) for n in ("vpn-exits.txt", "clouds.csv", "x.parquet", "aws.json", "asn.csv")]
    network = Network(databases=databases, ranges=files)
    ips = [
        "203.0.113.5",
        "203.0.113.99",
        "192.0.2.77",
        "10.1.1.1",
        "10.9.1.1",
        "100.64.1.1",
        "192.0.2.1",
        "198.51.100.200",
        None,
        "nonsense",
    ]
    assert network.labels(ips) == [
        "vpn",
        "hosting",
        "vpn",
        "hosting",
        "residential",
        "hosting",
        "hosting",
        "vpn",
        None,
        None,
    ]


ranges = st.builds(
    lambda top, length, kind, bits: (ipaddress.ip_network((top << bits - 8, length), strict=False), kind),
    st.integers(0, 255),
    st.integers(1, 12),
    st.sampled_from(["hosting", "vpn"]),
    st.sampled_from([32, 128]),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(ranges, max_size=12), st.lists(st.integers(0, 2**16 - 1), min_size=1, max_size=20))
def test_ranges_agree_with_looking_at_each(
    labelled: list[tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, str]], tops: list[int]
) -> None:
    """Nested ranges of both versions: the label is one of the narrowest range's, and there only."""
    found = Ranges(labelled)
    ips: list[ipaddress.IPv4Address | ipaddress.IPv6Address]
    ips = [ipaddress.IPv4Address(t << 16) for t in tops]
    ips += [ipaddress.IPv6Address(t << 112) for t in tops]
    for ip, label in zip(ips, found.labels([ip.packed for ip in ips]), strict=True):
        holding = [(n.prefixlen, kind) for n, kind in labelled if n.version == ip.version and ip in n]
        narrowest = {kind for length, kind in holding if length == max(holding)[0]}
        assert (label in narrowest) if holding else label is None


def test_ipv6_is_searched_to_the_last_bit() -> None:
    """Both ends of a range belong to it."""
    found = Ranges([(ipaddress.ip_network("2001:db8::/33"), "vpn")])
    ends = ["2001:db8::", "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff", "2001:db8:8000::", "2001:db7:ffff::"]
    assert found.labels([socket.inet_pton(socket.AF_INET6, ip) for ip in ends]) == ["vpn", "vpn", None, None]


def test_files_that_are_no_such_thing_stop_at_once(tmp_path: Path) -> None:
    """With the file's name and what it should be."""
    (tmp_path / "a.mmdb").write_bytes(b"not a database")
    (tmp_path / "a.txt").write_text("nothing here\n")
    (tmp_path / "a.csv").write_text("colour,size\nred,1\n")
    with pytest.raises(InputError, match="MaxMind"):
        Network(databases=[str(tmp_path / "a.mmdb")])
    with pytest.raises(InputError, match="no address range"):
        Network(ranges=[str(tmp_path / "a.txt")])
    with pytest.raises(SchemaError, match="neither a range nor an ASN"):
        Network(ranges=[str(tmp_path / "a.csv")])
    with pytest.raises(InputError, match="no such file"):
        Network(ranges=[str(tmp_path / "b.txt")])
