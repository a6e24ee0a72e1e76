"""Reading a findings folder: tolerant to what is absent, strict about what is broken."""

from __future__ import annotations

import json
from pathlib import Path

import findings_folders as folders
import pytest

from hydrascope.errors import FindingsError
from hydrascope.report import read_findings
from hydrascope.report.findings import read_account, read_account_ids, read_links


def test_a_whole_folder_is_read(tmp_path: Path) -> None:
    """Campaigns, run facts, accounts and links all arrive."""
    findings = read_findings(folders.small_folder(tmp_path))
    assert [c.verdict for c in findings.campaigns] == [
        "distillation",
        "reseller",
        "evaluation",
        "inconclusive",
    ]
    assert findings.run.n_exchanges == 1_204_118
    assert findings.run.n_rejects == 12
    assert findings.run.false_alarm_rate == 0.001
    assert read_account(findings, "solo-001").campaign_id is None  # type: ignore[union-attr]
    assert read_account(findings, "nobody") is None
    assert "solo-019" in read_account_ids(findings)
    assert [link.account_b for link in read_links(findings, ["solo-001"])] == ["solo-001"]


def test_a_bare_folder_is_read_as_unknown(tmp_path: Path) -> None:
    """Ids and verdicts alone are enough; everything else is None or empty, never zero."""
    findings = read_findings(folders.bare_folder(tmp_path))
    first = findings.campaigns[0]
    assert (first.n_accounts, first.probability, first.members, first.evidence) == (None, None, (), ())
    assert findings.run.n_exchanges is None
    assert read_links(findings, ["a"]) == []


def test_null_reads_as_absent(tmp_path: Path) -> None:
    """A null where a list or an object is expected does no harm."""
    entry = {
        "campaign_id": "c",
        "verdict": "reseller",
        "graph": None,
        "members": None,
        "harm": None,
        "timeline": None,
    }
    (tmp_path / "campaigns.json").write_text(json.dumps({"version": 1, "campaigns": [entry]}))
    assert read_findings(tmp_path).campaigns[0].graph.links == ()


def test_counts_come_from_accounts_where_the_manifest_is_silent(tmp_path: Path) -> None:
    """Every account of the log has a row, so rows and exchanges can be counted."""
    folder = folders.small_folder(tmp_path)
    (folder / "manifest.json").unlink()
    run = read_findings(folder).run
    assert run.n_accounts == 220 + 38 + 6 + 54 + 20
    assert run.n_exchanges is not None and run.n_exchanges > 60_000


@pytest.mark.parametrize(
    ("content", "says", "hint"),
    [
        (None, "no campaigns.json", "hydrascope scan LOG... --out"),
        ('{"version": 1, "campaigns": [', "damaged or cut off", "hydrascope scan"),
        ("[]", "not an object", "hydrascope scan"),
        ('{"version": 2, "campaigns": []}', "version 2 of the findings format", "hydrascope scan"),
        ('{"campaigns": []}', "version None", "hydrascope scan"),
        ('{"version": 1, "campaigns": [{"verdict": "reseller"}]}', "campaign_id", "hydrascope scan"),
        (
            '{"version": 1, "campaigns": [{"campaign_id": "c", "verdict": "guilty"}]}',
            "guilty",
            "hydrascope scan",
        ),
    ],
)
def test_a_broken_folder_says_what_to_type(tmp_path: Path, content: str | None, says: str, hint: str) -> None:
    """Missing, damaged, incomplete or of another version: what, where, and what next."""
    if content is not None:
        (tmp_path / "campaigns.json").write_text(content)
    with pytest.raises(FindingsError) as caught:
        read_findings(tmp_path)
    assert says in caught.value.what
    assert hint in str(caught.value.hint)
    assert str(tmp_path) in str(caught.value.file)


def test_no_folder_and_a_file_are_told_apart(tmp_path: Path) -> None:
    """A wrong path is the commonest mistake: each kind has its own sentence."""
    with pytest.raises(FindingsError, match="no such findings folder"):
        read_findings(tmp_path / "nowhere")
    file = folders.bare_folder(tmp_path / "f") / "campaigns.json"
    with pytest.raises(FindingsError) as caught:
        read_findings(file)
    assert str(file.parent) in str(caught.value.hint)


def test_a_damaged_table_is_named(tmp_path: Path) -> None:
    """A truncated accounts.parquet is an error of that file."""
    folder = folders.bare_folder(tmp_path)
    (folder / "accounts.parquet").write_bytes(b"PAR1 cut")
    with pytest.raises(FindingsError, match=r"accounts\.parquet"):
        read_findings(folder)
