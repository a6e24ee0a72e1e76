"""The log on disk: exchanges spooled as they come, one file a day, and the tables beside them."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from second_world.clock import DAY, DAYS
from second_world.records import Account

__all__ = ["EPOCH", "SpooledLog", "moment", "write_accounts", "write_events", "write_truth"]

EPOCH = dt.datetime(2026, 9, 7, tzinfo=dt.UTC)
"""A Monday."""
TEXT, TIME = pa.string(), pa.timestamp("us", tz="UTC")
EXCHANGES = pa.schema([
    ("exchange_id", TEXT), ("started_at", TIME), ("account_id", TEXT), ("organization_id", TEXT), ("api_key_id", TEXT), ("end_user_id", TEXT), ("platform", TEXT),
    ("client_ip", TEXT), ("client_country", TEXT), ("client_asn", pa.int32()), ("user_agent", TEXT), ("tls_fingerprint", TEXT), ("model", TEXT), ("system", TEXT),
    ("prompt", TEXT), ("completion", TEXT), ("tools", pa.list_(TEXT)), ("turns", pa.int32()), ("temperature", pa.float64()), ("top_p", pa.float64()),
    ("max_tokens", pa.int32()), ("input_tokens", pa.int32()), ("output_tokens", pa.int32()), ("reasoning_tokens", pa.int32()), ("duration_ms", pa.int32()),
    ("reasoning", pa.bool_()), ("stop_reason", TEXT), ("status", pa.int16()),
])  # fmt: skip
ACCOUNTS = pa.schema([
    ("account_id", TEXT), ("created_at", TIME), ("organization_id", TEXT), ("access_pathway", TEXT), ("plan", TEXT), ("payment_fingerprint", TEXT), ("email_domain", TEXT),
    ("phone_fingerprint", TEXT), ("device_fingerprint", TEXT), ("signup_ip", TEXT), ("billing_country", TEXT), ("declared", TEXT),
])  # fmt: skip
IDENTITY = frozenset({"payment_fingerprint", "phone_fingerprint", "device_fingerprint", "signup_ip"})
BARE_ACCOUNTS = ("account_id", "created_at")
UNKNOWN_TO_SMALL = ("client_country", "client_asn", "tls_fingerprint", "platform", "organization_id")
"""Columns that a self-hosted place does not log."""
COMPUTED = frozenset({"exchange_id", "started_at", "reasoning_tokens", "duration_ms"})
LOST = {
    "completion": 0.08,
    "tls_fingerprint": 0.05,
    "user_agent": 0.02,
    "client_country": 0.02,
    "client_ip": 0.006,
    "reasoning": 0.02,
}
"""Share of values missing from the log, whoever sent them."""
CHUNK = 40_000


def moment(seconds: float) -> dt.datetime:
    """A time of the log."""
    return EPOCH + dt.timedelta(seconds=round(seconds, 3))


class SpooledLog:
    """Rows kept in memory by chunks, sorted into days on disk, merged when the world is whole."""

    def __init__(self, out: Path, rng: np.random.Generator, small: bool) -> None:
        self.folder, self.spool, self.rng, self.small = out / "exchanges", out / ".spool", rng, small
        for path in (self.folder, self.spool):
            shutil.rmtree(path, ignore_errors=True)
            path.mkdir(parents=True)
        self.n_chunks = 0
        self.clear()

    def clear(self) -> None:
        """An empty chunk."""
        self.times: list[float] = []
        self.thought: list[int] = []
        self.columns: dict[str, list[Any]] = {n: [] for n in EXCHANGES.names if n not in COMPUTED}

    def add(self, t: float, thought: int, **row: Any) -> None:
        """One exchange; `thought`: reasoning tokens where they are known, else 0."""
        self.times.append(t)
        self.thought.append(thought)
        for name, values in self.columns.items():
            values.append(row[name])
        if len(self.times) >= CHUNK:
            self.flush()

    def lose(self) -> None:
        """Drop a share of the values of some columns."""
        for name, share in LOST.items():
            for i in np.flatnonzero(self.rng.random(len(self.times)) < share):
                self.columns[name][i] = None

    def computed(self) -> dict[str, pa.Array]:
        """Ids, times, reasoning tokens and durations of the chunk."""
        n, g = len(self.times), self.rng
        out, ok = np.array(self.columns["output_tokens"]), np.array(self.columns["status"]) == 200
        asked = np.array([bool(x) for x in self.columns["reasoning"]])
        known = np.array(self.thought, dtype=float)
        thinking = np.where(known > 0, known, 60 + out * g.lognormal(0.0, 0.7, n))
        thinking = np.where(asked & ok, thinking, 0).astype(np.int64)
        answer_ms = 250 * g.lognormal(0, 0.5, n) + (out + thinking) * g.lognormal(2.75, 0.3, n)
        took = np.where(ok, answer_ms, 90 * g.lognormal(0, 0.7, n)).clip(15, 900_000).astype(np.int64)
        ids = g.integers(0, 2**63, (n, 2))
        start = int(EPOCH.timestamp()) * 1_000_000
        return {
            "exchange_id": pa.array([f"{a:016x}{b & 0xFFFFFFFF:08x}" for a, b in ids.tolist()], TEXT),
            "started_at": pa.array(start + np.round(np.array(self.times) * 1e6).astype(np.int64), TIME),
            "reasoning_tokens": pa.array(
                [int(x) if y else None for x, y in zip(thinking, asked, strict=True)], pa.int32()
            ),
            "duration_ms": pa.array(took, pa.int32()),
        }

    def flush(self) -> None:
        """Write the chunk, a file for each of its days."""
        if not self.times:
            return
        arrays = self.computed()
        self.lose()
        arrays |= {n: pa.array(v, EXCHANGES.field(n).type) for n, v in self.columns.items()}
        table = pa.table([arrays[n] for n in EXCHANGES.names], schema=EXCHANGES)
        day = (np.array(self.times) // DAY).astype(int)
        for d in np.unique(day).tolist():
            rows = table.take(pa.array(np.flatnonzero(day == d)))
            pq.write_table(
                rows,
                self.spool / f"{d:02d}-{self.n_chunks:04d}.parquet",
                compression="zstd",
                compression_level=1,
            )
        self.n_chunks += 1
        self.clear()

    def finish(self) -> None:
        """Merge the spool into one file a day, by time."""
        self.flush()
        for d in range(DAYS):
            parts = [pq.read_table(p) for p in sorted(self.spool.glob(f"{d:02d}-*.parquet"))]
            if not parts:
                continue
            table = (
                pa.concat_tables(parts)
                .combine_chunks()
                .sort_by([("started_at", "ascending"), ("exchange_id", "ascending")])
            )
            if self.small:
                table = table.drop_columns(list(UNKNOWN_TO_SMALL))
            pq.write_table(
                table,
                self.folder / f"{EPOCH + dt.timedelta(days=d):%Y-%m-%d}.parquet",
                compression="zstd",
                row_group_size=50_000,
            )
        shutil.rmtree(self.spool)


def write_accounts(path: Path, accounts: list[Account], identity: bool, small: bool) -> None:
    """The accounts table: without identity fields where the place does not keep them, bare in a small place."""
    names = [n for n in ACCOUNTS.names if (n in BARE_ACCOUNTS if small else identity or n not in IDENTITY)]
    rows = [
        {
            "account_id": a.id, "created_at": moment(a.created), "organization_id": a.organization, "access_pathway": a.pathway, "plan": a.plan,
            "payment_fingerprint": a.payment, "email_domain": a.email, "phone_fingerprint": a.phone, "device_fingerprint": a.device,
            "signup_ip": a.signup_ip, "billing_country": a.billing, "declared": a.declared,
        }
        for a in accounts
    ]  # fmt: skip
    schema = pa.schema([ACCOUNTS.field(n) for n in names])
    pq.write_table(pa.Table.from_pylist([{n: row[n] for n in names} for row in rows], schema=schema), path)


def write_events(path: Path, events: list[tuple[float, str, str]]) -> None:
    """Releases, bans, limits and verifications by time."""
    rows = [{"kind": kind, "at": moment(t), "subject": subject} for t, kind, subject in sorted(events)]
    pq.write_table(
        pa.Table.from_pylist(rows, schema=pa.schema([("kind", TEXT), ("at", TIME), ("subject", TEXT)])), path
    )


def write_truth(folder: Path, accounts: list[Account]) -> None:
    """truth.parquet and truth_shares.parquet."""
    ids = [a.id for a in accounts]
    labels, campaigns = [a.label for a in accounts], [a.campaign for a in accounts]
    truth = pa.table(
        [pa.array(x, TEXT) for x in (ids, labels, campaigns)], names=["account_id", "label", "campaign"]
    )
    pq.write_table(truth, folder / "truth.parquet")
    counts = [
        pa.array([a.n_exchanges for a in accounts], pa.int64()),
        pa.array([a.n_distilled for a in accounts], pa.int64()),
    ]
    pq.write_table(
        pa.table([pa.array(ids, TEXT), *counts], names=["account_id", "n_exchanges", "n_distilled"]),
        folder / "truth_shares.parquet",
    )
