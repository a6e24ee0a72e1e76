"""The sealed store: an append-only folder of encrypted pairs, with what may be shown of it in the clear.

    store.json     version, when it was opened, commitment to the coin seed
    sealed.jsonl   a line a pair: account, leaf hash, nonce, ciphertext (AES-256-GCM)
    heads.jsonl    chained Merkle heads over the leaf hashes; publish the last hash, or have it time-stamped

The secret file holds 32 bytes and stays apart from the folder. Two keys are derived from it (HKDF-SHA256): the
encryption key and the coin seed, so that opening the coins to a third party does not open the answers. A line
that was cut off by a crash is dropped when the store is opened again; anything else that does not add up is an
error that names the line.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import hmac
import json
import os
import secrets
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hydrascope.errors import InputError, StateError
from hydrascope.watermark.merkle import Head, canonical_json, first_broken_head, leaf_hash, next_head
from hydrascope.watermark.twins import SealedTwin, coin_commitment, seed_commitment

__all__ = ["LogLine", "StoreStatement", "TwinStore", "create_store", "read_secret"]

VERSION = 1


def read_secret(path: Path) -> bytes:
    """The 32 secret bytes of a store, from a file of 64 hex digits.

    Raises:
        InputError: the file is missing or holds something else.
    """
    try:
        secret = bytes.fromhex(path.read_text("ascii").strip())
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read the store's secret: {error}", file=str(path)) from None
    if len(secret) != 32:
        raise InputError(f"the store's secret has {len(secret)} bytes, not 32", file=str(path))
    return secret


def _derive(secret: bytes, purpose: str) -> bytes:
    return HKDF(SHA256(), 32, None, f"hydrascope-twins-v1 {purpose}".encode()).derive(secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreStatement:
    """What a store says when it is opened; the first head names its hash."""

    version: int
    opened_at: str
    seed_commitment: str

    @property
    def hash(self) -> str:
        """Hex."""
        return hashlib.sha256(b"hydrascope-store-v1\x00" + canonical_json(asdict(self))).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """What may be shown of a pair before it is opened. It says nothing but which pairs share an account."""

    tag: str
    """Keyed digest of the account: lets a third party count that no pair of an account was left out."""
    commitment: str
    """Of the pair."""
    coin: str
    """Commitment to the coin."""

    @property
    def leaf(self) -> bytes:
        """Leaf hash in the Merkle tree."""
        return leaf_hash(canonical_json(asdict(self)))


def create_store(folder: Path, secret_file: Path, at: str) -> None:
    """Make a new store and, where there is none, its secret file (mode 0600).

    Args:
        folder: must not exist or be empty.
        secret_file: outside `folder`.
        at: ISO time, UTC.

    Raises:
        StateError: the folder holds something, or would hold its own secret.
    """
    if folder.exists() and any(folder.iterdir()):
        raise StateError("the folder is not empty", file=str(folder), hint="name a new folder")
    if folder.resolve() in secret_file.resolve().parents:
        raise StateError("the secret must not lie inside the store it opens", file=str(secret_file))
    if not secret_file.exists():
        descriptor = os.open(secret_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as out:
            out.write(secrets.token_hex(32) + "\n")
    seed = _derive(read_secret(secret_file), "coin seed")
    folder.mkdir(parents=True, exist_ok=True)
    statement = StoreStatement(version=VERSION, opened_at=at, seed_commitment=seed_commitment(seed))
    (folder / "store.json").write_bytes(canonical_json(asdict(statement)) + b"\n")
    (folder / "sealed.jsonl").touch()
    (folder / "heads.jsonl").touch()


def _read_lines(path: Path, *, repair: bool) -> list[dict[str, Any]]:
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if len(whole) < len(data):
        if not repair:
            raise StateError(
                "the last line is cut off", file=str(path), hint="open the store for writing once"
            )
        os.truncate(path, len(whole))
    lines = []
    for number, line in enumerate(whole.splitlines(), 1):
        try:
            lines.append(json.loads(line))
        except ValueError:
            raise StateError("not a JSON line", file=str(path), line=number) from None
    return lines


class TwinStore:
    """An open store. One process writes at a time; use it as a context manager.

    Args:
        folder: as `create_store` made it.
        secret: `read_secret` of its secret file.
        writable: take the lock and drop a line that a crash cut off.

    Raises:
        StateError: missing, of another version, held by another process, or not adding up (with the line).
        InputError: the secret is of another store.
    """

    def __init__(self, folder: Path, secret: bytes, *, writable: bool = False) -> None:
        self._folder = folder
        self.statement = _read_statement(folder)
        self.coin_seed = _derive(secret, "coin seed")
        if seed_commitment(self.coin_seed) != self.statement.seed_commitment:
            raise InputError("the secret belongs to another store", file=str(folder))
        self._cipher, self._tag_key = AESGCM(_derive(secret, "encryption")), _derive(secret, "tags")
        self._lock = self._take_lock() if writable else None
        self._lines = _read_lines(folder / "sealed.jsonl", repair=writable)
        self.log = [_log_line(line, i, folder) for i, line in enumerate(self._lines)]
        self.leaves = [line.leaf for line in self.log]
        self.heads = [Head(**line) for line in _read_lines(folder / "heads.jsonl", repair=writable)]
        wrong = _first_mismatch(self.heads, self.leaves, self.statement.hash)
        if wrong:
            raise StateError(wrong, file=str(folder))
        self.n_by_account = Counter(str(line["account_id"]) for line in self._lines)
        """Sealed pairs by account, for `twins.is_sampled`."""
        self._out: IO[bytes] | None = (folder / "sealed.jsonl").open("ab") if writable else None

    def _take_lock(self) -> IO[bytes]:
        lock = (self._folder / "lock").open("wb")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            raise StateError("the store is held by another process", file=str(self._folder)) from None
        return lock

    def __enter__(self) -> TwinStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the lock back."""
        for held in (self._out, self._lock):
            if held is not None:
                held.close()
        self._out = self._lock = None

    def __len__(self) -> int:
        return len(self._lines)

    def tag(self, account_id: str) -> str:
        """The tag of an account in the log (hex)."""
        return hmac.digest(self._tag_key, account_id.encode(), "sha256").hex()

    def seal(self, pair: SealedTwin) -> int:
        """Append one pair; returns its index. It counts as sealed from the next `close_head` on."""
        if self._out is None:
            raise StateError("the store was opened for reading", file=str(self._folder))
        nonce = secrets.token_bytes(12)
        shown = LogLine(
            tag=self.tag(pair.account_id),
            commitment=pair.commitment,
            coin=coin_commitment(pair.served, pair.coin_salt),
        )
        box = self._cipher.encrypt(nonce, canonical_json(asdict(pair)), shown.leaf)
        line = asdict(shown) | {
            "account_id": pair.account_id,
            "nonce": nonce.hex(),
            "box": base64.b64encode(box).decode(),
        }
        self._out.write(canonical_json(line) + b"\n")
        self._out.flush()
        self._lines.append(line)
        self.log.append(shown)
        self.leaves.append(shown.leaf)
        self.n_by_account[pair.account_id] += 1
        return len(self._lines) - 1

    def close_head(self, at: str) -> Head:
        """Write a head over everything sealed so far; its `hash` is what to publish."""
        if self._out is None:
            raise StateError("the store was opened for reading", file=str(self._folder))
        os.fsync(self._out.fileno())
        head = next_head(self.heads[-1].hash if self.heads else self.statement.hash, self.leaves, at)
        with (self._folder / "heads.jsonl").open("ab") as out:
            out.write(canonical_json(asdict(head)) + b"\n")
            out.flush()
            os.fsync(out.fileno())
        self.heads.append(head)
        return head

    def pairs(self, accounts: Sequence[str] | None = None) -> Iterator[tuple[int, SealedTwin]]:
        """Decrypt (index, pair), checking each against its leaf.

        Raises:
            StateError: a pair was altered, or the secret does not open it.
        """
        for index, line in enumerate(self._lines):
            if accounts is None or line["account_id"] in accounts:
                yield index, self._open(index, line)

    def _open(self, index: int, line: dict[str, Any]) -> SealedTwin:
        where = {"file": str(self._folder / "sealed.jsonl"), "line": index + 1}
        shown = self.log[index]
        try:
            box = base64.b64decode(line["box"])
            plain = self._cipher.decrypt(bytes.fromhex(line["nonce"]), box, shown.leaf)
        except (InvalidTag, ValueError):
            raise StateError("a sealed pair was altered", **where) from None  # type: ignore[arg-type]
        fields = json.loads(plain)
        pair = SealedTwin(**fields | {"answers": tuple(fields["answers"])})
        told = (self.tag(pair.account_id), pair.commitment, coin_commitment(pair.served, pair.coin_salt))
        if pair.account_id != line["account_id"] or told != (shown.tag, shown.commitment, shown.coin):
            raise StateError("a sealed pair does not match its commitment", **where)  # type: ignore[arg-type]
        return pair


def _log_line(line: dict[str, Any], index: int, folder: Path) -> LogLine:
    try:
        return LogLine(tag=line["tag"], commitment=line["commitment"], coin=line["coin"])
    except KeyError as missing:
        raise StateError(
            f"a sealed pair lacks {missing}", file=str(folder / "sealed.jsonl"), line=index + 1
        ) from None


def _first_mismatch(heads: Sequence[Head], leaves: Sequence[bytes], start: str) -> str | None:
    """The chain, and the root of the last head only: each pair is still checked against its own leaf."""
    wrong = first_broken_head(heads, start=start)
    if wrong or not heads:
        return wrong
    return first_broken_head(heads[-1:], leaves, start=heads[-1].previous)


def _read_statement(folder: Path) -> StoreStatement:
    path = folder / "store.json"
    try:
        statement = StoreStatement(**json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise StateError(
            f"not a store of sealed twins: {error}",
            file=str(path),
            hint="hydrascope watermark twins init FOLDER --secret FILE",
        ) from None
    if statement.version != VERSION:
        raise StateError(f"version {statement.version} of the store is not known", file=str(path))
    return statement
