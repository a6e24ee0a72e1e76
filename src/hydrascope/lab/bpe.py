"""Learn the merges of the small byte-level BPE tokeniser (Sennrich et al. 2016)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import pairwise

import numpy as np

from hydrascope.watermark.suspect_bpe import BpeTokenizer, split_words

__all__ = ["train_bpe"]

Pair = tuple[int, int]


def train_bpe(texts: Iterable[str], vocab_size: int = 2048, *, n_words: int = 15_000) -> BpeTokenizer:
    """Merge the most frequent pair, again and again, over the most frequent words.

    Args:
        texts: training text.
        vocab_size: bytes and merges.
        n_words: distinct words that are looked at; rare ones add little and cost time.
    """
    counts = Counter(word for text in texts for word in split_words(text))
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:n_words]
    words = [list(word.encode()) for word, _ in ranked]
    weights = [count for _, count in ranked]
    pairs, places = _count_pairs(words, weights)
    merges: list[Pair] = []
    while len(merges) < vocab_size - 256 and pairs:
        best = max(pairs, key=lambda pair: (pairs[pair], -pair[0], -pair[1]))
        if pairs[best] < 2:
            break
        merges.append(best)
        _apply(best, 255 + len(merges), words, weights, pairs, places)
    return BpeTokenizer(np.array(merges, np.int32).reshape(-1, 2))


def _count_pairs(words: list[list[int]], weights: list[int]) -> tuple[Counter[Pair], dict[Pair, set[int]]]:
    pairs: Counter[Pair] = Counter()
    places: dict[Pair, set[int]] = defaultdict(set)
    for i, word in enumerate(words):
        for pair in pairwise(word):
            pairs[pair] += weights[i]
            places[pair].add(i)
    return pairs, places


def _apply(
    best: Pair,
    new: int,
    words: list[list[int]],
    weights: list[int],
    pairs: Counter[Pair],
    places: dict[Pair, set[int]],
) -> None:
    """Rewrite only the words that hold the pair, keeping the counts right."""
    for i in places.pop(best):
        before = words[i]
        after = _merged(before, best, new)
        for pair in pairwise(before):
            pairs[pair] -= weights[i]
        for pair in pairwise(after):
            pairs[pair] += weights[i]
            places[pair].add(i)
        words[i] = after
    pairs.pop(best, None)


def _merged(word: list[int], best: Pair, new: int) -> list[int]:
    out: list[int] = []
    at = 0
    while at < len(word):
        if at + 1 < len(word) and (word[at], word[at + 1]) == best:
            out.append(new)
            at += 2
        else:
            out.append(word[at])
            at += 1
    return out
