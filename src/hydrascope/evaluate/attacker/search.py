"""Search for the cheapest tactics that stay below the line, one scan of a small world at a time.

Theory of operation. The dearest tactics are tried first. Where they are caught, the search climbs: it tries
every rung of every mechanic about the best so far, moves to the one least caught, and repeats; dearest is not
always safest (an own line may share an exit that a rotating pool avoids). Once something passes, the search goes
down: mechanic by mechanic, the largest bill first, it takes the cheapest rung that still passes with everything
else as it stands, and repeats until a whole pass changes nothing. What remains is a local optimum: no single
mechanic can be cheapened. Where nothing passes, the defence held against this search, which is not a proof.
Tactics pass when the mean over the seeds is below the line; seeds are tried in order, and no further once the rest
cannot bring the mean down (most failures cost one scan). Every outcome is kept, so that repeated questions are free.
A scan of a small world costs about two CPU seconds, of which reading the background is a quarter: what is kept is
the background's log, not its features.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from hydrascope.evaluate.attacker.arena import CAMPAIGN, Arena
from hydrascope.evaluate.attacker.costs import Costs, bill
from hydrascope.evaluate.attacker.tactics import LADDERS, Tactics, strongest
from hydrascope.evaluate.judged import judge_against, read_truth
from hydrascope.evaluate.trials import Detector
from hydrascope.evaluate.world import World

__all__ = ["Attempt", "Exam", "Outcome", "Search"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a detector made of one world."""

    caught: float
    """Share of the campaign's accounts in any distillation verdict."""
    enforced: float
    """Share in enforceable ones."""
    n_distilled: int
    n_undetected: int
    """Distilled exchanges of accounts outside distillation verdicts."""
    n_unenforced: int
    """The same outside enforceable ones."""
    honest: float
    """Share of honest accounts in distillation verdicts: what this defence costs everyone else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One configuration, over the seeds on which it was tried."""

    tactics: Tactics
    passed: bool
    """The mean share of accounts in verdicts that count is below the line over all seeds, and something got through."""
    caught: float
    enforced: float
    n_distilled: float
    n_undetected: float
    honest: float
    cost: float
    """Dollars for the window."""
    costs: dict[str, float] = field(default_factory=dict)
    """Mechanic to dollars."""
    n_seeds: int = 1
    share: float = 0.0
    """Mean share of accounts in the verdicts that count."""
    span: tuple[float, float] = (0.0, 0.0)
    """Lowest and highest of it over the seeds tried."""

    @property
    def cost_per_million(self) -> float | None:
        """Dollars for a million undetected exchanges; None where nothing stays undetected."""
        return 1e6 * self.cost / self.n_undetected if self.n_undetected else None


class Exam:
    """Tries tactics against one detector, and remembers."""

    def __init__(
        self,
        arena: Arena,
        detect: Detector,
        costs: Costs,
        *,
        name: str,
        seeds: Sequence[int] = (1, 2),
        line: float = 0.2,
        enforceable: bool = False,
        folder: Path | None = None,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Set the exam.

        Args:
            arena: makes the worlds.
            detect: the detector.
            costs: the price list.
            name: of the detector and its settings, for the cache.
            seeds: worlds on which tactics must pass, tried in order.
            line: mean share of accounts in distillation verdicts from which tactics count as caught.
            enforceable: only enforceable verdicts count.
            folder: where outcomes are kept; None: in memory.
            tell: receives one line a scan.
        """
        self.arena, self.detect, self.costs, self.name = arena, detect, costs, name
        self.seeds, self.line, self.folder, self.tell = tuple(seeds), line, folder, tell
        self.enforceable = enforceable
        self.known: dict[str, Outcome] = {}
        self.attempts: dict[Tactics, Attempt] = {}
        self.n_scans = 0

    def attempt(self, tactics: Tactics) -> Attempt:
        """Try tactics on the seeds, until the rest could not bring the mean below the line."""
        if tactics not in self.attempts:
            outcomes: list[Outcome] = []
            for seed in self.seeds:
                outcomes.append(self.outcome(tactics, seed))
                if not self.passes(outcomes):
                    break
            self.attempts[tactics] = self.summary(tactics, outcomes)
        return self.attempts[tactics]

    def counted(self, outcome: Outcome) -> float:
        """The share that counts."""
        return outcome.enforced if self.enforceable else outcome.caught

    def passes(self, outcomes: Sequence[Outcome]) -> bool:
        """Whether the mean is below the line, or may still be once the other seeds are tried."""
        return sum(map(self.counted, outcomes)) / len(self.seeds) < self.line

    def summary(self, tactics: Tactics, outcomes: Sequence[Outcome]) -> Attempt:
        """The attempt that outcomes make."""
        parts = bill(tactics, self.arena.goal, self.costs)
        shares = [self.counted(o) for o in outcomes]
        undetected = float(np.mean([self.undetected(o) for o in outcomes]))
        return Attempt(
            tactics=tactics,
            passed=self.passes(outcomes) and undetected > 0,
            caught=float(np.mean([o.caught for o in outcomes])),
            enforced=float(np.mean([o.enforced for o in outcomes])),
            n_distilled=float(np.mean([o.n_distilled for o in outcomes])),
            n_undetected=undetected,
            honest=float(np.mean([o.honest for o in outcomes])),
            cost=sum(parts.values()),
            costs=parts,
            n_seeds=len(outcomes),
            share=float(np.mean(shares)),
            span=(min(shares), max(shares)),
        )

    def undetected(self, outcome: Outcome) -> int:
        """Distilled exchanges of accounts outside the verdicts that count."""
        return outcome.n_unenforced if self.enforceable else outcome.n_undetected

    def outcome(self, tactics: Tactics, seed: int) -> Outcome:
        """One scan of one world, or what is remembered of it."""
        key = sha256(f"{self.name}|{self.arena.recipe}|{tactics.names}|{seed}".encode()).hexdigest()[:16]
        path = self.folder / f"{key}.json" if self.folder else None
        if key not in self.known and path is not None and path.exists():
            self.known[key] = Outcome(**json.loads(path.read_text(encoding="utf-8")))
        if key not in self.known:
            with TemporaryDirectory(prefix="arena-") as folder:
                self.known[key] = observe(self.detect, self.arena.make(tactics, seed, Path(folder)))
            self.n_scans += 1
            self.tell(
                f"{self.name}: {'.'.join(map(str, tactics.rungs))} seed {seed}: {self.known[key].caught:.2f}"
            )
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(json.dumps(asdict(self.known[key])), encoding="utf-8")
        return self.known[key]


def observe(detect: Detector, world: World) -> Outcome:
    """Scan one world and count what its campaign lost."""
    judged = judge_against(detect(world.log), read_truth(world.truth))
    mine = judged.campaign == CAMPAIGN
    share = judged.true_share[mine] if judged.true_share is not None else np.ones(int(mine.sum()))
    distilled = share * judged.n_exchanges[mine]
    caught = judged.caught[mine]
    return Outcome(
        caught=float(caught.mean()) if len(caught) else 0.0,
        enforced=float(judged.enforceable[mine].mean()) if len(caught) else 0.0,
        n_distilled=round(float(distilled.sum())),
        n_undetected=round(float(distilled[~caught].sum())),
        n_unenforced=round(float(distilled[~judged.enforceable[mine]].sum())),
        honest=float(judged.caught[judged.honest].mean()) if judged.honest.any() else 0.0,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """The search against one detector."""

    defence: str
    attacker: str = "free"
    """Who searched; see `contest.Attacker`."""
    start: Attempt
    cheapest: Attempt | None
    """None: everything that was tried is caught."""
    sweep: dict[str, tuple[Attempt, ...]]
    """Mechanic to an attempt a rung, everything else as in `cheapest`, or as in what was caught least."""
    alone: dict[str, tuple[Attempt, ...]]
    """Mechanic to its rungs from the cheapest to the first that passes, everything else as in `start`."""
    attempts: tuple[Attempt, ...]
    """Everything tried, cheapest first."""
    n_scans: int

    @classmethod
    def against(
        cls,
        exam: Exam,
        *,
        mechanics: Sequence[str] = tuple(LADDERS),
        passes: int = 3,
        start: Tactics | None = None,
        sweep: bool = True,
    ) -> Search:
        """Search down from the dearest tactics, or from `start`, then sweep each mechanic about the result.

        Defences are only comparable when they are searched from the same start: a start that suits one of them
        moves its local optimum, not its strength. Without `sweep` the rungs about the result are not all tried.
        """
        first = exam.attempt(start or strongest())
        best = climb(exam, first, mechanics, passes)
        for _ in range(passes if best.passed else 0):
            before = best
            for mechanic in sorted(mechanics, key=lambda m: (-before.costs.get(m, 0.0), m)):
                best = cheapen(exam, best, mechanic)
            if best == before:
                break
        around = {m: sweep_ladder(exam, best, m) for m in mechanics if sweep}
        alone = {m: relax(exam, first, m) for m in mechanics}
        ordered = sorted(exam.attempts.values(), key=lambda a: (a.cost, a.tactics.rungs))
        return cls(
            defence=exam.name,
            start=first,
            cheapest=best if best.passed else None,
            sweep=around,
            alone=alone,
            attempts=tuple(ordered),
            n_scans=exam.n_scans,
        )


def climb(exam: Exam, start: Attempt, mechanics: Sequence[str], passes: int) -> Attempt:
    """From tactics that are caught to some that pass, or to those caught least."""
    best = start
    for _ in range(passes):
        if best.passed:
            break
        around = [a for m in mechanics for a in sweep_ladder(exam, best, m)]
        chosen = min(around, key=lambda a: (not a.passed, a.cost if a.passed else a.share, a.cost))
        if chosen == best:
            break
        best = chosen
    return best


def cheapen(exam: Exam, best: Attempt, mechanic: str) -> Attempt:
    """The cheapest rung of one mechanic that still passes, everything else as it stands."""
    for tactics in by_price(exam, best, mechanic):
        if sum(bill(tactics, exam.arena.goal, exam.costs).values()) >= best.cost:
            return best
        attempt = exam.attempt(tactics)
        if attempt.passed:
            return attempt
    return best


def relax(exam: Exam, first: Attempt, mechanic: str) -> tuple[Attempt, ...]:
    """The rungs of one mechanic from the cheapest to the first that passes, everything else as in `first`."""
    tried: list[Attempt] = []
    for tactics in by_price(exam, first, mechanic):
        tried.append(exam.attempt(tactics))
        if tried[-1].passed:
            break
    return tuple(tried)


def by_price(exam: Exam, about: Attempt, mechanic: str) -> list[Tactics]:
    """Every rung of one mechanic about an attempt, cheapest first."""
    rungs = [about.tactics.moved(mechanic, p) for p in range(len(LADDERS[mechanic]))]
    return sorted(rungs, key=lambda t: (sum(bill(t, exam.arena.goal, exam.costs).values()), t.rungs))


def sweep_ladder(exam: Exam, best: Attempt, mechanic: str) -> tuple[Attempt, ...]:
    """Every rung of one mechanic about the result."""
    return tuple(exam.attempt(best.tactics.moved(mechanic, p)) for p in range(len(LADDERS[mechanic])))
