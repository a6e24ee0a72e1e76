"""Which sketch finds a wrapper that strangers do not share? Recall over many small campaigns, by kind of wrapper.

    python benchmarks/sketch_recall.py --prompts ../shared/data/prompts_dev.parquet

World: stranger accounts draw unique prompts of people; each campaign puts one wrapper (a real sentence that no
stranger has) around unique questions on 12 accounts. Two accounts link where they share at least two shingles that
are heavy (in at least three different exchanges of each) and heavy in at most 2.5 % of the accounts (a: profiles),
or where two of their exchanges share a MinHash band, bucket of at most 50 accounts (b: bands). Printed: the share
of campaigns whose accounts form one component, by condition, and linked pairs among strangers.
"""

from __future__ import annotations

import argparse
import random
import re
from collections import Counter, defaultdict
from itertools import combinations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hydrascope.sketch import TextSketch, sketch_texts

PEOPLE = ("wildchat_agency", "arena_hard_v01", "arena_hard_v20", "plexpt_zh_questions", "dolly_150")
QUESTIONS = ("gsm8k", "gpteacher_codegen")
N_EXCHANGES, N_ACCOUNTS, N_CAMPAIGNS, N_STRANGERS = 24, 12, 20, 400


def read_pools(path: str) -> dict[str, list[str]]:
    """Single-turn prompts by use, English and Chinese wrappers."""
    table = pq.read_table(path, columns=["source", "prompt", "system", "lang", "n_turns"])
    table = table.filter(pc.equal(table["n_turns"], 1))
    pools: dict[str, list[str]] = defaultdict(list)
    for row in table.to_pylist():
        if row["source"] == "plexpt_zh_questions" and len(row["prompt"]) % 3:
            pools["questions_zh"].append(row["prompt"])
        elif row["source"] in PEOPLE:
            pools["people"].append(row["prompt"])
        elif (
            row["source"] in QUESTIONS and len(row["prompt"]) < 1200
        ):  # longer ones share a few-shot preamble
            pools["questions"].append(row["prompt"])
        if row["source"] in ("awesome_prompts", "lobe_agents"):
            for sentence in re.split(r"(?<=[.!?。！？])\s*|\n", row["system"] or row["prompt"]):
                n_han = len(re.findall(r"[\u4e00-\u9fff]", sentence))
                n_words = len(re.findall(r"[A-Za-z]+", sentence))
                if n_han == 0 and 8 <= n_words <= 15:
                    pools["short"].append(sentence)
                if 16 <= n_han <= 30 and n_words == 0:
                    pools["short_zh"].append(sentence)
                if n_han == 0 and 30 <= n_words <= 60:
                    pools["long"].append(sentence)
    return {name: sorted(set(texts)) for name, texts in pools.items()}


def wrap(wrapper: str, item: str, place: str, rng: random.Random) -> str:
    """Put a wrapper around an item."""
    if place == "front":
        return f"{wrapper}\n{item}"
    if place == "end":
        return f"{item}\n{wrapper}"
    lines = item.split(". ")
    at = rng.randrange(len(lines) + 1) if len(lines) > 1 else 1
    return ". ".join([*lines[:at], wrapper, *lines[at:]])


def vary(wrapper: str, share: float, words: list[str], rng: random.Random) -> str:
    """A paraphrase of sorts: a share of the words replaced."""
    return " ".join(rng.choice(words) if rng.random() < share else word for word in wrapper.split())


def campaigns(pools: dict[str, list[str]], condition: str, rng: random.Random) -> list[list[list[str]]]:
    """Campaigns of accounts of texts for one condition."""
    language = "_zh" if "zh" in condition else ""
    source = pools["long" if "long" in condition or "paraphrase" in condition else "short" + language]
    words = " ".join(pools["people"][:500]).split()
    items = iter(rng.sample(pools["questions" + language], len(pools["questions" + language])))
    cover = iter(rng.sample(pools["people"], len(pools["people"])))
    place = next((p for p in ("front", "end", "middle") if p in condition), "front")
    made = []
    for wrapper in rng.sample(source, N_CAMPAIGNS):
        versions = (
            [vary(wrapper, 0.3, words, rng) for _ in range(8)] if "paraphrase" in condition else [wrapper]
        )
        accounts = []
        for _ in range(N_ACCOUNTS):
            texts = []
            for _ in range(N_EXCHANGES):
                if "cover" in condition and rng.random() < 0.75:
                    texts.append(next(cover, rng.choice(pools["people"])))
                    continue
                shown = (
                    vary(rng.choice(versions), 0.2, words, rng)
                    if "slots" in condition
                    else rng.choice(versions)
                )
                texts.append(wrap(shown, next(items, rng.choice(pools["questions" + language])), place, rng))
            accounts.append(texts)
        made.append(accounts)
    return made


def keep(sketch: TextSketch, rate: float, least: int) -> list[np.ndarray]:
    """Simulated sampling: at most `rate`, or the `least` lowest of a text where those are more."""
    threshold = np.uint64(min(int(rate * 2.0**64), 2**64) - 1)
    rows = []
    for row in range(len(sketch)):
        all_ = sketch.shingles_of(row)
        rows.append(all_[: max(least, int(np.searchsorted(all_, threshold, "right")))][:512])
    return rows


def profiles(rows: list[np.ndarray], owners: np.ndarray, n: int) -> list[set[int]]:
    """Heavy shingles by account."""
    counts: list[Counter] = [Counter() for _ in range(n)]
    for owner, row in zip(owners, rows, strict=True):
        counts[owner].update(row.tolist())
    return [{s for s, k in count.items() if k >= 3} for count in counts]


def linked_by_profile(heavy: list[set[int]], least_shared: int = 2) -> set[tuple[int, int]]:
    """Account pairs that share enough rare heavy shingles."""
    holders: dict[int, list[int]] = defaultdict(list)
    for account, shingles in enumerate(heavy):
        for shingle in shingles:
            holders[shingle].append(account)
    shared: Counter = Counter()
    for accounts in holders.values():
        if 2 <= len(accounts) <= len(heavy) // 40:
            shared.update(combinations(accounts, 2))
    return {pair for pair, n in shared.items() if n >= least_shared}


def linked_by_bands(rows: list[np.ndarray], owners: np.ndarray, n_rows: int) -> set[tuple[int, int]]:
    """Account pairs with two exchanges in one MinHash band, 64 values cut into bands of `n_rows`."""
    rng = np.random.default_rng(1)
    factors = rng.integers(1, 2**63, 64, dtype=np.uint64) | np.uint64(1)
    buckets: dict[tuple[int, bytes], set[int]] = defaultdict(set)
    for owner, row in zip(owners, rows, strict=True):
        if len(row):
            lowest = (row[:, None] * factors[None, :]).min(axis=0)
            for band in range(64 // n_rows):
                buckets[band, lowest[band * n_rows : (band + 1) * n_rows].tobytes()].add(int(owner))
    pairs: set[tuple[int, int]] = set()
    for accounts in buckets.values():
        if 2 <= len(accounts) <= 50:
            pairs.update(combinations(sorted(accounts), 2))
    return pairs


def score(pairs: set[tuple[int, int]], n_campaigns: int) -> tuple[float, int, int]:
    """Mean share of a campaign's accounts in its largest component; false pairs, and those with a stranger in them.

    Strangers come last.
    """
    first_stranger = n_campaigns * N_ACCOUNTS
    parent = list(range(first_stranger))

    def find(x: int) -> int:
        while parent[x] != x:
            parent[x] = parent[parent[x]]
            x = parent[x]
        return x

    false = strange = 0
    for a, b in pairs:
        if b >= first_stranger or a // N_ACCOUNTS != b // N_ACCOUNTS:
            false += 1
            strange += b >= first_stranger
        else:
            parent[find(a)] = find(b)
    sizes = Counter(find(x) for x in range(first_stranger))
    largest = [
        max(sizes[find(x)] for x in range(c * N_ACCOUNTS, (c + 1) * N_ACCOUNTS)) / N_ACCOUNTS
        for c in range(n_campaigns)
    ]
    found = [share if share > 1 / N_ACCOUNTS else 0.0 for share in largest]
    return float(np.mean(found)), false, strange


CONDITIONS = (
    "long front", "short front", "short middle", "short end", "short slots", "short cover",
    "long cover", "long paraphrase", "long paraphrase cover", "long translated", "long translated cover", "short zh front", "short zh cover",
)  # fmt: skip
SAMPLERS = ((1.0, 0), (1 / 4, 0), (1 / 8, 0), (1 / 16, 0), (1 / 8, 16), (1 / 8, 32), (1 / 8, 64))


def main() -> None:
    """Print one line per width, sampler and method."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", required=True)
    parser.add_argument("--widths", type=int, nargs="+", default=[2, 3, 4])
    parser.add_argument("--bands", action="store_true")
    options = parser.parse_args()
    rng = random.Random(20261120)
    pools = read_pools(options.prompts)
    people = rng.sample(pools["people"], len(pools["people"]))
    strangers = [people[i * N_EXCHANGES : (i + 1) * N_EXCHANGES] for i in range(N_STRANGERS)]
    strangers = [texts for texts in strangers if len(texts) == N_EXCHANGES]
    worlds = {name: campaigns(pools, name, rng) for name in CONDITIONS}
    print(f"strangers {len(strangers)}; columns: {', '.join(CONDITIONS)}; stranger pairs; shingles per text")
    for width in options.widths:
        table: dict[tuple, list] = defaultdict(list)
        for name in CONDITIONS:
            accounts = [account for campaign in worlds[name] for account in campaign] + strangers
            texts = [text for account in accounts for text in account]
            owners = np.repeat(np.arange(len(accounts)), [len(account) for account in accounts])
            sketch = sketch_texts(pa.array(texts), rate=1.0, width=width, limit=1 << 30)
            for rate, least in SAMPLERS:
                rows = keep(sketch, rate, least)
                heavy = profiles(rows, owners, len(accounts))
                table["profile", rate, least].append(
                    (*score(linked_by_profile(heavy), N_CAMPAIGNS), np.mean([len(row) for row in rows]))
                )
            if options.bands:
                rows = keep(sketch, 1.0, 0)
                for n_rows in (2, 4):
                    table["bands", n_rows, 0].append(
                        (*score(linked_by_bands(rows, owners, n_rows), N_CAMPAIGNS), 64)
                    )
        for (method, a, b), cells in table.items():
            recalls = " ".join(f"{cell[0]:.2f}" for cell in cells)
            print(
                f"width {width} {method:8} {a:<7} {b:3} | {recalls} | false {max(c[1] for c in cells)}, with a stranger {max(c[2] for c in cells)} | {np.mean([c[3] for c in cells]):.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
