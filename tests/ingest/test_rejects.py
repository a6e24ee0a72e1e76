"""Rejects are counted, sorted and written the same way however they were collected."""

from __future__ import annotations

import json
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import pytest

from hydrascope.ingest import REASONS, WARNINGS, Rejects

ROWS = [(f"{i % 3}.jsonl", i, "broken_json", "") for i in range(1, 500)] + [
    ("a.gz", None, "truncated_file", "early")
]


@pytest.mark.parametrize("memory_rows", [7, 100, 100_000])
def test_collection_leaves_no_trace(tmp_path: Path, memory_rows: int) -> None:
    """Order, threads, merges, spills to disk and pickling: the same file."""
    plain = Rejects()
    for row in ROWS:
        plain.add(*row)
    plain.write(tmp_path / "plain.jsonl")
    shuffled = list(ROWS)
    Random(1).shuffle(shuffled)
    one, two = Rejects(memory_rows=memory_rows), Rejects(memory_rows=memory_rows)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda row: one.add(*row), shuffled[:300]))
    for row in shuffled[300:]:
        two.add(*row)
    one.merge(pickle.loads(pickle.dumps(two)))
    one.write(tmp_path / "other.jsonl")
    assert (tmp_path / "other.jsonl").read_bytes() == (tmp_path / "plain.jsonl").read_bytes()
    assert one.counts == plain.counts == {"broken_json": 499, "truncated_file": 1}


def test_the_file_names_file_line_and_reason(tmp_path: Path) -> None:
    """A whole file's reject has no line."""
    rejects = Rejects()
    rejects.add("b", None, "empty_file")
    rejects.add("a", 3, "bad_time", "detail")
    rejects.write(tmp_path / "r.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "r.jsonl").read_text().splitlines()]
    assert rows == [
        {"file": "a", "line": 3, "reason": "bad_time", "detail": "detail"},
        {"file": "b", "line": None, "reason": "empty_file", "detail": ""},
    ]


def test_warnings_are_counted_apart() -> None:
    """A caveat is no reject; merges add."""
    one, two = Rejects(), Rejects()
    one.warn("nul_bytes", 2)
    two.warn("nul_bytes")
    two.warn("wrong_type", 0)
    one.merge(two)
    assert one.warnings == {"nul_bytes": 3} and len(one) == 0


def test_every_name_is_known_and_explained() -> None:
    """A name outside the lists is a mistake in the code."""
    assert "duplicate_exchange_id" in REASONS
    assert all(REASONS.values()) and all(WARNINGS.values())
    with pytest.raises(ValueError, match="unknown reject"):
        Rejects().add("a", 1, "odd")
    with pytest.raises(ValueError, match="unknown warning"):
        Rejects().warn("odd")


def test_the_documentation_explains_every_name() -> None:
    """docs/ingest.md is the place where operators look a reason up."""
    text = (Path(__file__).parents[2] / "docs" / "ingest.md").read_text(encoding="utf-8")
    missing = [name for name in (*REASONS, *WARNINGS) if f"`{name}`" not in text]
    assert not missing
