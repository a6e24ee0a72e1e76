"""One pool of accounts after another: what a campaign is recognised by when its accounts are replaced.

Wording alone never ties two pools, since strangers use one product and classes share an assignment. The later pool must
also begin within hours after the earlier one was banned or fell silent; or, where nothing is left of the earlier one,
use cards, devices, keys or addresses of it that hardly anybody else uses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

__all__ = ["Portrait", "TemplateMark", "Tie", "ValueMark", "tie"]

HOUR_US = 3_600_000_000
SILENCE_H = 24.0
"""Hours without an exchange after which a campaign has ended."""
LEAST_SHINGLES = 4
"""Template shingles in common; fewer are a common phrase."""
LIFT = 4.0
"""How many times as often accounts of the two pools must use a template as all others do."""
OUTSIDE = 0.1
"""Most users of a shared value outside the two pools, as a share of those inside, for it to be theirs alone."""
TYING = (
    "payment_fingerprint",
    "phone_fingerprint",
    "device_fingerprint",
    "api_key",
    "ip",
    "signup_ip",
)
"""Channels whose values belong to one operator, where they are private at all; software does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueMark:
    """A value that hardly anybody outside a campaign uses."""

    value: int
    """Its 64-bit hash."""
    n_members: int
    n_all: int
    """Accounts of the log that use it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateMark:
    """A template that many accounts of a campaign send."""

    core: tuple[int, ...]
    """Its shingles, ascending."""
    n_members: int
    n_all: int
    """Accounts of the log that use it."""


_Mark = TypeVar("_Mark", ValueMark, TemplateMark)


def _at_most(mark: _Mark, n_members: int) -> _Mark:
    return replace(mark, n_members=min(mark.n_members, n_members))


@dataclass(frozen=True, slots=True, kw_only=True)
class Portrait:
    """What a campaign is recognised by, microseconds since 1970."""

    members: tuple[str, ...]
    """Sorted."""
    began_us: int = 0
    """When a tenth of the members had sent their first exchange."""
    last_us: int = 0
    """Last exchange."""
    half_banned_us: int | None = None
    """When half of the members were banned; None where fewer are."""
    templates: tuple[TemplateMark, ...] = ()
    """Its leading ones, most used first."""
    n_log: int = 0
    """Accounts of the log."""
    values: Mapping[str, tuple[ValueMark, ...]] = field(default_factory=dict)
    """By channel."""

    def ended_us(self, as_of_us: int) -> int | None:
        """When half of it was banned, or else its last exchange if it is silent since; None while it goes on."""
        if self.half_banned_us is not None:
            return self.half_banned_us
        return self.last_us if as_of_us - self.last_us >= SILENCE_H * HOUR_US else None

    def without(self, account_id: str) -> Portrait:
        """The portrait of the other members; values that a single member used are left out, as they may be its own."""
        if account_id not in self.members:
            return self
        members = tuple(m for m in self.members if m != account_id)
        values = {
            channel: tuple(_at_most(m, len(members)) for m in marks if m.n_members > 1)
            for channel, marks in self.values.items()
        }
        templates = tuple(_at_most(t, len(members)) for t in self.templates if t.n_members > 1)
        return replace(
            self, members=members, templates=templates, values={c: m for c, m in values.items() if m}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tie:
    """Why one pool follows another."""

    similarity: float
    """Share of the smaller template's shingles that both have."""
    gap_h: float | None
    """Hours between them, where few enough; else None."""
    banned: bool
    """Whether the earlier one ended by bans."""
    values: tuple[tuple[str, int], ...]
    """Channel, and how many values of it only the two pools use."""

    @property
    def place(self) -> tuple[int, float, float]:
        """Sorts the surest tie first."""
        return (
            -sum(n for _, n in self.values),
            float("inf") if self.gap_h is None else self.gap_h,
            -self.similarity,
        )

    def reasons(self, name: str) -> tuple[str, ...]:
        """Sentences for the analyst."""
        found = [
            f"It sends the template of {name}: {self.similarity:.0%} of the shorter one's sampled wording is in both."
        ]
        if self.gap_h is not None:
            ended = "half of that one was banned" if self.banned else "that one fell silent"
            found.append(f"It began {self.gap_h:.1f} hours after {ended}.")
        found += [
            f"Both use {n} {channel.replace('_', ' ')} value{'s' if n > 1 else ''} that hardly anybody else uses."
            for channel, n in self.values
        ]
        return tuple(found)


def tie(
    old: Portrait,
    new: Portrait,
    *,
    ended_us: int | None,
    window_h: float,
    like_template: float,
    gone: bool = False,
) -> Tie | None:
    """Whether `new` follows `old`, and why; None where it does not.

    Args:
        ended_us: when the earlier one ended; None: it goes on.
        window_h: hours after that within which the later one must begin.
        like_template: least share of the smaller template's shingles in common.
        gone: nothing is left of the earlier one, so that shared values are enough without the hours.
    """
    if new.began_us <= old.began_us:
        return None
    similarity = _shared_template(old, new, like_template, gone=gone)
    if similarity is None:
        return None
    gap = None if ended_us is None else (new.began_us - ended_us) / HOUR_US
    near = gap is not None and 0 <= gap <= window_h
    values = _private(old.values, new.values)
    if not near and not (gone and values):
        return None
    return Tie(
        similarity=similarity,
        gap_h=gap if near else None,
        banned=old.half_banned_us is not None,
        values=values,
    )


def _shared_template(old: Portrait, new: Portrait, like: float, *, gone: bool) -> float | None:
    """How much of a template that is theirs alone both pools send; None where there is none."""
    found = []
    for a in old.templates:
        for b in new.templates:
            common, smaller = len(set(a.core) & set(b.core)), min(len(a.core), len(b.core))
            if common >= max(LEAST_SHINGLES, like * smaller) and _is_theirs(old, a, new, b, gone=gone):
                found.append(common / smaller)
    return max(found, default=None)


def _is_theirs(old: Portrait, a: TemplateMark, new: Portrait, b: TemplateMark, *, gone: bool) -> bool:
    """Whether others hardly use it: the earlier pool is no stranger, as long as it is in the log."""
    users, inside = b.n_members, len(new.members)
    if not gone:
        users, inside = users + a.n_members, inside + len(old.members)
    outside = (max(b.n_all - users, 0) + 0.5) / (max(new.n_log - inside, 0) + 1)
    return users / inside >= LIFT * outside


def _private(
    old: Mapping[str, Sequence[ValueMark]], new: Mapping[str, Sequence[ValueMark]]
) -> tuple[tuple[str, int], ...]:
    """Channels with values that both pools use and hardly anybody else, with how many there are."""
    found = []
    for channel in (c for c in TYING if c in old and c in new):
        mine = {m.value: m for m in old[channel]}
        n = sum(m.value in mine and _is_private(mine[m.value], m) for m in new[channel])
        if n:
            found.append((channel, n))
    return tuple(found)


def _is_private(a: ValueMark, b: ValueMark) -> bool:
    inside = a.n_members + b.n_members
    return max(a.n_all, b.n_all) - inside <= OUTSIDE * inside
