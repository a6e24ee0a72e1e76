"""The people and texts of the LiteLLM walk-through are what docs/litellm.md says they are."""

from __future__ import annotations

import importlib
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).parents[2] / "examples" / "litellm"


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> tuple[ModuleType, ModuleType]:
    """`people` and `texts`, which need nothing but Python."""
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module("people"), importlib.import_module("texts")


def test_the_cast(example: tuple[ModuleType, ModuleType]) -> None:
    """Twelve users, four benchmark keys, one product and 25 campaign keys; no two share a key."""
    people = example[0].PEOPLE
    labels = Counter(person.label for person in people)
    assert labels == {"ordinary": 12, "benchmark": 4, "support_bot": 1, "distillation": 25}
    assert len({person.key for person in people}) == 42
    assert sum(person.n for person in people) == 3_802


def test_the_campaign_never_asks_twice_and_the_benchmark_always_does(
    example: tuple[ModuleType, ModuleType],
) -> None:
    """One queue against one list."""
    ask = example[1].ask
    assert len({ask("campaign", number, "anyone") for number in range(1_700)}) == 1_700
    assert ask("benchmark", 7, "lab-0") == ask("benchmark", 7, "lab-1")


def test_ordinary_people_repeat_themselves_little(example: tuple[ModuleType, ModuleType]) -> None:
    """Each has an own voice, and nobody says what another says."""
    people, texts = example
    said = {p.user_id: {texts.ask(p.work, i, p.user_id)[1] for i in range(60)} for p in people.PEOPLE[:12]}
    assert all(len(prompts) > 20 for prompts in said.values())
    assert len(set().union(*said.values())) == sum(map(len, said.values()))
