"""A dossier: everything a third party needs to check, offline, that a model was trained on what was served.

    dossier.json       materials (stated), claims (derived from the files), digests of the files
    registry.jsonl     every committed key, hash-chained
    items-*.npz        (context, token) items with their weights, as the audit of the suspect gave them
    twins-log.jsonl    public log of sealed pairs; twins-pairs.jsonl: the opened ones with their scores
    report.html        the same for people

Opening a key makes it public, and with it the 63 others of its block; opening the coins makes the store's seed
public. Rotate both before a dossier leaves the house.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydrascope.errors import InputError, RefusalError, StateError, UsageError
from hydrascope.watermark.dossier_claims import REGISTRY, derive_claims, opening_of, registry_copy
from hydrascope.watermark.dossier_page import render_dossier
from hydrascope.watermark.dossier_twins import LOG, PAIRS, pair_line
from hydrascope.watermark.keys import derive_salt
from hydrascope.watermark.merkle import canonical_json, inclusion_proof
from hydrascope.watermark.registry import Committed, Registry
from hydrascope.watermark.twins import SealedTwin
from hydrascope.watermark.twins_audit import ScoredPair, read_twin_audit
from hydrascope.watermark.twins_store import TwinStore

__all__ = ["DOSSIER", "PAGE", "dossier_digest", "key_materials", "twin_materials", "write_dossier"]

DOSSIER, PAGE = "dossier.json", "report.html"
VERSION = 1


def _read_audit(folder: Path) -> dict[str, Any]:
    try:
        told: dict[str, Any] = json.loads((folder / "audit.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"no audit here: {error}", file=str(folder)) from None
    if told.get("version") != 1:
        raise StateError(f"version {told.get('version')} of the audit is not known", file=str(folder))
    return told


def key_materials(
    audit: Path, registry: Registry, root: bytes, opened: Sequence[str], out: Path
) -> dict[str, Any]:
    """Copy the evidence of the opened keys to `out` and state what belongs to it.

    Args:
        audit: folder of `write_audit`.
        registry: the registry the audit was made with.
        root: root secret; derives the openings.
        opened: subjects or key ids to open.
        out: the dossier's folder.

    Raises:
        StateError: the registry is not the audit's.
        RefusalError: a key to open was not tested.
    """
    told = _read_audit(audit)
    if told["registry_head"] != registry.head:
        raise StateError("the registry changed since the audit", hint="audit again, with this registry")
    results = {r["key_id"]: r for r in told["results"]}
    chosen: list[Committed] = []
    for name in opened:
        tested = [key for key in registry.find(name) if key.key_id in results]
        if not tested:
            raise RefusalError(f"no key of {name} was tested by this audit")
        chosen += tested
    evidence = [
        _piece(piece, chosen, results, registry, root, audit, out)
        for piece in told["evidence"]
    ]  # fmt: skip
    (out / REGISTRY).write_text(registry_copy(registry), encoding="utf-8")
    names = (
        "mode",
        "suspect",
        "suspect_fingerprint",
        "reference",
        "reference_fingerprint",
        "tokenizer",
        "inputs",
    )
    return {name: told[name] for name in names} | {
        "registry_head": told["registry_head"],
        "fwer": told["settings"]["fwer"],
        "evidence": [piece for piece in evidence if piece is not None],
    }


def _piece(
    piece: Mapping[str, Any],
    chosen: Sequence[Committed],
    results: Mapping[str, Mapping[str, Any]],
    registry: Registry,
    root: bytes,
    audit: Path,
    out: Path,
) -> dict[str, Any] | None:
    label = {key.key_id: key for key in chosen if results[key.key_id]["group"] == piece["group"]}
    keys = [key for key in label.values() if _same_mark(key, piece["mark"])]
    if not keys:
        return None
    shutil.copyfile(audit / piece["items"], out / piece["items"])
    openings = [
        opening_of(registry.secret(root, key), derive_salt(root, key.path), key.path) | {"key_id": key.key_id}
        for key in keys
    ]
    return {
        "group": piece["group"],
        "mark": piece["mark"],
        "anytime": piece["anytime"],
        "items": piece["items"],
        "decoy_seed": piece["decoys"]["seed"],
        "n_decoys": piece["decoys"]["n"],
        "openings": openings,
    }


def _same_mark(key: Committed, mark: Mapping[str, Any]) -> bool:
    same = ("scheme", "context_width", "gamma", "prf")
    return all(getattr(key.mark, name) == mark[name] for name in same)


def twin_materials(audit: Path, store: TwinStore, out: Path, *, with_text: bool) -> dict[str, Any]:
    """Write the public log and the opened pairs to `out` and state what belongs to them.

    Args:
        audit: folder of `write_twin_audit`.
        store: the open store.
        with_text: show prompts and answers; otherwise their salted digests.

    Raises:
        StateError: the store's heads are not those of the audit.
    """
    told = read_twin_audit(audit)
    heads = store.heads
    at = next((i for i, head in enumerate(heads) if head.hash == told["head"]), None)
    if at is None:
        raise StateError("the twin test lies under a head that this store does not have", file=str(audit))
    heads = heads[: at + 1]
    size = heads[-1].size
    leaves = store.leaves[:size]
    scores = {int(p["index"]): ScoredPair(**p) for p in told["pairs"]}  # type: ignore[attr-defined]
    lines = [
        _pair(pair, scores[index], store, inclusion_proof(leaves, index), with_text)
        for index, pair in store.pairs()
        if index in scores
    ]
    _write_lines(out / PAIRS, lines)
    _write_lines(
        out / LOG, [{"tag": g.tag, "commitment": g.commitment, "coin": g.coin} for g in store.log[:size]]
    )
    names = ("suspect", "suspect_fingerprint", "reference", "reference_fingerprint", "fwer")
    return {name: told[name] for name in names} | {
        "statement": _fields(store.statement),
        "coin_seed": store.coin_seed.hex(),
        "heads": [_fields(head) for head in heads],
    }


def _fields(record: Any) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__slots__}


def _pair(
    pair: SealedTwin, score: ScoredPair, store: TwinStore, proof: Sequence[bytes], with_text: bool
) -> dict[str, Any]:
    return pair_line(pair, score, store.tag(pair.account_id), proof, with_text=with_text)


def _write_lines(path: Path, lines: Sequence[Mapping[str, Any]]) -> None:
    path.write_bytes(b"".join(canonical_json(line) + b"\n" for line in lines))


def dossier_digest(folder: Path) -> str:
    """Digest of dossier.json, which holds the digests of every other file: publish this one."""
    return hashlib.sha256((folder / DOSSIER).read_bytes()).hexdigest()


def write_dossier(
    out: Path,
    *,
    title: str,
    at: str,
    audit: Path | None = None,
    registry: Registry | None = None,
    root: bytes | None = None,
    opened: Sequence[str] = (),
    twins: Path | None = None,
    store: TwinStore | None = None,
    with_text: bool = False,
) -> str:
    """Write a dossier to a new folder, or to a zip where `out` ends in .zip; returns its digest.

    Args:
        out: folder or .zip; must not exist.
        title: what it is about.
        at: ISO time, UTC.
        audit: folder of an audit, with `registry`, `root` and `opened` keys; or None.
        twins: folder of a twin test, with its open `store`; or None.
        with_text: show the texts of opened pairs.

    Raises:
        UsageError: nothing to show, or `out` exists.
        RefusalError: what is shown does not verify; nothing is written.
    """
    if out.exists():
        raise UsageError("this dossier exists already", file=str(out), hint="name a new folder or .zip")
    if audit is None and twins is None:
        raise UsageError(
            "a dossier needs an audit or a twin test", hint="--audit FOLDER, --twins FOLDER, or both"
        )
    with tempfile.TemporaryDirectory(prefix="hydrascope-") as made:
        draft = Path(made) / "dossier"
        draft.mkdir()
        materials: dict[str, Any] = {"title": title, "made_at": at, "keys": None, "twins": None}
        if audit is not None:
            if registry is None or root is None or not opened:
                raise UsageError("an audit is shown with its registry, the root and the keys to open")
            materials["keys"] = key_materials(audit, registry, root, opened, draft)
        if twins is not None:
            if store is None:
                raise UsageError("a twin test is shown with its store", hint="--store FOLDER --secret FILE")
            materials["twins"] = twin_materials(twins, store, draft, with_text=with_text)
        digest = _finish(draft, materials)
        out.parent.mkdir(parents=True, exist_ok=True)
        if out.suffix == ".zip":
            _zip(draft, out)
        else:
            shutil.copytree(draft, out)
    return digest


def _finish(draft: Path, materials: Mapping[str, Any]) -> str:
    claims, problems = derive_claims(draft, materials)
    if problems:
        raise RefusalError("the dossier does not verify: " + problems[0])
    (draft / PAGE).write_text(render_dossier(materials, claims), encoding="utf-8")
    files = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(draft.iterdir())}
    told = {"version": VERSION, "materials": materials, "claims": claims, "files": files}
    (draft / DOSSIER).write_text(json.dumps(told, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return dossier_digest(draft)


def _zip(folder: Path, out: Path) -> None:
    """Same files, same bytes: sorted, with a fixed date."""
    with zipfile.ZipFile(out, "x", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(folder.iterdir()):
            packed.writestr(zipfile.ZipInfo(path.name), path.read_bytes(), zipfile.ZIP_DEFLATED)
