"""Score sealed pairs on a suspect and a reference, and test them.

Only pairs under a published head count: a pair that was sealed after the last head could have been made up
yesterday. The reference is put through the same test on its own: it was not trained on what was served, so its
signs must look like fair coins; where they do not, the coins, the reference or the log are not what they seem,
and no verdict is given.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hydrascope.errors import InputError, RefusalError
from hydrascope.watermark.audit_weights import ChunkFolder, Tell
from hydrascope.watermark.suspect import Suspect, need
from hydrascope.watermark.twins import SealedTwin
from hydrascope.watermark.twins_sign import TwinResult, sign_log10_p, trace_twins
from hydrascope.watermark.twins_store import TwinStore

__all__ = ["ScoredPair", "TwinAudit", "control_log10_p", "differences", "score_twins", "write_twin_audit"]

MIN_CONTROL_LOG10_P = -4.0
"""Two-sided; a reference whose own signs are less likely than this stops the verdict."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredPair:
    """One pair with its log-likelihoods, nats. `twin` is the answer that was held back."""

    index: int
    """Place in the store's log."""
    suspect_served: float
    suspect_twin: float
    reference_served: float | None
    reference_twin: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TwinAudit:
    """The test on one suspect."""

    suspect: str
    suspect_fingerprint: str
    reference: str | None
    reference_fingerprint: str | None
    head: str
    """Hash of the head the pairs lie under."""
    n_sealed: int
    """Pairs under that head, of every account."""
    fwer: float
    pairs: tuple[ScoredPair, ...]
    control_log10_p: float | None
    """Two-sided sign test of the reference alone."""
    results: tuple[TwinResult, ...]


def differences(pairs: Sequence[ScoredPair]) -> npt.NDArray[np.float64]:
    """(n,) served minus twin, suspect minus reference."""
    own = np.array([p.suspect_served - p.suspect_twin for p in pairs], np.float64)
    return own - np.array([(p.reference_served or 0.0) - (p.reference_twin or 0.0) for p in pairs])


def control_log10_p(pairs: Sequence[ScoredPair]) -> float | None:
    """log10 of the two-sided exact sign test of the reference alone; None without a reference."""
    if not pairs or pairs[0].reference_served is None:
        return None
    d = np.array([(p.reference_served or 0.0) - (p.reference_twin or 0.0) for p in pairs])
    wins, losses = int((d > 0).sum()), int((d < 0).sum())
    return min(sign_log10_p(max(wins, losses), wins + losses) + math.log10(2.0), 0.0)


def _score(
    pair: SealedTwin, suspect: Suspect, reference: Suspect | None
) -> dict[str, npt.NDArray[np.float64]]:
    scores = [suspect.sequence_logprob(pair.prompt, text) for text in (pair.served_answer, pair.held_back)]
    if reference is not None:
        scores += [
            reference.sequence_logprob(pair.prompt, text) for text in (pair.served_answer, pair.held_back)
        ]
    return {"scores": np.array(scores, np.float64)}


def score_twins(
    store: TwinStore,
    suspect: Suspect,
    reference: Suspect | None,
    *,
    accounts: Sequence[str] | None,
    fwer: float,
    work: Path,
    tell: Tell = lambda done, total: None,
) -> tuple[TwinAudit, list[SealedTwin]]:
    """Score and test the pairs of `accounts` (None: all) that lie under the store's last head.

    Args:
        store: open store.
        suspect: must give log-probabilities.
        reference: a model that was not trained on what was served; None makes the test weaker, not wrong.
        work: folder for finished scores.

    Raises:
        RefusalError: no log-probabilities, no head, too few pairs, or a reference that fails its control.
    """
    need(suspect, "sequence_logprob")
    if reference is not None:
        need(reference, "sequence_logprob")
    if not store.heads:
        raise RefusalError(
            "the store has no head: nothing shows when its pairs were sealed",
            hint="hydrascope watermark twins head STORE, and publish the hash",
        )
    head = store.heads[-1]
    told = {
        "suspect": suspect.fingerprint,
        "reference": reference.fingerprint if reference else None,
        "head": head.hash,
        "accounts": sorted(accounts) if accounts is not None else None,
    }
    chunks = ChunkFolder(work, told)
    chosen = [(i, pair) for i, pair in store.pairs(accounts) if i < head.size]
    if not chosen:
        raise RefusalError(
            "no sealed pair of these accounts lies under a head", hint="check --account, or close a head"
        )
    scored = []
    for done, (index, pair) in enumerate(chosen, 1):
        held = chunks.read(index)
        if held is None:
            held = _score(pair, suspect, reference)
            chunks.write(index, held)
        scored.append(_scored(index, held["scores"]))
        tell(done, len(chosen))
    pairs = [pair for _, pair in chosen]
    control = control_log10_p(scored)
    if control is not None and control < MIN_CONTROL_LOG10_P:
        raise RefusalError(
            f"the reference itself tells served answers from twins (log10 p {control:.1f}): no verdict",
            hint="it was trained on what was served, or the coins were not fair; take another reference",
        )
    results = trace_twins(
        differences(scored), [p.account_id for p in pairs], [p.cluster_id for p in pairs], fwer=fwer
    )
    audit = TwinAudit(
        suspect=suspect.name,
        suspect_fingerprint=suspect.fingerprint,
        reference=reference.name if reference else None,
        reference_fingerprint=reference.fingerprint if reference else None,
        head=head.hash,
        n_sealed=head.size,
        fwer=fwer,
        pairs=tuple(scored),
        control_log10_p=control,
        results=tuple(results),
    )
    return audit, pairs


def _scored(index: int, scores: npt.NDArray[np.float64]) -> ScoredPair:
    values = [float(x) for x in scores]
    reference = values[2:] if len(values) == 4 else [None, None]
    return ScoredPair(
        index=index,
        suspect_served=values[0],
        suspect_twin=values[1],
        reference_served=reference[0],
        reference_twin=reference[1],
    )


def write_twin_audit(folder: Path, audit: TwinAudit) -> None:
    """Write `twins.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"version": 1, **asdict(audit)}, indent=1, sort_keys=True) + "\n"
    (folder / "twins.json").write_text(text, encoding="utf-8")


def read_twin_audit(folder: Path) -> Mapping[str, object]:
    """`twins.json` as a mapping.

    Raises:
        InputError: there is none.
    """
    try:
        told: dict[str, object] = json.loads((folder / "twins.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"no twin test here: {error}", file=str(folder)) from None
    return told
