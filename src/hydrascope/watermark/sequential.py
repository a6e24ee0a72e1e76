"""Detection that may stop at any text: e-processes for every key, over pairs in order of first appearance."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hydrascope.errors import RefusalError
from hydrascope.watermark.betting import Capital
from hydrascope.watermark.detect import DetectSettings, pairs_of, testable
from hydrascope.watermark.encoding import Tokenizer
from hydrascope.watermark.marks import Scheme
from hydrascope.watermark.pairs import SeenPairs
from hydrascope.watermark.registry import Registry
from hydrascope.watermark.score import score_keys
from hydrascope.watermark.texts import Encoded

__all__ = ["Step", "detect_sequentially"]

_GAMMA = {
    Scheme.RED_GREEN: True,
    Scheme.VLLM_RED_GREEN: True,
    Scheme.GUMBEL: False,
    Scheme.VLLM_GUMBEL: False,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """State after some texts."""

    n_texts: int
    n_pairs: int
    key_id: str
    """Key with the largest capital so far."""
    subject: str
    log10_e: float
    """Its largest capital."""
    crossed: bool
    """Whether it passed the number of committed keys over alpha: a claim at that error rate, at any time."""


def detect_sequentially(
    registry: Registry,
    root: bytes,
    encoded: Encoded,
    tokenizer: Tokenizer,
    settings: DetectSettings,
    *,
    batch: int = 16,
) -> Iterator[Step]:
    """Bets on each batch of texts and yields the state; the caller may stop whenever it likes.

    Raises:
        RefusalError: the keys are of several marks, or of one whose p-value is only a bound.
    """
    keys = [key for key in testable(registry, tokenizer, settings.collected_at) if key.revoked_at is None]
    marks = {key.mark.label: key.mark for key in keys}
    if len(marks) != 1 or next(iter(marks.values())).scheme not in _GAMMA:
        raise RefusalError(
            f"a sequential audit bets on one red/green or Gumbel mark, not on {', '.join(sorted(marks)) or 'none'}",
            hint="audit without --sequential, or with a registry of one such mark",
        )
    mark = next(iter(marks.values()))
    gamma = mark.gamma if _GAMMA[mark.scheme] else None
    secrets = [registry.secret(root, key) for key in keys]
    capital, seen = Capital.start(len(keys)), SeenPairs()
    threshold = math.log10(len(registry.keys) / settings.alpha)
    for stop in range(batch, len(encoded.tokens) + batch, batch):
        part = slice(stop - batch, stop)
        some = Encoded(encoded.tokens[part], encoded.prompts[part], encoded.masks[part])
        contexts, tokens = seen.observe(*pairs_of(mark, some))
        if len(tokens):
            scores = score_keys(mark, secrets, contexts, tokens)
            capital = capital.observe(scores.statistic, len(tokens), gamma)
        best = int(np.argmax(-capital.log10_p))
        log10_e = float(-capital.log10_p[best])
        yield Step(
            n_texts=min(stop, len(encoded.tokens)),
            n_pairs=capital.n,
            key_id=keys[best].key_id,
            subject=keys[best].path.subject,
            log10_e=log10_e,
            crossed=log10_e >= threshold,
        )
