"""The pseudorandom functions: published vectors, bit-sliced against scalar, independence between keys."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hydrascope.errors import UsageError
from hydrascope.kernels.prf import digests, messages, mix_pairs, mix_words, siphash_pairs, siphash_words
from hydrascope.kernels.prf_philox import philox4x32, philox_exponential_sums, philox_green_counts
from hydrascope.kernels.prf_sliced import MIX, SIPHASH, sliced_counts, sliced_counts_reference
from hydrascope.kernels.prf_sums import exponential_sums
from hydrascope.kernels.prf_twister import permutation
from hydrascope.watermark import Key, KeyPath, Prf, decoy_keys, derive_key, green_counts, green_matrix
from hydrascope.watermark.prf import green_words, pair_words, uniforms, word_uniforms
from hydrascope.watermark.schemes.vllm_philox import philox_uniforms

K0, K1 = np.uint64(0x0706050403020100), np.uint64(0x0F0E0D0C0B0A0908)
ROOT = bytes(range(32))

# SipHash reference vectors (Aumasson and Bernstein): key 00..0f, message 00..n-1, outputs as bytes.
PUBLISHED = {
    8: ("6224939a79f5f593", "3b62a9ba6258f5610f83e264f31497b4"),
    12: ("fbe50e86bc8f1e75", "d626b266905ef35882634df68532c125"),
    16: ("db9bc2577fcc2a3f", "6ee2a4ca67b054bbfd3315bf85230577"),
    20: ("98eea21af25cd6be", "9e25fc833f2290733e9344a5e83839eb"),
}


def pairs(seed: int, n: int, width: int = 2, top: int = 150_000) -> tuple[np.ndarray, np.ndarray]:
    """Random pairs."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, top, (n, width)), rng.integers(0, top, n)


@pytest.mark.parametrize("n_bytes", sorted(PUBLISHED))
def test_a_pair_is_hashed_as_the_published_function_hashes_its_bytes(n_bytes: int) -> None:
    """Context widths 1 to 4 give messages of 8 to 20 bytes; both output sizes match the reference."""
    tokens = np.frombuffer(bytes(range(n_bytes)), dtype="<u4").astype(np.int64)
    words = messages(tokens[None, :-1], tokens[-1:])
    single = siphash_words(K0, K1, words, np.empty(1, np.uint64))
    double = siphash_pairs(K0, K1, words, np.empty((1, 2), np.uint64))
    assert single.astype("<u8").tobytes().hex() == PUBLISHED[n_bytes][0]
    assert double.astype("<u8").tobytes().hex() == PUBLISHED[n_bytes][1]


def test_philox_gives_the_published_vectors() -> None:
    """Philox4x32-10 known answers (Random123 distribution): all zeros, all ones, digits of pi."""
    zeros, ones = (np.uint64(0),) * 6, (np.uint64(0xFFFFFFFF),) * 6
    counter = (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344, 0xA4093822, 0x299F31D0)
    pi = tuple(np.uint64(x) for x in counter)
    assert philox4x32(*zeros) == (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)
    assert philox4x32(*ones) == (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)
    assert philox4x32(*pi) == (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1)


def test_mt19937_permutation_starts_as_numpy_seeds_it() -> None:
    """The first draw of a one-swap permutation is the first output of the published generator."""
    first = int(np.random.RandomState(5489).randint(0, 2**32, dtype=np.uint32))
    assert permutation(np.uint64(5489), 1000, 1, np.empty(1000, np.int64))[0] == first % 1000


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 1500),
    n_blocks=st.integers(1, 5),
    width=st.integers(1, 4),
    quarter=st.booleans(),
    use_mix=st.booleans(),
)
def test_bit_sliced_counts_equal_the_scalar_reference(
    seed: int, n: int, n_blocks: int, width: int, quarter: bool, use_mix: bool
) -> None:
    """Every slot of every block is counted as one key at a time would be."""
    context, token = pairs(seed, n, width)
    words = messages(context, token)
    rng = np.random.default_rng(seed)
    k0, k1 = (rng.integers(0, 2**64, n_blocks, dtype=np.uint64) for _ in range(2))
    inputs = digests(words, np.empty(n, np.uint64)) if use_mix else words
    blocks = []
    for a, b in zip(k0, k1, strict=True):
        if quarter:
            fill = mix_pairs if use_mix else siphash_pairs
            both = fill(a, b, inputs, np.empty((n, 2), np.uint64))
            blocks.append(both[:, 0] & both[:, 1])
        else:
            fill = mix_words if use_mix else siphash_words
            blocks.append(fill(a, b, inputs, np.empty(n, np.uint64)))
    sliced = sliced_counts(
        MIX if use_mix else SIPHASH, quarter, k0, k1, inputs[:, None] if use_mix else inputs
    )
    assert (sliced == sliced_counts_reference(blocks)).all()


def test_vertical_counters_survive_more_words_than_their_planes_hold() -> None:
    """Beyond 2**16 pairs the counters are read out and go on; a tile of blocks more than one is right too."""
    context, token = pairs(3, 131_000)
    digest = digests(messages(context, token), np.empty(len(token), np.uint64))
    rng = np.random.default_rng(1)
    k0, k1 = (rng.integers(0, 2**64, 100, dtype=np.uint64) for _ in range(2))
    counts = sliced_counts(MIX, False, k0, k1, digest[:, None])
    for block in (0, 95, 96, 99):
        words = mix_words(k0[block], k1[block], digest, np.empty(len(token), np.uint64))
        assert (counts[block] == sliced_counts_reference([words])[0]).all()


@pytest.mark.parametrize("prf", list(Prf))
@pytest.mark.parametrize("gamma", [0.5, 0.25])
def test_counts_are_the_column_sums_of_the_green_matrix(prf: Prf, gamma: float) -> None:
    """Keys of shared and of separate blocks alike."""
    keys = [*decoy_keys(1, 70), *decoy_keys(2, 3, sliced=False)]
    context, token = pairs(0, 500)
    matrix = green_matrix(context, token, keys, gamma=gamma, prf=prf)
    assert (matrix.sum(axis=0) == green_counts(context, token, keys, gamma=gamma, prf=prf)).all()
    assert abs(matrix.mean() - gamma) < 0.01


def test_sums_of_exponentials_equal_their_definition() -> None:
    """Sixteen factors before each logarithm change nothing but speed."""
    context, token = pairs(5, 333)
    keys = decoy_keys(4, 6, sliced=False)
    k0, k1 = (np.array([getattr(k, name) for k in keys], dtype=np.uint64) for name in ("k0", "k1"))
    plain = [-np.log1p(-uniforms(key, context, token)).sum() for key in keys]
    assert exponential_sums(True, k0, k1, messages(context, token)) == pytest.approx(plain, rel=1e-12)


def test_philox_over_many_keys_equals_one_at_a_time() -> None:
    """Sums and green counts, for widths inside and beyond one block of four."""
    handles = np.array([0, 42, 2**63 + 5, 2**64 - 1], dtype=np.uint64)
    for width in (1, 4, 6):
        context, token = pairs(width, 100, width)
        u = [philox_uniforms(int(handle), context, token) for handle in handles]
        assert philox_exponential_sums(handles, context, token) == pytest.approx(
            [-np.log1p(-x).sum() for x in u], rel=1e-12
        )
        assert philox_green_counts(handles, context, token, 0.25).tolist() == [(x < 0.25).sum() for x in u]


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Correlation of two sets of coins, +-1."""
    return float(np.mean((a * 2.0 - 1) * (b * 2.0 - 1)))


@pytest.mark.parametrize("prf", list(Prf))
def test_coins_of_any_two_keys_are_independent(prf: Prf) -> None:
    """200 keys that sit next to each other in derivation, 19,900 pairs of keys, 40,000 tokens.

    Correlations of fair coins have deviation 1/sqrt(40,000) = 0.005; the largest of 19,900 is expected at 4.1
    deviations, and 5.5 is passed with chance 1e-3. (A published PRF reads 0.17 = 34 deviations.)
    """
    keys = [
        derive_key(ROOT, KeyPath(deployment="d", subject=f"C{i}", block=i // 64, slot=i % 64))
        for i in range(200)
    ]
    context, token = pairs(7, 40_000)
    coins = green_matrix(context, token, keys, gamma=0.5, prf=prf) * 2.0 - 1
    together = coins.T @ coins / len(token)
    assert np.abs(together - np.diag(np.diag(together))).max() < 5.5 / np.sqrt(len(token))


@pytest.mark.parametrize("prf", list(Prf))
def test_keys_that_differ_by_one_bit_or_by_a_small_number_share_nothing(prf: Prf) -> None:
    """Also where keys are not derived: single bit flips and neighbours 1 to 128 apart, words bit against bit."""
    context, token = pairs(8, 20_000)
    base = Key(name="base", k0=0x0123456789ABCDEF, k1=0xFEDCBA9876543210)
    near = [Key(name="flip", k0=base.k0 ^ (1 << b), k1=base.k1) for b in range(0, 64, 7)]
    near += [Key(name="flip", k0=base.k0, k1=base.k1 ^ (1 << b)) for b in range(0, 64, 7)]
    near += [Key(name="near", k0=base.k0 + d, k1=base.k1) for d in (1, 2, 64, 76, 128)]
    own = pair_words(base, context, token, prf)
    for key in near:
        word = pair_words(key, context, token, prf)
        for bit in (0, 1, 31, 63):
            a, b = ((w >> np.uint64(bit)) & np.uint64(1) for w in (own, word))
            assert abs(correlation(a, b)) < 5.5 / np.sqrt(len(token))


@pytest.mark.parametrize("prf", list(Prf))
def test_coins_are_fair_for_neighbouring_contexts_and_tokens(prf: Prf) -> None:
    """Small consecutive ids, where a weak hash shows first: each of 64 slots within 5 deviations of its share."""
    context, token = (grid.ravel() for grid in np.meshgrid(np.arange(200), np.arange(200)))
    key = decoy_keys(0, 1)[0]
    for gamma in (0.5, 0.25):
        words = green_words(key, context[:, None], token, gamma, prf)
        shares = np.array([((words >> np.uint64(s)) & np.uint64(1)).mean() for s in range(64)])
        assert np.abs(shares - gamma).max() < 5 * np.sqrt(gamma * (1 - gamma) / len(token))


def test_uniforms_never_touch_zero_or_one() -> None:
    """The extreme words stay inside the open interval, and 1 - u is exact."""
    ends = word_uniforms(np.array([0, 2**64 - 1], dtype=np.uint64))
    assert 0 < ends[0] < 1e-15
    assert 0 < 1 - ends[1] < 1e-15


def test_widths_and_shares_that_are_not_offered_are_refused() -> None:
    """A width of six or a share of a third."""
    with pytest.raises(UsageError, match="gamma"):
        green_counts([[1]], [2], decoy_keys(0, 1), gamma=1 / 3)
    with pytest.raises(UsageError, match="width"):
        green_counts([[1] * 6], [2], decoy_keys(0, 1))
