"""Which texts recur in a log, who uses them, and the stocks of wordings that recur only between accounts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array, hstack

from hydrascope.campaigns.cluster import Candidate
from hydrascope.campaigns.distilled import Read
from hydrascope.campaigns.membership import ClusterSettings
from hydrascope.campaigns.observations import Channel, Observations
from hydrascope.campaigns.stock import by_program, stock_group
from hydrascope.engine.base import Engine
from hydrascope.features.content import Matches, match_cores
from hydrascope.features.heavy import read_heavy
from hydrascope.features.sampled import sample_exchanges
from hydrascope.features.usage import count_matches, earnest_shares, plain_shares
from hydrascope.features.wording import SampledShingles
from hydrascope.kernels.lookup import find
from hydrascope.kernels.merge import merge_lists
from hydrascope.linkage.stocks import Stock, StockSettings, find_stocks
from hydrascope.linkage.templates import Templates, TemplateSettings, community_of_templates, find_templates

__all__ = [
    "Texts",
    "community_channel",
    "find_stocks_among",
    "read_texts_in_use",
    "stock_candidates",
    "with_stocks",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """Templates and their users; what `Observations` holds of them says what each is."""

    templates: Templates
    matches: Matches
    """Which sampled exchanges hold which template."""
    community: np.ndarray
    """int32[t] community of each template."""
    template_share: csr_array
    community_share: csr_array
    usage: Channel
    n_sampled: np.ndarray
    """int64[n_accounts] sampled exchanges."""
    passes: list[tuple[int, int]]
    """Of `Heavy`."""


def read_texts_in_use(
    engine: Engine,
    n_accounts: int,
    n_sketched: int,
    *,
    content: bool,
    settings: TemplateSettings,
    least_share: float,
) -> Texts:
    """Templates of the sampled exchanges, who uses them, and which are used by the same accounts.

    Args:
        least_share: of an account's sampled exchanges, to be a user of a template.
    """
    sample_exchanges(engine, n_sketched, content=content)
    heavy = read_heavy(engine, n_accounts)
    often = heavy.n / heavy.n_sampled[heavy.account]
    templates = find_templates(heavy.shingle, heavy.account, settings, often)
    matches = _match(engine, templates, n_accounts, heavy.passes, settings)
    share = earnest_shares(
        count_matches(matches, matches.template, n_accounts, len(templates)), heavy.n_sampled
    )
    community = community_of_templates((share >= least_share).astype(float), settings)
    return _texts(templates, matches, community, share, heavy.n_sampled, heavy.passes)


def _match(
    engine: Engine,
    templates: Templates,
    n_accounts: int,
    passes: list[tuple[int, int]],
    settings: TemplateSettings,
) -> Matches:
    shingle, template = templates.flat()
    return match_cores(
        engine, shingle, template, n_accounts=n_accounts, coverage=settings.coverage, passes=passes
    )


def _texts(
    templates: Templates,
    matches: Matches,
    community: np.ndarray,
    template_share: csr_array,
    n_sampled: np.ndarray,
    passes: list[tuple[int, int]],
) -> Texts:
    n = int(community.max(initial=-1)) + 1
    counts = count_matches(matches, community[matches.template], len(n_sampled), n)
    return Texts(
        templates=templates,
        matches=matches,
        community=community,
        template_share=template_share,
        community_share=earnest_shares(counts, n_sampled),
        usage=community_channel(plain_shares(counts, n_sampled), 0.0),
        n_sampled=n_sampled,
        passes=passes,
    )


def community_channel(share: csr_array, least: float) -> Channel:
    """Communities as values of a channel. Args: share: accounts x communities. least: share that makes a user."""
    kept = share.copy()
    kept.data[kept.data < least] = 0
    kept.eliminate_zeros()
    kept.sort_indices()
    offsets = kept.indptr.astype(np.int64)
    return Channel(
        name="template",
        family="content",
        offsets=offsets,
        value=kept.indices.astype(np.int32),
        share=kept.data.astype(np.float32),
        names=np.arange(kept.shape[1], dtype=np.int64),
        popularity=np.bincount(kept.indices, minlength=kept.shape[1]),
        n_known=int((np.diff(offsets) > 0).sum()),
    )


def find_stocks_among(
    read: Read, texts: Texts, accounts: np.ndarray, settings: StockSettings, templates: TemplateSettings
) -> tuple[list[Stock], np.ndarray]:
    """Stocks of wordings in what templates do not explain of some accounts' exchanges.

    Args:
        accounts: int[] codes; of more than `settings.most_accounts`, some are compared.

    Returns:
        the stocks; int[] codes of the accounts that were not compared.
    """
    chosen = accounts[:: max(1, -(-len(accounts) // settings.most_accounts))]
    if not len(chosen):
        return [], accounts
    explained = _explained(texts, chosen, settings.explained)
    each = settings.most_shingles / len(chosen)
    left = SampledShingles.concat(_unexplained(part, explained, each, settings) for part in read(chosen))
    return find_stocks(left, settings, templates), np.setdiff1d(accounts, chosen)


def _unexplained(
    part: SampledShingles, explained: np.ndarray, each: float, settings: StockSettings
) -> SampledShingles:
    """Exchanges that are short enough and not explained, with about so many shingles of each account."""
    length = np.diff(part.offsets)
    kept = part.take(np.flatnonzero(~find(explained, part.xid)[1] & (length <= settings.most_length)))
    room = each * len(np.unique(kept.account)) / max(len(kept.shingle), 1)
    return kept.first(int(settings.most_exchanges * min(1.0, room)))


def _explained(texts: Texts, accounts: np.ndarray, least: float) -> np.ndarray:
    """Exchanges of some accounts that hold a template which its users hold in a good part of theirs: int64[] hashed ids, ascending, some repeated."""
    share = texts.template_share.tocsc()
    n_users = np.diff(share.indptr)
    mean = np.asarray(share.sum(axis=0)).ravel() / np.maximum(n_users, 1)
    asked = np.zeros(len(texts.n_sampled), bool)
    asked[accounts] = True
    matches = texts.matches
    return np.sort(
        matches.xid[(mean >= least)[matches.template] & np.repeat(asked, np.diff(matches.offsets))]
    )


def with_stocks(engine: Engine, texts: Texts, stocks: Sequence[Stock], settings: TemplateSettings) -> Texts:
    """The texts with each stock's phrases as templates, those of one stock a community."""
    phrases = [phrase for stock in stocks for phrase in stock.phrases]
    more = Templates(
        core_offsets=np.append(0, np.cumsum([len(p) for p in phrases])),
        core=np.concatenate(phrases),
        n_shingles=np.array([len(p) for p in phrases]),
        n_accounts=np.zeros(len(phrases), np.int64),
    )
    n_accounts, first = len(texts.n_sampled), len(texts.templates)
    found = _match(engine, more, n_accounts, texts.passes, settings)
    counts = count_matches(found, found.template, n_accounts, len(more))
    share = plain_shares(counts, texts.n_sampled)
    n_communities = int(texts.community.max(initial=-1)) + 1
    return _texts(
        _both_templates(texts.templates, more),
        _both_matches(texts.matches, found, first),
        np.append(
            texts.community,
            n_communities + np.repeat(np.arange(len(stocks)), [len(s.phrases) for s in stocks]),
        ).astype(np.int32),
        csr_array(hstack([texts.template_share[:, :first], share], format="csr")),
        texts.n_sampled,
        texts.passes,
    )


def _both_templates(some: Templates, more: Templates) -> Templates:
    return Templates(
        core_offsets=np.append(some.core_offsets, some.core_offsets[-1] + more.core_offsets[1:]),
        core=np.append(some.core, more.core),
        n_shingles=np.append(some.n_shingles, more.n_shingles),
        n_accounts=np.append(some.n_accounts, more.n_accounts),
    )


def _both_matches(some: Matches, more: Matches, first: int) -> Matches:
    """Both together, the templates of `more` counted from `first` on."""
    offsets, xid, template = merge_lists(
        (some.offsets, some.xid, some.template), (more.offsets, more.xid, more.template + np.int32(first))
    )
    return Matches(offsets=offsets, xid=xid, template=template)


def stock_candidates(
    observations: Observations,
    matches: Matches,
    stocks: Sequence[Stock],
    unread: np.ndarray,
    settings: ClusterSettings,
) -> list[Candidate]:
    """The accounts of each stock, and those that were not compared and use it half as much as they do.

    Args:
        observations: the stocks' communities are the last ones.
        unread: int[] codes of accounts that were not compared.
    """
    first = observations.community_share.shape[1] - len(stocks)
    found = []
    for i, stock in enumerate(stocks):
        share = observations.community_share[:, [first + i]].toarray().ravel()
        users = np.flatnonzero(share >= max(0.5 * stock.share, settings.min_share))
        members = np.union1d(stock.accounts, np.intersect1d(users, unread)).astype(np.int32)
        chosen = np.flatnonzero(observations.community == first + i).astype(np.int32)
        parts = by_program(observations, members, share[members])
        groups = (stock_group(observations, matches, part, chosen, settings) for part in parts)
        found += [group for group in groups if group is not None]
    return found
