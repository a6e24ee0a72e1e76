"""Answers why an account, a pair of accounts or a campaign was judged as it was, and what would change it."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from hydrascope.errors import UsageError
from hydrascope.report import words
from hydrascope.report.answer import Answer
from hydrascope.report.explain_account import Found, explain_account, explain_pair
from hydrascope.report.explain_campaign import explain_campaign
from hydrascope.report.findings import Findings, membership, read_account, read_account_ids
from hydrascope.report.masking import clean

__all__ = ["explain"]

MOST_NAMES_COMPARED = 50_000


def explain(findings: Findings, ids: Sequence[str], *, reveal: bool = False) -> Answer:
    """Explains a campaign, an account or a pair of accounts.

    Args:
        findings: what a scan found.
        ids: one campaign or account id, two account ids, or one text of two account ids with a comma.
        reveal: show callers' text in templates.

    Raises:
        UsageError: an id is not in the folder; the hint names the nearest ones.
    """
    names = split_pair(findings, ids)
    campaigns = {c.campaign_id: c for c in findings.campaigns}
    if len(names) == 1 and names[0] in campaigns:
        return explain_campaign(campaigns[names[0]], reveal=reveal)
    found = [find_account(findings, name) for name in names]
    if len(found) == 1:
        return explain_account(findings, found[0])
    if len(found) == 2:
        return explain_pair(findings, found[0], found[1])
    raise UsageError(
        "one campaign, one account or two accounts can be explained at a time",
        hint="type: hydrascope explain FINDINGS ID [ID2]",
    )


def split_pair(findings: Findings, ids: Sequence[str]) -> list[str]:
    """The ids asked for; `A,B` is two unless an account is named so."""
    names = [i.strip() for i in ids if i.strip()]
    if len(names) == 1 and "," in names[0] and not is_known(findings, names[0]):
        names = [part.strip() for part in names[0].split(",") if part.strip()]
    return list(dict.fromkeys(names))


def is_known(findings: Findings, name: str) -> bool:
    """Whether the folder knows a campaign or an account of this name."""
    if any(c.campaign_id == name for c in findings.campaigns) or membership(findings, name)[1] is not None:
        return True
    return read_account(findings, name) is not None


def find_account(findings: Findings, name: str) -> Found:
    """The account of this name; an unknown one is a `UsageError` that names the nearest."""
    campaign, member = membership(findings, name)
    row = read_account(findings, name)
    if campaign is None and row is not None and row.campaign_id is not None:
        campaign = next((c for c in findings.campaigns if c.campaign_id == row.campaign_id), None)
    if member is None and row is None:
        raise UsageError(
            f"no campaign or account '{clean(name)}' in this folder", hint=nearest_ids(findings, name)
        )
    return Found(account_id=name, campaign=campaign, member=member, row=row)


def nearest_ids(findings: Findings, name: str) -> str:
    """Up to three ids that look like `name`, or what there is to choose from."""
    known = [*(c.campaign_id for c in findings.campaigns), *read_account_ids(findings)]
    inside = [k for k in known if name.lower() in k.lower()][:3]
    close = inside or get_close_matches(name, known[:MOST_NAMES_COMPARED], n=3, cutoff=0.6)
    if close:
        return "did you mean " + words.join((f"'{clean(c)}'" for c in close), "or") + "?"
    some = ", ".join(clean(c.campaign_id) for c in findings.campaigns[:8])
    return f"campaigns here: {some}" if some else "this folder has no campaigns"
