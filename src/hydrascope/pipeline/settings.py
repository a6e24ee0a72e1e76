"""All that changes what a scan finds, or what it may use."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from hydrascope.campaigns.judge import EnforcementSettings
from hydrascope.campaigns.membership import ClusterSettings
from hydrascope.features.observer import ObserveSettings
from hydrascope.linkage.settings import LinkSettings
from hydrascope.linkage.stocks import StockSettings
from hydrascope.linkage.templates import TemplateSettings

__all__ = ["DetectSettings", "ScanSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectSettings:
    """From features to verdicts."""

    templates: TemplateSettings = field(default_factory=TemplateSettings)
    links: LinkSettings = field(default_factory=lambda: LinkSettings(communities=False))
    """A large campaign linked by rare values would pass for a shared interest and be discounted."""
    cluster: ClusterSettings = field(default_factory=ClusterSettings)
    stocks: StockSettings = field(default_factory=StockSettings)
    enforcement: EnforcementSettings = field(default_factory=EnforcementSettings)
    null_draws: int = 120
    """Random groups of each size for the LINK null."""
    base_rate: float = 1e-4
    """Probability of distillation for an account in no cluster."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanSettings:
    """One scan."""

    seed: int = 0
    engine: str = "duckdb"
    memory_bytes: int = 4 << 30
    workers: int = 2
    observe: ObserveSettings = field(default_factory=ObserveSettings)
    detect: DetectSettings = field(default_factory=DetectSettings)
    disabled_families: frozenset[str] = frozenset()
    """Channels or evidence families that the scan must not use."""
    keep_stages: bool = False
    stages: str | None = None
    """Where intermediate tables lie; with Spark a folder or store that the workers see. None: in the findings folder."""

    def material(self) -> dict[str, Any]:
        """What findings depend on: everything but resources."""
        values = asdict(self)
        for name in ("memory_bytes", "workers", "keep_stages", "stages", "engine"):
            del values[name]
        values["disabled_families"] = sorted(self.disabled_families)
        return values
