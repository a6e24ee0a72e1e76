"""The LINK p-value is uniform for groups of strangers, and strangers alone are hardly ever a group."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from scanning import FAST, campaigns, scan_paths
from worlds import build_world, write_world

from hydrascope.campaigns.judge import LinkNull, link_null, null_holds
from hydrascope.campaigns.observations import Observations
from hydrascope.engine.duckdb import DuckEngine
from hydrascope.features.observer import ObserveSettings, PartObserver
from hydrascope.features.rows import resolve_rows
from hydrascope.ingest import Rejects, open_log, read_accounts
from hydrascope.pipeline.detect import detect


@pytest.fixture(scope="module")
def strangers(tmp_path_factory: pytest.TempPathFactory) -> Observations:
    """All that is known of three hundred unrelated people."""
    folder = tmp_path_factory.mktemp("strangers")
    world = build_world(campaign=0, class_size=0, enterprise=0, people=300, seed=31)
    log, accounts, _ = write_world(world, folder)
    source, rejects = open_log([str(log)]), Rejects()
    with PartObserver(folder / "stages", "0", ObserveSettings()) as observer:
        for batch in source.batches(rejects):
            observer.observe(batch)
    engine = DuckEngine(memory_bytes=1 << 30, threads=2, spill=folder / "spill")
    resolve_rows(engine, folder / "stages", source, rejects)
    detection = detect(
        engine,
        read_accounts(str(accounts), rejects),
        None,
        settings=FAST.detect,
        n_sketched=ObserveSettings().n_sketched,
        disabled=frozenset(),
        seed=0,
        time_stage=lambda _: nullcontext(),
    )
    engine.close()
    return detection.observations


@pytest.fixture(scope="module")
def null(strangers: Observations) -> LinkNull:
    """Random groups of every size."""
    return link_null(strangers, draws=120, seed=1)


def test_p_values_of_random_groups_are_about_uniform(strangers: Observations, null: LinkNull) -> None:
    """Groups drawn afresh: few small p-values, and no more of them than there should be."""
    fresh = link_null(strangers, draws=100, seed=2)
    for size, drawn in zip(fresh.sizes, fresh.draws, strict=True):
        p = np.array([null.p_value(float(s), size)[0] for s in drawn])
        assert ((p > 0) & (p <= 1)).all()
        assert (p <= 0.05).mean() <= 0.05 + 4 * np.sqrt(0.05 * 0.95 / len(p)), size
        assert (p <= 0.5).mean() == pytest.approx(0.5, abs=0.25), size


def test_every_run_says_how_its_null_holds(strangers: Observations, null: LinkNull) -> None:
    """Shares of further random groups at or below each level, which the levels bound up to chance."""
    held = null_holds(strangers, null, draws=200, seed=1)
    assert list(held) == ["0.01", "0.05", "0.1", "0.5"]
    for level, share in held.items():
        assert share <= float(level) + 4 * np.sqrt(float(level) * (1 - float(level)) / 200)
    assert null_holds(strangers, LinkNull(sizes=(), draws=()), draws=10, seed=1) == {}


def test_a_stronger_group_has_a_smaller_p_value(null: LinkNull) -> None:
    """And one far beyond chance has as small a one as the number of draws allows."""
    for size in (4, 10, 30):
        p = [null.p_value(s, size)[0] for s in (0.0, 2.0, 5.0, 20.0)]
        assert p == sorted(p, reverse=True)
        assert p[-1] <= 1 / (1 + sum(map(len, null.draws))) + 1e-9


def test_the_null_is_the_same_for_the_same_seed(strangers: Observations) -> None:
    """Another seed draws other groups."""
    a, b, c = (link_null(strangers, draws=5, seed=s) for s in (3, 3, 4))
    assert all(np.array_equal(x, y) for x, y in zip(a.draws, b.draws, strict=True))
    assert not np.array_equal(a.draws[0], c.draws[0])


def test_too_few_accounts_have_no_null() -> None:
    """Without groups to compare with nothing is significant."""
    assert LinkNull(sizes=(), draws=()).p_value(50.0, 10) == (1.0, False)


@pytest.mark.parametrize("seed", [41, 42])
def test_strangers_alone_are_no_group(tmp_path: Path, seed: int) -> None:
    """Three hundred people with nothing in common but words, hours and browsers."""
    world = build_world(campaign=0, class_size=0, enterprise=0, people=300, seed=seed)
    log, _, _ = write_world(world, tmp_path)
    scan_paths([log], tmp_path / "out", tmp_path)
    assert sum(c["n_accounts"] for c in campaigns(tmp_path / "out")) <= 6
    assert not any(c["verdict"] == "distillation" or c["enforceable"] for c in campaigns(tmp_path / "out"))
