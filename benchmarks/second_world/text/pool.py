"""Prompts given by the user, kept apart by use: no source serves two purposes, or both sides."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pyarrow.parquet as pq

__all__ = ["Pool", "read_pool"]

LONGEST = 4000
FEWEST = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Lists of prompts."""

    questions: tuple[str, ...]
    """What campaigns collect answers to."""
    benchmarks: tuple[tuple[str, ...], ...]
    """Public lists that evaluators run."""
    chat: tuple[str, ...]
    """What people ask."""


def by_source(path: Path) -> dict[str, list[str]]:
    """Single-turn prompts of a Parquet file, by `source` where it has that column."""
    names = set(pq.read_schema(path).names)
    table = pq.read_table(path, columns=[c for c in ("prompt", "source", "n_turns") if c in names])
    rows = table.num_rows
    sources = table["source"].to_pylist() if "source" in names else [""] * rows
    turns = table["n_turns"].to_pylist() if "n_turns" in names else [1] * rows
    out: dict[str, list[str]] = {}
    for prompt, source, n_turns in zip(table["prompt"].to_pylist(), sources, turns, strict=True):
        if prompt and (n_turns or 1) == 1:
            out.setdefault(str(source), []).append(prompt[:LONGEST])
    return {s: list(dict.fromkeys(p)) for s, p in sorted(out.items())}


def read_pool(path: Path, judging: bool, r: Random) -> Pool:
    """The pool's half for tuning or for judging, by a hash of the source, its sources dealt out to the three uses.

    Raises:
        ValueError: fewer than three sources of 50 prompts on that side.
    """
    mine = {
        s: p for s, p in by_source(path).items() if zlib.crc32(s.encode()) % 2 == judging and len(p) >= FEWEST
    }
    if len(mine) < 3:
        raise ValueError(
            f"{path} has {len(mine)} sources of {FEWEST} prompts on this side, and three are needed"
        )
    names = sorted(mine)
    r.shuffle(names)
    third = max(1, len(names) // 3)
    return Pool(
        questions=tuple(p for s in names[:third] for p in mine[s]),
        benchmarks=tuple(tuple(mine[s][:700]) for s in names[third : 2 * third]),
        chat=tuple(p for s in names[2 * third :] for p in mine[s]),
    )
