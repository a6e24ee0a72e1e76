"""Worlds for tuning and worlds for judging are different families, not different seeds."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import hydrascope.simulate
from hydrascope.simulate import read_scenario, scenario_names

FOLDER = Path(hydrascope.simulate.__file__).parent / "scenarios"
PUBLIC = {"You are a helpful assistant."}
PARTS = ("life", "identity", "network", "client", "decoding", "models", "arrivals", "content", "tokens")


def library(side: str) -> dict[str, Any]:
    """All tables of a library."""
    merged: dict[str, Any] = {"groups": {}, "texts": {}}
    for path in sorted((FOLDER / side / "library").glob("*.toml")):
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
        for kind in merged:
            merged[kind] |= tables.get(kind, {})
    return merged


def shingles(side: str) -> set[tuple[str, ...]]:
    """Runs of five words in the wordings of a family, the public ones left out."""
    found: set[tuple[str, ...]] = set()
    for texts in library(side)["texts"].values():
        for text in texts.values():
            if text in PUBLIC:
                continue
            words = re.findall(r"\w+", text.lower())
            found |= {tuple(words[i : i + 5]) for i in range(len(words) - 4)}
    return found


def parameters(side: str) -> set[str]:
    """Every mechanic with three settings or more, as text."""
    found = set()
    for group in library(side)["groups"].values():
        for table in (group, *group.get("flows", {}).values()):
            found |= {f"{p}:{sorted(table[p].items())}" for p in PARTS if len(table.get(p, {})) >= 3}
    return found


def test_the_families_share_no_wording() -> None:
    """No run of five words occurs in both families."""
    assert not shingles("tuning") & shingles("judging")


def test_the_families_share_no_group_text_or_parameters() -> None:
    """Names, mechanics and numbers of the groups differ."""
    tuning, judging = library("tuning"), library("judging")
    assert not set(tuning["groups"]) & set(judging["groups"])
    assert not set(tuning["texts"]) & set(judging["texts"])
    assert not parameters("tuning") & parameters("judging")


def test_worlds_keep_to_their_family() -> None:
    """A world under a family's name uses that family's library."""
    for name in scenario_names():
        side = "judging" if "judging" in name else "tuning"
        assert read_scenario(name).library == side, name


def test_the_families_share_no_program_of_their_own() -> None:
    """Applications with a user agent of their own belong to one family."""
    agents = [
        {g["client"]["agent"] for g in library(side)["groups"].values() if "agent" in g.get("client", {})}
        for side in ("tuning", "judging")
    ]
    assert agents[0]
    assert not agents[0] & agents[1]


def test_both_families_have_every_campaign_kind_and_look_alike() -> None:
    """The labels of the look-alikes are the same in both, and each family has thirteen campaigns."""
    labels = [{g["label"] for g in library(side)["groups"].values()} for side in ("tuning", "judging")]
    assert labels[0] == labels[1]
    campaigns = [
        sum(g["label"] == "distillation" for g in library(s)["groups"].values())
        for s in ("tuning", "judging")
    ]
    assert campaigns == [13, 13]


def test_wordings_come_in_four_languages() -> None:
    """Each family wrote its wrappers in English, Chinese and at least two more languages."""
    for side in ("tuning", "judging"):
        assert len({lang for texts in library(side)["texts"].values() for lang in texts}) >= 4
