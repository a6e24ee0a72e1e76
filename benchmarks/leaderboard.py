"""The leaderboard that `make bench` prints: every detector on judging worlds, three seeds, small scale.

python benchmarks/leaderboard.py [OUT] [--full]

Every row can be had again from its seed: `hydrascope benchmark --world NAME --seed N --detector NAME --out DIR`.
`--full` uses the worlds at their own size and five seeds, which takes hours on two cores.
"""

from __future__ import annotations

import sys
from pathlib import Path

from hydrascope.cli import build_app
from hydrascope.evaluate.detectors import detector_names
from hydrascope.simulate import scenario_names

SMALL = ("demo",)


def judging_worlds() -> list[str]:
    """The worlds for judging and the one without a campaign, or the demo where none ship."""
    shipped = [n for n in scenario_names() if n.startswith("judging/") or n == "null-judging"]
    return shipped or list(SMALL)


def arguments(out: Path, full: bool) -> list[str]:
    """The command line of the benchmark."""
    worlds = judging_worlds()
    seeds = range(1, 6) if full else range(1, 4)
    words = ["benchmark", "--out", str(out), "--scale", "1.0" if full else "0.25"]
    words += [w for name in worlds for w in ("--world", name)]
    words += [w for seed in seeds for w in ("--seed", str(seed))]
    return words + [w for name in detector_names() for w in ("--detector", name)]


def main() -> None:
    """Run it."""
    out = Path(next((a for a in sys.argv[1:] if not a.startswith("-")), "bench-out"))
    build_app(["benchmark"])(arguments(out, "--full" in sys.argv))


if __name__ == "__main__":
    main()
