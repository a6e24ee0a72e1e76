"""How much of each true campaign was found, and what each found campaign is made of."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from hydrascope.evaluate.judged import Flags, Judged

__all__ = ["FoundCampaign", "TrueCampaign", "describe_found", "recover_campaigns"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueCampaign:
    """One campaign of the truth against the findings; every recall is a share of its accounts or volume."""

    campaign: str
    label: str
    n_accounts: int
    n_exchanges: int
    recall: float
    """Accounts inside any distillation verdict."""
    enforceable_recall: float
    """Accounts inside enforceable distillation verdicts."""
    clustered: float
    """Accounts inside a found campaign of any verdict."""
    volume_recall: float | None
    """Exchanges of the accounts inside distillation verdicts; None where the findings count no exchanges."""
    fragments: int
    """Distillation campaigns that hold at least one of its accounts; 1 is whole, 0 missed."""
    best_match: str | None
    """Found campaign of any verdict that holds most of its accounts."""
    best_share: float
    """Share of its accounts in `best_match`."""
    best_verdict: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundCampaign:
    """One found campaign against the truth."""

    campaign_id: str
    verdict: str
    enforceable: bool
    n_accounts: int
    dominant: str
    """Its most common true campaign, or label where honest accounts are the most common."""
    purity: float
    """Share of its accounts from its most common true campaign; 0 where all are honest."""
    honest: int
    """Accounts from no true campaign."""

    @property
    def false_alarm(self) -> bool:
        """A distillation verdict with more honest accounts than others."""
        return self.verdict == "distillation" and 2 * self.honest > self.n_accounts


def recover_campaigns(judged: Judged) -> tuple[TrueCampaign, ...]:
    """Every true campaign, sorted by name."""
    names = sorted(set(judged.campaign.tolist()) - {""})
    return tuple(recover(judged, name, np.asarray(judged.campaign == name)) for name in names)


def recover(judged: Judged, name: str, mine: Flags) -> TrueCampaign:
    """One true campaign; `mine` marks its accounts."""
    caught = judged.caught[mine]
    found, volume = judged.found[mine], judged.n_exchanges[mine]
    best = Counter(x for x in found.tolist() if x)
    match = min(best, key=lambda x: (-best[x], x)) if best else None
    verdicts = dict(zip(found.tolist(), judged.verdict[mine].tolist(), strict=True))
    return TrueCampaign(
        campaign=name,
        label=Counter(sorted(judged.label[mine].tolist())).most_common(1)[0][0],
        n_accounts=int(mine.sum()),
        n_exchanges=int(volume.sum()),
        recall=float(caught.mean()),
        enforceable_recall=float(judged.enforceable[mine].mean()),
        clustered=float((found != "").mean()),
        volume_recall=float(volume[caught].sum() / volume.sum()) if volume.sum() else None,
        fragments=len(set(found[caught].tolist())),
        best_match=match,
        best_share=best[match] / int(mine.sum()) if match else 0.0,
        best_verdict=verdicts[match] or None if match else None,
    )


def describe_found(judged: Judged) -> tuple[FoundCampaign, ...]:
    """Every found campaign with at least one account of known truth, sorted by id."""
    order = np.argsort(judged.found, kind="stable")
    found = judged.found[order]
    names, starts = np.unique(found, return_index=True)
    groups = zip(names.tolist(), np.split(order, starts[1:]), strict=True)
    return tuple(describe(judged, name, rows) for name, rows in groups if name)


def describe(judged: Judged, name: str, rows: np.ndarray) -> FoundCampaign:
    """One found campaign; `rows` are the positions of its accounts."""
    campaigns = Counter(x for x in judged.campaign[rows].tolist() if x)
    groups = Counter(
        sorted(c or label for c, label in zip(judged.campaign[rows], judged.label[rows], strict=True))
    )
    return FoundCampaign(
        campaign_id=name,
        verdict=str(judged.verdict[rows[0]]),
        enforceable=bool(judged.enforceable[rows[0]]),
        n_accounts=len(rows),
        dominant=groups.most_common(1)[0][0],
        purity=max(campaigns.values(), default=0) / len(rows),
        honest=len(rows) - sum(campaigns.values()),
    )
