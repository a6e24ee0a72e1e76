"""The twins' part of a dossier: from the public log, openings and scores to the claims."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hydrascope.errors import RefusalError
from hydrascope.watermark.merkle import Head, first_broken_head, root_from_proof
from hydrascope.watermark.twins import (
    PairOpening,
    SealedTwin,
    coin_commitment,
    seed_commitment,
    text_digest,
    toss_coin,
)
from hydrascope.watermark.twins_audit import (
    MIN_CONTROL_LOG10_P,
    ScoredPair,
    control_log10_p,
    differences,
)
from hydrascope.watermark.twins_sign import trace_twins
from hydrascope.watermark.twins_store import LogLine, StoreStatement

__all__ = ["LOG", "PAIRS", "derive_twins", "pair_line"]

LOG, PAIRS = "twins-log.jsonl", "twins-pairs.jsonl"
Problems = list[str]


def pair_line(
    pair: SealedTwin, score: ScoredPair, tag: str, proof: Sequence[bytes], *, with_text: bool
) -> dict[str, Any]:
    """One opened pair as the dossier shows it; the texts only where they are asked for."""
    line: dict[str, Any] = asdict(score) | {
        "opening": asdict(pair.opening),
        "served": pair.served,
        "coin_salt": pair.coin_salt.hex(),
        "tag": tag,
        "proof": [step.hex() for step in proof],
    }
    if with_text:
        texts = {"prompt": pair.prompt, "answers": list(pair.answers), "text_salt": pair.text_salt}
        return line | {"texts": texts}
    return line


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line]


def derive_twins(folder: Path, told: Mapping[str, Any], problems: Problems) -> dict[str, Any]:
    """Check statement, coins, log, heads, openings and completeness; then the tests.

    Raises:
        RefusalError: the scores do not carry a test.
    """
    statement = StoreStatement(**told["statement"])
    seed = bytes.fromhex(told["coin_seed"])
    if seed_commitment(seed) != statement.seed_commitment:
        problems.append("twins: the coin seed does not match the commitment made when the store was opened")
    log = [LogLine(**line) for line in _lines(folder / LOG)]
    heads = [Head(**head) for head in told["heads"]]
    wrong = first_broken_head(heads, [line.leaf for line in log], start=statement.hash)
    if wrong:
        problems.append(f"twins: {wrong}")
    head = heads[-1]
    rows = _lines(folder / PAIRS)
    openings = [_opening(row) for row in rows]
    for row, opening in zip(rows, openings, strict=True):
        problems += _wrong_pair(row, opening, log, head, seed)
    problems += _left_out(rows, openings, log[: head.size])
    return {"head": head.hash, "head_at": head.at, "n_sealed": head.size} | _tests(rows, openings, told)


def _tests(
    rows: Sequence[Mapping[str, Any]], openings: Sequence[PairOpening], told: Mapping[str, Any]
) -> dict[str, Any]:
    scored = [ScoredPair(**{name: row[name] for name in ScoredPair.__slots__}) for row in rows]
    control = control_log10_p(scored)
    if control is not None and control < MIN_CONTROL_LOG10_P:
        raise RefusalError(f"the reference itself tells served answers from twins (log10 p {control:.1f})")
    results = trace_twins(
        differences(scored),
        [o.account_id for o in openings],
        [o.cluster_id for o in openings],
        fwer=float(told["fwer"]),
    )
    return {
        "n_opened": len(rows),
        "n_accounts": len({o.account_id for o in openings}),
        "control_log10_p": control,
        "results": [asdict(result) for result in results],
    }


def _opening(row: Mapping[str, Any]) -> PairOpening:
    fields = dict(row["opening"])
    first, second = fields.pop("answer_digests")
    return PairOpening(**fields, answer_digests=(first, second))


def _wrong_pair(
    row: Mapping[str, Any], opening: PairOpening, log: Sequence[LogLine], head: Head, seed: bytes
) -> Problems:
    index, name = int(row["index"]), f"twins: pair {row['index']} ({opening.exchange_id})"
    if not 0 <= index < min(head.size, len(log)):
        return [f"{name} does not lie under the last head"]
    line, wrong = log[index], []
    if opening.commitment != line.commitment:
        wrong.append(f"{name}: the opening does not match its commitment")
    if coin_commitment(int(row["served"]), bytes.fromhex(row["coin_salt"])) != line.coin:
        wrong.append(f"{name}: the coin does not match its commitment")
    if toss_coin(seed, opening.exchange_id, opening.commitment) != row["served"]:
        wrong.append(f"{name}: the coin is not the one the seed tosses")
    if row["tag"] != line.tag:
        wrong.append(f"{name}: the tag of its account is another one in the log")
    root = root_from_proof(line.leaf, index, head.size, [bytes.fromhex(step) for step in row["proof"]])
    if root is None or root.hex() != head.root:
        wrong.append(f"{name}: its Merkle proof does not lead to the head")
    return wrong + _wrong_texts(row, opening, name)


def _wrong_texts(row: Mapping[str, Any], opening: PairOpening, name: str) -> Problems:
    if "texts" not in row:
        return []
    salt = row["texts"]["text_salt"]
    shown = (row["texts"]["prompt"], *row["texts"]["answers"])
    if [text_digest(text, salt) for text in shown] != [opening.prompt_digest, *opening.answer_digests]:
        return [f"{name}: a text does not match its digest"]
    return []


def _left_out(
    rows: Sequence[Mapping[str, Any]], openings: Sequence[PairOpening], log: Sequence[LogLine]
) -> Problems:
    """Every sealed pair of an account that is tested must be opened, or the losing ones could be hidden."""
    account_of: dict[str, str] = {}
    problems = []
    for row, opening in zip(rows, openings, strict=True):
        if account_of.setdefault(row["tag"], opening.account_id) != opening.account_id:
            problems.append(f"twins: the tag of pair {row['index']} stands for two accounts")
    shown = [int(row["index"]) for row in rows]
    opened = set(shown)
    if len(opened) != len(shown):
        problems.append("twins: a pair is counted twice")
    hidden = [i for i, line in enumerate(log) if line.tag in account_of and i not in opened]
    if hidden:
        problems.append(
            f"twins: {len(hidden)} sealed pairs of tested accounts are left out, the first at place {hidden[0]}"
        )
    return problems
