"""Moves to a new model and refusals are counted by account, exactly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
from observing import at, engine_on

from hydrascope.features.population import read_population
from hydrascope.features.refusals import read_refusals
from hydrascope.features.releases import WINDOW_H, read_moves
from hydrascope.kernels.strings import hash_strings


def micros(hours: float) -> int:
    """Microseconds since 1970."""
    return int(at(hours).timestamp() * 1e6)


def test_moves_count_the_window_after_the_release_and_no_more(tmp_path: Path) -> None:
    """Exchanges before it, and from its end on, count nowhere; other models count as sent only."""
    rows: list[dict[str, Any]] = [
        {"account_id": account, "started_at": at(h), "model": model}
        for account, h, model in [
            ("a", 9.0, "new"),
            ("a", 10.0, "new"),
            ("a", 30.0, "old"),
            ("a", 10.0 + WINDOW_H, "new"),
            ("b", 11.0, "old"),
            ("c", 2.0, "old"),
            ("c", 90.0, "old"),
        ]
    ]
    engine = engine_on(rows, tmp_path)
    population = read_population(engine, None)
    moves = read_moves(engine, population, [(micros(10), "new")])
    assert moves.models == ("new",)
    assert moves.moved[:, 0].tolist() == [1, 0, 0]
    assert moves.sent[:, 0].tolist() == [2, 1, 0]


def test_releases_outside_the_log_are_not_looked_at(tmp_path: Path) -> None:
    """Nothing can be said of them."""
    engine = engine_on([{"account_id": "a", "started_at": at(h), "model": "m"} for h in (1, 50)], tmp_path)
    population = read_population(engine, None)
    assert read_moves(engine, population, [(micros(-5), "m"), (micros(60), "m")]).models == ()


def test_refusals_are_those_stop_reasons_that_apis_give_for_them(tmp_path: Path) -> None:
    """In any case; a log without stop reasons says nothing, which is not the same as no refusal."""
    reasons = ["refusal", "CONTENT_FILTER", "end_turn", None, "SAFETY"]
    rows = [{"account_id": "ab"[i % 2], "started_at": at(i), "stop_reason": r} for i, r in enumerate(reasons)]
    engine = engine_on(rows, tmp_path)
    population = read_population(engine, None)
    assert read_refusals(engine, len(population)) is None
    known = pa.array([r for r in reasons if r is not None])
    accounts = pa.array(["a", "b"])
    engine.register(
        "value_names",
        pa.table(
            {
                "channel": ["stop"] * len(known) + ["account"] * 2,
                "value": pa.concat_arrays([hash_strings(known), hash_strings(accounts)]),
                "text": pa.concat_arrays([known, accounts]),
            }
        ),
    )
    refused = read_refusals(engine, len(population))
    assert refused is not None and refused.tolist() == [2, 1]
