"""The lab: small models that are what they claim, marked text that is marked, attacks that attack."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from hydrascope.cli.app import build_app
from hydrascope.errors import HydrascopeError, InputError, RefusalError
from hydrascope.lab.attacks import neutralise, substitute
from hydrascope.lab.bpe import train_bpe
from hydrascope.lab.text import gather_text, paragraphs, split_text
from hydrascope.lab.tiny import sample_tiny, train_tiny, write_tiny
from hydrascope.lab.traffic import mark_with, sample_answers
from hydrascope.lab.world import World, build_world, distil, held_out_loss, read_world, write_world
from hydrascope.watermark.keys import decoy_keys
from hydrascope.watermark.marks import Mark
from hydrascope.watermark.pairs import dedup_pairs
from hydrascope.watermark.radioactivity import merge_items
from hydrascope.watermark.suspect_hf import HfSuspect
from hydrascope.watermark.suspect_trigram import TrigramSuspect, read_trigram, train_trigram
from hydrascope.watermark.trace import MarkTest

KEY = decoy_keys(1, 1)[0]
MARK = Mark(scheme="red_green", context_width=2, gamma=0.25, delta=2.0)


def prose(seed: int, n: int) -> list[str]:
    """Made-up sentences with habits."""
    rng = np.random.default_rng(seed)
    words = ["".join(rng.choice(list("abcdefghij"), 4)) for _ in range(150)]
    likes = rng.integers(0, 150, (150, 6))
    out = []
    for _ in range(n):
        at, said = 0, []
        for _ in range(30):
            said.append(words[at])
            at = int(likes[at, rng.integers(6)]) if rng.random() < 0.8 else int(rng.integers(150))
        out.append(" ".join(said))
    return out


@cache
def world() -> World:
    return build_world(prose(1, 1600), vocab_size=400)


@cache
def answers(marked: bool) -> list[np.ndarray]:
    """300 answers of the teacher."""
    prompts = [world().tokenizer.encode(t)[:12] for t in (world().prompts * 10)[:300]]
    marker = mark_with(KEY, MARK) if marked else None
    return sample_answers(world().teacher, prompts, 50, np.random.default_rng(2), markers=[marker] * 300)


def log10_p(sequences: list[np.ndarray], mark: Mark = MARK) -> float:
    contexts, tokens = dedup_pairs(sequences, mark.context_width)
    return MarkTest(merge_items(contexts, tokens, np.ones(len(tokens))), mark).tests([KEY])[0].log10_p


@given(st.text(max_size=80))
@settings(max_examples=60, deadline=None)
def test_any_text_survives_encoding(text: str) -> None:
    """Bytes are the floor of the vocabulary, so nothing is out of it."""
    tokenizer = world().tokenizer
    clean = text.encode("utf-8", "replace").decode()
    assert tokenizer.decode(tokenizer.encode(text)) == clean


def test_the_merges_are_learned_from_frequency() -> None:
    """The most frequent pair is merged first, ties by id; the same text gives the same tokeniser."""
    tokenizer = train_bpe(["aab aab aab cd"], 259)
    assert tokenizer.token_bytes[256] == b"aa"
    assert train_bpe(prose(1, 50), 300).fingerprint == train_bpe(prose(1, 50), 300).fingerprint
    assert train_bpe(prose(1, 50), 300).fingerprint != train_bpe(prose(2, 50), 300).fingerprint


def test_next_token_distributions_sum_to_one() -> None:
    """After any context, seen or not."""
    rows = TrigramSuspect(world().teacher, "t").next_probs(np.array([5, 250, 399, 399, 300], np.int32))
    np.testing.assert_allclose(rows.sum(axis=1), 1.0, rtol=1e-5)
    assert (rows > 0).all()


def test_training_on_two_texts_is_the_merge_of_training_on_each() -> None:
    """Counts add."""
    encoded = [world().tokenizer.encode(t) for t in prose(3, 40)]
    whole = train_trigram(world().tokenizer, encoded)
    halves = train_trigram(world().tokenizer, encoded[:13]).merge(
        train_trigram(world().tokenizer, encoded[13:])
    )
    assert whole.fingerprint == halves.fingerprint
    other = train_trigram(train_bpe(prose(4, 40), 300), [])
    with pytest.raises(RefusalError, match="different tokenisers"):
        whole.merge(other)


def test_a_model_comes_back_as_it_was_written(tmp_path: Path) -> None:
    """And a file that is none is refused."""
    write_world(world(), tmp_path / "w")
    again = read_world(tmp_path / "w")
    assert again.teacher.fingerprint == world().teacher.fingerprint
    assert again.heldout == world().heldout
    (tmp_path / "bad.npz").write_text("no")
    with pytest.raises(InputError):
        read_trigram(tmp_path / "bad.npz")
    with pytest.raises(InputError, match="hydrascope lab world"):
        read_world(tmp_path / "missing")


def test_sampled_text_is_the_models_own() -> None:
    """The teacher's answers are likelier under the teacher than under the base."""
    teacher, base = (TrigramSuspect(m, "m") for m in (world().teacher, world().base))
    texts = [world().tokenizer.decode(a) for a in answers(False)[:60]]
    assert sum(teacher.sequence_logprob("", t) - base.sequence_logprob("", t) for t in texts) > 0


@pytest.mark.parametrize(
    "mark",
    [
        MARK,
        Mark(scheme="red_green", context_width=1, gamma=0.5),
        Mark(scheme="gumbel", context_width=2),
        Mark(scheme="gumbel", context_width=4),
    ],
    ids=lambda m: m.label,
)
def test_marked_answers_carry_their_mark_and_no_other(mark: Mark) -> None:
    """The text itself is found by its key at once; another key sees nothing."""
    prompts = [world().tokenizer.encode(t)[:12] for t in (world().prompts * 5)[:120]]
    rng = np.random.default_rng(4)
    got = sample_answers(world().teacher, prompts, 50, rng, markers=[mark_with(KEY, mark)] * 120)
    contexts, tokens = dedup_pairs(got, mark.context_width)
    test = MarkTest(merge_items(contexts, tokens, np.ones(len(tokens))), mark)
    own, other = test.tests([KEY, decoy_keys(2, 1)[0]])
    assert own.log10_p < -6
    assert other.log10_p > -4


def test_unmarked_answers_carry_none() -> None:
    """The same key, nothing served under it."""
    assert log10_p(answers(False)) > -3 > log10_p(answers(True))


def test_a_student_of_served_answers_fits_its_text_better() -> None:
    """Held-out loss falls when the base trains on the teacher's answers."""
    student = distil(world().base, answers(False))
    assert held_out_loss(student, world().heldout) < held_out_loss(world().base, world().heldout) + 0.02


def test_substitution_weakens_a_mark_and_key_theft_removes_it() -> None:
    """Paraphrase of a third of the tokens; then a thief who knows the key."""
    rng = np.random.default_rng(6)
    marked = answers(True)
    rewritten = substitute(marked, world().base, 0.3, rng)
    changed = np.mean([(a != b).mean() for a, b in zip(marked, rewritten, strict=True)])
    assert 0.2 < changed < 0.4
    cleaned = neutralise(marked, world().base, KEY, MARK, rng)
    assert log10_p(marked) < log10_p(rewritten) < log10_p(cleaned)
    assert log10_p(cleaned) > -6


def test_text_is_gathered_split_and_kept_apart(tmp_path: Path) -> None:
    """Prose paragraphs only, each in one split, the same way every time."""
    body = "\n\n".join(prose(8, 2500))
    (tmp_path / "a.md").write_text(body)
    (tmp_path / "b.py").write_text('"""' + body[:5000] + '"""\nx = 1\n')
    found = gather_text([tmp_path])
    assert len(found) == len(set(found)) > 2000
    assert list(paragraphs("too short")) == []
    parts = split_text(found, {"a": 3, "b": 1})
    assert sorted(parts["a"] + parts["b"]) == sorted(found)
    assert 2 < len(parts["a"]) / len(parts["b"]) < 4
    with pytest.raises(InputError, match="--text"):
        gather_text([tmp_path / "b.py"])


def test_from_nothing_to_a_verified_dossier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tutorial's commands, on a smaller world."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.md").write_text("\n\n".join(prose(1, 2500)))
    keys = "keys.jsonl --root-file root.key"
    for command in (
        "lab world lab --text text.md --vocabulary 400",
        "watermark keys init keys.jsonl --deployment demo --new-root root.key",
        f"watermark keys add {keys} --tokenizer lab/teacher.npz --level deployment",
        f"watermark keys add {keys} --tokenizer lab/teacher.npz --id hydra-7 --id hydra-8",
        "watermark twins init twins --secret twins.key",
        "lab serve lab --registry keys.jsonl --root-file root.key --accounts 4 --exchanges 60 --cluster hydra-7=2"
        " --twins twins --secret twins.key --out served.jsonl",
        "watermark twins status twins --secret twins.key",
        "lab student lab served.jsonl --account account-000 --account account-001 --out suspect.npz",
        "watermark audit --suspect suspect.npz --reference lab/base.npz --registry keys.jsonl --root-file root.key"
        " --tokenizer lab/teacher.npz --logs served.jsonl --probe lab/heldout.txt --decoys 300 --probes 60"
        " --out audit --quiet",
        "watermark twins test twins --secret twins.key --suspect suspect.npz --reference lab/base.npz --out twintest"
        " --quiet",
        "watermark dossier --audit audit --registry keys.jsonl --root-file root.key --open hydra-7 --twins twintest"
        " --store twins --secret twins.key --out dossier.zip",
        "verify dossier.zip",
    ):
        words = command.split()
        result = CliRunner().invoke(build_app(words), words, catch_exceptions=False)
        assert result.exit_code == 0, (command, result.output)
    assert "cluster hydra-7: traced" in result.output
    assert "account account-001: traced" in result.output
    assert "verified: every digest, commitment, statistic and verdict holds" in result.output


def test_a_tiny_transformer_is_a_suspect_like_any_model_folder(tmp_path: Path) -> None:
    """Trained, marked, written and read back; skipped where torch is not installed."""
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    encoded = [world().tokenizer.encode(t) for t in prose(1, 150)]
    model = train_tiny(encoded, world().tokenizer.vocab_size, width=32, layers=2, batch=8)
    got = sample_tiny(
        model, [encoded[0][:8]] * 40, 40, np.random.default_rng(1), marker=mark_with(KEY, MARK), batch=40
    )
    assert log10_p(got) < -10
    write_tiny(model, world().tokenizer, tmp_path / "m")
    suspect = HfSuspect(tmp_path / "m")
    rows = suspect.next_probs(encoded[1])
    np.testing.assert_allclose(rows.sum(axis=1), 1.0, rtol=1e-3)
    assert suspect.tokenizer.fingerprint == world().tokenizer.fingerprint
    assert suspect.sequence_logprob(prose(1, 1)[0][:20], " and so on") < 0
    assert len(suspect.fingerprint) == 64


def test_without_torch_the_extra_is_named(tmp_path: Path) -> None:
    """A model folder needs it, and the error says what to install."""
    try:
        import torch  # noqa: F401
        import transformers  # noqa: F401
    except ImportError:
        with pytest.raises(HydrascopeError, match="model folder needs"):
            HfSuspect(tmp_path)
