"""Worlds with ground truth: campaigns, honest look-alikes, adaptive attackers. Detectors never import it."""

from __future__ import annotations

from hydrascope.simulate.prompts import PromptPool
from hydrascope.simulate.scenario import Scenario, read_scenario, scenario_names
from hydrascope.simulate.truth import GroupFacts, WorldFacts
from hydrascope.simulate.world import simulate_world

__all__ = [
    "GroupFacts",
    "PromptPool",
    "Scenario",
    "WorldFacts",
    "read_scenario",
    "scenario_names",
    "simulate_world",
]
