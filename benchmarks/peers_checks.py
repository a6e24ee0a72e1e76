"""Whether the results of `peers_speed.py` are right: each check gives a text for the table and an error, None where there is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from peers_work import shingles_of

from hydrascope.sketch import LEAST, RATE

__all__ = ["components", "features", "link", "sketch"]

Checked = tuple[str, float | None]
WHOLE_SPAN = float(2**64)


def _result(folder: Path, section: str, name: str) -> pa.Table:
    return pq.read_table(folder / "results" / f"{section}_{name}.parquet")


def sketch(folder: Path, name: str) -> Checked:
    """Estimated similarity of each pair of texts against that of their sets of shingles."""
    table = _result(folder, "sketch", name)
    if "hashes" not in table.column_names:
        return "", None
    texts = pq.read_table(folder / "texts.parquet")["text"].to_pylist()
    sets = [shingles_of(text) for text in texts]
    exact = np.array([len(a & b) / len(a | b) for a, b in zip(sets[::2], sets[1::2], strict=True)])
    hashes = [np.asarray(row) for row in table["hashes"].to_numpy()]
    jaccard = _jaccard_of_sets if name.startswith("hydrascope") else _jaccard_of_signatures
    complete = 1.0 if name == "hydrascope_whole" else RATE
    found = np.array([jaccard(a, b, complete) for a, b in zip(hashes[::2], hashes[1::2], strict=True)])
    error = float(np.sqrt(np.mean((found - exact) ** 2)))
    size = sum(h.size * (4 if name.startswith("rensa") else 8) for h in hashes) / len(hashes)
    return f"{error:.4f}, {size:,.0f} bytes a text", error


def _jaccard_of_sets(a: np.ndarray, b: np.ndarray, rate: float) -> float:
    """On the hashes below the line to which both samples are whole: the rate's, or that of the `LEAST` lowest."""
    line = min(_whole_below(a, rate), _whole_below(b, rate))
    a, b = a[a <= line], b[b <= line]
    both = len(np.intersect1d(a, b, assume_unique=True))
    return both / max(len(a) + len(b) - both, 1)


def _whole_below(hashes: np.ndarray, rate: float) -> float:
    if len(hashes) < LEAST or rate >= 1:
        return WHOLE_SPAN  # nothing was left out
    return max(float(hashes[-1]), rate * WHOLE_SPAN)


def _jaccard_of_signatures(a: np.ndarray, b: np.ndarray, rate: float) -> float:
    del rate
    return float((a == b).mean())


def link(folder: Path, name: str) -> Checked:
    """Pairs of one operator that share a cluster, over all such pairs, and over all pairs in clusters."""
    cluster = _result(folder, "link", name)["cluster"].to_numpy().astype(np.int64)
    operator = pq.read_table(folder / "records.parquet", columns=["operator"])["operator"].to_numpy()
    placed = cluster >= 0
    in_clusters = _pairs(cluster[placed])
    wanted = _pairs(operator[operator >= 0])
    both = placed & (operator >= 0)
    found = _pairs(cluster[both] * (int(operator.max()) + 1) + operator[both])
    return f"{found / wanted:.3f}, {found / max(in_clusters, 1):.3f}", None


def _pairs(labels: np.ndarray) -> int:
    _, n = np.unique(labels, return_counts=True)
    return int((n * (n - 1) // 2).sum())


def components(folder: Path, name: str) -> Checked:
    """The same smallest node for every node as ours."""
    ours = _result(folder, "components", "hydrascope")["label"].to_numpy()
    theirs = _result(folder, "components", name)["label"].to_numpy()
    differ = int((ours != theirs).sum())
    return f"{len(np.unique(theirs)):,} components" + (f", {differ:,} nodes differ" if differ else ""), differ


def features(folder: Path, name: str) -> Checked:
    """The same rows as ours."""
    ours, theirs = _result(folder, "features", "duckdb"), _result(folder, "features", name)
    same = ours.equals(theirs)
    return f"{len(theirs):,} rows" + ("" if same else ", not ours"), float(not same)
