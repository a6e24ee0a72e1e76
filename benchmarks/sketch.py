"""Megabytes a second of the text sketch on one core, by script and setting.

    python benchmarks/sketch.py [--prompts FILE.parquet] [--repeats WORLD ...]

Without a file, texts are made of pseudo-random words. CPU time of this process, best of four. `--repeats` prints
instead what looking for prompts that come again costs and saves on simulated worlds and on made-up repeats.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hydrascope.sketch import classify_texts, decode_sketches, encode_sketches, key_sketch, sketch_texts


def made_up(n: int, seed: int = 1) -> dict[str, pa.Array]:
    """Texts of 20 to 200 words by script."""
    rng = random.Random(seed)
    letters = "etaoinshrdlucmfw"
    words = ["".join(rng.choices(letters, k=rng.randint(2, 9))) for _ in range(20_000)]
    latin = [" ".join(rng.choices(words, k=rng.randint(20, 200))) for _ in range(n)]
    han = [
        "".join(chr(0x4E00 + int(rng.paretovariate(0.6)) % 3500) for _ in range(120)) for _ in range(n // 4)
    ]
    return {"latin": pa.array(latin), "han": pa.array(han)}


def from_file(path: str) -> dict[str, pa.Array]:
    """Prompts of a table by language."""
    table = pq.read_table(path, columns=["prompt", "lang"])
    parts = {name: table.filter(pc.equal(table["lang"], name))["prompt"] for name in ("en", "zh")}
    return {name: pa.concat_arrays(part.chunks) for name, part in parts.items()}


def best_cpu_s(work: Callable[[], object], repeats: int = 4) -> float:
    """Least CPU seconds of a call."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def batches_of(world: Path, most: int = 8) -> list[pa.Array]:
    """Prompts of a world's first batches."""
    batches: list[pa.Array] = []
    for path in sorted((world / "exchanges").glob("*.parquet")):
        with pq.ParquetFile(path) as log:
            batches += [b["prompt"] for b in log.iter_batches(65_536, columns=["prompt"])][
                : most - len(batches)
            ]
    return batches


def made_up_repeats(n_bytes: int, share: float, n: int = 20_000) -> list[pa.Array]:
    """Texts of a size of which a share came before."""
    rng = np.random.default_rng(1)
    words = made_up(4_000)["latin"]
    prose = " ".join(words.to_pylist())
    starts = rng.integers(0, len(prose) - n_bytes, max(int(n * (1 - share)), 1))
    chosen = np.concatenate([np.arange(len(starts)), rng.integers(0, len(starts), n - len(starts))])
    pool = pa.array([prose[a : a + n_bytes] for a in starts.tolist()])
    return [pool.take(pa.array(rng.permutation(chosen)))]


def print_repeats(worlds: list[Path]) -> None:
    """A table: microseconds a prompt without looking for repeats, as a scan does it, and looking always."""
    sets = {str(w.name): batches_of(w) for w in worlds}
    for n_bytes in (200, 600, 2000):
        sets |= {f"made up, {n_bytes:,} bytes": made_up_repeats(n_bytes, 0.7)}
    print(
        "| prompts | mean bytes | repeated in a batch | never | as in a scan | always |\n|---|---|---|---|---|---|"
    )
    module = sys.modules["hydrascope.sketch.texts"]
    probe, pays = module._PROBE, module._PAYS
    for name, batches in sets.items():
        n = sum(map(len, batches))
        some = [np.random.default_rng(0).random(len(b)) < 0.25 for b in batches]
        cells = []
        for module._PROBE, module._PAYS in ((2**62, pays), (probe, pays), (1, 0.0)):
            work = partial(_sketch_all, batches, some)
            work()
            cells.append(f"{best_cpu_s(work, 7) / n * 1e6:.2f}")
        n_bytes = sum(pc.sum(pc.binary_length(b)).as_py() for b in batches) / n
        repeated = 1 - sum(len(b.unique()) for b in batches) / n
        print(f"| {name} | {n_bytes:.0f} | {repeated:.0%} | {' | '.join(cells)} |")


def _sketch_all(batches: list[pa.Array], select: list[np.ndarray]) -> None:
    for batch, chosen in zip(batches, select, strict=True):
        sketch_texts(batch, select=chosen)


def main() -> None:
    """Print one line per text set and setting."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--prompts")
    parser.add_argument("--repeats", type=Path, nargs="*", metavar="WORLD")
    options = parser.parse_args()
    if options.repeats is not None:
        print_repeats(options.repeats)
        return
    sets = from_file(options.prompts) if options.prompts else made_up(40_000)
    settings: dict[str, dict] = {
        "default": {},
        "plain 1/8": {"least": 0},
        "plain 1/16": {"least": 0, "rate": 1 / 16},
    }
    for name, texts in sets.items():
        sketch_texts(texts[:10])
        megabytes = sum(buffer.size for buffer in texts.buffers()[2:]) / 1e6
        for label, keywords in settings.items():
            seconds = best_cpu_s(lambda texts=texts, keywords=keywords: sketch_texts(texts, **keywords))
            sketch = sketch_texts(texts, **keywords)
            per_text = len(sketch.shingles) / len(sketch)
            print(
                f"{name:6} {label:12} {megabytes / seconds:6.0f} MB/s  {len(texts) / seconds / 1e3:6.0f} k texts/s  {per_text:5.1f} shingles a text"
            )
        none = np.zeros(len(texts), np.bool_)
        seconds = best_cpu_s(lambda texts=texts, none=none: sketch_texts(texts, select=none))
        print(
            f"{name:6} {'hash only':12} {megabytes / seconds:6.0f} MB/s  {len(texts) / seconds / 1e3:6.0f} k texts/s"
        )
        some = texts[:5000]
        sketch = sketch_texts(some)
        encoded = encode_sketches(sketch)
        for label, work in {
            "key": lambda sketch=sketch: key_sketch(sketch, bytes(16)),
            "encode": lambda sketch=sketch: encode_sketches(sketch),
            "decode": lambda encoded=encoded: decode_sketches(encoded),
            "classify": lambda some=some: classify_texts(some.to_pylist()),
        }.items():
            print(f"{name:6} {label:12} {len(some) / best_cpu_s(work) / 1e3:6.0f} k texts/s")


if __name__ == "__main__":
    main()
