"""Clusters to verdicts: are they linked, does their union extract, and what else would explain it?

LINK and ABUSE are answered apart. LINK is the leave-one-out weight of the members in families that speak of
an operator, held against random groups of the same size from the same log. ABUSE is the posterior of
distillation among the rival hypotheses. Only both, with no declared relation, make a distillation verdict;
automatic action asks for more (`EnforcementSettings`). Where the verdict is withheld, the posterior of distillation is held
at even odds: with no link, no sign of a campaign or a declared relation, high odds are made of weak hints alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hydrascope.campaigns.calibration import SMALL
from hydrascope.campaigns.cluster import Candidate
from hydrascope.campaigns.content import ContentSource, GroupContent, describe_content
from hydrascope.campaigns.held import Held
from hydrascope.campaigns.hypotheses import Scored, at_most_even, load_model, score_hypotheses
from hydrascope.campaigns.observables import measure_group
from hydrascope.campaigns.observations import DECLARED, Observations
from hydrascope.campaigns.profile import FAMILY_NAMES, OPERATOR, fit_members
from hydrascope.features.surroundings import Happenings
from hydrascope.records import Verdict, Withheld
from hydrascope.stats.tail import permutation_p

__all__ = [
    "EnforcementSettings",
    "Judged",
    "LinkNull",
    "campaign_signs",
    "enforceable",
    "habit_bits",
    "judge",
    "least_habit_bits",
    "least_operator_bits",
    "link_null",
    "may_be_accused",
    "null_holds",
    "operator_bits",
    "strays",
    "wordless_strays",
]

NULL_SIZES = (4, 10, 30, 100)
CAMPAIGN_SIGNS = (
    ("elicitation", 0.5, True),
    ("volume_evenness", 0.35, False),
    ("synchrony_bits", 0.6, True),
    ("ban_excess", 4.0, True),
    ("refused", 0.25, True),
    ("moved", 0.45, True),
    ("copies_spread", 0.45, False),
    ("carried", 0.05, True),
)
"""Observable, line, and whether the sign lies above it; the lines are edges of `hypotheses.toml`."""
RELAY_SIGNS = frozenset({"volume_evenness", "synchrony_bits", "ban_excess", "carried"})
"""Those that a plain relay shows as well: it deals requests out over accounts, a conversation's next turn too, and loses some to bans."""
LARGELY_OWN = 0.4
"""Share of the traffic with texts that hardly anybody outside sends, from which it is not what a relay's many customers send."""
LEAST_RIVAL = 0.001
"""Probability below which a relay explains nothing any more."""
COLLECTIVE = ("volume_evenness", "synchrony_bits", "ban_excess", "moved", "copies_spread")
"""Habits that accounts have as a group: one queue, one clock, one fate, one decision, one list."""
MOST_COLLECTIVE_BITS = 2.0
"""Of one habit: no single one stands for an operator, since users of one trick are banned alike as well."""
LEAST_COLLECTIVE_BITS = 3.0
"""Bits of collective habits that stand for an operator where accounts share no identity and no private text."""
LEAST_VERDICT = 0.5
"""Least probability of a verdict other than distillation."""
LEAST_ACCUSATION = 0.6
"""Least probability of distillation for the verdict: classes with an assignment that elicits stand a little above even odds."""
LEAST_ACCUSATION_SMALL = 0.95
"""The same for a handful (`calibration.SMALL`); in between it falls in a line.

A log has far more handfuls of accounts that agree by chance than large groups, and few of them were there to fit lines to.
"""
LEAST_ACCUSATION_RELAY = 0.98
"""The same where a group looks like a relay: a relay that one application fills has texts that nobody else sends."""
LEAST_ACCUSATION_VOUCHED = 0.99
"""The same where somebody checked who nearly all of the accounts are (`is_vouched_for`): a course with one prompt and one calendar comes near a campaign."""
LEAST_DEMAND_REACH = 0.75
"""Share of a group in a relay that must send one text that asks for training signal, for anybody to be acted on by machine."""
VOUCHED = 0.8
"""Share of the accounts from one such pathway, from which nobody is acted on by machine, nor accused in doubt."""
LEAST_STOCK = 10.0
"""Wordings that a member uses in turn, from which the accounts draw on one stock: an application has a few, and people keep to theirs."""
PRIVATE_TEXT_BITS = 5.0
"""Mean content weight from which a text is the group's own."""
_CHECKED = 10
_LEVELS = (0.01, 0.05, 0.1, 0.5)
_LEAST_SPREAD = 0.1
"""Bits: no null is taken to be narrower than this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnforcementSettings:
    """What automatic action asks for, beyond the verdict."""

    probability: float = 0.99
    q_value: float = 0.001
    min_members: int = 5
    min_families: int = 2
    max_innocent: float = 0.01
    member_bits: float = 6.0
    """Evidence of the operator that is enough for any one account."""
    habit_share: float = 0.25
    """Part of the typical member's bits of timing and life cycle that an account must show."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkNull:
    """Mean operator weight of random groups, by size."""

    sizes: tuple[int, ...]
    draws: tuple[np.ndarray, ...]

    def p_value(self, statistic: float, size: int) -> tuple[float, bool]:
        """Chance of a random group of this size, or the next smaller, doing as well; and whether the tail fits.

        Each size's draws are standardised by their own mean and spread and pooled, so that one tail is fitted to
        all of them. Smaller groups vary more, so the next smaller size errs on the side of the customer.
        """
        if not self.sizes:
            return 1.0, False
        i = max((j for j, s in enumerate(self.sizes) if s <= size), default=0)
        scale = [(float(d.mean()), max(float(d.std()), _LEAST_SPREAD)) for d in self.draws]
        pooled = np.concatenate([(d - m) / s for d, (m, s) in zip(self.draws, scale, strict=True)])
        p, fits = permutation_p((statistic - scale[i][0]) / scale[i][1], pooled)
        return float(p), bool(fits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A cluster with its verdict and all that it rests on."""

    candidate: Candidate
    content: GroupContent
    """Of the part that was judged; its `share` is of all members."""
    scored: Scored
    verdict: Verdict
    withheld: tuple[Withheld, ...]
    """Why it is not distillation, where that was the likeliest."""
    probability: float
    """Of the verdict; of the likeliest one where it is inconclusive."""
    p_distillation: float
    """At most one half unless the verdict is distillation: whoever is not accused is not said to be likelier guilty than not."""
    p_value: float
    tail_fits: bool
    family_means: np.ndarray
    """float64[7] mean bits a member, by family."""
    n_families: int
    """Families that link the typical member."""

    @property
    def members(self) -> np.ndarray:
        return self.candidate.members


def link_null(observations: Observations, *, draws: int, seed: int) -> LinkNull:
    """Mean operator weight of random groups, matched to the log's own mixture of accounts."""
    rng = np.random.default_rng(seed)
    eligible = np.flatnonzero(observations.population.n >= 3)
    sizes = tuple(s for s in NULL_SIZES if s <= len(eligible) // 3)
    samples = []
    for size in sizes:
        groups = (np.sort(rng.choice(eligible, size, replace=False)) for _ in range(draws))
        samples.append(np.array([_operator_mean(observations, g, seed) for g in groups]))
    return LinkNull(sizes=sizes, draws=tuple(samples))


def null_holds(observations: Observations, null: LinkNull, *, draws: int, seed: int) -> dict[str, float]:
    """Share of further random groups with a p-value at or below each level, which should be no larger than the level.

    Ten accounts a group, of none of the groups that the null was made of.
    """
    eligible = np.flatnonzero(observations.population.n >= 3)
    if not null.sizes or len(eligible) < 3 * _CHECKED:
        return {}
    rng = np.random.default_rng([seed, 1])
    groups = (np.sort(rng.choice(eligible, _CHECKED, replace=False)) for _ in range(draws))
    p = np.array([null.p_value(_operator_mean(observations, g, seed), _CHECKED)[0] for g in groups])
    return {f"{level:g}": round(float((p <= level).mean()), 4) for level in _LEVELS}


def _operator_mean(observations: Observations, members: np.ndarray, seed: int) -> float:
    fit = fit_members(observations, members.astype(np.int32), seed=seed)
    return float(fit.families[:, OPERATOR].sum(axis=1).mean())


def judge(
    observations: Observations,
    source: ContentSource,
    happenings: Happenings,
    candidate: Candidate,
    null: LinkNull,
) -> Judged:
    """One candidate's verdict: that of its heart, where strays were brought to it.

    What strays lack, a mixed proxy's innocent accounts the campaign's words for one, must not acquit those who have it.
    """
    heart = candidate.judged
    own = candidate.wording
    content = describe_content(
        observations,
        source,
        heart.members,
        stock=candidate.stock,
        wording=None if own is None else own.wording,
    )
    picked = max(candidate.pool / len(heart.members), 1.0)
    measured = measure_group(
        observations,
        heart,
        content,
        happenings,
        picked=picked,
        wording_share=None if own is None else own.share,
    )
    measured["n_accounts"] = float(len(candidate.members))
    scored = score_hypotheses(measured)
    linking = heart.families.mean(axis=0) >= 1.0
    operator = float(heart.families[:, OPERATOR].sum(axis=1).mean())
    p_value, fits = null.p_value(operator, len(heart.members))
    linked = _linked(candidate, content, linking, p_value, collective_bits(scored)) or draws_on_a_stock(
        scored
    )
    withheld = _withheld(scored, linked)
    verdict = _verdict(scored, withheld)
    if verdict == "inconclusive":
        scored = at_most_even(scored)
    if candidate.heart is not None:
        whole = Held.of(source.matches, candidate.members)
        share = whole.share(content.templates, observations.n_sampled[candidate.members])
        content = replace(content, share=share)
    return Judged(
        candidate=candidate,
        content=content,
        scored=scored,
        verdict=verdict,
        withheld=withheld,
        probability=_probability(scored, verdict),
        p_distillation=scored.probability("distillation"),
        p_value=p_value,
        tail_fits=fits,
        family_means=candidate.fit.families.mean(axis=0),
        n_families=int(linking.sum()),
    )


def _linked(
    candidate: Candidate, content: GroupContent, linking: np.ndarray, p_value: float, collective: float
) -> bool:
    """Whether LINK is answered with yes.

    Either two families tie the typical member to the rest, one of them an operator's; or all users of a text show, as
    a group, more of an operator than random groups do, and the text is nobody else's or they act as one. The second
    way is the only one for accounts that share no identity, and is never enough for automatic action.
    """
    if candidate.origin != "remainder":
        return bool(linking.sum() >= 2 and linking[OPERATOR].any())
    private = content.distinctive and float(candidate.fit.family("content").mean()) >= PRIVATE_TEXT_BITS
    as_one = collective >= LEAST_COLLECTIVE_BITS
    return (private or as_one) and len(candidate.members) >= 10 and p_value <= 1e-3


def draws_on_a_stock(scored: Scored) -> bool:
    """Whether strangers could not have come by their wordings: many, used in turn by all alike, that ask for training signal.

    Paraphrases of one demand have no use but to hide it. Ten accounts or more; never enough for automatic action, since
    nothing of an operator's was seen.
    """
    measured = scored.measured
    return (
        measured.get("wordings", 0.0) >= LEAST_STOCK
        and measured.get("elicitation", 0.0) >= 0.5
        and measured.get("n_accounts", 0.0) >= 10
    )


def collective_bits(scored: Scored) -> float:
    """Bits by which the two plainest collective habits favour the likeliest campaign over the likeliest innocent explanation.

    An operator who takes the trouble to hide one habit is not acquitted of the others, so the rest is not counted.
    """
    order = load_model().names
    guilty, innocent = (order.index(scored.leading(guilty=g).name) for g in (True, False))
    weights = [float(w[guilty] - w[innocent]) for n, w in scored.contributions.items() if n in COLLECTIVE]
    return sum(min(w, MOST_COLLECTIVE_BITS) for w in sorted(weights, reverse=True)[:2])


def shows_campaign(scored: Scored) -> bool:
    """Whether anything positive speaks of a campaign, not only the want of an innocent trait.

    The wording elicits, the load is split evenly, accounts work in step, several were banned, most requests are
    refused, they moved to a new model together, a list is dealt out to them, or one sends what another was answered. Small groups of strangers that agree by chance have none of
    these, and no sum of weak hints may accuse them.
    """
    signs = campaign_signs(scored)
    return bool(signs - RELAY_SIGNS if _may_be_relay(scored) else signs)


def campaign_signs(scored: Scored) -> set[str]:
    """Names of `CAMPAIGN_SIGNS` that a group shows."""
    measured = scored.measured
    return {
        name
        for name, line, rises in CAMPAIGN_SIGNS
        if name in measured and (measured[name] >= line if rises else measured[name] <= line)
    }


def may_be_accused(scored: Scored) -> bool:
    """Whether odds alone decide: something speaks of a campaign that relays do not show, and nothing relates the accounts."""
    return shows_campaign(scored) and not is_related(scored) and not looks_like_a_relay(scored)


def _may_be_relay(scored: Scored) -> bool:
    """Whether a relay explains the group best of all that is innocent, and nothing sets the group apart from one.

    A relay deals its customers' requests out evenly and in step and loses accounts to bans. Its customers send many things, those of their
    own applications among them; where a large part of the traffic holds texts that hardly anybody outside sends, one operator's work fills the accounts. A campaign in the midst of a
    relay's customers does not.
    """
    own = scored.measured.get("private_share", 0.0)
    return _rivals_a_relay(scored) and (scored.leading(guilty=True).name == "relayed" or own < LARGELY_OWN)


def _rivals_a_relay(scored: Scored) -> bool:
    """Whether a relay is the best innocent explanation, and one that counts."""
    innocent = scored.leading(guilty=False)
    return innocent.name == "reseller" and innocent.probability >= LEAST_RIVAL


def looks_like_a_relay(scored: Scored) -> bool:
    """Whether a relay explains the group best of all that is innocent, and nothing speaks of a campaign but what relays show too."""
    return _rivals_a_relay(scored) and campaign_signs(scored) <= RELAY_SIGNS


def _withheld(scored: Scored, linked: bool) -> tuple[Withheld, ...]:
    """What stands against an accusation of which the odds alone would be enough; nothing where another verdict is likelier."""
    if _best(scored) != "distillation":
        return ()
    unsure = scored.probability("distillation") < _least_accusation(scored)
    stands: dict[Withheld, bool] = {
        "related": is_related(scored),
        "unlinked": not linked,
        "no_sign": not shows_campaign(scored),
        "unsure": unsure,
    }
    return tuple(reason for reason, holds in stands.items() if holds)


def _least_accusation(scored: Scored) -> float:
    lines = (
        (LEAST_ACCUSATION_RELAY, looks_like_a_relay(scored)),
        (LEAST_ACCUSATION_VOUCHED, is_vouched_for(scored)),
    )
    least = least_accusation(scored.measured.get("n_accounts", 0.0))
    return max([least, *(line for line, holds in lines if holds)])


def _verdict(scored: Scored, withheld: tuple[Withheld, ...]) -> Verdict:
    best = _best(scored)
    if best == "distillation":
        return "inconclusive" if withheld else best
    return best if scored.probability(best) >= LEAST_VERDICT else "inconclusive"


def _best(scored: Scored) -> Verdict:
    verdicts: Sequence[Verdict] = list(dict.fromkeys(h.verdict for h in scored.hypotheses))
    return max(verdicts, key=scored.probability)


def _probability(scored: Scored, verdict: Verdict) -> float:
    """Of the verdict; of the likeliest one where none is given."""
    return scored.probability(_best(scored) if verdict == "inconclusive" else verdict)


def least_accusation(n_accounts: float) -> float:
    """Probability that a distillation verdict on a group of this size needs.

    >>> [round(least_accusation(n), 2) for n in (5, 10, 15, 20, 500)]
    [0.95, 0.92, 0.84, 0.76, 0.6]
    """
    return float(np.interp(n_accounts, SMALL, (LEAST_ACCUSATION_SMALL, LEAST_ACCUSATION)))


def is_related(scored: Scored) -> bool:
    """Whether one organization holds half of the accounts, or the operator's records declare a third of them.

    Of a handful, one declared account is enough: whoever is known there knows the others.
    """
    owned, declared = (scored.measured.get(n, 0.0) for n in ("one_organization", "declared"))
    handful = scored.measured.get("n_accounts", np.inf) < SMALL[0]
    return owned >= 0.5 or declared >= DECLARED or (handful and declared > 0.0)


def enforceable(judged: Judged, q_value: float, settings: EnforcementSettings) -> bool:
    """Whether automatic action is defensible."""
    innocent = 1.0 - judged.p_distillation
    return (
        judged.verdict == "distillation"
        and judged.candidate.origin != "remainder"
        and judged.p_distillation >= settings.probability
        and innocent <= settings.max_innocent
        and q_value <= settings.q_value
        and len(judged.candidate.judged.members) >= settings.min_members
        and judged.n_families >= settings.min_families
        and not is_related(judged.scored)
        and not is_vouched_for(judged.scored)
        and not _may_be_customers(judged)
        and not looks_like_a_relay(judged.scored)
    )


def _may_be_customers(judged: Judged) -> bool:
    """Whether the likeliest campaign is one in the midst of a relay's customers, and many were not seen to send what it asks: what ties them is the relay."""
    return (
        judged.scored.leading(guilty=True).name == "relayed"
        and judged.content.demand_reach < LEAST_DEMAND_REACH
    )


def is_vouched_for(scored: Scored) -> bool:
    """Whether nearly all accounts came through a pathway on which somebody checks who they are: schools, contracts.

    A person can ask there before anything is done. Campaigns come through these pathways too, and are accused where little doubt is left.
    """
    return any(scored.measured.get(pathway, 0.0) >= VOUCHED for pathway in ("education", "enterprise"))


def operator_bits(judged: Judged) -> np.ndarray:
    """float64[k] bits of each member in the families that speak of an operator."""
    return judged.candidate.fit.families[:, OPERATOR].sum(axis=1)


def habit_bits(judged: Judged) -> np.ndarray:
    """float64[k] bits of each member's timing and life cycle.

    Far below the typical member, the account does not live as the group does. A handful of strangers who share an address among
    themselves may be tied to a campaign by its wording; their habits tell them from it.
    """
    return judged.candidate.fit.family("timing") + judged.candidate.fit.family("lifecycle")


def strays(judged: Judged) -> np.ndarray:
    """bool[k]: members that were brought to the group for its operator's traces, and were not judged with it."""
    candidate = judged.candidate
    if candidate.heart is None:
        return np.zeros(len(candidate.members), bool)
    return ~np.isin(candidate.members, candidate.heart.members)


def wordless_strays(judged: Judged) -> np.ndarray:
    """bool[k]: those of them that were not seen to send the group's words."""
    return np.asarray(strays(judged) & (judged.candidate.fit.family("content") <= 0))


def least_habit_bits(judged: Judged, settings: EnforcementSettings) -> float:
    """Bits of timing and life cycle that an account must show itself before it is acted on; never below none."""
    return settings.habit_share * max(float(np.median(habit_bits(judged))), 0.0)


def least_operator_bits(judged: Judged, settings: EnforcementSettings) -> float:
    """Operator bits that an account must show itself before it is acted on.

    Half of what the typical member shows: an account that is only like the group's software is no part of what
    makes the group one operator's, however surely the group is.
    """
    return min(0.5 * float(np.median(operator_bits(judged))), settings.member_bits)


def family_weights(judged: Judged) -> dict[str, float]:
    """Mean bits a member by family, non-zero ones."""
    return {f: float(b) for f, b in zip(FAMILY_NAMES, judged.family_means, strict=True) if abs(b) > 1e-9}
