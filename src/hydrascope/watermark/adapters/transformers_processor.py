"""A transformers `LogitsProcessor` for our marks: pass it to `generate(..., logits_processor=[...])`.

    mark = MarkProcessor(ring.find(handle), tokenizer=tokenizer)
    model.generate(**inputs, do_sample=True, logits_processor=LogitsProcessorList([mark]))

One key for a call; rows are independent texts. Beam search is refused, since rows then change places. The processor
keeps nothing but a text gate for each row and starts over when a new generation begins.
"""

from __future__ import annotations

import importlib
from typing import Any

from hydrascope.errors import RefusalError, UsageError
from hydrascope.watermark.adapters.key_ring import RingKey
from hydrascope.watermark.adapters.tensor_prf import green_rows, signed, uniform_rows, word_rows
from hydrascope.watermark.marks import Prf, Scheme
from hydrascope.watermark.schemes.gates import ENTROPY_FLOOR_NATS, ProseGate

__all__ = ["MarkProcessor"]

Tensor = Any
_SCHEMES = (Scheme.RED_GREEN, Scheme.GUMBEL, Scheme.SYNTHID)


class MarkProcessor:
    """Marks generated text with one key.

    Args:
        item: key and mark, from a key ring or made by hand.
        tokenizer: anything with `decode(ids) -> str`; needed to leave code, JSON and tool arguments alone.
        skip_code: whether to leave those alone; False needs no tokenizer.
        entropy_floor_nats: tokens surer than this are left alone.
        deduplicate: mark each context once in a generation.

    Raises:
        UsageError: torch is missing, no tokenizer was given for `skip_code`, or the mark is not one of ours.
    """

    def __init__(
        self,
        item: RingKey,
        *,
        tokenizer: Any = None,
        skip_code: bool = True,
        entropy_floor_nats: float = ENTROPY_FLOOR_NATS,
        deduplicate: bool = True,
    ) -> None:
        if item.mark.scheme not in _SCHEMES or item.mark.prf is not Prf.SIPHASH:
            raise UsageError(
                f"{item.mark.label} is not made by this processor",
                hint="it makes red_green, gumbel and synthid marks with SipHash",
            )
        if skip_code and tokenizer is None:
            raise UsageError(
                "code cannot be left alone without a tokenizer", hint="give tokenizer=..., or skip_code=False"
            )
        try:
            self._torch = importlib.import_module("torch")
        except ImportError:
            raise UsageError("marking needs torch", hint="pip install 'hydrascope[transformers]'") from None
        self.item = item
        self.tokenizer = tokenizer if skip_code else None
        self.entropy_floor_nats = entropy_floor_nats
        self.deduplicate = deduplicate
        self.n_marked = 0
        self._length = -1
        self._start = 0
        self._gates: list[ProseGate] = []

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Scores with the mark, shape (rows, vocabulary); rows a gate closes are left alone."""
        n_rows, length = input_ids.shape
        if length != self._length + 1 or n_rows != len(self._gates):
            self._start, self._gates = length, [ProseGate() for _ in range(n_rows)]
        elif self.tokenizer is not None:
            for gate, token in zip(self._gates, input_ids[:, -1].tolist(), strict=True):
                gate.observe(self.tokenizer.decode([token]))
        self._length = length
        width = self.item.mark.context_width
        if length < width:
            return scores
        contexts = input_ids[:, -width:].long()
        if bool((contexts < 0).any()):
            raise RefusalError(
                "the context holds placeholder tokens (-1), which would silently ruin the mark",
                hint="pass committed token ids",
            )
        rows = self._open_rows(input_ids, contexts, scores)
        if not bool(rows.any()):
            return scores
        self.n_marked += int(rows.sum())
        out = scores.clone()
        out[rows] = self._marked(scores[rows], contexts[rows])
        return out

    def _open_rows(self, input_ids: Tensor, contexts: Tensor, scores: Tensor) -> Tensor:
        log_p = scores.float().log_softmax(-1)
        entropy = -(log_p.exp() * log_p.clamp_min(-1e4)).sum(-1)
        rows = entropy >= self.entropy_floor_nats
        if self.deduplicate:
            rows &= ~self._repeated(input_ids, contexts)
        prose = [gate.prose for gate in self._gates]
        return rows & self._torch.tensor(prose, device=scores.device)

    def _repeated(self, input_ids: Tensor, contexts: Tensor) -> Tensor:
        """Whether a row's context stood before some earlier token of this generation."""
        width = contexts.shape[1]
        earlier = input_ids[:, max(self._start - width, 0) : -1]
        if earlier.shape[1] < width:
            return self._torch.zeros(len(contexts), dtype=self._torch.bool, device=contexts.device)
        return (earlier.unfold(1, width, 1) == contexts[:, None, :]).all(-1).any(-1)

    def _marked(self, scores: Tensor, contexts: Tensor) -> Tensor:
        key, mark, torch = self.item.key, self.item.mark, self._torch
        tokens = torch.arange(scores.shape[1], device=scores.device)
        k0, k1, slot = (
            torch.tensor([[value]], dtype=torch.int64, device=scores.device)
            for value in (signed(key.k0), signed(key.k1), key.slot)
        )
        if mark.scheme is Scheme.RED_GREEN:
            green = green_rows(k0, k1, slot, contexts, tokens, mark.gamma)
            return scores + mark.delta * green.to(scores.dtype)
        if mark.scheme is Scheme.GUMBEL:
            noise = -(-uniform_rows(k0, k1, contexts, tokens).log()).log()
            chosen = (scores.double() + noise).argmax(-1, keepdim=True)
            return torch.full_like(scores, float("-inf")).scatter(1, chosen, 0.0)
        word = word_rows(k0, k1, contexts, tokens)[0]
        p = scores.float().softmax(-1)
        for layer in range(mark.layers):
            g = ((word >> layer) & 1).to(p.dtype)
            p = p * (1.0 + g - (g * p).sum(-1, keepdim=True)).clamp_min(0.0)
        return p.log().to(scores.dtype)
