"""`link TABLE`: a table's links, clusters and manifest, and why two of its accounts are linked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hydrascope import __version__
from hydrascope.errors import UsageError, nearest
from hydrascope.linkage.clusters import grow_clusters
from hydrascope.linkage.incidence import Incidence
from hydrascope.linkage.links import Links, Table, prepare
from hydrascope.linkage.scoring import detail
from hydrascope.linkage.search import RUNGS, SIZES, SearchError, search_clusters
from hydrascope.linkage.settings import LinkSettings
from hydrascope.linkage.significance import Calibration, ClusterTests, calibrate, significant
from hydrascope.linkage.tables import CodedTable

__all__ = ["Linked", "cluster_ids", "explain_pair", "link_whole", "manifest_of", "write_linked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked:
    """What linkage found in a table."""

    table: Table
    links: Links
    labels: NDArray[np.int32]
    tests: ClusterTests
    calibration: Calibration
    search: SearchError
    timings: Mapping[str, float]
    """Seconds by stage."""


def link_whole(
    incidence: Incidence, settings: LinkSettings, clock: Callable[[], float] = perf_counter
) -> Linked:
    """Links and clusters of a table, tested, and the error rate of the search."""
    start = clock()
    table = prepare(incidence, settings)
    prepared = clock()
    found = search_clusters(table, settings)
    searched = clock()
    labels = grow_clusters(table, found.labels, settings)
    grown = clock()
    labels, tests = significant(table, labels, settings)
    calibration = calibrate(table, labels, settings.seed)
    done = clock()
    timings = {
        "prepare_s": prepared - start,
        "search_s": searched - prepared,
        "grow_s": grown - searched,
        "test_s": done - grown,
    }
    return Linked(
        table=table,
        links=found.links,
        labels=labels,
        tests=tests,
        calibration=calibration,
        search=found.error,
        timings=timings,
    )


def cluster_ids(accounts: pa.Array, labels: NDArray[np.int32]) -> list[str]:
    """An id of each cluster, the same wherever the same accounts are found together."""
    members: list[list[str]] = [[] for _ in range(int(labels.max(initial=-1)) + 1)]
    for code in np.flatnonzero(labels >= 0):
        members[labels[code]].append(str(accounts[int(code)].as_py()))
    return ["c" + hashlib.blake2b("\n".join(m).encode(), digest_size=6).hexdigest() for m in members]


def write_linked(
    linked: Linked, coded: CodedTable, settings: LinkSettings, out: Path, inputs: Mapping[str, Any]
) -> None:
    """Writes links.parquet, clusters.parquet and manifest.json."""
    out.mkdir(parents=True, exist_ok=True)
    pq.write_table(link_rows(linked, coded.accounts), out / "links.parquet")
    pq.write_table(cluster_rows(linked, coded.accounts), out / "clusters.parquet")
    manifest = manifest_of(linked, coded, settings, inputs)
    (out / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


def inside(linked: Linked) -> NDArray[np.bool_]:
    """Links whose accounts ended up in one cluster; the others were judged bridges by accident."""
    a, b = linked.labels[linked.links.a], linked.labels[linked.links.b]
    return (a >= 0) & (a == b)


def link_rows(linked: Linked, accounts: pa.Array) -> pa.Table:
    """The links inside clusters, with bits by family."""
    kept = np.flatnonzero(inside(linked))
    links = linked.links
    bits = links.family_bits[kept]
    some = bits > 0
    names = np.array(links.families, dtype=object)
    families = pa.MapArray.from_arrays(
        pa.array(np.concatenate(([0], np.cumsum(some.sum(axis=1)))), pa.int32()),
        pa.array(names[np.nonzero(some)[1]] if len(kept) else [], pa.string()),
        pa.array(bits[some].astype(np.float64), pa.float64()),
    )
    return pa.table(
        {
            "account_a": accounts.take(pa.array(links.a[kept])),
            "account_b": accounts.take(pa.array(links.b[kept])),
            "surprise": links.surprise[kept],
            "bits": links.bits[kept],
            "families": families,
        }
    )


def cluster_rows(linked: Linked, accounts: pa.Array) -> pa.Table:
    """The account and cluster of every account that is in one, by account."""
    placed = np.flatnonzero(linked.labels >= 0)
    ids = pa.array(cluster_ids(accounts, linked.labels), pa.string())
    return pa.table(
        {"account": accounts.take(pa.array(placed)), "cluster": ids.take(pa.array(linked.labels[placed]))}
    )


def manifest_of(
    linked: Linked, coded: CodedTable, settings: LinkSettings, inputs: Mapping[str, Any]
) -> dict[str, Any]:
    """What was read, asked and found, with the null curve the threshold was read from."""
    links, incidence = linked.links, coded.incidence
    size = np.bincount(linked.labels[linked.labels >= 0], minlength=0)
    return {
        "version": __version__,
        "inputs": dict(inputs),
        "rows": coded.n_rows,
        "rows_skipped": coded.n_skipped,
        "accounts": incidence.n_accounts,
        "channels": {c.name: {"family": c.family, "cap": c.bucket_cap} for c in incidence.channels},
        "settings": {
            "max_null": settings.max_null,
            "min_members": settings.min_members,
            "seed": settings.seed,
        },
        "threshold_decades": links.threshold,
        "null_over_observed": None if links.threshold is None else linked.search.null_over_observed,
        "permutations": links.curve.permutations,
        "communities": linked.table.communities.n_groups,
        "links": int(inside(linked).sum()),
        "links_between_clusters": int((~inside(linked)).sum()),
        "clusters": len(size),
        "accounts_in_clusters": int(size.sum()),
        "largest_cluster": int(size.max(initial=0)),
        "cluster_tests": test_rows(linked.tests),
        "search": {
            "dealt_tables": linked.search.tables,
            "share_by_chance_at_most": round(linked.search.share, 6),
            "sizes": search_rows(linked.search),
        },
        "calibration": calibration_rows(linked.calibration),
        "null_curve": curve_rows(linked),
        "timings": {name: round(seconds, 3) for name, seconds in linked.timings.items()},
    }


def test_rows(tests: ClusterTests) -> dict[str, Any]:
    """How many clusters stand out from strangers of like activity, and for how many that is only a bound."""
    return {
        "draws": tests.draws,
        "q_at_most_0.01": int((tests.q_value <= 0.01).sum()),
        "largest_p_value": float(tests.p_value.max(initial=0.0)),
        "tails_that_do_not_fit": int((~tests.tail_fits).sum()),
    }


def search_rows(search: SearchError) -> list[dict[str, Any]]:
    """By size of cluster: where they were taken from, and what the same search finds in dealt tables."""

    def per_table(n: np.int64) -> float:
        return round(float(n) / max(search.tables, 1), 3)

    names = [f"{a}" if b == a + 1 else f"{a} to {b - 1}" for a, b in pairwise(SIZES)] + [
        f"{SIZES[-1]} or more"
    ]
    return [
        {
            "members": name,
            "taken_at_chance_pairs": RUNGS[rung] * search.max_null if rung >= 0 else None,
            "clusters": int(search.clusters[max(rung, 0), size]),
            "clusters_by_chance": per_table(search.dealt_clusters[max(rung, 0), size]),
            "links": int(search.links[max(rung, 0), size]),
            "links_by_chance": per_table(search.dealt_links[max(rung, 0), size]),
        }
        for size, (name, rung) in enumerate(zip(names, search.rung.tolist(), strict=True))
    ]


def calibration_rows(calibration: Calibration) -> dict[str, Any]:
    """Sets of strangers: the share of p-values at or below each level, which should be no more than the level."""
    return {
        "stranger_sets": calibration.n_sets,
        "share_at_or_below": {f"{k:g}": round(v, 4) for k, v in calibration.shares.items()},
        "holds": calibration.holds,
    }


def curve_rows(linked: Linked) -> list[dict[str, float]]:
    """Both curves at every half decade while anything is observed."""
    curve = linked.links.curve
    grid = np.arange(0.0, 40.0, 0.5)
    rows = [(float(t), curve.observed_at(t), curve.null_at(t)) for t in grid]
    return [
        {"decades": t, "observed": seen, "null": round(null, 6)}
        for t, seen, null in rows
        if seen > 0 or null > 0.5
    ]


def explain_pair(linked: Linked, coded: CodedTable, first: str, second: str) -> str:
    """Why two accounts are linked, or how far they are from it, in plain words.

    Raises:
        UsageError: one of them is not in the table.
    """
    a, b = sorted((find_account(coded, first), find_account(coded, second)))
    table, buckets = linked.table, linked.table.buckets
    by_channel, _, shared = detail(
        buckets, table.scorer, np.array([a], dtype=np.int32), np.array([b], dtype=np.int32)
    )
    lines = [verdict_line(linked, coded, a, b)]
    for c, spec in enumerate(coded.incidence.channels):
        mine = [int(x) for x in shared if buckets.bucket_channel[x] == c]
        if mine:
            values = ", ".join(
                value_words(coded, buckets.bucket_value[x], buckets.bucket_size[x]) for x in mine[:8]
            )
            more = f" and {len(mine) - 8} more" if len(mine) > 8 else ""
            lines.append(f"  {spec.name} ({spec.family}): {by_channel[0, c]:.1f} decades for {values}{more}")
    if len(lines) == 1:
        lines.append("  they share no value that is rare enough to count")
    return "\n".join(lines)


def find_account(coded: CodedTable, name: str) -> int:
    """Code of an account."""
    code = coded.account_code(name)
    if code is None:
        known = pc.cast(coded.accounts, pa.string()).to_pylist()
        raise UsageError(f"the table has no account '{name}'", hint=nearest(name, known[:10_000])[:300])
    return code


def value_words(coded: CodedTable, value: int, popularity: int) -> str:
    """A value and how many accounts have it."""
    return f"'{coded.values[int(value)].as_py()}' ({int(popularity)} accounts)"


def verdict_line(linked: Linked, coded: CodedTable, a: int, b: int) -> str:
    """Whether the two are linked, and in one cluster."""
    links = linked.links
    names = f"{coded.accounts[a].as_py()} and {coded.accounts[b].as_py()}"
    found = np.flatnonzero((links.a == a) & (links.b == b))
    together = linked.labels[a] >= 0 and linked.labels[a] == linked.labels[b]
    cluster = "in one cluster" if together else "in no common cluster"
    if not len(found):
        return f"{names} are not linked directly; {cluster}"
    i = int(found[0])
    return (
        f"{names} are linked: {links.surprise[i]:.1f} decades where {links.threshold:.1f} make a link, "
        f"{links.bits[i]:+.1f} bits after the prior; {cluster}"
    )
