"""A vLLM logits processor (Model Runner V2) with a key for each request.

    HYDRASCOPE_KEY_RING=ring.json vllm serve MODEL \\
        --logits-processors hydrascope.watermark.adapters.vllm_processor:HydrascopeMark

A request names its key in `vllm_xargs` (`extra_args` offline): {"hydrascope_mark": HEADER}, signed by the gateway.
Requests without one, with temperature 0, or with a structured output or tool grammar are left alone.

Rules that keep it right. Rows are logits rows, reordered at every step, several to a request under speculative
decoding: committed tokens are read from the shared request state, this step's drafts from `input_ids`. It runs
before temperature, so it makes red/green marks only; Gumbel-max belongs to the engine's own sampler. A placeholder
(-1) in a context means the history is not what the model saw, which would ruin a mark without any sign of it: such
a row is never marked and the engine is stopped with the reason, at once on a CPU, within 64 steps on a GPU, where
looking each time would stall the stream.
"""

from __future__ import annotations

import importlib
import os
import time
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hydrascope.errors import HydrascopeError, InputError, RefusalError, UsageError
from hydrascope.watermark.adapters.gateway_step import open_header
from hydrascope.watermark.adapters.key_ring import RING_VARIABLE, KeyRing, RingKey, read_ring
from hydrascope.watermark.adapters.tensor_prf import checked_compile, green_rows, signed
from hydrascope.watermark.marks import Prf, Scheme
from hydrascope.watermark.schemes.gates import ENTROPY_FLOOR_NATS

__all__ = ["ARGUMENT", "COMPILE_VARIABLE", "HydrascopeMark"]

ARGUMENT = "hydrascope_mark"
"""Name of the request argument that carries the signed header."""
COMPILE_VARIABLE = "HYDRASCOPE_COMPILE"
"""1 or 0: whether colours are fused by torch.compile, after a check that it gets them right. Unset: on a GPU only."""
_LOOK_EVERY = 64

Tensor = Any

if TYPE_CHECKING:
    _Base = object
else:
    try:
        _Base = importlib.import_module("vllm.v1.worker.gpu.sample.logits_processor").LogitsProcessor
    except ImportError:
        _Base = object


class HydrascopeMark(_Base):  # type: ignore[misc, unused-ignore]
    """Red/green marks with the key each request names."""

    def __init__(self, vllm_config: Any, req_states: Any) -> None:
        """Reads the key ring; `req_states` holds the token history of every slot, read-only."""
        if not hasattr(req_states, "all_token_ids") or not hasattr(req_states, "total_len"):
            raise RefusalError(
                "this is not vLLM's Model Runner V2 interface, and the older one can show placeholder tokens",
                hint="serve with the V2 model runner (vLLM 0.30 or later)",
            )
        self._torch = importlib.import_module("torch")
        self.ring = _ring()
        self.states = req_states
        n, device = req_states.max_num_reqs, req_states.device
        self.kinds = sorted({(item.mark.context_width, item.mark.gamma) for item in self.ring.keys.values()})
        self.kind = np.full(n, -1)
        integers = self._torch.int64
        self.k0, self.k1, self.bit = (self._torch.zeros(n, dtype=integers, device=device) for _ in range(3))
        self.delta = self._torch.zeros(n, dtype=self._torch.float32, device=device)
        self.fences = self._torch.tensor(list(self.ring.fence_token_ids), dtype=integers, device=device)
        self.placeholders = self._torch.zeros((), dtype=self._torch.bool, device=device)
        fused = os.environ.get(COMPILE_VARIABLE, "1" if device.type == "cuda" else "0") == "1"
        self.colour = checked_compile(self._torch, device, self.kinds) if fused else green_rows
        self.steps = 0

    @classmethod
    def validate_params(cls, sampling_params: Any) -> None:
        """Refuses a request whose header is forged, stale, or names no key of the ring."""
        header = _header(sampling_params)
        if header is not None:
            try:
                _item(_ring(), header)
            except HydrascopeError as error:
                raise ValueError(str(error)) from None

    def add_request(self, req_idx: int, sampling_params: Any) -> bool:
        """Overwrites the slot; True where this request is marked."""
        header = _header(sampling_params)
        structured = getattr(sampling_params, "structured_outputs", None) is not None
        marked = header is not None and not structured and sampling_params.temperature > 0
        item = _item(self.ring, header, checked=True) if marked and header is not None else None
        self.kind[req_idx] = -1
        if item is not None:
            key = item.key
            self.kind[req_idx] = self.kinds.index((item.mark.context_width, item.mark.gamma))
            self.k0[req_idx], self.k1[req_idx], self.bit[req_idx] = signed(key.k0), signed(key.k1), key.slot
            self.delta[req_idx] = item.mark.delta
        return item is not None

    def apply_staged_writes(self) -> None:
        """Nothing is staged: a slot is written when its request enters."""

    def apply(self, logits: Tensor, ctx: Any) -> Tensor:
        """Biases the rows of marked requests in place."""
        present = self.kind[ctx.idx_mapping_np]
        for kind in np.unique(present[present >= 0]).tolist():
            rows = self._rows(ctx, kind)
            if rows.numel():
                self._mark_rows(logits, ctx, rows, *self.kinds[kind])
        self._look(logits)
        return logits

    def _rows(self, ctx: Any, kind: int) -> Tensor:
        """Logits rows of requests with this kind of mark."""
        device = ctx.expanded_idx_mapping.device
        if len(ctx.expanded_idx_mapping) == len(ctx.idx_mapping_np):  # one row a request: no device sync
            rows = np.flatnonzero(self.kind[ctx.idx_mapping_np] == kind)
            return self._torch.as_tensor(rows, device=device)
        wanted = self._torch.as_tensor(self.kind == kind, device=device)
        return wanted[ctx.expanded_idx_mapping.long()].nonzero().ravel()

    def _mark_rows(self, logits: Tensor, ctx: Any, rows: Tensor, width: int, gamma: float) -> None:
        torch = self._torch
        slots = ctx.expanded_idx_mapping[rows].long()
        length = int(ctx.seq_lens_upper_bound_np.max())
        history, ends = self._history(ctx, rows, slots, length)
        at = ends[:, None] + torch.arange(-width, 0, device=rows.device)
        contexts = history.gather(1, at.clamp_min(0))
        whole = ends >= width
        broken = (contexts < 0).any(-1) & whole
        self.placeholders |= broken.any()
        prompt = self.states.prompt_len.gpu[slots].long()
        opened = (
            whole & ~broken & ~self._repeated(history, ends, prompt, contexts) & self._unsure(logits[rows])
        )
        opened &= self._outside_code(history, ends, prompt)
        tokens = torch.arange(logits.shape[1], device=logits.device)
        k0, k1, bit = (values[slots][:, None] for values in (self.k0, self.k1, self.bit))
        green = self.colour(k0, k1, bit, contexts, tokens, gamma)
        bias = self.delta[slots] * opened
        logits[rows] += bias[:, None] * green

    def _history(self, ctx: Any, rows: Tensor, slots: Tensor, length: int) -> tuple[Tensor, Tensor]:
        """Tokens each row can see, committed ones then this step's drafts, and how many.

        A row at offset j of its request sees `total_len` committed tokens and the drafts fed at rows j-1 before it
        and at its own.
        """
        torch = self._torch
        offset = ctx.expanded_local_pos[rows].long()
        total = self.states.total_len.gpu[slots].long()
        n_drafts = int(offset.max()) if len(ctx.expanded_idx_mapping) != len(ctx.idx_mapping_np) else 0
        history = torch.full((len(rows), length + n_drafts + 1), -1, dtype=torch.int64, device=rows.device)
        known = self.states.all_token_ids.gpu[slots, :length].long()
        history[:, : known.shape[1]] = known
        for j in range(1, n_drafts + 1):
            has = offset >= j
            source = (rows - offset + j).clamp(0, len(ctx.input_ids) - 1)
            draft = ctx.input_ids[source].long()
            at = (total + j - 1).clamp_max(history.shape[1] - 1)[:, None]
            history.scatter_(1, at, torch.where(has, draft, history.gather(1, at)[:, 0])[:, None])
        return history, total + offset

    def _repeated(self, history: Tensor, ends: Tensor, prompt: Tensor, contexts: Tensor) -> Tensor:
        """Whether the context already stood before an earlier token of this answer."""
        width = contexts.shape[1]
        if history.shape[1] <= width:
            return self._torch.zeros(len(ends), dtype=self._torch.bool, device=ends.device)
        same = (history.unfold(1, width, 1) == contexts[:, None, :]).all(-1)
        followed = self._torch.arange(same.shape[1], device=ends.device)[None, :] + width
        return (same & (followed >= prompt[:, None]) & (followed < ends[:, None])).any(-1)

    def _unsure(self, rows: Tensor) -> Tensor:
        log_p = rows.float().log_softmax(-1)
        return -(log_p.exp() * log_p.clamp_min(-1e4)).sum(-1) >= ENTROPY_FLOOR_NATS

    def _outside_code(self, history: Tensor, ends: Tensor, prompt: Tensor) -> Tensor:
        """Whether an even number of fence tokens was generated."""
        torch = self._torch
        if not len(self.fences):
            return torch.ones(len(ends), dtype=torch.bool, device=ends.device)
        at = torch.arange(history.shape[1], device=ends.device)[None, :]
        generated = (at >= prompt[:, None]) & (at < ends[:, None])
        return (torch.isin(history, self.fences) & generated).sum(-1) % 2 == 0

    def _look(self, logits: Tensor) -> None:
        self.steps += 1
        if (logits.device.type == "cpu" or self.steps % _LOOK_EVERY == 0) and bool(self.placeholders):
            raise RefusalError(
                "the token history holds placeholders (-1): marks would be lost without a sign",
                hint="report the vLLM version; serve without the mark until it is resolved",
            )


def _ring() -> KeyRing:
    name = os.environ.get(RING_VARIABLE)
    if name is None:
        raise UsageError(
            f"{RING_VARIABLE} names no key ring", hint="`hydrascope watermark keys ring` writes one"
        )
    try:
        return _ring_as_of(name, Path(name).stat().st_mtime_ns)
    except OSError as error:
        raise InputError("the key ring cannot be read", file=name, hint=str(error)) from None


@lru_cache(maxsize=2)
def _ring_as_of(name: str, changed_at_ns: int) -> KeyRing:
    """Read once for each version of the file, not for each request."""
    del changed_at_ns
    return read_ring(Path(name))


def _header(sampling_params: Any) -> str | None:
    arguments = getattr(sampling_params, "extra_args", None) or {}
    value = arguments.get(ARGUMENT)
    return None if value is None else str(value)


def _item(ring: KeyRing, header: str, *, checked: bool = False) -> RingKey:
    """The key a header names; `checked` at admission already, so that a queue does not outlive it."""
    item = ring.find(open_header(ring.gateway_secret, header, now_s=0 if checked else int(time.time())))
    if item.mark.scheme is not Scheme.RED_GREEN or item.mark.prf is not Prf.SIPHASH:
        raise UsageError(
            f"{item.mark.label} is not made by this processor", hint="it makes red_green marks with SipHash"
        )
    return item
