"""What a group asks for: its templates, how much of its traffic they are, whether members share items."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa

from hydrascope.campaigns.bystanders import OUTSIDE, is_private
from hydrascope.campaigns.held import Held
from hydrascope.campaigns.observations import EARNEST, Observations, Pieces
from hydrascope.features.carried import carried_prompts
from hydrascope.features.content import Matches
from hydrascope.features.items import Items
from hydrascope.features.surroundings import TextSample
from hydrascope.features.wording import is_enough
from hydrascope.kernels.holdings import count_held
from hydrascope.kernels.ranges import ranges
from hydrascope.sketch import sketch_texts
from hydrascope.stats.variation import effective_number

__all__ = ["ContentSource", "GroupContent", "Label", "asks_for", "count_pieces", "describe_content"]

Label = Callable[[Sequence[str]], tuple[Mapping[str, float], Mapping[str, float]]]
"""Texts of one template to capability shares and elicitation shares."""

_COMMON = 0.15
"""A template belongs to a group when at least this share of the members uses it."""
_LEAST_USE = 0.08
"""Least share of the mean member's exchanges for wording to tell the group's purpose, where other texts recur more: one of a relay's many customers may have answers rated."""
_LIFT = 4.0
"""... and members use it at least this many times as often as other accounts do."""
_MOST = 0.5
"""Least share of a text's users that a group is for the wording to speak of the group's purpose."""
_LABELLED = 8
"""Most communities of a group that are labelled by themselves."""
_REACH = 0.3
"""Least share of the members that use a community for it to tell the group's purpose."""
_LIST = 100
"""Fewer distinct prompts do not tell a list from chance: the index of n prompts varies by the square root of 2 / n."""
_LEAST_COPIES = 1.5
"""Mean members a prompt, below which its copies may be retries."""
_PAIRS = 60
"""Fewer (ordered) pairs of requests do not tell how many wordings there are."""
_VARIED = 5.0
"""Wordings in turn, from which a request's own words are too few to tell what is asked for: what recurs between the texts is labelled as well."""
_SURE = 0.9
"""How surely the texts that hold a group's own wording must elicit, by what recurs in them or each of them by itself: items label them less surely."""
_SHOWN = 60
"""Members whose texts are read."""
_FEW_COMBINATIONS = 20.0
"""Combinations of a group's texts that elicit, up to which they say nothing: honest prompts of several parts make as many."""
_PER_WORDING = 4.0
"""Further ones that count for one wording."""
_ENOUGH_TEXTS = 5
"""Fewer matching texts say too little; the labels are then taken from all kept texts."""
VALUABLE = frozenset(
    {"agentic_tool_use", "coding", "computer_use", "data_analysis", "reasoning", "grading", "rewriting"}
)
"""Capabilities that the disclosed campaigns were after."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentSource:
    """What groups are described from."""

    matches: Matches
    items: Items
    items_by_account: np.ndarray
    texts: TextSample
    label: Label
    label_recurring: Label
    """The same of texts that ask for one thing in many wordings."""
    label_verbatim: Label
    """The same of what most of the texts say word for word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupContent:
    """The content of one group of k members."""

    templates: np.ndarray
    """int32[] templates of the group, most used first."""
    distinctive: bool
    """Whether they set the group apart from other accounts."""
    is_stock: bool
    """Whether they are the stock of wordings that the group was found by."""
    share: np.ndarray
    """float64[k] share of each member's sampled exchanges that hold one of them."""
    median_share: float | None
    private: np.ndarray
    """float64[k] share of each member's sampled exchanges that hold a text hardly used outside the group."""
    text_users: int
    """Accounts of the log that use the group's leading text in earnest; the group's size where it has none."""
    item_overlap: float | None
    """Mean share of a member's distinct prompts that another member also sent."""
    items_in_common: float | None
    """Mean share of the other members that also send a member's prompt: one of a list goes to one account, an assignment to all."""
    self_repeats: float | None
    """Share of exchanges that repeat a prompt of the same account."""
    copies_spread: float | None
    """Index of dispersion of how many members send each prompt, beyond the first; see `_copies_spread`."""
    reach: float | None
    """Share of the members with a sample that use one of the group's templates."""
    wordings: float | None
    """Different wordings that a member's requests are put in, effectively; see `_wordings`."""
    demand_reach: float = 0.0
    """Largest share of the members that use one community of texts which elicits by itself and is theirs."""
    capabilities: Mapping[str, float] = field(default_factory=dict)
    elicitations: Mapping[str, float] = field(default_factory=dict)
    elicitation_share: float | None = None
    valuable_share: float | None = None
    exchanges: tuple[str, ...] = ()
    """Ids of some exchanges that hold the templates."""
    carrying: tuple[str, ...] = ()
    """Ids of some that hold an answer which another member was given."""


def describe_content(
    observations: Observations,
    source: ContentSource,
    members: np.ndarray,
    *,
    stock: np.ndarray | None = None,
    wording: np.ndarray | None = None,
) -> GroupContent:
    """Templates, items and labels of one group.

    Args:
        stock: int32[] templates of the stock of wordings that it was found by: none of them is common in it.
        wording: int64[] shingles, ascending: the group's own wording; None where it was not read.
    """
    held = Held.of(source.matches, members)
    users = _users_inside(observations, members)
    templates, distinctive = _group_templates(observations, members)
    if stock is not None:
        use = np.asarray(observations.template_share[members][:, stock].sum(axis=0)).ravel()
        templates, distinctive = stock[np.argsort(-use, kind="stable")], True
    share = held.share(templates, observations.n_sampled[members])
    theirs = templates[_is_theirs(observations, members, users, templates)]
    used = float(held.share(theirs, observations.n_sampled[members]).mean())
    if used < min(_LEAST_USE, _MOST * float(share.mean())):
        theirs = theirs[:0]
    kept = _Kept.of(source.texts, held, members)
    texts, ids = kept.holding(templates)
    capabilities, elicitations = source.label(texts)
    if 0 < len(theirs) < len(templates):
        kept = kept.without(np.setdiff1d(templates, theirs), theirs)
        texts = kept.holding(theirs)[0]
        elicitations = source.label(texts)[1]
    wordings = _wordings(held, templates, _asks(elicitations))
    purposes = _purposes(observations, source, kept, members, users, theirs)
    elicits = _elicitation(elicitations, purposes, public=len(templates) > 0 and not len(theirs))
    if wordings is not None and wordings >= _VARIED:
        elicitations, elicits = _surer(elicitations, elicits, source.label_recurring(texts)[1])
    elicitations, elicits = _own_demand(source, kept.worded(wording), elicitations, elicits)
    if stock is None:
        text_users = _text_users(observations, members, users, templates)
        own = templates[is_private(observations, members, templates)]
    else:
        text_users = _stock_users(observations, members, stock)
        own = stock if text_users <= (1.0 + OUTSIDE) * len(members) else stock[:0]
    return GroupContent(
        templates=templates,
        distinctive=distinctive,
        is_stock=stock is not None,
        share=share,
        median_share=float(np.median(share))
        if len(templates)
        else (0.0 if observations.n_sampled[members].any() else None),
        private=held.share(own, observations.n_sampled[members]) if len(own) < len(templates) else share,
        text_users=text_users,
        reach=_reach(observations, members, share),
        wordings=wordings,
        demand_reach=max((float(users[c]) / len(members) for c in purposes), default=0.0),
        capabilities=capabilities,
        elicitations=elicitations,
        elicitation_share=elicits,
        valuable_share=None if not capabilities else sum(capabilities.get(c, 0.0) for c in VALUABLE),
        exchanges=tuple(ids[:20]),
        carrying=()
        if observations.carried is None
        else tuple(kept.ids_of(carried_prompts(observations.carried, members))[:20]),
        **_items(source, members),
    )


def _own_demand(
    source: ContentSource, worded: Sequence[str], elicitations: Mapping[str, float], elicits: float | None
) -> tuple[Mapping[str, float], float | None]:
    """A group's elicitations and how surely it elicits, or those of the texts that hold its own wording, where one of three readings is sure.

    What recurs in them is read once, which their items do not blur; each is read by itself, which a short wrapper around few subjects
    needs; and what they say word for word is read alone, which one of two or three words needs.
    """
    if elicits is None or elicits >= _SURE or not worded:
        return elicitations, elicits
    for reading in (source.label_recurring, source.label, source.label_verbatim):
        elicitations, elicits = _surer(elicitations, elicits, reading(worded)[1], least=_SURE)
    return elicitations, elicits


def _surer(
    elicitations: Mapping[str, float],
    elicits: float | None,
    recurring: Mapping[str, float],
    *,
    least: float = 0.0,
) -> tuple[Mapping[str, float], float | None]:
    """A group's elicitations and how surely it elicits, or what recurs in its texts where that does so more surely, and by `least`."""
    asks = _asks(recurring)
    if elicits is None or asks <= max(elicits, least):
        return elicitations, elicits
    return recurring, asks


def _elicitation(
    elicitations: Mapping[str, float], purposes: Mapping[int, float], *, public: bool
) -> float | None:
    """Share of the shared wording that elicits, the clearest of the group's communities included; None if not known.

    Args:
        public: whether most users of all that the group shares send it from elsewhere: it accuses nobody here.
    """
    if not elicitations:
        return None
    return max([0.0 if public else _asks(elicitations), *purposes.values()])


def _asks(elicitations: Mapping[str, float]) -> float:
    """How surely texts ask for training signal, by the shares of their labels."""
    return sum(share for kind, share in elicitations.items() if kind != "none")


def _purposes(
    observations: Observations,
    source: ContentSource,
    kept: _Kept,
    members: np.ndarray,
    users: np.ndarray,
    templates: np.ndarray,
) -> dict[int, float]:
    """Communities whose wording elicits and that many members use, with how surely it does.

    Labels are given to each community by itself: pooled, the wording of a campaign inside a relay would drown in
    what the relay's customers repeat.
    """
    found: dict[int, float] = {}
    usage = np.asarray(observations.community_share[members].sum(axis=0)).ravel()
    community = observations.community[templates]
    communities = list(dict.fromkeys(community.tolist()))[:_LABELLED]
    for c in communities:
        if users[c] < _REACH * kept.n_members or usage[c] < _LEAST_USE * kept.n_members:
            continue
        texts, _ = kept.holding(templates[community == c], only_matching=True)
        if len(texts) < 3:
            continue
        elicitation = _asks(source.label(texts)[1])
        if elicitation >= 0.5:
            found[c] = elicitation
    return found


def asks_for(observations: Observations, source: ContentSource, users: np.ndarray, community: int) -> float:
    """How surely what the users (int32[k] codes) of one community of texts send of it asks for training signal; 0 where little was kept."""
    kept = _Kept.of(source.texts, Held.of(source.matches, users), users)
    texts, _ = kept.holding(np.flatnonzero(observations.community == community), only_matching=True)
    return _asks(source.label(texts)[1]) if len(texts) >= 3 else 0.0


def _group_templates(observations: Observations, members: np.ndarray) -> tuple[np.ndarray, bool]:
    inside = observations.template_share[members]
    n_inside = _senders_inside(observations, members)
    common = np.flatnonzero((n_inside >= _COMMON * len(members)) & (n_inside >= 2))
    rate = n_inside[common] / len(members)
    n_outside = observations.template_users[common] - n_inside[common]
    rate_outside = (n_outside + 0.5) / (len(observations.population) - len(members) + 1)
    own = common[rate >= _LIFT * rate_outside]
    chosen = own if len(own) else common
    weight = np.bincount(inside.indices, weights=inside.data, minlength=inside.shape[1])[chosen]
    return chosen[np.lexsort((chosen, -weight))].astype(np.int32), len(own) > 0


def _senders_inside(observations: Observations, members: np.ndarray) -> np.ndarray:
    """int64[templates] members that send each template in earnest."""
    inside = observations.template_share[members]
    return np.bincount(inside.indices[inside.data >= EARNEST], minlength=inside.shape[1])


def _users_inside(observations: Observations, members: np.ndarray) -> np.ndarray:
    """int64[communities] members that use each community in earnest."""
    inside = observations.community_share[members]
    return np.bincount(inside.indices[inside.data > 0], minlength=inside.shape[1])


def _stock_users(observations: Observations, members: np.ndarray, stock: np.ndarray) -> int:
    """The members, and accounts outside that use the stock half as much as the median member does."""
    share = observations.community_share[:, [int(observations.community[stock[0]])]].toarray().ravel()
    users = (share > 0) & (share >= 0.5 * float(np.median(share[members])))
    users[members] = True
    return int(users.sum())


def _is_theirs(
    observations: Observations, members: np.ndarray, users: np.ndarray, templates: np.ndarray
) -> np.ndarray:
    """Whether the members are most of all who use each template, or its community, in earnest.

    What an agent says for its honest users it says for a relay's customers as well. A community may hold what many people write, by
    the words that their requests have in common; a text that most members and hardly anybody else sends is theirs all the same. Groups that
    send a text as one are not counted: a campaign that lies on two sets of exits is found as two.
    """
    k, communities = len(members), observations.community[templates]
    n_inside = _senders_inside(observations, members)[templates]
    n_users, n_around = observations.template_users[templates], observations.n_users[communities]
    if observations.pieces is not None:
        n_users = n_users - _elsewhere(observations.pieces.templates[templates], n_inside, k)
        n_around = n_around - _elsewhere(observations.pieces.communities[communities], users[communities], k)
    alone = n_inside >= _MOST * np.maximum(n_users, k)
    return np.asarray(alone | (users[communities] >= _MOST * n_around))


def _elsewhere(in_pieces: np.ndarray, inside: np.ndarray, n_members: int) -> np.ndarray:
    """int64[]: accounts in pieces but those of this group, where it is one. Args: in_pieces, inside: int64[] users of each text."""
    own = np.where(inside >= _MOST * n_members, inside, 0)
    return np.maximum(in_pieces - own, 0)


def count_pieces(observations: Observations, groups: Sequence[np.ndarray]) -> Pieces:
    """Users of each text in those groups (int32[] codes each) that send it as one."""
    found = Pieces(
        templates=np.zeros(observations.template_share.shape[1], np.int64),
        communities=np.zeros(observations.community_share.shape[1], np.int64),
    )
    for members in groups:
        for share, total in (
            (observations.template_share, found.templates),
            (observations.community_share, found.communities),
        ):
            inside = share[members]
            text, users = np.unique(inside.indices[inside.data >= EARNEST], return_counts=True)
            most = users >= _MOST * len(members)
            total[text[most]] += users[most]
    return found


def _text_users(
    observations: Observations, members: np.ndarray, users: np.ndarray, templates: np.ndarray
) -> int:
    if not len(templates):
        return len(members)
    leading = observations.community[templates[0]]
    return len(members) + int(observations.n_users[leading] - users[leading])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """Texts that were kept of the first members, with what they hold."""

    n_members: int
    """Of the group."""
    held: Held
    """Of the first members."""
    rows: np.ndarray
    """int64[] into `texts`."""
    texts: TextSample

    @staticmethod
    def of(texts: TextSample, held: Held, members: np.ndarray) -> _Kept:
        first = members[:_SHOWN]
        n = int(np.searchsorted(held.member, len(first)))
        return _Kept(
            n_members=len(members),
            held=Held(
                n_members=len(first), member=held.member[:n], xid=held.xid[:n], template=held.template[:n]
            ),
            rows=ranges(texts.offsets[first], texts.offsets[first + 1] - texts.offsets[first]),
            texts=texts,
        )

    def holding(self, templates: np.ndarray, *, only_matching: bool = False) -> tuple[list[str], list[str]]:
        """Texts that hold some templates, and their ids; any kept text where next to none does."""
        ids = self.held.ranked(templates)[1]
        chosen = self.rows[np.isin(self.texts.xid[self.rows], ids)]
        if not only_matching and len(chosen) < _ENOUGH_TEXTS:
            chosen = self.rows
        rows = chosen.tolist()
        return [self.texts.text[r] for r in rows], [self.texts.exchange_id[r] for r in rows]

    def without(self, public: np.ndarray, own: np.ndarray) -> _Kept:
        """The texts but those that hold a public template (int32[]) and none of the group's own (int32[])."""
        gone = np.setdiff1d(self.held.ranked(public)[1], self.held.ranked(own)[1])
        return replace(self, rows=self.rows[~np.isin(self.texts.xid[self.rows], gone)])

    def ids_of(self, exchanges: np.ndarray) -> list[str]:
        """Ids of the kept texts among some exchanges. Args: exchanges: int64[] hashed ids."""
        chosen = self.rows[np.isin(self.texts.xid[self.rows], exchanges)]
        return [self.texts.exchange_id[r] for r in chosen.tolist()]

    def worded(self, wording: np.ndarray | None) -> list[str]:
        """Texts that hold enough of a group's own wording; none where few of the members send such texts."""
        if wording is None or not len(wording) or not len(self.rows):
            return []
        texts = [self.texts.text[r] for r in self.rows.tolist()]
        sketch = sketch_texts(pa.array(texts, pa.string()))
        n_held = count_held(sketch.offsets, sketch.shingles.view(np.int64), wording)
        chosen = np.flatnonzero(is_enough(n_held, np.diff(sketch.offsets)))
        senders = np.unique(np.searchsorted(self.texts.offsets, self.rows[chosen], "right"))
        many = len(chosen) >= _ENOUGH_TEXTS and len(senders) >= _REACH * self.held.n_members
        return [texts[i] for i in chosen.tolist()] if many else []


def _reach(observations: Observations, members: np.ndarray, share: np.ndarray) -> float | None:
    sampled = observations.n_sampled[members] > 0
    return float((share[sampled] > 0).mean()) if sampled.sum() >= 3 else None


def _wordings(held: Held, templates: np.ndarray, eliciting: float) -> float | None:
    """How many wordings a member uses in turn: the inverse of the chance that two of its requests are put alike.

    The inverse of Simpson's index, from pairs without replacement, pooled over members. People keep to the wordings
    that they like; accounts that draw on one stock use all of it. A request that holds several of the group's templates counts for the most used;
    but requests that are composed of phrases are put together in hundreds of ways, which shows where few of the phrases were found.
    So are those of people who speak one language: combinations count as far as the texts elicit.

    Args:
        eliciting: share of the texts that elicit, by themselves.
    """
    member, _, first = held.ranked(templates)
    number, pairs = effective_number(member, first)
    combinations, _ = effective_number(*held.combinations(templates))
    composed = (eliciting * combinations - _FEW_COMBINATIONS) / _PER_WORDING
    return max(number, composed) if pairs >= _PAIRS else None


def _items(source: ContentSource, members: np.ndarray) -> dict[str, float | None]:
    items = source.items
    spans = [slice(source.items_by_account[m], source.items_by_account[m + 1]) for m in members.tolist()]
    total = int(items.n_items[members].sum())
    if total < 20:
        return dict.fromkeys(("item_overlap", "items_in_common", "self_repeats", "copies_spread"))
    prompt = np.concatenate([items.prompt[s] for s in spans])
    who = np.repeat(np.arange(len(members)), [s.stop - s.start for s in spans])
    _, inverse, counts = np.unique(prompt, return_inverse=True, return_counts=True)
    shared = counts[inverse] > 1
    overlap = np.bincount(who[shared], minlength=len(members)) / np.maximum(items.n_distinct[members], 1)
    distinct = int(items.n_distinct[members].sum())
    return {
        "copies_spread": _copies_spread(counts, distinct, len(members)),
        "item_overlap": float(overlap[items.n_items[members] > 0].mean()),
        "items_in_common": float((counts * (counts - 1)).sum()) / max(distinct * (len(members) - 1), 1),
        "self_repeats": 1.0 - distinct / total,
    }


def _copies_spread(counts: np.ndarray, n_prompts: int, n_members: int) -> float | None:
    """Variance over mean of the further members that send a prompt, over the group's distinct prompts.

    A list of which every entry is to be answered r times is dealt out: each prompt goes to about r members, and the index
    is far below one. Prompts that people choose have their own popularity, and the index is one (Poisson) or more
    (Cox and Lewis 1966). Nothing is said where most prompts are sent once, or where each goes to a good part of the members, as
    an assignment or a benchmark does. The upper twentieth is cut: some prompts are in everybody's mouth.

    Args:
        counts: int64[] members that send each prompt which some other account sends as well.
        n_prompts: distinct prompts, summed over members.
    """
    alone = max(n_prompts - int(counts.sum()), 0)
    copies = np.concatenate([counts, np.ones(alone, np.int64)])
    copies = np.minimum(copies, np.quantile(copies, 0.95)) if len(copies) else copies
    if len(copies) < _LIST or not _LEAST_COPIES <= copies.mean() <= n_members / 4:
        return None
    return float(copies.var() / (copies.mean() - 1.0))
