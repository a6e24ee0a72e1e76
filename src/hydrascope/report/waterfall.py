"""Bits for and against, family by family: what the waterfall draws and what `explain` prints.

LINK (one operator?) and ABUSE (is capability extracted?) are two questions and are never added together.
A LINK family counts up to its cap (`records.FAMILIES`) however much evidence it has: correlated channels
would otherwise convict honest neighbours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hydrascope.records import FAMILIES
from hydrascope.report.shape import EvidenceEntry

__all__ = ["SIDES", "FamilySum", "Waterfall", "build_waterfall", "sum_families"]

SIDES: Mapping[str, str] = {
    "link": "Are these accounts run by one operator?",
    "abuse": "Does their traffic together extract capabilities?",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilySum:
    """One family's evidence for one of the two questions."""

    family: str
    items: tuple[EvidenceEntry, ...]
    """Heaviest first."""
    raw_bits: float
    """Sum before the cap."""
    bits: float
    """What counts."""
    cap: float | None
    """None where the family has no cap, as on the ABUSE side."""
    start: float
    """Running sum before this family, bits."""

    @property
    def end(self) -> float:
        """Running sum after this family, bits."""
        return self.start + self.bits

    @property
    def is_capped(self) -> bool:
        """Whether evidence was left uncounted."""
        return self.raw_bits > self.bits + 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Waterfall:
    """One side's families, for first and against after, with the running sum."""

    side: str
    question: str
    rows: tuple[FamilySum, ...]

    @property
    def total(self) -> float:
        """Bits of all families together."""
        return self.rows[-1].end if self.rows else 0.0

    @property
    def extent(self) -> tuple[float, float]:
        """Lowest and highest point that the running sum, or an uncounted rest, reaches."""
        marks = [0.0, *(r.end for r in self.rows), *(r.start + r.raw_bits for r in self.rows)]
        return min(marks), max(marks)


def sum_families(items: Iterable[EvidenceEntry], side: str) -> list[FamilySum]:
    """One row a family, strongest for first, strongest against last; `start` not yet set."""
    families: dict[str, list[EvidenceEntry]] = {}
    for item in items:
        if item.side == side:
            families.setdefault(item.family or "other", []).append(item)
    rows = [family_sum(name, found, side) for name, found in families.items()]
    return sorted(rows, key=lambda r: (-r.bits, r.family))


def family_sum(family: str, items: Iterable[EvidenceEntry], side: str) -> FamilySum:
    """Adds up one family under its cap."""
    ordered = tuple(sorted(items, key=lambda i: (-abs(i.bits), i.channel, i.sentence)))
    raw = sum(i.bits for i in ordered)
    cap = FAMILIES.get(family) if side == "link" else None
    return FamilySum(
        family=family,
        items=ordered,
        raw_bits=raw,
        bits=raw if cap is None else min(raw, cap),
        cap=cap,
        start=0.0,
    )


def build_waterfall(items: Iterable[EvidenceEntry], side: str) -> Waterfall:
    """The waterfall of one side of a campaign's evidence."""
    rows: list[FamilySum] = []
    at = 0.0
    for row in sum_families(items, side):
        rows.append(
            FamilySum(
                family=row.family,
                items=row.items,
                raw_bits=row.raw_bits,
                bits=row.bits,
                cap=row.cap,
                start=at,
            )
        )
        at = rows[-1].end
    return Waterfall(side=side, question=SIDES[side], rows=tuple(rows))
