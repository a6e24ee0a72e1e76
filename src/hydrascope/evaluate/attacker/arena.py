"""The world in which an attacker is tried: a fixed honest background, and one campaign made of tactics."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from hydrascope.evaluate.attacker.costs import Goal, size_of
from hydrascope.evaluate.attacker.tactics import Tactics
from hydrascope.evaluate.world import Log, World, read_world
from hydrascope.simulate import PromptPool, Scenario, read_scenario, simulate_world
from hydrascope.simulate.scenario import build_group

__all__ = ["CAMPAIGN", "Arena", "campaign_table"]

CAMPAIGN = "attacker"
CAMPAIGN_SEED = 1_000_003
WRAPPER = "attacker_wrapper"
TEXT = (
    "[[Solve the task below.|Work through the following task.|Here is a task.|Please take on this problem.|Consider this.]] "
    "[[Then articulate the reasoning|Afterwards write out the thinking|Also lay open every step of thought|"
    "Next to the result, give the train of thought]] "
    "[[that led to the answer|behind your result|which brought you there|that supports it]]"
    "[[, inside <think> tags|, step by step|, in numbered steps|, as an inner monologue]]"
    "[[, and end with the answer alone on a line|, before the final answer|, with the final answer in a box|]]."
    "\n\n{item}"
)
NETWORKS: dict[str, dict[str, Any]] = {
    "hosting pool": {"kind": "hosting", "addresses": 8, "networks": 1, "roam": 0.0, "by": "session"},
    "shared residential": {"kind": "rotating", "addresses": 40, "roam": 0.0, "by": "session"},
    "rotating residential": {"kind": "rotating", "roam": 0.0},
    "own residential": {"kind": "home"},
}
CLIENTS: dict[str, dict[str, Any]] = {
    "one SDK": {"kind": "one", "second": 0.0},
    "mimicry": {"kind": "any", "mimic": True, "second": 0.0},
    "own programs": {"kind": "any"},
}
LIVES: dict[str, dict[str, Any]] = {
    "one burst": {
        "burst_day": -1.0,
        "burst_hours": 12.0,
        "first_use_h": 2.0,
        "first_use_sd": 0.5,
        "churn": 0.0,
    },
    "over the window": {"newcomers": 1.0, "first_use_h": 6.0, "churn": 0.0},
    "aged half a year": {"age_days": 180.0, "newcomers": 0.0, "first_use_h": 20.0, "churn": 0.0},
}


class Arena:
    """Makes worlds of one background; the honest accounts are the same whatever the tactics.

    The background of a seed is simulated once and kept; an attempt costs only its own campaign, which is
    simulated apart and laid beside it.
    """

    def __init__(
        self,
        background: str = "demo",
        *,
        folder: Path,
        goal: Goal | None = None,
        scale: float = 0.3,
        prompts: PromptPool | None = None,
    ) -> None:
        """Read the background and drop its campaigns.

        Args:
            background: scenario name or TOML file.
            folder: where backgrounds are kept, one a seed.
            goal: what the attacker wants; its days replace the scenario's.
            scale: factor on the background's accounts.
            prompts: pool of prompts; None: the shipped one.
        """
        self.goal = goal or Goal()
        self.pool = prompts or PromptPool.builtin()
        scenario = read_scenario(background)
        honest = [g for g in scenario.groups if g.campaign is None]
        self.honest = tuple(replace(g, accounts=max(1, round(g.accounts * scale))) for g in honest)
        self.scenario = replace(scenario, world=replace(scenario.world, days=self.goal.days))
        self.folder = folder
        self.recipe = f"{background} {scale} {self.goal} {self.pool.path}"

    def background(self, seed: int) -> World:
        """The honest accounts of a seed."""
        place = self.folder / f"background-{sha256(self.recipe.encode()).hexdigest()[:8]}-{seed}"
        if not (place / "world.json").exists():
            scene = replace(self.scenario, groups=self.honest)
            simulate_world(scene, place, seed=seed, prompts=self.pool, workers=1)
        return read_world(place)

    def scene(self, tactics: Tactics) -> Scenario:
        """The campaign alone."""
        group = build_group(CAMPAIGN, campaign_table(tactics, self.goal), {}, "attacker")
        return replace(self.scenario, groups=(group,), texts={**self.scenario.texts, WRAPPER: {"en": TEXT}})

    def make(self, tactics: Tactics, seed: int, folder: Path) -> World:
        """Write the campaign into `folder`, and the tables of both worlds together."""
        honest = self.background(seed)
        # another seed, because ids are made from the seed and the place in a scenario
        simulate_world(self.scene(tactics), folder, seed=seed + CAMPAIGN_SEED, prompts=self.pool, workers=1)
        for name in ("accounts", "events", "truth", "truth_shares"):
            parts = [pq.read_table(at / f"{name}.parquet") for at in (honest.truth.parent, folder)]
            pq.write_table(pa.concat_tables(parts), folder / f"{name}.parquet")
        # accounts that sign up late may send nothing within the window
        own = sorted((folder / "exchanges").glob("*.parquet"))
        log = Log(
            exchanges=(*honest.log.exchanges, *own),
            accounts=folder / "accounts.parquet",
            events=folder / "events.parquet",
        )
        return World(name=folder.name, log=log, truth=folder / "truth.parquet")


def campaign_table(tactics: Tactics, goal: Goal) -> dict[str, Any]:
    """The campaign as a scenario's `[groups.attacker]` table."""
    size, each = size_of(tactics, goal), tactics.rung("division").value
    flows = {"harvest": harvest(tactics, each)}
    if size.n_cover:
        flows["cover"] = cover(each * size.n_cover / size.n_distilled)
    return {
        "label": "distillation",
        "campaign": CAMPAIGN,
        "accounts": size.n_accounts,
        "languages": {"en": 1.0},
        "life": LIVES[tactics.rung("signup").name],
        "identity": {
            "cards": tactics.rung("cards").value,
            "devices": tactics.rung("devices").value,
            "phones": 1.0,
            "orgs": 1.0,
            "platform": {"first_party": 1.0},
        },
        "network": NETWORKS[tactics.rung("network").name],
        "client": CLIENTS[tactics.rung("client").name],
        "flows": flows,
    }


def harvest(tactics: Tactics, per_day: float) -> dict[str, Any]:
    """The flow that distils."""
    place = tactics.place("wording")
    queue = {"process": "queue", "per_day": per_day, "diurnal": 0.1, "cv": 1.0}
    people = {"process": "human", "per_day": per_day, "spread": 0.7, "active": 0.7, "steps": 2.0}
    return {
        "distill": True,
        "arrivals": people if tactics.place("timing") else queue,
        "content": {
            "wrappers": [WRAPPER],
            "vary": ("none", "account", "exchange")[place],
            "variants": int(tactics.rung("wording").value),
            "items": "queue",
            "follow": "same",
            "capabilities": ["reasoning", "coding"],
        },
        "tokens": {"median": 700.0},
    }


def cover(per_day: float) -> dict[str, Any]:
    """Traffic that looks like people's and is thrown away."""
    return {
        "arrivals": {"process": "human", "per_day": per_day, "spread": 0.7, "active": 0.8},
        "content": {"items": "fresh"},
    }
