"""Worlds for trials, made by the simulator."""

from __future__ import annotations

from pathlib import Path

from hydrascope.evaluate.trials import MakeWorld
from hydrascope.evaluate.world import World, read_world
from hydrascope.simulate import PromptPool, read_scenario, simulate_world

__all__ = ["simulated_worlds"]


def simulated_worlds(
    *,
    scale: float = 1.0,
    accounts: int | None = None,
    prompts: Path | None = None,
    workers: int = 1,
    exchange_truth: bool = False,
) -> MakeWorld:
    """A maker of worlds from scenario names (or TOML files) and seeds.

    Args:
        scale: factor on the accounts of every group.
        accounts: accounts of each world; ordinary people make up the difference.
        prompts: Parquet pool of prompts; None: the shipped pool.
        workers: processes of the simulator; they do not change a byte.
        exchange_truth: also say which exchanges are a campaign's.
    """
    pool = PromptPool.read(prompts) if prompts else PromptPool.builtin()

    def make(name: str, seed: int, folder: Path) -> World:
        simulate_world(
            read_scenario(name),
            folder,
            seed=seed,
            scale=scale,
            accounts=accounts,
            prompts=pool,
            workers=workers,
            exchange_truth=exchange_truth,
        )
        return read_world(folder)

    return make
