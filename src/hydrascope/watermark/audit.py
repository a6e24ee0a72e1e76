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

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from itertools import zip_longest
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hydrascope.errors import RefusalError
from hydrascope.watermark.audit_probes import (
    NATURAL,
    SERVED,
    Probe,
    ServedExchange,
    natural_probes,
    served_probes,
)
from hydrascope.watermark.audit_results import AuditResult, AuditSettings, Evidence, KeyResult, Mode
from hydrascope.watermark.audit_text import count_items, sample_suspect
from hydrascope.watermark.audit_weights import ChunkFolder, Tell, weigh_probes
from hydrascope.watermark.keys import Key
from hydrascope.watermark.marks import Scheme
from hydrascope.watermark.pvalues import holm
from hydrascope.watermark.radioactivity import MIN_ITEMS, Items
from hydrascope.watermark.registry import Committed, Registry
from hydrascope.watermark.suspect import Suspect, Tokenizer, need, same_tokenizer
from hydrascope.watermark.trace import MarkTest, decoy_check, key_sums

__all__ = ["audit_suspect"]

KeyFinder = Callable[[Sequence[npt.NDArray[np.int32]], Sequence[str]], bool]


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
        found = _key_finder(registry, root, keys, served, tokenizer, settings)
        groups = _text_items(suspect, served, tokenizer, widths, settings, chunks, tell, found)
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
    anytime = mode == "text" and settings.stop_early
    results, evidence = _test_keys(registry, root, keys, groups, settings, refused, anytime)
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
    found: KeyFinder,
) -> dict[tuple[str, int], Items]:
    by_key: dict[str, list[str]] = {}
    for exchange in served:
        prompts = by_key.setdefault(exchange.key_id or SERVED, [])
        if exchange.prompt and len(prompts) < settings.probes_per_key:
            prompts.append(exchange.prompt)
    # A prompt of each key in turn, so that an early stop has asked about all of them alike.
    turns = zip_longest(*(by_key[group] for group in sorted(by_key)))
    asked = [prompt for turn in turns for prompt in turn if prompt is not None]
    if not asked:
        raise RefusalError(
            "a text-only suspect is asked the prompts that were served; no log has any", hint="--logs LOG"
        )
    answers = sample_suspect(
        suspect,
        asked,
        tokenizer,
        chunks,
        n_tokens=settings.answer_tokens,
        seed=settings.seed,
        tell=tell,
        enough=(lambda got: found(got, asked)) if settings.stop_early else None,
    )
    return count_items(answers, asked[: len(answers)], served, tokenizer, widths)


def _key_finder(
    registry: Registry,
    root: bytes,
    keys: Sequence[Committed],
    served: Sequence[ServedExchange],
    tokenizer: Tokenizer,
    settings: AuditSettings,
) -> KeyFinder:
    """Whether the capital of any key has passed the number of committed keys over the error rate."""
    widths = sorted({key.mark.context_width for key in keys})
    threshold = math.log10(len(registry.keys) / settings.fwer)

    def found(answers: Sequence[npt.NDArray[np.int32]], asked: Sequence[str]) -> bool:
        groups = count_items(answers, asked[: len(answers)], served, tokenizer, widths)
        for key in keys:
            group = _group_of(key, groups)
            if group is not None and key.revoked_at is None:
                test = MarkTest(groups[group, key.mark.context_width], key.mark, anytime=True)
                if test.log10_e(key_sums(test.items, [registry.secret(root, key)], key.mark))[0] >= threshold:
                    return True
        return False

    return found


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
    anytime: bool,
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
        test = MarkTest(groups[group, mark.context_width], mark, anytime=anytime)
        decoys = decoy_check(test, seed=settings.seed, n=settings.n_decoys)
        evidence.append(Evidence(group=group, mark=mark, items=test.items, anytime=anytime, decoys=decoys))
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
