"""The worlds by name, and what is in each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from second_world.campaigns import agentic, evasive, pools, probes, reasoning
from second_world.honest import batches, crowds, evaluations, institutions, relays, services, trials
from second_world.honest.population import coincidences, population
from second_world.scene import Scene, Setting
from second_world.small_operator import SmallWorld, build_small_operator

__all__ = ["WORLDS", "Made", "make_world"]

Step = Callable[[Scene], None]
LOOK_ALIKES: tuple[Step, ...] = (
    evaluations.nightly_evaluation, evaluations.benchmark_run, evaluations.agent_benchmark, evaluations.drift_monitor, evaluations.llm_judge, batches.synthetic_data_contract,
    batches.rag_backfill, batches.batch_classification, batches.batch_extraction, batches.batch_translation, services.ci_review_agent, services.failover_router,
    services.shared_team_key, services.internal_gateway, services.reasoning_audit, services.support_bot, services.cron_hourly, institutions.enterprise_nat,
    institutions.university_class, institutions.agency_clients, crowds.viral_app, crowds.coding_agent_users, crowds.carrier_nat, crowds.vpn_exit, relays.declared_reseller,
    relays.reseller, trials.trial_hopping,
)  # fmt: skip
LOUD: tuple[Step, ...] = (
    reasoning.load_balanced_reasoning, agentic.many_pathways, agentic.pivot, agentic.six_weeks, reasoning.fixed_prompt_two_pools, reasoning.cleaner, agentic.stored_sessions,
    reasoning.language_pinning,
)  # fmt: skip
HIDDEN: tuple[Step, ...] = (
    pools.hydra_proxy, pools.relay_and_replay, probes.probe_sweep, evasive.evasive_50, evasive.evasive_75, evasive.evasive_90, pools.stolen_keys, agentic.stored_sessions,
    pools.shared_pool,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of world.

    Attributes:
        campaigns: in it.
        ordinary: the range that the number of ordinary accounts is drawn from.
        identity: whether cards, phones, devices and sign-up addresses are kept.
        small: a self-hosted place, built by `small_operator`.
    """

    campaigns: tuple[Step, ...] = ()
    ordinary: tuple[float, float] = (2200, 3800)
    identity: bool = True
    small: bool = False


WORLDS: dict[str, Kind] = {
    "mixed": Kind(campaigns=LOUD),
    "evasive": Kind(campaigns=HIDDEN),
    "small-operator": Kind(identity=False, small=True),
    "null": Kind(ordinary=(4000, 6000)),
    "no-identity": Kind(campaigns=LOUD, identity=False),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What was written."""

    n_accounts: int
    n_exchanges: int
    side: str


def make_world(out: Path, name: str, seed: int, *, scale: float = 1.0, prompts: Path | None = None) -> Made:
    """Write one world: exchanges/, accounts, events, truth and truth_shares.

    Args:
        out: the folder, made where it is not there.
        name: of `WORLDS`.
        seed: decides all that is drawn; see `scene.side_of`.
        scale: factor on accounts and volumes.
        prompts: a Parquet pool with `prompt` and, where known, `source`, `n_turns`.
    """
    kind = WORLDS[name]
    setting = Setting(
        name=name, seed=seed, scale=scale, identity=kind.identity, small=kind.small, prompts=prompts
    )
    scene = Scene(setting, out, SmallWorld if kind.small else None)
    if isinstance(scene.world, SmallWorld):
        build_small_operator(scene, scene.world)
    else:
        scene.world.event("model_release", scene.world.release, scene.models[4])
        population(scene, scene.count(*kind.ordinary, least=20))
        coincidences(scene)
        for step in (*LOOK_ALIKES, *kind.campaigns):
            step(scene)
    scene.world.finish()
    return Made(n_accounts=len(scene.world.accounts), n_exchanges=scene.world.n_exchanges, side=scene.side)
