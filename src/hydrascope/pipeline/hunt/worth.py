"""What a match is worth: base rates among strangers, and the bits that follow; values only.

For an indicator that m of N accounts show, of which m_in are among the M members of a known campaign,

    bits = log2( p_in / p_out ),   p_out = (m - m_in + 1/2) / (N - M + 1),

p_in is (m_in + 1/2) / (M + 1) where three members or more are in this history, else what the campaign's own findings say
of it, else 1: then the bits are an upper bound, reached if every account of the operator shows it. Negative bits are 0:
sharing what everybody has says nothing. Strangers here are all accounts not known as members, so accounts of the hunted
operator that nobody knows of yet raise p_out and lower the bits. The halves are Jeffreys's prior (Krichevsky and
Trofimov, IEEE Transactions on Information Theory 27, 1981).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hydrascope.records import FAMILIES

__all__ = ["IndicatorWorth", "account_bits", "weigh_indicators"]

_LEAST_MEMBERS = 3
_REST = 0.25
"""What further indicators of one family add: they are far from independent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndicatorWorth:
    """One indicator in a history."""

    n_accounts: int
    n_members: int
    """Of them known members of the campaign that is hunted for."""
    base_rate: float
    """p_out: share of strangers that show it."""
    bits: float
    """Of one match, by itself."""
    at_most: bool
    """Whether the bits are an upper bound."""


def weigh_indicators(
    indicator: np.ndarray,
    account: np.ndarray,
    member: np.ndarray,
    p_member: Sequence[float | None],
) -> list[IndicatorWorth]:
    """The worth of each indicator.

    Args:
        indicator, account: int[m], distinct pairs of who shows what.
        member: bool[n_accounts], accounts of the campaign that is hunted for.
        p_member: by indicator, what is known of it beforehand.
    """
    n_members, n = int(member.sum()), len(member)
    shown = np.bincount(indicator, minlength=len(p_member))
    inside = np.bincount(indicator[member[account]], minlength=len(p_member))
    weighed = []
    for m, m_in, known in zip(shown.tolist(), inside.tolist(), p_member, strict=True):
        p_out = (m - m_in + 0.5) / (n - n_members + 1)
        observed = n_members >= _LEAST_MEMBERS
        p_in = (m_in + 0.5) / (n_members + 1) if observed else 1.0 if known is None else known
        weighed.append(
            IndicatorWorth(
                n_accounts=m,
                n_members=m_in,
                base_rate=min(p_out, 1.0),
                bits=max(float(np.log2(p_in / p_out)), 0.0) if p_in > 0 else 0.0,
                at_most=not observed and known is None,
            )
        )
    return weighed


def account_bits(
    indicator: np.ndarray,
    account: np.ndarray,
    n_accounts: int,
    bits: np.ndarray,
    family: Sequence[str],
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Bits of each account, and by family: the strongest match and a quarter of the rest, up to the family's cap.

    Args:
        indicator, account: int[m], distinct pairs.
        bits: float64[k] by indicator. Indicators of no family count as a family of their own, without bits.
    """
    families: dict[str, np.ndarray] = {}
    for name, cap in FAMILIES.items():
        mine = np.array([f == name for f in family], bool)[indicator] if len(indicator) else np.zeros(0, bool)
        if not mine.any():
            continue
        who, worth = account[mine], bits[indicator[mine]]
        strongest, total = np.zeros(n_accounts), np.zeros(n_accounts)
        np.maximum.at(strongest, who, worth)
        np.add.at(total, who, worth)
        families[name] = np.minimum(strongest + _REST * (total - strongest), cap)
    everything = np.sum(list(families.values()), axis=0) if families else np.zeros(n_accounts)
    return everything, families
