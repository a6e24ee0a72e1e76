"""Before a log is read: which of its exchanges can be sampled, where that is cheap to find out."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa

from hydrascope.features.observer import ObserveSettings
from hydrascope.features.sample_cuts import PartCuts, RankCounts
from hydrascope.ingest import LogSource
from hydrascope.ingest.parquet import parquet_ids
from hydrascope.kernels.strings import hash_strings

__all__ = ["read_cuts"]


def read_cuts(source: LogSource, settings: ObserveSettings, workers: int) -> PartCuts | None:
    """Ranks above which nothing of an account is sampled; None where a log's ids cannot be read alone.

    Findings do not depend on it: without cuts a part keeps more than will be used.
    """
    plain = all(f.format == "contract" for f in source.files) and set(source.containers) == {"parquet"}
    if not plain or source.column_map is not None:
        return None
    columns = []
    for file in source.files:
        try:
            ids = parquet_ids(file.path)
        except (pa.ArrowInvalid, OSError):
            return None  # a damaged file: reading it says so
        if ids is None:
            return None
        columns.append(ids)
    counts = RankCounts()
    with ThreadPoolExecutor(workers) as pool:
        for counted in pool.map(_count, columns):
            if counted is None:
                return None
            counts.merge(counted)
    return PartCuts(sketched=counts.cuts(settings.n_sketched), texts=counts.cuts(settings.n_texts))


def _count(ids: Iterable[tuple[pa.Array, pa.Array]]) -> RankCounts | None:
    counts = RankCounts()
    try:
        for exchange, account in ids:
            counts.observe(hash_strings(account).to_numpy(), hash_strings(exchange).to_numpy())
    except (pa.ArrowInvalid, OSError):
        return None
    return counts
