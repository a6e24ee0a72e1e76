"""The world that scans are timed on: the true-scale campaigns in a month of traffic, prompts of a stated mean length.

Ours is `scale/16m`: three campaigns on 24,000 accounts and as many honest exchanges in 45 days. `30M` is all of it;
the others are its first 31 days (21,500 accounts of campaigns), with more or fewer accounts. Its composed prompts are
shorter than real ones, so each is followed by unique words as a document would be; wrappers, system prompts and who sends what stay as they are.
Smaller and larger worlds have fewer and more accounts of each group, not fewer and more exchanges an account.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hydrascope.simulate import read_scenario, simulate_world

__all__ = ["SIZES", "TEXT_BYTES", "make_world"]

SCENARIO = "scale/16m"
_DAYS = 31
_NAMED = 16_200_000
"""What the first 31 days at the scenario's own scale are called, a sixth less than they have: 19,066,536 exchanges of 47,449 accounts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much of the scenario a world is."""

    scale: float
    """Factor on the accounts of every group."""
    days: int = _DAYS


SIZES = {
    "130k": Size(scale=130_000 / _NAMED),
    "1M": Size(scale=1_000_000 / _NAMED),
    "4M": Size(scale=4_000_000 / _NAMED),
    "16M": Size(scale=1.0),
    "30M": Size(scale=1.0, days=45),
    "160M": Size(scale=136_000_000 / _NAMED),
}
"""Names of worlds. The first four have about a fifth more exchanges than their name says, `30M` has 29,291,906 and `160M` 166,970,039."""
TEXT_BYTES = 620
"""Mean bytes of prompt and system prompt of an exchange: ten gigabytes for sixteen million."""
_WORDS = 30_000
_LETTERS = np.frombuffer(b"eeeetttaaaooiinnssrrhhldcumfpgwybvk", np.uint8)


def make_world(folder: Path, name: str, text_bytes: int, workers: int, answer_bytes: int = 0) -> None:
    """Simulate the world once, lengthen its prompts, and answer them.

    Args:
        name: one of `SIZES`.
        text_bytes: mean bytes of prompt and system prompt together; 0 leaves the prompts as they are.
        answer_bytes: mean bytes of a completion; 0: the log has none.
    """
    if (folder / "made").exists():
        return
    sys.stderr.write(f"simulating a world of {name} exchanges in {folder} (kept for the next time)\n")
    size, scenario = SIZES[name], read_scenario(SCENARIO)
    scenario = replace(scenario, world=replace(scenario.world, days=size.days))
    simulate_world(scenario, folder, scale=size.scale, workers=workers)
    files = sorted((folder / "exchanges").glob("*.parquet"))
    missing = max(text_bytes - round(_mean_bytes(files[len(files) // 2])), 0)
    if missing or answer_bytes:
        with get_context("spawn").Pool(workers) as pool:
            pool.map(partial(_lengthen, missing=missing, answers=answer_bytes), files)
    (folder / "made").write_text(f"{name} {text_bytes} {answer_bytes}\n")


def _mean_bytes(path: Path) -> float:
    table = pq.read_table(path, columns=["prompt", "system"])
    n_bytes = sum(pc.sum(pc.binary_length(table[c])).as_py() or 0 for c in table.column_names)
    return float(n_bytes / max(len(table), 1))


def _lengthen(path: Path, missing: int, answers: int) -> None:
    """Append words to every prompt, log-normal in number, `missing` bytes in the mean, and answer it with `answers`; a row group at a time."""
    rng = np.random.default_rng(int(path.stem.split("-")[1]))
    text = _prose(rng, 4_000_000)
    partial_path = path.with_suffix(".partial")
    with (
        pq.ParquetFile(path) as log,
        pq.ParquetWriter(partial_path, log.schema_arrow, compression="zstd") as longer,
    ):
        for group in range(log.num_row_groups):
            table = log.read_row_group(group)
            if missing:
                tails = _slices(rng, text, len(table), missing)
                prompts = pc.binary_join_element_wise(table["prompt"], tails, "\n\n")
                table = _with_column(table, "prompt", prompts)
            if answers:
                table = _with_column(table, "completion", _slices(rng, text, len(table), answers))
            longer.write_table(table)
    partial_path.replace(path)


def _slices(rng: np.random.Generator, text: str, n: int, mean: int) -> pa.Array:
    """Strings [n] cut out of a long one, log-normal in length."""
    spread = 0.8
    length = rng.lognormal(np.log(mean) - spread**2 / 2, spread, n).astype(np.int64)
    start = rng.integers(0, len(text) - 40 * mean, n)
    stop = start + np.minimum(length, 40 * mean)
    return pa.array([text[a:b] for a, b in zip(start.tolist(), stop.tolist(), strict=True)], pa.string())


def _with_column(table: pa.Table, name: str, values: pa.Array | pa.ChunkedArray) -> pa.Table:
    at = table.schema.get_field_index(name)
    return table.set_column(at, table.schema.field(at), values)


def _prose(rng: np.random.Generator, n_words: int) -> str:
    """Words of a vocabulary of their own, common ones more often (Zipf)."""
    lengths = rng.integers(3, 11, _WORDS)
    vocabulary = np.array([bytes(_LETTERS[rng.integers(0, len(_LETTERS), n)]).decode() for n in lengths])
    rank = np.minimum(np.exp(rng.random(n_words) * np.log(_WORDS)).astype(np.int64), _WORDS - 1)
    return " ".join(vocabulary[rank].tolist())
