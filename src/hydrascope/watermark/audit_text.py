"""A suspect that gives nothing but text: sample answers, re-encode them, count marks.

Answers are encoded with the tokeniser of the marked text, whatever the suspect's own. Pairs whose context stood
in the prompt are dropped; for each key only contexts that were served under it are counted, which is where a
student can have learned that key's marks. Every distinct pair counts once, with weight one: exact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt

from hydrascope.errors import RefusalError
from hydrascope.watermark.audit_probes import SERVED, ServedExchange
from hydrascope.watermark.audit_weights import ChunkFolder, Tell
from hydrascope.watermark.pairs import dedup_pairs, keep_served, served_contexts
from hydrascope.watermark.radioactivity import Items, merge_items
from hydrascope.watermark.suspect import Suspect, Tokenizer

__all__ = ["count_items", "sample_suspect"]

BATCH = 25


def sample_suspect(
    suspect: Suspect,
    prompts: Sequence[str],
    tokenizer: Tokenizer,
    chunks: ChunkFolder,
    *,
    n_tokens: int,
    seed: int,
    tell: Tell,
    enough: Callable[[Sequence[npt.NDArray[np.int32]]], bool] | None = None,
) -> list[npt.NDArray[np.int32]]:
    """One answer for each prompt, re-encoded; finished ones are read back.

    Args:
        enough: asked after every `BATCH` answers; True stops.

    Raises:
        RefusalError: every answer is empty.
    """
    answers = []
    for number, prompt in enumerate(prompts):
        held = chunks.read(number)
        if held is None:
            tokens = tokenizer.encode(suspect.complete(prompt, n_tokens, seed + number))
            held = {"tokens": tokens}
            chunks.write(number, held)
        answers.append(held["tokens"].astype(np.int32))
        tell(number + 1, len(prompts))
        if enough is not None and len(answers) % BATCH == 0 and enough(answers):
            break
    if not any(len(answer) for answer in answers):
        raise RefusalError(f"{suspect.name} answered every prompt with nothing")
    return answers


def count_items(
    answers: Sequence[npt.NDArray[np.int32]],
    prompts: Sequence[str],
    served: Iterable[ServedExchange],
    tokenizer: Tokenizer,
    widths: Sequence[int],
) -> dict[tuple[str, int], Items]:
    """Distinct pairs in served contexts, weight one, for each (key or `SERVED`, context width)."""
    encoded_prompts = [tokenizer.encode(prompt) for prompt in prompts]
    texts: dict[str, list[npt.NDArray[np.int32]]] = {}
    for exchange in served:
        texts.setdefault(exchange.key_id or SERVED, []).append(
            np.concatenate([tokenizer.encode(exchange.prompt)[-4:], tokenizer.encode(exchange.completion)])
        )
    found = {}
    for width in widths:
        contexts, tokens = dedup_pairs(answers, width, prompts=encoded_prompts)
        for group, group_texts in sorted(texts.items()):
            kept, nexts = keep_served(contexts, tokens, served_contexts(group_texts, width))
            found[group, width] = merge_items(kept, nexts, np.ones(len(nexts)))
    return found
