"""A judged campaign's portrait: what it will be recognised by in another run, without any text."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from hydrascope.campaigns.findings import Finding
from hydrascope.campaigns.observations import Channel, Observations
from hydrascope.campaigns.succession import Portrait, TemplateMark, ValueMark
from hydrascope.features.content import Matches
from hydrascope.features.surroundings import Happenings
from hydrascope.features.usage import count_matches

__all__ = ["portray", "template_users"]

_TEMPLATES = 8
"""Leading templates whose core shingles are kept."""
_FAIR = 0.3
"""Share of an account's sampled exchanges that makes it a user."""
_REACH = 0.3
"""Least share of the members that use a template for it to mark the campaign."""
_VALUES = 50
"""Values of one channel that are kept."""
_RARE = 20
"""A value with more users than so many times those of the campaign marks nobody."""
_NO_MARKS = frozenset({"asn", "model", "platform", "access_pathway", "plan", "template"})
"""Channels whose values are shared by design."""


def portray(
    observations: Observations, finding: Finding, happenings: Happenings, users: csr_array
) -> Portrait:
    """Members, times, template shingles and rare values of one campaign.

    Args:
        users: what `template_users` gives.
    """
    members, population = finding.judged.members, observations.population
    first = np.sort(population.first_at[members])
    return Portrait(
        members=tuple(sorted(population.account_id[m] for m in members.tolist())),
        began_us=int(first[(len(first) - 1) // 10]),
        last_us=int(population.last_at[members].max()),
        half_banned_us=_half_banned(happenings.banned_at[members]),
        templates=_templates(observations, members, users),
        n_log=len(population),
        values={
            name: marks
            for name, channel in sorted(observations.channels.items())
            if name not in _NO_MARKS and (marks := _marks(channel, members))
        },
    )


def _half_banned(banned_at: np.ndarray) -> int | None:
    times = np.sort(banned_at[banned_at >= 0])
    half = (len(banned_at) + 1) // 2
    return int(times[half - 1]) if len(times) >= half else None


def template_users(observations: Observations, matches: Matches) -> csr_array:
    """accounts x templates: 1 where a fair share of an account's sampled exchanges hold the template.

    Beyond the usual or not: a pool that has just begun has too few exchanges to stand out, and in a small log its
    predecessor is what is usual.
    """
    counts = count_matches(
        matches, matches.template, len(observations.population), len(observations.templates)
    )
    account, template = counts.tocoo().coords
    kept = counts.data >= _FAIR * np.maximum(observations.n_sampled[account], 1)
    return csr_array(
        (np.ones(int(kept.sum()), np.int64), (account[kept], template[kept])), shape=counts.shape
    )


def _templates(observations: Observations, members: np.ndarray, users: csr_array) -> tuple[TemplateMark, ...]:
    n_members = np.asarray(users[members].sum(axis=0)).ravel()
    n_all = np.bincount(users.indices, minlength=users.shape[1])
    common = np.flatnonzero((n_members >= _REACH * len(members)) & (n_members >= 2))
    chosen = common[np.lexsort((common, n_all[common], -n_members[common]))][:_TEMPLATES]
    templates = observations.templates
    return tuple(
        TemplateMark(
            core=tuple(
                sorted(templates.core[templates.core_offsets[t] : templates.core_offsets[t + 1]].tolist())
            ),
            n_members=int(n_members[t]),
            n_all=int(n_all[t]),
        )
        for t in chosen.tolist()
    )


def _marks(channel: Channel, members: np.ndarray) -> tuple[ValueMark, ...]:
    who, value, _ = channel.rows_of(members)
    if not len(who):
        return ()
    codes, n = np.unique(value, return_counts=True)
    n_all = channel.popularity[codes]
    kept = n_all <= _RARE * n
    codes, n, n_all = codes[kept], n[kept], n_all[kept]
    order = np.lexsort((channel.names[codes], n_all, -n))[:_VALUES]
    return tuple(
        ValueMark(value=int(channel.names[codes[i]]), n_members=int(n[i]), n_all=int(n_all[i]))
        for i in order.tolist()
    )
