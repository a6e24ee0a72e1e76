"""report.html: what is in it, what must never be in it, and how large it may grow."""

from __future__ import annotations

import html
import json
import re
import time
from pathlib import Path

import findings_folders as folders
import pytest
from typer.testing import CliRunner

from hydrascope.cli.app import build_app
from hydrascope.errors import FindingsError
from hydrascope.report import render_report

GOLDEN = Path(__file__).parent / "golden"


def text_of(page: str) -> str:
    """The page's words, one line a block, without style, script and drawings."""
    page = re.sub(r"<(style|script|svg)\b.*?</\1>", "", page, flags=re.DOTALL)
    page = re.sub(
        r"</?(p|h\d|li|tr|div|dt|figcaption|summary|details|section|article|pre|ol|ul)\b[^>]*>", "\n", page
    )
    lines = (" ".join(line.split()) for line in html.unescape(re.sub(r"<[^>]+>", " ", page)).splitlines())
    return "\n".join(line for line in lines if line) + "\n"


def check_golden(name: str, text: str, *, write: bool) -> None:
    """Compares with a golden file, or writes it."""
    file = GOLDEN / name
    if write:
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8"), (
        "refresh with pytest --write-outputs, then read the change"
    )


@pytest.mark.parametrize("kind", ["small", "bare", "empty"])
def test_the_page_reads_as_agreed(kind: str, tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """The words of the page are golden: for four campaigns, for ids alone, and for no campaign at all."""
    make = {
        "small": folders.small_folder,
        "bare": folders.bare_folder,
        "empty": lambda path: folders.write_folder(path, []),
    }[kind]
    page = render_report(make(tmp_path / kind)).read_text(encoding="utf-8")
    check_golden(f"report-{kind}.txt", text_of(page), write=pytestconfig.getoption("--write-outputs"))


def test_same_findings_same_bytes(tmp_path: Path) -> None:
    """Rendering twice gives the same file."""
    folder = folders.small_folder(tmp_path / "findings")
    one, two = (render_report(folder, out=tmp_path / name).read_bytes() for name in ("a.html", "b.html"))
    assert one == two


def test_callers_text_is_not_in_the_file_unless_asked_for(tmp_path: Path) -> None:
    """Slot contents, and a template that one account sent, are absent; --reveal writes them."""
    folder = folders.small_folder(tmp_path / "findings")
    masked = render_report(folder, out=tmp_path / "masked.html").read_text()
    open_ = render_report(folder, out=tmp_path / "open.html", reveal=True).read_text()
    for phrase in (folders.SECRET, "Vigsnes", "Ingrid", "tilings", "证明"):
        assert phrase not in masked
        assert phrase in open_
    assert folders.WRAPPER.split(" inside ")[0] in masked
    assert "It contains text that callers sent" in open_


def test_links_come_from_the_table_where_the_campaign_kept_none(tmp_path: Path) -> None:
    """Without a graph in campaigns.json the links between its members are read from links.parquet."""
    folder = folders.write_folder(tmp_path / "findings", [folders.campaign(1, "distillation", 40)])
    whole = json.loads((folder / "campaigns.json").read_text())
    n_links = len(whole["campaigns"][0].pop("graph")["links"])
    (folder / "campaigns.json").write_text(json.dumps(whole))
    assert f"40 accounts, {n_links} links" in render_report(folder).read_text()


def test_the_order_of_the_file_does_not_matter(tmp_path: Path) -> None:
    """Campaigns, members, evidence and links in reverse give the same page."""
    folder = folders.small_folder(tmp_path / "findings")
    there = render_report(folder, out=tmp_path / "there.html").read_text()
    whole = json.loads((folder / "campaigns.json").read_text())
    for entry in whole["campaigns"]:
        for part in ("members", "evidence", "hypotheses", "templates"):
            entry[part].reverse()
        entry["graph"]["links"].reverse()
        entry["graph"]["nodes"].reverse()
    whole["campaigns"].reverse()
    (folder / "campaigns.json").write_text(json.dumps(whole))
    assert render_report(folder, out=tmp_path / "back.html").read_text() == there


def test_the_page_asks_for_nothing_from_outside(tmp_path: Path) -> None:
    """No address, no import, no loaded file; a policy that forbids all but our style and script."""
    page = render_report(folders.small_folder(tmp_path / "findings")).read_text()
    assert not re.search(r"https?://|src=|@import|url\(|<link|<iframe", page)
    assert "default-src &#39;none&#39;" in page


def test_two_hundred_campaigns_stay_small_and_quick(tmp_path: Path) -> None:
    """200 campaigns of up to 410 accounts: under 15 MB and 20 s."""
    kinds = [folders.campaign(i, "distillation", 30 + 20 * i, bin_s=3600) for i in range(20)]
    found = [kinds[i % 20] | {"campaign_id": f"c-{i:04d}"} for i in range(200)]
    folder = folders.write_folder(tmp_path / "findings", found, links=False)
    start = time.process_time()
    size = render_report(folder).stat().st_size
    assert time.process_time() - start < 20
    assert size < 15e6


def test_a_campaign_of_25000_accounts_stays_small_and_quick(tmp_path: Path) -> None:
    """25,000 accounts with 45,000 links: every account is in the page's table, at most 1,500 dots are drawn."""
    folder = folders.write_folder(
        tmp_path / "findings", [folders.campaign(1, "distillation", 25_000)], links=False
    )
    start = time.process_time()
    page = render_report(folder).read_text()
    assert time.process_time() - start < 20
    assert len(page) < 15e6
    assert page.count("<circle") <= 1_500
    assert '"acct-0001-24999"' in page


def test_the_command_writes_where_told(tmp_path: Path) -> None:
    """`hydrascope report FINDINGS --out FILE` prints the file that it wrote."""
    folder = folders.small_folder(tmp_path / "findings")
    out = tmp_path / "deep" / "page.html"
    done = CliRunner().invoke(build_app(["report"]), ["report", str(folder), "--out", str(out)])
    assert done.exit_code == 0
    assert done.output.strip() == str(out)
    assert out.read_text().startswith("<!doctype html>")


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A folder in place of the file says so, with what to type."""
    folder = folders.bare_folder(tmp_path / "findings")
    with pytest.raises(FindingsError) as caught:
        render_report(folder, out=tmp_path)
    assert "--out FILE" in str(caught.value.hint)


def test_the_page_says_where_a_campaign_comes_from(tmp_path: Path) -> None:
    """In a sequence of runs each campaign says whether it is new, grown, or a successor; a single scan says nothing."""
    known, new = folders.campaign(1, "distillation", 8), folders.campaign(2, "distillation", 9)
    known["lineage"] = {"status": "continued", "by": "members", "n_kept": 5, "n_joined": 3, "n_left": 1}
    known["lineage"] |= {"was_verdict": "inconclusive", "was_enforceable": False}
    new["lineage"] = {
        "status": "new",
        "successor_of": {"campaign_id": "c-0001", "gap_h": 2.0, "reasons": ["A."]},
    }
    new["online"] = {"level": 1e-6, "looks": 1, "passed": False}
    folder = folders.write_folder(tmp_path / "findings", [known, new])
    assert "New in this run" not in render_report(folder).read_text(encoding="utf-8")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["error_rates"]["online"] = {"run": 2}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    page = render_report(folder).read_text(encoding="utf-8")
    assert (
        "3 accounts joined since the last run, 1 left. Its verdict was inconclusive. It is enforceable now."
        in page
    )
    assert "New in this run. It may be the successor of c-0001. A." in page
    assert "has not passed the level that holds over all looks" in page
