"""The leaderboard that `make bench` prints: every detector on judging worlds at a small scale.

python benchmarks/leaderboard.py [OUT] [--quick | --full] [--workers N] [--prompts POOL.parquet]

Every row can be had again from its seed: `hydrascope benchmark --world NAME --seed N --detector NAME --out DIR`.
Usual: four judging worlds and the one without a campaign at a quarter of their size, three seeds, days replayed by sixes.
`--quick`: two worlds at a tenth, two seeds. `--full`: the worlds at their own size and five seeds, which takes hours.
A stopped run goes on where it stopped, as long as code, worlds and options are the same.
"""

from __future__ import annotations

import sys
from pathlib import Path

from hydrascope.cli import build_app
from hydrascope.evaluate.detectors import detector_names
from hydrascope.simulate import scenario_names

SIZES = {"--quick": ("0.1", 2, "12"), "--full": ("1.0", 5, "4"), "": ("0.25", 3, "6")}
"""Mode to scale, seeds and days between scans of the replay."""
QUICK_WORLDS = ("judging/loud", "null-judging")


def judging_worlds() -> list[str]:
    """The worlds for judging, the mixed one first because it is replayed, and the one without a campaign."""
    shipped = [n for n in scenario_names() if n.startswith("judging/")]
    return [*sorted(shipped, key=lambda n: not n.endswith("mixed")), "null-judging"]


def arguments(out: Path, mode: str, more: list[str]) -> list[str]:
    """The command line of the benchmark."""
    scale, n_seeds, every = SIZES[mode]
    worlds = list(QUICK_WORLDS) if mode == "--quick" else judging_worlds()
    words = ["benchmark", "--out", str(out), "--scale", scale, "--latency", every]
    words += [w for name in worlds for w in ("--world", name)]
    words += [w for seed in range(1, n_seeds + 1) for w in ("--seed", str(seed))]
    words += [w for name in detector_names() for w in ("--detector", name)]
    return words + (more if "--workers" in more else [*more, "--workers", "2"])


def main() -> None:
    """Run it."""
    words = sys.argv[1:]
    out = Path(words.pop(0) if words and not words[0].startswith("-") else "bench-out")
    mode = next((w for w in words if w in SIZES), "")
    build_app(["benchmark"])(arguments(out, mode, [w for w in words if w != mode]))


if __name__ == "__main__":
    main()
