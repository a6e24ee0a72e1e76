"""Layout, timeline, waterfall and ranking: what the page draws is determined by the findings alone."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydrascope.records import FAMILIES
from hydrascope.report.chart import MOST_BINS, draw_timeline
from hydrascope.report.layout import MAX_NODES, draw_graph
from hydrascope.report.ranking import priority, rank
from hydrascope.report.shape import (
    Ban,
    CampaignEntry,
    EvidenceEntry,
    Graph,
    GraphLink,
    GraphNode,
    Harm,
    Release,
    Timeline,
)
from hydrascope.report.views import allot
from hydrascope.report.waterfall import build_waterfall

START = datetime(2026, 3, 2, tzinfo=UTC)


def ring(n: int) -> list[GraphLink]:
    """A ring of n accounts."""
    return [
        GraphLink(
            account_a=f"a{i:05d}", account_b=f"a{(i + 1) % n:05d}", bits=20.0 + i % 7, families={"egress": 9}
        )
        for i in range(n)
    ]


def test_same_graph_same_picture_whatever_the_order() -> None:
    """Shuffled nodes and links give identical coordinates."""
    links = ring(60)
    nodes = [GraphNode(account_id=f"a{i:05d}", n_exchanges=i) for i in range(62)]
    first = draw_graph(Graph(nodes=tuple(nodes), links=tuple(links)))
    random.Random(3).shuffle(links)
    random.Random(4).shuffle(nodes)
    assert draw_graph(Graph(nodes=tuple(nodes), links=tuple(links))) == first


def test_every_account_has_a_place_inside_the_picture() -> None:
    """Linked or loose, all 62 accounts are drawn and none lies outside."""
    nodes = tuple(GraphNode(account_id=f"a{i:05d}") for i in range(62))
    drawing = draw_graph(Graph(nodes=nodes, links=tuple(ring(60))))
    assert drawing is not None and len(drawing.nodes) == 62 and not drawing.is_aggregate
    assert all(0 <= n.x <= drawing.width and 0 <= n.y <= drawing.height for n in drawing.nodes)
    assert all(math.isfinite(n.x + n.y + n.r) for n in drawing.nodes)


@pytest.mark.parametrize("linked", [True, False])
def test_too_many_accounts_are_drawn_together_and_none_is_lost(linked: bool) -> None:
    """4,000 accounts, with links or without, take at most MAX_NODES dots that stand for all of them."""
    nodes = tuple(GraphNode(account_id=f"a{i:05d}", n_exchanges=2) for i in range(4000))
    drawing = draw_graph(Graph(nodes=nodes, links=tuple(ring(4000)) if linked else ()))
    assert drawing is not None and drawing.is_aggregate
    assert len(drawing.nodes) <= MAX_NODES
    assert sum(len(n.accounts) for n in drawing.nodes) == 4000
    assert sum(n.n_exchanges for n in drawing.nodes) == 8000


def test_nothing_to_draw_is_none() -> None:
    """One account, or none, makes no picture."""
    assert draw_graph(Graph()) is None
    assert draw_graph(Graph(nodes=(GraphNode(account_id="a"),))) is None


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=900), st.sampled_from([60, 3600, 86_400]))
def test_the_timeline_keeps_every_exchange(volumes: list[int], bin_s: int) -> None:
    """Widened bins add up to the same total, and there are at most MOST_BINS of them."""
    chart = draw_timeline(Timeline(bin_s=bin_s, start=START, n_exchanges=tuple(volumes)))
    assert chart is not None
    assert sum(chart.volume) == sum(volumes)
    assert len(chart.volume) <= MOST_BINS
    assert all(0 <= t.at <= 100 for t in chart.ticks)


def test_models_stack_to_the_volume_and_small_ones_are_other() -> None:
    """Five models are named; what they leave of the volume is `other`."""
    models = {f"m{i}": (10 - i, 10 - i) for i in range(7)}
    chart = draw_timeline(Timeline(start=START, n_exchanges=(60, 60), models=models))
    assert chart is not None
    assert [b.name for b in chart.bands] == ["m0", "m1", "m2", "m3", "m4", "other"]
    assert [sum(column) for column in zip(*(b.values for b in chart.bands), strict=True)] == [60, 60]


def test_bans_and_releases_find_their_place() -> None:
    """A ban is counted in its bin; a release outside the span is left out; near letters get their own rows."""
    chart = draw_timeline(
        Timeline(
            start=START,
            n_exchanges=(1,) * 10,
            bans=(Ban(at=START + timedelta(days=3, hours=5)), Ban(at=START + timedelta(days=99))),
            releases=tuple(
                Release(at=START + timedelta(hours=h), subject=f"s{h}") for h in (-5, 24, 26, 999)
            ),
        )
    )
    assert chart is not None
    assert chart.bans == (0, 0, 0, 1, 0, 0, 0, 0, 0, 1)
    assert [(m.letter, m.lane) for m in chart.releases] == [("A", 0), ("B", 1)]


def test_a_family_counts_up_to_its_cap_and_sides_stay_apart() -> None:
    """20 bits of egress count 16 for LINK; ABUSE has its own sum; against stands after for."""
    items = [
        EvidenceEntry(side="link", family="egress", channel="a", bits=14.0),
        EvidenceEntry(side="link", family="egress", channel="b", bits=6.0),
        EvidenceEntry(side="link", family="identity", bits=-2.0),
        EvidenceEntry(side="abuse", family="work_split", bits=30.0),
    ]
    link = build_waterfall(items, "link")
    assert [(r.family, r.start, r.bits, r.is_capped) for r in link.rows] == [
        ("egress", 0.0, 16.0, True),
        ("identity", 16.0, -2.0, False),
    ]
    assert link.total == 14.0
    assert link.extent == (0.0, 20.0)
    assert build_waterfall(items, "abuse").total == 30.0


@given(st.lists(st.tuples(st.sampled_from(sorted(FAMILIES)), st.floats(-30, 30)), max_size=30))
def test_the_waterfall_does_not_depend_on_order(items: list[tuple[str, float]]) -> None:
    """Evidence in any order gives the same families with the same bits, none above its cap."""
    evidence = [
        EvidenceEntry(side="link", family=f, bits=b, channel=f"{i}") for i, (f, b) in enumerate(items)
    ]
    there, back = build_waterfall(evidence, "link"), build_waterfall(evidence[::-1], "link")
    assert [(r.family, r.items) for r in there.rows] == [(r.family, r.items) for r in back.rows]
    assert all(r.bits <= FAMILIES[r.family] for r in there.rows)


def test_ranking_is_harm_times_confidence_within_a_group() -> None:
    """Distillation first, then the undecided, then the rest; within each the larger product."""
    entries = [
        CampaignEntry(campaign_id="r", verdict="reseller", probability=1.0, harm=Harm(score=99.0)),
        CampaignEntry(campaign_id="a", verdict="distillation", probability=0.5, harm=Harm(score=6.0)),
        CampaignEntry(campaign_id="i", verdict="inconclusive", probability=0.9, harm=Harm(score=9.0)),
        CampaignEntry(campaign_id="b", verdict="distillation", probability=0.9, harm=Harm(score=4.0)),
    ]
    assert [c.campaign_id for c in rank(entries)] == ["b", "a", "i", "r"]
    assert priority(entries[1]) == 3.0


@given(st.lists(st.integers(0, 500), max_size=40), st.integers(0, 3000), st.integers(0, 60))
def test_a_budget_is_never_overspent_beyond_the_least(wanted: list[int], budget: int, least: int) -> None:
    """Nobody gets more than wanted, everybody the least, and the sum stays within budget or the leasts."""
    shares = allot(wanted, budget, least)
    assert all(min(w, least) <= s <= w for w, s in zip(wanted, shares, strict=True))
    assert sum(shares) <= max(budget, sum(min(w, least) for w in wanted))
