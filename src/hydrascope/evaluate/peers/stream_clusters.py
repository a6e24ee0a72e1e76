"""Stream clustering across accounts: prompts join the nearest centroid or found a new one, in order of time.

Source: arXiv 2605.31593 (online clustering of query embeddings across accounts; campaign recall 81-87 % at
2.4-3.1 % benign false positives at 1:10 background). A cluster of many accounts and prompts is suspicious; an
account is flagged where four fifths of its prompts lie in such clusters, in the group of its commonest one. Sees:
one wrapper over many accounts. Blind to: paraphrase and cover traffic; and users of one popular template
cluster as well. Embeddings here are latent semantic vectors, the paper's are neural. Scale: prompts x centroids, at most
100,000 prompts and 1,500 centroids (the least used is dropped).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hydrascope.evaluate.findings import Findings
from hydrascope.evaluate.peers.alarm import raise_alarms
from hydrascope.evaluate.peers.prompts import Prompts, Vectors, on_one_core, read_prompts
from hydrascope.evaluate.world import Log

__all__ = ["StreamSettings", "cluster_stream", "detect_stream_clusters"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSettings:
    """The rule's numbers."""

    similarity: float = 0.8
    """Cosine with a centroid at which a prompt joins it."""
    least_accounts: int = 10
    least_prompts: int = 50
    share: float = 0.8
    """Of an account's prompts inside suspicious clusters."""
    most_centroids: int = 1_500


@on_one_core
def detect_stream_clusters(log: Log, settings: StreamSettings = StreamSettings()) -> Findings:
    """Flag accounts that mostly write into clusters of many accounts; the score is that share."""
    prompts = read_prompts(log)
    cluster = cluster_stream(prompts.vectors, settings)
    suspicious = crowded(prompts, cluster, settings)
    total = np.bincount(prompts.account, minlength=len(prompts.accounts))
    inside: dict[int, Counter[int]] = defaultdict(Counter)
    for account, c in zip(prompts.account.tolist(), cluster.tolist(), strict=True):
        if c in suspicious:
            inside[account][c] += 1
    scores = {prompts.accounts[a]: c.total() / int(total[a]) for a, c in inside.items()}
    groups = {prompts.accounts[a]: f"stream:{min(c, key=lambda k: (-c[k], k))}" for a, c in inside.items()}
    return raise_alarms(log, {a: g for a, g in groups.items() if scores[a] >= settings.share}, scores)


def crowded(prompts: Prompts, cluster: npt.NDArray[np.int64], settings: StreamSettings) -> set[int]:
    """Clusters with enough accounts and prompts."""
    accounts: dict[int, set[int]] = defaultdict(set)
    size = Counter(cluster.tolist())
    for account, c in zip(prompts.account.tolist(), cluster.tolist(), strict=True):
        accounts[c].add(account)
    return {
        c
        for c, n in size.items()
        if n >= settings.least_prompts and len(accounts[c]) >= settings.least_accounts
    }


def cluster_stream(vectors: Vectors, settings: StreamSettings, chunk: int = 500) -> npt.NDArray[np.int64]:
    """Cluster of each vector; centroids are running sums, refreshed after every `chunk` of the stream.

    Inside a chunk, vectors that no centroid takes are compared with the chunk's own new centroids one by one.
    """
    sums = np.zeros((0, vectors.shape[1]), np.float32)
    names = np.zeros(0, np.int64)
    uses = np.zeros(0, np.int64)
    result = np.empty(len(vectors), np.int64)
    n_named = 0
    for start in range(0, len(vectors), chunk):
        part = vectors[start : start + chunk]
        place, new = assign(part, sums, settings.similarity)
        sums = np.concatenate([sums, np.zeros((new, sums.shape[1]), np.float32)])
        names = np.concatenate([names, n_named + np.arange(new)])
        uses = np.concatenate([uses, np.zeros(new, np.int64)])
        n_named += new
        np.add.at(sums, place, part)
        np.add.at(uses, place, 1)
        result[start : start + chunk] = names[place]
        if len(sums) > settings.most_centroids:
            kept = np.sort(np.argsort(-uses, kind="stable")[: settings.most_centroids])
            sums, names, uses = sums[kept], names[kept], uses[kept]
    return result


def assign(part: Vectors, sums: Vectors, similarity: float) -> tuple[npt.NDArray[np.int64], int]:
    """Centroid of each vector of a chunk, and how many new ones were founded."""
    place = np.full(len(part), -1, np.int64)
    if len(sums):
        unit = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)
        cosine = part @ unit.T
        place = np.where(cosine.max(axis=1) >= similarity, cosine.argmax(axis=1), -1)
    founders: list[int] = []
    for i in np.flatnonzero(place < 0).tolist():
        cosine_new = part[founders] @ part[i] if founders else np.zeros(0)
        best = int(cosine_new.argmax()) if founders else -1
        if best < 0 or cosine_new[best] < similarity:
            founders.append(i)
            best = len(founders) - 1
        place[i] = len(sums) + best
    return place, len(founders)
