"""From resolved rows to judged campaigns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from hydrascope.campaigns.calibration import load_calibration
from hydrascope.campaigns.cluster import (
    Candidate,
    answer_groups,
    community_members,
    form_cores,
    keep_members,
    remainders,
    resolve,
    sunken_cores,
)
from hydrascope.campaigns.content import ContentSource, count_pieces
from hydrascope.campaigns.distilled import (
    Read,
    distilled_shares,
    read_ordinary,
    typical_wording,
)
from hydrascope.campaigns.document import Surroundings
from hydrascope.campaigns.explain import sharing_of_pair
from hydrascope.campaigns.findings import Finding, PairLinks
from hydrascope.campaigns.inner import with_inner
from hydrascope.campaigns.judge import (
    Judged,
    LinkNull,
    enforceable,
    habit_bits,
    judge,
    least_habit_bits,
    least_operator_bits,
    link_null,
    null_holds,
    operator_bits,
    wordless_strays,
)
from hydrascope.campaigns.membership import ClusterSettings, rarity
from hydrascope.campaigns.observables import usual_habits
from hydrascope.campaigns.observations import (
    EARNEST,
    Channel,
    Observations,
    Pieces,
    index_channels,
    is_declared,
    prepare_quantities,
)
from hydrascope.campaigns.standby import with_standby
from hydrascope.campaigns.stock import loosely_tied
from hydrascope.campaigns.synchrony import common_cycle
from hydrascope.campaigns.track import campaign_id
from hydrascope.engine.base import Engine
from hydrascope.features.activity import read_activity
from hydrascope.features.carried import read_carried
from hydrascope.features.content import Matches
from hydrascope.features.incidence import IDENTITY_GRADE, read_channels
from hydrascope.features.items import read_items
from hydrascope.features.population import Population, read_population
from hydrascope.features.refusals import read_refusals
from hydrascope.features.releases import read_moves
from hydrascope.features.surroundings import (
    Happenings,
    read_happenings,
    read_models,
    read_names,
    read_texts,
)
from hydrascope.features.wording import read_openers, read_sampled
from hydrascope.linkage.blocks import Block, dense_blocks
from hydrascope.linkage.clusters import cluster_links
from hydrascope.linkage.incidence import ChannelSpec, Incidence, incidence_from_rows
from hydrascope.linkage.links import Links, link_accounts
from hydrascope.pipeline.control import Control, allowed_accounts, match_indicators, without_allowed
from hydrascope.pipeline.pools import unite_pools
from hydrascope.pipeline.settings import DetectSettings
from hydrascope.pipeline.texts import (
    Texts,
    community_channel,
    find_stocks_among,
    read_texts_in_use,
    stock_candidates,
    with_stocks,
)
from hydrascope.sketch import label_group, label_recurring, label_verbatim, template_parts
from hydrascope.stats.multiplicity import benjamini_hochberg

__all__ = ["DetectSettings", "Detection", "detect"]

NULL_CHECKS = 200
"""Random groups whose p-values are held against their levels in every run."""

LEAST_SUSPICION = 0.2
"""Probability of distillation from which an undecided group is shown."""
LEAST_BELONGING = 0.05
"""Probability of membership, below which an account leaves an accused operator's group: cores are united and added to after they were refined."""
Timer = Callable[[str], AbstractContextManager[None]]
_LINKED = (
    "payment_fingerprint",
    "phone_fingerprint",
    "device_fingerprint",
    "api_key",
    "ip",
    "network",
    "signup_ip",
    "signup_network",
    "tls",
    "tools",
    "system",
    "decoding",
    "email_domain",
    "user_agent",
)
"""Channels that may make a link by themselves; the others only support one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """Everything that findings are written from."""

    observations: Observations
    findings: tuple[Finding, ...]
    """Ranked by harm."""
    links: PairLinks
    around: Surroundings
    base_rate: float
    error_rates: dict[str, Any]


def detect(
    engine: Engine,
    accounts: pa.Table | None,
    events: pa.Table | None,
    *,
    settings: DetectSettings,
    n_sketched: int,
    disabled: frozenset[str],
    seed: int,
    time_stage: Timer,
    control: Control | None = None,
) -> Detection:
    """Features, templates, links, clusters and verdicts of the view `exchanges`."""
    with time_stage("features"):
        population = read_population(engine, accounts)
        rows = read_channels(engine, population, disabled)
        activity = read_activity(engine, population)
        items = read_items(engine, len(population), int(population.n.sum()))
        happenings = read_happenings(events, population)
        moves = read_moves(engine, population, happenings.releases)
        refused = read_refusals(engine, len(population))
        carried = None if {"identity", "answers"} & disabled else read_carried(engine, len(population))
    with time_stage("templates"):
        texts = read_texts_in_use(
            engine,
            len(population),
            n_sketched,
            content="content" not in disabled,
            settings=settings.templates,
            least_share=settings.cluster.min_share,
        )
    channels = index_channels(rows, population.n)
    observations = Observations(
        population=population,
        channels=channels,
        activity=activity,
        **_of_texts(texts),
        n_sampled=texts.n_sampled,
        n_with_sample=int((texts.n_sampled > 0).sum()),
        quantities={
            k: q for k, q in prepare_quantities(population, activity).items() if not _off(k, disabled)
        },
        cycle=None if {"timing", "synchrony"} & disabled else common_cycle(activity),
        moves=moves,
        refused=refused,
        carried=carried,
        organization_size=Counter(o for o in population.attributes.get("organization_id", []) if o),
    )
    with time_stage("links"):
        linked = channels | {"template": community_channel(texts.community_share, settings.cluster.min_share)}
        incidence = _incidence(linked, observations)
        link_settings = replace(settings.links, seed=seed)
        links = link_accounts(incidence, link_settings)
        blocks = dense_blocks(incidence, link_settings)
    with time_stage("clusters"):
        candidates, sunken = _candidates(observations, texts.matches, links, blocks, settings)
        untied = _untied(candidates, len(population))
        observations = replace(observations, background=untied)
        observations = replace(observations, usual=usual_habits(observations))
    with time_stage("wording"):
        read = partial(read_sampled, engine, population)
        untied = untied[texts.n_sampled[untied] > 0]
        candidates = _with_wording(read, observations, untied, candidates)
        sunken = _with_wording(
            read, observations, np.intersect1d(untied, _untied(sunken, len(population))), sunken
        )
    with time_stage("stocks"):
        loose = loosely_tied(candidates, settings.cluster)
        free = np.union1d(untied, loose[texts.n_sampled[loose] > 0])
        stocks, unread = find_stocks_among(read, texts, free, settings.stocks, settings.templates)
        if stocks:
            texts = with_stocks(engine, texts, stocks, settings.templates)
            observations = replace(observations, **_of_texts(texts))
            candidates += stock_candidates(observations, texts.matches, stocks, unread, settings.cluster)
        candidates += sunken
    with time_stage("verdicts"):
        observations = replace(observations, pieces=_pieces(observations, candidates))
        samples = read_texts(engine, population, _kept_accounts(candidates))
        source = ContentSource(
            matches=texts.matches,
            items=items,
            items_by_account=np.searchsorted(items.account, np.arange(len(population) + 1)),
            texts=samples,
            label=label_group,
            label_recurring=label_recurring,
            label_verbatim=label_verbatim,
        )
        null = link_null(observations, draws=settings.null_draws, seed=seed)
        rejudge = partial(judge, observations, source, happenings, null=null)
        judged = unite_pools(
            engine,
            observations,
            texts.matches,
            happenings,
            [rejudge(c) for c in candidates],
            rejudge,
            seed=settings.cluster.seed,
        )
        judged = with_inner(observations, source, judged, rejudge, settings.cluster)
        control = control or Control()
        allowed = allowed_accounts(control, population, channels, engine)
        findings = _findings(observations, judged, rejudge, allowed, settings)
    with time_stage("shares"):
        findings = _with_shares(engine, read, observations, untied, findings)
    with time_stage("surroundings"):
        known = None if accounts is None else without_allowed(control, accounts)
        findings = with_standby(observations, known, events, findings)
        pairs = _pair_links(links, incidence.channels)
        around = _surround(engine, observations, findings, pairs, source, happenings, control)
    return Detection(
        observations=observations,
        findings=tuple(findings),
        links=pairs,
        around=around,
        base_rate=settings.base_rate,
        error_rates=_error_rates(
            observations,
            links,
            null,
            null_holds(observations, null, draws=NULL_CHECKS, seed=seed),
            judged,
            settings,
        ),
    )


def _off(quantity: str, disabled: frozenset[str]) -> bool:
    family = "timing" if quantity == "volume" else "lifecycle"
    return quantity in disabled or family in disabled


def _of_texts(texts: Texts) -> dict[str, Any]:
    """What `Observations` holds of the texts in use."""
    held = texts.template_share
    return {
        "templates": texts.templates,
        "community": texts.community,
        "template_share": held,
        "template_holders": np.bincount(held.indices, minlength=held.shape[1]),
        "template_users": np.bincount(held.indices[held.data >= EARNEST], minlength=held.shape[1]),
        "community_share": texts.community_share,
        "usage": texts.usage,
        "usage_total": np.bincount(
            texts.usage.value, weights=texts.usage.share, minlength=texts.community_share.shape[1]
        ),
        "n_users": np.bincount(
            texts.community_share.tocoo().coords[1], minlength=texts.community_share.shape[1]
        ),
    }


def _incidence(channels: dict[str, Channel], observations: Observations) -> Incidence:
    names = [n for n in (*_LINKED, "template") if n in channels]
    specs = tuple(ChannelSpec(name=n, family=channels[n].family, identity=n in IDENTITY_GRADE) for n in names)
    account = [
        np.repeat(np.arange(len(observations.population)), np.diff(channels[n].offsets)) for n in names
    ]
    empty = np.zeros(0, np.int64)
    return incidence_from_rows(
        np.concatenate([empty, *account]),
        np.concatenate([empty, *(np.full(len(a), i) for i, a in enumerate(account))]),
        np.concatenate([empty, *(channels[n].value.astype(np.int64) for n in names)]),
        n_accounts=len(observations.population),
        channels=specs,
    )


def _candidates(
    observations: Observations,
    matches: Matches,
    links: Links,
    blocks: Sequence[Block],
    settings: DetectSettings,
) -> tuple[list[Candidate], list[Candidate]]:
    """Cores with what they left of their texts' users, and the sunken cores among these, which are so looked at twice.

    Whoever is accused keeps the accounts. What is usual is read from accounts in no core but a sunken one: these are too few to change it.
    """
    n = len(observations.population)
    label = cluster_links(links, n, settings.links)
    linked = [np.flatnonzero(label == c).astype(np.int32) for c in range(int(label.max(initial=-1)) + 1)]
    communities = community_members(observations, settings.cluster)
    dense = [b.accounts.astype(np.int32) for b in blocks if len(b.accounts) <= n // 2]
    pairs = (links.a, links.b)
    carrying = answer_groups(observations, settings.cluster)
    sides = [*linked, *dense, *communities, *carrying]
    cores = form_cores(observations, matches, sides, pairs, settings.cluster)
    sunken = sunken_cores(observations, communities, cores, pairs, settings.cluster)
    return [*cores, *remainders(observations, communities, cores, settings.cluster)], sunken


def _with_wording(
    read: Read, observations: Observations, others: np.ndarray, candidates: Sequence[Candidate]
) -> list[Candidate]:
    """Read the cores' own wording, and how much of their traffic holds it: a relay's customers have none in common."""
    groups = [c.judged.members for c in candidates if c.origin == "core"]
    found = iter(typical_wording(read, groups, others, observations.n_sampled))
    return [replace(c, wording=next(found)) if c.origin == "core" else c for c in candidates]


def _untied(candidates: Sequence[Candidate], n_accounts: int) -> np.ndarray:
    """Accounts in no core: int64[]."""
    tied = np.zeros(n_accounts, bool)
    for candidate in candidates:
        if candidate.origin == "core":
            tied[candidate.members] = True
    return np.flatnonzero(~tied)


def _pieces(observations: Observations, candidates: Sequence[Candidate]) -> Pieces:
    return count_pieces(observations, [c.judged.members for c in candidates if c.origin == "core"])


def _kept_accounts(candidates: Sequence[Candidate]) -> np.ndarray:
    chosen = [c.members[:60] for c in candidates]
    return np.unique(np.concatenate(chosen)) if chosen else np.zeros(0, np.int32)


def _findings(
    observations: Observations,
    judged: list[Judged],
    rejudge: Callable[[Candidate], Judged],
    allowed: np.ndarray,
    settings: DetectSettings,
) -> list[Finding]:
    ranked = sorted(
        judged, key=lambda j: (_tier(j), -len(j.members) * max(j.probability, 0.01), j.members.tobytes())
    )
    kept = resolve(
        [(j.members, j.probability) for j in ranked],
        len(observations.population),
        min_members=settings.cluster.min_members,
    )
    final = [_settled(observations, ranked[i], members, rejudge, settings.cluster) for i, members in kept]
    q = benjamini_hochberg(np.array([j.p_value for j in final])) if final else np.zeros(0)
    found = [_finding(observations, j, float(v), allowed, settings) for j, v in zip(final, q, strict=True)]
    shown = [f for f in found if _is_worth_reading(f.judged)]
    return sorted(
        shown, key=lambda f: (f.judged.verdict != "distillation", -_harm(observations, f), f.campaign_id)
    )


def _settled(
    observations: Observations,
    judged: Judged,
    members: np.ndarray,
    rejudge: Callable[[Candidate], Judged],
    settings: ClusterSettings,
) -> Judged:
    """The group judged with the members that no other group took and that fit it, anew as often as some leave.

    Args:
        members: int32[k] codes, of the group's, ascending.
    """
    for _ in range(settings.rounds):
        fitting = np.setdiff1d(members, _misfits(observations, judged))
        if len(fitting) >= settings.min_members:
            members = fitting
        if len(members) == len(judged.members):
            break
        judged = rejudge(keep_members(observations, judged.candidate, members, settings))
    return judged


def _misfits(observations: Observations, judged: Judged) -> np.ndarray:
    """int32[] members of an accused operator's group whom all evidence together, once it is whole, puts outside.

    Once they are gone, others may be: strangers on one exit speak for each other.
    """
    if judged.verdict != "distillation" or judged.candidate.origin == "remainder":
        return judged.members[:0]
    return judged.members[_belongs(observations, judged) < LEAST_BELONGING]


def _belongs(observations: Observations, judged: Judged) -> np.ndarray:
    """float64[k] posterior of each member's membership, all accounts of the log being as likely beforehand."""
    bits = judged.candidate.fit.bits - rarity(observations, len(judged.members))
    return np.asarray(1.0 / (1.0 + np.exp2(-np.clip(bits, -30, 30))))


def _is_worth_reading(judged: Judged) -> bool:
    """Undecided groups without an operator are only shown where a campaign is a serious explanation."""
    decided = judged.candidate.origin != "remainder" or judged.verdict != "inconclusive"
    return decided or judged.p_distillation >= LEAST_SUSPICION


def _tier(judged: Judged) -> int:
    """Accused operators first, then others who are accused, then other operators, then groups that only share software."""
    operator = judged.candidate.origin != "remainder"
    if judged.verdict == "distillation":
        return 0 if operator else 1
    return 2 if operator else 3


def _harm(observations: Observations, finding: Finding) -> float:
    tokens = observations.population.totals["output_tokens"] + observations.population.n
    return float(tokens[finding.judged.members].sum()) * finding.judged.p_distillation


def _finding(
    observations: Observations, judged: Judged, q_value: float, allowed: np.ndarray, settings: DetectSettings
) -> Finding:
    members = judged.members
    belongs = _belongs(observations, judged)
    distils = judged.verdict == "distillation"
    return Finding(
        campaign_id=campaign_id([observations.population.account_id[m] for m in members.tolist()]),
        judged=judged,
        q_value=q_value,
        enforceable=enforceable(judged, q_value, settings.enforcement)
        and bool(allowed[members].mean() < 0.5),
        spared=allowed[members]
        | (belongs < settings.enforcement.probability)
        | (operator_bits(judged) < least_operator_bits(judged, settings.enforcement))
        | (habit_bits(judged) < least_habit_bits(judged, settings.enforcement))
        | wordless_strays(judged)
        | is_declared(observations.population, members),
        member_probability=judged.p_distillation * belongs,
        share=np.full(len(members), float(distils)),
    )


def _opening(engine: Engine, population: Population, groups: Sequence[np.ndarray]) -> np.ndarray:
    """Sampled exchanges that open a conversation, of groups of which most exchanges do not: int64[], ascending."""
    later = population.totals["n_multi_turn"]
    conversing = [m for m in groups if later[m].sum() > population.n[m].sum() / 2]
    return read_openers(engine, np.concatenate([np.zeros(0, np.int32), *conversing]))


def _with_shares(
    engine: Engine,
    read: Read,
    observations: Observations,
    others: np.ndarray,
    findings: Sequence[Finding],
) -> list[Finding]:
    """Say how much of each member's traffic is the campaign's, where it has wording of its own."""
    guilty = [f for f in findings if f.judged.verdict == "distillation"]
    n_sampled = observations.n_sampled
    if not guilty:
        return list(findings)
    accused = np.zeros(len(n_sampled), bool)
    for f in guilty:
        accused[f.judged.members] = True
    groups = [f.judged.members for f in guilty]
    ordinary = read_ordinary(read, others[~accused[others]])
    opening = _opening(engine, observations.population, groups)
    shares = distilled_shares(read, groups, ordinary, n_sampled, opening)
    known = {f.campaign_id: share for f, share in zip(guilty, shares, strict=True) if share is not None}
    return [
        replace(f, share=known[f.campaign_id], n_sampled=n_sampled[f.judged.members])
        if f.campaign_id in known
        else f
        for f in findings
    ]


def _pair_links(links: Links, channels: Sequence[ChannelSpec]) -> PairLinks:
    return PairLinks(
        a=links.a,
        b=links.b,
        surprise=links.surprise,
        bits=links.bits,
        families=links.families,
        family_bits=links.family_bits,
        sentences=[
            sharing_of_pair([channels[c].name for c, _ in links.shared(i)]) for i in range(len(links))
        ],
    )


def _surround(
    engine: Engine,
    observations: Observations,
    findings: Sequence[Finding],
    links: PairLinks,
    source: ContentSource,
    happenings: Happenings,
    control: Control,
) -> Surroundings:
    members = [f.judged.members for f in findings]
    everyone = np.unique(np.concatenate(members)) if members else np.zeros(0, np.int32)
    return Surroundings(
        source=source,
        links=links,
        happenings=happenings,
        names=read_names(engine, observations.population),
        models=read_models(engine, everyone, observations.activity.start_hour),
        indicators=partial(match_indicators, control, observations.channels),
        parts=template_parts,
    )


def _answers_by_chance(observations: Observations) -> dict[str, Any]:
    """How often prompts of accounts that no operator ties hold another account's answer: what chance and sharing make."""
    carried, free = observations.carried, observations.background
    assert carried is not None and free is not None
    outside = np.zeros(len(carried.sent), bool)
    outside[free] = True
    n = int(carried.sent[outside].sum())
    held = len(np.unique(carried.xid[outside[carried.reader]]))
    return {"prompts": n, "share_outside": round(held / n, 6) if n else None}


def _error_rates(
    observations: Observations,
    links: Links,
    null: LinkNull,
    held: dict[str, float],
    judged: Sequence[Judged],
    settings: DetectSettings,
) -> dict[str, Any]:
    return {
        "links": {
            "n": len(links),
            "threshold_decades": links.threshold,
            "max_null_share": settings.links.max_null,
        },
        "link_null": {"sizes": list(null.sizes), "draws": settings.null_draws, "p_at_most": held},
        "answers": None if observations.carried is None else _answers_by_chance(observations),
        "calibration": asdict(load_calibration()),
        "clusters_judged": len(judged),
        "tails_that_do_not_fit": sum(not j.tail_fits for j in judged),
        "enforcement": {
            "probability": settings.enforcement.probability,
            "q_value": settings.enforcement.q_value,
            "min_members": settings.enforcement.min_members,
        },
    }
