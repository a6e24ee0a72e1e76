"""False alarms: honest accounts and groups inside distillation verdicts, and every look-alike by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hydrascope.evaluate.intervals import Interval, share_interval
from hydrascope.evaluate.judged import Flags, Judged
from hydrascope.evaluate.recovery import FoundCampaign

__all__ = ["AlarmCount", "FalseAlarms", "LookAlike", "count_false_alarms", "describe_look_alikes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmCount:
    """Honest accounts that raised one kind of alarm."""

    n: int
    per_10k_accounts: Interval | None
    """Of honest accounts, with 95 % bounds; None where there are none."""
    per_week: float | None
    """None where the span of the log is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FalseAlarms:
    """Accounts and groups wrongly inside distillation verdicts, from mildest to gravest."""

    n_honest: int
    any_verdict: AlarmCount
    """Honest accounts in any distillation verdict."""
    enforceable: AlarmCount
    """Honest accounts in an enforceable distillation verdict."""
    acted: AlarmCount
    """Those of them that are themselves marked enforceable."""
    groups: int
    """Distillation verdicts in which honest accounts are the majority."""
    enforceable_groups: int
    groups_per_week: float | None
    enforceable_groups_per_week: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LookAlike:
    """One honest label; the shares are of its accounts."""

    label: str
    n_accounts: int
    any_verdict: float
    enforceable: float
    acted: float
    verdicts: Mapping[str, float]
    """Verdict to share of the label's accounts inside it; `none` for accounts in no campaign."""


def count_false_alarms(
    judged: Judged, found: Sequence[FoundCampaign], weeks: float | None = None
) -> FalseAlarms:
    """Count false alarms; `weeks` is the span of the log, None where it is not known."""
    wrong = [f for f in found if f.false_alarm]
    grave = [f for f in wrong if f.enforceable]
    honest = judged.honest
    return FalseAlarms(
        n_honest=int(honest.sum()),
        any_verdict=count(judged.caught, honest, weeks),
        enforceable=count(judged.enforceable, honest, weeks),
        acted=count(judged.acted, honest, weeks),
        groups=len(wrong),
        enforceable_groups=len(grave),
        groups_per_week=len(wrong) / weeks if weeks else None,
        enforceable_groups_per_week=len(grave) / weeks if weeks else None,
    )


def count(alarm: Flags, honest: Flags, weeks: float | None) -> AlarmCount:
    """Honest accounts among `alarm`."""
    n = int((alarm & honest).sum())
    share = share_interval(n, int(honest.sum()))
    rate = share and Interval(value=1e4 * share.value, low=1e4 * share.low, high=1e4 * share.high)
    return AlarmCount(n=n, per_10k_accounts=rate, per_week=n / weeks if weeks else None)


def describe_look_alikes(judged: Judged) -> tuple[LookAlike, ...]:
    """Every honest label, sorted by name."""
    names = sorted(set(judged.label[judged.honest].tolist()))
    return tuple(describe(judged, x, np.asarray((judged.label == x) & judged.honest)) for x in names)


def describe(judged: Judged, label: str, mine: Flags) -> LookAlike:
    """One label; `mine` marks its honest accounts."""
    n = int(mine.sum())
    verdicts = Counter(v or "none" for v in judged.verdict[mine].tolist())
    return LookAlike(
        label=label,
        n_accounts=n,
        any_verdict=float(judged.caught[mine].mean()),
        enforceable=float(judged.enforceable[mine].mean()),
        acted=float(judged.acted[mine].mean()),
        verdicts={name: verdicts[name] / n for name in sorted(verdicts)},
    )
