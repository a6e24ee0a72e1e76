"""What is true of the whole world: its days, releases, holidays, models and the state of its logs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

__all__ = ["DAY_US", "HOUR_US", "Calendar", "World"]

DAY_US = 86_400_000_000
HOUR_US = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Calendar:
    """The span of a world and what happens in it."""

    start_us: int
    days: int
    releases: tuple[tuple[float, str], ...]
    """(day, model) in order of time."""
    holidays: tuple[int, ...]

    @property
    def end_us(self) -> int:
        """First microsecond after the world."""
        return self.start_us + self.days * DAY_US

    def is_rest(self, day: int) -> bool:
        """Whether a day is a weekend or a holiday."""
        weekday = (self.start_us // DAY_US + 3 + day) % 7  # 1970-01-01 was a Thursday
        return weekday >= 5 or day in self.holidays


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Settings of a world, as a scenario's `[world]` table gives them."""

    name: str = ""
    about: str = ""
    start: datetime = datetime(2026, 3, 2, tzinfo=UTC)
    days: int = 14
    models: Mapping[str, float] = field(
        default_factory=lambda: {
            "atlas-4": 0.34,
            "atlas-4-mini": 0.38,
            "atlas-3.5": 0.16,
            "atlas-reason-2": 0.12,
        }
    )
    """Model name to its share of ordinary accounts."""
    releases: Mapping[str, float] = field(default_factory=dict)
    """Model name to the day, counted from the start, on which it comes out."""
    adoption: float = 0.35
    """Share of ordinary accounts that have moved to a release three weeks later."""
    holidays: tuple[int, ...] = ()
    outages: tuple[tuple[float, float], ...] = ()
    """(day, hours) in which nearly every request fails."""
    missing: float = 0.03
    """Share of values lost in every optional column, whoever sent them."""
    late: float = 0.01
    """Share of exchanges whose response fields had not arrived when the log was cut."""
    skew_s: float = 0.0
    """Standard deviation of the clocks of the platforms."""
    completions: str = "none"
    """none: left null; short: a sentence or two."""
    payment_known: float = 0.8
    """Share of accounts whose payment, mail, phone, device and sign-up address the operator knows."""
    hide: tuple[str, ...] = ()
    """Columns that this operator does not log at all."""
    identity_known: bool = True
    """False: no account data at all, as on a self-hosted model."""
    ordinary_bans: float = 0.004
    """Share of honest accounts that are banned for reasons of their own."""
    pool_side: str | None = None
    """tuning or judging: which half of the prompt sources the world may use."""

    def calendar(self) -> Calendar:
        """The span and its marks."""
        when = self.start if self.start.tzinfo else self.start.replace(tzinfo=UTC)
        releases = tuple(sorted((float(day), model) for model, day in self.releases.items()))
        return Calendar(int(when.timestamp()) * 1_000_000, self.days, releases, tuple(self.holidays))
