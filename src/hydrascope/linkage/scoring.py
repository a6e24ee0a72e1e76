"""Runs the pair kernel over a table, on several threads where asked, with the same result on any number."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hydrascope.kernels.pairs import pair_detail, score_pairs
from hydrascope.linkage.buckets import Buckets

__all__ = ["BIN_DECADES", "Pairs", "Scorer", "detail", "surprise_histogram", "surprising_pairs"]

BIN_DECADES = 0.02
N_BINS = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorer:
    """What the kernel needs beside the buckets."""

    channel_family: NDArray[np.int16]
    family_cap: NDArray[np.float64]
    """Decades by family."""
    discount: float
    many: bool
    group: NDArray[np.int16]
    lift: NDArray[np.float32]
    threads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Pairs a < b at or above a floor, sorted by (a, b)."""

    a: NDArray[np.int32]
    b: NDArray[np.int32]
    surprise: NDArray[np.float64]


def walk(
    buckets: Buckets, scorer: Scorer, floor: float, room: int, span: tuple[int, int]
) -> tuple[NDArray[np.int64], Pairs]:
    """Histogram and listed pairs of one range of accounts; walks twice where `room` was too small."""
    while True:
        histogram = np.zeros(N_BINS, dtype=np.int64)
        a, b = np.empty(room, dtype=np.int32), np.empty(room, dtype=np.int32)
        s = np.empty(room, dtype=np.float32)
        found = score_pairs(
            *span, buckets.row_ptr, buckets.row_bucket, buckets.row_at, buckets.row_degree,
            buckets.bucket_ptr, buckets.members, buckets.member_degree, buckets.bucket_channel,
            buckets.bucket_rate, scorer.channel_family, scorer.family_cap, scorer.discount, scorer.many,
            scorer.group, scorer.lift, floor, BIN_DECADES, histogram, a, b, s,
        )  # fmt: skip
        if found <= room:
            return histogram, Pairs(a=a[:found], b=b[:found], surprise=s[:found].astype(np.float64))
        room = found


def spans(buckets: Buckets, parts: int) -> list[tuple[int, int]]:
    """Ranges of accounts with about equal numbers of rows."""
    rows = int(buckets.row_ptr[-1])
    cuts = np.searchsorted(buckets.row_ptr, np.linspace(0, rows, parts + 1)[1:-1])
    edges = [0, *(int(c) for c in cuts), buckets.n_accounts]
    return [(x, y) for x, y in itertools.pairwise(edges) if y > x]


def walk_all(
    buckets: Buckets, scorer: Scorer, floor: float, room: int
) -> list[tuple[NDArray[np.int64], Pairs]]:
    """Every range, in order of accounts."""
    parts = spans(buckets, 1 if scorer.threads == 1 else 4 * scorer.threads)
    with ThreadPoolExecutor(scorer.threads) as pool:
        return list(pool.map(lambda span: walk(buckets, scorer, floor, room, span), parts))


def surprise_histogram(buckets: Buckets, scorer: Scorer) -> NDArray[np.int64]:
    """Number of pairs by surprise, `BIN_DECADES` a bin."""
    parts = walk_all(buckets, scorer, np.inf, 0)
    return (
        np.sum([h for h, _ in parts], axis=0, dtype=np.int64) if parts else np.zeros(N_BINS, dtype=np.int64)
    )


def surprising_pairs(buckets: Buckets, scorer: Scorer, floor: float) -> Pairs:
    """The pairs with at least `floor` decades, sorted by (a, b)."""
    parts = [pairs for _, pairs in walk_all(buckets, scorer, floor, 1 << 16)]
    none = np.empty(0, dtype=np.int32)
    a = np.concatenate([none, *(p.a for p in parts)])
    b = np.concatenate([none, *(p.b for p in parts)])
    s = np.concatenate([np.empty(0), *(p.surprise for p in parts)])
    order = np.lexsort((b, a))
    return Pairs(a=a[order], b=b[order], surprise=s[order])


def detail(
    buckets: Buckets, scorer: Scorer, a: NDArray[np.int32], b: NDArray[np.int32], spread: float = 0.0
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int32]]:
    """Surprise by channel, and the shared buckets of each pair as starts and buckets."""
    room = 4 * len(a)
    while True:
        ptr, shared = np.zeros(len(a) + 1, dtype=np.int64), np.empty(room, dtype=np.int32)
        surprise, n = pair_detail(
            a, b, buckets.row_ptr, buckets.row_bucket, buckets.row_degree, buckets.bucket_channel,
            buckets.bucket_rate, scorer.many, scorer.group, scorer.lift, spread, len(scorer.channel_family), ptr, shared,
        )  # fmt: skip
        if n <= room:
            return surprise, ptr, shared[:n]
        room = n
