"""What a dossier claims, derived from what it contains and from nothing else.

`derive_claims` is the one place where claims are made: the writer calls it, and whoever verifies calls it again
on the files at hand and compares. Every problem is named by file and place; nothing is passed over.

p-values of opened keys are multiplied by the number of committed keys (Bonferroni): the reader can count the
keys, but is not shown the ones that stay secret.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from hydrascope.errors import HydrascopeError, RefusalError
from hydrascope.watermark.attribute import MEANING
from hydrascope.watermark.audit_results import read_items
from hydrascope.watermark.dossier_twins import derive_twins
from hydrascope.watermark.keys import Key, KeyPath, Level
from hydrascope.watermark.marks import Mark
from hydrascope.watermark.registry import Committed, Registry, read_registry, verify_commitment
from hydrascope.watermark.trace import Decoys, MarkTest, decoy_check

__all__ = ["derive_claims", "key_from_opening", "opening_of"]

REGISTRY = "registry.jsonl"
Problems = list[str]


def opening_of(key: Key, salt: bytes, path: KeyPath) -> dict[str, Any]:
    """JSON fields that open a commitment. From then on the key, and its whole block, is public."""
    return {
        "name": key.name,
        "k0": f"{key.k0:016x}",
        "k1": f"{key.k1:016x}",
        "slot": key.slot,
        "handle": f"{key.handle:016x}",
        "salt": salt.hex(),
        "path": asdict(path),
    }


def key_from_opening(opening: Mapping[str, Any]) -> tuple[Key, bytes, KeyPath]:
    """The reverse of `opening_of`.

    Raises:
        KeyError, ValueError, TypeError: a field is missing or not what it should be.
    """
    key = Key(
        name=str(opening["name"]),
        k0=int(opening["k0"], 16),
        k1=int(opening["k1"], 16),
        slot=int(opening["slot"]),
        handle=int(opening["handle"], 16),
    )
    path = dict(opening["path"])
    return key, bytes.fromhex(opening["salt"]), KeyPath(**path | {"level": Level(path["level"])})


def derive_claims(folder: Path, materials: Mapping[str, Any]) -> tuple[dict[str, Any], Problems]:
    """Claims that follow from the files in `folder` and the stated `materials`, and what is wrong with them.

    Args:
        folder: a dossier's files.
        materials: its statements that are not derived: names, digests, openings, settings.
    """
    problems: Problems = []
    claims: dict[str, Any] = {"keys": None, "twins": None}
    for part, derive in (("keys", _derive_keys), ("twins", derive_twins)):
        if materials.get(part) is not None:
            try:
                claims[part] = derive(folder, materials[part], problems)
            except HydrascopeError as error:
                problems.append(f"{part}: {error}".replace("\n  ", "; "))
            except (
                KeyError,
                ValueError,
                TypeError,
                AttributeError,
                IndexError,
                OverflowError,
                OSError,
            ) as error:
                problems.append(f"{part}: a field is missing or malformed ({type(error).__name__}: {error})")
    return claims, problems


def _derive_keys(folder: Path, told: Mapping[str, Any], problems: Problems) -> dict[str, Any]:
    registry = read_registry(folder / REGISTRY, head=told["registry_head"])
    committed = {key.key_id: key for key in registry.keys}
    log10_alpha = math.log10(float(told["fwer"]))
    opened, evidence = [], []
    for piece in told["evidence"]:
        mark = Mark(**piece["mark"])
        test = MarkTest(read_items(folder / piece["items"]), mark, anytime=bool(piece["anytime"]))
        if not np.isfinite(test.items.weights).all():
            raise RefusalError(f"{piece['items']}: a weight is not finite")
        decoys = decoy_check(test, seed=int(piece["decoy_seed"]), n=int(piece["n_decoys"]))
        evidence.append(_evidence(piece, test, decoys))
        for opening in piece["openings"]:
            one = _opened(opening, committed, mark, test, decoys, len(registry.keys), log10_alpha, problems)
            opened.append(one | {"group": piece["group"], "items": piece["items"]})
    return {
        "deployment": registry.deployment,
        "n_tests": len(registry.keys),
        "n_opened": len(opened),
        "evidence": evidence,
        "opened": sorted(opened, key=lambda o: (o["log10_p"], o["key_id"])),
    }


def _evidence(piece: Mapping[str, Any], test: MarkTest, decoys: Decoys) -> dict[str, Any]:
    told = asdict(decoys)
    return {
        "group": piece["group"],
        "items": piece["items"],
        "mark": test.mark.label,
        "n_items": len(test.items),
        "n_contexts": len(test.items.contexts),
        "counted": test.counted,
        "anytime": test.anytime,
        "histogram": list(decoys.histogram),
        "decoys": {name: told[name] for name in ("seed", "n", "ks_p", "least_log10_p")}
        | {"uniform": decoys.uniform},
    }


def _opened(
    opening: Mapping[str, Any],
    committed: Mapping[str, Committed],
    mark: Mark,
    test: MarkTest,
    decoys: Decoys,
    n_tests: int,
    log10_alpha: float,
    problems: Problems,
) -> dict[str, Any]:
    key, salt, path = key_from_opening(opening)
    known = committed.get(str(opening["key_id"]))
    if known is None:
        raise RefusalError(f"key {opening['key_id']} was never committed")
    if known.path != path or not verify_commitment(known.commitment, key, salt, path):
        problems.append(
            f"keys: the opening of key {known.key_id} ({path.level.value} {path.subject}) does not match its commitment"
        )
    if known.mark.label != mark.label:
        problems.append(f"keys: key {known.key_id} was committed for {known.mark.label}, not {mark.label}")
    (one,) = test.tests([key])
    adjusted = min(one.log10_p + math.log10(n_tests), 0.0)
    return {
        "key_id": known.key_id,
        "level": path.level.value,
        "subject": path.subject,
        "epoch": path.epoch,
        "committed_at": known.committed_at,
        "revoked_at": known.revoked_at,
        **asdict(one),
        "adjusted_log10_p": adjusted,
        "traced": adjusted <= log10_alpha and decoys.uniform and known.revoked_at is None,
        "meaning": MEANING[path.level],
    }


def read_json_lines(path: Path) -> Sequence[dict[str, Any]]:
    """Objects of a JSON-lines file."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line]


def registry_copy(registry: Registry) -> str:
    """The registry's lines without the MACs, which say nothing to someone without the root."""
    lines = [{name: value for name, value in line.items() if name != "mac"} for line in registry.lines]
    return "".join(json.dumps(line, sort_keys=True, separators=(",", ":")) + "\n" for line in lines)
