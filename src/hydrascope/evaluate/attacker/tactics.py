"""What an attacker may change: nine ladders of mechanics, each from cheap and plain to dear and discreet.

A `Tactics` names one rung of every ladder. The goal is fixed (distilled exchanges a day), so that dividing
the work over more accounts lowers what each sends, and cover traffic adds to it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from types import MappingProxyType

from hydrascope.errors import UsageError, nearest

__all__ = ["LADDERS", "Rung", "Tactics", "plainest", "strongest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One setting of a mechanic."""

    name: str
    value: float = 0.0
    """The number behind the name, where it has one."""


LADDERS: Mapping[str, tuple[Rung, ...]] = MappingProxyType(
    {
        "division": (
            Rung(name="40 a day", value=40),
            Rung(name="20 a day", value=20),
            Rung(name="10 a day", value=10),
            Rung(name="5 a day", value=5),
        ),
        "cards": (
            Rung(name="20 accounts a card", value=20),
            Rung(name="4 accounts a card", value=4),
            Rung(name="own card", value=1),
        ),
        "devices": (
            Rung(name="one device farm", value=20),
            Rung(name="4 accounts a device", value=4),
            Rung(name="own device", value=1),
        ),
        "network": (
            Rung(name="hosting pool"),
            Rung(name="shared residential"),
            Rung(name="rotating residential"),
            Rung(name="own residential"),
        ),
        "client": (Rung(name="one SDK"), Rung(name="mimicry"), Rung(name="own programs")),
        "wording": (
            Rung(name="one wrapper", value=1),
            Rung(name="8 by account", value=8),
            Rung(name="fresh each time", value=0),
        ),
        "cover": (
            Rung(name="none", value=0.0),
            Rung(name="50 %", value=0.5),
            Rung(name="80 %", value=0.8),
        ),
        "signup": (Rung(name="one burst"), Rung(name="over the window"), Rung(name="aged half a year")),
        "timing": (Rung(name="one queue"), Rung(name="like people")),
    }
)
"""Mechanic to its rungs, cheapest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tactics:
    """One rung of every ladder."""

    rungs: tuple[int, ...]
    """Places in the ladders, in the order of `LADDERS`."""

    def __post_init__(self) -> None:
        if len(self.rungs) != len(LADDERS) or any(
            not 0 <= r < len(ladder) for r, ladder in zip(self.rungs, LADDERS.values(), strict=False)
        ):
            raise UsageError(f"tactics need one rung of each of: {', '.join(LADDERS)}")

    def rung(self, mechanic: str) -> Rung:
        """The rung of one ladder."""
        return LADDERS[mechanic][self.place(mechanic)]

    def place(self, mechanic: str) -> int:
        """The place of that rung, from 0.

        Raises:
            UsageError: there is no such mechanic.
        """
        if mechanic not in LADDERS:
            raise UsageError(f"no mechanic named {mechanic!r}", hint=nearest(mechanic, LADDERS))
        return self.rungs[list(LADDERS).index(mechanic)]

    def moved(self, mechanic: str, place: int) -> Tactics:
        """The same tactics at another place of one ladder."""
        self.place(mechanic)
        index = list(LADDERS).index(mechanic)
        return replace(self, rungs=(*self.rungs[:index], place, *self.rungs[index + 1 :]))

    def on(self, mechanic: str, rung: str) -> Tactics:
        """The same tactics on a rung of one ladder, by its name.

        Raises:
            UsageError: there is no such mechanic or rung.
        """
        self.place(mechanic)
        names = [r.name for r in LADDERS[mechanic]]
        if rung not in names:
            raise UsageError(f"no rung {rung!r} on the ladder of {mechanic}", hint=nearest(rung, names))
        return self.moved(mechanic, names.index(rung))

    @property
    def names(self) -> dict[str, str]:
        """Mechanic to the name of its rung."""
        return {m: ladder[r].name for (m, ladder), r in zip(LADDERS.items(), self.rungs, strict=True)}

    @property
    def key(self) -> str:
        """A short name that changes with the tactics."""
        return sha256(json.dumps(self.names).encode()).hexdigest()[:12]


def plainest() -> Tactics:
    """The cheapest rung of every ladder."""
    return Tactics(rungs=(0,) * len(LADDERS))


def strongest() -> Tactics:
    """The dearest rung of every ladder."""
    return Tactics(rungs=tuple(len(ladder) - 1 for ladder in LADDERS.values()))
