"""Per-prompt keyword match: phrases that ask a model for its reasoning or for training data.

Source: the content filters that providers describe for "reasoning elicitation" prompts; the list is written
from public descriptions of the alleged campaigns. Sees: campaigns that ask in the expected words. Blind to:
paraphrase, translation, fixed prompts in the system field of another wording; and graders, tutors and
auditors use the same words. Scale: one pass of a regular expression, any log.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from hydrascope.evaluate.findings import Findings
from hydrascope.evaluate.peers.alarm import alone, raise_alarms
from hydrascope.evaluate.world import Log

__all__ = ["PHRASES", "KeywordSettings", "detect_keywords"]

PHRASES = (
    r"chain[- ]of[- ]thought",
    r"(show|write|articulate|explain|reconstruct)[^.]{0,40}(your|the|all|full)[^.]{0,20}reasoning",
    r"reasoning (behind|that led to|trace|process)",
    r"think(ing)? step[- ]by[- ]step",
    r"step[- ]by[- ]step (reasoning|thinking|thought)",
    r"(inside|within|between|in) <?(think|thinking|reasoning|thought|scratchpad)>?",
    r"</?(think|thinking|reasoning|scratchpad)>",
    r"inner monologue",
    r"(training|fine[- ]?tuning|sft|preference|reward) (data|pairs|examples|model)",
    r"rate (the|this|each) (response|answer|completion)",
    r"(grade|score)[^.]{0,30}rubric",
    r"(chosen|rejected) (response|answer)",
    r"which (response|answer) is better",
    r"act as a reward model",
    r"(politically|censorship)[- ](safe|sensitive|neutral)",
    r"rewrite[^.]{0,40}(compliant|acceptable|uncontroversial)",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeywordSettings:
    """An account is flagged above both."""

    least: int = 3
    """Matching exchanges."""
    share: float = 0.2
    """Of the account's exchanges."""


def detect_keywords(log: Log, settings: KeywordSettings = KeywordSettings()) -> Findings:
    """Flag accounts whose prompts, or system prompts, match often; the score is the matching share."""
    pattern = "(?i)" + "|".join(PHRASES)
    with duckdb.connect() as db:
        rows = db.execute(
            f"""SELECT account_id, sum(hit), avg(hit) FROM (SELECT account_id,
                regexp_matches(coalesce(prompt, '') || ' ' || coalesce(system, ''), ?)::INT AS hit FROM {log.sql}) GROUP BY account_id ORDER BY 1""",
            [pattern],
        ).fetchall()
    flagged = {a: share for a, n, share in rows if n >= settings.least and share >= settings.share}
    return raise_alarms(log, alone(flagged), {a: share for a, _, share in rows})
