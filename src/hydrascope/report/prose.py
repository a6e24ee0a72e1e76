"""Sentences about a campaign: what it is in one paragraph, and what to check before acting on it.

Observation and inference stay apart: what was counted is stated flatly, what was judged carries its
probability. Nothing here weighs evidence; it only says what the scan found.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from hydrascope.records import FAMILIES
from hydrascope.report import words
from hydrascope.report.masking import clean
from hydrascope.report.ranking import taken_tokens
from hydrascope.report.shape import CampaignEntry, EvidenceEntry, HypothesisEntry
from hydrascope.report.waterfall import Waterfall, build_waterfall

__all__ = [
    "checks",
    "flip_sentence",
    "innocent_sentence",
    "size_of",
    "summary",
    "title_of",
    "training_sentence",
    "verdict_sentence",
]

MEMBER_LINE = 0.9
"""Members below this share of the surest member's probability are named as ones to leave out."""
SHARE_LINE = 0.9
LEAN_LINE = 0.5


def title_of(campaign: CampaignEntry) -> str:
    """The campaign's title, or one made of its verdict and size."""
    if campaign.title:
        return clean(campaign.title)
    n = size_of(campaign)
    name = words.label(campaign.verdict)
    return name if n is None else f"{name}, {words.plural(n, 'account')}"


def size_of(campaign: CampaignEntry) -> int | None:
    """How many accounts the campaign has; None where the folder does not say."""
    return campaign.n_accounts if campaign.n_accounts is not None else len(campaign.members) or None


def verdict_sentence(campaign: CampaignEntry) -> str:
    """The verdict with its probability in words and in figures."""
    if campaign.verdict == "inconclusive":
        return undecided_sentence(campaign)
    noun = {
        "distillation": "a distillation campaign",
        "reseller": "a reseller",
        "evaluation": "an evaluation",
        "bulk_customer": "one bulk customer",
        "shared_application": "users of one application",
        "other_coordination": "coordination of another kind",
    }[campaign.verdict]
    if campaign.probability is None:
        return f"Judged to be {noun}; no probability was stated."
    word = words.likelihood(campaign.probability)
    return f"{word[0].upper()}{word[1:]} {noun}: probability {words.chance(campaign.probability)}."


def undecided_sentence(campaign: CampaignEntry) -> str:
    """What leads, where nothing is decided."""
    text = "The evidence does not decide between the explanations"
    if not campaign.hypotheses:
        return text + "."
    lead = max(campaign.hypotheses, key=lambda h: h.bits)
    text += f"; “{clean(words.hypothesis(lead.name))}” leads with {words.chance(lead.probability)}."
    if campaign.withheld:
        why = words.join(words.WITHHELD_LABELS[reason] for reason in campaign.withheld)
        text += f" Nobody is accused, and distillation is held to be no likelier than not: {why}."
    return text


def summary(campaign: CampaignEntry) -> str:
    """The campaign in one paragraph."""
    return " ".join(s for s in summary_sentences(campaign) if s)


def summary_sentences(campaign: CampaignEntry) -> Iterator[str]:
    """Who sent how much and when; why linked; what for; what became of them."""
    yield volume_sentence(campaign)
    yield strongest_sentence(build_waterfall(campaign.evidence, "link"), "one operator behind them")
    yield strongest_sentence(build_waterfall(campaign.evidence, "abuse"), "extraction of capabilities")
    yield purpose_sentence(campaign)
    yield share_sentence(campaign)
    yield bans_sentence(campaign)


def volume_sentence(campaign: CampaignEntry) -> str:
    """Accounts, exchanges, span and the rate of one account."""
    n, sent = size_of(campaign), campaign.n_exchanges
    if n is None or sent is None:
        return ""
    text = f"{words.plural(n, 'account')} sent {words.plural(sent, 'exchange')}"
    if campaign.first_seen is None or campaign.last_seen is None:
        return text + "."
    days = max((words.utc(campaign.last_seen) - words.utc(campaign.first_seen)).total_seconds() / 86_400, 1.0)
    rate = sent / max(n, 1) / days
    per_day = f"{rate:.0f}" if rate >= 9.5 else f"{rate:.1f}"
    return f"{text}, {words.span(campaign.first_seen, campaign.last_seen)}: {per_day} per account and day."


def strongest_sentence(fall: Waterfall, of_what: str) -> str:
    """The heaviest families of one side of the evidence."""
    heavy = [r for r in fall.rows if r.bits >= 0.5][:3]
    if not heavy:
        return f"There is no positive evidence of {of_what}." if fall.rows else ""
    named = words.join(f"{words.inline(r.family)} ({words.bits(r.bits)} bits)" for r in heavy)
    return f"Evidence of {of_what} comes mainly from {named}."


def purpose_sentence(campaign: CampaignEntry) -> str:
    """What the traffic asks for and how."""
    asks = top_share(campaign.capabilities)
    how = top_share({k: v for k, v in campaign.elicitations.items() if k != "none"})
    if asks is None:
        return ""
    text = f"It asks mostly for {words.inline(asks[0])} ({words.percent(asks[1])})"
    if how is not None and how[1] >= 0.05:
        text += f", most often by {words.inline(how[0])} ({words.percent(how[1])})"
    return text + "."


def top_share(shares: Mapping[str, float]) -> tuple[str, float] | None:
    """The largest share and its name."""
    return max(shares.items(), key=lambda kv: (kv[1], kv[0]), default=None)


def share_sentence(campaign: CampaignEntry) -> str:
    """How much of the traffic is other people's or another purpose's."""
    share = campaign.distillation_share
    if campaign.verdict != "distillation" or share is None or share >= SHARE_LINE:
        return ""
    within = words.percent_within(share, campaign.distillation_share_interval)
    return f"Only {within} of its traffic is judged to be distillation; the rest is mixed in."


def bans_sentence(campaign: CampaignEntry) -> str:
    """How many members were banned, where it is known."""
    n = len(campaign.timeline.bans) or sum(m.banned_at is not None for m in campaign.members)
    return (
        f"{words.plural(n, 'of its accounts', 'of its accounts')} {'was' if n == 1 else 'were'} banned meanwhile."
        if n
        else ""
    )


def training_sentence(campaign: CampaignEntry) -> str:
    """What was taken and what it would train."""
    if campaign.harm.would_train:
        return clean(campaign.harm.would_train)
    tokens = taken_tokens(campaign)
    if tokens is None:
        return "The log carries no token counts, so what was taken is known only in exchanges."
    went = "were taken" if campaign.verdict == "distillation" else "went to these accounts"
    return f"About {words.short(tokens)} output tokens {went}."


def innocent_sentence(innocent: HypothesisEntry, verdict: str) -> str:
    """Whether the best innocent explanation holds."""
    name = f"“{clean(words.hypothesis(innocent.name or innocent.verdict))}”"
    odds = f" (probability {words.chance(innocent.probability)})" if innocent.probability is not None else ""
    if verdict == "distillation":
        return f"The best innocent explanation is {name}{odds}. {failing(innocent)}"
    if verdict == "inconclusive":
        return f"The best innocent explanation is {name}{odds}; it can be neither held nor dismissed."
    return f"The best innocent explanation is {name}{odds}, and it holds."


def failing(innocent: HypothesisEntry) -> str:
    """What an innocent explanation fails on."""
    against = [clean(r).rstrip(".") for r in innocent.reasons_against]
    if not against:
        return "It was judged less probable, but nothing that speaks against it was kept."
    return "It fails: " + "; ".join(words.lower(r) for r in against) + "."


def flip_sentence(campaign: CampaignEntry) -> str | None:
    """How far the runner-up is behind, and which evidence weighs as much; None without a runner-up.

    Where the odds are held even, what holds them there decides, and no other evidence.
    """
    if campaign.withheld:
        why = words.join(words.WITHHELD_LABELS[reason] for reason in campaign.withheld)
        return f"What would change the verdict is what withholds it: that {why}. Look there first."
    if len(campaign.hypotheses) < 2:
        return None
    best, second = sorted(campaign.hypotheses, key=lambda h: -h.bits)[:2]
    margin = best.bits - second.bits
    text = f"“{clean(words.hypothesis(best.name))}” leads “{clean(words.hypothesis(second.name))}” by {margin:.1f} bits."
    heavy = outweighing(campaign.evidence, margin)
    if not heavy:
        return text + " All the evidence listed here together does not weigh as much."
    named = words.join(clean(i.channel or i.family).replace("_", " ") for i in heavy)
    lost = sum(i.bits for i in heavy)
    return f"{text} If the evidence from {named} ({lost:.1f} bits) proved wrong, that lead could be gone."


def outweighing(evidence: Iterable[EvidenceEntry], margin: float) -> list[EvidenceEntry]:
    """The fewest items that weigh more than `margin`, of ABUSE first: it parts rivals, LINK they often share."""
    heavy = sorted((i for i in evidence if i.bits > 0), key=lambda i: (i.side != "abuse", -i.bits, i.channel))
    chosen: list[EvidenceEntry] = []
    for item in heavy:
        if sum(i.bits for i in chosen) > margin:
            break
        chosen.append(item)
    return chosen if sum(i.bits for i in chosen) > margin else []


def checks(campaign: CampaignEntry) -> list[str]:
    """What a person should check before acting, most telling first."""
    return [sentence for sentence in check_sentences(campaign) if sentence]


def check_sentences(campaign: CampaignEntry) -> Iterator[str | None]:
    """Every check that applies to this campaign."""
    if campaign.verdict == "distillation" and not campaign.enforceable:
        yield (
            "The scan did not mark it enforceable: automatic action is not defensible at the run's "
            "false-alarm rate. A person has to decide, on what follows."
        )
    yield innocent_check(campaign)
    yield lean_check(campaign)
    yield doubtful_members_check(campaign)
    yield standby_check(campaign)
    yield mixed_check(campaign)
    yield shared_exit_check(campaign)
    yield reading_check(campaign)
    yield flip_sentence(campaign)
    if campaign.verdict not in ("distillation", "inconclusive"):
        yield "No action is suggested. If the declared relation is unknown to you, ask the customer for it."
    elif not campaign.evidence:
        yield "No evidence was kept in this folder; do not act on the verdict alone."


def innocent_check(campaign: CampaignEntry) -> str | None:
    """Rule out the best innocent explanation by name."""
    innocent = campaign.best_innocent
    if innocent is None or not innocent.name or campaign.verdict not in ("distillation", "inconclusive"):
        return None
    ask = f"Rule out “{clean(words.hypothesis(innocent.name))}”: look for a contract, a support ticket or a declared relation"
    speaks = clean(innocent.reasons_for[0]).rstrip(".") if innocent.reasons_for else ""
    return f"{ask}. In its favour: {words.lower(speaks)}." if speaks else ask + "."


def lean_check(campaign: CampaignEntry) -> str | None:
    """Say so where one family carries most of the link."""
    fall = build_waterfall(campaign.evidence, "link")
    positive = sum(r.bits for r in fall.rows if r.bits > 0)
    if not fall.rows or positive <= 0 or fall.rows[0].bits < LEAN_LINE * positive:
        return None
    first = fall.rows[0]
    rest = fall.total - first.bits
    return (
        f"The link leans on {words.inline(first.family)}: without it {words.bits(rest)} of "
        f"{words.bits(fall.total)} bits remain. Verify that family by a second source."
    )


def doubtful_members_check(campaign: CampaignEntry) -> str | None:
    """Name the members to leave out."""
    known = [m.probability for m in campaign.members if m.probability is not None]
    line = MEMBER_LINE * max(known, default=0.0)
    low = [p for p in known if p < line] if campaign.verdict == "distillation" else []
    weakest = campaign.weakest_member
    if low:
        of = f"of {words.count(len(campaign.members))}"
        return (
            f"{words.plural(len(low), 'account')} {of} {'belongs' if len(low) == 1 else 'belong'} to it with a "
            f"probability below {words.percent(line)}. Leave them out of any action on the whole."
        )
    if weakest is None:
        return None
    return f"Begin with the weakest member, {clean(weakest.account_id)} ({words.bits(weakest.bits)} bits)."


def standby_check(campaign: CampaignEntry) -> str | None:
    """Point at the accounts that a ban of the members would leave."""
    n = len(campaign.standby)
    if not n:
        return None
    return (
        f"{words.plural(n, 'account')} that {'has' if n == 1 else 'have'} sent nothing yet {'shares' if n == 1 else 'share'} its private values in two channels and more. "
        "Nothing is known of what they would do: look at them before a ban, and watch them after it."
    )


def mixed_check(campaign: CampaignEntry) -> str | None:
    """Warn of innocents behind the same accounts."""
    share = campaign.distillation_share
    if campaign.verdict != "distillation" or share is None or share >= SHARE_LINE:
        return None
    return (
        f"{words.percent(1 - share)} of the traffic looks like something else, perhaps other people's: "
        "act on the templates before the accounts."
    )


def shared_exit_check(campaign: CampaignEntry) -> str | None:
    """Addresses are shared by strangers too."""
    egress = next((r for r in build_waterfall(campaign.evidence, "link").rows if r.family == "egress"), None)
    if egress is None or egress.bits < 0.5 * FAMILIES["egress"]:
        return None
    return (
        "Check that the shared addresses are not a public VPN exit, a carrier's NAT or one company's office."
    )


def reading_check(campaign: CampaignEntry) -> str | None:
    """A few exchanges to read in full."""
    positive = sorted((i for i in campaign.evidence if i.bits > 0), key=lambda i: (-i.bits, i.channel))
    ids = list(dict.fromkeys(e for item in positive for e in item.exchanges[:2]))[:4]
    ids = ids or list(dict.fromkeys(e for t in campaign.templates for e in t.exchanges))[:4]
    return f"Read these exchanges in full: {', '.join(clean(i) for i in ids)}." if ids else None
