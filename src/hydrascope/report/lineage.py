"""Where a campaign comes from, in a sentence or two."""

from __future__ import annotations

from collections.abc import Iterator

from hydrascope.report import words
from hydrascope.report.masking import clean
from hydrascope.report.shape import CampaignEntry, LineageEntry

__all__ = ["lineage_sentences"]


def lineage_sentences(campaign: CampaignEntry, *, followed: bool = False) -> tuple[str, ...]:
    """What the findings say of a campaign's past.

    Args:
        followed: the run went on from earlier findings, so that being new says something.
    """
    lineage = campaign.lineage
    if lineage is None:
        return ()
    told = [*_sentences(lineage, followed=followed), *_status(campaign, lineage)]
    online = campaign.online
    if followed and campaign.verdict == "distillation" and online is not None and online.passed is False:
        told.append(
            "Its link has not passed the level that holds over all looks, so it is not enforceable yet."
        )
    return tuple(told)


def _status(campaign: CampaignEntry, lineage: LineageEntry) -> Iterator[str]:
    """A changed verdict, and enforcement that came or went."""
    if lineage.was_verdict not in (None, campaign.verdict):
        yield f"Its verdict was {words.inline(lineage.was_verdict or '')}."
    if lineage.was_enforceable is not None and lineage.was_enforceable != campaign.enforceable:
        yield "It is enforceable now." if campaign.enforceable else "It was enforceable and is not any more."


def _sentences(lineage: LineageEntry, *, followed: bool) -> Iterator[str]:
    if lineage.status == "new":
        if lineage.split_from:
            yield f"New in this run: split off {clean(lineage.split_from)}."
        elif followed and not lineage.merged_from:
            yield "New in this run."
    elif lineage.by == "template":
        yield "The same campaign as before in other accounts."
        yield from (clean(r) for r in lineage.reasons)
    elif lineage.status == "revived":
        yield f"Reported again after it had been withdrawn, with {words.plural(lineage.n_kept, 'account')} of then."
    elif lineage.n_joined or lineage.n_left:
        yield (
            f"Known before: {words.plural(lineage.n_joined, 'account')} joined since the last run, "
            f"{words.count(lineage.n_left)} left."
        )
    else:
        yield "Known before, with the same accounts."
    if lineage.merged_from:
        yield f"It took in {words.join(map(clean, lineage.merged_from))}."
    successor = lineage.successor_of
    if successor is not None:
        yield f"It may be the successor of {clean(successor.campaign_id)}."
        yield from (clean(r) for r in successor.reasons)
