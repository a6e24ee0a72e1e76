"""The sampled exchanges as lists of shingles, in arrays; system prompts apart, since they repeat.

An account's sample is its `n_sketched` exchanges with the lowest ranks, so an account's cost does not grow
with its volume.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hydrascope.engine.base import Engine
from hydrascope.kernels.lookup import find

__all__ = ["SampledLists", "Systems", "read_lists", "read_systems", "sample_exchanges"]

_RANKS_PER_PASS = 4_000_000
_NONE = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Systems:
    """s system prompts."""

    name: np.ndarray
    """int64[s] hashes, ascending."""
    offsets: np.ndarray
    """int64[s+1]."""
    shingle: np.ndarray
    """int64[]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampledLists:
    """n exchanges."""

    account: np.ndarray
    """int32[n] codes."""
    xid: np.ndarray
    """int64[n]."""
    system: np.ndarray
    """int64[n] positions in `Systems`; -1 where there is none."""
    offsets: np.ndarray
    """int64[n+1]."""
    shingle: np.ndarray
    """int64[]: of the prompts alone."""


def sample_exchanges(engine: Engine, n_sketched: int, *, content: bool = True) -> None:
    """Define `sampled` (account code and hash, xid, system, shingles of the prompt), and `wrapped` (system, shingle).

    An exchange's shingles are those of its prompt and of its system prompt (once a system prompt). They are never put together in one table: system prompts repeat in a million exchanges, and most
    shingles of prompts occur once and are dropped before anything is grouped.
    """
    account, rank = _cuts(engine, n_sketched)
    engine.register("cut", pa.table({"account": account, "rank": rank}))
    keep = "" if content else " AND 1 = 0"
    engine.define(
        "sampled",
        f"""
        SELECT d.code AS account, s.account AS hashed, s.xid AS xid, s.system AS system, s.shingles AS shingles
        FROM shingles s JOIN cut c ON s.account = c.account JOIN dim d ON s.account = d.account
        WHERE s.rank <= c.rank{keep}""",
    )
    engine.define("wrapped", "SELECT system, unnest(shingles) AS shingle FROM systems")


def _cuts(engine: Engine, n_sketched: int) -> tuple[np.ndarray, np.ndarray]:
    """Accounts, int64[n] ascending hashes, and the highest rank in each one's sample.

    In passes over accounts: an engine's window over all ranks holds all of them at once.
    """
    n_rows = int(engine.collect("SELECT count(*) AS n FROM shingles")["n"][0].as_py())
    n_passes = max(1, -(-n_rows // _RANKS_PER_PASS))
    least = (
        -(2**63) + 1
    )  # the lowest of all cannot be written: engines read the minus apart, and the number is too large
    edges = [least + i * (2**64 - 1) // n_passes for i in range(n_passes + 1)]
    accounts, ranks = [_NONE], [_NONE]
    for low, high in pairwise(edges):
        of_pass = f"account <= {high - 1}" if low == least else f"account BETWEEN {low} AND {high - 1}"
        batches = list(engine.stream(f"SELECT account, rank FROM shingles WHERE {of_pass}"))
        if not sum(map(len, batches)):
            continue
        account, rank = (np.concatenate([b[c].to_numpy() for b in batches]) for c in ("account", "rank"))
        order = np.lexsort((rank, account))
        account, rank = account[order], rank[order]
        first = np.flatnonzero(np.append(True, account[1:] != account[:-1]))
        last = np.append(first[1:], len(account)) - 1
        accounts.append(account[first])
        ranks.append(rank[np.minimum(first + n_sketched - 1, last)])
    return np.concatenate(accounts), np.concatenate(ranks)


def read_systems(engine: Engine) -> Systems:
    """All system prompts of the view `wrapped`."""
    wrapped = engine.collect("SELECT system, shingle FROM wrapped")
    system, shingle = wrapped["system"].to_numpy(), wrapped["shingle"].to_numpy()
    order = np.argsort(system, kind="stable")
    name, n = np.unique(system, return_counts=True)
    return Systems(name=name, offsets=np.append(0, np.cumsum(n)), shingle=shingle[order])


def read_lists(engine: Engine, source: str, systems: Systems) -> SampledLists:
    """Exchanges of the view `sampled`. Args: source: what follows FROM, with the view as `s`."""
    batches = list(
        engine.stream(
            "SELECT s.account AS account, s.xid AS xid, s.system AS system, s.shingles AS shingles FROM "
            + source
        )
    )
    if not batches:
        none = _NONE.astype(np.int32)
        return SampledLists(
            account=none, xid=_NONE, system=_NONE, offsets=np.zeros(1, np.int64), shingle=_NONE
        )
    found = pa.Table.from_batches(batches)
    lists = pa.concat_arrays(found["shingles"].chunks)
    return SampledLists(
        account=found["account"].to_numpy().astype(np.int32),
        xid=found["xid"].to_numpy(),
        system=_places(found["system"], systems.name),
        offsets=lists.offsets.to_numpy().astype(np.int64),
        shingle=lists.values.to_numpy(),
    )


def _places(system: pa.ChunkedArray, names: np.ndarray) -> np.ndarray:
    place, known = find(names, pc.fill_null(system, 0).to_numpy())
    return np.where(known & pc.is_valid(system).to_numpy(), place, -1)
