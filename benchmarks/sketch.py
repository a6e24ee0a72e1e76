"""Megabytes a second of the text sketch on one core, by script and setting.

    python benchmarks/sketch.py [--prompts FILE.parquet]

Without a file, texts are made of pseudo-random words. CPU time of this process, best of four.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable

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


def main() -> None:
    """Print one line per text set and setting."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--prompts")
    options = parser.parse_args()
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
