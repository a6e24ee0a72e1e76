"""What kind of mark a key makes: the scheme, its parameters, and the two profiles that are worth having.

A `Mark` is part of a key's derivation path, so a key for one scheme or width says nothing about another.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from hydrascope.errors import UsageError, nearest

__all__ = ["COMPLIANCE", "TRACE", "Mark", "Prf", "Scheme"]

E = TypeVar("E", bound=StrEnum)


class Scheme(StrEnum):
    """Schemes that can be detected; the engine-native ones are read with a 64-bit handle."""

    RED_GREEN = "red_green"
    GUMBEL = "gumbel"
    SYNTHID = "synthid"
    VLLM_GUMBEL = "vllm_gumbel"
    VLLM_DUAL_GUMBEL = "vllm_dual_gumbel"
    VLLM_RED_GREEN = "vllm_red_green"
    HF_KGW = "hf_kgw"
    HF_SYNTHID = "hf_synthid"


class Prf(StrEnum):
    """Pseudorandom functions for our own schemes."""

    SIPHASH = "siphash"
    """SipHash-2-4: no key recovery or cross-key correlation is known."""
    MIX = "mix"
    """A keyed 64-bit mix, twice as fast to search; uniform, but not cryptographic."""


_WIDTHS = {Scheme.HF_KGW: (1,), Scheme.HF_SYNTHID: (1, 2, 3, 4), Scheme.VLLM_GUMBEL: tuple(range(1, 17))}
_WIDTHS[Scheme.VLLM_RED_GREEN] = _WIDTHS[Scheme.VLLM_DUAL_GUMBEL] = _WIDTHS[Scheme.VLLM_GUMBEL]
_FREE_GAMMA = (Scheme.HF_KGW, Scheme.VLLM_RED_GREEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Scheme and parameters, checked when made.

    >>> Mark(scheme="red_green", context_width=2, gamma=0.25).label
    'red_green/h2/g0.25/siphash'
    """

    scheme: Scheme
    """The scheme, as a `Scheme` or its value."""
    context_width: int = 2
    """Tokens before the marked one that choose its coins, 1 to 4 (engine-native Gumbel: to 16)."""
    gamma: float = 0.5
    """Share of green tokens: 1/2 or 1/4 for our keys, any for the engine-native red/green marks."""
    delta: float = 2.0
    """What a green token's logit gains (red/green only); never part of a test."""
    layers: int = 30
    """Tournament layers (SynthID only)."""
    prf: Prf = Prf.SIPHASH
    """Pseudorandom function behind our own schemes; the engine-native ones fix their own."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "scheme", _member(Scheme, self.scheme))
        object.__setattr__(self, "prf", _member(Prf, self.prf))
        widths = _WIDTHS.get(self.scheme, (1, 2, 3, 4))
        if self.context_width not in widths:
            raise UsageError(
                f"{self.scheme} has no context width {self.context_width}",
                hint=f"give one of {', '.join(map(str, widths))}",
            )
        allowed = 0 < self.gamma < 1 if self.scheme in _FREE_GAMMA else self.gamma in (0.5, 0.25)
        if not allowed:
            raise UsageError(f"gamma {self.gamma} is not offered for {self.scheme}", hint="give 0.5 or 0.25")
        if self.delta <= 0 or not 1 <= self.layers <= 64:
            raise UsageError("delta must be positive and layers between 1 and 64", hint="try the defaults")

    @property
    def sliced(self) -> bool:
        """Whether 64 keys of this mark share one PRF word."""
        return self.scheme is Scheme.RED_GREEN

    @property
    def native(self) -> bool:
        """Whether an engine makes the mark itself, from a 64-bit handle."""
        return self.scheme.startswith(("vllm", "hf"))

    @property
    def label(self) -> str:
        """The part of the derivation path that says what the key is for; delta is left out, no test needs it."""
        parts = [self.scheme.value, f"h{self.context_width}"]
        if self.scheme in (Scheme.RED_GREEN, Scheme.HF_KGW, Scheme.VLLM_RED_GREEN):
            parts.append(f"g{self.gamma:g}")
        if self.scheme in (Scheme.SYNTHID, Scheme.HF_SYNTHID):
            parts.append(f"m{self.layers}")
        return "/".join(parts if self.native else [*parts, self.prf.value])


def _member(kind: type[E], value: str) -> E:
    try:
        return kind(value)
    except ValueError:
        raise UsageError(
            f"{value!r} is not a {kind.__name__.lower()}", hint=nearest(str(value), [m.value for m in kind])
        ) from None


COMPLIANCE = Mark(scheme=Scheme.VLLM_GUMBEL, context_width=4)
"""For everyone, made by the engine: labels text, but hardly survives training on it (width 4)."""

TRACE = Mark(scheme=Scheme.RED_GREEN, context_width=2, gamma=0.25, delta=2.0)
"""For flagged clusters only: survives training on it, costs a little quality, easier to steal."""
