"""The append-only registry of keys: who has which key, committed to before it is used.

One JSON object a line. Each line carries the hash of the line before it, its own hash, and, where the root is at
hand, a MAC; a sidecar `FILE.head` names the last line, so that a tail cut off cleanly is noticed as well. Lines
hold salted commitments, never keys: the root derives a key and its salt again, and whoever is shown both can
check the line. The number of committed keys is the number of tests, which is what stops anyone from shopping
for a key after the fact.

    open     once, first: deployment, fingerprint of the root
    commit   a key: level, subject, model, epoch, mark, block and slot, tokenizer, commitment
    retire   a key is no longer served (rotation); still tested
    revoke   a key leaked or was misused; counted as a test, but never evidence again, and never issued again
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hydrascope.errors import InputError, StateError, UsageError, nearest
from hydrascope.watermark.chain import (
    GENESIS,
    HINT,
    Line,
    chain_lines,
    check_chain,
    check_head,
    dump_line,
    parse_line,
    seal_line,
)
from hydrascope.watermark.keys import (
    SLOTS,
    Key,
    KeyPath,
    Level,
    derive_key,
    derive_salt,
    root_fingerprint,
)
from hydrascope.watermark.marks import Mark

__all__ = [
    "Committed",
    "Registry",
    "commitment_of",
    "create_registry",
    "read_registry",
    "verify_commitment",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """One committed key, as its lines tell it."""

    key_id: str
    """First 16 hex digits of the commitment."""
    path: KeyPath
    """Where it is derived."""
    mark: Mark
    """What it marks."""
    tokenizer: str
    """Fingerprint of the tokenizer whose ids it speaks."""
    commitment: str
    """Salted SHA-256 commitment, hex."""
    committed_at: str
    """ISO time, UTC."""
    retired_at: str | None = None
    """When it stopped being served."""
    revoked_at: str | None = None
    """When it stopped being evidence."""
    line: int = 0
    """1-based line of the commitment."""

    @property
    def active(self) -> bool:
        """Whether text may still be marked with it."""
        return self.retired_at is None and self.revoked_at is None


def commitment_of(key: Key, salt: bytes, path: KeyPath) -> str:
    """SHA-256 of salt, canonical key bytes and path; binding, and hiding because key and salt are uniform."""
    told = json.dumps(asdict(path), sort_keys=True, separators=(",", ":")).encode()
    return hashlib.sha256(b"hydrascope/commitment/v1" + salt + key.to_bytes() + told).hexdigest()


def verify_commitment(commitment: str, key: Key, salt: bytes, path: KeyPath) -> bool:
    """Whether a revealed key and salt open `commitment` at `path`."""
    return hmac.compare_digest(commitment, commitment_of(key, salt, path))


@dataclass(frozen=True, slots=True)
class Registry:
    """A verified registry, in memory; every change returns a new one."""

    lines: tuple[Line, ...]
    """All lines, first is `open`."""
    file: str = "registry"
    """Where it was read, for messages."""
    _keys: dict[str, Committed] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_keys", _fold(self.lines, self.file))

    @property
    def deployment(self) -> str:
        """Name of the deployment."""
        return str(self.lines[0]["deployment"])

    @property
    def head(self) -> str:
        """Hash of the last line: publish or timestamp it to fix the whole registry."""
        return str(self.lines[-1]["hash"])

    @property
    def keys(self) -> tuple[Committed, ...]:
        """Every key ever committed, in order, revoked ones too."""
        return tuple(self._keys.values())

    def find(self, subject: str, *, level: Level | None = None) -> list[Committed]:
        """Keys of a subject, oldest first, or of a key id."""
        found = [
            key
            for key in self._keys.values()
            if subject in (key.path.subject, key.key_id) and level in (None, key.path.level)
        ]
        if not found:
            raise UsageError(
                f"{subject!r} has no key",
                hint=nearest(subject, {k.path.subject for k in self.keys} or {"none"}),
            )
        return found

    def block_of(self, committed: Committed) -> list[Committed]:
        """Every key that shares its 128 bits: whoever learns one of them can forge all."""
        if committed.path.block is None:
            return [committed]
        place = replace(committed.path, subject="", slot=0)
        return [key for key in self._keys.values() if replace(key.path, subject="", slot=0) == place]

    def secret(self, root: bytes, committed: Committed) -> Key:
        """The key behind a commitment; refused where it does not open it.

        Raises:
            StateError: the root is another one, or the line was changed.
        """
        key = derive_key(root, committed.path, per_account=True)
        if not verify_commitment(
            committed.commitment, key, derive_salt(root, committed.path), committed.path
        ):
            raise StateError(
                f"this root does not open the commitment of {key.name}",
                file=self.file,
                line=committed.line,
                hint="give the root that opened this registry; a key that does not open its commitment is no evidence",
            )
        return key

    def commit(
        self,
        root: bytes,
        subjects: Sequence[str],
        *,
        level: Level,
        mark: Mark,
        tokenizer: str,
        at: datetime,
        model: str = "any",
        per_account: bool = False,
    ) -> Registry:
        """Commits to one new key for each subject.

        A subject with an active key of the same level, model and scheme is refused; one whose last key was retired
        or revoked gets the next epoch, so that no key is ever used twice.
        """
        self.check_root(root)
        epochs = self._next_epochs(level, model, mark.label, subjects)
        taken = Counter(
            (k.path.epoch,)
            for k in self.keys
            if (k.path.level, k.path.model, k.path.scheme) == (level, model, mark.label)
        )
        new = []
        for subject, epoch in zip(subjects, epochs, strict=True):
            index = taken[(epoch,)]
            taken[(epoch,)] += 1
            path = KeyPath(
                deployment=self.deployment,
                model=model,
                epoch=epoch,
                level=level,
                subject=subject,
                scheme=mark.label,
                block=index // SLOTS if mark.sliced else None,
                slot=index % SLOTS if mark.sliced else 0,
            )
            key = derive_key(root, path, per_account=per_account)
            new.append(
                _commit_line(path, mark, tokenizer, commitment_of(key, derive_salt(root, path), path), at)
            )
        return self._extend(root, new)

    def retire(self, root: bytes, keys: Iterable[Committed], *, at: datetime) -> Registry:
        """Stops serving keys; they stay in every test, a student may have read them."""
        return self._extend(root, [{"kind": "retire", "key_id": k.key_id, "at": _stamp(at)} for k in keys])

    def revoke(self, root: bytes, keys: Iterable[Committed], *, at: datetime, reason: str) -> Registry:
        """Stops keys from ever being evidence; they still count as tests."""
        self.check_root(root)
        named = [{"kind": "revoke", "key_id": k.key_id, "at": _stamp(at), "reason": reason} for k in keys]
        return self._extend(root, named)

    def rotate(self, root: bytes, *, at: datetime, per_account: bool = False) -> Registry:
        """Retires every active key and commits to its successor at the next epoch."""
        active = [key for key in self.keys if key.active]
        registry = self.retire(root, active, at=at)
        groups: dict[tuple[Level, str, Mark, str], list[str]] = {}
        for key in active:
            groups.setdefault((key.path.level, key.path.model, key.mark, key.tokenizer), []).append(
                key.path.subject
            )
        for (level, model, mark, tokenizer), subjects in groups.items():
            registry = registry.commit(
                root,
                subjects,
                level=level,
                mark=mark,
                tokenizer=tokenizer,
                at=at,
                model=model,
                per_account=per_account,
            )
        return registry

    def check_root(self, root: bytes) -> None:
        """Refuses a root that did not open this registry."""
        if root_fingerprint(root) != self.lines[0]["root"]:
            raise StateError(
                "this root secret did not open this registry",
                file=self.file,
                line=1,
                hint=f"the registry wants the root with fingerprint {self.lines[0]['root']}",
            )

    def verify(self, root: bytes | None = None) -> int:
        """Checks chain and, with the root, every MAC and commitment; returns the number of lines.

        Raises:
            StateError: naming the first broken line.
        """
        check_chain(self.lines, self.file)
        if root is not None:
            self.check_root(root)
            for number, line in enumerate(self.lines, start=1):
                if not hmac.compare_digest(str(line.get("mac", "")), seal_line(root, str(line["hash"]))):
                    raise StateError(
                        "this line was not written with the root", file=self.file, line=number, hint=HINT
                    )
            for key in self.keys:
                self.secret(root, key)
        return len(self.lines)

    def write(self, file: Path) -> None:
        """Appends the lines `file` does not have yet, then the head; refuses a file that holds other lines."""
        text = file.read_text(encoding="utf-8") if file.exists() else ""
        known = [parse_line(raw, str(file), i) for i, raw in enumerate(text.splitlines(), start=1)]
        if [line["hash"] for line in known] != [line["hash"] for line in self.lines[: len(known)]]:
            raise StateError(
                "the registry on disk has other lines", file=str(file), hint="read it again, then retry"
            )
        with file.open("a", encoding="utf-8") as out:
            out.writelines(dump_line(line) + "\n" for line in self.lines[len(known) :])
            out.flush()
            os.fsync(out.fileno())
        head = Path(f"{file}.head")
        draft = Path(f"{head}.new")
        draft.write_text(json.dumps({"lines": len(self.lines), "hash": self.head}) + "\n", encoding="utf-8")
        draft.replace(head)

    def _next_epochs(self, level: Level, model: str, scheme: str, subjects: Sequence[str]) -> list[int]:
        last: dict[str, Committed] = {}
        for key in self.keys:
            if (key.path.level, key.path.model, key.path.scheme) == (level, model, scheme):
                last[key.path.subject] = key
        repeated = [s for s, n in Counter(subjects).items() if n > 1]
        taken = [s for s in subjects if s in last and last[s].active]
        if repeated or taken:
            raise UsageError(
                f"{(repeated or taken)[0]!r} already has an active {level} key of {scheme}",
                hint="`keys rotate` gives it the next one",
            )
        return [last[s].path.epoch + 1 if s in last else 0 for s in subjects]

    def _extend(self, root: bytes, new: Iterable[Line]) -> Registry:
        self.check_root(root)
        return Registry((*self.lines, *chain_lines(self.head, len(self.lines), new, root)), self.file)


def create_registry(root: bytes, deployment: str, *, at: datetime, file: str = "registry") -> Registry:
    """An empty registry: one `open` line."""
    if not deployment.strip():
        raise UsageError("a deployment needs a name", hint="for example --deployment production-eu")
    first = {
        "kind": "open",
        "version": 1,
        "deployment": deployment,
        "root": root_fingerprint(root),
        "at": _stamp(at),
    }
    return Registry(tuple(chain_lines(GENESIS, 0, [first], root)), file)


def read_registry(file: Path, *, head: str | None = None) -> Registry:
    """Reads and checks a registry.

    Args:
        file: the JSONL file; `FILE.head` beside it says how it must end.
        head: hash its last line must have, from a published or timestamped copy, in place of the sidecar.

    Raises:
        InputError: there is no such file.
        StateError: it was truncated or changed, with the first broken line.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("the key registry cannot be read", file=str(file), hint=str(error)) from None
    raw = text.splitlines()
    if not raw:
        raise StateError("the key registry is empty", file=str(file), hint=HINT)
    lines = tuple(parse_line(line, str(file), number) for number, line in enumerate(raw, start=1))
    if not text.endswith("\n"):
        raise StateError("the last line is cut off", file=str(file), line=len(lines), hint=HINT)
    check_chain(lines, str(file))
    check_head(lines, file, head)
    return Registry(lines, str(file))


def _fold(lines: Sequence[Line], file: str) -> dict[str, Committed]:
    """Current state of every key."""
    keys: dict[str, dict[str, Any]] = {}
    for number, line in enumerate(lines, start=1):
        try:
            if line["kind"] == "commit":
                keys[line["key_id"]] = {"line": number, **_committed(line)}
            elif line["kind"] in ("retire", "revoke"):
                name = "retired_at" if line["kind"] == "retire" else "revoked_at"
                keys[line["key_id"]].setdefault(name, line["at"])
        except (KeyError, TypeError, ValueError, UsageError) as error:
            raise StateError(
                "this line is not one this version writes", file=file, line=number, hint=str(error)
            ) from None
    return {key_id: Committed(**told) for key_id, told in keys.items()}


def _committed(line: Line) -> dict[str, Any]:
    path = line["path"]
    return {
        "key_id": line["key_id"],
        "path": KeyPath(**{**path, "level": Level(path["level"])}),
        "mark": Mark(**line["mark"]),
        "tokenizer": line["tokenizer"],
        "commitment": line["commitment"],
        "committed_at": line["at"],
    }


def _commit_line(path: KeyPath, mark: Mark, tokenizer: str, commitment: str, at: datetime) -> Line:
    return {
        "kind": "commit",
        "key_id": commitment[:16],
        "path": asdict(path),
        "mark": asdict(mark),
        "tokenizer": tokenizer,
        "commitment": commitment,
        "at": _stamp(at),
    }


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
