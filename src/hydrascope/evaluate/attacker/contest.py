"""Attackers against defences: one search for each pair, in processes of their own, on worlds that all of them share.

An attacker may be held to some rungs: one who needs one fixed wrapper (forced tags, say) cannot paraphrase, and one in
a hurry cannot cover. What a channel is worth shows against those who cannot simply step around the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path

from hydrascope.evaluate.attacker.arena import Arena
from hydrascope.evaluate.attacker.costs import Goal, read_costs
from hydrascope.evaluate.attacker.search import Exam, Search
from hydrascope.evaluate.attacker.tactics import LADDERS, Tactics, strongest
from hydrascope.evaluate.detectors import OWN, choose_detectors
from hydrascope.simulate import PromptPool

__all__ = ["FREE", "Attacker", "Contest", "held_by", "hold_contest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attacker:
    """What one attacker may change."""

    name: str
    held: Mapping[str, str] = field(default_factory=dict)
    """Mechanic to the rung that this attacker cannot leave."""
    mechanics: tuple[str, ...] = tuple(LADDERS)
    """What may change at all; the rest stays at its dearest rung."""

    @property
    def start(self) -> Tactics:
        """The dearest rungs, but for those held."""
        tactics = strongest()
        for mechanic, rung in self.held.items():
            tactics = tactics.on(mechanic, rung)
        return tactics

    @property
    def open(self) -> tuple[str, ...]:
        """The mechanics that may change."""
        return tuple(m for m in self.mechanics if m not in self.held)


FREE = Attacker(name="free")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """Everything that decides an outcome, apart from the code."""

    folder: Path
    """Backgrounds and outcomes are kept here; a stopped contest goes on."""
    background: str = "demo"
    detectors: tuple[str, ...] = (OWN,)
    attackers: tuple[Attacker, ...] = (FREE,)
    seeds: tuple[int, ...] = (1, 2, 3)
    scale: float = 1.0
    goal: Goal = field(default_factory=Goal)
    line: float = 0.2
    enforceable: bool = False
    sweep: bool = True
    """Whether every rung about the result is tried as well, which doubles the scans."""
    prompts: Path | None = None
    costs: Path | None = None

    @property
    def arena(self) -> Arena:
        """Where the attempts take place."""
        pool = PromptPool.read(self.prompts) if self.prompts else None
        return Arena(self.background, folder=self.folder, goal=self.goal, scale=self.scale, prompts=pool)


def hold_contest(
    contest: Contest, *, workers: int = 1, tell: Callable[[str], None] = lambda _: None
) -> tuple[Search, ...]:
    """One search for every attacker and defence, in that order; `workers` at once."""
    for seed in contest.seeds:
        contest.arena.background(seed)
    pairs = [(a, d) for a in contest.attackers for d in contest.detectors]
    if workers <= 1:
        return tuple(search(contest, a, d, tell) for a, d in pairs)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        futures = {pool.submit(search, contest, a, d): (a.name, d) for a, d in pairs}
        found: dict[tuple[str, str], Search] = {}
        for future in as_completed(futures):
            found[futures[future]] = future.result()
            tell(f"{' against '.join(futures[future])}: {found[futures[future]].n_scans} scans")
    return tuple(found[a.name, d] for a, d in pairs)


def search(
    contest: Contest, attacker: Attacker, detector: str, tell: Callable[[str], None] = lambda _: None
) -> Search:
    """One attacker against one defence."""
    exam = Exam(
        contest.arena,
        choose_detectors([detector])[detector],
        read_costs(contest.costs),
        name=detector,
        seeds=contest.seeds,
        line=contest.line,
        enforceable=contest.enforceable,
        folder=contest.folder,
        tell=tell,
    )
    found = Search.against(exam, mechanics=attacker.open, start=attacker.start, sweep=contest.sweep)
    return replace(found, attacker=attacker.name)


def held_by(words: Sequence[str]) -> dict[str, str]:
    """`MECHANIC=RUNG` words as a mapping."""
    return {m.strip(): r.strip() for m, _, r in (w.partition("=") for w in words)}
