"""The evasion frontier that `make bench-attacker` prints: two attackers against the scan, and against it with a channel off.

python benchmarks/attacker.py [OUT] [--quick] [--first] [--seeds N] [--workers N] [--prompts POOL.parquet]

One attacker needs one fixed wrapper and throws nothing away (forced tags, no cover), and can only hide who is behind the
accounts: against that one it shows what identity, egress, client and life cycle are worth. The other may change anything.
The line is a mean of 20 % of the accounts in distillation verdicts, whether or not automation would act on them.
`--first` leaves the second attacker out; `--quick` tries one seed, the first attacker and three defences. A stopped run goes on.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from hydrascope.evaluate.attacker.contest import FREE, Attacker, Contest, hold_contest
from hydrascope.evaluate.attacker.frontier import frontier_json, frontier_markdown, render_frontier
from hydrascope.evaluate.recipe import code_digest

FIXED = Attacker(name="keeps its wrapper", held={"wording": "one wrapper", "cover": "none"})
DEFENCES = (
    "hydrascope",
    "hydrascope-identity",
    "hydrascope-egress",
    "hydrascope-client+configuration",
    "hydrascope-content",
    "hydrascope-lifecycle+timing",
)


def option(name: str, default: str) -> str:
    """The word after an option."""
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else default


def contest(out: Path, quick: bool, first: bool, n_seeds: int, prompts: str) -> Contest:
    """What is tried."""
    return Contest(
        folder=out / "outcomes" / code_digest(),
        background="null-judging",
        detectors=DEFENCES[:3] if quick else DEFENCES,
        attackers=(FIXED,) if quick or first else (FIXED, FREE),
        seeds=tuple(range(1, n_seeds + 1)),
        scale=0.12,
        sweep=False,
        prompts=Path(prompts) if prompts else None,
    )


def main() -> None:
    """Run it."""
    folder = sys.argv[1] if len(sys.argv) > 1 and not sys.argv[1].startswith("-") else "bench-attacker-out"
    out, begin = Path(folder), time.perf_counter()
    out.mkdir(parents=True, exist_ok=True)
    quick = "--quick" in sys.argv
    n_seeds = int(option("--seeds", "1" if quick else "3"))
    searches = hold_contest(
        contest(out, quick, "--first" in sys.argv, n_seeds, option("--prompts", "")),
        workers=int(option("--workers", "2")),
        tell=lambda words: print(words, file=sys.stderr, flush=True),
    )
    text = frontier_markdown(searches)
    (out / "frontier.json").write_text(frontier_json(searches), encoding="utf-8")
    (out / "frontier.md").write_text(text, encoding="utf-8")
    (out / "frontier.html").write_text(render_frontier(searches), encoding="utf-8")
    print(text)
    print(
        f"{sum(s.n_scans for s in searches)} scans in {time.perf_counter() - begin:,.0f} s", file=sys.stderr
    )


if __name__ == "__main__":
    main()
