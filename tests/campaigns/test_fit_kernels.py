"""The compiled weights of a group are those of the NumPy reference, and leave their scratch arrays clean."""

from __future__ import annotations

from threading import Barrier, Thread

import fit_reference as reference
import numpy as np
import pytest
from test_synchrony import activity, fleet, strangers

from hydrascope.campaigns.observations import Channel
from hydrascope.campaigns.profile import channel_bits
from hydrascope.campaigns.synchrony import common_cycle, synchrony_scores
from hydrascope.kernels.membership import channel_weights, combine_families, text_weights
from hydrascope.stats.density import LaplaceDensity, Quantity, leave_one_out_bits


def random_channel(rng: np.random.Generator, n: int, n_values: int) -> Channel:
    """Accounts with none to nine values, common ones and rare ones."""
    lengths = rng.integers(0, 10, n)
    held = [np.unique(rng.zipf(1.4, k) % n_values) for k in lengths]
    lengths = np.array([len(h) for h in held])
    value = np.concatenate(held).astype(np.int32)
    return Channel(
        name="any",
        family="egress",
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        value=value,
        share=(rng.random(len(value)) + 1e-4).astype(np.float32),
        names=np.arange(n_values),
        popularity=np.bincount(value, minlength=n_values),
        n_known=int((lengths > 0).sum()),
    )


def some_members(rng: np.random.Generator, n: int) -> np.ndarray:
    """A group of two accounts to half of all, in order of code."""
    return np.sort(rng.choice(n, int(rng.integers(2, n // 2)), replace=False)).astype(np.int32)


@pytest.mark.parametrize("seed", range(12))
def test_weights_of_a_channel_are_the_references(seed: int) -> None:
    """Whatever is shared, missed or unknown."""
    rng = np.random.default_rng(seed)
    channel = random_channel(rng, 300, int(rng.integers(2, 400)))
    members = some_members(rng, 300)
    assert np.allclose(
        channel_bits(channel, members), reference.channel_bits(channel, members), atol=1e-9, rtol=0
    )


@pytest.mark.parametrize("seed", range(12))
def test_weights_of_text_are_the_references(seed: int) -> None:
    """By exchanges and by accounts, over the leading three texts, ties included."""
    rng = np.random.default_rng(seed)
    usage = random_channel(rng, 200, int(rng.integers(1, 30)))
    earnest = rng.random((200, len(usage.names))) * (rng.random((200, len(usage.names))) < 0.2)
    n_sampled, members = rng.integers(0, 97, 200), some_members(rng, 200)
    table = csr(earnest)
    out, totals = np.zeros(len(members)), np.zeros(len(usage.names))
    text_weights(
        usage.offsets,
        usage.value,
        usage.share,
        np.bincount(usage.value, weights=usage.share, minlength=len(usage.names)),
        table,
        (earnest > 0).sum(axis=0),
        n_sampled,
        int((n_sampled > 0).sum()),
        members,
        (3, 0.2, -6.0),
        totals,
        out,
    )
    assert np.allclose(out, reference.text_bits(usage, earnest, n_sampled, members), atol=1e-9, rtol=0)
    assert not totals.any()


def csr(dense: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A dense table as indptr, indices, data."""
    row, column = np.nonzero(dense)
    return np.searchsorted(row, np.arange(len(dense) + 1)), column, dense[row, column]


def test_families_are_combined_as_the_reference_does() -> None:
    """The strongest channel in full, support and opposition at their rates, within floor and cap."""
    rng = np.random.default_rng(1)
    bits, family = rng.normal(0, 5, (9, 50)), np.array([0, 2, 2, 0, 1, 0, 2, 2, 1])
    caps = np.array([4.0, 30.0, 8.0, 5.0])
    out = combine_families(bits, family, caps, 0.25, 0.5, -6.0)
    for f in range(3):
        assert np.allclose(out[:, f], reference.combined(list(bits[family == f]), caps[f]))
    assert not out[:, 3].any()


@pytest.mark.parametrize("seed", range(6))
def test_synchrony_is_the_references_correlation(seed: int) -> None:
    """Of members and strangers, of accounts that hardly work and of accounts that never rest."""
    rng = np.random.default_rng(seed)
    busy = rng.random((5, 24 * 14)) < 0.97
    world = activity(np.concatenate([strangers(60, rng), fleet(8, rng), busy]))
    base = common_cycle(world)
    members = np.sort(rng.choice(73, 9, replace=False)).astype(np.int32)
    scores = synchrony_scores(world, members, np.arange(73), base)
    exact = [reference.synchrony_score(world, members, a, base) for a in range(73)]
    assert np.allclose(scores, exact, atol=1e-9, equal_nan=True)


@pytest.mark.parametrize("seed", range(6))
def test_density_weights_are_their_definition(seed: int) -> None:
    """Mass of the others over mass of the outsiders, at the best width, with ties and unknown values."""
    rng = np.random.default_rng(seed)
    values = np.round(rng.normal(0, 40, 400), 1)
    values[rng.random(400) < 0.1] = np.nan
    quantity = Quantity.prepare(values, (1.0, 12.0), 8.0)
    members = some_members(rng, 400)
    known = members[np.isfinite(values[members])]
    x, all_x = values[known], values[np.isfinite(values)]
    outside = LaplaceDensity(all_x, 12.0).sums(x) - LaplaceDensity(x, 12.0).sums(x)
    outside = np.maximum(outside, 0.05) / ((len(all_x) - len(x)) * 24.0)
    bits = []
    for width in (1.0, 12.0):
        inside = np.maximum(LaplaceDensity(x, width).sums(x) - 1, 0) / ((len(x) - 1) * 2 * width)
        bits.append(np.log2((0.9 * inside + 0.1 * outside) / outside))
    expected = np.zeros(len(members))
    if len(x) >= 3:
        expected[np.isfinite(values[members])] = np.minimum(max(bits, key=np.mean), 8.0)
    assert np.allclose(leave_one_out_bits(quantity, members), expected, atol=1e-9)


def test_counters_are_left_as_they_were_found() -> None:
    """So that the next group, of any channel, may use them."""
    rng = np.random.default_rng(3)
    channel = random_channel(rng, 100, 50)
    counts = np.zeros(80, np.int32)
    for size in (1, 2, 30):
        members = np.sort(rng.choice(100, size, replace=False)).astype(np.int32)
        channel_weights(
            channel.offsets,
            channel.value,
            channel.share,
            channel.popularity,
            channel.n_known,
            members,
            -6.0,
            np.inf,
            counts,
            np.zeros(size),
        )
        assert not counts.any()


def test_groups_fitted_at_the_same_time_do_not_mix() -> None:
    """Every thread has counters of its own."""
    rng = np.random.default_rng(4)
    channel = random_channel(rng, 3000, 500)
    groups = [np.sort(rng.choice(3000, 900, replace=False)).astype(np.int32) for _ in range(4)]
    alone = [channel_bits(channel, g) for g in groups]
    together: dict[int, np.ndarray] = {}
    begin = Barrier(4)

    def weigh(i: int) -> None:
        begin.wait()
        for _ in range(20):
            together[i] = channel_bits(channel, groups[i])

    threads = [Thread(target=weigh, args=(i,)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert all(np.array_equal(together[i], alone[i]) for i in range(4))
