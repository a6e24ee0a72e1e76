"""A transformer of about a million parameters, trained on a CPU in minutes; needs the `transformers` extra.

It is written as an ordinary model folder, so that what is tried on it is the path of any open-weights suspect.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hydrascope.errors import UsageError
from hydrascope.lab.traffic import Marker
from hydrascope.watermark.suspect_bpe import BpeTokenizer

__all__ = ["sample_tiny", "train_tiny", "write_tiny"]

Ids = npt.NDArray[np.int32]
LENGTH = 128
TOP_K = 64


def _torch() -> Any:
    try:
        import torch
        import transformers  # noqa: F401
    except ImportError:
        raise UsageError(
            "a tiny transformer needs torch and transformers", hint="pip install 'hydrascope[transformers]'"
        ) from None
    return torch


def _new_model(vocab_size: int, width: int, layers: int) -> Any:
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        vocab_size=vocab_size,
        n_positions=2 * LENGTH,
        n_embd=width,
        n_layer=layers,
        n_head=4,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        bos_token_id=None,
        eos_token_id=None,
    )
    return GPT2LMHeadModel(config)


def train_tiny(
    sequences: Sequence[Ids],
    vocab_size: int,
    *,
    start: Any = None,
    epochs: int = 1,
    seed: int = 0,
    width: int = 128,
    layers: int = 4,
    batch: int = 32,
    rate: float = 2e-3,
) -> Any:
    """Train from scratch, or a copy of `start` further, on token sequences cut to pieces of 128.

    Args:
        sequences: token ids; short ones are joined end to end.
        vocab_size: of the tokeniser.
        start: model to continue from; it is not changed.
        epochs: passes.
        seed: of initial weights and order.
        width, layers, batch, rate: size and training.
    """
    torch = _torch()
    torch.manual_seed(seed)
    if start is None:
        model = _new_model(vocab_size, width, layers)
    else:
        model = _new_model(vocab_size, start.config.n_embd, start.config.n_layer)
        model.load_state_dict(start.state_dict())
    stream = np.concatenate(list(sequences)).astype(np.int64)
    pieces = stream[: len(stream) // LENGTH * LENGTH].reshape(-1, LENGTH)
    order = np.random.default_rng(seed)
    n_steps = max(epochs * len(pieces) // batch, 1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=rate, total_steps=n_steps + epochs)
    model.train()
    for _ in range(epochs):
        places = order.permutation(len(pieces))
        for i in range(0, len(pieces) - batch + 1, batch):
            ids = torch.as_tensor(pieces[places[i : i + batch]])
            loss = model(input_ids=ids, labels=ids).loss
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
    return model.eval()


def sample_tiny(
    model: Any,
    prompts: Sequence[Ids],
    n_tokens: int,
    rng: np.random.Generator,
    *,
    marker: Marker | None = None,
    temperature: float = 0.7,
    batch: int = 250,
) -> list[Ids]:
    """One answer for each prompt, top-64 sampling, marked where `marker` is given.

    Args:
        prompts: all of the same length, at least the marker's width.
    """
    torch = _torch()
    answers: list[Ids] = []
    with torch.inference_mode():
        for start in range(0, len(prompts), batch):
            history = np.stack(prompts[start : start + batch]).astype(np.int64)
            n_before, cache, fed = history.shape[1], None, torch.as_tensor(history)
            for _ in range(n_tokens):
                told = model(input_ids=fed, past_key_values=cache, use_cache=True)
                cache = told.past_key_values
                logits, ids = torch.topk(told.logits[:, -1].float(), TOP_K)
                chosen = _choose(logits.numpy() / temperature, ids.numpy(), history, rng, marker)
                history = np.concatenate([history, chosen[:, None]], axis=1)
                fed = torch.as_tensor(chosen[:, None])
            answers += list(history[:, n_before:].astype(np.int32))
    return answers


def _choose(
    logits: npt.NDArray[np.float64],
    ids: npt.NDArray[np.int64],
    history: npt.NDArray[np.int64],
    rng: np.random.Generator,
    marker: Marker | None,
) -> npt.NDArray[np.int64]:
    noise = rng.gumbel(size=logits.shape)
    if marker is not None:
        context = history[:, -marker.width :]
        seen = np.zeros(len(history), np.bool_)
        for at in range(history.shape[1] - marker.width):
            seen |= (history[:, at : at + marker.width] == context).all(axis=1)
        value = marker.value(np.repeat(context, ids.shape[1], axis=0), ids.reshape(-1)).reshape(ids.shape)
        if marker.kind == "bias":
            logits = logits + np.where(seen[:, None], 0.0, value)
        else:
            noise = np.where(seen[:, None], noise, value)
    return np.asarray(ids[np.arange(len(ids)), (logits + noise).argmax(axis=1)])


def write_tiny(model: Any, tokenizer: BpeTokenizer, folder: Path) -> None:
    """Write a model folder with its small tokeniser."""
    model.save_pretrained(folder)
    with (folder / "bpe.npz").open("wb") as out:
        np.savez_compressed(out, merges=tokenizer.merges)
