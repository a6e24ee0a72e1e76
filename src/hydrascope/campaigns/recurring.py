"""The templates of a judged cluster, each with its own users, labels, exchanges and slots."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from hydrascope.campaigns.content import ContentSource
from hydrascope.campaigns.judge import Judged
from hydrascope.campaigns.observations import Observations

__all__ = ["USED", "leading", "recurring_templates"]

USED = 0.03
"""Least share of an account's sampled exchanges that makes it a user of a template."""
_MOST = 5
"""Templates shown; of paraphrases (one community) only the leading one, but several of a stock of wordings."""
_LOOKED_AT = 60
_TEXTS = 24
"""Kept texts that a template is drawn and labelled from."""


def recurring_templates(
    observations: Observations,
    judged: Judged,
    source: ContentSource,
    parts: Callable[[Sequence[str]], Sequence[Any]],
) -> list[dict[str, Any]]:
    """Entries of `templates` in campaigns.json, most used first.

    Whoever uses a wording of a stock at all is a user of it: no member uses one often.

    Args:
        source: texts and matches; labels are those of the kept texts that hold the template, none without any.
        parts: texts of one template to its constant parts and slots.
    """
    shown: list[dict[str, Any]] = []
    seen: set[int] = set()
    least = USED if not judged.content.is_stock else 1e-9
    for t in judged.content.templates[:_LOOKED_AT].tolist():
        share = np.asarray(observations.template_share[judged.members][:, [t]].todense()).ravel()
        community = int(observations.community[t])
        if community in seen or not (share >= least).any():
            continue
        if not judged.content.is_stock:
            seen.add(community)
        shown.append(_entry(observations, judged, source, parts, t, share, share >= least))
        if len(shown) == _MOST:
            break
    return shown


def _entry(
    observations: Observations,
    judged: Judged,
    source: ContentSource,
    parts: Callable[[Sequence[str]], Sequence[Any]],
    template: int,
    share: np.ndarray,
    uses: np.ndarray,
) -> dict[str, Any]:
    """One entry. Args: share: float64[k] of each member's exchanges that hold it. uses: bool[k] who counts as a user."""
    users = judged.members[uses]
    sampled = observations.n_sampled[judged.members]
    texts, ids = _texts_with(users, source, template)
    capabilities, elicitations = source.label(texts) if texts else ({}, {})
    core = observations.templates.core[observations.templates.core_offsets[template]]
    return {
        "template_id": f"T-{int(core) & 0xFFFFFFFFFF:010x}",
        "share": round(float((share * sampled).sum() / max(sampled.sum(), 1)), 4),
        "n_accounts": len(users),
        "n_exchanges": int((share * observations.population.n[judged.members]).sum()),
        "capability": leading(capabilities),
        "elicitation": leading(elicitations),
        "parts": [
            {"slot": True, "examples": list(p.examples)} if p.slot else {"slot": False, "text": p.text}
            for p in (parts(texts) if texts else [])
        ],
        "exchanges": ids[:10],
    }


def _texts_with(users: np.ndarray, source: ContentSource, template: int) -> tuple[list[str], list[str]]:
    """Kept texts of its users that hold the template, with their exchange ids."""
    rows: list[int] = []
    for m in users.tolist():
        held = slice(int(source.matches.offsets[m]), int(source.matches.offsets[m + 1]))
        xids = source.matches.xid[held][source.matches.template[held] == template]
        kept = range(int(source.texts.offsets[m]), int(source.texts.offsets[m + 1]))
        rows += [r for r in kept if source.texts.xid[r] in xids]
        if len(rows) >= _TEXTS:
            break
    return [source.texts.text[r] for r in rows[:_TEXTS]], [source.texts.exchange_id[r] for r in rows[:_TEXTS]]


def leading(shares: Mapping[str, float]) -> str | None:
    """The name with the largest share, the first of equals; None of none.

    >>> leading({"coding": 0.2, "reasoning": 0.7})
    'reasoning'
    """
    return max(sorted(shares), key=shares.__getitem__) if shares else None
