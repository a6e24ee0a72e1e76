"""What marking costs in a decoding step, where the logits live: colours of a whole vocabulary, plain and fused, and the whole processor.

    python benchmarks/watermark_device.py [--device cuda] [--vocabulary 151936] [--batch 1 16 64 256]

Needs torch. Colours are first compared with the NumPy detector's, to the bit. Milliseconds, medians of runs timed with
device events on a GPU; beside them the softmax and draw that a sampler does over the same logits anyway. The processor
runs against the stand-in for vLLM's interface that the tests use, with answers of 512 tokens; no engine is started.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "watermark"))

from vllm_stand_in import Engine, parameters

from hydrascope.watermark import Level, Mark, Scheme, decoy_keys, green_matrix
from hydrascope.watermark.adapters.gateway_step import sign_header
from hydrascope.watermark.adapters.key_ring import RING_VARIABLE, build_ring, write_ring
from hydrascope.watermark.adapters.tensor_prf import checked_compile, green_rows, signed
from hydrascope.watermark.adapters.vllm_processor import COMPILE_VARIABLE, HydrascopeMark
from hydrascope.watermark.registry import create_registry

KINDS = ((1, 0.5), (2, 0.5), (2, 0.25), (4, 0.25))
ANSWER = 512
ROOT_SECRET = bytes(range(32))


def milliseconds(work: Callable[[], object], device: Any, runs: int = 30) -> float:
    """Median time of one run, after three that warm up."""
    for _ in range(3):
        work()
    spent = []
    for _ in range(runs):
        if device.type == "cuda":
            begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            begin.record()
            work()
            end.record()
            end.synchronize()
            spent.append(begin.elapsed_time(end))
        else:
            at = time.perf_counter()
            work()
            spent.append(1e3 * (time.perf_counter() - at))
    return median(spent)


def colour_arguments(rows: int, width: int, gamma: float, n_tokens: int, device: Any) -> tuple[Any, ...]:
    """Keys, contexts and tokens as the processor gives them."""
    keys = decoy_keys(rows, rows, sliced=False)
    k0, k1, slot = (
        torch.tensor(column, dtype=torch.int64, device=device)[:, None]
        for column in ([signed(k.k0) for k in keys], [signed(k.k1) for k in keys], [k.slot for k in keys])
    )
    contexts = torch.randint(0, n_tokens, (rows, width), device=device)
    return k0, k1, slot, contexts, torch.arange(n_tokens, device=device), gamma


def check(colour: Callable[..., Any], n_tokens: int, device: Any) -> int:
    """Coins compared with the detector's, for every kind of mark; raises where one differs."""
    n = 0
    for width, gamma in KINDS:
        arguments = colour_arguments(8, width, gamma, n_tokens, device)
        got = colour(*arguments).cpu().numpy()
        contexts = arguments[3].cpu().numpy()
        for row, key in enumerate(decoy_keys(8, 8, sliced=False)):
            true = green_matrix(
                np.repeat(contexts[row : row + 1], n_tokens, 0), np.arange(n_tokens), [key], gamma=gamma
            )
            if not (got[row] == true[:, 0]).all():
                raise SystemExit(f"the colours differ at width {width}, gamma {gamma}")
            n += n_tokens
    return n


def processor(batch: int, n_tokens: int, device: Any, *, fused: bool) -> Callable[[], object]:
    """One step of the whole processor, every request marked, its answer `ANSWER` tokens long."""
    known = create_registry(ROOT_SECRET, "demo", at=datetime(2026, 11, 1, tzinfo=UTC))
    known = known.commit(
        ROOT_SECRET,
        ["C"],
        level=Level.CLUSTER,
        mark=Mark(scheme=Scheme.RED_GREEN, context_width=2, gamma=0.25),
        tokenizer="ids",
        at=datetime(2026, 11, 1, tzinfo=UTC),
    )
    ring = build_ring(known, ROOT_SECRET, fences=[9])
    with tempfile.TemporaryDirectory() as folder:
        write_ring(ring, Path(folder) / "ring.json")
        os.environ[RING_VARIABLE] = str(Path(folder) / "ring.json")
        os.environ[COMPILE_VARIABLE] = "1" if fused else "0"
        engine = Engine(torch, max_num_reqs=batch, max_len=2 * ANSWER, device=device)
        marked = HydrascopeMark(None, engine.states)
        header = sign_header(ring.gateway_secret, known.keys[0].key_id, expires_at_s=int(time.time()) + 600)
        rng = np.random.default_rng(0)
        for slot in range(batch):
            engine.enter(slot, rng.integers(0, n_tokens, ANSWER).tolist())
            engine.states.prompt_len.gpu[slot] = 16
            marked.add_request(slot, parameters(header))
    context = engine.context(list(range(batch)))
    logits = torch.randn(batch, n_tokens, device=device)
    return lambda: marked.apply(logits, context)


def main() -> None:
    """Run it."""
    options = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    options.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options.add_argument("--vocabulary", type=int, default=151_936)
    options.add_argument("--batch", type=int, nargs="+", default=[1, 16, 64, 256])
    given = options.parse_args()
    device = torch.device(given.device)
    name = torch.cuda.get_device_name() if device.type == "cuda" else "CPU"
    fused = checked_compile(torch, device, KINDS)
    for colour in (green_rows, fused):
        print(f"{check(colour, given.vocabulary, device):,} colours are the detector's")
    print(
        f"\n{name}, torch {torch.__version__}, vocabulary {given.vocabulary:,}, width 2, gamma 1/4; ms a step\n"
    )
    print("| rows | softmax and draw | colours | colours, fused | processor | processor, fused |")
    print("|---|---|---|---|---|---|")
    for batch in given.batch:
        arguments = colour_arguments(batch, 2, 0.25, given.vocabulary, device)
        logits = torch.randn(batch, given.vocabulary, device=device)
        work: list[Callable[[], object]] = [
            lambda logits=logits: torch.multinomial(logits.softmax(-1), 1),  # type: ignore[misc]
            lambda arguments=arguments: green_rows(*arguments),  # type: ignore[misc]
            lambda arguments=arguments: fused(*arguments),  # type: ignore[misc]
            processor(batch, given.vocabulary, device, fused=False),
            processor(batch, given.vocabulary, device, fused=True),
        ]
        print(f"| {batch} | " + " | ".join(f"{milliseconds(w, device):.3f}" for w in work) + " |", flush=True)


if __name__ == "__main__":
    main()
