"""What the pages say is there: links, commands, options, files, channels and observables."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import typer

from hydrascope.campaigns.hypotheses import Observable, load_model
from hydrascope.cli.app import build_app, command_modules
from hydrascope.features.incidence import CHANNELS
from hydrascope.records import FAMILIES, VERDICTS

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "hydrascope"
FRONT = [ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")]
PAGES = [*FRONT, *sorted((ROOT / "docs").rglob("*.md"))]

FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
INLINE = re.compile(r"`([^`\n]+)`")


def read(page: Path) -> str:
    """The text of a page."""
    return page.read_text(encoding="utf-8")


def code_of(page: Path) -> list[str]:
    """Fenced lines and inline code of a page."""
    text = read(page)
    fenced = [line for block in FENCE.findall(text) for line in block.splitlines()[1:-1]]
    return fenced + INLINE.findall(FENCE.sub("", text))


def anchor(heading: str) -> str:
    """The fragment that a heading gets."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def anchors(page: Path) -> set[str]:
    """Every fragment of a page."""
    return {anchor(h) for h in re.findall(r"^#+ (.+)$", FENCE.sub("", read(page)), re.MULTILINE)}


def page_name(page: Path) -> str:
    """A page's path from the root of the repository."""
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    """To a file of the repository, and to a heading where it names one."""
    for target in LINK.findall(FENCE.sub("", read(page))):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, fragment = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), f"{page_name(page)} links to {target}"
        assert there.is_relative_to(ROOT), f"{page_name(page)} links out of the repository: {target}"
        if fragment:
            assert fragment in anchors(there), f"{page_name(page)} links to no heading: {target}"


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_sub_command_that_a_page_types_exists(page: Path) -> None:
    """`hydrascope NAME` in code is a command."""
    typed = {name for code in code_of(page) for name in re.findall(r"\bhydrascope ([a-z][\w-]*)", code)}
    assert typed <= set(command_modules()), f"unknown: {sorted(typed - set(command_modules()))}"


def test_every_option_that_the_readme_types_exists() -> None:
    """On the line of its command."""
    for line in (c for c in code_of(ROOT / "README.md") if c.startswith("hydrascope ") and "--" in c):
        name = line.split()[1]
        command = typer.main.get_command(build_app([name])).commands[name]  # type: ignore[attr-defined]
        known = {option for parameter in command.params for option in parameter.opts}
        assert set(re.findall(r"--[a-z-]+", line)) <= known


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_make_target_that_a_page_types_exists(page: Path) -> None:
    """`make NAME` in code is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", read(ROOT / "Makefile"), re.MULTILINE))
    typed = {name for code in code_of(page) for name in re.findall(r"^make ([a-z-]+)", code)}
    assert typed <= targets, f"unknown: {sorted(typed - targets)}"


def test_the_readme_prints_its_two_commands_as_they_are_typed() -> None:
    """Alone in one block, without options or set-up."""
    assert "```sh\nmake demo\nmake test\n```" in read(ROOT / "README.md")


def test_every_room_has_its_place_on_the_map() -> None:
    """Each folder and module of the package is in a heading of ARCHITECTURE, in the order of the layers."""
    headings = [
        h.split(", ") for h in re.findall(r"^### (.+)$", read(ROOT / "ARCHITECTURE.md"), re.MULTILINE)
    ]
    named = [room for heading in headings for room in heading]
    found = {p.parent.name for p in PACKAGE.glob("*/__init__.py")}
    found |= {p.stem for p in PACKAGE.glob("*.py") if not p.stem.startswith("__")}
    assert set(named) == found
    contract = tomllib.loads(read(ROOT / "pyproject.toml"))["tool"]["importlinter"]["contracts"][0]
    layers = [[room.strip(" ()") for room in layer.split("|")] for layer in contract["layers"]]
    depth = {room: i for i, layer in enumerate(layers) for room in layer}
    assert [depth[room] for room in named] == sorted(depth[room] for room in named)


@pytest.mark.parametrize("name", ["ARCHITECTURE.md", "CONTRIBUTING.md", "docs/statistics.md"])
def test_every_file_that_the_map_names_exists(name: str) -> None:
    """Paths in code are relative to the package or to the repository."""
    paths = {c for c in code_of(ROOT / name) if re.fullmatch(r"[\w./-]+/([\w-]+\.(py|toml|md))?", c)}
    assert paths
    missing = {p for p in paths if not (PACKAGE / p).exists() and not (ROOT / p).exists()}
    assert missing <= {"golden/"}


@pytest.mark.parametrize("name", sorted(CHANNELS))
def test_every_channel_is_explained_beside_its_family(name: str) -> None:
    """docs/statistics.md names it in the row of its family."""
    assert f"`{name}`" in row_of(CHANNELS[name], "## 4.")


@pytest.mark.parametrize("observable", load_model().observables, ids=lambda o: o.name)
def test_every_observable_is_explained_beside_its_family(observable: Observable) -> None:
    """docs/statistics.md names it in the row of its family."""
    assert f"`{observable.name}`" in row_of(observable.family, "## 12.")


def row_of(family: str, section: str) -> str:
    """The row of a family in the table of a section of docs/statistics.md."""
    text = read(ROOT / "docs" / "statistics.md")
    start = text.index(f"\n{section}")
    rows = re.findall(rf"^\| {family} \|.*$", text[start : text.index("\n## ", start + 1)], re.MULTILINE)
    assert len(rows) == 1, f"no row for the family {family}"
    return str(rows[0])


def test_every_hypothesis_verdict_and_family_is_explained() -> None:
    """Hypotheses in statistics, verdicts and families in concepts."""
    statistics, concepts = read(ROOT / "docs/statistics.md"), read(ROOT / "docs/concepts.md")
    assert all(f"`{name}`" in statistics for name in load_model().names)
    assert all(f"`{name}`" in concepts for name in VERDICTS)
    assert all(name in concepts for name in FAMILIES)


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_no_page_names_a_place_on_somebodys_machine(page: Path) -> None:
    """Home folders and working folders stay out; /tmp is everybody's."""
    assert not re.search(r"(?<![\w./-])/(home|work|root|Users)/", read(page))
