"""What the command line says when something is wrong: golden, refreshed by `pytest --write-outputs`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hydrascope_at_prompt import Answer, write_log

from hydrascope import __version__

Command = Callable[..., Answer]
GOLDEN = Path(__file__).with_name("golden") / "messages.txt"
CASES: dict[str, tuple[str, int]] = {
    "no such log": ("scan logg.jsonl --out out", 3),
    "no such pattern": ("scan *.parquetx --out out", 3),
    "a folder without a log": ("scan nothing --out out", 3),
    "an empty file": ("scan empty.jsonl --out out", 3),
    "not one readable record": ("scan garbage.jsonl --out out", 3),
    "no known format": ("scan novel.txt --out out", 3),
    "a table of something else": ("scan other.parquet --out out", 3),
    "an unknown format": ("scan log.jsonl --out out --format bedrok", 2),
    "an unknown engine": ("scan log.jsonl --out out --engine dukdb", 2),
    "an unknown family": ("scan log.jsonl --out out --without contents", 2),
    "no usable memory": ("scan log.jsonl --out out --memory lots", 2),
    "too little memory": ("scan log.jsonl --out out --memory 1MB", 2),
    "no such accounts table": ("scan log.jsonl --out out --accounts acounts.csv", 3),
    "an accounts table without ids": ("scan log.jsonl --out out --accounts other.parquet", 3),
    "an events table of something else": ("scan log.jsonl --out out --events log.jsonl", 3),
    "no such control file": ("scan log.jsonl --out out --control contrl.toml", 2),
    "an unknown table in the control file": ("scan log.jsonl --out out --control control.toml", 2),
    "a control file that is no TOML": ("scan log.jsonl --out out --control garbage.jsonl", 2),
    "no such map": ("scan log.jsonl --out out --map map.toml", 2),
    "no such edge log": ("scan log.jsonl --out out --edge edge.log", 3),
    "no such address database": ("scan log.jsonl --out out --mmdb geo.mmdb", 3),
    "no such address ranges": ("scan log.jsonl --out out --ranges clouds.txt", 3),
    "the output is a file": ("scan log.jsonl --out garbage.jsonl", 2),
    "findings that are not there": ("explain nowhere account-1", 3),
    "a report of findings that are not there": ("report nowhere", 3),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one good log and much that is none, as the working directory."""
    monkeypatch.chdir(tmp_path)
    write_log(tmp_path / "log.jsonl")
    (tmp_path / "nothing").mkdir()
    (tmp_path / "empty.jsonl").touch()
    (tmp_path / "garbage.jsonl").write_text("{{{\n" * 5)
    (tmp_path / "novel.txt").write_text("It was a dark and stormy night.\n" * 20)
    (tmp_path / "control.toml").write_text('[alow]\naccounts = ["a"]\n')
    pq.write_table(pa.table({"city": ["Delft"], "people": [106_000]}), tmp_path / "other.parquet")
    return tmp_path


def test_every_mistake_is_told_in_a_sentence_with_what_to_type(
    command: Command, folder: Path, pytestconfig: pytest.Config
) -> None:
    """Exit codes of the contract, no traceback, nothing on stdout; the words are in the golden file."""
    told = []
    for name, (typed, code) in CASES.items():
        answer = command(*typed.split())
        assert (answer.code, answer.out) == (code, ""), (name, answer)
        assert "Traceback" not in answer.err
        said = "\n".join(line for line in answer.err.splitlines() if line not in ("Read ...", "Detect ..."))
        told.append(f"# {name}\n$ hydrascope {typed}\n{said}\n[exit {code}]\n")
    text = "\n".join(told)
    assert str(folder) not in text
    if pytestconfig.getoption("--write-outputs"):
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8"), (
        "refresh with pytest --write-outputs, then read the change"
    )


@pytest.mark.parametrize(
    "typed",
    ["scan", "scan log.jsonl", "scan log.jsonl --out out --seed many", "scna log.jsonl", "scan --outt out"],
)
def test_a_wrong_command_line_ends_in_two(command: Command, folder: Path, typed: str) -> None:
    """Missing arguments, values of the wrong type, unknown commands and options."""
    answer = command(*typed.split())
    assert answer.code == 2
    assert "Usage" in answer.err and "Traceback" not in answer.err


def test_the_version_is_printed(command: Command) -> None:
    """And nothing else."""
    answer = command("--version")
    assert (answer.code, answer.out, answer.err) == (0, f"hydrascope {__version__}\n", "")


def test_help_lists_every_command_with_a_sentence(command: Command) -> None:
    """Each command of the contract's scan and explain family is there."""
    answer = command("--help")
    assert answer.code == 0
    for name in ("scan", "simulate", "evaluate", "explain", "report", "link", "watermark"):
        assert name in answer.out


@pytest.mark.parametrize("name", ["scan", "explain", "report", "link", "simulate", "evaluate", "demo"])
def test_each_command_has_help(command: Command, name: str) -> None:
    """Exit code 0 and a usage line that names it."""
    answer = command(name, "--help")
    assert answer.code == 0
    assert f"hydrascope {name}" in answer.out
