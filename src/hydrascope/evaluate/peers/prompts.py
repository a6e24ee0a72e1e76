"""Prompts as vectors for the peers that read text: latent semantic analysis of character trigrams, unit length."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, wraps
from typing import ParamSpec, TypeVar

import duckdb
import numpy as np
import numpy.typing as npt
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.preprocessing import normalize
from threadpoolctl import threadpool_limits

from hydrascope.evaluate.world import Log

__all__ = ["Prompts", "on_one_core", "read_prompts"]

Vectors = npt.NDArray[np.float32]
P = ParamSpec("P")
T = TypeVar("T")


def on_one_core(detect: Callable[P, T]) -> Callable[P, T]:
    """Linear algebra on one core: the same sums on any machine, and no threads that fight over small matrices."""

    @wraps(detect)
    def limited(*args: P.args, **kwargs: P.kwargs) -> T:
        with threadpool_limits(limits=1):
            return detect(*args, **kwargs)

    return limited


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompts:
    """A sample of the log's prompts, in order of time."""

    accounts: list[str]
    """Distinct accounts, sorted."""
    account: npt.NDArray[np.int64]
    """Position in `accounts` of each prompt's account."""
    vectors: Vectors
    """One unit vector a prompt."""


def read_prompts(
    log: Log, *, most: int = 100_000, width: int = 96, most_chars: int = 600, least_chars: int = 40
) -> Prompts:
    """Read at most `most` prompts, those of least MD5 of exchange id, and embed their first `most_chars`.

    Shorter prompts than `least_chars` are left out: follow-ups ("make it shorter") are alike for everybody and
    would be most of what a clustering sees. Whoever compares accounts by text has to hold the vectors: `most` x
    `width` x 4 bytes. The last log is kept, since several peers read the same one.
    """
    stamps = tuple((p.stat().st_mtime_ns, p.stat().st_size) for p in log.exchanges)
    return embed_log(log, stamps, most, width, most_chars, least_chars)


@lru_cache(maxsize=1)
def embed_log(
    log: Log, stamps: tuple[tuple[int, int], ...], most: int, width: int, most_chars: int, least_chars: int
) -> Prompts:
    """The prompts of a log whose files have these times and sizes."""
    del stamps  # part of the key only: a file that changed is read again
    with duckdb.connect() as db:
        rows = db.sql(f"""
            SELECT account_id, text FROM (
                SELECT account_id, left(prompt, {most_chars}) AS text, started_at, exchange_id FROM {log.sql}
                WHERE length(prompt) >= {least_chars}
                ORDER BY md5(exchange_id) LIMIT {most})
            ORDER BY started_at, exchange_id
        """).fetchall()
    if not rows:
        return Prompts(accounts=[], account=np.zeros(0, np.int64), vectors=np.zeros((0, width), np.float32))
    names, account = np.unique([a for a, _ in rows], return_inverse=True)
    return Prompts(
        accounts=names.tolist(), account=account.astype(np.int64), vectors=embed([t for _, t in rows], width)
    )


def embed(texts: list[str], width: int, most_fit: int = 20_000) -> Vectors:
    """Latent semantic vectors: hashed character trigrams, tf-idf, the first `width` directions, l2-normalised.

    (Deerwester et al. 1990, JASIS 41.) Where there are too few texts for that many directions, the hashed
    vectors themselves.
    """
    hasher = HashingVectorizer(
        n_features=8192, analyzer="char_wb", ngram_range=(3, 3), norm=None, alternate_sign=False
    )
    counts = hasher.transform(texts)
    weighted = TfidfTransformer(sublinear_tf=True).fit_transform(counts)
    if len(texts) <= 4 * width:
        return np.asarray(weighted.toarray(), dtype=np.float32)
    stride = -(-len(texts) // most_fit)
    reduce = TruncatedSVD(width, n_iter=3, random_state=0).fit(weighted[::stride])
    places = reduce.transform(weighted)
    # without the mean, all prompts would share a direction and every cosine would be high
    return np.asarray(normalize(places - places.mean(axis=0)), dtype=np.float32)
