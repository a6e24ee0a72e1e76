"""The same questions on transformers of a million parameters, read through the model-folder path.

    python benchmarks/watermark_transformer.py --quick     about ten minutes on two cores
    python benchmarks/watermark_transformer.py

Needs torch and transformers. Teacher and public base are trained here on disjoint text; students are the base
trained three epochs on served answers, T = 0.7. log10 p, one run a cell.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hydrascope.lab.text import gather_text
from hydrascope.lab.tiny import sample_tiny, train_tiny, write_tiny
from hydrascope.lab.traffic import mark_with
from hydrascope.lab.world import World, build_world
from hydrascope.watermark.audit_probes import Probe, first_seen, natural_probes
from hydrascope.watermark.keys import decoy_keys
from hydrascope.watermark.marks import Mark
from hydrascope.watermark.radioactivity import Items, ProbeSums, clipped, strongest_items
from hydrascope.watermark.suspect_hf import HfSuspect
from hydrascope.watermark.trace import MarkTest, decoy_check
from hydrascope.watermark.twins_sign import twin_result

Ids = npt.NDArray[np.int32]
PROMPT, ANSWER = 16, 112


def weigh(
    suspect: HfSuspect, base: HfSuspect | None, probes: Sequence[Probe], width: int, *, argmax: bool
) -> Items:
    """Items of one statistic, as in watermark_power.py."""
    sums = ProbeSums()
    for probe in probes:
        rows = suspect.next_probs(probe.tokens)
        if argmax:
            rows = (rows >= rows.max(axis=1, keepdims=True)).astype(np.float32)
        if base is not None:
            rows = rows - base.next_probs(probe.tokens)
        places = first_seen(probe.tokens, width, probe.start)
        row, token = np.nonzero(np.abs(rows[places]) >= 1e-3)
        at = places[row]
        sums.add(probe.tokens[at[:, None] + np.arange(1 - width, 1)], token.astype(np.int32), rows[at, token])
    items = sums.items()
    assert items is not None
    if argmax:
        items.weights[:] = 1.0
    return strongest_items(items, 300_000)


def prompts_of(world: World, n: int, rng: np.random.Generator) -> list[Ids]:
    """Beginnings of texts that nobody was trained on, all of one length."""
    long = [t for t in map(world.tokenizer.encode, world.prompts) if len(t) > PROMPT + 8]
    found = []
    for i in rng.integers(len(long), size=n):
        at = int(rng.integers(len(long[i]) - PROMPT))
        found.append(long[i][at : at + PROMPT])
    return found


def opened(model: Any, world: World, folder: Path, name: str) -> HfSuspect:
    """Write a model folder and read it back as a suspect."""
    write_tiny(model, world.tokenizer, folder / name)
    return HfSuspect(folder / name)


def row(cells: Sequence[object]) -> None:
    """Print one line of a Markdown table."""
    print("| " + " | ".join(str(c) for c in cells) + " |", flush=True)


def radioactivity(
    world: World, teacher: Any, base: Any, folder: Path, n: int, shares: Sequence[float]
) -> None:
    """p by scheme, share, probe and statistic."""
    rng, key = np.random.default_rng(1), decoy_keys(7, 1)[0]
    natural = natural_probes("\n\n".join(world.heldout), world.tokenizer, limit=100, length=128)
    reference = opened(base, world, folder, "base")
    asked = prompts_of(world, n, rng)
    plain = [np.concatenate(x) for x in zip(asked, sample_tiny(teacher, asked, ANSWER, rng), strict=True)]
    row(
        [
            "scheme",
            "marked",
            "marked tokens",
            "probe",
            "argmax",
            "mass",
            "minus",
            "minus, held at 0.1",
            "KS of 1,000 decoys",
        ]
    )
    row(["---"] * 9)
    for width in (1, 2):
        mark = Mark(scheme="red_green", context_width=width, gamma=0.25, delta=2.0)
        answers = sample_tiny(teacher, asked, ANSWER, rng, marker=mark_with(key, mark))
        marked = [np.concatenate(x) for x in zip(asked, answers, strict=True)]
        for share in shares:
            k = round(share * n)
            student = train_tiny(
                marked[:k] + plain[k:], world.tokenizer.vocab_size, start=base, epochs=3, rate=1e-3, batch=8
            )
            suspect = opened(student, world, folder, f"s{width}{share}")
            own = [Probe("own", tokens, PROMPT) for tokens in marked[: min(k, 150)]]
            for name, probes in (("natural", natural), ("served", own)):
                minus = weigh(suspect, reference, probes, width, argmax=False)
                sets = [
                    weigh(suspect, None, probes, width, argmax=True),
                    weigh(suspect, None, probes, width, argmax=False),
                    minus,
                    clipped(minus, 0.1),
                ]
                p = [MarkTest(items, mark).tests([key])[0].log10_p for items in sets]
                ks = decoy_check(MarkTest(sets[3], mark), seed=3, n=1000).ks_p
                row(
                    [
                        f"red/green h={width}",
                        f"{share:.0%}",
                        f"{k * ANSWER:,}",
                        name,
                        *(f"{x:.1f}" for x in p),
                        f"{ks:.2f}",
                    ]
                )


def twins(world: World, teacher: Any, base: Any, folder: Path, n: int) -> None:
    """Sign test on students that trained on the served side, or on other answers."""
    rng = np.random.default_rng(2)
    asked = prompts_of(world, n, rng)
    drawn = [sample_tiny(teacher, asked, ANSWER, rng) for _ in range(2)]
    coin = rng.integers(2, size=n)
    served = [np.concatenate([asked[i], drawn[coin[i]][i]]) for i in range(n)]
    held = [np.concatenate([asked[i], drawn[1 - coin[i]][i]]) for i in range(n)]
    other = prompts_of(world, n, rng)
    elsewhere = [np.concatenate(x) for x in zip(other, sample_tiny(teacher, other, ANSWER, rng), strict=True)]
    reference = opened(base, world, folder, "base")
    row(["student", *(f"{m} pairs, {w}" for m in (100, 300, n) for w in ("raw", "minus base"))])
    row(["---"] * 7)
    for name, training in (("trained on the served side", served), ("not trained on it", elsewhere)):
        student = train_tiny(training, world.tokenizer.vocab_size, start=base, epochs=3, rate=1e-3, batch=8)
        suspect = opened(student, world, folder, name.replace(" ", "-"))
        own, ref = (
            np.array([gain(m, s, h) for s, h in zip(served, held, strict=True)]) for m in (suspect, reference)
        )
        cells = []
        for m in (100, 300, n):
            for d in (own[:m], (own - ref)[:m]):
                r = twin_result("account", "a", d)
                cells.append(f"{r.wins}: {r.log10_p:.1f}")
        row([name, *cells])


def gain(model: HfSuspect, served: Ids, held: Ids) -> float:
    """log p(served) - log p(twin) of the answers, given the prompt."""
    total = 0.0
    for sign, tokens in ((1.0, served), (-1.0, held)):
        rows = model.next_probs(tokens)[PROMPT - 1 : -1]
        total += sign * float(np.log(np.maximum(rows[np.arange(ANSWER), tokens[PROMPT:]], 1e-30)).sum())
    return total


def main() -> None:
    """Train, serve, audit, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer answers and cells")
    parser.add_argument("--text", type=Path, action="append")
    options = parser.parse_args()
    started = time.time()
    texts = gather_text(options.text, limit_mb=4.0 if options.quick else 10.0)
    world = build_world(texts, vocab_size=1024 if options.quick else 2048)
    size = {"width": 96, "layers": 2} if options.quick else {"width": 128, "layers": 4}
    known = {*world.prompts, *world.heldout}
    # Teacher and base learn from disjoint halves of all the text that prompts and probes are not taken from.
    rest = [world.tokenizer.encode(t) for t in texts if t not in known]
    teacher, base = (
        train_tiny(
            part, world.tokenizer.vocab_size, epochs=1 if options.quick else 3, seed=seed, batch=16, **size
        )
        for seed, part in ((1, rest[::2]), (2, rest[1::2]))
    )
    print(f"[teacher and base trained, {time.time() - started:.0f} s]\n", flush=True)
    n = 400 if options.quick else 2000
    with tempfile.TemporaryDirectory() as made:
        radioactivity(world, teacher, base, Path(made), n, (1.0, 0.1) if options.quick else (1.0, 0.1, 0.05))
        print(f"\n[{time.time() - started:.0f} s]\n", flush=True)
        twins(world, teacher, base, Path(made), 300 if options.quick else 1000)
    print(f"\n[{time.time() - started:.0f} s]", flush=True)


if __name__ == "__main__":
    main()
