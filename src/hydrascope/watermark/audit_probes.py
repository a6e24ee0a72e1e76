"""What the suspect is asked: natural text, or what was served under each key.

Rules that keep the null exact. Within one fed text a context counts only where it occurs for the first time:
later on, the text fed before it may already have been chosen by the mark of that very context, and a suspect
that merely copies would lean green. Which contexts are asked about never depends on which tokens are green.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from hydrascope.errors import InputError, RefusalError
from hydrascope.watermark.suspect import Tokenizer

__all__ = [
    "NATURAL",
    "SERVED",
    "Probe",
    "ServedExchange",
    "first_seen",
    "natural_probes",
    "read_served",
    "served_probes",
]

NATURAL, SERVED = "natural", "served"
"""Groups of probes that serve every key; other groups are named by the id of the key that marked them."""
MIN_TOKENS = 16
"""A text shorter than this asks the suspect nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedExchange:
    """One answer that went out."""

    exchange_id: str
    account_id: str
    prompt: str
    completion: str
    key_id: str | None
    """Key that marked it; None where the log does not say."""


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """A text to feed.

    Attributes:
        group: `NATURAL`, `SERVED` or a key id.
        tokens: (n,) ids of the marked text's tokeniser.
        start: contexts that end before this place are not asked about.
    """

    group: str
    tokens: npt.NDArray[np.int32]
    start: int


def _rows(path: Path) -> Iterable[dict[str, Any]]:
    if path.suffix == ".parquet":
        yield from pq.read_table(path).to_pylist()
        return
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8")
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                yield json.loads(line)
            except ValueError:
                raise InputError("not a JSON line", file=str(path), line=number) from None


def read_served(paths: Sequence[Path]) -> tuple[list[ServedExchange], str]:
    """Read served exchanges (JSONL, .gz, Parquet) and the digest of the files.

    Columns: exchange_id, account_id, prompt, completion; watermark_key where the gateway logged it. Rows without a
    completion are skipped. Sorted by exchange id, so that the order of files does not matter.

    Raises:
        InputError: a file cannot be read, a needed column is missing, or no row has a completion.
    """
    served, digests = [], []
    for path in paths:
        try:
            digests.append(hashlib.sha256(path.read_bytes()).hexdigest())
            rows = list(_rows(path))
        except (OSError, UnicodeDecodeError, gzip.BadGzipFile) as error:
            raise InputError(f"cannot read a log of served exchanges: {error}", file=str(path)) from None
        for number, row in enumerate(rows, 1):
            if not isinstance(row, dict) or not {"exchange_id", "account_id", "prompt"} <= row.keys():
                raise InputError(
                    "a served exchange needs exchange_id, account_id, prompt and completion",
                    file=str(path),
                    line=number,
                )
            if row.get("completion"):
                served.append(_exchange(row))
    if not served:
        raise InputError("no exchange with a completion was found", file=str(paths[0]) if paths else None)
    digest = hashlib.sha256("".join(sorted(digests)).encode()).hexdigest()
    return sorted(served, key=lambda s: s.exchange_id), digest


def _exchange(row: dict[str, Any]) -> ServedExchange:
    return ServedExchange(
        exchange_id=str(row["exchange_id"]),
        account_id=str(row["account_id"]),
        prompt=str(row["prompt"] or ""),
        completion=str(row["completion"]),
        key_id=row.get("watermark_key") or None,
    )


def served_probes(served: Iterable[ServedExchange], tokenizer: Tokenizer, *, limit: int) -> list[Probe]:
    """Prompt and completion of each exchange, asked about from the completion on.

    Args:
        limit: probes for each group; the first by hash of the exchange id, so that files may come in any order.
    """
    ranked = sorted(served, key=lambda s: hashlib.blake2b(s.exchange_id.encode(), digest_size=8).digest())
    counts: dict[str, int] = {}
    probes = []
    for exchange in ranked:
        group = exchange.key_id or SERVED
        if counts.get(group, 0) < limit:
            before = tokenizer.encode(exchange.prompt)
            after = tokenizer.encode(exchange.completion)
            if len(after) >= MIN_TOKENS:
                probes.append(Probe(group, np.concatenate([before, after]), len(before)))
                counts[group] = counts.get(group, 0) + 1
    return probes


def natural_probes(text: str, tokenizer: Tokenizer, *, limit: int, length: int = 256) -> list[Probe]:
    """Pieces of a natural text that no key has marked.

    Raises:
        RefusalError: the text is empty or a token or two.
    """
    tokens = tokenizer.encode(text)
    if len(tokens) < MIN_TOKENS:
        raise RefusalError(
            f"the probe text has {len(tokens)} tokens; at least {MIN_TOKENS} are needed",
            hint="give a few pages of ordinary text in the language of the suspect",
        )
    pieces = [tokens[i : i + length] for i in range(0, len(tokens), length)]
    return [Probe(NATURAL, piece, 0) for piece in pieces[:limit] if len(piece) >= MIN_TOKENS]


def first_seen(tokens: npt.NDArray[np.int32], width: int, start: int) -> npt.NDArray[np.intp]:
    """Places i such that the context `tokens[i - width + 1:i + 1]` occurs there for the first time, i >= start - 1.

    >>> first_seen(np.array([1, 2, 1, 2, 3]), 2, 0).tolist()
    [1, 2, 4]
    """
    if len(tokens) < width:
        return np.empty(0, np.intp)
    windows = np.lib.stride_tricks.sliding_window_view(tokens, width)
    _, first = np.unique(windows, axis=0, return_index=True)
    places = np.sort(first) + width - 1
    return places[places >= start - 1]
