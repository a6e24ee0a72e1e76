"""Retro-hunt: a new indicator, or a known campaign's template, held against months of history.

indicators -> matches, batch by batch -> accounts with base rates and bits -> a folder of its own

A hunt says who matched and what that is worth. It clusters nobody and judges nobody: a match is not a verdict.
"""

from hydrascope.pipeline.hunt.hunt import HuntResult, HuntSettings, Known, hunt
from hydrascope.pipeline.hunt.indicators import Hunted, indicators_like, read_indicators
from hydrascope.pipeline.hunt.output import write_hunt

__all__ = [
    "HuntResult",
    "HuntSettings",
    "Hunted",
    "Known",
    "hunt",
    "indicators_like",
    "read_indicators",
    "write_hunt",
]
