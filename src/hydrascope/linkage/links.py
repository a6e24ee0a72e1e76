"""Accounts to links: candidates, surprise, threshold by permuted tables, bits by family."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hydrascope.linkage.buckets import Buckets, build_buckets, permute_buckets, stratify
from hydrascope.linkage.communities import Communities, find_communities, no_communities
from hydrascope.linkage.incidence import ChannelSpec, Incidence
from hydrascope.linkage.nulls import NullCurve, choose_threshold, null_curve
from hydrascope.linkage.scoring import Pairs, Scorer, detail, surprise_histogram, surprising_pairs
from hydrascope.linkage.settings import LinkSettings
from hydrascope.records import FAMILIES
from hydrascope.stats.surprise import DECADES_TO_BITS

__all__ = ["Links", "Table", "describe", "kept", "link_accounts", "link_table", "measure_null", "prepare"]

LEAST_PERMUTATIONS, MOST_PERMUTATIONS = 2, 100
PERMUTED_ROWS = 12_000_000
"""Rows dealt at most over all null tables of a run, so that small tables get many and large ones few."""
ENOUGH_PAIRS = 100
"""Chance pairs above the threshold, over all null tables, at which one more would hardly move it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Scored edges a < b, sorted by (a, b)."""

    a: NDArray[np.int32]
    b: NDArray[np.int32]
    surprise: NDArray[np.float64]
    """Decades, after the family caps."""
    bits: NDArray[np.float64]
    """log2 odds that the pair is not chance: the sum of the family bits and the prior odds."""
    family_bits: NDArray[np.float32]
    """(n_links, n_families), each at most its cap."""
    families: tuple[str, ...]
    shared_ptr: NDArray[np.int64]
    """(n_links + 1,) where each link's shared values start in the two arrays below."""
    shared_channel: NDArray[np.int16]
    shared_value: NDArray[np.int64]
    threshold: float | None
    """Decades; None where no threshold met `max_null` and there are no links."""
    curve: NullCurve
    n_accounts: int

    def __len__(self) -> int:
        return len(self.a)

    def shared(self, i: int) -> list[tuple[int, int]]:
        """The (channel, value) codes that link i rests on."""
        span = slice(int(self.shared_ptr[i]), int(self.shared_ptr[i + 1]))
        return list(zip(self.shared_channel[span].tolist(), self.shared_value[span].tolist(), strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table made ready: its buckets, its communities, and how pairs are scored."""

    incidence: Incidence
    buckets: Buckets
    communities: Communities
    stratum: NDArray[np.int32]
    scorer: Scorer


def prepare(
    incidence: Incidence, settings: LinkSettings, *, stratum: NDArray[np.int32] | None = None
) -> Table:
    """Buckets and communities of a table.

    Args:
        incidence: the table.
        settings: caps, seed and the rest.
        stratum: (n_accounts,) values are only dealt among accounts of one stratum (a region, a kind of customer), so
            that what the stratum explains is no evidence; None: one stratum.
    """
    buckets = build_buckets(incidence)
    found = find_communities(incidence, buckets) if settings.communities else no_communities(incidence)
    return Table(
        incidence=incidence,
        buckets=buckets,
        communities=found,
        stratum=strata_of(found, stratum),
        scorer=make_scorer(incidence, settings, found),
    )


def link_accounts(
    incidence: Incidence, settings: LinkSettings, *, stratum: NDArray[np.int32] | None = None
) -> Links:
    """Links of a table at the threshold where permuted tables have at most `max_null` as many."""
    return link_table(prepare(incidence, settings, stratum=stratum), settings)


def link_table(table: Table, settings: LinkSettings, curve: NullCurve | None = None) -> Links:
    """`link_accounts` on a table made ready; with its null where that was measured before."""
    curve = curve or measure_null(table.buckets, table.scorer, table.stratum, settings)
    threshold = choose_threshold(curve, settings.max_null)
    pairs = surprising_pairs(table.buckets, table.scorer, np.inf if threshold is None else threshold)
    if threshold is not None and settings.spread > 0:
        pairs = unlike_acquaintances(pairs, table, settings, threshold)
        curve = passed(curve, np.sort(pairs.surprise), threshold)
        threshold = choose_threshold(curve, settings.max_null, least=threshold)
        pairs = kept(pairs, pairs.surprise >= (np.inf if threshold is None else threshold))
    return describe(pairs, table, curve, threshold)


def unlike_acquaintances(pairs: Pairs, table: Table, settings: LinkSettings, threshold: float) -> Pairs:
    """Pairs that stay surprising where strangers are unequal: some have much in common with each other, most have nothing.

    Dealt tables make strangers equal. Two busy people of one interest share ten times what strangers do, and no deal shows that;
    what separates them from one operator's accounts is that they have so many values for it.
    """
    by_channel, _, _ = detail(table.buckets, table.scorer, pairs.a, pairs.b, settings.spread)
    bits = family_bits(by_channel, table.scorer, table.incidence.channels)
    return kept(pairs, bits.sum(axis=1) / DECADES_TO_BITS >= threshold - settings.slack)


def kept(pairs: Pairs, chosen: NDArray[np.bool_]) -> Pairs:
    """Some of the pairs."""
    return Pairs(a=pairs.a[chosen], b=pairs.b[chosen], surprise=pairs.surprise[chosen])


def passed(curve: NullCurve, surprise: NDArray[np.float64], threshold: float) -> NullCurve:
    """The curve with only the pairs that passed, of ascending `surprise`, observed from the threshold on.

    Chance pairs keep their number, though some would not pass: their share errs upwards.
    """
    above = len(surprise) - np.searchsorted(surprise, curve.threshold - 1e-9)
    beyond = curve.threshold >= threshold - 1e-9
    return replace(curve, observed=np.where(beyond, above, curve.observed))


def strata_of(found: Communities, stratum: NDArray[np.int32] | None) -> NDArray[np.int32]:
    """Stratum of each account: its community, within the caller's stratum where there is one."""
    group = found.group.astype(np.int32)
    return group if stratum is None else stratum * (found.n_groups + 1) + group


def make_scorer(incidence: Incidence, settings: LinkSettings, found: Communities) -> Scorer:
    """Caps and families as arrays."""
    names = incidence.families
    caps = [family_cap(name, settings) / DECADES_TO_BITS for name in names]
    return Scorer(
        channel_family=np.array([names.index(spec.family) for spec in incidence.channels], dtype=np.int16),
        family_cap=np.array(caps, dtype=np.float64),
        discount=settings.discount,
        many=settings.many_values,
        group=found.group,
        lift=found.lift,
        threads=settings.threads,
    )


def family_cap(name: str, settings: LinkSettings) -> float:
    """Bits that a family may add."""
    return settings.family_caps.get(name, FAMILIES.get(name, settings.default_cap))


def measure_null(
    buckets: Buckets, scorer: Scorer, stratum: NDArray[np.int32], settings: LinkSettings
) -> NullCurve:
    """Observed and null curves."""
    observed = surprise_histogram(buckets, scorer)
    most = PERMUTED_ROWS // max(len(buckets.members), 1)
    most = settings.permutations or min(max(most, LEAST_PERMUTATIONS), MOST_PERMUTATIONS)
    strata = stratify(buckets, stratum)
    null = np.zeros_like(observed)
    for done in range(1, most + 1):
        dealt = permute_buckets(buckets, strata, settings.seed * 1_000_003 + done)
        null += surprise_histogram(dealt, scorer)
        curve = null_curve(observed, null, done)
        if not settings.permutations and done >= LEAST_PERMUTATIONS and settled(curve, settings.max_null):
            break
    return curve


def settled(curve: NullCurve, max_null: float) -> bool:
    """Whether the threshold rests on enough chance pairs."""
    threshold = choose_threshold(curve, max_null)
    return threshold is not None and curve.null_at(threshold) * curve.permutations >= ENOUGH_PAIRS


def prior_bits(curve: NullCurve, threshold: float | None, n_accounts: int) -> float:
    """log2 prior odds that two accounts drawn at random belong together: links less chance, over all pairs."""
    pairs = max(n_accounts * (n_accounts - 1) / 2, 1.0)
    if threshold is None:
        return -math.log2(pairs)
    return math.log2(max(curve.observed_at(threshold) - curve.null_at(threshold), 1.0) / pairs)


def describe(pairs: Pairs, table: Table, curve: NullCurve, threshold: float | None) -> Links:
    """Families and shared values of the pairs."""
    buckets, scorer, incidence = table.buckets, table.scorer, table.incidence
    by_channel, ptr, shared = detail(buckets, scorer, pairs.a, pairs.b)
    families = family_bits(by_channel, scorer, incidence.channels)
    prior = prior_bits(curve, threshold, incidence.n_accounts)
    return Links(
        a=pairs.a,
        b=pairs.b,
        surprise=pairs.surprise,
        bits=families.sum(axis=1, dtype=np.float64) + prior,
        family_bits=families,
        families=incidence.families,
        shared_ptr=ptr,
        shared_channel=buckets.bucket_channel[shared],
        shared_value=buckets.bucket_value[shared],
        threshold=threshold,
        curve=curve,
        n_accounts=incidence.n_accounts,
    )


def family_bits(
    by_channel: NDArray[np.float32], scorer: Scorer, channels: tuple[ChannelSpec, ...]
) -> NDArray[np.float32]:
    """Strongest channel plus discounted others, capped, in bits, by family."""
    bits = np.zeros((len(by_channel), len(scorer.family_cap)), dtype=np.float32)
    for f, cap in enumerate(scorer.family_cap):
        mine = by_channel[:, scorer.channel_family == f]
        best = mine.max(axis=1, initial=0.0)
        total = best + scorer.discount * (mine.sum(axis=1) - best)
        bits[:, f] = np.minimum(total, cap) * DECADES_TO_BITS
    return bits
