"""What a distiller may do to lose the marks, or by accident: each takes served tokens and gives training tokens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from hydrascope.watermark.keys import Key
from hydrascope.watermark.marks import Mark
from hydrascope.watermark.prf import green_words
from hydrascope.watermark.suspect_trigram import TrigramModel, TrigramSuspect

__all__ = ["neutralise", "substitute"]

Ids = npt.NDArray[np.int32]


def substitute(
    sequences: Sequence[Ids], model: TrigramModel, share: float, rng: np.random.Generator
) -> list[Ids]:
    """Paraphrase: replace a share of tokens by others that the model finds likely there.

    Args:
        share: of tokens, chosen at random.
    """
    suspect = TrigramSuspect(model, "paraphraser")
    changed = []
    for tokens in sequences:
        out = tokens.copy()
        places = np.nonzero(rng.random(len(tokens)) < share)[0]
        places = places[places > 1]
        if len(places):
            ids, probs = suspect.top_probs(tokens)
            for at in places:
                p = probs[at - 1].astype(np.float64) * (ids[at - 1] != tokens[at])
                out[at] = rng.choice(ids[at - 1], p=p / p.sum())
        changed.append(out)
    return changed


def neutralise(
    sequences: Sequence[Ids], model: TrigramModel, key: Key, mark: Mark, rng: np.random.Generator
) -> list[Ids]:
    """Key theft: with the stolen key, replace green tokens by red ones until no more than gamma are green.

    A token is replaced by the likeliest red one of 20. This is the strongest attack on a mark: nothing of it is
    left to learn, and the text is paid for in quality.
    """
    suspect = TrigramSuspect(model, "thief")
    slot, width = np.uint64(key.slot), mark.context_width
    cleaned = []
    for tokens in sequences:
        out = tokens.copy()
        contexts = np.lib.stride_tricks.sliding_window_view(out, width)[:-1].astype(np.int64)
        green = _green(key, mark, contexts, out[width:].astype(np.int64), slot)
        excess = (green.mean() - mark.gamma) / max(green.mean() * (1 - mark.gamma), 1e-9)
        ids, _ = suspect.top_probs(out)
        for at in np.nonzero(green & (rng.random(len(green)) < excess))[0] + width:
            context = np.repeat(out[at - width : at].astype(np.int64)[None], 20, axis=0)
            red = ~_green(key, mark, context, ids[at - 1].astype(np.int64), slot)
            if red.any():
                out[at] = ids[at - 1][int(np.argmax(red))]
        cleaned.append(out)
    return cleaned


def _green(
    key: Key, mark: Mark, contexts: npt.NDArray[np.int64], tokens: npt.NDArray[np.int64], slot: np.uint64
) -> npt.NDArray[np.bool_]:
    words = green_words(key, np.ascontiguousarray(contexts), tokens, mark.gamma, mark.prf)
    return ((words >> slot) & np.uint64(1)).astype(np.bool_)
