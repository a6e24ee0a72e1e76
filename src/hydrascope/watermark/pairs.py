"""From token sequences to the set of distinct (context, token) pairs that a test may count.

Each distinct pair is one PRF input, so its coin is drawn once. Counting a pair twice counts one coin twice:
without corpus-wide deduplication a quarter of random keys reach p < 1e-6. Every rule here looks at tokens only,
never at a key, so that the coins of what is left are still fair.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["SeenPairs", "dedup_pairs", "keep_served", "served_contexts", "windows"]

Ids = npt.NDArray[np.int64]
_EMPTY: Ids = np.empty(0, dtype=np.int64)


def windows(tokens: npt.ArrayLike, width: int, *, pad: int | None = None) -> tuple[Ids, Ids]:
    """Every (context, token) of one sequence, in order.

    Args:
        tokens: token ids.
        width: context width.
        pad: what stands before the first token (vLLM: -1); None leaves the first `width` tokens out.

    Returns:
        contexts (n, width) and tokens (n,), int64.
    """
    ids = np.asarray(tokens, dtype=np.int64).ravel()
    if pad is not None and len(ids):
        ids = np.concatenate([np.full(width, pad, dtype=np.int64), ids])
    if len(ids) <= width:
        return np.empty((0, width), dtype=np.int64), _EMPTY
    view = np.lib.stride_tricks.sliding_window_view(ids, width + 1)
    return np.ascontiguousarray(view[:, :width]), np.ascontiguousarray(view[:, width])


def dedup_pairs(
    tokens_list: Iterable[npt.ArrayLike],
    width: int,
    *,
    prompts: Sequence[npt.ArrayLike] | None = None,
    masks: Sequence[npt.ArrayLike] | None = None,
    pad: int | None = None,
) -> tuple[Ids, Ids]:
    """Distinct (context, token) pairs of a corpus, sorted; the order of texts does not matter.

    Args:
        tokens_list: one sequence of token ids for each text.
        width: context width.
        prompts: token ids of each text's prompt; contexts that occur in a text's own prompt are dropped, since
            what follows them may be copied from it.
        masks: for each text, True where a token may be counted (`schemes.gates`).
        pad: see `windows`.

    Returns:
        contexts (n, width) and tokens (n,), int64.
    """
    parts = []
    for i, tokens in enumerate(tokens_list):
        contexts, nexts = windows(tokens, width, pad=pad)
        keep = np.ones(len(nexts), dtype=np.bool_)
        if masks is not None and len(nexts):
            keep &= np.asarray(masks[i], dtype=np.bool_)[-len(nexts) :]
        if prompts is not None:
            keep &= ~_member_rows(contexts, _context_rows(prompts[i], width))
        parts.append(np.column_stack([contexts, nexts])[keep])
    rows = _unique_rows(np.concatenate(parts) if parts else np.empty((0, width + 1), dtype=np.int64))
    return np.ascontiguousarray(rows[:, :width]), np.ascontiguousarray(rows[:, width])


def served_contexts(tokens_list: Iterable[npt.ArrayLike], width: int) -> Ids:
    """Distinct contexts of texts that were served, shape (n, width), sorted."""
    parts = [_context_rows(tokens, width) for tokens in tokens_list]
    return _unique_rows(np.concatenate(parts) if parts else np.empty((0, width), dtype=np.int64))


def keep_served(contexts: Ids, tokens: Ids, served: Ids) -> tuple[Ids, Ids]:
    """Only the pairs whose context was served.

    By context, never by pair: served pairs lean green under the true key whoever reads them.
    """
    keep = _member_rows(contexts, served)
    return contexts[keep], tokens[keep]


class SeenPairs:
    """Remembers pairs over a sequential audit, so that each is counted once however often it comes."""

    def __init__(self) -> None:
        self._seen: set[bytes] = set()

    def __len__(self) -> int:
        return len(self._seen)

    def observe(self, contexts: npt.ArrayLike, tokens: npt.ArrayLike) -> tuple[Ids, Ids]:
        """The pairs that were never seen before, in order of first appearance."""
        context, token = np.asarray(contexts, dtype=np.int64), np.asarray(tokens, dtype=np.int64)
        fresh = []
        for i, row in enumerate(np.column_stack([context, token])):
            name = row.tobytes()
            if name not in self._seen:
                self._seen.add(name)
                fresh.append(i)
        return context[fresh], token[fresh]


def _context_rows(tokens: npt.ArrayLike, width: int) -> Ids:
    ids = np.asarray(tokens, dtype=np.int64).ravel()
    if len(ids) < width:
        return np.empty((0, width), dtype=np.int64)
    return np.ascontiguousarray(np.lib.stride_tricks.sliding_window_view(ids, width))


def _unique_rows(rows: Ids) -> Ids:
    """Sorted distinct rows; lexsort on columns is several times faster than `np.unique(axis=0)`."""
    if len(rows) < 2:
        return rows
    rows = rows[np.lexsort(rows.T[::-1])]
    fresh = np.ones(len(rows), dtype=np.bool_)
    fresh[1:] = (rows[1:] != rows[:-1]).any(axis=1)
    return rows[fresh]


def _member_rows(rows: Ids, known: Ids) -> npt.NDArray[np.bool_]:
    """Which rows occur in `known`."""
    if len(rows) == 0 or len(known) == 0:
        return np.zeros(len(rows), dtype=np.bool_)
    void = np.dtype((np.void, rows.dtype.itemsize * rows.shape[1]))
    left = np.ascontiguousarray(rows).view(void).ravel()
    return np.isin(left, np.ascontiguousarray(known).view(void).ravel())
