"""Scenarios: TOML worlds made of reusable groups, each a set of accounts with one or more flows of traffic."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from hydrascope.config import build, read_toml
from hydrascope.errors import ConfigError, nearest
from hydrascope.simulate.arrivals import Arrivals
from hydrascope.simulate.client import Client
from hydrascope.simulate.content import Content
from hydrascope.simulate.decoding import Decoding, Models, Tokens
from hydrascope.simulate.dispatch import Dispatch
from hydrascope.simulate.identity import Identity
from hydrascope.simulate.life import Life
from hydrascope.simulate.network import Network
from hydrascope.simulate.setting import World

__all__ = ["Flow", "Group", "Scenario", "read_scenario", "scenario_names"]

FOLDER = Path(str(files("hydrascope.simulate"))) / "scenarios"
GROUP_PARTS = {
    "life": Life,
    "identity": Identity,
    "network": Network,
    "client": Client,
    "decoding": Decoding,
    "models": Models,
}
FLOW_PARTS: dict[str, Any] = {
    "arrivals": Arrivals,
    "dispatch": Dispatch,
    "content": Content,
    "tokens": Tokens,
    "decoding": Decoding,
    "models": Models,
    "network": Network,
    "client": Client,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """One stream of traffic of a group."""

    name: str
    distill: bool = False
    """Whether these exchanges extract capabilities for the group's campaign."""
    arrivals: Arrivals = field(default_factory=Arrivals)
    dispatch: Dispatch = field(default_factory=Dispatch)
    content: Content = field(default_factory=Content)
    tokens: Tokens = field(default_factory=Tokens)
    decoding: Decoding | None = None
    models: Models | None = None
    network: Network | None = None
    client: Client | None = None
    refused: float = 0.002
    """Share of answers that are refusals."""
    operator: str = ""
    """Another operator who works on the same accounts; named apart in the truth of exchanges."""
    users: int = 0
    """End users per account that the requests name; 0: none named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Accounts that are run, used or made in one way."""

    name: str
    label: str
    accounts: int
    kind: str = ""
    """Name in the library, by which results may be gathered over worlds."""
    campaign: str | None = None
    elastic: bool = False
    """Grows and shrinks when a world is asked for a number of accounts."""
    appeal: float = 1.0
    """Weight among the elastic groups in accounts added beyond the world's own: most who come to a large provider
    only look in."""
    languages: Mapping[str, float] = field(
        default_factory=lambda: {"en": 0.62, "zh": 0.12, "es": 0.1, "de": 0.09, "fr": 0.07}
    )
    life: Life = field(default_factory=Life)
    identity: Identity = field(default_factory=Identity)
    network: Network = field(default_factory=Network)
    client: Client = field(default_factory=Client)
    decoding: Decoding = field(default_factory=Decoding)
    models: Models = field(default_factory=Models)
    flows: tuple[Flow, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A world's settings, its groups and the texts they use."""

    name: str
    world: World
    groups: tuple[Group, ...]
    texts: Mapping[str, Mapping[str, str]]
    library: str = ""


def scenario_names() -> tuple[str, ...]:
    """Names of the shipped worlds."""
    found = (p.relative_to(FOLDER) for p in FOLDER.rglob("*.toml"))
    return tuple(sorted(p.with_suffix("").as_posix() for p in found if "library" not in p.parts))


def read_scenario(name_or_path: str | Path) -> Scenario:
    """A shipped world by name, or one from a TOML file.

    Raises:
        ConfigError: no such world, or a setting in it is wrong.
    """
    path = Path(name_or_path)
    if path.suffix != ".toml":
        if str(name_or_path) not in scenario_names():
            raise ConfigError(
                f"no scenario '{name_or_path}'", hint=nearest(str(name_or_path), scenario_names())
            )
        path = FOLDER / f"{name_or_path}.toml"
    tables = read_toml(path)
    known = ("world", "library", "groups", "texts")
    for key in tables:
        if key not in known:
            raise ConfigError(f"a scenario has no table '{key}'", file=str(path), hint=nearest(key, known))
    library, texts = read_library(tables.get("library", ""), path)
    texts |= tables.get("texts", {})
    groups = tuple(
        build_group(name, table, library, str(path)) for name, table in tables.get("groups", {}).items()
    )
    world = build(World, freeze(tables.get("world", {}) | {"name": path.stem}), file=str(path), table="world")
    check_texts(groups, texts, str(path))
    return Scenario(
        name=path.stem, world=world, groups=groups, texts=texts, library=tables.get("library", "")
    )


def read_library(name: str, near: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The groups and texts of a library folder."""
    if not name:
        return {}, {}
    folders = [FOLDER / name / "library", near.parent / name]
    folder = next((f for f in folders if f.is_dir()), None)
    if folder is None:
        raise ConfigError(f"no library '{name}'", file=str(near), hint=nearest(name, ["tuning", "judging"]))
    groups: dict[str, Any] = {}
    texts: dict[str, Any] = {}
    for path in sorted(folder.glob("*.toml")):
        tables = read_toml(path)
        groups |= tables.get("groups", {})
        texts |= tables.get("texts", {})
    return groups, texts


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Tables laid over tables; anything else is replaced."""
    merged = copy.deepcopy(dict(base))
    for key, value in over.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = merge(merged[key], value) if both else value
    return merged


def freeze(values: Any) -> Any:
    """Lists become tuples, all the way down."""
    if isinstance(values, Mapping):
        return {key: freeze(value) for key, value in values.items()}
    return tuple(freeze(v) for v in values) if isinstance(values, list) else values


def build_group(name: str, table: Mapping[str, Any], library: Mapping[str, Any], file: str) -> Group:
    """A group from its table, laid over the library group that it names with `use`."""
    use = table.get("use")
    if use is not None and use not in library:
        raise ConfigError(
            f"[groups.{name}] no group '{use}' in the library", file=file, hint=nearest(use, library)
        )
    whole = merge(library[use] if use else {}, {k: v for k, v in table.items() if k != "use"})
    parts = build_parts(whole, GROUP_PARTS, file, f"groups.{name}")
    flows = tuple(
        build_flow(n, f, file, f"groups.{name}.flows.{n}") for n, f in whole.pop("flows", {}).items()
    )
    plain = freeze({k: v for k, v in whole.items() if k not in GROUP_PARTS})
    plain.setdefault("label", use or name)
    plain.setdefault("kind", use or name)
    if any(f.distill for f in flows):
        plain.setdefault("campaign", name)
    return build(Group, {"name": name, **plain, **parts, "flows": flows}, file=file, table=f"groups.{name}")


def build_flow(name: str, table: Mapping[str, Any], file: str, where: str) -> Flow:
    """A flow from its table."""
    parts = build_parts(table, FLOW_PARTS, file, where)
    plain = freeze({k: v for k, v in table.items() if k not in FLOW_PARTS})
    return build(Flow, {"name": name, **plain, **parts}, file=file, table=where)


def build_parts(table: Mapping[str, Any], kinds: Mapping[str, Any], file: str, where: str) -> dict[str, Any]:
    """The mechanics named in a table."""
    return {
        k: build(kind, freeze(table[k]), file=file, table=f"{where}.{k}")
        for k, kind in kinds.items()
        if k in table
    }


def check_texts(groups: tuple[Group, ...], texts: Mapping[str, Any], file: str) -> None:
    """Refuses a group that names a text nobody wrote."""
    for group in groups:
        for flow in group.flows:
            for name in (*flow.content.wrappers, *flow.content.systems):
                if name and name not in texts:
                    raise ConfigError(
                        f"[groups.{group.name}] no text '{name}'", file=file, hint=nearest(name, texts)
                    )
