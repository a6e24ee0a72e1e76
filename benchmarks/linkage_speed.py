"""One million accounts in five channels through all that `hydrascope link` does but reading and writing: processor and wall seconds, peak memory.

python benchmarks/linkage_speed.py --accounts 1000000
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np

from hydrascope.linkage.findings import link_whole
from hydrascope.linkage.incidence import ChannelSpec, Incidence, incidence_from_rows
from hydrascope.linkage.settings import LinkSettings

CHANNELS = {
    "ip": (0.6, 1.2),
    "user_agent": (0.0003, 2.0),
    "card": (0.9, 1.0),
    "tls": (0.05, 2.0),
    "phrase": (2.0, 1.0),
}
"""Values per account, and how steeply their popularity falls."""


def table(n: int, seed: int) -> Incidence:
    """n accounts with one or two values a channel; three in a hundred belong to groups of ten."""
    rng = np.random.default_rng(seed)
    account, channel, value = [], [], []
    for c, (share, exponent) in enumerate(CHANNELS.values()):
        who = np.repeat(np.arange(n), 1 + (rng.random(n) < 0.3))
        group = np.arange(n * 3 // 100)
        account += [who, group]
        channel += [np.full(len(who), c), np.full(len(group), c)]
        value += [(share * n * rng.random(len(who)) ** exponent).astype(np.int64), 5 * n + group // 10]
    names = tuple(ChannelSpec(name=name, family=name) for name in CHANNELS)
    return incidence_from_rows(
        np.concatenate(account), np.concatenate(channel), np.concatenate(value), n_accounts=n, channels=names
    )


def main() -> None:
    """Prints one line a stage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=1_000_000)
    n = parser.parse_args().accounts
    settings = LinkSettings()
    link_whole(table(2000, 1), settings)  # compile
    wall, cpu = time.perf_counter(), time.process_time()
    incidence = table(n, 0)
    linked = link_whole(incidence, settings)
    print(
        f"{n} accounts, {len(incidence)} rows, {len(linked.links)} links, {(linked.labels >= 0).sum()} accounts in clusters"
    )
    print(", ".join(f"{name} {seconds:.1f}" for name, seconds in linked.timings.items()))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(
        f"wall {time.perf_counter() - wall:.1f} s, processor {time.process_time() - cpu:.1f} s, peak {peak:.2f} GB"
    )


if __name__ == "__main__":
    main()
