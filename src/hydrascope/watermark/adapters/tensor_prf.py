"""SipHash-2-4 over torch tensors, so that a whole vocabulary is coloured where the logits live.

The same function as `hydrascope.kernels.prf`, in int64 arithmetic that wraps; keys are tensors, so that each row of
a batch may have its own. Torch is imported by whoever calls, and passed in nowhere: only tensor methods are used.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["checked_compile", "green_rows", "signed", "siphash", "uniform_rows", "word_rows"]

Tensor = Any
_START = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)


def signed(word: int) -> int:
    """A 64-bit word as torch's int64 holds it."""
    return word - (1 << 64) if word >> 63 else word


def _rotate(x: Tensor, by: int) -> Tensor:
    return (x << by) | ((x >> (64 - by)) & ((1 << by) - 1))


def _round(v: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    v0, v1, v2, v3 = v
    v0 = v0 + v1
    v1 = _rotate(v1, 13) ^ v0
    v0 = _rotate(v0, 32)
    v2 = v2 + v3
    v3 = _rotate(v3, 16) ^ v2
    v0 = v0 + v3
    v3 = _rotate(v3, 21) ^ v0
    v2 = v2 + v1
    v1 = _rotate(v1, 17) ^ v2
    return v0, v1, _rotate(v2, 32), v3


def _finish(v: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    for _ in range(4):
        v = _round(v)
    return v


def siphash(k0: Tensor, k1: Tensor, words: list[Tensor], *, wide: bool = False) -> list[Tensor]:
    """One output word, or two of the 128-bit variant.

    Args:
        k0, k1: int64 keys. words: int64 message words, all broadcastable with the keys.
        wide: the 128-bit variant.
    """
    v: tuple[Tensor, ...] = tuple(k ^ signed(c) for k, c in zip((k0, k1, k0, k1), _START, strict=True))
    if wide:
        v = (v[0], v[1] ^ 0xEE, v[2], v[3])
    for word in words:
        v = (v[0], v[1], v[2], v[3] ^ word)
        v = _round(_round(v))
        v = (v[0] ^ word, *v[1:])
    v = _finish((v[0], v[1], v[2] ^ (0xEE if wide else 0xFF), v[3]))
    out = [v[0] ^ v[1] ^ v[2] ^ v[3]]
    if wide:
        v = _finish((v[0], v[1] ^ 0xDD, v[2], v[3]))
        out.append(v[0] ^ v[1] ^ v[2] ^ v[3])
    return out


def _message(contexts: Tensor, tokens: Tensor) -> list[Tensor]:
    """Message words of every (row, token): pairs of uint32, then the length on top of the last bytes."""
    width = contexts.shape[1]
    parts = [contexts[:, i : i + 1] & 0xFFFFFFFF for i in range(width)] + [tokens[None, :] & 0xFFFFFFFF]
    length = signed((4 * (width + 1)) << 56)
    words = [low | (high << 32) for low, high in zip(parts[0::2], parts[1::2], strict=False)]
    words.append((parts[-1] | length) if len(parts) % 2 else (parts[0] & 0) | length)
    return words


def word_rows(
    k0: Tensor, k1: Tensor, contexts: Tensor, tokens: Tensor, *, wide: bool = False
) -> list[Tensor]:
    """PRF words of every token after every row's context, int64 of shape (rows, n_tokens).

    Args:
        k0, k1: int64 keys, shape (rows, 1). contexts: int64, shape (rows, width). tokens: int64, shape (n_tokens,).
    """
    return siphash(k0, k1, _message(contexts, tokens), wide=wide)


def green_rows(
    k0: Tensor, k1: Tensor, slot: Tensor, contexts: Tensor, tokens: Tensor, gamma: float
) -> Tensor:
    """Which tokens are green after each row's context, bool of shape (rows, n_tokens).

    Args:
        slot: int64, shape (rows, 1). gamma: 1/2 or 1/4, for all rows.
    """
    words = word_rows(k0, k1, contexts, tokens, wide=gamma == 0.25)
    word = words[0] & words[1] if len(words) == 2 else words[0]
    return ((word >> slot) & 1).bool()


def uniform_rows(k0: Tensor, k1: Tensor, contexts: Tensor, tokens: Tensor) -> Tensor:
    """Uniforms in (0, 1) of every token after every row's context, float64."""
    word = word_rows(k0, k1, contexts, tokens)[0]
    return (((word >> 12) & ((1 << 52) - 1)).double() + 0.5) * 2.0**-52


def checked_compile(torch: Any, device: Any, kinds: Sequence[tuple[int, float]]) -> Callable[..., Tensor]:
    """`green_rows` fused by torch.compile where that gives the same coins, else as it is.

    Fused, a vocabulary is coloured in one kernel instead of about 130. Compilers have got 64-bit shifts wrong on
    some devices, and a wrong coin is a mark that nobody will ever find, so the result is compared first. One row is
    coloured as two: torch compiles sizes of one apart and, past eight compilations, stops compiling.

    Args:
        torch: the module. device: where logits live. kinds: context widths and gammas that will be asked for.
    """
    try:
        fused = _two_rows_at_least(torch.compile(green_rows, dynamic=True))
        generator = torch.Generator().manual_seed(0)
        keys = torch.randint(-(2**63), 2**63 - 1, (2, 3, 1), generator=generator).to(device)
        slot = torch.tensor([[0], [31], [63]], device=device)
        tokens = torch.arange(4097, device=device)
        for width, gamma in kinds:
            contexts = torch.randint(0, 2**31, (3, width), generator=generator).to(device)
            arguments = (keys[0], keys[1], slot, contexts, tokens, gamma)
            first = (*(part[:1] for part in arguments[:4]), tokens, gamma)
            for asked in (arguments, first):
                if not torch.equal(fused(*asked), green_rows(*asked)):
                    raise ValueError("the compiled colours differ")
    except Exception as error:  # whatever a compiler raises
        warnings.warn(f"colouring tokens without torch.compile: {error}", RuntimeWarning, stacklevel=2)
        return green_rows
    return fused


def _two_rows_at_least(colour: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def padded(
        k0: Tensor, k1: Tensor, slot: Tensor, contexts: Tensor, tokens: Tensor, gamma: float
    ) -> Tensor:
        if len(contexts) > 1:
            return colour(k0, k1, slot, contexts, tokens, gamma)
        twice = (part.expand(2, -1).contiguous() for part in (k0, k1, slot, contexts))
        return colour(*twice, tokens, gamma)[:1]

    return padded
