"""A dossier verifies as it was made, in a folder or a zip, and whatever is changed in it is named."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from audit_world import (
    AT,
    COIN_SEED,
    ROOT,
    base_model,
    small_log,
    small_registry,
    small_traffic,
    small_world,
    student_of,
)
from typer.testing import CliRunner

from hydrascope.cli.app import build_app
from hydrascope.errors import InputError, RefusalError, StateError, UsageError
from hydrascope.watermark.audit import audit_suspect
from hydrascope.watermark.audit_results import AuditSettings, write_audit
from hydrascope.watermark.dossier import dossier_digest, write_dossier
from hydrascope.watermark.dossier_page import render_dossier
from hydrascope.watermark.dossier_verify import verify_dossier
from hydrascope.watermark.twins import TwinRequest, draw_twin
from hydrascope.watermark.twins_audit import score_twins, write_twin_audit
from hydrascope.watermark.twins_store import TwinStore, create_store, read_secret

STAMP = "2026-01-02T00:00:00Z"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An audit, a twin test, and the dossier of both."""
    here = tmp_path_factory.mktemp("dossier")
    result, evidence = audit_suspect(
        student_of("north"), base_model(), small_registry(), ROOT, tokenizer=small_world().tokenizer,
        served=small_log(), natural=None, inputs={"logs": "digest"},
        settings=AuditSettings(n_decoys=200, probes_per_key=60, most_items=20_000), work=here / "work",
    )  # fmt: skip
    write_audit(here / "audit", result, evidence)
    create_store(here / "store", here / "secret", STAMP)
    with TwinStore(here / "store", read_secret(here / "secret"), writable=True) as store:
        for i, pair in enumerate(small_traffic().twins[:160]):
            request = TwinRequest(exchange_id=f"t{i}", account_id=pair.account_id, prompt=pair.prompt,
                                  cluster_id=pair.cluster_id)  # fmt: skip
            texts = iter(pair.answers)
            _, sealed = draw_twin(request, lambda _, texts=texts: next(texts), seed=store.coin_seed)
            store.seal(sealed)
            if i % 50 == 49:
                store.close_head(STAMP)
        store.close_head(STAMP)
        audit, _ = score_twins(
            store, student_of("north"), base_model(), accounts=None, fwer=0.01, work=here / "twinwork"
        )
        write_twin_audit(here / "twins", audit)
        for name in ("dossier", "dossier.zip"):
            write_dossier(here / name, **_parts(here, store))
    return here


def _parts(here: Path, store: TwinStore) -> dict[str, Any]:
    return {
        "title": "A <b>test</b> & nothing else",
        "at": STAMP,
        "audit": here / "audit",
        "registry": small_registry(),
        "root": ROOT,
        "opened": ["north", "south"],
        "twins": here / "twins",
        "store": store,
    }


def test_a_dossier_verifies_in_a_folder_and_in_a_zip(made: Path) -> None:
    """Offline, from its files alone; both forms have one digest."""
    folder, packed = (verify_dossier(made / name) for name in ("dossier", "dossier.zip"))
    assert folder.problems == packed.problems == ()
    assert folder.digest == packed.digest == dossier_digest(made / "dossier")
    assert [o["subject"] for o in folder.claims["keys"]["opened"] if o["traced"]] == ["north"]
    assert folder.claims["keys"]["n_tests"] == 4
    assert verify_dossier(made / "dossier", expected=folder.digest).problems == ()


def test_no_text_and_no_unopened_key_leaves_the_house(made: Path) -> None:
    """Digests of prompts and answers only; the page escapes what it is given."""
    everything = b"".join(p.read_bytes() for p in (made / "dossier").iterdir())
    assert small_traffic().twins[0].prompt.encode() not in everything
    assert small_traffic().twins[0].answers[0].encode() not in everything
    assert ROOT.hex().encode() not in everything
    page = (made / "dossier" / "report.html").read_text()
    assert "A &lt;b&gt;test&lt;/b&gt; &amp; nothing else" in page
    assert "<script" not in page
    assert "Exposure is not intent" in page


def test_another_digest_than_the_published_one_is_named(made: Path) -> None:
    """A consistent forgery is still not what was published."""
    problems = verify_dossier(made / "dossier", expected="0" * 64).problems
    assert any("not the expected one" in p for p in problems)


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def _put(path: Path, lines: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(line, sort_keys=True, separators=(",", ":")) + "\n" for line in lines))


def change_weight(folder: Path, told: dict[str, Any]) -> None:
    path = folder / told["claims"]["keys"]["opened"][0]["items"]
    held = dict(np.load(path))
    held["weights"][0] += 5.0
    np.savez_compressed(path, **held)


def change_opening(folder: Path, told: dict[str, Any]) -> None:
    told["materials"]["keys"]["evidence"][0]["openings"][0]["k0"] = "00" * 8


def change_subject(folder: Path, told: dict[str, Any]) -> None:
    told["materials"]["keys"]["evidence"][0]["openings"][0]["path"]["subject"] = "elsewhere"


def change_registry(folder: Path, told: dict[str, Any]) -> None:
    lines = _lines(folder / "registry.jsonl")
    lines[2]["at"] = "2020-01-01T00:00:00Z"
    _put(folder / "registry.jsonl", lines)


def cut_registry(folder: Path, told: dict[str, Any]) -> None:
    _put(folder / "registry.jsonl", _lines(folder / "registry.jsonl")[:-1])


def change_decoys(folder: Path, told: dict[str, Any]) -> None:
    told["materials"]["keys"]["evidence"][0]["decoy_seed"] += 1


def change_error_rate(folder: Path, told: dict[str, Any]) -> None:
    told["materials"]["twins"]["fwer"] = 0.9999


def change_score(folder: Path, told: dict[str, Any]) -> None:
    lines = _lines(folder / "twins-pairs.jsonl")
    pair = lines[4]
    won = pair["suspect_served"] - pair["suspect_twin"] > pair["reference_served"] - pair["reference_twin"]
    # Far enough to turn the pair's sign, whichever way the coin of this run fell.
    lines[4]["suspect_served"] = lines[4]["suspect_twin"] + (-1e3 if won else 1e3)
    _put(folder / "twins-pairs.jsonl", lines)


def change_coin(folder: Path, told: dict[str, Any]) -> None:
    lines = _lines(folder / "twins-pairs.jsonl")
    lines[4]["served"] = 1 - lines[4]["served"]
    _put(folder / "twins-pairs.jsonl", lines)


def change_account(folder: Path, told: dict[str, Any]) -> None:
    lines = _lines(folder / "twins-pairs.jsonl")
    lines[4]["opening"]["account_id"] = "someone else"
    _put(folder / "twins-pairs.jsonl", lines)


def change_proof(folder: Path, told: dict[str, Any]) -> None:
    lines = _lines(folder / "twins-pairs.jsonl")
    lines[4]["proof"][0] = "11" * 32
    _put(folder / "twins-pairs.jsonl", lines)


def leave_out_a_pair(folder: Path, told: dict[str, Any]) -> None:
    _put(folder / "twins-pairs.jsonl", _lines(folder / "twins-pairs.jsonl")[1:])


def count_a_pair_twice(folder: Path, told: dict[str, Any]) -> None:
    lines = _lines(folder / "twins-pairs.jsonl")
    _put(folder / "twins-pairs.jsonl", [*lines, lines[0]])


def change_log(folder: Path, told: dict[str, Any]) -> None:
    lines = _lines(folder / "twins-log.jsonl")
    lines[7]["tag"] = "22" * 32
    _put(folder / "twins-log.jsonl", lines)


def change_seed(folder: Path, told: dict[str, Any]) -> None:
    told["materials"]["twins"]["coin_seed"] = COIN_SEED.hex()


def change_head(folder: Path, told: dict[str, Any]) -> None:
    told["materials"]["twins"]["heads"][0]["at"] = "2020-01-01T00:00:00Z"


def change_verdict(folder: Path, told: dict[str, Any]) -> None:
    for opened in told["claims"]["keys"]["opened"]:
        opened["traced"] = True


def change_page(folder: Path, told: dict[str, Any]) -> None:
    path = folder / "report.html"
    path.write_text(path.read_text().replace("not intent", "intent"))


def drop_a_field(folder: Path, told: dict[str, Any]) -> None:
    del told["materials"]["twins"]["statement"]["seed_commitment"]


TAMPERED: dict[Callable[[Path, dict[str, Any]], None], str] = {
    change_weight: "claims.keys",
    change_opening: "does not match its commitment",
    change_subject: "does not match its commitment",
    change_registry: "changed after it was written",
    cut_registry: "registry",
    change_decoys: "claims.keys.evidence",
    change_error_rate: "",
    change_score: "claims.twins",
    change_coin: "the coin does not match its commitment",
    change_account: "the opening does not match its commitment",
    change_proof: "Merkle proof",
    leave_out_a_pair: "left out",
    count_a_pair_twice: "counted twice",
    change_log: "root of head 0",
    change_seed: "coin seed does not match",
    change_head: "head 1 does not follow",
    change_verdict: "claims.keys.opened",
    change_page: "report.html",
    drop_a_field: "missing or malformed",
}


@pytest.mark.parametrize("tamper", TAMPERED, ids=lambda f: f.__name__)
@pytest.mark.parametrize("careful", [False, True], ids=["digests kept", "digests forged"])
def test_tampering_is_named(made: Path, tmp_path: Path, tamper: Callable, careful: bool) -> None:
    """By digest; and where the digests are forged along, by what no longer follows."""
    if tamper is change_error_rate:
        pytest.skip("stated, not derived: shown on the page and fixed by the digest")
    shutil.copytree(made / "dossier", tmp_path / "d")
    told = json.loads((tmp_path / "d" / "dossier.json").read_text())
    tamper(tmp_path / "d", told)
    if careful:
        for name in told["files"]:
            told["files"][name] = hashlib.sha256((tmp_path / "d" / name).read_bytes()).hexdigest()
    (tmp_path / "d" / "dossier.json").write_text(json.dumps(told))
    problems = verify_dossier(tmp_path / "d", expected=dossier_digest(made / "dossier")).problems
    wanted = TAMPERED[tamper]
    assert any(wanted in p for p in problems), problems
    if not careful and tamper in (change_weight, change_registry, change_score, change_log, change_page):
        assert any("changed since the dossier was made" in p for p in problems)


def test_missing_and_foreign_files_are_named(made: Path, tmp_path: Path) -> None:
    """Nothing may be taken out or put in."""
    shutil.copytree(made / "dossier", tmp_path / "d")
    (tmp_path / "d" / "twins-log.jsonl").unlink()
    (tmp_path / "d" / "extra.txt").write_text("psst")
    problems = verify_dossier(tmp_path / "d").problems
    assert "twins-log.jsonl: missing" in problems
    assert "extra.txt: not part of the dossier" in problems


def test_what_is_no_dossier_is_an_input_error(tmp_path: Path) -> None:
    """An empty folder, a text file, a zip with folders in it."""
    (tmp_path / "file.zip").write_text("no zip")
    for path in (tmp_path, tmp_path / "file.zip", tmp_path / "missing"):
        with pytest.raises(InputError):
            verify_dossier(path)


def test_a_dossier_is_not_written_over_another_or_from_nothing(made: Path, tmp_path: Path) -> None:
    """Nor with a registry that changed since the audit, nor with a key that was not tested."""
    with pytest.raises(UsageError, match="exists already"):
        write_dossier(made / "dossier", title="t", at=STAMP, audit=made / "audit")
    with pytest.raises(UsageError, match="needs an audit or a twin test"):
        write_dossier(tmp_path / "d", title="t", at=STAMP)
    changed = small_registry().revoke(ROOT, small_registry().find("idle"), at=AT, reason="test")
    given = {"title": "t", "at": STAMP, "audit": made / "audit", "root": ROOT}
    with pytest.raises(StateError, match="changed since the audit"):
        write_dossier(tmp_path / "d", registry=changed, opened=["north"], **given)
    with pytest.raises(RefusalError, match="was tested"):
        write_dossier(tmp_path / "d", registry=small_registry(), opened=["idle"], **given)
    assert not (tmp_path / "d").exists()


def test_the_page_is_a_function_of_what_it_shows(made: Path) -> None:
    """Rendered again, byte for byte the same."""
    told = json.loads((made / "dossier" / "dossier.json").read_text())
    page = render_dossier(told["materials"], told["claims"])
    assert page == (made / "dossier" / "report.html").read_text()


def test_the_command_says_what_holds_and_fails_where_something_does_not(made: Path, tmp_path: Path) -> None:
    """Exit code 0 and 1; `--json` carries the claims."""
    run = CliRunner()
    good = run.invoke(build_app(["verify"]), ["verify", str(made / "dossier.zip")])
    assert good.exit_code == 0
    assert "verified: every digest" in good.output
    assert "cluster north: traced" in good.output
    shutil.copytree(made / "dossier", tmp_path / "d")
    (tmp_path / "d" / "report.html").write_text("nothing to see")
    bad = run.invoke(build_app(["verify"]), ["verify", str(tmp_path / "d")])
    assert bad.exit_code == 1
    assert "DOES NOT HOLD  report.html" in bad.output
    told = run.invoke(build_app(["verify"]), ["verify", str(made / "dossier"), "--json"])
    assert json.loads(told.output)["problems"] == []
