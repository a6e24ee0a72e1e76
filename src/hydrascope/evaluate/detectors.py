"""Every detector by name: this project's own scan beside its peers."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from hydrascope.errors import UsageError, nearest
from hydrascope.evaluate.findings import Findings, read_findings
from hydrascope.evaluate.peers import PEERS
from hydrascope.evaluate.trials import Detector
from hydrascope.evaluate.world import Log
from hydrascope.pipeline import ScanSettings, scan

__all__ = ["OWN", "choose_detectors", "detector_names", "scanner"]

OWN = "hydrascope"


@dataclass(frozen=True, slots=True)
class Scanner:
    """`hydrascope scan` as a detector; its findings folder is read back and removed."""

    settings: ScanSettings

    def __call__(self, log: Log) -> Findings:
        """Scan a log."""
        with TemporaryDirectory(prefix="scan-") as folder:
            scan(
                [str(p) for p in log.exchanges],
                Path(folder),
                accounts=str(log.accounts) if log.accounts else None,
                events=str(log.events) if log.events else None,
                settings=self.settings,
            )
            return read_findings(Path(folder))


def scanner(settings: ScanSettings | None = None) -> Detector:
    """The scan with these settings."""
    return Scanner(settings or ScanSettings())


def detector_names() -> tuple[str, ...]:
    """The detectors that can work here: without Splink, all but its adapter."""
    missing = {"splink"} if importlib.util.find_spec("splink") is None else set()
    return (OWN, *(name for name in PEERS if name not in missing))


def choose_detectors(names: Sequence[str], settings: ScanSettings | None = None) -> dict[str, Detector]:
    """Name to detector; a name like `hydrascope-content` is the scan with that family or channel disabled.

    Raises:
        UsageError: there is no such detector.
    """
    return {name: choose_detector(name, settings or ScanSettings()) for name in names}


def choose_detector(name: str, settings: ScanSettings) -> Detector:
    """One detector."""
    if name == OWN:
        return scanner(settings)
    if name.startswith(f"{OWN}-"):
        return scanner(without(settings, name.removeprefix(f"{OWN}-").split("+")))
    if name not in PEERS:
        raise UsageError(f"no detector named {name!r}", hint=nearest(name, [OWN, *PEERS]))
    return PEERS[name]


def without(settings: ScanSettings, families: Sequence[str]) -> ScanSettings:
    """The settings with some families or channels disabled."""
    return replace(settings, disabled_families=settings.disabled_families | frozenset(families))
