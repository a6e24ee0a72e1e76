"""Audits: they name the cluster that fed a student, nobody else, by every road; and refuse with the reason."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from audit_world import (
    AT,
    MARK,
    ROOT,
    base_model,
    made_up_text,
    small_log,
    small_registry,
    small_traffic,
    small_world,
    student_of,
)

from hydrascope.errors import InputError, RefusalError, StateError, UsageError
from hydrascope.lab.api import serve_api
from hydrascope.lab.bpe import train_bpe
from hydrascope.lab.world import distil
from hydrascope.watermark.audit import audit_suspect
from hydrascope.watermark.audit_probes import natural_probes, read_served
from hydrascope.watermark.audit_results import AuditSettings, read_items, write_audit
from hydrascope.watermark.audit_weights import ChunkFolder, weigh_rows
from hydrascope.watermark.keys import Level, decoy_keys
from hydrascope.watermark.radioactivity import merge_items
from hydrascope.watermark.registry import create_registry, read_registry
from hydrascope.watermark.suspect_http import HttpSuspect
from hydrascope.watermark.suspect_open import open_suspect, open_tokenizer
from hydrascope.watermark.suspect_trigram import TrigramSuspect, train_trigram
from hydrascope.watermark.trace import MarkTest, key_sums

SETTINGS = AuditSettings(n_decoys=400, probes_per_key=120, natural_pieces=40, answer_tokens=60)


def audit(suspect, work: Path, *, served=None, natural=None, registry=None, reference=None, **changed):
    """One audit of the small world; everything has a default."""
    return audit_suspect(
        suspect,
        reference or base_model(),
        registry or small_registry(),
        ROOT,
        tokenizer=changed.pop("tokenizer", small_world().tokenizer),
        served=small_log() if served is None else served,
        natural=natural,
        inputs={"logs": "digest"},
        settings=replace(SETTINGS, **changed),
        work=work,
    )


def traced(result) -> list[str]:
    return sorted(r.subject for r in result.results if r.traced)


def foreign_student() -> TrigramSuspect:
    """A student of `north` with a tokeniser of its own."""
    tokenizer = train_bpe(small_world().human, 380)
    texts = [
        tokenizer.encode(s.prompt + s.completion) for s in small_log() if s.account_id.startswith("north")
    ]
    base = train_trigram(tokenizer, [tokenizer.encode(t) for t in small_world().human])
    return TrigramSuspect(distil(base, texts, copies=2), "foreign student")


def test_open_weights_name_the_cluster_that_fed_the_student(tmp_path: Path) -> None:
    """`north` far beyond doubt, nobody else; decoys uniform; every committed key counted."""
    result, evidence = audit(student_of("north"), tmp_path, natural="\n".join(small_world().heldout))
    assert result.mode == "weights"
    assert traced(result) == ["north"]
    assert result.results[0].test.log10_p < -20
    assert result.n_tests == 4 == len(result.results)
    assert all(piece.decoys.uniform for piece in evidence)
    assert {r.subject: r.group for r in result.results}["idle"] == "natural"


def test_a_student_of_nobody_is_not_accused(tmp_path: Path) -> None:
    """Trained on unmarked text of the same kind."""
    result, _ = audit(student_of("nobody"), tmp_path)
    assert traced(result) == []
    assert result.results[0].test.log10_p > -3


def test_the_reference_more_than_doubles_the_exponent(tmp_path: Path) -> None:
    """Same student, same probes, same exact null: with and without a reference."""
    with_base, _ = audit(student_of("north"), tmp_path / "a")
    settings = replace(SETTINGS, most_weight=10.0)
    mass, _ = audit_suspect(
        student_of("north"), None, small_registry(), ROOT, tokenizer=small_world().tokenizer,
        served=small_log(), natural=None, inputs={}, settings=settings, work=tmp_path / "b",
    )  # fmt: skip
    assert with_base.results[0].test.log10_p < 2 * mass.results[0].test.log10_p


@pytest.mark.parametrize("gift", ["prompt_logprobs", "echo"])
def test_an_api_with_prompt_log_probabilities_gives_the_same_name(tmp_path: Path, gift: str) -> None:
    """Over HTTP, top-k only, by token id or by token string."""
    with serve_api(student_of("north"), gift) as url:
        suspect = HttpSuspect(url, "student", marked=small_world().tokenizer, pause_s=0.01)
        result, _ = audit(suspect, tmp_path, probes_per_key=40)
    assert result.mode == "top"
    assert traced(result) == ["north"]


def test_a_text_only_api_gives_the_same_name(tmp_path: Path) -> None:
    """Sampled answers, contexts that were served, exact counts."""
    with serve_api(student_of("north"), "text") as url:
        suspect = HttpSuspect(url, "student", marked=small_world().tokenizer, pause_s=0.01)
        result, evidence = audit(suspect, tmp_path)
    assert result.mode == "text"
    assert result.reference is None
    assert traced(result) == ["north"]
    assert all((piece.items.weights == 1).all() for piece in evidence)


def test_a_text_only_audit_may_stop_as_soon_as_a_key_is_found(tmp_path: Path) -> None:
    """Fewer answers, and a p-value that holds for whoever peeks: the inverse of a bet's capital."""
    asked = []
    north = [
        a
        for r, a in zip(small_traffic().rows, small_traffic().answers, strict=True)
        if "north" in r["account_id"]
    ]
    devoted = TrigramSuspect(distil(small_world().base, north, copies=4), "devoted student of north")
    result, evidence = audit_suspect(
        devoted,
        None,
        small_registry(),
        ROOT,
        tokenizer=small_world().tokenizer,
        served=small_log(),
        natural=None,
        inputs={},
        settings=replace(SETTINGS, mode="text", stop_early=True),
        work=tmp_path,
        tell=lambda done, total: asked.append((done, total)),
    )
    done, total = asked[-1]
    assert done < total
    assert traced(result) == ["north"]
    assert all(piece.anytime for piece in evidence)


def test_the_bet_on_decoys_pays_no_more_than_it_should() -> None:
    """Mean capital of 2,000 keys that marked nothing is about one; p = 1 / capital is never too small."""
    pairs = np.random.default_rng(2).integers(0, 420, (600, 3)).astype(np.int32)
    items = merge_items(pairs[:, :2], pairs[:, 2], np.ones(600))
    test = MarkTest(items, MARK, anytime=True)
    sums = key_sums(items, decoy_keys(4, 2000), MARK)
    assert (10 ** test.log10_e(sums)).mean() < 1.5
    assert (test.log10_p(sums) <= -2).mean() <= 0.01


def test_the_served_token_is_dropped_unless_it_is_among_the_likeliest() -> None:
    """An API adds it to every top-k; kept because it was served, it would lean green."""
    tokens = np.concatenate([student_of("nobody").tokenizer.encode(t) for t in made_up_text(9, 2)])
    with serve_api(student_of("nobody"), "prompt_logprobs") as url:
        suspect = HttpSuspect(url, "s", marked=small_world().tokenizer, pause_s=0.01)
        ids, probs = suspect.top_probs(tokens)
    full = student_of("nobody").next_probs(tokens)[:-1]
    for row, got, p in zip(full, ids, probs, strict=False):
        kept = np.sort(p[got >= 0])
        np.testing.assert_allclose(kept, np.sort(row)[-20:], rtol=1e-4)


def test_scores_over_http_are_those_of_the_model() -> None:
    """By prompt log-probabilities and by echo."""
    own = student_of("north").sequence_logprob("", "plain words to score")
    for gift in ("prompt_logprobs", "echo"):
        with serve_api(student_of("north"), gift) as url:
            suspect = HttpSuspect(url, "s", pause_s=0.01)
            told = suspect.sequence_logprob("", "plain words to score")
            first = student_of("north").sequence_logprob("", "p")
        assert told == pytest.approx(own, abs=abs(first) + 6)


def test_another_tokeniser_is_refused_for_weights_and_sampled_instead(tmp_path: Path) -> None:
    """Its ids mean something else; its text, re-encoded, still tells."""
    suspect = foreign_student()
    with pytest.raises(RefusalError, match="another tokeniser"):
        audit(suspect, tmp_path / "w", mode="weights")
    result, _ = audit(suspect, tmp_path / "t", probes_per_key=300)
    assert result.mode == "text"
    assert traced(result) in ([], ["north"])
    assert result.results[0].subject == "north"


@pytest.mark.parametrize("gift", ["prompt_logprobs", "echo"])
def test_an_api_that_splits_text_otherwise_is_noticed(tmp_path: Path, gift: str) -> None:
    """From its answers, not on trust."""
    with serve_api(foreign_student(), gift) as url:
        suspect = HttpSuspect(url, "s", marked=small_world().tokenizer, pause_s=0.01)
        with pytest.raises(RefusalError, match="other tokens"):
            audit(suspect, tmp_path)


def test_an_audit_that_was_cut_off_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """What was answered is not asked again, and the outcome is byte for byte the same."""

    class StoppedError(Exception):
        pass

    def stop(done: int, total: int) -> None:
        if done > 64:
            raise StoppedError

    whole = audit(student_of("north"), tmp_path / "whole")
    given = {"tokenizer": small_world().tokenizer, "served": small_log(), "natural": None,
             "inputs": {"logs": "digest"}, "settings": SETTINGS, "work": tmp_path / "cut"}  # fmt: skip
    with pytest.raises(StoppedError):
        audit_suspect(student_of("north"), base_model(), small_registry(), ROOT, tell=stop, **given)
    finished = {p: p.stat().st_mtime_ns for p in (tmp_path / "cut").glob("*.npz")}
    assert finished
    resumed = audit_suspect(student_of("north"), base_model(), small_registry(), ROOT, **given)
    assert all(path.stat().st_mtime_ns == at for path, at in finished.items())
    for name, found in (("a", whole), ("b", resumed)):
        write_audit(tmp_path / name, *found)
    for path in sorted((tmp_path / "a").iterdir()):
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_chunks_of_other_settings_are_not_reused(tmp_path: Path) -> None:
    """The folder remembers what its answers depend on."""
    ChunkFolder(tmp_path, {"seed": 1})
    with pytest.raises(StateError, match="other settings"):
        ChunkFolder(tmp_path, {"seed": 2})


def test_the_order_of_the_log_does_not_matter(tmp_path: Path) -> None:
    """Nor does the number of files."""
    rows = [
        {"exchange_id": s.exchange_id, "account_id": s.account_id, "prompt": s.prompt,
         "completion": s.completion, "watermark_key": s.key_id}
        for s in small_log()
    ]  # fmt: skip
    one, two, three = (tmp_path / name for name in ("one.jsonl", "two.jsonl", "three.jsonl"))
    one.write_text("".join(json.dumps(r) + "\n" for r in rows))
    two.write_text("".join(json.dumps(r) + "\n" for r in rows[250:][::-1]))
    three.write_text("".join(json.dumps(r) + "\n" for r in rows[:250]))
    assert (
        read_served([one])[0]
        == read_served([two, three])[0]
        == sorted(small_log(), key=lambda s: s.exchange_id)
    )
    assert read_served([two, three])[1] == read_served([three, two])[1]


def test_a_revoked_key_is_counted_but_never_evidence(tmp_path: Path) -> None:
    """Its p stands in the table; it is not traced."""
    known = small_registry()
    revoked = known.revoke(ROOT, known.find("north"), at=AT + timedelta(days=1), reason="leaked")
    result, _ = audit(student_of("north"), tmp_path, registry=revoked)
    assert result.n_tests == 4
    assert traced(result) == []


def test_keys_of_another_tokeniser_are_not_tested(tmp_path: Path) -> None:
    """They still count as tests; with no other key there is nothing to test."""
    mixed = small_registry().commit(ROOT, ["far"], level=Level.CLUSTER, mark=MARK, tokenizer="bytes", at=AT)
    result, _ = audit(student_of("north"), tmp_path / "a", registry=mixed)
    assert result.n_tests == 5
    assert "committed for another tokeniser" in result.refused.values()
    alone = create_registry(ROOT, "toy", at=AT).commit(
        ROOT, ["far"], level=Level.CLUSTER, mark=MARK, tokenizer="bytes", at=AT
    )
    with pytest.raises(RefusalError, match="another tokeniser"):
        audit(student_of("north"), tmp_path / "b", registry=alone)


def test_nothing_to_ask_is_refused(tmp_path: Path) -> None:
    """Empty text, one token, no log: never a p-value."""
    tokenizer = small_world().tokenizer
    for text in ("", "a"):
        with pytest.raises(RefusalError, match="tokens; at least"):
            natural_probes(text, tokenizer, limit=5)
    with pytest.raises(RefusalError, match="nothing to ask"):
        audit(student_of("north"), tmp_path, served=[])
    with pytest.raises(RefusalError, match="nothing to ask"):
        audit(student_of("north"), tmp_path / "short", served=[replace(small_log()[0], completion="a")])


def test_bad_inputs_say_what_is_wrong(tmp_path: Path) -> None:
    """Logs, registries, models and tokenisers that are not what they should be."""
    log = tmp_path / "log.jsonl"
    log.write_text('{"exchange_id": "x"}\n')
    with pytest.raises(InputError, match="needs exchange_id"):
        read_served([log])
    log.write_text("{not json\n")
    with pytest.raises(InputError, match="not a JSON line"):
        read_served([log])
    log.write_text('{"exchange_id": "x", "account_id": "a", "prompt": "p", "completion": ""}\n')
    with pytest.raises(InputError, match="no exchange with a completion"):
        read_served([log])
    path = tmp_path / "keys.jsonl"
    small_registry().write(path)
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(StateError):
        read_registry(path)
    for name in ("missing.npz", str(log)):
        with pytest.raises(InputError):
            open_suspect(name)
    with pytest.raises(InputError):
        open_tokenizer("missing.npz")
    with pytest.raises(UsageError, match="name of the model"):
        open_suspect("http://127.0.0.1:9/v1")


def test_an_api_that_cannot_be_reached_is_an_input_error() -> None:
    """With what to do next."""
    suspect = HttpSuspect("http://127.0.0.1:9/v1", "m", retries=1, pause_s=0.01)
    with pytest.raises(InputError, match="cannot be reached") as error:
        suspect.complete("p", 4, 0)
    assert "resume" in str(error.value)


def test_items_that_do_not_fit_together_are_refused(tmp_path: Path) -> None:
    """A context that is not there, or columns of unequal length."""
    good = {"contexts": np.zeros((2, 2), np.int32), "context_of": np.array([0, 5]),
            "tokens": np.array([1, 2]), "weights": np.ones(2)}  # fmt: skip
    np.savez(tmp_path / "bad.npz", **good)
    with pytest.raises(InputError, match="do not fit"):
        read_items(tmp_path / "bad.npz")


def test_top_k_weights_subtract_the_reference_where_it_knows_the_token() -> None:
    """From whole distributions of the reference, or from its own top-k."""
    tokens = small_world().tokenizer.encode(small_world().heldout[0])
    ids, weights = weigh_rows(student_of("north"), base_model(), tokens, top=True)
    rows = student_of("north").next_probs(tokens) - base_model().next_probs(tokens)
    np.testing.assert_allclose(weights, np.take_along_axis(rows, ids.astype(np.int64), axis=1), atol=1e-6)
