"""A judged campaign's portrait: what it will be recognised by in another run, without any text."""

from __future__ import annotations

import numpy as np

from hydrascope.campaigns.findings import Finding
from hydrascope.campaigns.observations import Channel, Observations
from hydrascope.campaigns.succession import Portrait, ValueMark
from hydrascope.features.surroundings import Happenings

__all__ = ["portray"]

_TEMPLATES = 8
"""Leading templates whose core shingles are kept."""
_VALUES = 50
"""Values of one channel that are kept."""
_RARE = 20
"""A value with more users than so many times those of the campaign marks nobody."""
_NO_MARKS = frozenset({"asn", "model", "platform", "access_pathway", "plan", "template"})
"""Channels whose values are shared by design."""


def portray(observations: Observations, finding: Finding, happenings: Happenings) -> Portrait:
    """Members, times, template shingles and rare values of one campaign."""
    members, population = finding.judged.members, observations.population
    first = np.sort(population.first_at[members])
    return Portrait(
        members=tuple(sorted(population.account_id[m] for m in members.tolist())),
        began_us=int(first[(len(first) - 1) // 10]),
        last_us=int(population.last_at[members].max()),
        half_banned_us=_half_banned(happenings.banned_at[members]),
        templates=_templates(observations, finding),
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


def _templates(observations: Observations, finding: Finding) -> tuple[tuple[int, ...], ...]:
    content, templates = finding.judged.content, observations.templates
    if not content.distinctive:
        return ()
    offsets = templates.core_offsets
    return tuple(
        tuple(templates.core[offsets[t] : offsets[t + 1]].tolist())
        for t in content.templates[:_TEMPLATES].tolist()
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
