"""Configuration of the marks that engines make themselves, for a committed key's 64-bit handle."""

from __future__ import annotations

from typing import Any

from hydrascope.errors import UsageError
from hydrascope.watermark.keys import Key
from hydrascope.watermark.marks import Mark, Scheme
from hydrascope.watermark.schemes.hf_kgw import hf_hashing_key
from hydrascope.watermark.schemes.hf_synthid import hf_synthid_keys

__all__ = ["engine_config"]


def engine_config(mark: Mark, key: Key) -> dict[str, Any]:
    """What to give the engine; secret, since it holds the key.

    vLLM: the JSON of `--watermark-config`. transformers: arguments of `WatermarkingConfig`, or of
    `SynthIDTextWatermarkingConfig`.

    Raises:
        UsageError: the mark is one of ours, which engines make through an adapter.
    """
    if mark.scheme in (Scheme.VLLM_GUMBEL, Scheme.VLLM_DUAL_GUMBEL):
        algorithm = "gumbel" if mark.scheme is Scheme.VLLM_GUMBEL else "dual_key_gumbel"
        return {"algorithm": algorithm, "key": key.handle, "context_width": mark.context_width}
    if mark.scheme is Scheme.VLLM_RED_GREEN:
        return {
            "algorithm": "red_green",
            "key": key.handle,
            "context_width": mark.context_width,
            "gamma": mark.gamma,
            "delta": mark.delta,
        }
    if mark.scheme is Scheme.HF_KGW:
        return {
            "greenlist_ratio": mark.gamma,
            "bias": mark.delta,
            "hashing_key": hf_hashing_key(key.handle),
            "seeding_scheme": "lefthash",
            "context_width": 1,
        }
    if mark.scheme is Scheme.HF_SYNTHID:
        return {"keys": list(hf_synthid_keys(key.handle, mark.layers)), "ngram_len": mark.context_width + 1}
    raise UsageError(
        f"{mark.label} is not made by an engine itself",
        hint="`keys ring` writes what the transformers and vLLM adapters need",
    )
