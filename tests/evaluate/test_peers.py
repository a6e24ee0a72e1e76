"""Peers see what their sources say they see, on a world small enough to reason about."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydrascope.errors import UsageError
from hydrascope.evaluate.evaluation import Evaluation, evaluate_findings
from hydrascope.evaluate.findings import Findings, read_findings, write_findings
from hydrascope.evaluate.judged import read_truth
from hydrascope.evaluate.peers import PEERS, find_peer
from hydrascope.evaluate.peers.components import group_by_edges
from hydrascope.evaluate.peers.dense_block import peel_densest
from hydrascope.evaluate.peers.prada import PradaSettings, detect_prada
from hydrascope.evaluate.peers.shared_address import AddressSettings, detect_shared_addresses
from hydrascope.evaluate.peers.splink_weights import SplinkSettings, detect_splink
from hydrascope.evaluate.peers.stream_clusters import (
    StreamSettings,
    cluster_stream,
    detect_stream_clusters,
)
from hydrascope.evaluate.peers.velocity import VelocitySettings, detect_velocity
from hydrascope.evaluate.peers.window_mmd import (
    MmdSettings,
    detect_window_mmd,
    discrepancy,
    fourier_features,
    null_line,
)
from hydrascope.evaluate.world import Log, World

NEEDS_NO_EXTRA = sorted(set(PEERS) - {"splink"})


def held(findings: Findings, world: World) -> Evaluation:
    return evaluate_findings(findings, read_truth(world.truth))


@pytest.mark.parametrize("name", NEEDS_NO_EXTRA)
def test_every_peer_returns_a_row_for_every_account(name: str, micro_world: World, tmp_path: Path) -> None:
    """Findings of a peer survive a round trip and name each account of the log once."""
    findings = read_findings(write_findings(find_peer(name)(micro_world.log), tmp_path))
    assert len(findings.accounts) == len(set(findings.accounts["account_id"].to_pylist())) == 60
    assert findings.accounts["n_exchanges"].to_pylist() == [32] * 60
    assert set(findings.campaigns["verdict"].to_pylist()) <= {"distillation"}


@pytest.mark.parametrize("name", NEEDS_NO_EXTRA)
def test_a_log_of_the_three_needed_columns_is_enough(name: str, micro_world: World, tmp_path: Path) -> None:
    """No peer asks for a column or table that the contract calls optional."""
    bare = tmp_path / "bare.parquet"
    kept = ["exchange_id", "account_id", "started_at", "prompt"]
    pq.write_table(pq.read_table(micro_world.log.exchanges[0], columns=kept), bare)
    assert len(find_peer(name)(Log(exchanges=(bare,))).accounts) == 60


@pytest.mark.parametrize("name", NEEDS_NO_EXTRA)
def test_the_order_of_rows_does_not_matter(name: str, micro_world: World, tmp_path: Path) -> None:
    """A shuffled log in two files gives the same tables."""
    table = pq.read_table(micro_world.log.exchanges[0])
    shuffled = table.take(np.random.default_rng(0).permutation(len(table)))
    files = (tmp_path / "0.parquet", tmp_path / "1.parquet")
    pq.write_table(shuffled.slice(0, 700), files[0])
    pq.write_table(shuffled.slice(700), files[1])
    again = find_peer(name)(Log(exchanges=files, accounts=micro_world.log.accounts))
    assert again == find_peer(name)(micro_world.log)


@pytest.mark.parametrize("name", ["attribute_union", "synchro_trap", "keywords"])
def test_an_open_campaign_is_found_whole_and_alone(name: str, micro_world: World) -> None:
    """Shared cards, shared hours and the words of a wrapper each give all 20 accounts and nobody else."""
    result = held(find_peer(name)(micro_world.log), micro_world)
    assert (result.recall, result.false_alarms.any_verdict.n) == (1.0, 0)


def test_velocity_flags_only_accounts_at_a_limit(micro_world: World) -> None:
    """Exchanges below the usual limits, and above a limit of thirty."""
    assert not len(detect_velocity(micro_world.log).campaigns)
    assert len(detect_velocity(micro_world.log, VelocitySettings(total=30)).campaigns) == 60


def test_shared_addresses_join_accounts_of_a_crowded_address(micro_world: World) -> None:
    """Two or three accounts on each of eight addresses: eight groups at a limit of two, none at twenty."""
    assert not len(detect_shared_addresses(micro_world.log).campaigns)
    low = AddressSettings(per_address=2)
    result = held(detect_shared_addresses(micro_world.log, low), micro_world)
    assert (result.recall, len(result.found)) == (1.0, 8)


def test_dense_blocks_put_the_campaign_first(micro_world: World) -> None:
    """The densest block is the campaign; later blocks may be anybody, since density has no error rate."""
    result = held(find_peer("dense_block")(micro_world.log), micro_world)
    assert result.found[0].purity == 1.0
    assert result.found[0].n_accounts == 20


def test_window_mmd_sees_a_wrapper(micro_world: World) -> None:
    """Wrapped prompts exceed the line in windows of thirty-two."""
    assert held(detect_window_mmd(micro_world.log, MmdSettings(least=32)), micro_world).recall == 1.0


def test_window_mmd_keeps_its_stated_false_alarms() -> None:
    """Windows drawn at random from the background exceed the 5 % line about 5 % of the time."""
    rng = np.random.default_rng(3)
    vectors = rng.normal(size=(4_000, 16)).astype(np.float32)
    features = fourier_features(vectors, rng)
    line = null_line(features, MmdSettings(false_alarms=0.05), rng)
    centre = features.mean(axis=0)
    hits = [50 * discrepancy(features[rng.integers(0, 4_000, 50)], centre) > line for _ in range(1_000)]
    assert 0.03 < np.mean(hits) < 0.07


def test_prada_scores_stay_in_the_unit_interval(micro_world: World) -> None:
    """1 - W is a score whatever the distances look like."""
    p = detect_prada(micro_world.log, PradaSettings(least=20)).accounts["probability"].to_numpy()
    assert 0 <= p.min() <= p.max() <= 1
    assert p.max() > 0


def test_splink_links_a_campaign_of_shared_values(micro_world: World) -> None:
    """The library itself, at a prior that suits a world of 60 accounts."""
    pytest.importorskip("splink")
    result = held(detect_splink(micro_world.log, SplinkSettings(prior=0.3, threshold=0.8)), micro_world)
    assert (result.recall, result.false_alarms.any_verdict.n) == (1.0, 0)


def test_stream_clusters_find_one_wrapper_over_many_accounts(micro_world: World) -> None:
    """At a similarity that suits eight-word items; honest topics of one account each are not suspicious."""
    findings = detect_stream_clusters(micro_world.log, StreamSettings(similarity=0.6, least_prompts=20))
    result = held(findings, micro_world)
    assert (result.recall, result.false_alarms.any_verdict.n) == (1.0, 0)


def test_an_unknown_peer_is_told_the_nearest_name() -> None:
    """A typing error costs one look at the message."""
    with pytest.raises(UsageError, match="did you mean 'velocity'"):
        find_peer("velocty")


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("abcdefgh")), max_size=12))
def test_components_do_not_depend_on_the_order_of_edges(edges: list[tuple[str, str]]) -> None:
    """Groups are named by their first account."""
    assert group_by_edges(edges) == group_by_edges([(b, a) for a, b in reversed(edges)])


@given(st.sets(st.tuples(st.integers(0, 7), st.integers(0, 7)), min_size=1, max_size=30))
def test_peeling_returns_a_block_as_dense_as_it_says(edges: set[tuple[int, int]]) -> None:
    """Density is the block's weight over its nodes, and no less than that of the whole graph."""
    rows, columns = (np.array(x, dtype=np.int64) for x in zip(*sorted(edges), strict=True))
    _, columns = np.unique(columns, return_inverse=True)
    _, rows = np.unique(rows, return_inverse=True)
    n_rows = int(rows.max()) + 1
    block, inside, density = peel_densest(rows, columns, n_rows)
    weight = (1 / np.log(np.bincount(columns) + 5))[columns]
    whole = weight.sum() / (n_rows + columns.max() + 1)
    n_nodes = len(block) + len(set(columns[inside].tolist()))
    assert density >= whole - 1e-9
    assert weight[inside].sum() / max(1, n_nodes) >= density - 1e-9


def test_stream_clusters_keep_distant_vectors_apart() -> None:
    """Two orthogonal topics, interleaved, are two clusters across chunks."""
    vectors = np.tile(np.eye(2, 8, dtype=np.float32), (50, 1))
    cluster = cluster_stream(vectors, StreamSettings(), chunk=7)
    assert cluster.tolist() == [0, 1] * 50
