"""The keys one serving process needs, by handle: a small secret file beside an engine.

An engine never sees the root. It gets a ring with the active keys it serves, readable by its owner alone; a
request names a key by its handle, which is the key id of the registry and reveals nothing.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from hydrascope.errors import ConfigError, InputError, StateError, UsageError
from hydrascope.watermark.keys import Key, derive_secret
from hydrascope.watermark.marks import Mark
from hydrascope.watermark.registry import Registry

__all__ = ["RING_VARIABLE", "KeyRing", "RingKey", "build_ring", "read_ring", "write_ring"]

RING_VARIABLE = "HYDRASCOPE_KEY_RING"
"""Environment variable with the path of the ring an engine reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RingKey:
    """A key and the mark it makes."""

    key: Key
    mark: Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRing:
    """Keys by handle, and what an engine needs to use them."""

    keys: Mapping[str, RingKey]
    """Handle (key id of the registry) to key."""
    gateway_secret: bytes = field(repr=False)
    """Opens signed headers (`gateway_step`)."""
    fence_token_ids: tuple[int, ...] = ()
    """Tokens whose text holds an odd number of code fences: they switch code on and off."""

    def find(self, handle: str) -> RingKey:
        """The key of a handle."""
        try:
            return self.keys[handle]
        except KeyError:
            raise UsageError(
                f"the key ring has no handle {handle!r}",
                hint="`hydrascope watermark keys ring` writes it with today's active keys",
            ) from None


def build_ring(
    registry: Registry, root: bytes, *, handles: Sequence[str] | None = None, fences: Sequence[int] = ()
) -> KeyRing:
    """Active keys of a registry, all or those named by `handles`."""
    active = {key.key_id: key for key in registry.keys if key.active}
    missing = sorted(set(handles or ()) - set(active))
    if missing:
        raise UsageError(f"{missing[0]!r} is not an active key", hint="`keys list` shows states")
    wanted = active if handles is None else {handle: active[handle] for handle in handles}
    return KeyRing(
        keys={
            handle: RingKey(key=registry.secret(root, key), mark=key.mark) for handle, key in wanted.items()
        },
        gateway_secret=derive_secret(root, "gateway", registry.deployment, length=32),
        fence_token_ids=tuple(fences),
    )


def write_ring(ring: KeyRing, file: Path) -> None:
    """Writes a ring, readable by its owner alone, in place of an older one."""
    told = {
        "version": 1,
        "gateway_secret": ring.gateway_secret.hex(),
        "fence_token_ids": list(ring.fence_token_ids),
        "keys": {handle: _told(item) for handle, item in sorted(ring.keys.items())},
    }
    draft = Path(f"{file}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        json.dump(told, out, indent=1, sort_keys=True)
    draft.chmod(0o600)
    draft.replace(file)


def read_ring(file: Path) -> KeyRing:
    """Reads a ring; refused where group or others may read it."""
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
        raw = file.read_bytes()
    except OSError as error:
        raise InputError("the key ring cannot be read", file=str(file), hint=str(error)) from None
    if mode & 0o077:
        raise ConfigError(
            f"the key ring can be read by others (mode {mode:04o})", file=str(file), hint=f"chmod 600 {file}"
        )
    try:
        told = msgspec.json.decode(raw, type=dict[str, Any])
        return KeyRing(
            keys={handle: _ring_key(item) for handle, item in told["keys"].items()},
            gateway_secret=bytes.fromhex(told["gateway_secret"]),
            fence_token_ids=tuple(told["fence_token_ids"]),
        )
    except (msgspec.MsgspecError, KeyError, TypeError, ValueError) as error:
        raise StateError("this is not a key ring", file=str(file), hint=str(error)) from None


def _told(item: RingKey) -> dict[str, Any]:
    key = item.key
    numbers = {"k0": f"{key.k0:016x}", "k1": f"{key.k1:016x}", "handle": f"{key.handle:016x}"}
    return {"name": key.name, "slot": key.slot, "mark": msgspec.to_builtins(item.mark), **numbers}


def _ring_key(item: Mapping[str, Any]) -> RingKey:
    k0, k1, handle = (int(item[name], 16) for name in ("k0", "k1", "handle"))
    return RingKey(
        key=Key(name=item["name"], k0=k0, k1=k1, slot=item["slot"], handle=handle), mark=Mark(**item["mark"])
    )
