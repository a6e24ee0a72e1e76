"""Many worlds x seeds x detectors: one trial each, kept on disk so that a stopped benchmark goes on.

A world is made, every detector reads its log, the world is deleted. What stays is a JSON file a trial.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, fields
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pyarrow as pa

from hydrascope.evaluate.evaluation import WEEK_S, Evaluation, evaluate_findings, mean
from hydrascope.evaluate.findings import Findings
from hydrascope.evaluate.judged import read_truth
from hydrascope.evaluate.world import Log, World, read_span

__all__ = [
    "BinScore",
    "CampaignScore",
    "Detector",
    "LookAlikeScore",
    "MakeWorld",
    "Trial",
    "TrialPlan",
    "run_trials",
]

Detector = Callable[[Log], Findings]
MakeWorld = Callable[[str, int, Path], World]
"""(name of the world, seed, empty folder) to the world written there; the same world for the same arguments."""

_RENEWED = 4
"""Trials of one process: peers keep memory that only its end gives back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignScore:
    """One true campaign in one trial."""

    campaign: str
    n_accounts: int
    recall: float
    enforceable_recall: float
    volume_recall: float | None
    fragments: int
    best_verdict: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LookAlikeScore:
    """One honest label in one trial."""

    label: str
    n_accounts: int
    any_verdict: float
    enforceable: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BinScore:
    """Accounts whose stated probability falls in one of ten equal bins."""

    low: float
    n: int
    stated: float
    """Mean stated probability."""
    n_guilty: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One detector on one world; None where the world cannot say (no campaign, no verdict)."""

    world: str
    seed: int
    detector: str
    seconds: float
    n_accounts: int
    n_honest: int
    n_exchanges: int
    weeks: float
    recall: float | None
    enforceable_recall: float | None
    volume_recall: float | None
    """Exchanges of the accounts inside distillation verdicts, mean over campaigns."""
    fragments: float | None
    """Distillation verdicts that hold a campaign's accounts, mean over the campaigns that were found."""
    purity: float | None
    bcubed_precision: float | None
    bcubed_recall: float | None
    average_precision: float | None
    brier: float | None
    any_per_10k: float
    enforceable_per_10k: float
    groups_per_week: float
    """Distillation verdicts in which honest accounts are the majority."""
    enforceable_groups_per_week: float
    share_error: float | None
    """Mean absolute error of the distilled share of accounts caught."""
    share_bias: float | None
    precision_1_1000: float | None
    """Of enforceable verdicts, at 1,000 honest accounts to one."""
    worth: float | None
    """Enforceable recall x precision at 1 : 1,000: what automation would catch, where an alarm holds."""
    campaigns: tuple[CampaignScore, ...]
    look_alikes: tuple[LookAlikeScore, ...]
    bins: tuple[BinScore, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialPlan:
    """What to try."""

    worlds: tuple[str, ...]
    seeds: tuple[int, ...]
    detectors: Mapping[str, Detector]
    make_world: MakeWorld
    recipe: str = ""
    """Whatever else determines the worlds and the detectors (scale, version, settings): part of a trial's key."""


def run_trials(
    plan: TrialPlan,
    folder: Path,
    *,
    clock: Callable[[], float],
    tell: Callable[[str], None] = lambda _: None,
    keep_worlds: bool = False,
    workers: int = 1,
) -> tuple[Trial, ...]:
    """Every trial of the plan, in order of world, seed and detector.

    Args:
        plan: what to try.
        folder: trials are kept in `trials/`, worlds for a while in `worlds/`.
        clock: seconds, for the time a detector takes.
        tell: receives one line a trial.
        keep_worlds: leave the worlds on disk.
        workers: detectors at once, in processes that are renewed after four trials and give their memory back; above 1
            the detectors and the clock must be picklable.
    """
    (folder / "trials").mkdir(parents=True, exist_ok=True)
    trials = []
    for name in plan.worlds:
        for seed in plan.seeds:
            trials += trials_of_world(plan, folder, name, seed, clock, tell, workers)
            if not keep_worlds:
                shutil.rmtree(world_folder(folder, name, seed), ignore_errors=True)
    return tuple(trials)


def trials_of_world(
    plan: TrialPlan,
    folder: Path,
    name: str,
    seed: int,
    clock: Callable[[], float],
    tell: Callable[[str], None],
    workers: int,
) -> list[Trial]:
    """All detectors on one world, which is made only where a trial is missing."""
    paths = {d: folder / "trials" / f"{trial_key(plan, name, seed, d)}.json" for d in plan.detectors}
    missing = {d: plan.detectors[d] for d, path in paths.items() if not path.exists()}
    if missing:
        world = fresh_world(plan, folder, name, seed)
        for trial in try_detectors(world, name, seed, missing, clock, workers):
            whole = json.dumps(asdict(trial), indent=1) + "\n"
            partial = paths[trial.detector].with_suffix(".partial")
            partial.write_text(whole, encoding="utf-8")
            partial.replace(paths[trial.detector])
            tell(trial_line(trial))
    return [read_trial(path) for path in paths.values()]


def try_detectors(
    world: World,
    name: str,
    seed: int,
    detectors: Mapping[str, Detector],
    clock: Callable[[], float],
    workers: int,
) -> Iterator[Trial]:
    """One trial a detector, as they finish."""
    if workers <= 1 or len(detectors) == 1:
        yield from (try_detector(world, name, seed, d, detect, clock) for d, detect in detectors.items())
        return
    waiting = list(detectors.items())
    while waiting:  # processes are renewed by a new pool: `max_tasks_per_child` can hang before Python 3.13
        batch, waiting = waiting[: _RENEWED * workers], waiting[_RENEWED * workers :]
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            futures = [pool.submit(try_detector, world, name, seed, d, detect, clock) for d, detect in batch]
            for future in as_completed(futures):
                yield future.result()


def trial_key(plan: TrialPlan, name: str, seed: int, detector: str) -> str:
    """A file name that changes with anything that changes the result."""
    digest = sha256(f"{plan.recipe}|{name}|{seed}|{detector}".encode()).hexdigest()[:10]
    return f"{name.replace('/', '.')}-{seed}-{detector}-{digest}"


def world_folder(folder: Path, name: str, seed: int) -> Path:
    """Where a world lies while it is needed."""
    return folder / "worlds" / f"{name.replace('/', '.')}-{seed}"


def fresh_world(plan: TrialPlan, folder: Path, name: str, seed: int) -> World:
    """The world, made anew in an empty folder."""
    path = world_folder(folder, name, seed)
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return plan.make_world(name, seed, path)


def try_detector(
    world: World, name: str, seed: int, detector: str, detect: Detector, clock: Callable[[], float]
) -> Trial:
    """One detector on one world."""
    begin = clock()
    findings = detect(world.log)
    seconds = clock() - begin
    first, last = read_span(world.log)
    weeks = max((last - first).total_seconds() / WEEK_S, 1e-6)
    e = evaluate_findings(findings, read_truth(world.truth), weeks=weeks)
    return trial_of(e, name, seed, detector, seconds, total_exchanges(findings.accounts))


def total_exchanges(accounts: pa.Table) -> int:
    """Exchanges that the findings counted."""
    return sum(x or 0 for x in accounts["n_exchanges"].to_pylist())


def trial_of(e: Evaluation, world: str, seed: int, detector: str, seconds: float, n_exchanges: int) -> Trial:
    """The figures of an evaluation that a leaderboard keeps."""
    a = e.false_alarms
    at_1000 = next(b.enforceable for b in e.base_rates if b.honest_per_campaign_account == 1000)
    precision = at_1000.value if at_1000 else None
    return Trial(
        world=world,
        seed=seed,
        detector=detector,
        seconds=seconds,
        n_accounts=e.n_accounts,
        n_honest=a.n_honest,
        n_exchanges=n_exchanges,
        weeks=e.weeks or 0.0,
        recall=e.recall,
        enforceable_recall=e.enforceable_recall,
        volume_recall=mean([c.volume_recall or 0.0 for c in e.campaigns]),
        fragments=mean([c.fragments for c in e.campaigns if c.fragments]),
        purity=e.purity,
        bcubed_precision=e.bcubed_distillation.precision,
        bcubed_recall=e.bcubed_distillation.recall,
        average_precision=e.ranking.average_precision,
        brier=e.calibration.brier,
        any_per_10k=a.any_verdict.per_10k_accounts.value if a.any_verdict.per_10k_accounts else 0.0,
        enforceable_per_10k=a.enforceable.per_10k_accounts.value if a.enforceable.per_10k_accounts else 0.0,
        groups_per_week=a.groups_per_week or 0.0,
        enforceable_groups_per_week=a.enforceable_groups_per_week or 0.0,
        share_error=e.share_error.mean_absolute if e.share_error else None,
        share_bias=e.share_error.bias if e.share_error else None,
        precision_1_1000=precision,
        worth=None if e.enforceable_recall is None else e.enforceable_recall * (precision or 0.0),
        campaigns=tuple(CampaignScore(**pick(c, CampaignScore)) for c in e.campaigns),
        look_alikes=tuple(LookAlikeScore(**pick(x, LookAlikeScore)) for x in e.look_alikes),
        bins=tuple(
            BinScore(low=b.low, n=b.n, stated=b.stated, n_guilty=round(b.n * b.observed.value))
            for b in e.calibration.bins
        ),
    )


def pick(record: object, kind: type) -> dict[str, Any]:
    """The fields of `kind` out of a richer record."""
    return {f.name: getattr(record, f.name) for f in fields(kind)}


def read_trial(path: Path) -> Trial:
    """A trial as it was written."""
    plain = json.loads(path.read_text(encoding="utf-8"))
    campaigns = tuple(CampaignScore(**c) for c in plain.pop("campaigns"))
    look_alikes = tuple(LookAlikeScore(**x) for x in plain.pop("look_alikes"))
    bins = tuple(BinScore(**b) for b in plain.pop("bins"))
    return Trial(**plain, campaigns=campaigns, look_alikes=look_alikes, bins=bins)


def trial_line(t: Trial) -> str:
    """One trial in a line."""
    recall = "no campaign" if t.recall is None else f"recall {t.recall:.2f} ({t.enforceable_recall or 0:.2f})"
    return (
        f"{t.world} seed {t.seed} {t.detector}: {recall}, honest per 10,000: {t.any_per_10k:.1f} "
        f"({t.enforceable_per_10k:.1f}), {t.seconds:.1f} s"
    )


def names_of(trials: Sequence[Trial], attribute: str) -> list[str]:
    """Distinct values of a text field, in order of appearance."""
    return list(dict.fromkeys(getattr(t, attribute) for t in trials))
