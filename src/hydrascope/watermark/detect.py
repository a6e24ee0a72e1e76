"""Detects committed keys in a corpus, with decoys beside them, and says what may be claimed.

pairs    corpus-wide distinct (context, token), prose only, prompts' own contexts dropped, perhaps served only
scores   every committed key of the tokenizer at once; keys that could not be tested count with p = 1
decoys   keys that marked nothing, over the same pairs; if theirs is not uniform, there is no verdict
claims   Holm inside each level, gates between (`attribute`)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
from scipy import stats

from hydrascope.errors import RefusalError
from hydrascope.watermark.attribute import Claim, Gate, KeyResult, attribute
from hydrascope.watermark.encoding import Tokenizer
from hydrascope.watermark.keys import decoy_keys
from hydrascope.watermark.marks import Mark, Scheme
from hydrascope.watermark.pairs import dedup_pairs, keep_served, served_contexts
from hydrascope.watermark.pvalues import uniform_ks
from hydrascope.watermark.registry import Committed, Registry
from hydrascope.watermark.score import METHODS, calibration_p, pad_of, score_keys
from hydrascope.watermark.texts import Encoded

__all__ = [
    "KS_FLOOR",
    "MIN_PAIRS",
    "Decoys",
    "DetectSettings",
    "Detection",
    "MarkReport",
    "detect",
    "pairs_of",
]

MIN_PAIRS = 32
"""Fewer distinct pairs than this are refused: nothing could be said."""
KS_FLOOR = 1e-3
"""No verdict where decoys are this far from uniform."""
_AFFORDABLE = {Scheme.HF_KGW: 40, Scheme.HF_SYNTHID: 400}

Ids = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectSettings:
    """What a detection is allowed to assume."""

    alpha: float = 0.01
    """Chance that any claim is false, at most."""
    n_decoys: int = 2000
    """Decoy keys (fewer for transformers' marks, whose lists are slow to rebuild)."""
    seed: int = 0
    """Seed of the decoys."""
    gated: bool = True
    """Whether a narrower level waits for the wider one."""
    collected_at: datetime | None = None
    """When the texts were collected: keys committed later are not tested."""
    n_vocabulary: int | None = None
    """Vocabulary of the model where it differs from the tokenizer's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoys:
    """What keys that marked nothing look like on the same pairs."""

    n: int
    ks_p: float
    """Kolmogorov-Smirnov p-value of their p-values against uniform."""
    side: str
    """two-sided, or greater (bounds may only be too large)."""
    best_log10_p: float
    """The smallest p among them."""

    @property
    def calibrated(self) -> bool:
        """Whether a verdict may be given."""
        return self.ks_p >= KS_FLOOR


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkReport:
    """One mark's pairs and decoys."""

    mark: str
    method: str
    n_keys: int
    n_pairs: int
    n_pairs_before_filter: int
    decoys: Decoys


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """Everything a detection found, and what it may claim."""

    registry_head: str
    """Hash that fixes which keys were committed."""
    deployment: str
    tokenizer: str
    n_texts: int
    n_tokens: int
    n_keys: int
    """Committed keys: the number of tests."""
    n_tested: int
    """Of which speak this tokenizer and were committed in time."""
    alpha: float
    marks: tuple[MarkReport, ...]
    results: tuple[KeyResult, ...]
    """One for each committed key, strongest first; empty where decoys are not uniform."""
    gates: tuple[Gate, ...]
    claims: tuple[Claim, ...]
    verdict: str
    """found, not found, or withheld."""


def pairs_of(mark: Mark, encoded: Encoded) -> tuple[Ids, Ids]:
    """Distinct pairs of a corpus that a mark's test may count; engine-native marks do not skip code."""
    masks = None if mark.native else encoded.masks
    return dedup_pairs(
        encoded.tokens, mark.context_width, prompts=encoded.prompts, masks=masks, pad=pad_of(mark)
    )


def detect(
    registry: Registry,
    root: bytes,
    encoded: Encoded,
    tokenizer: Tokenizer,
    settings: DetectSettings,
    *,
    served: Encoded | None = None,
) -> Detection:
    """Tests every committed key on a corpus.

    Args:
        registry: checked registry; its keys are the tests.
        root: derives the keys; each must open its commitment.
        encoded: the corpus in `tokenizer`'s ids.
        tokenizer: must be the one the keys were committed for.
        settings: error rate, decoys, gates.
        served: texts that were served; only their contexts are then counted.

    Raises:
        RefusalError: no key speaks this tokenizer, or too few distinct pairs are left.
    """
    tested = testable(registry, tokenizer, settings.collected_at)
    found = [
        _detect_mark(registry, root, group, encoded, tokenizer, settings, served) for group in _groups(tested)
    ]
    reports = tuple(report for report, _ in found)
    results = [result for _, some in found for result in some]
    calibrated = all(report.decoys.calibrated for report in reports)
    untested = _untested(registry, tested)
    gates, claims = (
        attribute(results + untested, alpha=settings.alpha, gated=settings.gated) if calibrated else ((), ())
    )
    return Detection(
        registry_head=registry.head,
        deployment=registry.deployment,
        tokenizer=tokenizer.fingerprint,
        n_texts=len(encoded.tokens),
        n_tokens=encoded.n_tokens,
        n_keys=len(registry.keys),
        n_tested=len(tested),
        alpha=settings.alpha,
        marks=reports,
        results=tuple(sorted(results, key=lambda r: (r.log10_p, r.key_id))) if calibrated else (),
        gates=gates,
        claims=claims,
        verdict="withheld" if not calibrated else "found" if claims else "not found",
    )


def _untested(registry: Registry, tested: Sequence[Committed]) -> list[KeyResult]:
    """Committed keys that could not be tested: they count, with p = 1."""
    done = {key.key_id for key in tested}
    return [_result(key, "not tested", 0.0, 0, 0.0) for key in registry.keys if key.key_id not in done]


def testable(registry: Registry, tokenizer: Tokenizer, collected_at: datetime | None) -> list[Committed]:
    """Keys that speak `tokenizer` and were committed before the texts were collected."""
    if not registry.keys:
        raise RefusalError("the registry holds no key", hint="`hydrascope watermark keys add` commits to one")
    spoken = [key for key in registry.keys if key.tokenizer == tokenizer.fingerprint]
    if not spoken:
        known = ", ".join(sorted({key.tokenizer for key in registry.keys}))
        raise RefusalError(
            f"no committed key speaks the tokenizer {tokenizer.fingerprint}",
            hint=f"the registry's keys speak {known}; another tokenizer's ids carry no mark, so no p-value",
        )
    early = [
        k for k in spoken if collected_at is None or datetime.fromisoformat(k.committed_at) <= collected_at
    ]
    if not early:
        raise RefusalError(
            "every key was committed after the texts were collected",
            hint="a key chosen after the fact proves nothing; check --collected-at",
        )
    return early


def _groups(keys: Sequence[Committed]) -> list[list[Committed]]:
    groups: dict[str, list[Committed]] = {}
    for key in keys:
        groups.setdefault(key.mark.label, []).append(key)
    return [groups[label] for label in sorted(groups)]


def _detect_mark(
    registry: Registry,
    root: bytes,
    group: Sequence[Committed],
    encoded: Encoded,
    tokenizer: Tokenizer,
    settings: DetectSettings,
    served: Encoded | None,
) -> tuple[MarkReport, list[KeyResult]]:
    mark = group[0].mark
    contexts, tokens = pairs_of(mark, encoded)
    n_before = len(tokens)
    if served is not None:
        contexts, tokens = keep_served(contexts, tokens, served_contexts(served.tokens, mark.context_width))
    check_pairs(len(tokens), n_before)
    n_vocabulary = settings.n_vocabulary or tokenizer.n_vocabulary
    keys = [registry.secret(root, committed) for committed in group]
    scores = score_keys(mark, keys, contexts, tokens, n_vocabulary=n_vocabulary)
    results = [
        _result(committed, METHODS[mark.scheme], float(statistic), int(n), float(log10_p))
        for committed, statistic, n, log10_p in zip(
            group, scores.statistic, scores.n, scores.log10_p, strict=True
        )
    ]
    report = MarkReport(
        mark=mark.label,
        method=METHODS[mark.scheme],
        n_keys=len(group),
        n_pairs=len(tokens),
        n_pairs_before_filter=n_before,
        decoys=_decoys(mark, contexts, tokens, settings, n_vocabulary),
    )
    return report, results


def check_pairs(n_pairs: int, n_before: int) -> None:
    """Refuses a corpus with next to nothing to count."""
    if n_pairs < MIN_PAIRS:
        lost = (
            f", {n_before - n_pairs} more have contexts that were never served" if n_before > n_pairs else ""
        )
        raise RefusalError(
            f"only {n_pairs} distinct (context, token) pairs{lost}: too few for any statement",
            hint=f"give at least {MIN_PAIRS}; thousands are usual",
        )


def _decoys(
    mark: Mark, contexts: Ids, tokens: Ids, settings: DetectSettings, n_vocabulary: int | None
) -> Decoys:
    n = min(settings.n_decoys, _AFFORDABLE.get(mark.scheme, settings.n_decoys))
    keys = decoy_keys(settings.seed, n, sliced=mark.sliced)
    scores = score_keys(mark, keys, contexts, tokens, n_vocabulary=n_vocabulary)
    p, side = calibration_p(mark, scores, settings.seed)
    ks = (
        uniform_ks(p)
        if side == "two-sided"
        else float(stats.kstest(p, "uniform", alternative="greater").pvalue)
    )
    return Decoys(n=n, ks_p=ks, side=side, best_log10_p=float(scores.log10_p.min()))


def _result(key: Committed, method: str, statistic: float, n: int, log10_p: float) -> KeyResult:
    return KeyResult(
        key_id=key.key_id,
        level=key.path.level,
        subject=key.path.subject,
        epoch=key.path.epoch,
        mark=key.mark.label,
        method=method,
        statistic=statistic,
        n=n,
        log10_p=log10_p,
        revoked=key.revoked_at is not None,
        committed_at=key.committed_at,
    )
