"""What a group looks like as a group: the numbers on which rival explanations are compared.

Each is None where the log does not hold what it needs; a missing observable says nothing for or against
anybody. Medians are over members; shares are of members unless said otherwise. What is usual differs from log
to log, so habits are read against the log's own background, the accounts that no operator ties to others.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from scipy.stats import binom

from hydrascope.campaigns.content import GroupContent
from hydrascope.campaigns.observations import Channel, Observations, Usual, is_declared
from hydrascope.campaigns.profile import Fit
from hydrascope.features.carried import carried_share
from hydrascope.features.surroundings import Happenings
from hydrascope.stats.variation import intraclass_correlation

__all__ = ["measure_group", "usual_habits"]

_MIN_KNOWN = 3
_MIN_BACKGROUND = 50
"""Fewer accounts do not tell what is usual."""
_LEAST_SEEN = 0.08
"""Least share of private texts that is evidence where wording may vary."""
_LEAST_HELD = 0.4
"""Least share of a text's users that is evidence where wording may vary."""
_LEAST_CARRIED = 0.005
"""Share of prompts with another member's answer that is evidence: chance makes as much, and most operators carry nothing."""
_MIN_BANS = 10
"""Where fewer accounts of the log were banned, not being among them says nothing: nobody may have looked."""
_MOST_DECADES = 300.0
"""Chances below are no numbers any more: ten thousand bans in one group."""


def measure_group(
    observations: Observations,
    fit: Fit,
    content: GroupContent,
    happenings: Happenings,
    *,
    picked: float = 1.0,
    wording_share: float | None = None,
) -> dict[str, float | None]:
    """Observable name to value, for every observable that `hypotheses.toml` knows.

    Args:
        picked: accounts that the group was picked from for being alike, over its own number.
        wording_share: share of the median member's exchanges that hold the group's own wording; None if it was not
            read. It takes the place of what templates say of the same.
    """
    members = fit.members
    measured: dict[str, float | None] = {"n_accounts": float(len(members))}
    measured |= _relations(observations, fit, picked)
    measured |= _life(observations, fit, picked)
    measured |= _rhythm(observations, fit, picked)
    measured |= _work(observations, members, content, wording_share)
    measured |= _bans(observations, members, happenings)
    return measured


def usual_habits(observations: Observations) -> Usual:
    """Habits of the log's background, in order."""
    accounts, activity = _background(observations), observations.activity
    spread = _own_spread(observations, accounts)
    return Usual(
        volumes=_volumes(observations, accounts),
        signup_to_use_h=_known_sorted(activity.signup_to_use_h[accounts]),
        day_spread=_known_sorted(activity.day_spread[accounts]),
        length_spread=float(np.median(spread)) if len(spread) >= _MIN_BACKGROUND else None,
    )


def _known_sorted(values: np.ndarray) -> np.ndarray:
    return np.sort(values[values >= 0])


def _usual(observations: Observations) -> Usual:
    return observations.usual or usual_habits(observations)


def _relations(observations: Observations, fit: Fit, picked: float) -> dict[str, float | None]:
    members = fit.members
    attributes = observations.population.attributes
    channels = observations.channels
    return {
        "one_card": _top_share(channels.get("payment_fingerprint"), members),
        "card_sharing": _sharing(channels.get("payment_fingerprint"), members),
        "device_sharing": _sharing(channels.get("device_fingerprint"), members),
        "one_site": _top_share(channels.get("network"), members, weighted=True),
        "egress_sharing": _sharing(channels.get("ip"), members),
        "same_software": float(
            np.mean(np.maximum(fit.family("client"), 0) + np.maximum(fit.family("configuration"), 0))
        ),
        "owner_bits": float(sum(fit.family(f).mean() for f in ("identity", "timing", "lifecycle")))
        - float(np.log2(picked)),
        "one_organization": _one_organization(observations, members),
        "education": _value_share(attributes.get("access_pathway"), members, "education"),
        "enterprise": _value_share(attributes.get("access_pathway"), members, "enterprise"),
        "declared": float(is_declared(observations.population, members).mean()),
    }


def _life(observations: Observations, fit: Fit, picked: float) -> dict[str, float | None]:
    wait = observations.activity.signup_to_use_h
    return {
        "signup_wait_rank": _rank(wait, _usual(observations).signup_to_use_h, fit.members),
        "signup_burst_bits": _paid(_mean_bits(fit, "created_at"), picked),
        "first_seen_burst_bits": _paid(_mean_bits(fit, "first_seen"), picked),
    }


def _paid(bits: float | None, picked: float) -> float | None:
    """Bits less the price of the search: k accounts that agree are n / k times easier to find among n."""
    return None if bits is None else bits - float(np.log2(picked))


def _rhythm(observations: Observations, fit: Fit, picked: float) -> dict[str, float | None]:
    activity, members = observations.activity, fit.members
    weekend = activity.weekend_ratio[members]
    return {
        "volume_evenness": _evenness(observations, members, picked),
        "per_active_day": _median(activity.per_active_day[members], len(members)),
        "synchrony_bits": _mean_bits(fit, "synchrony"),
        "day_spread_rank": _rank(activity.day_spread, _usual(observations).day_spread, members),
        "weekend_ratio": _median(weekend[weekend >= 0], len(weekend)),
    }


def _volumes(observations: Observations, members: np.ndarray) -> np.ndarray:
    """Ascending log daily volumes of the accounts that have enough traffic to tell."""
    return np.sort(
        np.log(observations.activity.per_active_day[members][observations.population.n[members] >= 5])
    )


def _volume_sd(observations: Observations, members: np.ndarray) -> float | None:
    volumes = _volumes(observations, members)
    return _robust_sd(volumes) if len(volumes) >= 5 else None


def _evenness(observations: Observations, members: np.ndarray, picked: float) -> float | None:
    """Spread of the members' daily volumes over that of the background's.

    A group of k among n users of one text may have been picked for being even: it is held against the closest
    k / n of the background, not against all of it.
    """
    mine, usual = _volume_sd(observations, members), _usual(observations).volumes
    if mine is None or len(usual) < _MIN_BACKGROUND:
        return None
    width = max(int(len(usual) / picked), 5)
    start = int(np.argmin(usual[width - 1 :] - usual[: len(usual) - width + 1]))
    return mine / max(_robust_sd(usual[start : start + width]), 0.05)


def _background(observations: Observations) -> np.ndarray:
    known = observations.background
    enough = known is not None and len(known) >= _MIN_BACKGROUND
    return known if enough and known is not None else np.arange(len(observations.population))


def _rank(values: np.ndarray, usual: np.ndarray, members: np.ndarray) -> float | None:
    """Share of the background (ascending) that lies below the members' median, halves counted; negative is unknown."""
    mine = values[members]
    middle = _median(mine[mine >= 0], len(members))
    if middle is None or len(usual) < _MIN_BACKGROUND:
        return None
    below, upto = (int(np.searchsorted(usual, middle, side)) for side in ("left", "right"))
    return below / len(usual) + 0.5 * (upto - below) / len(usual)


def _work(
    observations: Observations, members: np.ndarray, content: GroupContent, wording_share: float | None
) -> dict[str, float | None]:
    population = observations.population
    output = population.ratio("output_tokens", "input_tokens")[members]
    varies = wording_share is not None or content.is_stock
    return {
        "content_share": content.median_share if wording_share is None else None,
        "wording_share": wording_share,
        "private_share": _private_share(content, varies),
        "text_coverage": _coverage(content, len(members), varies),
        "item_overlap": content.item_overlap,
        "items_in_common": content.items_in_common,
        "carried": _carried(observations, members),
        "self_repeats": content.self_repeats,
        "copies_spread": content.copies_spread,
        "template_reach": content.reach if wording_share is None else None,
        "elicitation": content.elicitation_share,
        "wordings": content.wordings,
        "eliciting_wordings": _eliciting(content),
        "output_ratio": _median(output[output >= 0], len(output)),
        "valuable": _valuable(observations, members, content),
        "individuality": _individuality(observations, members),
        "length_spread": _length_spread(observations, members),
        "refused": _refused(observations, members),
        "moved": _moved(observations, members),
        "end_users": _named(population.totals["n_end_users"][members]),
        "clients": _mean_distinct(observations.channels.get("user_agent"), members),
    }


def _carried(observations: Observations, members: np.ndarray) -> float | None:
    share = None if observations.carried is None else carried_share(observations.carried, members)
    return None if share is None or share < _LEAST_CARRIED else share


def _eliciting(content: GroupContent) -> float | None:
    """Wordings that a member uses in turn to draw training signal out: neither many nor eliciting ones say as much."""
    if content.wordings is None or content.elicitation_share is None:
        return None
    return content.wordings * content.elicitation_share


def _coverage(content: GroupContent, n_members: int, varies: bool) -> float | None:
    """Share of the users of the leading text that the group holds; where wording varies, a large one only.

    The leading text is a template: in a core whose own wording varies, that may be a phrase or an agent of everybody's,
    and two operators may draw on one stock.
    """
    if not len(content.templates):
        return None
    share = n_members / content.text_users
    return None if varies and share < _LEAST_HELD else share


def _private_share(content: GroupContent, varies: bool) -> float | None:
    """Share of the traffic that holds a text of the group alone; unknown where there may be more than was seen.

    Texts are templates here, and a wrapper that varies makes none: where it may, only a share that was seen speaks.
    """
    if content.median_share is None:
        return None
    seen = float(content.private.mean())
    return None if varies and seen < _LEAST_SEEN else seen


def _valuable(observations: Observations, members: np.ndarray, content: GroupContent) -> float | None:
    """Share of valuable work by its wording, or of exchanges that declare tools, whichever is larger.

    What a log declares is surer than what words suggest: agentic work is known by its tools.
    """
    tools = observations.channels.get("tools")
    if tools is None:
        return content.valuable_share
    _, _, share = tools.rows_of(members)
    return max(float(share.sum() / len(members)), content.valuable_share or 0.0)


def _individuality(observations: Observations, members: np.ndarray) -> float | None:
    """Intraclass correlation of prompt lengths: how much of their variation lies between accounts.

    People keep to their own kinds of request; shares of one queue are samples of one list.
    """
    totals = observations.population.totals
    chosen = members[observations.population.n[members] >= 5]
    if len(chosen) < 5:
        return None
    n = observations.population.n[chosen].astype(float)
    mean = totals["words_sum"][chosen] / 1e3 / n
    squares = np.maximum(totals["words_squares"][chosen] / 1e3 - n * mean**2, 0.0)
    return intraclass_correlation(n, mean, squares)


def _length_spread(observations: Observations, members: np.ndarray) -> float | None:
    """How much a member's own requests differ in length, as a ratio to the background's median.

    Somebody who passes on many people's requests shows all of their lengths; a pipeline shows its own.
    """
    usual, mine = _usual(observations).length_spread, _own_spread(observations, members)
    if usual is None or len(mine) < max(_MIN_KNOWN, len(members) // 3):
        return None
    return float(np.median(mine)) / max(usual, 0.05)


def _own_spread(observations: Observations, accounts: np.ndarray) -> np.ndarray:
    """Standard deviations of log prompt lengths within accounts that have ten exchanges or more."""
    totals = observations.population.totals
    chosen = accounts[observations.population.n[accounts] >= 10]
    n = observations.population.n[chosen]
    mean = totals["words_sum"][chosen] / 1e3 / n
    return np.sqrt(np.maximum(totals["words_squares"][chosen] / 1e3 / n - mean**2, 0.0))


def _refused(observations: Observations, members: np.ndarray) -> float | None:
    if observations.refused is None:
        return None
    return float(np.mean(observations.refused[members] / np.maximum(observations.population.n[members], 1)))


def _moved(observations: Observations, members: np.ndarray) -> float | None:
    """Share of the group's traffic after a release that went to the new model, over the background's surge.

    The release that moved the group most counts, if half of the members were active after it.
    """
    moves = observations.moves
    if moves is None:
        return None
    usual = _background(observations)
    found = [
        float(moves.moved[members, i].sum() / moves.sent[members, i].sum())
        - float(moves.moved[usual, i].sum() / max(moves.sent[usual, i].sum(), 1))
        for i in range(len(moves.models))
        if (moves.sent[members, i] > 0).mean() >= 0.5
    ]
    return max(found, default=None)


def _bans(observations: Observations, members: np.ndarray, happenings: Happenings) -> dict[str, float | None]:
    banned = happenings.banned_at[members]
    times = np.sort(banned[banned >= 0])
    if not len(times) and (happenings.banned_at >= 0).sum() < _MIN_BANS:
        return {"ban_excess": None, "succession": None}
    excess = _ban_excess(happenings.banned_at, members, _background(observations))
    if len(times) < 1:
        return {"ban_excess": excess, "succession": None}
    first = observations.population.first_at[members]
    after = np.searchsorted(times, first, side="right") - 1
    born = np.where(after >= 0, first - times[np.maximum(after, 0)], np.int64(2**62))
    window = 12 * 3_600_000_000
    span = max(int(observations.population.last_at[members].max() - first.min()), 1)
    covered = min(1.0, len(np.unique(times // window)) * window / span)
    rate = float(((born >= 0) & (born <= window)).mean())
    return {"ban_excess": excess, "succession": rate - covered}


def _ban_excess(banned_at: np.ndarray, members: np.ndarray, usual: np.ndarray) -> float:
    """Decades: -log10 of the chance that as many members are banned at the background's rate, at most `_MOST_DECADES`."""
    n_banned = int((banned_at[members] >= 0).sum())
    rate = ((banned_at[usual] >= 0).sum() + 1.0) / (len(usual) + 2.0)
    if not n_banned:
        return 0.0
    return min(float(-binom.logsf(n_banned - 1, len(members), rate) / np.log(10)), _MOST_DECADES)


def _named(n_end_users: np.ndarray) -> float | None:
    """Mean number of end users named by accounts that name any."""
    naming = n_end_users[n_end_users > 0]
    return float(naming.mean()) if len(naming) >= max(_MIN_KNOWN, len(n_end_users) // 2) else None


def _median(values: np.ndarray, of: int) -> float | None:
    return float(np.median(values)) if len(values) >= max(_MIN_KNOWN, of // 3) else None


def _robust_sd(values: np.ndarray) -> float:
    low, high = np.quantile(values, [0.25, 0.75])
    return float((high - low) / 1.349)


def _mean_bits(fit: Fit, channel: str) -> float | None:
    bits = fit.channels.get(channel)
    return None if bits is None or not bits.any() else float(bits.mean())


def _top_share(channel: Channel | None, members: np.ndarray, *, weighted: bool = False) -> float | None:
    """How much of the group one value holds (weighted: of its traffic), its largest holder left out.

    Zero where nobody shares, whatever the size of the group: of three strangers' cards each holds a third.
    """
    if channel is None:
        return None
    who, value, share = channel.rows_of(members)
    known = len(np.unique(who))
    if known < _MIN_KNOWN:
        return None
    _, inverse = np.unique(value, return_inverse=True)
    weight = share.astype(float) if weighted else np.ones(len(value))
    held = np.bincount(inverse, weights=weight)
    largest = np.zeros(len(held))
    np.maximum.at(largest, inverse, weight)
    return float(((held - largest) / np.maximum(known - largest, 1e-9)).max())


def _sharing(channel: Channel | None, members: np.ndarray) -> float | None:
    """Share of the members that have a value in common with another member."""
    if channel is None:
        return None
    who, value, _ = channel.rows_of(members)
    known = len(np.unique(who))
    if known < _MIN_KNOWN:
        return None
    _, inverse, counts = np.unique(value, return_inverse=True, return_counts=True)
    return len(np.unique(who[counts[inverse] > 1])) / known


def _mean_distinct(channel: Channel | None, members: np.ndarray) -> float | None:
    if channel is None:
        return None
    counts = channel.offsets[members + 1] - channel.offsets[members]
    return float(counts[counts > 0].mean()) if (counts > 0).sum() >= _MIN_KNOWN else None


def _known(values: list[str | None] | None, members: np.ndarray) -> list[str]:
    return [] if values is None else [v for v in (values[m] for m in members.tolist()) if v is not None]


def _one_organization(observations: Observations, members: np.ndarray) -> float | None:
    """Share of the members, one left out, that are of the group's most common organization.

    None are where it holds as many others and most of the members have no contract: a relay may keep its customers' accounts in one.
    """
    attributes = observations.population.attributes
    values = attributes.get("organization_id")
    if values is None or len(members) < 2:
        return None
    ((name, inside),) = Counter(_known(values, members)).most_common(1) or [("", 1)]
    contracts = _known(attributes.get("access_pathway"), members).count("enterprise")
    theirs = observations.organization_size.get(name, 0) < 2 * inside or contracts >= inside / 2
    return (inside - 1) / (len(members) - 1) if theirs else 0.0


def _value_share(values: list[str | None] | None, members: np.ndarray, value: str) -> float | None:
    known = _known(values, members)
    return known.count(value) / len(known) if len(known) >= _MIN_KNOWN else None
