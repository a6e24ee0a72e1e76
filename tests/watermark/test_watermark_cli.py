"""`hydrascope watermark keys` and `detect`: what a stranger types, and what bad input gets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from marked_texts import V, texts
from typer.testing import CliRunner

from hydrascope.cli.app import build_app
from hydrascope.errors import HydrascopeError, InputError, RefusalError, SchemaError, StateError, UsageError
from hydrascope.watermark.keys import read_root
from hydrascope.watermark.registry import read_registry


def call(*arguments: object) -> str:
    """Output of `hydrascope watermark ...`; errors are raised."""
    done = CliRunner().invoke(build_app(["watermark"]), ["watermark", *map(str, arguments)])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A registry with three byte-level cluster keys, and texts one of them marked."""
    call("keys", "init", tmp_path / "reg.jsonl", "--deployment", "demo", "--new-root", tmp_path / "root.hex")
    root = ("--root-file", tmp_path / "root.hex")
    ids = [part for i in range(3) for part in ("--id", f"C{i}")]
    call("keys", "add", tmp_path / "reg.jsonl", "--tokenizer", f"ids:{V}", *ids, *root)
    return tmp_path


def write(file: Path, rows: list[dict[str, object]]) -> Path:
    """JSON lines."""
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def test_a_stranger_goes_from_nothing_to_a_verdict(home: Path) -> None:
    """init, add, verify, list, mark, detect; the JSON says what was shown."""
    known, root = read_registry(home / "reg.jsonl"), read_root(home / "root.hex")
    key = known.secret(root, known.find("C1")[0])
    file = write(home / "t.jsonl", [{"token_ids": t.tolist()} for t in texts(17, 15, key)])
    rootopt = ("--root-file", home / "root.hex")
    assert "every commitment hold" in call("keys", "verify", home / "reg.jsonl", *rootopt)
    assert call("keys", "list", home / "reg.jsonl").count("active") == 3
    common = (file, "--keys", home / "reg.jsonl", "--tokenizer", f"ids:{V}", *rootopt)
    shown = call("detect", *common, "--decoys", 640, "--out", home / "o.json")
    assert "found: cluster C1" in shown
    assert "640 decoys: KS p" in shown
    assert "3 committed keys are 3 tests" in shown
    told = json.loads((home / "o.json").read_text())
    assert told["verdict"] == "found"
    assert told["registry_head"] == known.head
    assert "C1" in call("detect", *common, "--sequential").splitlines()[-1]


def test_rotation_revocation_and_the_ring_on_the_command_line(home: Path) -> None:
    """Each says what it did; the ring holds active keys alone and is private."""
    root = ("--root-file", home / "root.hex")
    assert "3 keys renewed, 6 committed" in call("keys", "rotate", home / "reg.jsonl", *root)
    assert "2 keys revoked" in call(
        "keys", "revoke", home / "reg.jsonl", "--id", "C2", "--reason", "leak", *root
    )
    call("keys", "ring", home / "reg.jsonl", "--out", home / "ring.json", *root)
    assert (home / "ring.json").stat().st_mode & 0o077 == 0
    assert len(json.loads((home / "ring.json").read_text())["keys"]) == 2


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        ("", RefusalError, "no text to test"),
        ('{"text": ""}\n', RefusalError, "no text to test"),
        ('{"token_ids": [1]}\n', RefusalError, "too few"),
        ('{"token_ids": [1, 900]}\n', RefusalError, "another tokenizer"),
        ('{"token_ids": "abc"}\n', SchemaError, "not a text"),
        ('{"words": 1}\n', SchemaError, "no text here"),
        ("[1]\n", SchemaError, "not an object"),
        ("{", SchemaError, "not JSON"),
    ],
)
def test_bad_input_gets_a_refusal_never_a_p_value(
    home: Path, content: str, error: type[HydrascopeError], message: str
) -> None:
    """Empty, one token, wrong ids, wrong types, broken lines: each by name, with file and line where it has one."""
    (home / "t.jsonl").write_text(content)
    with pytest.raises(error, match=message):
        call(
            *("detect", home / "t.jsonl", "--keys", home / "reg.jsonl", "--tokenizer", f"ids:{V}"),
            *("--root-file", home / "root.hex"),
        )


def test_a_truncated_registry_or_a_wrong_root_gets_no_p_value(home: Path) -> None:
    """Also a missing file, a tokenizer that is not there, and a path that holds none."""
    write(home / "t.jsonl", [{"token_ids": t.tolist()} for t in texts(18, 3)])
    create = ("detect", home / "t.jsonl", "--tokenizer", f"ids:{V}")
    (home / "other.hex").write_text("00" * 32)
    (home / "other.hex").chmod(0o600)
    with pytest.raises(StateError, match="does not open"):
        call(*create, "--keys", home / "reg.jsonl", "--root-file", home / "other.hex")
    lines = (home / "reg.jsonl").read_text().splitlines(keepends=True)
    (home / "reg.jsonl").write_text("".join(lines[:-1]))
    with pytest.raises(StateError, match="its head says"):
        call(*create, "--keys", home / "reg.jsonl", "--root-file", home / "root.hex")
    with pytest.raises(InputError, match="no tokenizer here"):
        call("detect", home / "t.jsonl", "--tokenizer", home / "nothing", "--keys", home / "reg.jsonl")
    with pytest.raises(InputError):
        call(*create, "--keys", home / "gone.jsonl", "--root-file", home / "root.hex")
    with pytest.raises(UsageError, match="exists already"):
        call("keys", "init", home / "reg.jsonl", "--deployment", "d", "--root-file", home / "root.hex")
