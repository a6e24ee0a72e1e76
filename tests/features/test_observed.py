"""An exchange is observed alike in whatever batch, part or file it comes."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from observing import at, batch_of, random_rows

from hydrascope.features import observer
from hydrascope.features.observed import OBSERVED, observe_exchanges
from hydrascope.features.observer import KINDS, ObserveSettings, PartObserver
from hydrascope.kernels.strings import hash_strings
from hydrascope.sketch import encode_sketches, sketch_texts

ROW = {"started_at": at(0), "account_id": "a"}


@settings(max_examples=25)
@given(st.integers(0, 1000), st.lists(st.integers(1, 59), max_size=5))
def test_any_cut_into_batches_gives_the_same_rows(seed: int, cuts: list[int]) -> None:
    """Nulls of the neighbours in a batch change nothing, slices are read as whole batches are."""
    whole = batch_of(random_rows(60, seed))
    bounds = [0, *sorted(set(cuts)), 60]
    pieces = [whole.slice(a, b - a) for a, b in pairwise(bounds)]
    together = observe_exchanges(whole, rate=0.25)
    apart = [observe_exchanges(p, rate=0.25) for p in pieces]
    assert pa.concat_tables([o.rows for o in apart]).equals(together.rows)
    assert np.array_equal(np.concatenate([o.rank for o in apart]), together.rank)
    assert np.array_equal(np.concatenate([o.sketch.shingles for o in apart]), together.sketch.shingles)


def test_unknown_stays_unknown() -> None:
    """A row with only the needed columns has nulls everywhere else, and no hash of nothing."""
    rows = observe_exchanges(batch_of([ROW]), rate=0.25).rows
    assert rows.schema == OBSERVED
    (row,) = rows.to_pylist()
    known = {"xid", "account", "at_us", "prompt", "n_words", "script", "row_hash", "file", "line"}
    assert {name for name, value in row.items() if value is not None} == known


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ({"tools": ["a", "b"]}, "tools"),
        ({"tools": []}, "tools"),
        ({"temperature": 0.5}, "decoding"),
        ({"max_tokens": 64}, "decoding"),
        ({"client_ip": "192.0.2.1"}, "network"),
        ({"system": "be brief"}, "system"),
        ({"prompt": "other words"}, "prompt"),
        ({"user_agent": "x"}, "row_hash"),
        ({"max_tokens": 64}, "row_hash"),
    ],
)
def test_what_differs_hashes_differently(change: dict[str, object], column: str) -> None:
    """Each column tells rows apart that differ in it; an empty tool list is no tools."""
    plain, other = observe_exchanges(batch_of([ROW, ROW | change]), rate=0.25).rows[column].to_pylist()
    assert (plain == other) == (change == {"tools": []})


def test_the_order_of_tools_does_not_matter() -> None:
    """And a tool declared twice is not two others."""
    tools = [["a", "b"], ["b", "a"], ["a", "a"], ["b", "b"], [None, "a"]]
    hashed = (
        observe_exchanges(batch_of([ROW | {"tools": t} for t in tools]), rate=0.25).rows["tools"].to_pylist()
    )
    assert hashed[0] == hashed[1]
    assert len(set(hashed)) == 4


def test_a_sketch_says_what_the_text_would() -> None:
    """Fed sketches give the hash, size and shingles of the text, also beside rows with text."""
    texts = [f"please compare item {i} with the one before it in detail" for i in range(6)]
    sketches = encode_sketches(sketch_texts(pa.array(texts), rate=0.25), rate=0.25).to_pylist()
    text_rows = [ROW | {"prompt": t} for t in texts]
    mixed_rows = [
        ROW | ({"prompt": t} if i % 2 else {"prompt": None, "sketch": s})
        for i, (t, s) in enumerate(zip(texts, sketches, strict=True))
    ]
    read, mixed = (observe_exchanges(batch_of(r), rate=0.25) for r in (text_rows, mixed_rows))
    assert mixed.rows["prompt"].equals(read.rows["prompt"])
    assert mixed.rows["n_words"].equals(read.rows["n_words"])
    assert np.array_equal(mixed.sketch.shingles, read.sketch.shingles)


def observe(folder: Path, rows: list[pa.RecordBatch], **changed: object) -> dict[str, pa.Table]:
    """The tables that one part leaves, by kind."""
    with PartObserver(folder, "0", ObserveSettings(**changed)) as part:  # type: ignore[arg-type]
        for batch in rows:
            part.observe(batch)
    paths = {kind: folder / kind / "0.parquet" for kind in KINDS}
    return {kind: pq.read_table(path) for kind, path in paths.items() if path.exists()}


def test_the_lowest_ranked_exchanges_of_an_account_are_always_kept(tmp_path: Path) -> None:
    """However the rows come: the sample of 8 is inside what is kept, and what is kept is bounded."""
    batch = batch_of([{"started_at": at(i / 100), "account_id": f"a{i % 3}"} for i in range(3000)])
    rank = observe_exchanges(batch, rate=0.25).rank
    wanted = {
        (account, int(r))
        for account in ("a0", "a1", "a2")
        for r in np.sort(rank[np.array(batch["account_id"].to_pylist()) == account])[:8]
    }
    codes = {
        code: name
        for name, code in zip("012", hash_strings(pa.array(["a0", "a1", "a2"])).to_pylist(), strict=True)
    }
    for step in (3000, 500, 60):
        pieces = [batch.slice(i, step) for i in range(0, 3000, step)]
        kept = observe(tmp_path / str(step), pieces, n_sketched=8)["shingles"]
        found = {
            (f"a{codes[a]}", r)
            for a, r in zip(kept["account"].to_pylist(), kept["rank"].to_pylist(), strict=True)
        }
        assert wanted <= found
        assert len(found) < 3000 / 4


@pytest.mark.parametrize("held", [1, 64 << 20])
def test_shingles_lie_in_order_of_accounts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: int
) -> None:
    """As far as they were held at once; row groups are small and say whose they are, so that few need be read."""
    monkeypatch.setattr(observer, "_HELD_BYTES", held)
    monkeypatch.setattr(observer, "SHINGLE_GROUP_ROWS", 16)
    batch = batch_of(random_rows(200, 3))
    tables = observe(tmp_path, [batch.slice(i, 50) for i in range(0, 200, 50)])
    accounts = tables["shingles"]["account"].to_numpy()
    assert sorted(tables["shingles"]["xid"].to_pylist()) == sorted(tables["rows"]["xid"].to_pylist())
    for piece in np.split(accounts, range(50, 200, 50)) if held == 1 else [accounts]:
        assert (np.diff(piece) >= 0).all()
    meta = pq.ParquetFile(tmp_path / "shingles" / "0.parquet").metadata
    groups = [meta.row_group(g) for g in range(meta.num_row_groups)]
    assert all(g.num_rows <= 16 and g.column(0).statistics.has_min_max for g in groups)


def test_no_text_leaves_the_observer_where_none_may(tmp_path: Path) -> None:
    """With keep_text off there is no table of texts, and system prompts are hashes."""
    rows = [ROW | {"system": "a secret system prompt", "prompt": "a secret question"}]
    tables = observe(tmp_path, [batch_of(rows)], keep_text=False)
    assert "texts" not in tables
    assert not any("secret" in str(t.to_pylist()) for t in tables.values())


def test_a_failing_part_leaves_nothing_under_its_name(tmp_path: Path) -> None:
    """A part is whole or absent."""
    with pytest.raises(RuntimeError), PartObserver(tmp_path, "0", ObserveSettings()) as part:
        part.observe(batch_of([ROW]))
        raise RuntimeError
    assert not list(tmp_path.rglob("*.parquet"))


def test_each_value_is_named_once_in_a_part(tmp_path: Path) -> None:
    """Names of values and system prompts do not grow with the rows."""
    rows = [ROW | {"model": f"m{i % 2}", "system": f"prompt {i % 3}"} for i in range(300)]
    tables = observe(tmp_path, [batch_of(rows).slice(i, 50) for i in range(0, 300, 50)])
    assert len(tables["systems"]) == 3
    assert sorted(tables["values"]["text"].to_pylist()) == ["a", "m0", "m1"]
