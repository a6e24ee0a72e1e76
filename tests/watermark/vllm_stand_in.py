"""A small stand-in for the documented interface of vLLM's V2 logits processors.

It keeps the documented rules and nothing else: rows are logits rows, in any order; committed tokens live in
`all_token_ids` up to `total_len`; this step's drafts are only in `input_ids`; slots are recycled.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np

DEVICE = os.environ.get("HYDRASCOPE_TEST_DEVICE", "cpu")
"""`cuda` where the adapters shall be tried on a GPU."""


@dataclass
class Engine:
    """Requests in slots, and the context of one step."""

    torch: Any
    max_num_reqs: int = 4
    max_len: int = 600
    device: Any = DEVICE
    states: Any = field(init=False)

    def __post_init__(self) -> None:
        torch = self.torch
        integers = {"dtype": torch.int32, "device": self.device}
        self.states = SimpleNamespace(
            device=torch.device(self.device),
            max_num_reqs=self.max_num_reqs,
            all_token_ids=SimpleNamespace(gpu=torch.full((self.max_num_reqs, self.max_len), 7, **integers)),
            prompt_len=SimpleNamespace(gpu=torch.zeros(self.max_num_reqs, **integers)),
            total_len=SimpleNamespace(gpu=torch.zeros(self.max_num_reqs, **integers)),
        )

    def enter(self, slot: int, prompt: list[int]) -> None:
        """A request takes a slot; what the last one left beyond its length stays there."""
        self.states.all_token_ids.gpu[slot, : len(prompt)] = self.torch.tensor(
            prompt, dtype=self.torch.int32, device=self.device
        )
        self.states.prompt_len.gpu[slot] = len(prompt)
        self.states.total_len.gpu[slot] = len(prompt)

    def commit(self, slot: int, token: int) -> None:
        """A sampled token joins the history."""
        at = int(self.states.total_len.gpu[slot])
        self.states.all_token_ids.gpu[slot, at] = token
        self.states.total_len.gpu[slot] = at + 1

    def context(self, slots: list[int], drafts: dict[int, list[int]] | None = None) -> Any:
        """The layout of a step over `slots`, each with the drafts it carries."""
        rows, offsets, inputs, positions = [], [], [], []
        for slot in slots:
            total = int(self.states.total_len.gpu[slot])
            last = int(self.states.all_token_ids.gpu[slot, total - 1])
            for j, token in enumerate([last, *(drafts or {}).get(slot, [])]):
                rows.append(slot)
                offsets.append(j)
                inputs.append(token)
                positions.append(total - 1 + j)
        lengths = [int(self.states.total_len.gpu[s]) + len((drafts or {}).get(s, [])) for s in slots]
        return SimpleNamespace(
            expanded_idx_mapping=self._tensor(rows),
            idx_mapping=self._tensor(slots),
            idx_mapping_np=np.array(slots),
            expanded_local_pos=self._tensor(offsets),
            input_ids=self._tensor(inputs),
            pos=self._tensor(positions).long(),
            seq_lens_upper_bound_np=np.array(lengths),
        )

    def _tensor(self, values: list[int]) -> Any:
        return self.torch.tensor(values, dtype=self.torch.int32, device=self.device)


def parameters(header: str | None = None, *, temperature: float = 1.0, structured: object = None) -> Any:
    """Sampling parameters of a request."""
    arguments = None if header is None else {"hydrascope_mark": header}
    return SimpleNamespace(extra_args=arguments, temperature=temperature, structured_outputs=structured)
