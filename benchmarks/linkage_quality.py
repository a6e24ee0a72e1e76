"""Linkage against truth in ten unlike worlds, plain and under three times as much camouflage, over several seeds.

    python benchmarks/linkage_quality.py --accounts 6000 --seeds 11,12 --methods "as shipped"

Worlds come from `linkage_worlds` (all four seen while the engine was made) and `linkage_societies` (three for tuning, three for judging
alone). Each cell is the mean over the seeds with the least and the greatest.

Rows of the table: the engine as it ships; with one part of it turned off; with candidates from
more popular values; and two rivals, the sum of inverse document
frequencies and the Jaccard index, each given the threshold that its own permuted tables allow, and plain components.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from linkage_societies import JUDGING, TUNING
from linkage_worlds import WORLDS, World, camouflage
from numpy.typing import NDArray
from scipy import sparse

from hydrascope.kernels.components import components
from hydrascope.linkage.buckets import Buckets, build_buckets, permute_buckets, stratify
from hydrascope.linkage.clusters import grow_clusters, number_clusters
from hydrascope.linkage.incidence import ChannelSpec, Incidence, incidence_from_rows
from hydrascope.linkage.links import prepare
from hydrascope.linkage.search import RUNGS, search_clusters
from hydrascope.linkage.settings import LinkSettings
from hydrascope.linkage.significance import significant

ALL_WORLDS = WORLDS | TUNING | JUDGING
Labels = NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """Clusters held against operators."""

    recall: float
    """Operators' accounts that lie in a cluster where their operator is the most frequent and has two accounts."""
    purity: float
    """The same accounts over all accounts in clusters."""
    pair_recall: float
    null: float
    """Links inside clusters of dealt tables, over links inside clusters."""


def incidence_of(world: World) -> Incidence:
    """The world as the engine takes it, each channel a family."""
    channels = tuple(ChannelSpec(name=name, family=name) for name in world.channels)
    return incidence_from_rows(
        world.account, world.channel, world.value, n_accounts=len(world.operator), channels=channels
    )


def judge(labels: Labels, operator: NDArray[np.int64], null: float) -> Quality:
    """Recall and purity."""
    placed = np.flatnonzero(labels >= 0)
    width = int(operator.max()) + 2
    cell, n = np.unique(labels[placed] * width + operator[placed] + 1, return_counts=True)
    cluster, op = cell // width, cell % width - 1
    best = np.zeros(int(labels.max(initial=-1)) + 1, dtype=np.int64)
    good = (op >= 0) & (n >= 2)
    np.maximum.at(best, cluster[good], n[good])
    sizes = np.bincount(operator[operator >= 0])
    pairs = float((n[op >= 0] * (n[op >= 0] - 1) / 2).sum())
    return Quality(
        recall=float(best.sum() / (operator >= 0).sum()),
        purity=float(best.sum() / max(len(placed), 1)),
        pair_recall=pairs / float((sizes * (sizes - 1) / 2).sum()),
        null=null,
    )


def shipped(
    settings: LinkSettings, *, grow: bool = True, rungs: tuple[float, ...] | None = None
) -> Callable[[Incidence], tuple[Labels, float]]:
    """The engine under some settings."""

    def run(incidence: Incidence) -> tuple[Labels, float]:
        table = prepare(incidence, settings)
        found = search_clusters(table, settings, rungs)
        labels = grow_clusters(table, found.labels, settings) if grow else found.labels
        return significant(table, labels, settings)[0], found.error.null_over_observed

    return run


def wider(cap: int) -> Callable[[Incidence], tuple[Labels, float]]:
    """The engine with candidates from values of up to `cap` accounts: all that buckets of two or more hub values could bring."""

    def run(incidence: Incidence) -> tuple[Labels, float]:
        channels = tuple(replace(spec, cap=cap) for spec in incidence.channels)
        return shipped(LinkSettings(), rungs=RUNGS[:1])(replace(incidence, channels=channels))

    return run


def rival(weigh: Callable[[Buckets], sparse.csr_matrix]) -> Callable[[Incidence], tuple[Labels, float]]:
    """A rival score in place of surprise, thresholded at the same share of chance links."""

    def run(incidence: Incidence) -> tuple[Labels, float]:
        buckets = build_buckets(incidence)
        score = weigh(buckets)
        strata = stratify(buckets, np.zeros(incidence.n_accounts, dtype=np.int32))
        null = np.sort(np.concatenate([weigh(permute_buckets(buckets, strata, s)).data for s in range(2)]))
        seen = np.sort(score.data)
        chance = (len(null) - np.searchsorted(null, seen)) / 2
        good = np.flatnonzero(chance <= 0.001 * (len(seen) - np.arange(len(seen))))
        if not len(good):
            return np.full(incidence.n_accounts, -1, dtype=np.int32), 0.0
        pairs = score.tocoo()
        kept = pairs.data >= seen[good[0]]
        a, b = pairs.row[kept].astype(np.int32), pairs.col[kept].astype(np.int32)
        share = float(chance[good[0]] / kept.sum())
        return number_clusters(components(a, b, incidence.n_accounts), 2), share

    return run


def shown(buckets: Buckets) -> sparse.csr_matrix:
    """Accounts by values."""
    ones = np.ones(len(buckets.row_bucket))
    return sparse.csr_matrix(
        (ones, buckets.row_bucket, buckets.row_ptr), (buckets.n_accounts, buckets.n_buckets)
    )


def rarity_sum(buckets: Buckets) -> sparse.csr_matrix:
    """Sum of log(n / k) over shared values."""
    weight = sparse.diags(np.log(buckets.n_accounts / buckets.bucket_size))
    matrix = shown(buckets)
    return sparse.triu(matrix @ weight @ matrix.T, k=1).tocsr()


def jaccard(buckets: Buckets) -> sparse.csr_matrix:
    """Shared values over all values of either, at least two shared."""
    matrix = shown(buckets)
    both = sparse.triu(matrix @ matrix.T, k=1).tocoo()
    degree = np.diff(buckets.row_ptr)
    score = np.where(both.data >= 2, both.data / (degree[both.row] + degree[both.col] - both.data), 0.0)
    return sparse.csr_matrix((score, (both.row, both.col)), both.shape)


METHODS: dict[str, Callable[[Incidence], tuple[Labels, float]]] = {
    "as shipped": shipped(LinkSettings()),
    "one rung": shipped(LinkSettings(), rungs=RUNGS[:1]),
    "two rungs": shipped(LinkSettings(), rungs=RUNGS[:2]),
    "three rungs": shipped(LinkSettings(), rungs=RUNGS),
    "four rungs": shipped(LinkSettings(), rungs=(*RUNGS, 30.0)),
    "without attach and merge": shipped(LinkSettings(), grow=False),
    "without unequal strangers": shipped(LinkSettings(spread=0.0)),
    "without communities": shipped(LinkSettings(communities=False)),
    "strongest value only": shipped(LinkSettings(many_values=False)),
    "values of 200 accounts": wider(200),
    "values of 1000 accounts": wider(1000),
    "rarity sum (IDF)": rival(rarity_sum),
    "Jaccard": rival(jaccard),
}


def measure(
    accounts: int, seeds: list[int], worlds: list[str], methods: list[str]
) -> Iterator[tuple[str, float, str, list[Quality]]]:
    """Every world, plain and camouflaged, by every method, at every seed."""
    for name in worlds:
        for factor in (0.0, 3.0):
            found: dict[str, list[Quality]] = {method: [] for method in methods}
            for seed in seeds:
                plain = ALL_WORLDS[name](np.random.default_rng(seed), accounts)
                world = camouflage(plain, np.random.default_rng(seed + 1), factor) if factor else plain
                incidence = incidence_of(world)
                for method in methods:
                    labels, null = METHODS[method](incidence)
                    found[method].append(judge(labels, world.operator, null))
            yield from ((name, factor, method, found[method]) for method in methods)


def cell(values: list[float]) -> str:
    """Mean with the least and the greatest; seeds that linked nothing have no purity."""
    if not values:
        return ""
    return f"{np.mean(values):.3f} ({min(values):.3f}-{max(values):.3f})"


def main() -> None:
    """Prints a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=6000)
    parser.add_argument("--seeds", default="11,12")
    parser.add_argument("--worlds", default=",".join(ALL_WORLDS))
    parser.add_argument("--methods", default=",".join(METHODS))
    asked = parser.parse_args()
    seeds = [int(s) for s in asked.seeds.split(",")]
    print("| world | camouflage | method | recall | purity | pair recall | chance links at most |")
    print("|---|---|---|---|---|---|---|")
    for name, factor, method, found in measure(
        asked.accounts, seeds, asked.worlds.split(","), asked.methods.split(",")
    ):
        purity = [q.purity for q in found if q.recall > 0]
        print(
            f"| {name} | {factor:g}x | {method} | {cell([q.recall for q in found])} | {cell(purity)} "
            f"| {cell([q.pair_recall for q in found])} | {max(q.null for q in found):.3%} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
