"""The feature work of `peers_speed.py`: per-account aggregates of the log, written once for each data-frame library.

Three kinds of query, as a scan has them: one wide summary an account, counts by account and hour, counts by account
and value for five channels. Every result is put into one long table (query, key, value, ...) that must be equal.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

__all__ = ["features_daft", "features_duckdb", "features_polars"]

Contender = tuple[Callable[[], Any], Callable[[Any], pa.Table]]
CHANNELS = ("client_ip", "user_agent", "model", "tls_fingerprint", "api_key_id")
HOUR_US = 3_600_000_000
SUMMARY = (
    "n",
    "first_at",
    "last_at",
    "input_tokens",
    "output_tokens",
    "n_metered",
    "n_reasoning",
    "n_failed",
    "n_multi_turn",
    "n_addresses",
)


def _canonical(summary: pa.Table, hours: pa.Table, channels: list[pa.Table]) -> pa.Table:
    """One table of whole numbers and strings, sorted."""
    parts = [
        _rows(name, summary["account_id"], pa.nulls(len(summary), pa.large_string()), summary[name])
        for name in SUMMARY
    ]
    parts.append(_rows("hour", hours["account_id"], hours["hour"], hours["n"]))
    parts += [
        _rows(name, t["account_id"], t[name], t["n"]) for name, t in zip(CHANNELS, channels, strict=True)
    ]
    return (
        pa.concat_tables(parts)
        .combine_chunks()
        .sort_by([(c, "ascending") for c in ("query", "key", "value")])
    )


def _rows(query: str, key: Any, value: Any, number: Any) -> pa.Table:
    return pa.table(
        {
            "query": pa.array([query] * len(key), pa.large_string()),
            "key": key.cast(pa.large_string()),
            "value": value.cast(pa.large_string()),
            "number": number.cast(pa.int64()),
        }
    )


def features_duckdb(folder: Path) -> Contender:
    """Our engine."""
    from hydrascope.engine.duckdb import DuckEngine

    def work() -> Any:
        engine = DuckEngine(memory_bytes=4 << 30, threads=2, spill=folder / "spill")
        engine.view("log", str(folder / "world" / "exchanges" / "*.parquet"))
        summary = engine.collect("""
            SELECT account_id, count(*) AS n, epoch_us(min(started_at)) AS first_at, epoch_us(max(started_at)) AS last_at,
                CAST(sum(CAST(coalesce(input_tokens, 0) AS BIGINT)) AS BIGINT) AS input_tokens,
                CAST(sum(CAST(coalesce(output_tokens, 0) AS BIGINT)) AS BIGINT) AS output_tokens,
                CAST(sum(CASE WHEN output_tokens IS NOT NULL AND input_tokens IS NOT NULL THEN 1 ELSE 0 END) AS BIGINT) AS n_metered,
                CAST(sum(CASE WHEN reasoning THEN 1 ELSE 0 END) AS BIGINT) AS n_reasoning,
                CAST(sum(CASE WHEN status >= 400 THEN 1 ELSE 0 END) AS BIGINT) AS n_failed,
                CAST(sum(CASE WHEN turns > 1 THEN 1 ELSE 0 END) AS BIGINT) AS n_multi_turn,
                count(DISTINCT client_ip) AS n_addresses
            FROM log GROUP BY account_id""")
        hours = engine.collect(
            f"SELECT account_id, epoch_us(started_at) // {HOUR_US} AS hour, count(*) AS n FROM log GROUP BY 1, 2"
        )
        channels = [
            engine.collect(
                f"SELECT account_id, {c}, count(*) AS n FROM log WHERE {c} IS NOT NULL GROUP BY 1, 2"
            )
            for c in CHANNELS
        ]
        engine.close()
        return summary, hours, channels

    return work, lambda found: _canonical(*found)


def features_polars(folder: Path) -> Contender:
    """Lazy frames on the streaming engine."""
    os.environ["POLARS_MAX_THREADS"] = "2"
    pl = importlib.import_module("polars")

    def work() -> Any:
        log = pl.scan_parquet(str(folder / "world" / "exchanges" / "*.parquet"))
        us = pl.col("started_at").dt.epoch("us")
        frames = [
            log.group_by("account_id").agg(
                pl.len().alias("n"),
                us.min().alias("first_at"),
                us.max().alias("last_at"),
                pl.col("input_tokens").cast(pl.Int64).sum(),
                pl.col("output_tokens").cast(pl.Int64).sum(),
                (pl.col("input_tokens").is_not_null() & pl.col("output_tokens").is_not_null())
                .sum()
                .alias("n_metered"),
                pl.col("reasoning").sum().alias("n_reasoning"),
                (pl.col("status") >= 400).sum().alias("n_failed"),
                (pl.col("turns") > 1).sum().alias("n_multi_turn"),
                pl.col("client_ip").drop_nulls().n_unique().alias("n_addresses"),
            ),
            log.group_by("account_id", (us // HOUR_US).alias("hour")).agg(pl.len().alias("n")),
        ]
        frames += [
            log.filter(pl.col(c).is_not_null()).group_by("account_id", c).agg(pl.len().alias("n"))
            for c in CHANNELS
        ]
        return [frame.collect(engine="streaming") for frame in frames]

    def table(found: Any) -> pa.Table:
        summary, hours, *channels = [frame.to_arrow() for frame in found]
        return _canonical(summary, hours, channels)

    return work, table


def features_daft(folder: Path) -> Contender:
    """Daft's native runner."""
    os.environ["DAFT_PROGRESS_BAR"] = "0"
    os.environ["DO_NOT_TRACK"] = "true"
    daft = importlib.import_module("daft")
    col, lit = daft.col, daft.lit
    daft.set_runner_native(num_threads=2)

    def work() -> Any:
        log = daft.read_parquet(str(folder / "world" / "exchanges" / "*.parquet"))
        us = col("started_at").cast(daft.DataType.timestamp("us")).cast(daft.DataType.int64())
        whole = daft.DataType.int64()
        narrow = log.select(
            "account_id",
            "client_ip",
            us.alias("us"),
            col("input_tokens").cast(whole).fill_null(0),
            col("output_tokens").cast(whole).fill_null(0),
            (col("input_tokens").not_null() & col("output_tokens").not_null()).cast(whole).alias("metered"),
            col("reasoning").cast(whole).fill_null(0),
            (col("status") >= 400).cast(whole).fill_null(0).alias("failed"),
            (col("turns") > 1).cast(whole).fill_null(0).alias("multi"),
        )
        frames = [
            narrow.groupby("account_id").agg(
                col("account_id").count().alias("n"),
                col("us").min().alias("first_at"),
                col("us").max().alias("last_at"),
                col("input_tokens").sum(),
                col("output_tokens").sum(),
                col("metered").sum().alias("n_metered"),
                col("reasoning").sum().alias("n_reasoning"),
                col("failed").sum().alias("n_failed"),
                col("multi").sum().alias("n_multi_turn"),
                col("client_ip").count_distinct().alias("n_addresses"),
            ),
            log.select("account_id", (us // HOUR_US).alias("hour"), lit(1).alias("one"))
            .groupby("account_id", "hour")
            .agg(col("one").sum().alias("n")),
        ]
        frames += [
            log.where(col(c).not_null())
            .select("account_id", c, lit(1).alias("one"))
            .groupby("account_id", c)
            .agg(col("one").sum().alias("n"))
            for c in CHANNELS
        ]
        return [frame.collect() for frame in frames]

    def table(found: Any) -> pa.Table:
        summary, hours, *channels = [frame.to_arrow() for frame in found]
        return _canonical(summary, hours, channels)

    return work, table
