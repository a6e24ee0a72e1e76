"""Inputs of `peers_speed.py`, each one file or folder of Parquet that every contender reads.

Texts are English prompts of the shipped `demo` world, each followed by a copy with some words replaced, so that pairs have
every similarity from 0 to 1. Records are accounts with one value in each of five channels, three in a hundred of them
run in groups of ten. The graph is random, near the point where a giant component appears. The log is the world's own.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hydrascope.simulate import read_scenario, simulate_world

__all__ = ["DEMO_EXCHANGES", "make_graph", "make_log", "make_records", "make_texts"]

DEMO_EXCHANGES = 130_000
LEAST_WORDS = 20
CHANNELS = {"ip": (0.6, 1.2), "card": (0.9, 1.0), "tls": (0.05, 2.0), "phrase": (2.0, 1.0)}
"""Values per account, and how steeply their popularity falls; beside them 30 user agents that everybody has."""
GROUP = 10
SHARED = 0.6
"""How often an operator's account shows the operator's value of a channel and not one of its own."""


def make_log(folder: Path, n_exchanges: int) -> None:
    """The `demo` world with more accounts, unless it is there."""
    if not (folder / "world" / "world.json").exists():
        simulate_world(read_scenario("demo"), folder / "world", scale=n_exchanges / DEMO_EXCHANGES, workers=2)


def make_texts(folder: Path, n: int) -> None:
    """`texts.parquet`: n texts, 2i and 2i + 1 a pair."""
    rng = np.random.default_rng(5)
    files = sorted((folder / "world" / "exchanges").glob("*.parquet"))
    prompts = pa.concat_tables([pq.read_table(f, columns=["prompt"]) for f in files])["prompt"].unique()
    spaces = pc.count_substring(prompts, " ")
    long = prompts.filter(pc.and_(pc.greater_equal(spaces, LEAST_WORDS - 1), pc.string_is_ascii(prompts)))
    chosen = long.take(pa.array(np.sort(rng.choice(len(long), n // 2, replace=len(long) < n // 2))))
    texts: list[str] = []
    for text in chosen.to_pylist():
        texts += [text, _replace_words(text, rng.uniform(0, 0.3), rng)]
    pq.write_table(pa.table({"text": texts}), folder / "texts.parquet")


def _replace_words(text: str, share: float, rng: np.random.Generator) -> str:
    words = text.split(" ")
    hit = np.flatnonzero(rng.random(len(words)) < share)
    for i in hit.tolist():
        words[i] = "".join(chr(97 + c) for c in rng.integers(0, 26, 8))
    return " ".join(words)


def make_records(folder: Path, n: int) -> None:
    """`records.parquet`: account, operator (-1: none), and one column a channel."""
    rng = np.random.default_rng(7)
    operator = np.full(n, -1)
    members = rng.choice(n, n * 3 // 100 // GROUP * GROUP, replace=False)
    operator[members] = np.arange(len(members)) // GROUP
    columns = {
        "account": pa.array(np.arange(n)),
        "operator": pa.array(operator),
        "user_agent": pa.array(rng.integers(0, 30, n)),
    }
    for name, (share, exponent) in CHANNELS.items():
        values = (share * n * rng.random(n) ** exponent).astype(np.int64)
        theirs = (operator >= 0) & (rng.random(n) < SHARED)
        columns[name] = pa.array(np.where(theirs, 5 * n + operator, values))
    pq.write_table(pa.table(columns), folder / "records.parquet")


def make_graph(folder: Path, n: int) -> None:
    """`graph.parquet`: n edges (a, b) among n nodes."""
    rng = np.random.default_rng(11)
    a, b = rng.integers(0, n, (2, n), dtype=np.int32)
    pq.write_table(pa.table({"a": a, "b": b}), folder / "graph.parquet")
