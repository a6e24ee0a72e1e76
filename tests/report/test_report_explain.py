"""`hydrascope explain`: golden answers, honest ones for outsiders, nearest names for the unknown."""

from __future__ import annotations

import json
from pathlib import Path

import findings_folders as folders
import pytest
from typer.testing import CliRunner

from hydrascope.cli.app import build_app
from hydrascope.errors import UsageError
from hydrascope.report import answer_as_dict, explain, read_findings, render_text
from hydrascope.report.findings import Findings

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> Findings:
    """The folder with one campaign of each kind."""
    return read_findings(folders.small_folder(tmp_path_factory.mktemp("findings")))


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("campaign", ["c-0001"]),
        ("undecided", ["c-0004"]),
        ("reseller", ["c-0002"]),
        ("member", ["acct-0001-00030"]),
        ("outsider", ["solo-001"]),
        ("stranger", ["solo-002"]),
        ("pair", ["acct-0001-00030", "acct-0001-00159"]),
        ("chain", ["acct-0001-00030", "acct-0001-00092"]),
        ("apart", ["acct-0001-00030", "acct-0002-00001"]),
    ],
)
def test_the_answer_reads_as_agreed(
    name: str, ids: list[str], findings: Findings, pytestconfig: pytest.Config
) -> None:
    """Every kind of answer is golden."""
    text = render_text(explain(findings, ids))
    file = GOLDEN / f"explain-{name}.txt"
    if pytestconfig.getoption("--write-outputs"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8"), (
        "refresh with pytest --write-outputs, then read the change"
    )


def test_a_pair_may_be_given_with_a_comma_and_in_any_order(findings: Findings) -> None:
    """`A,B`, `A B` and `B A` are one question."""
    a, b = "acct-0001-00030", "acct-0001-00159"
    assert explain(findings, [f"{b},{a}"]) == explain(findings, [a, b]) == explain(findings, [b, a])


def test_an_unknown_name_gets_the_nearest(findings: Findings) -> None:
    """A typing error is answered with names that exist; nonsense with the campaigns there are."""
    with pytest.raises(UsageError) as caught:
        explain(findings, ["acct-0001-0003"])
    assert "'acct-0001-00030'" in str(caught.value.hint)
    with pytest.raises(UsageError) as caught:
        explain(findings, ["c-001"])
    assert "'c-0001'" in str(caught.value.hint)
    with pytest.raises(UsageError) as caught:
        explain(findings, ["zzzzzzzz"])
    assert "campaigns here: c-0001" in str(caught.value.hint)
    with pytest.raises(UsageError, match="at a time"):
        explain(findings, ["acct-0001-00030", "acct-0001-00031", "acct-0001-00032"])


def test_text_is_masked_unless_revealed(findings: Findings) -> None:
    """Slot contents appear only with --reveal."""
    assert folders.SECRET not in render_text(explain(findings, ["c-0001"]))
    assert folders.SECRET in render_text(explain(findings, ["c-0001"], reveal=True)).replace("\n    ", " ")


def test_json_carries_the_same_answer(findings: Findings, tmp_path: Path) -> None:
    """`--json` prints one object with the verdict as a field."""
    done = CliRunner().invoke(
        build_app(["explain"]), ["explain", str(findings.path), "acct-0001-00030", "--json"]
    )
    assert done.exit_code == 0, done.output
    answer = json.loads(done.output)
    assert answer == json.loads(json.dumps(answer_as_dict(explain(findings, ["acct-0001-00030"]))))
    assert (answer["kind"], answer["campaign_id"], answer["verdict"]) == ("account", "c-0001", "distillation")


def test_an_outsider_has_no_verdict(findings: Findings) -> None:
    """An account in no campaign is told so, with the nearest campaign but no probability of guilt."""
    answer = answer_as_dict(explain(findings, ["solo-001"]))
    assert answer["campaign_id"] is None and answer["nearest"] == "c-0001"
    assert "verdict" not in answer and "probability" not in answer


def test_a_bare_folder_still_answers(tmp_path: Path) -> None:
    """With ids and verdicts alone the answer is short and says no more than it knows."""
    bare = read_findings(folders.bare_folder(tmp_path))
    text = render_text(explain(bare, ["c-1"]))
    assert "Judged to be a distillation campaign; no probability was stated." in text
    assert "0 accounts" not in text


def test_control_characters_never_reach_the_terminal(tmp_path: Path) -> None:
    """An escape sequence or a direction mark in an id or a sentence is shown as a replacement mark."""
    campaign = folders.campaign(1, "distillation", 5)
    campaign["title"] = "red \x1b[31m alert \u202e reversed"
    campaign["evidence"][0]["sentence"] = "beep \x07"
    text = render_text(explain(read_findings(folders.write_folder(tmp_path, [campaign])), ["c-0001"]))
    assert not {"\x1b", "\x07", "\u202e"} & set(text)
    assert "red \ufffd[31m alert" in text
