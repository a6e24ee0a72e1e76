"""Why an account is in its campaign or in none, and what joins two accounts.

An account in no campaign gets an answer too: how near it came, to what, and what was missing; never a verdict.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import rustworkx as rx

from hydrascope.report import prose, words
from hydrascope.report.answer import (
    Answer,
    Line,
    Section,
    campaign_facts,
    family_words,
    hypotheses_section,
    kept,
)
from hydrascope.report.findings import AccountRow, Findings, read_links
from hydrascope.report.masking import clean
from hydrascope.report.shape import CampaignEntry, GraphLink, MemberEntry

__all__ = ["Found", "explain_account", "explain_pair"]

MOST_LINKS = 5
LEAST_FAMILIES = 2
"""A link and a member both need evidence from at least this many families (docs/report.md)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An account and what the folder knows of it."""

    account_id: str
    campaign: CampaignEntry | None
    member: MemberEntry | None
    row: AccountRow | None


def explain_account(findings: Findings, found: Found) -> Answer:
    """Why an account is in its campaign, or in none."""
    if found.campaign is None:
        return explain_outsider(findings, found)
    campaign, member = found.campaign, found.member
    bits = member.bits if member else found.row.bits if found.row else None
    probability = member.probability if member else found.row.probability if found.row else None
    links = links_of(findings, found.account_id, campaign)
    headline = (
        f"{clean(found.account_id)} belongs to {clean(campaign.campaign_id)}, “{prose.title_of(campaign)}”: "
        f"{words.bits(bits)} bits against the rest of it. Probability that it takes part in distillation: "
        f"{words.chance(probability)}."
    )
    sections = [
        account_facts(found),
        families_section(member.families if member else {}, "Why it is in: bits by family"),
        against_section(campaign, found.account_id),
        links_section(links, found.account_id),
        Section(
            title="What its campaign was judged to be", lines=(Line(text=prose.verdict_sentence(campaign)),)
        ),
        hypotheses_section(campaign.hypotheses),
        change_section(campaign, member),
    ]
    facts = campaign_facts(campaign) | {"bits": bits, "member_probability": probability}
    return Answer(
        kind="account", ids=(found.account_id,), headline=headline, facts=facts, sections=kept(sections)
    )


def account_facts(found: Found) -> Section:
    """What the account sent."""
    source = found.member or found.row
    if source is None:
        return Section(title="", lines=())
    text = f"It sent {words.plural(source.n_exchanges, 'exchange')}"
    if source.distillation_share is not None:
        bounds = found.member.distillation_share_interval if found.member else ()
        share = (
            words.percent_within(source.distillation_share, bounds) if source.distillation_share else "none"
        )
        text += f", {share} of them judged distillation"
    text += "."
    if found.member and found.member.first_seen:
        text += f" First seen {words.when(found.member.first_seen)}."
    if found.member:
        banned = found.member.banned_at
        text += f" Banned {words.when(banned)}." if banned else ""
        if found.member.stray:
            text += " It was brought to the campaign for what it shares with it, and was not judged with it."
    return Section(title="The account", lines=(Line(text=text),))


def families_section(families: Mapping[str, float], title: str) -> Section:
    """Bits by family, heaviest first."""
    ordered = sorted(families.items(), key=lambda kv: (-kv[1], kv[0]))
    return Section(title=title, lines=tuple(Line(label=words.label(f), bits=b, text="") for f, b in ordered))


def against_section(campaign: CampaignEntry, account: str) -> Section:
    """What speaks against its membership, or against the campaign as a whole."""
    lines = []
    if campaign.weakest_member and campaign.weakest_member.account_id == account:
        weakest = campaign.weakest_member
        lines.append(
            Line(label="Weakest member", bits=None, text=f"of the campaign. {clean(weakest.sentence)}")
        )
    lines += [
        Line(label=words.label(i.family), bits=i.bits, text=f"Of the whole campaign: {clean(i.sentence)}")
        for i in sorted(campaign.evidence, key=lambda i: (i.bits, i.sentence))
        if i.bits < 0
    ]
    return Section(title="What speaks against", lines=tuple(lines))


def links_of(findings: Findings, account: str, campaign: CampaignEntry | None) -> list[GraphLink]:
    """Links of an account, from the campaign's graph or else from `links.parquet`, strongest first."""
    own = [k for k in campaign.graph.links if account in (k.account_a, k.account_b)] if campaign else []
    found = own or read_links(findings, [account])
    return sorted(found, key=lambda k: (-k.bits, k.account_a, k.account_b))


def links_section(links: Sequence[GraphLink], account: str) -> Section:
    """Its strongest links, each with its reasons."""
    lines = [
        Line(
            label=clean(other_end(k, account)),
            bits=k.bits,
            text=family_words(k.families),
            detail=tuple(clean(s) for s in k.sentences[:3]),
        )
        for k in links[:MOST_LINKS]
    ]
    more = f" ({MOST_LINKS} of {words.count(len(links))})" if len(links) > MOST_LINKS else ""
    return Section(title=f"Strongest links{more}", lines=tuple(lines))


def change_section(campaign: CampaignEntry, member: MemberEntry | None) -> Section:
    """What would take the account out, and what would change its campaign's verdict."""
    sentences = [drop_sentence(member) if member else None, prose.flip_sentence(campaign)]
    return Section(title="What would change this", lines=tuple(Line(text=s) for s in sentences if s))


def drop_sentence(member: MemberEntry) -> str | None:
    """Which families would have to fall away before the account is no longer a member."""
    ordered = sorted(((b, f) for f, b in member.families.items() if b > 0), reverse=True)
    if not ordered:
        return None
    left, gone = member.bits, []
    for n, (b, family) in enumerate(ordered):
        gone.append(words.inline(family))
        left -= b
        if left <= 0 or len(ordered) - n - 1 < LEAST_FAMILIES:
            break
    rest = len(ordered) - len(gone)
    return (
        f"A member needs a positive score and {LEAST_FAMILIES} families. Without {words.join(gone)} this "
        f"account would keep {words.bits(left)} bits from {words.plural(rest, 'family', 'families')}, "
        "and would not be one."
    )


def explain_outsider(findings: Findings, found: Found) -> Answer:
    """Why an account is in no campaign, and what it came nearest to."""
    links = links_of(findings, found.account_id, None)
    homes = {m.account_id: c for c in findings.campaigns for m in c.members}
    near = [(k, homes[end]) for k in links if (end := other_end(k, found.account_id)) in homes]
    sections = [account_facts(found), nearest_section(findings, found, links, near)]
    score = found.row.bits if found.row else None
    if score:
        text = (
            f"Its best score against any group was {words.bits(score)} bits, which did not make it a member."
        )
        sections.append(Section(title="Its score", lines=(Line(text=text),)))
    sections.append(links_section(links, found.account_id))
    headline = f"{clean(found.account_id)} is in no campaign."
    facts: dict[str, object] = {
        "campaign_id": None,
        "bits": score,
        "nearest": near[0][1].campaign_id if near else None,
    }
    return Answer(
        kind="account", ids=(found.account_id,), headline=headline, facts=facts, sections=kept(sections)
    )


def other_end(link: GraphLink, account: str) -> str:
    """The account at the other end of a link."""
    return link.account_b if link.account_a == account else link.account_a


def nearest_section(
    findings: Findings,
    found: Found,
    links: Sequence[GraphLink],
    near: Sequence[tuple[GraphLink, CampaignEntry]],
) -> Section:
    """The campaign it came nearest to and what was missing, as far as the folder can say."""
    if near:
        link, campaign = near[0]
        other = other_end(link, found.account_id)
        families = [f for f, b in link.families.items() if b > 0]
        text = (
            f"Nearest: {clean(campaign.campaign_id)}, “{prose.title_of(campaign)}”, through {clean(other)} "
            f"({words.bits(link.bits)} bits)."
        )
        if len(families) < LEAST_FAMILIES:
            text += f" That rests on {words.plural(len(families), 'family', 'families')}; {LEAST_FAMILIES} are needed."
    elif links:
        text = "It is linked to other accounts, none of which is in a campaign."
    elif (findings.path / "links.parquet").is_file():
        text = "No link to any other account was strong enough to be kept."
    else:
        text = "This folder has no links.parquet, so how near it came to a campaign is not known."
    return Section(title="Why it is out", lines=(Line(text=text),))


def explain_pair(findings: Findings, a: Found, b: Found) -> Answer:
    """What joins two accounts, or that nothing kept does."""
    a, b = sorted((a, b), key=lambda found: found.account_id)
    ids = (a.account_id, b.account_id)
    link = direct_link(findings, a, b)
    names = f"{clean(ids[0])} and {clean(ids[1])}"
    if link is None:
        headline = f"No direct link between {names} was strong enough to be kept."
    else:
        headline = f"{names} are linked by {words.bits(link.bits)} bits."
        if link.surprise is not None:
            headline += f" Strangers share as much about once in 10^{link.surprise:.1f} pairs."
    sections = [
        families_section(link.families if link else {}, "Bits by family"),
        Section(title="Why", lines=tuple(Line(text=clean(s)) for s in link.sentences) if link else ()),
        path_section(a, b) if link is None else Section(title="", lines=()),
        Section(title="Where they belong", lines=tuple(belongs(found) for found in (a, b))),
    ]
    same = (
        a.campaign if a.campaign and b.campaign and a.campaign.campaign_id == b.campaign.campaign_id else None
    )
    facts = campaign_facts(same) | {"bits": link.bits if link else None}
    return Answer(kind="pair", ids=ids, headline=headline, facts=facts, sections=kept(sections))


def direct_link(findings: Findings, a: Found, b: Found) -> GraphLink | None:
    """The link between two accounts, from a campaign's graph or from `links.parquet`."""
    ends = {a.account_id, b.account_id}
    kept_links = [k for c in (a.campaign, b.campaign) if c for k in c.graph.links]
    found = [k for k in kept_links if {k.account_a, k.account_b} == ends]
    found = found or read_links(findings, ends, both=True)
    return found[0] if found else None


def path_section(a: Found, b: Found) -> Section:
    """How two accounts of one campaign hang together without a link of their own."""
    if a.campaign is None or b.campaign is None or a.campaign.campaign_id != b.campaign.campaign_id:
        return Section(title="", lines=())
    path = strongest_path(a.campaign.graph.links, a.account_id, b.account_id)
    if not path:
        text = "No chain of kept links joins them either: both fit the campaign's profile as a whole."
        return Section(title="What joins them", lines=(Line(text=text),))
    lines = tuple(
        Line(
            label=f"{clean(k.account_a)} to {clean(k.account_b)}", bits=k.bits, text=family_words(k.families)
        )
        for k in path
    )
    return Section(title="What joins them: a chain of links", lines=lines)


def strongest_path(links: Iterable[GraphLink], start: str, end: str) -> list[GraphLink]:
    """The chain of links with the least sum of 1/bits; empty where there is none."""
    graph = rx.PyGraph()
    nodes: dict[str, int] = {}
    for link in sorted(links, key=lambda k: (k.account_a, k.account_b)):
        for name in (link.account_a, link.account_b):
            if name not in nodes:
                nodes[name] = graph.add_node(name)
        graph.add_edge(nodes[link.account_a], nodes[link.account_b], link)
    if start not in nodes or end not in nodes:
        return []
    found = rx.dijkstra_shortest_paths(
        graph, nodes[start], nodes[end], weight_fn=lambda k: 1 / max(k.bits, 0.1)
    )
    if nodes[end] not in found:
        return []
    steps = list(found[nodes[end]])
    return [graph.get_edge_data(u, v) for u, v in pairwise(steps)]


def belongs(found: Found) -> Line:
    """Which campaign an account is in."""
    if found.campaign is None:
        return Line(label=clean(found.account_id), text="in no campaign")
    title = f"{clean(found.campaign.campaign_id)}, {prose.title_of(found.campaign)}"
    text = f"{title} ({words.label(found.campaign.verdict)}, {words.chance(found.campaign.probability)})"
    return Line(label=clean(found.account_id), text=text)
