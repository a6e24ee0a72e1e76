"""One evaluation: every figure of findings held against truth, as a record and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from hydrascope.evaluate.alarms import FalseAlarms, LookAlike, count_false_alarms, describe_look_alikes
from hydrascope.evaluate.bcubed import BCubed, score_bcubed
from hydrascope.evaluate.calibration import (
    BaseRate,
    Calibration,
    Ranking,
    score_base_rates,
    score_calibration,
    score_ranking,
)
from hydrascope.evaluate.findings import Findings, read_findings
from hydrascope.evaluate.judged import Judged, judge_against, read_truth
from hydrascope.evaluate.recovery import FoundCampaign, TrueCampaign, describe_found, recover_campaigns
from hydrascope.evaluate.world import read_log, read_span

__all__ = ["Evaluation", "ShareError", "evaluate_findings", "evaluate_folder", "evaluation_json"]

WEEK_S = 7 * 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareError:
    """Found against true distillation share, over campaign accounts inside distillation verdicts."""

    n_accounts: int
    mean_absolute: float
    bias: float
    """Mean of found - true."""
    campaigns: dict[str, tuple[float, float]]
    """True campaign to (found, true) share of the exchanges of its caught accounts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Findings held against truth."""

    n_accounts: int
    n_campaign_accounts: int
    n_unlabelled: int
    n_absent: int
    weeks: float | None
    """Span of the log, where the world was given."""
    recall: float | None
    """Mean over true campaigns of the share of accounts inside distillation verdicts."""
    enforceable_recall: float | None
    campaigns: tuple[TrueCampaign, ...]
    found: tuple[FoundCampaign, ...]
    purity: float | None
    """Mean purity of distillation verdicts, weighted by their accounts."""
    bcubed_distillation: BCubed
    """Clusters are the distillation verdicts alone."""
    bcubed_any: BCubed
    """Clusters are found campaigns of any verdict."""
    false_alarms: FalseAlarms
    look_alikes: tuple[LookAlike, ...]
    calibration: Calibration
    ranking: Ranking
    base_rates: tuple[BaseRate, ...]
    share_error: ShareError | None


def evaluate_findings(findings: Findings, truth: pa.Table, *, weeks: float | None = None) -> Evaluation:
    """Hold findings against truth.

    Args:
        findings: the detector's two tables.
        truth: `account_id, label, campaign` and, where known, `distillation_share`.
        weeks: span of the log, for figures per week.
    """
    judged = judge_against(findings, truth)
    campaigns, found = recover_campaigns(judged), describe_found(judged)
    caught = np.where(judged.caught, judged.found, "")
    return Evaluation(
        n_accounts=len(judged.account_id),
        n_campaign_accounts=int((~judged.honest).sum()),
        n_unlabelled=judged.n_unlabelled,
        n_absent=judged.n_absent,
        weeks=weeks,
        recall=mean([c.recall for c in campaigns]),
        enforceable_recall=mean([c.enforceable_recall for c in campaigns]),
        campaigns=campaigns,
        found=found,
        purity=weighted_purity(found),
        bcubed_distillation=score_bcubed(judged.campaign, caught),
        bcubed_any=score_bcubed(judged.campaign, judged.found),
        false_alarms=count_false_alarms(judged, found, weeks),
        look_alikes=describe_look_alikes(judged),
        calibration=score_calibration(judged),
        ranking=score_ranking(judged),
        base_rates=score_base_rates(judged),
        share_error=score_shares(judged),
    )


def evaluate_folder(findings: Path, truth: Path, world: Path | None = None) -> Evaluation:
    """Read a findings folder and a truth file, and the span of the log where its folder is given.

    Raises:
        FindingsError: the findings folder is incomplete.
        InputError: the truth or the world cannot be read.
    """
    weeks = None
    if world is not None:
        first, last = read_span(read_log(world))
        weeks = (last - first).total_seconds() / WEEK_S
    return evaluate_findings(read_findings(findings), read_truth(truth), weeks=weeks)


def mean(values: Sequence[float]) -> float | None:
    """Plain mean; None without values."""
    return sum(values) / len(values) if values else None


def weighted_purity(found: Sequence[FoundCampaign]) -> float | None:
    """Purity of the distillation verdicts, weighted by accounts; None where there is no such verdict."""
    verdicts = [f for f in found if f.verdict == "distillation"]
    total = sum(f.n_accounts for f in verdicts)
    return sum(f.purity * f.n_accounts for f in verdicts) / total if total else None


def score_shares(judged: Judged) -> ShareError | None:
    """Distillation-share error, or None where the truth has no shares or nothing was caught."""
    mine = judged.caught & ~judged.honest
    if judged.true_share is None or not mine.any():
        return None
    error = judged.share[mine] - judged.true_share[mine]
    campaigns = {}
    for name in sorted(set(judged.campaign[mine].tolist())):
        rows = mine & (judged.campaign == name)
        weight = np.maximum(judged.n_exchanges[rows], 1)
        campaigns[name] = (
            float(np.average(judged.share[rows], weights=weight)),
            float(np.average(judged.true_share[rows], weights=weight)),
        )
    return ShareError(
        n_accounts=int(mine.sum()),
        mean_absolute=float(np.abs(error).mean()),
        bias=float(error.mean()),
        campaigns=campaigns,
    )


def evaluation_json(evaluation: Evaluation) -> str:
    """The evaluation as JSON, keys in the order of the record."""
    return json.dumps({"version": 1, **as_plain(evaluation)}, indent=2, allow_nan=False) + "\n"


def as_plain(record: Any) -> dict[str, Any]:
    """A record as plain dictionaries and lists."""
    return asdict(record)
