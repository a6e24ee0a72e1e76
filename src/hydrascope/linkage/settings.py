"""What linkage may be told; every default is argued in docs/design/0003-surprise.md."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["LinkSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSettings:
    """Settings of the linkage engine; the same settings and seed give the same links."""

    max_null: float = 0.001
    """Links that permuted tables may have, as a share of the links that the table has."""
    min_members: int = 2
    """Smallest cluster kept."""
    seed: int = 0
    family_caps: dict[str, float] = field(default_factory=dict)
    """Bits by family, over the caps of `records.FAMILIES`; a family in neither gets `default_cap`."""
    default_cap: float = 40.0
    discount: float = 0.5
    """Weight of a family's other channels beside its strongest."""
    many_values: bool = True
    """Count several shared values of one channel by the Poisson tail, not only the rarest."""
    communities: bool = True
    """Discount what a community of interest shares; turn off where the table's large groups are what is looked for."""
    spread: float = 5.0
    """Variance over squared mean of how much strangers have in common (`stats.surprise.mixed_surprise`)."""
    slack: float = 2.0
    """Decades by which a link's surprise may lie under the threshold once strangers are taken to be that unequal."""
    max_cluster_p: float = 0.001
    """p-value (`linkage.significance`) above which `hydrascope link` drops a cluster; 1 keeps all."""
    permutations: int = 0
    """Null tables; 0 chooses by size: many for small tables, where each is cheap."""
    threads: int = 2
