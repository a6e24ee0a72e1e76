"""Hashes of strings and networks depend on the text alone, not on how Arrow lays it out."""

from __future__ import annotations

import ipaddress

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydrascope.kernels.strings import hash_prefixes, hash_strings, mix64

TEXTS = ["", "a", "b", None, "eight ch", "nine char", "日本語のテキスト", "x" * 1000, "a"]


def test_equal_texts_hash_alike_and_others_do_not() -> None:
    """The same text twice gives one hash; null stays null; the empty text is a value like any other."""
    hashed = hash_strings(pa.array(TEXTS)).to_pylist()
    assert hashed[1] == hashed[-1]
    assert hashed[3] is None
    assert len(set(hashed)) == len(TEXTS) - 1


@pytest.mark.parametrize(
    "layout",
    [
        lambda a: a.cast(pa.large_string()),
        lambda a: a.cast(pa.string_view()),
        lambda a: a.dictionary_encode(),
        lambda a: pa.concat_arrays([pa.array(["before", None]), a, pa.array(["after"])]).slice(2, len(a)),
        lambda a: pa.chunked_array([a.slice(0, 3), a.slice(3, 0), a.slice(3)]),
    ],
    ids=["large", "view", "dictionary", "slice", "chunks"],
)
def test_the_layout_does_not_matter(layout: object) -> None:
    """Large strings, views, dictionaries, slices and chunks hash as plain strings do."""
    assert callable(layout)
    plain = pa.array(TEXTS, pa.string())
    assert hash_strings(layout(plain)).to_pylist() == hash_strings(plain).to_pylist()


def test_a_dictionary_may_hold_a_null() -> None:
    """Null in the dictionary or in the indices: null either way."""
    encoded = pa.DictionaryArray.from_arrays(pa.array([0, 1, None, 0]), pa.array(["a", None]))
    expected = hash_strings(pa.array(["a", None, None, "a"])).to_pylist()
    assert hash_strings(encoded).to_pylist() == expected


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.null()])
@pytest.mark.parametrize("n", [0, 3])
def test_a_column_without_values_gives_nulls(kind: pa.DataType, n: int) -> None:
    """Nothing to hash is no error."""
    assert hash_strings(pa.nulls(n, kind)).to_pylist() == [None] * n
    assert hash_prefixes(pa.nulls(n, kind)).to_pylist() == [None] * n


def test_a_hundred_thousand_texts_do_not_collide() -> None:
    """Short ids, addresses and near-equal long texts: 64 bits are enough."""
    ids = [f"acct_{i}" for i in range(40_000)]
    addresses = [f"10.{i // 65536}.{i // 256 % 256}.{i % 256}" for i in range(30_000)]
    long = [f"{'the same opening ' * 5}{i}{' and close' * 3}" for i in range(30_000)]
    hashed = hash_strings(pa.array(ids + addresses + long)).to_numpy()
    assert len(np.unique(hashed)) == 100_000


@given(st.text(max_size=40), st.text(max_size=40))
def test_a_hash_tells_any_two_texts_apart(a: str, b: str) -> None:
    """Trailing zero bytes, other lengths, other scripts: only equal texts have equal hashes."""
    if all(not 0xD800 <= ord(c) < 0xE000 for c in a + b):
        one, two = hash_strings(pa.array([a, b], pa.string())).to_pylist()
        assert (one == two) == (a == b)


def test_zero_bytes_at_the_end_count() -> None:
    """Padding to whole words does not make texts of different length equal."""
    hashed = hash_strings(pa.array(["a", "a\0", "a\0\0", "", "\0"])).to_pylist()
    assert len(set(hashed)) == 5


@given(st.ip_addresses(v=4), st.ip_addresses(v=4))
def test_ipv4_networks_are_the_first_three_octets(a: ipaddress.IPv4Address, b: ipaddress.IPv4Address) -> None:
    """Two addresses have one network hash when they lie in one /24."""
    one, two = hash_prefixes(pa.array([str(a), str(b)])).to_pylist()
    assert (one == two) == (int(a) >> 8 == int(b) >> 8)
    last = hash_prefixes(pa.array([str(a), str(ipaddress.IPv4Address(int(a) ^ 0xFF))])).to_pylist()
    assert last[0] == last[1]


GROUP = st.sampled_from([0, 0, 1, 0x10, 0xDB8, 0xFFFF])


@given(
    st.tuples(st.integers(0x2000, 0x3FFF), GROUP, GROUP), st.tuples(GROUP, GROUP, GROUP, GROUP, GROUP), GROUP
)
def test_ipv6_networks_are_the_first_three_groups(
    network: tuple[int, ...], rest: tuple[int, ...], other: int
) -> None:
    """Canonical addresses of one /48 hash alike, wherever `::` stands; those of another do not."""

    def written(*groups: int) -> str:
        return str(ipaddress.IPv6Address(b"".join(g.to_bytes(2, "big") for g in groups)))

    texts = [written(*network, *rest), written(*network, 9, 9, 9, 9, 9), written(*network[:2], other, *rest)]
    hashed = hash_prefixes(pa.array(texts)).to_pylist()
    assert hashed[0] == hashed[1]
    assert (hashed[0] == hashed[2]) == (network[2] == other)


def test_networks_of_slices_and_dictionaries() -> None:
    """The layouts of `hash_strings` hold for networks."""
    addresses = pa.array(["192.0.2.1", None, "192.0.2.200", "2001:db8:7::1", "2001:db8:7:9::2"])
    plain = hash_prefixes(addresses).to_pylist()
    assert plain[0] == plain[2] and plain[1] is None and plain[3] == plain[4]
    assert hash_prefixes(addresses.slice(2)).to_pylist() == plain[2:]
    assert hash_prefixes(addresses.dictionary_encode()).to_pylist() == plain


def test_mixing_is_a_bijection_on_a_sample() -> None:
    """No two of a hundred thousand neighbours meet, for any seed; equal seeds give equal values."""
    values = np.concatenate([np.arange(50_000), np.arange(50_000) << 40]).astype(np.uint64)
    values = np.unique(values)
    for seed in (0, 1, 12345):
        mixed = mix64(values, seed)
        assert len(np.unique(mixed)) == len(values)
        assert np.array_equal(mixed, mix64(values, seed))
    assert not np.array_equal(mix64(values, 0), mix64(values, 1))


def test_mixing_spreads_neighbours_evenly() -> None:
    """The top bits of mixed consecutive numbers are uniform (chi-square over 256 cells)."""
    cells = np.bincount(mix64(np.arange(256_000)) >> np.uint64(56), minlength=256)
    chi_square = float(((cells - 1000.0) ** 2 / 1000.0).sum())
    assert 170 < chi_square < 350
