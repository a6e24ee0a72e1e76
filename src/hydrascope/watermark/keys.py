"""Keys: one root secret, one derivation path for each key, nothing else to store.

`HKDF-SHA256(root, deployment | model | epoch | level | id | scheme)`, every field length-prefixed so that no two
paths read alike. A key has two encodings: 128 bits for our own PRF with a bit (slot) of its word, and a 64-bit
handle for marks that an engine makes. Red/green keys share a 128-bit block key, 64 slots to a block, so that a
search answers for 64 keys with one PRF call; which id has which slot is the registry's business.

Losing the root loses every key; leaking a block key exposes its 64 slots. The root is read from the environment
or from a file that nobody else can read, and is never written by anything but `create_root`.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hydrascope.errors import ConfigError, InputError, UsageError

__all__ = [
    "ROOT_VARIABLE",
    "SLOTS",
    "Key",
    "KeyPath",
    "Level",
    "create_root",
    "decoy_keys",
    "derive_key",
    "derive_salt",
    "derive_secret",
    "parse_root",
    "read_root",
    "root_fingerprint",
]

ROOT_VARIABLE = "HYDRASCOPE_ROOT_KEY"
SLOTS = 64
"""Keys in a block: one for each bit of a PRF word."""
_VERSION = "hydrascope/watermark/v1"


class Level(StrEnum):
    """Whose text a key marks, widest first; gates open in this order."""

    DEPLOYMENT = "deployment"
    CLUSTER = "cluster"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPath:
    """Where a key hangs below the root."""

    deployment: str
    """Name of the deployment; a test and a production deployment never share keys."""
    model: str = "any"
    """Model the text came from."""
    epoch: int = 0
    """Rotation counter, from 0."""
    level: Level = Level.CLUSTER
    """Deployment, cluster or account."""
    subject: str
    """Id of the deployment, cluster or account."""
    scheme: str = "red_green/h2/g0.25/siphash"
    """`Mark.label`."""
    block: int | None = None
    """Block of the key where 64 share one, None where it has its own."""
    slot: int = 0
    """Bit of the PRF word, 0 to 63."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A derived key. Secret: it is kept out of `repr`."""

    name: str
    """`level:subject@epoch`, for people."""
    k0: int
    """Low 64 bits of the SipHash key."""
    k1: int
    """High 64 bits of the SipHash key."""
    slot: int = 0
    """Bit of the PRF word that is this key's coin (red/green)."""
    handle: int = 0
    """64-bit key for marks that an engine makes itself."""

    def __repr__(self) -> str:
        return f"Key({self.name!r})"

    def to_bytes(self) -> bytes:
        """Canonical bytes, 25 long: what a commitment covers."""
        parts = (
            self.k0.to_bytes(8, "little"),
            self.k1.to_bytes(8, "little"),
            self.handle.to_bytes(8, "little"),
        )
        return b"".join(parts) + bytes([self.slot])


def derive_secret(root: bytes, *fields: str, length: int = 16) -> bytes:
    """HKDF-SHA256 of `root` under length-prefixed `fields` (RFC 5869; no salt, the root is uniform).

    Args:
        root: at least 16 bytes.
        fields: the path, any text.
        length: bytes wanted.
    """
    if len(root) < 16:
        raise UsageError(
            "the root secret is shorter than 128 bits", hint="`keys init --new-root FILE` makes one"
        )
    encoded = (field.encode() for field in (_VERSION, *fields))
    info = b"".join(len(field).to_bytes(4, "big") + field for field in encoded)
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=info).derive(root)


def _fields(path: KeyPath, holder: str) -> tuple[str, ...]:
    return (path.deployment, path.model, str(path.epoch), path.level.value, holder, path.scheme)


def derive_key(root: bytes, path: KeyPath, *, per_account: bool = False) -> Key:
    """The key at `path`.

    Args:
        root: the root secret.
        path: where the key hangs; the slot is part of the key, not of the secret, where a block is shared.
        per_account: must be True for account keys, which let whoever holds them link one account's texts.

    Raises:
        UsageError: an account key was asked for without saying so, or a slot is out of range.
    """
    if path.level is Level.ACCOUNT and not per_account:
        raise UsageError(
            "account keys are off: they let whoever holds them link one account's texts",
            hint="read docs/watermark-keys.md, then say so with --per-account",
        )
    if not 0 <= path.slot < SLOTS:
        raise UsageError(f"slot {path.slot} is outside 0..{SLOTS - 1}")
    holder = f"id:{path.subject}" if path.block is None else f"block:{path.block}"
    secret = derive_secret(root, "key", *_fields(path, holder))
    handle = derive_secret(root, "handle", *_fields(path, f"id:{path.subject}"), length=8)
    return _key(f"{path.level}:{path.subject}@{path.epoch}", secret, path.slot, handle)


def derive_salt(root: bytes, path: KeyPath) -> bytes:
    """The 16-byte salt of the key's commitment; deterministic, so it need not be stored."""
    return derive_secret(root, "salt", *_fields(path, f"id:{path.subject}"))


def decoy_keys(seed: int, n: int, *, sliced: bool = True) -> list[Key]:
    """`n` keys that marked nothing, for calibration.

    Args:
        seed: any integer; the same seed gives the same keys.
        n: how many.
        sliced: 64 to a block, as red/green keys are; False gives each its own 128 bits.
    """
    root = hashlib.sha256(f"{_VERSION}/decoys/{seed}".encode()).digest()
    share = SLOTS if sliced else 1
    blocks = [derive_secret(root, "decoy", str(share), str(i), length=24) for i in range(-(-n // share))]
    return [
        _key(
            f"decoy:{i}@{seed}",
            block[:16],
            i % share,
            hashlib.sha256(block + bytes([i % share])).digest()[:8],
        )
        for i, block in ((i, blocks[i // share]) for i in range(n))
    ]


def _key(name: str, secret: bytes, slot: int, handle: bytes) -> Key:
    low, high, own = (int.from_bytes(part, "little") for part in (secret[:8], secret[8:16], handle))
    return Key(name=name, k0=low, k1=high, slot=slot, handle=own)


def create_root(file: Path) -> bytes:
    """Writes a new 256-bit root to `file`, readable by its owner alone; never overwrites."""
    root = secrets.token_bytes(32)
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise UsageError(
            "a root secret is never overwritten: that would lose every key",
            file=str(file),
            hint="name a new file",
        ) from None
    with os.fdopen(descriptor, "w") as out:
        out.write(root.hex() + "\n")
    return root


def read_root(file: Path | None = None, environ: Mapping[str, str] | None = None) -> bytes:
    """The root secret, from `file` where one is given, else from the environment.

    Args:
        file: hexadecimal text; refused where group or others may read it.
        environ: the environment, `os.environ` where None.

    Raises:
        ConfigError: no root is named, the file is open to others, or the text is not 128 bits or more of hex.
    """
    if file is None:
        text = (os.environ if environ is None else environ).get(ROOT_VARIABLE)
        if text is None:
            raise ConfigError(
                "no root secret is named", hint=f"set {ROOT_VARIABLE}, or give --root-file FILE (mode 0600)"
            )
        return parse_root(text, ROOT_VARIABLE)
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
        text = file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("the root secret cannot be read", file=str(file), hint=str(error)) from None
    if mode & 0o077:
        raise ConfigError(
            f"the root secret can be read by others (mode {mode:04o})",
            file=str(file),
            hint=f"chmod 600 {file}",
        )
    return parse_root(text, str(file))


def parse_root(text: str, where: str) -> bytes:
    """Bytes of a hexadecimal root secret."""
    try:
        root = bytes.fromhex(text.strip())
    except ValueError:
        root = b""
    if len(root) < 16:
        raise ConfigError(
            f"{where} holds no hexadecimal secret of 128 bits or more", hint="openssl rand -hex 32"
        )
    return root


def root_fingerprint(root: bytes) -> str:
    """16 hex digits that name a root without revealing it."""
    return derive_secret(root, "fingerprint", length=8).hex()
