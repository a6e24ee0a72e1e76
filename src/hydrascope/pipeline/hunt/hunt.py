"""One hunt from its inputs to its folder, in memory that grows with accounts, not with exchanges."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hydrascope.campaigns.track import Track
from hydrascope.engine.base import Engine
from hydrascope.engine.duckdb import DuckEngine
from hydrascope.errors import InputError, UsageError
from hydrascope.ingest import ColumnMap, Rejects, open_log, read_accounts
from hydrascope.kernels.strings import hash_prefixes, hash_strings
from hydrascope.pipeline.hunt.history import HITS, Piece, is_state, open_history, read_log, read_state
from hydrascope.pipeline.hunt.indicators import Hunted
from hydrascope.pipeline.hunt.matching import Matcher
from hydrascope.pipeline.hunt.totals import Totals
from hydrascope.pipeline.hunt.worth import IndicatorWorth, account_bits, weigh_indicators
from hydrascope.pipeline.memory import Memory
from hydrascope.pipeline.output import room_to_write
from hydrascope.sketch import RATE

__all__ = ["HuntResult", "HuntSettings", "Known", "Match", "hunt"]

_FEW = 8
"""Sampled shingles of a template below which logs are sketched in full."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HuntSettings:
    """How a hunt matches, and what it may use."""

    coverage: float = 0.6
    """Share of a template's shingles that an exchange must hold."""
    most_exchanges: int = 20
    """Exchanges kept of each account and indicator, the earliest."""
    memory_bytes: int = 2 << 30
    workers: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Campaigns that are known already."""

    memory: Memory = field(default_factory=Memory)
    like: str | None = None
    """Id of the one that is hunted for."""
    track: Track | None = None
    """What is remembered of it, which may be in other findings."""

    @property
    def members(self) -> frozenset[str]:
        """Accounts of the one that is hunted for."""
        return frozenset(self.track.portrait.members if self.track else ())

    @property
    def campaign_of(self) -> Mapping[str, str]:
        """Account to the reported campaign that it belongs to."""
        return {
            m: t.campaign_id for t in self.memory.tracks if t.status == "active" for m in t.portrait.members
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """One account that shows one indicator."""

    account: int
    """Position in the result's accounts."""
    indicator: int
    n_exchanges: int
    first_us: int
    last_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HuntResult:
    """Who matched what."""

    indicators: tuple[Hunted, ...]
    worth: tuple[IndicatorWorth, ...]
    account_id: tuple[str, ...]
    """Every account of the history, in the order of ids."""
    n_exchanges: np.ndarray
    """int64[n] records of each account."""
    n_matched: np.ndarray
    """int64[n] distinct exchanges that show any indicator."""
    n_seen: np.ndarray
    """int64[n] records in which a template in a prompt could be seen: of a state, the sketched ones."""
    sampled: bool
    """Whether that is not all of them."""
    bits: np.ndarray
    families: Mapping[str, np.ndarray]
    matches: tuple[Match, ...]
    """By account, then indicator."""
    exchanges: pa.Table
    """`HITS` with account ids: the earliest of each match."""
    files: tuple[str, ...]
    first_us: int
    last_us: int
    inputs: tuple[dict[str, Any], ...]


def hunt(
    history: Sequence[str],
    indicators: Sequence[Hunted],
    stages: Path,
    *,
    known: Known | None = None,
    accounts: str | None = None,
    format: str | None = None,
    column_map: ColumnMap | None = None,
    settings: HuntSettings | None = None,
    rejects: Rejects | None = None,
) -> HuntResult:
    """Hold indicators against logs and states.

    Args:
        history: logs (files, folders, globs) and folders of watch states.
        stages: a folder for what does not fit memory; made and removed.
        known: campaigns that accounts may belong to.
        accounts: the accounts table; needed for indicators of its columns.
        format, column_map: of the logs.
        rejects: takes the logs' rejects.

    Raises:
        InputError: nothing could be read.
        UsageError: an indicator cannot be found in this history.
    """
    settings, known = settings or HuntSettings(), known or Known()
    rejects = Rejects() if rejects is None else rejects
    table = read_accounts(accounts, rejects) if accounts else None
    states = [p for p in history if is_state(p)]
    logs = [p for p in history if not is_state(p)]
    chosen, rate = tuple(indicators), _choose_rate(indicators)
    _check(chosen, with_accounts=table is not None)
    matcher = Matcher(chosen, coverage=settings.coverage)
    pieces, files, inputs = _open(logs, states, matcher, rejects, rate, format, column_map)
    shutil.rmtree(stages, ignore_errors=True)
    stages.mkdir(parents=True)
    try:
        with room_to_write(stages):
            totals = _gather(pieces, stages / "hits.parquet")
            if not len(totals):
                raise InputError(
                    "no exchange could be read", file=history[0], hint="check the path and --format"
                )
            engine = DuckEngine(
                memory_bytes=settings.memory_bytes, threads=settings.workers, spill=stages / "spill"
            )
            try:
                return _result(engine, stages, chosen, matcher, totals, known, table, settings, files, inputs)
            finally:
                engine.close()
    finally:
        shutil.rmtree(stages, ignore_errors=True)


def _choose_rate(indicators: Sequence[Hunted]) -> float:
    """Logs are sketched in full for a template of so few words that a sample of it would say little."""
    whole = [len(h.core) for h in indicators if h.is_whole]
    return 1.0 if whole and min(whole) * RATE < _FEW else RATE


def _check(indicators: Sequence[Hunted], *, with_accounts: bool) -> None:
    if not indicators:
        raise UsageError(
            "there is nothing to hunt for", hint="fill [indicators], or name a campaign with --like"
        )
    mine = next((h for h in indicators if h.in_accounts), None)
    if mine is not None and not with_accounts and all(h.in_accounts for h in indicators):
        raise UsageError(f"'{mine.kind}' is a column of the accounts table", hint="give it with --accounts")


def _open(
    logs: Sequence[str],
    states: Sequence[str],
    matcher: Matcher,
    rejects: Rejects,
    rate: float,
    format: str | None,
    column_map: ColumnMap | None,
) -> tuple[Iterator[Piece], tuple[str, ...], tuple[dict[str, Any], ...]]:
    """All pieces one after another, the files behind them, and what the manifest says of them."""
    readers: list[Iterator[Piece]] = []
    files: list[str] = []
    inputs: list[dict[str, Any]] = []
    if logs:
        source = open_log(list(logs), format=format, column_map=column_map)
        readers.append(read_log(source, matcher, rejects, rate=rate, first_file=0))
        files += [f.path for f in source.files]
        inputs += [{"file": f.path, "format": f.format, "bytes": f.size_bytes} for f in source.files]
    for path in states:
        state = open_history(path)
        readers.append(read_state(state, matcher, first_file=len(files)))
        files += [f.path for f in state.journal.files]
        n = sum(p.n_exchanges for p in state.journal.parts)
        inputs.append({"file": path, "format": "state", "exchanges": n})
    return chain.from_iterable(readers), tuple(files), tuple(inputs)


def _gather(pieces: Iterator[Piece], path: Path) -> Totals:
    totals = Totals()
    with pq.ParquetWriter(path, HITS, compression="zstd", use_dictionary=False) as writer:
        for piece in pieces:
            totals.add(piece)
            if len(piece.hits):
                writer.write_table(piece.hits)
    totals.close()
    return totals


def _result(
    engine: Engine,
    stages: Path,
    indicators: tuple[Hunted, ...],
    matcher: Matcher,
    totals: Totals,
    known: Known,
    table: pa.Table | None,
    settings: HuntSettings,
    files: tuple[str, ...],
    inputs: tuple[dict[str, Any], ...],
) -> HuntResult:
    engine.view("hits", stages / "hits.parquet")
    indicators = tuple(_named(indicators, matcher, table))
    ids = totals.ids
    matches = sorted(
        [*_exchange_matches(engine, totals), *_account_matches(indicators, totals, table)],
        key=lambda m: (m.account, m.indicator),
    )
    who = np.array([m.account for m in matches], np.int64)
    what = np.array([m.indicator for m in matches], np.int64)
    member = (
        np.isin(np.array(ids, object), list(known.members)) if known.members else np.zeros(len(ids), bool)
    )
    worth = weigh_indicators(what, who, member, [h.p_member for h in indicators])
    bits, families = account_bits(
        what, who, len(ids), np.array([w.bits for w in worth]), [h.family for h in indicators]
    )
    return HuntResult(
        indicators=indicators,
        worth=tuple(worth),
        account_id=ids,
        n_exchanges=totals.n,
        n_matched=_matched(engine, totals, matches, indicators),
        n_seen=totals.n_seen,
        sampled=any(i["format"] == "state" for i in inputs),
        bits=bits,
        families=families,
        matches=tuple(matches),
        exchanges=_earliest(engine, totals, settings.most_exchanges),
        files=files,
        first_us=int(totals.first_us.min()),
        last_us=int(totals.last_us.max()),
        inputs=inputs,
    )


def _named(indicators: Sequence[Hunted], matcher: Matcher, table: pa.Table | None) -> Iterator[Hunted]:
    """The indicators with the text that history or the accounts table has for them."""
    texts: dict[str, dict[int, str]] = {}
    for i, h in enumerate(indicators):
        name = matcher.names.get(i)
        if h.text is None and h.in_accounts and h.column != "signup_network" and table is not None:
            if h.column not in texts:
                known = table[h.column].drop_null().unique()
                texts[h.column] = dict(zip(hash_strings(known).to_pylist(), known.to_pylist(), strict=True))
            name = texts[h.column].get(h.value or 0)
        yield h if name is None else replace(h, text=name)


def _exchange_matches(engine: Engine, totals: Totals) -> Iterator[Match]:
    rows = engine.collect(
        "SELECT account, indicator, count(DISTINCT xid) AS n, min(at_us) AS first_us, max(at_us) AS last_us "
        "FROM hits GROUP BY account, indicator"
    )
    for row in rows.to_pylist():
        yield Match(
            account=totals.code(row["account"]),
            indicator=row["indicator"],
            n_exchanges=row["n"],
            first_us=row["first_us"],
            last_us=row["last_us"],
        )


def _account_matches(indicators: Sequence[Hunted], totals: Totals, table: pa.Table | None) -> Iterator[Match]:
    """Accounts of the history whose row in the accounts table shows an indicator; all their exchanges count."""
    hunted = [(i, h) for i, h in enumerate(indicators) if h.in_accounts]
    if table is None or not hunted:
        return
    owner = hash_strings(table["account_id"].combine_chunks()).to_numpy()
    hashed: dict[str, np.ndarray] = {}
    for i, h in hunted:
        if h.column not in hashed:
            hashed[h.column] = _hashed_column(table, h.column)
        rows = np.flatnonzero(hashed[h.column] == h.value)
        for code in sorted({c for a in owner[rows].tolist() if (c := totals.find(a)) is not None}):
            yield Match(
                account=code,
                indicator=i,
                n_exchanges=int(totals.n[code]),
                first_us=int(totals.first_us[code]),
                last_us=int(totals.last_us[code]),
            )


def _hashed_column(table: pa.Table, column: str) -> np.ndarray:
    """Hashes of a column of the accounts table; null hashes to what no value has been seen to."""
    source = "signup_ip" if column == "signup_network" else column
    texts = table[source].combine_chunks()
    hashed = hash_prefixes(texts) if column == "signup_network" else hash_strings(texts)
    return hashed.fill_null(np.iinfo(np.int64).min).to_numpy(zero_copy_only=False)


def _matched(
    engine: Engine, totals: Totals, matches: Sequence[Match], indicators: Sequence[Hunted]
) -> np.ndarray:
    n = np.zeros(len(totals), np.int64)
    for row in engine.collect(
        "SELECT account, count(DISTINCT xid) AS n FROM hits GROUP BY account"
    ).to_pylist():
        n[totals.code(row["account"])] = row["n"]
    for m in matches:
        if indicators[m.indicator].in_accounts:
            n[m.account] = totals.n[m.account]
    return n


def _earliest(engine: Engine, totals: Totals, most: int) -> pa.Table:
    """The earliest exchanges of each account and indicator, each id once, by account, indicator and time."""
    rows = engine.collect(f"""
        SELECT account, indicator, xid, at_us, exchange_id, file, line FROM (
          SELECT *, row_number() OVER (PARTITION BY account, indicator ORDER BY at_us, xid) AS place FROM (
            SELECT *, row_number() OVER (PARTITION BY account, indicator, xid ORDER BY at_us, file, line) AS copy FROM hits
          ) c WHERE copy = 1
        ) p WHERE place <= {most}""")
    names = pa.array([totals.ids[totals.code(a)] for a in rows["account"].to_pylist()], pa.string())
    return rows.set_column(0, "account_id", names).sort_by(
        [(c, "ascending") for c in ("account_id", "indicator", "at_us", "xid")]
    )
