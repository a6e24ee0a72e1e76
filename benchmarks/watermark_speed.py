"""How fast are watermark detectors? Ours beside transformers', MarkLLM's and vLLM's arithmetic, on the same tokens.

    python benchmarks/watermark_speed.py [--keys 24000] [--tokens 1000000] [--peers]

CPU time of one core. Ours is measured in full where it says so; the rest is measured on fewer keys or tokens and
scaled, since brute force is linear in both. Peers need `pip install torch transformers` and `pip install --no-deps
markllm` (with the few packages it then asks for); those that are missing are named and left out.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable

import numpy as np

from hydrascope.kernels.prf import digests, messages
from hydrascope.kernels.prf_philox import philox_exponential_sums
from hydrascope.kernels.prf_sliced import MIX, SIPHASH, sliced_counts
from hydrascope.kernels.prf_sums import exponential_sums
from hydrascope.watermark.pairs import windows
from hydrascope.watermark.pvalues import binomial_log10_p
from hydrascope.watermark.schemes.hf_kgw import HfRedGreen
from hydrascope.watermark.schemes.hf_synthid import HfSynthID, hf_synthid_keys

VOCABULARY = 50_257
Row = tuple[str, float, int, bool]


def corpus(n: int, seed: int = 0) -> np.ndarray:
    """Token ids with a Zipf-like law."""
    rng = np.random.default_rng(seed)
    return np.minimum(rng.zipf(1.3, n), VOCABULARY - 1).astype(np.int64)


def seconds(work: Callable[[], object]) -> float:
    """CPU seconds of one run."""
    start = time.process_time()
    work()
    return time.process_time() - start


def blocks(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Random 128-bit keys."""
    rng = np.random.default_rng(1)
    return rng.integers(0, 2**64, n, dtype=np.uint64), rng.integers(0, 2**64, n, dtype=np.uint64)


def ours(n_keys: int, n_tokens: int) -> list[Row]:
    """Red/green in full; Gumbel over fewer tokens."""
    context, token = windows(corpus(n_tokens + 2), 2)
    words = messages(context, token)
    digest = digests(words, np.empty(len(words), np.uint64))[:, None]
    keys = blocks(-(-n_keys // 64))
    rows: list[Row] = []
    for name, prf, inputs in (("mix", MIX, digest), ("SipHash-2-4", SIPHASH, words)):
        for quarter in (False, True):
            sliced_counts(prf, quarter, keys[0][:1], keys[1][:1], inputs[:8])  # compile

            def run(prf: int = prf, quarter: bool = quarter, inputs: np.ndarray = inputs) -> None:
                counts = sliced_counts(prf, quarter, *keys, inputs)
                binomial_log10_p(counts.ravel(), n_tokens, 0.25 if quarter else 0.5)

            spent = seconds(run)
            rows.append(
                (
                    f"hydrascope red/green, bit-sliced {name}, gamma 1/{4 if quarter else 2}",
                    spent,
                    n_keys * n_tokens,
                    True,
                )
            )
    each, few = blocks(n_keys), 2000
    for name, flag, inputs in (("mix", False, digest), ("SipHash-2-4", True, words)):
        exponential_sums(flag, each[0][:1], each[1][:1], inputs[:8])
        spent = seconds(lambda flag=flag, inputs=inputs: exponential_sums(flag, *each, inputs[:few]))  # type: ignore[misc]
        rows.append((f"hydrascope Gumbel, {name}", spent, n_keys * few, False))
    context, token = windows(corpus(few + 4), 4)
    philox_exponential_sums(each[0][:1], context[:8], token[:8])
    spent = seconds(lambda: philox_exponential_sums(each[0], context, token))
    rows.append(("hydrascope reader of vLLM's Philox Gumbel", spent, n_keys * len(token), False))
    return rows


def readers(n_tokens: int = 2000) -> list[Row]:
    """Our readers of transformers' formats, one key."""
    ids = corpus(n_tokens)
    context, token = windows(ids, 1)
    HfRedGreen().green(context[:3], token[:3])
    spent = seconds(lambda: HfRedGreen(7, VOCABULARY).green(context, token))
    rows: list[Row] = [("hydrascope reader of transformers' red/green", spent, len(token), False)]
    context, token = windows(ids, 4)
    mark = HfSynthID(hf_synthid_keys(7))
    return [
        *rows,
        (
            "hydrascope reader of transformers' SynthID",
            seconds(lambda: mark.mean_score(context, token)),
            len(token),
            False,
        ),
    ]


def transformers_rows(n_tokens: int = 2000) -> list[Row]:
    """transformers' own detectors."""
    import torch
    import transformers

    torch.set_num_threads(1)
    ids = torch.tensor(corpus(n_tokens))[None]
    config = transformers.GPT2Config(vocab_size=VOCABULARY)
    detector = transformers.WatermarkDetector(config, "cpu", transformers.WatermarkingConfig())
    rows: list[Row] = [
        ("transformers WatermarkDetector (red/green)", seconds(lambda: detector(ids)), n_tokens, False)
    ]
    arguments = {
        "ngram_len": 5,
        "sampling_table_size": 65536,
        "sampling_table_seed": 0,
        "context_history_size": 1024,
    }
    processor = transformers.SynthIDTextWatermarkLogitsProcessor(
        keys=list(hf_synthid_keys(7)), device="cpu", **arguments
    )

    def synthid() -> None:
        processor.compute_g_values(ids).float().mean()
        processor.compute_context_repetition_mask(ids)

    return [*rows, ("transformers SynthID g-values and repetition mask", seconds(synthid), n_tokens, False)]


def markllm_rows(n_tokens: int = 500) -> list[Row]:
    """MarkLLM's KGW and EXP scorers, on token ids."""
    import torch
    from markllm.utils.transformers_config import TransformersConfig
    from markllm.watermark.exp.exp import EXP
    from markllm.watermark.kgw.kgw import KGW

    torch.set_num_threads(1)
    ids = torch.tensor(corpus(n_tokens))
    config = TransformersConfig(model=None, tokenizer=None, vocab_size=VOCABULARY, device="cpu")
    kgw = KGW(None, config)
    rows: list[Row] = [("MarkLLM KGW", seconds(lambda: kgw.utils.score_sequence(ids)), n_tokens, False)]
    exp = EXP(None, config)

    def score() -> None:
        for i in range(exp.config.prefix_length, n_tokens):
            exp.utils.seed_rng(ids[:i])
            torch.rand(VOCABULARY, generator=exp.utils.rng)

    return [*rows, ("MarkLLM EXP (its seeding and draw)", seconds(score), n_tokens, False)]


def show(rows: list[Row], n_keys: int, n_tokens: int) -> None:
    """The table."""
    print(f"{'detector':<58} {'M (token, key)/s':>17} {f'{n_keys:,} keys x {n_tokens:,} tokens':>32}")
    for name, spent, n, full in rows:
        rate = n / spent
        whole = n_keys * n_tokens / rate
        print(f"{name:<58} {rate / 1e6:>17,.4f} {whole:>16,.2f} core-s {'measured' if full else 'scaled':>8}")


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--keys", type=int, default=24_000)
    parser.add_argument("--tokens", type=int, default=1_000_000)
    parser.add_argument("--peers", action="store_true", help="also transformers and MarkLLM, where installed")
    options = parser.parse_args()
    rows = ours(options.keys, options.tokens) + readers()
    for peer in (transformers_rows, markllm_rows) if options.peers else ():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                rows += peer()
        except ImportError as error:
            print(f"{peer.__name__.removesuffix('_rows')}: left out ({error})")
    show(rows, options.keys, options.tokens)


if __name__ == "__main__":
    main()
