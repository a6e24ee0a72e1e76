"""What the page shows of one campaign, worked out: drawings, sums, shown templates, rows within the budgets.

The whole report has a budget of account rows and of drawn nodes, spent from the most pressing campaign down,
so that two hundred campaigns, or one of 25,000 accounts, still make a page that opens at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hydrascope.records import FAMILIES
from hydrascope.report import prose, words
from hydrascope.report.chart import TimelineChart, draw_timeline
from hydrascope.report.findings import Findings, read_links
from hydrascope.report.layout import MAX_NODES, Drawing, draw_graph
from hydrascope.report.lineage import lineage_sentences
from hydrascope.report.masking import MIN_ACCOUNTS_SHOWN, clean, shown_template
from hydrascope.report.ranking import GROUPS, group_of, harm_of, priority, rank, taken_tokens
from hydrascope.report.shape import (
    CampaignEntry,
    Graph,
    GraphLink,
    HypothesisEntry,
    MemberEntry,
    TemplateEntry,
    TemplatePart,
)
from hydrascope.report.waterfall import Waterfall, build_waterfall

__all__ = ["CampaignView", "TemplateView", "build_views"]

ROWS_BUDGET = 40_000
ROWS_LEAST = 50
NODES_BUDGET = 15_000
NODES_LEAST = 50
MOST_TEMPLATES = 8
MOST_VALUES = 6
MOST_LINKS = 6
ROWS_DRAWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateView:
    """A template as it may be shown."""

    entry: TemplateEntry
    parts: tuple[TemplatePart, ...]
    is_private: bool
    """Its fixed words are masked too, because too few accounts sent it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The account rows that the page carries."""

    families: tuple[str, ...]
    shown: tuple[MemberEntry, ...]
    """Most exchanges first."""
    n_all: int
    widest_bits: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignView:
    """One campaign, ready to be written."""

    rank: int
    anchor: str
    group: str
    entry: CampaignEntry
    title: str
    verdict: str
    summary: str
    lineage: str
    """Where it comes from, in a sentence or two; empty where there is nothing to say."""
    innocent: str
    training: str
    n_accounts: int | None
    harm: float
    priority: float
    taken_tokens: float | None
    waterfalls: tuple[Waterfall, ...]
    extent: tuple[float, float]
    timeline: TimelineChart | None
    drawing: Drawing | None
    strongest_links: tuple[GraphLink, ...]
    templates: tuple[TemplateView, ...]
    n_templates: int
    rows: Rows
    checks: tuple[str, ...]
    reveal: bool

    @property
    def rivals(self) -> list[HypothesisEntry]:
        """Rival explanations, best first."""
        return sorted(self.entry.hypotheses, key=lambda h: (-h.bits, -(h.probability or 0.0), h.name))

    @property
    def banned(self) -> frozenset[str]:
        """Accounts of it that were banned."""
        dated = {m.account_id for m in self.entry.members if m.banned_at is not None}
        return frozenset(dated | {b.account_id for b in self.entry.timeline.bans})

    @property
    def rows_data(self) -> dict[str, object]:
        """The account rows as the script reads them; times in minutes since 1970."""
        names = self.rows.families
        return {
            "families": [[words.label(f), f] for f in names],
            "widest": self.rows.widest_bits,
            "rows": [member_row(m, names) for m in self.rows.shown],
        }

    @property
    def graph_data(self) -> dict[str, object]:
        """Names and neighbours of the drawn nodes, in drawing order."""
        if self.drawing is None:
            return {}
        return {
            "nodes": [
                [clean(n.accounts[0]), len(n.accounts), n.n_exchanges, n.n_links] for n in self.drawing.nodes
            ],
            "edges": [i for e in self.drawing.edges for i in (e.a, e.b)],
        }

    @property
    def timeline_data(self) -> dict[str, object]:
        """The timeline's values, bin by bin."""
        chart = self.timeline
        if chart is None:
            return {}
        return {
            "labels": chart.labels,
            "volume": chart.volume,
            "models": [[b.name, b.values] for b in chart.bands],
            "accounts": chart.accounts,
            "bans": chart.bans if chart.n_bans else [],
        }

    @property
    def seen_sparkline(self) -> str:
        """The volume as one path, at most 60 points, in a box of 100 x 20."""
        return sparkline(self.timeline.volume) if self.timeline else ""


def build_views(findings: Findings, *, reveal: bool) -> list[CampaignView]:
    """Every campaign, ranked, within the report's budgets."""
    ranked = rank(findings.campaigns)
    rows = allot([len(c.members) for c in ranked], ROWS_BUDGET, ROWS_LEAST)
    nodes = allot([graph_size(c) for c in ranked], NODES_BUDGET, NODES_LEAST)
    return [
        build_view(findings, c, place=i + 1, n_rows=rows[i], n_nodes=min(nodes[i], MAX_NODES), reveal=reveal)
        for i, c in enumerate(ranked)
    ]


def allot(wanted: Sequence[int], budget: int, least: int) -> list[int]:
    """Shares of a budget, in order, `least` (or what is wanted, if less) kept for each that follows.

    >>> allot([10, 100, 100], 60, 10)
    [10, 40, 10]
    """
    left = budget - sum(min(w, least) for w in wanted)
    shares = []
    for w in wanted:
        extra = max(min(w - least, left), 0)
        left -= extra
        shares.append(min(w, least) + extra)
    return shares


def graph_size(campaign: CampaignEntry) -> int:
    """Nodes that the campaign's picture asks for."""
    return min(len(campaign.graph.nodes) or len(campaign.members), MAX_NODES)


def build_view(
    findings: Findings, campaign: CampaignEntry, *, place: int, n_rows: int, n_nodes: int, reveal: bool
) -> CampaignView:
    """One campaign's view."""
    falls = tuple(f for f in (build_waterfall(campaign.evidence, s) for s in ("link", "abuse")) if f.rows)
    graph = graph_of(findings, campaign)
    return CampaignView(
        rank=place,
        anchor=f"campaign-{place}",
        group=group_of(campaign),
        entry=campaign,
        title=prose.title_of(campaign),
        verdict=prose.verdict_sentence(campaign),
        summary=prose.summary(campaign),
        lineage=" ".join(lineage_sentences(campaign, followed=findings.run.followed)),
        innocent=prose.innocent_sentence(campaign.best_innocent, campaign.verdict)
        if campaign.best_innocent
        else "",
        training=prose.training_sentence(campaign),
        n_accounts=prose.size_of(campaign),
        harm=harm_of(campaign),
        priority=priority(campaign),
        taken_tokens=taken_tokens(campaign),
        waterfalls=falls,
        extent=(
            min((f.extent[0] for f in falls), default=0.0),
            max((f.extent[1] for f in falls), default=1.0),
        ),
        timeline=draw_timeline(campaign.timeline),
        drawing=draw_graph(graph, max_nodes=n_nodes),
        strongest_links=tuple(
            sorted(graph.links, key=lambda k: (-k.bits, k.account_a, k.account_b))[:MOST_LINKS]
        ),
        templates=tuple(view_template(t, reveal=reveal) for t in order_templates(campaign)[:MOST_TEMPLATES]),
        n_templates=len(campaign.templates),
        rows=choose_rows(campaign.members, n_rows),
        checks=tuple(prose.checks(campaign)),
        reveal=reveal,
    )


def graph_of(findings: Findings, campaign: CampaignEntry) -> Graph:
    """The campaign's own graph or, where it carries none, the links between its members."""
    if campaign.graph.nodes or campaign.graph.links or not campaign.members:
        return campaign.graph
    links = read_links(findings, (m.account_id for m in campaign.members), both=True)
    return Graph(links=tuple(links))


def order_templates(campaign: CampaignEntry) -> list[TemplateEntry]:
    """Most exchanges first."""
    return sorted(campaign.templates, key=lambda t: (-(t.share or 0.0), -t.n_exchanges, t.template_id))


def view_template(template: TemplateEntry, *, reveal: bool) -> TemplateView:
    """A template with what may not be shown masked."""
    private = not reveal and template.n_accounts < MIN_ACCOUNTS_SHOWN
    return TemplateView(entry=template, parts=shown_template(template, reveal=reveal), is_private=private)


def choose_rows(members: Iterable[MemberEntry], most: int) -> Rows:
    """The `most` members with the most exchanges, and the families that any member has bits in."""
    everyone = sorted(members, key=lambda m: (-m.n_exchanges, m.account_id))
    named = {f for m in everyone for f in m.families}
    known = [f for f in FAMILIES if f in named]
    return Rows(
        families=(*known, *sorted(named - set(known))),
        shown=tuple(everyone[:most]),
        n_all=len(everyone),
        widest_bits=max((sum(max(b, 0.0) for b in m.families.values()) for m in everyone), default=0.0),
    )


def member_row(member: MemberEntry, families: Sequence[str]) -> list[object]:
    """One account as the script reads it."""
    return [
        clean(member.account_id),
        None if member.probability is None else round(member.probability, 4),
        round(member.bits, 1),
        member.n_exchanges,
        None if member.distillation_share is None else round(member.distillation_share, 3),
        None if member.first_seen is None else int(words.utc(member.first_seen).timestamp() // 60),
        None if member.banned_at is None else int(words.utc(member.banned_at).timestamp() // 60),
        *(round(member.families.get(f, 0.0), 1) for f in families),
    ]


def sparkline(values: Sequence[int]) -> str:
    """A line through at most 60 averaged points."""
    step = -(-len(values) // 60)
    points = [sum(values[i : i + step]) / len(values[i : i + step]) for i in range(0, len(values), step)]
    top = max(points) or 1.0
    wide = 100 / max(len(points) - 1, 1)
    return "M" + "L".join(f"{wide * i:.1f} {19 - 18 * p / top:.1f}" for i, p in enumerate(points))


def groups_of(views: Iterable[CampaignView]) -> Mapping[str, list[CampaignView]]:
    """Views by group, in the order of `GROUPS`."""
    found: dict[str, list[CampaignView]] = {g: [] for g in GROUPS}
    for view in views:
        found[view.group].append(view)
    return found
