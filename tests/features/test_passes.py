"""What occurs twice is found in as many passes as it takes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from hydrascope.engine.duckdb import DuckEngine
from hydrascope.features import heavy as heavy_shingles
from hydrascope.features import repeats
from hydrascope.features import sampled as sampling
from hydrascope.features.content import match_cores
from hydrascope.features.heavy import read_heavy, usual_rate
from hydrascope.features.items import read_items
from hydrascope.features.repeats import read_passes, repeats_of
from hydrascope.features.sampled import sample_exchanges


def test_repeats_are_all_rows_of_keys_that_come_twice() -> None:
    """Together by key; none of a key that comes once."""
    keys = np.random.default_rng(1).integers(-40, 40, 60)
    found = keys[repeats_of(keys)]
    values, counts = np.unique(keys, return_counts=True)
    assert found.tolist() == np.repeat(values[counts > 1], counts[counts > 1]).tolist()
    assert not len(repeats_of(np.arange(5))) and not len(repeats_of(np.zeros(0, np.int64)))


@pytest.fixture
def engine(tmp_path: Path) -> DuckEngine:
    """Two hundred accounts that send prompts of their own, each other's and their own again."""
    rng = np.random.default_rng(2)
    n = 3000
    made = DuckEngine(memory_bytes=1 << 28, threads=1, spill=tmp_path)
    prompts = rng.integers(-(2**62), 2**62, 900)
    table = {
        "account": rng.integers(0, 200, n) * 7,
        "prompt": pa.array(prompts[rng.integers(0, 900, n)], mask=rng.random(n) < 0.1),
        "n_words": rng.integers(3, 9, n),
        "turns": pa.array(rng.integers(1, 4, n), mask=rng.random(n) < 0.2),
    }
    made.register("exchanges", pa.table(table))
    made.register("dim", pa.table({"account": np.arange(200) * 7, "code": np.arange(200, dtype=np.int32)}))
    return made


def test_passes_split_a_log_by_key(engine: DuckEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """No key is in two passes, and no row is lost."""
    monkeypatch.setattr(repeats, "_PER_PASS", 500)
    parts = list(read_passes(engine, "prompt", "FROM exchanges WHERE prompt IS NOT NULL", "prompt", 3000))
    keys = [set(p["prompt"].tolist()) for p in parts]
    assert len(parts) == 6 and len(set.union(*keys)) == sum(map(len, keys))
    whole = engine.collect("SELECT prompt FROM exchanges WHERE prompt IS NOT NULL")
    assert sum(len(p["prompt"]) for p in parts) == whole.num_rows


@pytest.mark.parametrize("per_pass", [100, 10_000])
def test_items_are_those_of_a_plain_grouping(
    engine: DuckEngine, monkeypatch: pytest.MonkeyPatch, per_pass: int
) -> None:
    """Prompts of two accounts or more with their counts, and what each account sent in all, in any number of passes."""
    monkeypatch.setattr(repeats, "_PER_PASS", per_pass)
    items = read_items(engine, 200, 3000)
    pairs = engine.collect(
        "SELECT d.code AS account, e.prompt, count(*) AS n FROM exchanges e JOIN dim d ON e.account = d.account "
        "WHERE e.prompt IS NOT NULL AND e.n_words >= 5 AND (e.turns IS NULL OR e.turns = 1) GROUP BY 1, 2 ORDER BY 1, 2"
    ).to_pylist()
    owners: dict[int, int] = {}
    for p in pairs:
        owners[p["prompt"]] = owners.get(p["prompt"], 0) + 1
    expected = [(p["account"], p["prompt"], p["n"]) for p in pairs if owners[p["prompt"]] >= 2]
    got = zip(items.account.tolist(), items.prompt.tolist(), items.n.tolist(), strict=True)
    assert list(got) == expected
    n_items, n_distinct = np.zeros(200, int), np.zeros(200, int)
    for p in pairs:
        n_items[p["account"]] += p["n"]
        n_distinct[p["account"]] += 1
    assert items.n_items.tolist() == n_items.tolist() and items.n_distinct.tolist() == n_distinct.tolist()


@pytest.fixture
def sampled(tmp_path: Path) -> DuckEngine:
    """Forty accounts, some with few exchanges; each two have shingles of their own, and all have common ones."""
    rng = np.random.default_rng(4)
    stock = rng.integers(-(2**62), 2**62, 300)
    number = rng.choice(40, 900, p=rng.dirichlet(np.full(40, 0.5)))
    account = rng.integers(-(2**62), 2**62, 40)[number]
    own = 100 + 10 * (number[:, None] // 2) + rng.integers(0, 10, (900, 3))
    shingles = [np.unique(stock[[*mine, *rng.integers(0, 100, 3)]]).tolist() for mine in own]
    made = DuckEngine(memory_bytes=1 << 28, threads=1, spill=tmp_path)
    made.register("stock", pa.table({"s": stock}))
    rank, xid = rng.integers(0, 2**62, len(account)), np.arange(len(account))
    system = pa.array(rng.integers(0, 3, len(account)), mask=rng.random(len(account)) < 0.5)
    made.register(
        "shingles",
        pa.table({"account": account, "xid": xid, "rank": rank, "system": system, "shingles": shingles}),
    )
    made.register("systems", pa.table({"system": np.arange(3), "shingles": stock[:6].reshape(3, 2).tolist()}))
    names = np.unique(account)
    made.register("dim", pa.table({"account": names[::-1], "code": np.arange(len(names), dtype=np.int32)}))
    return made


def test_heavy_shingles_and_matches_are_the_same_in_any_number_of_passes(
    sampled: DuckEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One pass, or one for every account."""
    n_accounts = int(sampled.collect("SELECT count(*) AS n FROM dim")["n"][0].as_py())
    sample_exchanges(sampled, 20)
    cores, template = sampled.collect("SELECT s FROM stock ORDER BY s")["s"].to_numpy(), np.arange(300) % 60
    found = []
    for per_pass, n_passes in ((1_000_000, 1), (100, 7), (1, n_accounts)):
        monkeypatch.setattr(heavy_shingles, "_PER_PASS", per_pass)
        heavy = read_heavy(sampled, n_accounts)
        assert len(heavy.passes) >= n_passes - 2
        matches = match_cores(
            sampled,
            cores,
            template.astype(np.int32),
            n_accounts=n_accounts,
            coverage=0.3,
            passes=heavy.passes,
        )
        names = ("shingle", "account", "n", "n_sampled")
        found.append([getattr(heavy, n) for n in names] + [matches.offsets, matches.xid, matches.template])
    assert len(found[0][0]) > 50 and len(found[0][5]) > 50
    for other in found[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(found[0], other, strict=True))


def sample_of(engine: DuckEngine) -> tuple[list[tuple[int, int, set[int], set[int]]], np.ndarray]:
    """Sampled exchanges as (account, id, shingles of the prompt, of the system prompt), and how many each account has."""
    wrapped: dict[int, set[int]] = {}
    for row in engine.collect("SELECT system, shingle FROM wrapped").to_pylist():
        wrapped.setdefault(row["system"], set()).add(row["shingle"])
    rows = [
        (r["account"], r["xid"], set(r["shingles"]), wrapped.get(r["system"], set()))
        for r in engine.collect("SELECT account, xid, system, shingles FROM sampled").to_pylist()
    ]
    return rows, np.bincount([r[0] for r in rows])


def test_heavy_shingles_are_those_of_their_definition(sampled: DuckEngine) -> None:
    """Counted with dictionaries: beyond the usual rate of those that recur in two accounts, in two accounts."""
    sample_exchanges(sampled, 20)
    rows, n_sampled = sample_of(sampled)
    prompts, held = Counter[tuple[int, int]](), Counter[tuple[int, int]]()
    for account, _, own, wrapper in rows:
        prompts.update((account, s) for s in own)
        held.update((account, s) for s in [*own, *wrapper])
    recurs = Counter(s for (a, s), n in prompts.items() if n >= 2 or n_sampled[a] <= 3)
    wrapped = set().union(*(r[3] for r in rows))
    counts = {
        (a, s): min(n, int(n_sampled[a])) for (a, s), n in held.items() if recurs[s] >= 2 or s in wrapped
    }
    users = Counter(s for _, s in counts)
    share = Counter[int]()
    for (a, s), n in counts.items():
        share[s] += round(n * 1e9 / n_sampled[a])
    heavy = {}
    for (a, s), n in counts.items():
        rate = usual_rate(np.array([share[s] / 1e9]), np.array([users[s]]), len(n_sampled))[0]
        mean = rate * n_sampled[a]
        if users[s] >= 2 and (n >= 2 or n_sampled[a] <= 3) and n >= 1 + mean + 3 * mean**0.5:
            heavy[s, a] = n
    often = Counter(s for s, _ in heavy)
    expected = sorted((s, a, n) for (s, a), n in heavy.items() if often[s] >= 2)
    found = read_heavy(sampled, len(n_sampled))
    assert len(expected) > 50
    assert (
        list(zip(found.shingle.tolist(), found.account.tolist(), found.n.tolist(), strict=True)) == expected
    )
    assert found.n_sampled.tolist() == n_sampled.tolist()


def test_matches_are_those_of_their_definition(sampled: DuckEngine) -> None:
    """Shingles of a core, those in both prompt and system prompt counted twice, some of them part of two templates."""
    sample_exchanges(sampled, 20)
    rows, n_sampled = sample_of(sampled)
    stock = sampled.collect("SELECT s FROM stock ORDER BY s")["s"].to_numpy()
    shingle = np.append(stock, stock[:40])
    template = np.append(np.arange(300) % 60, 60 + np.arange(40) % 4).astype(np.int32)
    cores: dict[int, set[int]] = {}
    for s, t in zip(shingle.tolist(), template.tolist(), strict=True):
        cores.setdefault(t, set()).add(s)
    expected = sorted(
        (account, xid, t)
        for account, xid, own, wrapper in rows
        for t, core in cores.items()
        if len(core & own) + len(core & wrapper) >= max(1, np.ceil(0.3 * len(core)))
    )
    heavy = read_heavy(sampled, len(n_sampled))
    found = match_cores(
        sampled, shingle, template, n_accounts=len(n_sampled), coverage=0.3, passes=heavy.passes
    )
    got = list(zip(found.account().tolist(), found.xid.tolist(), found.template.tolist(), strict=True))
    assert len(expected) > 50
    assert got == expected


def test_a_sample_is_cut_alike_in_any_number_of_passes(
    sampled: DuckEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the same rank that a window over the whole log gives, also for accounts with fewer exchanges than a sample."""
    expected = sampled.collect("""
        SELECT account, max(rank) AS rank FROM (
          SELECT account, rank, row_number() OVER (PARTITION BY account ORDER BY rank) AS position FROM shingles
        ) r WHERE position <= 20 GROUP BY account""").sort_by("account")
    for per_pass in (7, 300, 1_000_000):
        monkeypatch.setattr(sampling, "_RANKS_PER_PASS", per_pass)
        sample_exchanges(sampled, 20)
        assert sampled.collect("SELECT account, rank FROM cut").sort_by("account").equals(expected)
    sampled.register("shingles", sampled.collect("SELECT * FROM shingles WHERE 1 = 0"))
    sample_exchanges(sampled, 20)
    assert sampled.collect("SELECT * FROM cut").num_rows == 0
