"""Template communities: accounts that repeat the same text, however many they are.

A shared wrapper puts the same shingles into the same accounts, so shingles are clustered by the *sets of
accounts* in which they are heavy; each cluster is a template. Nothing here enumerates pairs of accounts, so
a template of 25,000 accounts costs no more per account than one of fifty. Templates whose account sets
overlap (paraphrases of one wrapper, the steps of one pipeline) form a community.

A community says that accounts repeat the same words, not that one operator runs them: public prompts,
classes and products form communities as tight as any campaign's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from hydrascope.kernels.sets import lead_sets, minhash_sets

__all__ = ["TemplateSettings", "Templates", "community_of_templates", "find_templates"]

_BEFORE = 4
"""Templates with the same minimum, just before one in order of use, that it is compared with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateSettings:
    """How alike account sets must be."""

    n_hashes: int = 32
    same_template: float = 0.7
    """Least MinHash agreement between a shingle's account set and its template's."""
    same_community: float = 0.35
    """Least Jaccard similarity between the account sets of two templates."""
    whole_chain: float = 2 / 3
    """Least share of the users of a chain of like templates that one of them and its likes must have, for it to be one community."""
    core_size: int = 48
    """Most shingles of a template that are used to recognise it."""
    coverage: float = 0.6
    """Share of the core that an exchange must hold to match."""
    min_core: int = 2
    """Fewest shingles: one sampled shingle alone is often a common phrase."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Templates:
    """t templates as sets of shingles, largest account set first."""

    core_offsets: np.ndarray
    """int64[t+1] into `core`."""
    core: np.ndarray
    """int64[k] shingles, at most `core_size` a template."""
    n_shingles: np.ndarray
    """int64[t] shingles before the cap: the constant text is about that many / rate words long."""
    n_accounts: np.ndarray
    """int64[t] accounts in which the template's leading shingle is heavy."""

    def __len__(self) -> int:
        return len(self.n_shingles)

    def flat(self) -> tuple[np.ndarray, np.ndarray]:
        """Core shingles and the template of each: int64[k], int32[k]."""
        return self.core, np.repeat(np.arange(len(self), dtype=np.int32), np.diff(self.core_offsets))


def find_templates(
    shingle: np.ndarray, account: np.ndarray, settings: TemplateSettings, share: np.ndarray | None = None
) -> Templates:
    """Cluster heavy shingles by the accounts that repeat them, and those by how often they are repeated.

    A wrapper's words stand in each of its exchanges. What the same accounts repeat half as often, or less, is a slot's
    favourite, or an optional part: as one template, exchanges would hold too little of it to be known by it.

    Args:
        shingle: int64[m], account: int32[m]: heavy pairs sorted by shingle, then account.
        share: float64[m] of the account's sampled exchanges that hold the shingle; None: all alike.
    """
    starts = (
        np.flatnonzero(np.concatenate([[True], shingle[1:] != shingle[:-1]]))
        if len(shingle)
        else np.zeros(0, int)
    )
    offsets = np.concatenate([starts, [len(shingle)]]).astype(np.int64)
    names, size = shingle[starts], np.diff(offsets)
    signatures = minhash_sets(offsets, account, settings.n_hashes)
    order = np.lexsort((names, -size))
    leader = lead_sets(signatures, order, 2, settings.same_template)
    if share is not None and len(names):
        mean = np.add.reduceat(share, starts) / size
        leader = _by_frequency(names, size, leader, mean)
    return _gather(names, size, leader, settings)


def _by_frequency(names: np.ndarray, size: np.ndarray, leader: np.ndarray, share: np.ndarray) -> np.ndarray:
    """The leader of each shingle among those of its cluster that are repeated about as often: halvings from the oftenest."""
    most = np.zeros(len(names))
    np.maximum.at(most, leader, share)
    halvings = np.floor(np.log2(most[leader] / share)).astype(np.int64)
    _, part = np.unique(leader * (int(halvings.max()) + 1) + halvings, return_inverse=True)
    order = np.lexsort((names, -size, part))
    first = order[np.flatnonzero(np.diff(part[order], prepend=-1))]
    return np.asarray(first[part])


def _gather(names: np.ndarray, size: np.ndarray, leader: np.ndarray, settings: TemplateSettings) -> Templates:
    unique, group, counts = np.unique(leader, return_inverse=True, return_counts=True)
    kept = np.flatnonzero(counts >= settings.min_core)
    kept = kept[np.lexsort((names[unique[kept]], -size[unique[kept]]))]
    rank = np.full(len(unique), -1)
    rank[kept] = np.arange(len(kept))
    rows = np.flatnonzero(rank[group] >= 0)
    rows = rows[np.lexsort((names[rows], rank[group][rows]))]
    template = rank[group][rows]
    first = np.searchsorted(template, np.arange(len(kept)))
    within = np.arange(len(rows)) - first[template]
    rows, template = rows[within < settings.core_size], template[within < settings.core_size]
    offsets = np.searchsorted(template, np.arange(len(kept) + 1))
    return Templates(
        core_offsets=offsets.astype(np.int64),
        core=names[rows],
        n_shingles=counts[kept].astype(np.int64),
        n_accounts=size[unique[kept]].astype(np.int64),
    )


def community_of_templates(matches: csr_array, settings: TemplateSettings) -> np.ndarray:
    """int32[t], the community of each template, numbered by first template.

    Templates that are alike in their users, or tied by a chain of such, are one community where the users of one of them
    and its likes are most of the chain's: the versions of one wrapper, each of which some of its accounts use. A chain that goes on to
    ever other users is cut into stars: what a campaign's accounts happen to say must not tie it to all who say such things.

    Args:
        matches: accounts x templates, 1 where an account uses a template in earnest.
    """
    n = matches.shape[1]
    by_template = csr_array(matches.T)
    by_template.sort_indices()
    signatures = minhash_sets(
        by_template.indptr.astype(np.int64), by_template.indices.astype(np.int32), settings.n_hashes
    )
    a, b = _alike(signatures)
    likeness = _jaccard(by_template, a, b)
    keep = likeness >= settings.same_community
    graph = coo_array((np.ones(int(keep.sum())), (a[keep], b[keep])), shape=(n, n))
    chain = connected_components(graph, directed=False)[1]
    star = _stars(a[keep], b[keep], likeness[keep], n)
    reach = np.zeros(n)
    np.maximum.at(reach, chain, _n_users(by_template, star)[star])
    whole = reach[chain] >= settings.whole_chain * _n_users(by_template, chain)[chain]
    _, first, inverse = np.unique(np.where(whole, chain, n + star), return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse].astype(np.int32)


def _n_users(by_template: csr_array, label: np.ndarray) -> np.ndarray:
    """int64[n]: accounts that use any template of a label."""
    n = len(label)
    template = np.repeat(np.arange(n), np.diff(by_template.indptr))
    pairs = np.unique(label[template].astype(np.int64) * by_template.shape[1] + by_template.indices)
    return np.bincount(pairs // max(by_template.shape[1], 1), minlength=n)


def _alike(signatures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of templates that share a minimum, a < b: each with the first and with some before it that have the same."""
    pairs = [np.zeros((2, 0), np.int64)]
    for column in signatures.T:
        order = np.argsort(column, kind="stable")
        value = column[order]
        start = np.maximum.accumulate(
            np.where(np.diff(value, prepend=value[:1]) != 0, np.arange(len(value)), 0)
        )
        place = np.arange(len(value))
        for other in (start, *(place - back for back in range(1, _BEFORE + 1))):
            held = np.flatnonzero((other >= start) & (other < place))
            pairs.append(np.stack([order[other[held]], order[held]]))
    both = np.unique(np.concatenate(pairs, axis=1), axis=1)
    return both[0], both[1]


def _stars(a: np.ndarray, b: np.ndarray, likeness: np.ndarray, n: int) -> np.ndarray:
    """int64[n]: the leader of each template, itself or the likest of those that lead.

    The first of two that are alike leads, unless it is led itself. Chains of likeness would tie what a campaign's accounts happen to
    say to everything that is said like it.

    Args:
        a, b: pairs of templates that are alike, a < b. likeness: of each pair.
    """
    leads = np.ones(n, bool)
    order = np.lexsort((a, b))
    for i in order.tolist():  # by b, so that whether a leads is settled
        if leads[a[i]]:
            leads[b[i]] = False
    led = np.flatnonzero(leads[a] & ~leads[b])
    best = led[np.lexsort((a[led], -likeness[led], b[led]))]
    first = best[np.flatnonzero(np.diff(b[best], prepend=-1))]
    leader = np.arange(n)
    leader[b[first]] = a[first]
    return leader


def _jaccard(sets: csr_array, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    if not len(a):
        return np.zeros(0)
    shared = np.asarray(sets[a].multiply(sets[b]).sum(axis=1)).ravel()
    size = np.diff(sets.indptr)
    return shared / np.maximum(size[a] + size[b] - shared, 1)
