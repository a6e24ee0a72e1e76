"""Audit a suspect: was it trained on text that our keys marked?

    weights   open weights: suspect minus reference at every (context, token) of the probes
    top       the same on the top-k that an API returns for a prompt
    text      marks counted in sampled, re-encoded answers
    auto      the strongest of these that the suspect can carry

Every key in the registry counts as a test, whether or not it could be computed, and Holm's correction runs over
all of them: with keys that mark disjoint traffic (a cluster's, the rest of the deployment's) there is no level
above that must fall first, so one family holds the error of every accusation at once.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from hydrascope.errors import InputError, RefusalError, UsageError
from hydrascope.watermark.audit_probes import (
    NATURAL,
    SERVED,
    Probe,
    ServedExchange,
    natural_probes,
    served_probes,
)
from hydrascope.watermark.audit_text import count_items, sample_suspect
from hydrascope.watermark.audit_weights import ChunkFolder, Tell, weigh_probes
from hydrascope.watermark.keys import Key
from hydrascope.watermark.marks import Mark, Scheme
from hydrascope.watermark.pvalues import holm
from hydrascope.watermark.radioactivity import MIN_ITEMS, Items
from hydrascope.watermark.registry import Committed, Registry
from hydrascope.watermark.suspect import Suspect, Tokenizer, need, same_tokenizer
from hydrascope.watermark.trace import Decoys, KeyTest, MarkTest, decoy_check

__all__ = [
    "AuditResult",
    "AuditSettings",
    "Evidence",
    "KeyResult",
    "audit_suspect",
    "read_items",
    "write_audit",
]

Mode = Literal["auto", "weights", "top", "text"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSettings:
    """What an audit depends on besides its inputs."""

    mode: Mode = "auto"
    fwer: float = 0.01
    """Family-wise error over every committed key."""
    n_decoys: int = 2000
    seed: int = 0
    """Of decoys and sampled answers."""
    probes_per_key: int = 400
    """Served exchanges fed, or prompts sampled, for each key."""
    natural_pieces: int = 400
    """Pieces of natural text fed."""
    least_weight: float = 1e-3
    """Smaller weights are dropped."""
    most_weight: float = 0.1
    """Larger weights are held there (`radioactivity.clipped`)."""
    most_items: int = 300_000
    """Strongest items kept for each key."""
    answer_tokens: int = 128
    """Length of sampled answers (mode "text")."""

    def __post_init__(self) -> None:
        if not 0 < self.fwer < 1:
            raise UsageError(f"--fwer {self.fwer} is not between 0 and 1")
        if self.n_decoys < 100:
            raise UsageError(
                "fewer than 100 decoys say nothing about calibration", hint="the default is 2000"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyResult:
    """What the audit says of one committed key."""

    key_id: str
    level: str
    subject: str
    group: str
    """Probes it was tested on: its own id, `served` or `natural`."""
    test: KeyTest
    adjusted_log10_p: float
    """Holm over every committed key."""
    traced: bool
    """Below the family-wise error, not revoked, and the decoys of its probes are uniform."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """Items of one group of probes, for one mark, with their decoys."""

    group: str
    mark: Mark
    items: Items
    decoys: Decoys


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditResult:
    """Everything an audit found."""

    mode: str
    suspect: str
    suspect_fingerprint: str
    reference: str | None
    reference_fingerprint: str | None
    tokenizer: str
    registry_head: str
    deployment: str
    n_tests: int
    """Committed keys."""
    settings: AuditSettings
    inputs: Mapping[str, str]
    """Name to digest of logs and probe text."""
    results: tuple[KeyResult, ...]
    """Smallest p first."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """Key id to the reason why it was not tested."""


def _pick_mode(suspect: Suspect, tokenizer: Tokenizer, mode: Mode) -> str:
    if mode != "auto":
        need(suspect, {"weights": "distributions", "top": "top_probs", "text": "text"}[mode])  # type: ignore[arg-type]
        if mode == "weights":
            same_tokenizer(suspect, tokenizer)
        return mode
    if "distributions" in suspect.gives:
        own = suspect.tokenizer
        return "weights" if own is not None and own.fingerprint == tokenizer.fingerprint else "text"
    return "top" if "top_probs" in suspect.gives else "text"


def _testable(registry: Registry, tokenizer: Tokenizer) -> tuple[list[Committed], dict[str, str]]:
    chosen, refused = [], {}
    for key in registry.keys:
        if key.tokenizer != tokenizer.fingerprint:
            refused[key.key_id] = "committed for another tokeniser"
        elif key.mark.scheme not in (Scheme.RED_GREEN, Scheme.GUMBEL):
            refused[key.key_id] = f"{key.mark.scheme} marks are read by `detect`, not by an audit"
        else:
            chosen.append(key)
    if not chosen:
        raise RefusalError(
            "no committed key can be tested: "
            + (next(iter(refused.values())) if refused else "the registry is empty"),
            hint="give the --tokenizer that the keys were committed for",
        )
    return chosen, refused


def audit_suspect(
    suspect: Suspect,
    reference: Suspect | None,
    registry: Registry,
    root: bytes,
    *,
    tokenizer: Tokenizer,
    served: Sequence[ServedExchange],
    natural: str | None,
    inputs: Mapping[str, str],
    settings: AuditSettings,
    work: Path,
    tell: Tell = lambda done, total: None,
) -> tuple[AuditResult, list[Evidence]]:
    """Ask the suspect and test every committed key.

    Args:
        suspect: the model under audit.
        reference: a model that was not trained on our text, best the suspect's own public base.
        registry: committed keys.
        root: secret they are derived from.
        tokenizer: of the marked text.
        served: our logs; probes for the keys they name.
        natural: text for the keys that no log names.
        inputs: name to digest of what was read.
        work: folder for finished chunks; an audit that was cut off goes on from there.
        tell: progress.

    Raises:
        RefusalError: with the reason, wherever a p-value would not mean what it says.
    """
    keys, refused = _testable(registry, tokenizer)
    mode = _pick_mode(suspect, tokenizer, settings.mode)
    if mode != "text" and reference is not None and "distributions" in reference.gives:
        same_tokenizer(reference, tokenizer)
    widths = sorted({key.mark.context_width for key in keys})
    told = {
        "suspect": suspect.fingerprint,
        "reference": reference.fingerprint if reference else None,
        "mode": mode,
        "widths": widths,
        "inputs": dict(inputs),
        "settings": asdict(settings),
    }
    chunks = ChunkFolder(work, told)
    if mode == "text":
        groups = _text_items(suspect, served, tokenizer, widths, settings, chunks, tell)
    else:
        probes = _probes(served, natural, tokenizer, settings)
        groups = weigh_probes(
            probes,
            suspect,
            reference,
            chunks,
            widths=widths,
            least_weight=settings.least_weight,
            most_weight=settings.most_weight,
            most_items=settings.most_items,
            top=mode == "top",
            tell=tell,
        )
    results, evidence = _test_keys(registry, root, keys, groups, settings, refused)
    return (
        AuditResult(
            mode=mode,
            suspect=suspect.name,
            suspect_fingerprint=suspect.fingerprint,
            reference=reference.name if reference and mode != "text" else None,
            reference_fingerprint=reference.fingerprint if reference and mode != "text" else None,
            tokenizer=tokenizer.fingerprint,
            registry_head=registry.head,
            deployment=registry.deployment,
            n_tests=len(registry.keys),
            settings=settings,
            inputs=inputs,
            results=results,
            refused=refused,
        ),
        evidence,
    )


def _probes(
    served: Sequence[ServedExchange], natural: str | None, tokenizer: Tokenizer, settings: AuditSettings
) -> list[Probe]:
    probes = served_probes(served, tokenizer, limit=settings.probes_per_key)
    if natural is not None:
        probes += natural_probes(natural, tokenizer, limit=settings.natural_pieces)
    if not probes:
        raise RefusalError(
            "there is nothing to ask the suspect: no log and no probe text of any length",
            hint="--logs LOG or --probe TEXT",
        )
    return probes


def _text_items(
    suspect: Suspect,
    served: Sequence[ServedExchange],
    tokenizer: Tokenizer,
    widths: Sequence[int],
    settings: AuditSettings,
    chunks: ChunkFolder,
    tell: Tell,
) -> dict[tuple[str, int], Items]:
    by_key: dict[str, list[str]] = {}
    for exchange in served:
        prompts = by_key.setdefault(exchange.key_id or SERVED, [])
        if exchange.prompt and len(prompts) < settings.probes_per_key:
            prompts.append(exchange.prompt)
    asked = [prompt for group in sorted(by_key) for prompt in by_key[group]]
    if not asked:
        raise RefusalError(
            "a text-only suspect is asked the prompts that were served; no log has any", hint="--logs LOG"
        )
    answers = sample_suspect(
        suspect, asked, tokenizer, chunks, n_tokens=settings.answer_tokens, seed=settings.seed, tell=tell
    )
    return count_items(answers, asked, served, tokenizer, widths)


def _group_of(key: Committed, groups: Mapping[tuple[str, int], Items]) -> str | None:
    width = key.mark.context_width
    for group in (key.key_id, SERVED, NATURAL):
        if (group, width) in groups and len(groups[group, width]) >= MIN_ITEMS:
            return group
    return None


def _test_keys(
    registry: Registry,
    root: bytes,
    keys: Sequence[Committed],
    groups: Mapping[tuple[str, int], Items],
    settings: AuditSettings,
    refused: dict[str, str],
) -> tuple[tuple[KeyResult, ...], list[Evidence]]:
    together: dict[tuple[str, str], list[Committed]] = {}
    for key in keys:
        group = _group_of(key, groups)
        if group is None:
            refused[key.key_id] = f"fewer than {MIN_ITEMS} (context, token) items could be asked about"
        else:
            together.setdefault((group, key.mark.label), []).append(key)
    evidence, found = [], []
    for (group, _), members in sorted(together.items()):
        mark = members[0].mark
        test = MarkTest(groups[group, mark.context_width], mark)
        decoys = decoy_check(test, seed=settings.seed, n=settings.n_decoys)
        evidence.append(Evidence(group=group, mark=mark, items=test.items, decoys=decoys))
        secrets: list[Key] = [registry.secret(root, member) for member in members]
        for member, one in zip(members, test.tests(secrets), strict=True):
            found.append((member, group, one, decoys.uniform))
    if not found:
        raise RefusalError("no key could be tested", hint=next(iter(refused.values()), None))
    adjusted = holm([one.log10_p for _, _, one, _ in found], n_tests=len(registry.keys))
    results = [
        KeyResult(
            key_id=member.key_id,
            level=member.path.level.value,
            subject=member.path.subject,
            group=group,
            test=one,
            adjusted_log10_p=float(p),
            traced=bool(p <= math.log10(settings.fwer)) and uniform and member.revoked_at is None,
        )
        for (member, group, one, uniform), p in zip(found, adjusted, strict=True)
    ]
    return tuple(sorted(results, key=lambda r: (r.test.log10_p, r.key_id))), evidence


def write_audit(folder: Path, result: AuditResult, evidence: Sequence[Evidence]) -> None:
    """Write `audit.json` and one `items-*.npz` for each piece of evidence. Same audit, same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    listed = []
    for number, piece in enumerate(evidence):
        name = f"items-{number:04d}.npz"
        held = piece.items
        with (folder / name).open("wb") as out:
            np.savez_compressed(
                out,
                contexts=held.contexts,
                context_of=held.context_of,
                tokens=held.tokens,
                weights=held.weights,
            )
        listed.append(
            {
                "group": piece.group,
                "mark": asdict(piece.mark),
                "items": name,
                "sha256": hashlib.sha256((folder / name).read_bytes()).hexdigest(),
                "decoys": asdict(piece.decoys),
            }
        )
    told = {"version": 1, **asdict(result), "evidence": listed}
    text = json.dumps(told, indent=1, sort_keys=True) + "\n"
    (folder / "audit.json").write_text(text, encoding="utf-8")


def read_items(path: Path) -> Items:
    """Items as `write_audit` wrote them.

    Raises:
        InputError: the file cannot be read or its columns do not fit together.
    """
    try:
        with np.load(path, allow_pickle=False) as held:
            items = Items(
                held["contexts"].astype(np.int32),
                held["context_of"].astype(np.int32),
                held["tokens"].astype(np.int32),
                held["weights"].astype(np.float64),
            )
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise InputError(f"cannot read items: {error}", file=str(path)) from None
    n = len(items.tokens)
    fits = len(items.context_of) == len(items.weights) == n and items.contexts.ndim == 2
    if not fits or (n and not 0 <= items.context_of.min() <= items.context_of.max() < len(items.contexts)):
        raise InputError("the columns of the items do not fit together", file=str(path))
    return items
