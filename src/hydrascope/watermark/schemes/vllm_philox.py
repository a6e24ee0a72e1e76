"""Reads (and can reproduce) the marks vLLM makes by itself: Gumbel-max and red/green over Philox.

Compatible with vLLM's `philox4x32-10-v1`: a token's context is the `context_width` output tokens before it, with
-1 where the output had not begun, so every output token is scored (`pairs.windows(..., pad=-1)`).
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

import numpy as np
import numpy.typing as npt

from hydrascope.kernels.prf_philox import philox_words
from hydrascope.watermark.pvalues import binomial_log10_p, gamma_log10_p

__all__ = ["PAD", "VllmGumbel", "VllmRedGreen", "dual_keys", "philox_uniforms"]

PAD = -1
"""What vLLM puts before the first output token."""

Floats = npt.NDArray[np.float64]


def philox_uniforms(handle: int, contexts: npt.ArrayLike, tokens: npt.ArrayLike) -> Floats:
    """vLLM's float32 uniforms of pairs under a 64-bit key, as float64; never 0 or 1."""
    context = np.ascontiguousarray(contexts, dtype=np.int64)
    token = np.ascontiguousarray(tokens, dtype=np.int64)
    words = philox_words(np.uint64(handle), context, token, np.empty(len(token), np.uint64))
    mantissa = (words >> np.uint64(8)).astype(np.float64)
    return ((mantissa + 1.0) / (2.0**24 + 1.0)).astype(np.float32).astype(np.float64)


def dual_keys(handle: int) -> tuple[int, int]:
    """The two keys vLLM's `dual_key_gumbel` derives from one: for drafts, and for targets."""
    digests = (sha256(name + handle.to_bytes(8, "big")).digest()[:8] for name in (b"key_a", b"key_b"))
    first, second = (int.from_bytes(digest, "big") for digest in digests)
    return first, second


@dataclass(frozen=True, slots=True)
class VllmGumbel:
    """The engine's Gumbel-max under one key; test both of `dual_keys` for the dual-key variant."""

    handle: int
    context_width: int = 4

    def sample(self, logits: npt.ArrayLike, context: npt.ArrayLike) -> int:
        """The token the engine would choose from processed logits, in float32 as there."""
        row = np.asarray(logits, dtype=np.float32)
        tail = np.broadcast_to(np.asarray(context, dtype=np.int64), (row.shape[0], self.context_width))
        u = philox_uniforms(self.handle, tail, np.arange(row.shape[0])).astype(np.float32)
        return int(np.argmax(row - np.log(-np.log(u))))

    def score(self, contexts: npt.ArrayLike, tokens: npt.ArrayLike) -> Floats:
        """-log(1 - u): unit exponentials under the null, to the 24 bits of the uniform."""
        return np.asarray(-np.log1p(-philox_uniforms(self.handle, contexts, tokens)))

    def log10_p(self, contexts: npt.ArrayLike, tokens: npt.ArrayLike) -> float:
        """p-value, log10, over distinct pairs."""
        scores = self.score(contexts, tokens)
        return float(gamma_log10_p(scores.sum(), scores.size))


@dataclass(frozen=True, slots=True)
class VllmRedGreen:
    """The engine's red/green mark: a token is green where its uniform is below gamma."""

    handle: int
    context_width: int = 4
    gamma: float = 0.25

    def green(self, contexts: npt.ArrayLike, tokens: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Which tokens are green after which contexts."""
        return philox_uniforms(self.handle, contexts, tokens) < self.gamma

    def log10_p(self, contexts: npt.ArrayLike, tokens: npt.ArrayLike) -> float:
        """p-value, log10, over distinct pairs; the share of uniforms below gamma is exact to 2**-24."""
        green = self.green(contexts, tokens)
        return float(binomial_log10_p(int(green.sum()), green.size, self.gamma))
