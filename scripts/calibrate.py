"""Fit weights of observables, and what pooled odds of distillation are worth, on worlds for tuning, and write both beside the hypotheses.

    python scripts/calibrate.py OUT --prompts ../shared/data/prompts_dev.parquet [--workers 2] [--fit-only]
    python scripts/calibrate.py OUT --judge [--seeds 110 111 112 113] [--workers 2]

Worlds of both generators are simulated, scanned and removed; their groups stay in OUT/WORLD-SEED.json, so that a stopped
run goes on. The first form fits to worlds for tuning alone. The second takes judging worlds of the second generator and fits nothing: it
writes how often groups of each stated probability were campaigns, which every run's manifest repeats. A group is guilty where most of its members
take part in a campaign. Prints how the pooled odds are kept: as pooled, fitted to one generator and judged on the other, and fitted to both. Which groups the
lines are fitted to is asked of the shipped model, so `--fit-only` is run again until the lines stay.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from scipy.optimize import minimize

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))
sys.path.insert(0, str(ROOT / "scripts"))

from second_world.worlds import make_world  # noqa: E402
from second_worlds import hydrascope  # noqa: E402
from weights import Known, as_toml, fit_weights  # noqa: E402

from hydrascope.campaigns.calibration import Calibration, Interval, basis, load_calibration  # noqa: E402
from hydrascope.campaigns.fitted import Fitted, load_fitted  # noqa: E402
from hydrascope.campaigns.hypotheses import load_model, pooled_log2_odds, score_hypotheses  # noqa: E402
from hydrascope.campaigns.judge import is_related, may_be_accused  # noqa: E402

CAMPAIGNS = ROOT / "src/hydrascope/campaigns"
FIRST = ("everything", "mixed", "proxied", "residential", "shared")
SECOND = ("mixed", "no-identity", "evasive", "small-operator")
QUARTER = " quarter"
"""Of a world's name: at a quarter of its size, for campaigns of a dozen accounts."""
WORLDS = [(f"tuning/{n}", seed) for seed in (1, 2, 3) for n in FIRST]
WORLDS += [("tuning/cover-50", 1), ("tuning/cover-80", 1), ("null", 1), ("null", 2)]
WORLDS += [(f"tuning/{n}{QUARTER}", seed) for seed in (4, 5) for n in FIRST]
WORLDS += [("null-tuning-relays", seed) for seed in (1, 2, 3, 4)]
WORLDS += [(name, seed) for name in ("tuning/conversing", "null-tuning-gatherings") for seed in (1, 2, 3)]
WORLDS += [(f"tuning/conversing{QUARTER}", seed) for seed in (4, 5)]
WORLDS += [(n, seed) for seed in (1, 2, 3, 4, 5) for n in SECOND]
"""Seeds 1-9 of the second generator are for tuning."""
EDGES = (0.0, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97, 0.99, 1.01)
LEAST_ODDS = -3.0
"""Bits: the lines are for groups that come into question, and are not fitted to others."""
SLOPES = {"large": (0.1, 2.0), "handful": (0.1, 1.0)}
"""Least and most: worlds of two generators are fewer than they seem. Neither what the rates state nor what was fitted counts more than once, of a handful not more than half."""
MOST_EVEN = {"large": 0.0, "handful": -0.3}
"""Bits that stated even odds are worth at most: near even odds there are few groups, and innocent ones among them; a log has many more handfuls that agree by chance than these worlds."""

LARGER = [{"type": "ineq", "fun": lambda line: line[0::2] - line[1::2]}]
"""A larger group is never believed less for the same odds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One group that a scan found."""

    world: str
    n: int
    odds: float
    """log2 of the odds of distillation before they are calibrated."""
    printed: float
    """Probability of distillation that the scan printed."""
    guilty: bool
    open: bool = True
    """Whether odds alone decide on it: no other condition of a verdict withholds it."""


def main() -> None:
    """Run it."""
    options = _arguments()
    options.out.mkdir(parents=True, exist_ok=True)
    worlds = [(n, s) for s in options.seeds for n in (*SECOND, "null")] if options.judge else WORLDS
    with ThreadPoolExecutor(options.workers) as pool:
        found = list(pool.map(lambda w: _groups(*w, options), worlds))
    rows = [g for world in found for g in world]
    if options.judge:
        groups = _read(rows, load_fitted())
        _write(replace(load_calibration(), judging=held(groups)))
        print(_table(groups, np.array([g.printed for g in groups])))
        return
    groups = _read_afresh(rows)
    first, second = ([g for g in groups if _is_first(g.world) == which] for which in (True, False))
    fitted = fit(groups)
    _write(fitted)
    (CAMPAIGNS / "fitted.toml").write_text(as_toml(_weights(rows)), encoding="utf-8")
    for title, learned, judged in (
        ("as pooled", None, groups),
        ("fitted to the first generator, judged on the second", fit(first), second),
        ("fitted to the second generator, judged on the first", fit(second), first),
        ("fitted to both, on both", fitted, groups),
    ):
        print(f"## {title}\n\n{learned or ''}\n\n{_table(judged, _kept(judged, learned))}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--prompts", type=Path, help="Parquet pool for worlds of the first generator")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--fit-only", action="store_true", help="use the worlds that are there")
    parser.add_argument(
        "--judge", action="store_true", help="fit nothing, see how it holds on judging worlds"
    )
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=[110, 111, 112, 113], help="of the judging worlds"
    )
    return parser.parse_args()


def _groups(name: str, seed: int, options: argparse.Namespace) -> list[dict[str, Any]]:
    """The groups of one world, from disk where they are there."""
    path = options.out / f"{name.replace('/', '-').replace(' ', '-')}-{seed}.json"
    if not path.exists():
        if options.fit_only:
            return []
        sys.stderr.write(f"{name} {seed}\n")
        folder = path.with_suffix("")
        shutil.rmtree(folder, ignore_errors=True)
        path.write_text(json.dumps(_scanned(name, seed, folder, options.prompts)), encoding="utf-8")
        shutil.rmtree(folder)
    groups: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return groups


def _scanned(name: str, seed: int, folder: Path, prompts: Path | None) -> list[dict[str, Any]]:
    world, findings = folder / "world", folder / "findings"
    world.mkdir(parents=True)
    if _is_first(name):
        pool = ("--prompts", prompts) if prompts else ()
        size = ("--scale", "0.25") if name.endswith(QUARTER) else ()
        world.rmdir()
        scenario = name.removesuffix(QUARTER)
        hydrascope("simulate", world, "--scenario", scenario, "--seed", str(seed), *size, *pool)
    else:
        make_world(world, name, seed)
    tables = ("--accounts", world / "accounts.parquet", "--events", world / "events.parquet")
    hydrascope("scan", world / "exchanges", *tables, "--out", findings, "--quiet")
    return _of_findings(f"{name}-{seed}", findings, world / "truth.parquet")


def _of_findings(world: str, findings: Path, truth: Path) -> list[dict[str, Any]]:
    """What was measured of each group, and the share of its members that take part in a campaign."""
    guilty = {r["account_id"]: bool(r["campaign"]) for r in pq.read_table(truth).to_pylist()}
    members: dict[str, list[bool]] = {}
    for r in pq.read_table(findings / "accounts.parquet", columns=["account_id", "campaign_id"]).to_pylist():
        if r["campaign_id"] and r["account_id"] in guilty:
            members.setdefault(r["campaign_id"], []).append(guilty[r["account_id"]])
    document = json.loads((findings / "campaigns.json").read_text(encoding="utf-8"))
    return [
        {"world": world, "guilty": float(np.mean(m)), "observables": c["observables"], "printed": _printed(c)}
        for c in document["campaigns"]
        if (m := members.get(c["campaign_id"]))
    ]


def _printed(campaign: dict[str, Any]) -> float:
    return sum(h["probability"] for h in campaign["hypotheses"] if h["verdict"] == "distillation")


def _family(row: dict[str, Any]) -> str:
    """Which generator made the group's world."""
    return "first" if _is_first(row["world"]) else "second"


def _is_first(world: str) -> bool:
    return world.startswith(("tuning/", "null-tuning-"))


def _weights(rows: list[dict[str, Any]]) -> Fitted:
    """Weights of groups that are related in no stated way: the others are withheld whatever they weigh, and would teach that
    cards and devices in common are what an organization has.
    """
    known = [
        Known(family=_family(r), measured=r["observables"], guilty=r["guilty"] >= 0.5)
        for r in rows
        if not is_related(score_hypotheses(r["observables"]))
    ]
    return fit_weights(known, prior=_prior())


def _read_afresh(rows: list[dict[str, Any]]) -> list[Group]:
    """Groups with odds by weights of the worlds of other seeds: weights know the groups that they were fitted to too well."""
    seed = np.array([int(r["world"].rsplit("-", 1)[1]) for r in rows])
    groups: list[Group] = []
    for s in sorted(set(seed.tolist())):
        here, others = (
            [r for r, k in zip(rows, seed, strict=True) if (k == s) == own] for own in (True, False)
        )
        groups += _read(here, _weights(others))
    return groups


def _read(rows: list[dict[str, Any]], weights: Fitted) -> list[Group]:
    return [
        Group(
            world=r["world"],
            n=int(r["observables"]["n_accounts"]),
            odds=pooled_log2_odds({n: v for n, v in r["observables"].items() if v is not None}, weights),
            printed=r["printed"],
            guilty=r["guilty"] >= 0.5,
            open=may_be_accused(score_hypotheses(r["observables"])),
        )
        for r in rows
    ]


def fit(groups: list[Group]) -> Calibration:
    """The lines under which the groups' truth is likeliest, with Firth's penalty.

    In many worlds all large groups above some odds are guilty, so the likeliest slope has no bound; the penalty, Jeffreys'
    prior, gives it one that grows with what was seen (Firth, Biometrika 80, 1993). Groups are weighted so that guilty ones
    are as common as the hypotheses' priors say: worlds for tuning hold more campaigns than a provider's log does. Groups that
    something else than their odds keeps from a verdict are left out; relays above all, which the verdict asks for a sign.
    """
    share, prior = np.mean([g.guilty for g in groups]), _prior()
    near = [g for g in groups if g.open and g.odds > LEAST_ODDS]
    x = np.array([basis(g.odds, g.n) for g in near]) * math.log(2)
    guilty = np.array([g.guilty for g in near])
    weight = np.where(guilty, prior / share, (1 - prior) / (1 - share))

    def loss(line: np.ndarray) -> float:
        score = x @ np.append(line, 1.0)
        chance = 1 / (1 + np.exp(-score))
        free = x[:, :-1]
        information = free.T @ (free * (weight * chance * (1 - chance))[:, None])
        wrong = float(weight @ np.logaddexp(0, np.where(guilty, -score, score)))
        return wrong - 0.5 * float(np.linalg.slogdet(information + 1e-9 * np.eye(len(line)))[1])

    limits = [*((None, most) for most in MOST_EVEN.values()), *SLOPES.values()]
    line = minimize(loss, [0.0, -1.0, 1.0, 1.0], method="SLSQP", bounds=limits, constraints=LARGER).x
    large, handful, large_slope, handful_slope = (round(float(v), 3) + 0.0 for v in line)
    return Calibration(
        large=large,
        large_slope=large_slope,
        handful=handful,
        handful_slope=handful_slope,
        n_worlds=len({g.world for g in groups}),
        n_groups=len(near),
        n_guilty=int(guilty.sum()),
    )


def held(groups: list[Group]) -> tuple[Interval, ...]:
    """Printed against found, by interval of the probability; empty intervals are left out."""
    stated = np.array([g.printed for g in groups])
    guilty = np.array([g.guilty for g in groups])
    return tuple(
        Interval(
            least=low,
            n=int(here.sum()),
            stated=round(float(stated[here].mean()), 4),
            guilty=round(float(guilty[here].mean()), 4),
        )
        for low, high in pairwise(EDGES)
        if (here := (stated >= low) & (stated < high)).any()
    )


def _prior() -> float:
    """Prior probability of distillation."""
    model = load_model()
    prior = np.exp2(model.log2_prior)
    return float(prior[model.guilty].sum() / prior.sum())


def _kept(groups: list[Group], calibration: Calibration | None) -> np.ndarray:
    """float64[] probabilities by the rates and the lines alone, before anything is withheld."""
    kept = [calibration.kept(g.odds, g.n) if calibration else g.odds for g in groups]
    return np.asarray(1 / (1 + np.exp2(-np.array(kept))))


def _table(groups: list[Group], stated: np.ndarray) -> str:
    """Stated against found, by interval of the probability, groups of ten accounts or more and smaller ones."""
    guilty = np.array([g.guilty for g in groups])
    large = np.array([g.n >= 10 for g in groups])
    lines = ["| probability | groups of 10 | stated | guilty | smaller | stated | guilty |"]
    lines += ["|" + "---|" * 7]
    for low, high in pairwise(EDGES):
        cells = [f"{low:g}-{min(high, 1):g}"]
        for kind in (large, ~large):
            here = kind & (stated >= low) & (stated < high)
            cells += [
                str(here.sum()),
                *(f"{v[here].mean():.3f}" if here.any() else "" for v in (stated, guilty)),
            ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, f"\nBrier score of groups: {np.mean((stated - guilty) ** 2):.4f}\n"])


def _write(fitted: Calibration) -> None:
    lines = ["# Made by scripts/calibrate.py: what pooled odds of distillation are worth (calibration.py)."]
    lines += [f"{f.name} = {getattr(fitted, f.name)}" for f in fields(fitted) if f.name != "judging"]
    for interval in fitted.judging:
        lines += ["", "[[judging]]", *(f"{name} = {value}" for name, value in asdict(interval).items())]
    (CAMPAIGNS / "calibration.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
