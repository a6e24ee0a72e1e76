"""Detection end to end: calibrated under the null, right about who, and silent where nothing can be said."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from marked_texts import V, texts
from scipy import stats

from hydrascope.errors import HydrascopeError, InputError, RefusalError
from hydrascope.kernels.prf import messages
from hydrascope.kernels.prf_sliced import SIPHASH, sliced_counts
from hydrascope.watermark import (
    TRACE,
    KeyPath,
    Level,
    Mark,
    Prf,
    RedGreen,
    Scheme,
    binomial_log10_p,
    decoy_keys,
    dedup_pairs,
    derive_key,
    green_counts,
)
from hydrascope.watermark.attribute import KeyResult, attribute
from hydrascope.watermark.detect import Detection, DetectSettings, detect
from hydrascope.watermark.encoding import fence_token_ids, load_tokenizer
from hydrascope.watermark.pairs import windows
from hydrascope.watermark.pvalues import uniform_ks
from hydrascope.watermark.registry import Registry, create_registry
from hydrascope.watermark.score import calibration_p, pad_of, score_keys
from hydrascope.watermark.sequential import detect_sequentially
from hydrascope.watermark.texts import Encoded, Text, encode_texts

ROOT = bytes(range(32))
AT = datetime(2026, 11, 1, tzinfo=UTC)
IDS = load_tokenizer(f"ids:{V}")
FEW = DetectSettings(n_decoys=640)


def encoded(tokens: list[np.ndarray]) -> Encoded:
    """A corpus without prompts."""
    return encode_texts([Text(where="t", token_ids=tuple(t.tolist())) for t in tokens], IDS)


def registry(n: int = 100, mark: Mark = TRACE) -> Registry:
    """One deployment key and `n` cluster keys."""
    opened = create_registry(ROOT, "demo", at=AT)
    known = opened.commit(ROOT, ["demo"], level=Level.DEPLOYMENT, mark=mark, tokenizer=IDS.fingerprint, at=AT)
    names = [f"C{i}" for i in range(n)]
    return known.commit(ROOT, names, level=Level.CLUSTER, mark=mark, tokenizer=IDS.fingerprint, at=AT)


def run(known: Registry, tokens: list[np.ndarray], settings: DetectSettings = FEW) -> Detection:
    """A detection."""
    return detect(known, ROOT, encoded(tokens), IDS, settings)


@pytest.fixture(scope="module")
def plain() -> list[np.ndarray]:
    """Unmarked texts, 16,000 tokens of which a good part repeats."""
    return texts(5, 200)


@pytest.mark.parametrize("gamma", [0.5, 0.25])
@pytest.mark.parametrize("prf", list(Prf))
def test_p_values_of_2000_decoy_keys_are_uniform(plain: list[np.ndarray], gamma: float, prf: Prf) -> None:
    """Kolmogorov-Smirnov p above 0.05 with the shipped seed 0; it is a draw, so the seed is not searched for:
    over 20 further seeds the smallest must only exceed 1e-3 (chance of failing: 2 % were they 20 fresh draws, but
    seeds and texts are fixed, so the result never changes)."""
    mark = Mark(scheme=Scheme.RED_GREEN, context_width=2, gamma=gamma, prf=prf)
    pairs = dedup_pairs(plain, 2)
    smallest = []
    for seed in range(21):
        scores = score_keys(mark, decoy_keys(seed, 2000), *pairs)
        smallest.append(uniform_ks(calibration_p(mark, scores, seed)[0]))
    assert smallest[0] > 0.05
    assert min(smallest) > 1e-3


@pytest.mark.parametrize("scheme", [Scheme.GUMBEL, Scheme.SYNTHID, Scheme.VLLM_GUMBEL, Scheme.VLLM_RED_GREEN])
def test_decoys_of_every_exact_scheme_are_uniform(plain: list[np.ndarray], scheme: Scheme) -> None:
    """400 keys each, on the same texts."""
    mark = Mark(scheme=scheme, context_width=2, gamma=0.25)
    contexts, tokens = dedup_pairs(plain, 2, pad=pad_of(mark))
    p, side = calibration_p(mark, score_keys(mark, decoy_keys(1, 400, sliced=False), contexts, tokens), 1)
    assert side == "two-sided"
    assert uniform_ks(p) > 0.01


@pytest.mark.parametrize("scheme", [Scheme.SYNTHID, Scheme.HF_KGW, Scheme.HF_SYNTHID])
def test_bounds_stay_above_uniform(plain: list[np.ndarray], scheme: Scheme) -> None:
    """At most a share x of decoys has a bound below x."""
    mark = Mark(scheme=scheme, context_width=1 if scheme is Scheme.HF_KGW else 4)
    contexts, tokens = dedup_pairs(plain[:60], mark.context_width)
    n = 60 if scheme is Scheme.HF_KGW else 300
    scores = score_keys(mark, decoy_keys(2, n, sliced=False), contexts, tokens, n_vocabulary=V)
    for x in (0.5, 0.1, 0.02):
        assert (10**scores.log10_p <= x).sum() <= stats.binom.ppf(0.999, n, x)


def test_counting_repeats_would_accuse_innocents(plain: list[np.ndarray]) -> None:
    """Why deduplication cannot be switched off: without it, one key in twenty reaches p < 1e-6 on plain text."""
    rows = [windows(text, 1) for text in plain]
    contexts, tokens = (np.concatenate(parts) for parts in zip(*rows, strict=True))
    counts = green_counts(contexts, tokens, decoy_keys(0, 1000))
    assert (binomial_log10_p(counts, len(tokens), 0.5) < -6).mean() > 0.04
    context, token = dedup_pairs(plain, 1)
    assert (
        binomial_log10_p(green_counts(context, token, decoy_keys(0, 1000)), len(token), 0.5) < -6
    ).mean() == 0


def test_none_of_100000_null_audits_passes_one_in_a_million(plain: list[np.ndarray]) -> None:
    """Audits of 20 keys, Holm inside each: exact p-values put 0.1 of 100,000 below 1e-6.

    The first 100,000 (seed 0) show none; 400,000 may show three (more has chance 1e-3). At 1 % the share is 1 %.
    """
    contexts, tokens = dedup_pairs(plain, 2)
    words = messages(contexts[:1500], tokens[:1500])
    table = binomial_log10_p(np.arange(len(words) + 1), len(words), 0.25)
    smallest = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        k0, k1 = (rng.integers(0, 2**64, 31_250, dtype=np.uint64) for _ in range(2))
        counts = sliced_counts(SIPHASH, True, k0, k1, words).reshape(100_000, 20)
        smallest.append(table[counts].min(axis=1) + np.log10(20))
    assert (smallest[0] < -6).sum() == 0
    assert (np.concatenate(smallest) < -6).sum() <= 3
    assert (smallest[0] < np.log10(0.01)).sum() <= stats.binom.ppf(0.9999, 100_000, 0.01)


def test_the_right_cluster_is_named_and_nobody_else() -> None:
    """1 of 100 clusters, 20 texts of 80 tokens; the deployment's own key stays silent."""
    known = registry()
    key = known.secret(ROOT, known.find("C41")[0])
    found = run(known, texts(7, 20, key))
    assert [claim.result.subject for claim in found.claims] == ["C41"]
    assert found.verdict == "found"
    assert (found.n_keys, found.n_tested) == (101, 101)
    assert all(gate.opened for gate in found.gates)
    assert found.marks[0].decoys.calibrated


def test_innocent_texts_accuse_nobody(plain: list[np.ndarray]) -> None:
    """And say how many tests were made."""
    found = run(registry(), plain)
    assert found.verdict == "not found"
    assert found.claims == ()
    assert not found.gates[0].opened


def test_detection_does_not_depend_on_the_order_of_texts() -> None:
    """Nor on their repetition."""
    known = registry(3)
    some = texts(8, 6, known.secret(ROOT, known.find("C1")[0]))
    assert run(known, some).results == run(known, some[::-1]).results
    assert run(known, some).results == run(known, some + some).results


def test_a_retired_key_is_found_and_a_revoked_one_is_only_counted() -> None:
    """A student may have read text from before the rotation; a leaked key accuses nobody."""
    known = registry(5)
    old = known.find("C3")[0]
    some = texts(9, 15, known.secret(ROOT, old))
    rotated = known.rotate(ROOT, at=AT)
    assert [c.result.key_id for c in run(rotated, some).claims] == [old.key_id]
    revoked = known.revoke(ROOT, [old], at=AT, reason="leaked")
    found = run(revoked, some)
    assert found.claims == ()
    assert found.n_keys == 6
    assert found.results[0].revoked


def test_only_keys_committed_in_time_are_tested() -> None:
    """A key chosen after the texts were seen proves nothing."""
    known = registry(3)
    late = datetime(2026, 12, 1, tzinfo=UTC)
    shopped = known.commit(
        ROOT, ["late"], level=Level.CLUSTER, mark=TRACE, tokenizer=IDS.fingerprint, at=late
    )
    some = texts(10, 15, shopped.secret(ROOT, shopped.find("late")[0]))
    settings = DetectSettings(n_decoys=640, collected_at=datetime(2026, 11, 20, tzinfo=UTC))
    assert run(shopped, some, settings).claims == ()
    assert run(shopped, some).claims != ()
    with pytest.raises(RefusalError, match="after the texts"):
        run(known, some, DetectSettings(collected_at=datetime(2026, 1, 1, tzinfo=UTC)))


def test_the_served_filter_drops_text_that_was_never_served() -> None:
    """Diluted with twenty times other text, the filter gives the exponent back."""
    known = registry(3)
    key = known.secret(ROOT, known.find("C1")[0])
    marked, other = texts(11, 6, key), texts(12, 120)
    corpus = encoded(marked + other)
    diluted = detect(known, ROOT, corpus, IDS, FEW).results[0].log10_p
    filtered = detect(known, ROOT, corpus, IDS, FEW, served=encoded(marked))
    assert filtered.results[0].log10_p < diluted - 1
    assert filtered.marks[0].n_pairs < filtered.marks[0].n_pairs_before_filter


def test_several_marks_are_tested_side_by_side() -> None:
    """Red/green and Gumbel keys in one registry; all of them count."""
    known = registry(3).commit(
        ROOT,
        ["demo"],
        level=Level.DEPLOYMENT,
        mark=Mark(scheme=Scheme.GUMBEL, context_width=2),
        tokenizer=IDS.fingerprint,
        at=AT,
    )
    found = run(known, texts(13, 10, known.secret(ROOT, known.find("C2")[0])))
    assert [m.mark for m in found.marks] == ["gumbel/h2/siphash", "red_green/h2/g0.25/siphash"]
    assert [c.result.subject for c in found.claims] == ["C2"]


def result(level: Level, subject: str, log10_p: float, *, revoked: bool = False) -> KeyResult:
    """One key's test."""
    return KeyResult(
        key_id=subject,
        level=level,
        subject=subject,
        epoch=0,
        mark="m",
        method="exact",
        statistic=0.0,
        n=100,
        log10_p=log10_p,
        revoked=revoked,
    )


def test_gates_open_from_wide_to_narrow() -> None:
    """A cluster's mark opens the deployment's gate, for it is the deployment's text; an account waits for both."""
    results = [
        result(Level.DEPLOYMENT, "d", -0.3),
        *(result(Level.CLUSTER, f"C{i}", -0.5) for i in range(9)),
        result(Level.CLUSTER, "C9", -8.0),
        result(Level.ACCOUNT, "a", -0.1),
    ]
    gates, claims = attribute(results)
    assert [(g.level, g.opened) for g in gates] == [
        ("deployment", True),
        ("cluster", True),
        ("account", False),
    ]
    assert [c.result.subject for c in claims] == ["C9"]


def test_a_revoked_key_opens_no_gate() -> None:
    """It counts as a test with p = 1."""
    gates, claims = attribute(
        [result(Level.CLUSTER, "C0", -50.0, revoked=True), result(Level.CLUSTER, "C1", -0.2)]
    )
    assert claims == ()
    assert gates[0].n_tests == 2


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_ungated_claims_are_a_superset_and_all_pass_holm(seed: int) -> None:
    """Gates only withhold."""
    rng = np.random.default_rng(seed)
    levels = list(Level)
    results = [result(levels[int(rng.integers(3))], str(i), -float(rng.exponential(2.0))) for i in range(20)]
    gated, free = ({c.result.key_id for c in attribute(results, gated=g)[1]} for g in (True, False))
    assert gated <= free
    assert all(10**r.log10_p <= 0.01 for r in results if r.key_id in free)


def test_family_wise_error_is_kept_over_all_levels() -> None:
    """3,000 null registries of 30 keys on three levels: claims in at most 5 % (and at 99.99 % confidence)."""
    rng = np.random.default_rng(2)
    levels = list(Level)
    wrong = 0
    for _ in range(3000):
        results = [result(levels[i % 3], str(i), float(np.log10(rng.random()))) for i in range(30)]
        wrong += bool(attribute(results, alpha=0.05, gated=False)[1])
    assert wrong <= stats.binom.ppf(0.9999, 3000, 0.05)


def test_no_verdict_where_decoys_are_not_uniform(monkeypatch: pytest.MonkeyPatch) -> None:
    """Decoys that look marked mean that something else is wrong."""
    known = registry(3)
    some = texts(14, 10, known.secret(ROOT, known.find("C1")[0]))
    marked = known.secret(ROOT, known.find("C1")[0])
    monkeypatch.setattr("hydrascope.watermark.detect.decoy_keys", lambda seed, n, sliced: [marked] * n)
    found = run(known, some)
    assert found.verdict == "withheld"
    assert (found.claims, found.results) == ((), ())


def test_a_sequential_audit_stops_early_and_is_right() -> None:
    """It finds the cluster before the texts end, and finds nothing in plain text."""
    known = registry(20)
    some = texts(15, 40, known.secret(ROOT, known.find("C4")[0]), length=40)
    steps = list(detect_sequentially(known, ROOT, encoded(some), IDS, FEW, batch=4))
    first = next(step for step in steps if step.crossed)
    assert first.subject == "C4"
    assert first.n_texts < 40
    assert not any(s.crossed for s in detect_sequentially(known, ROOT, encoded(texts(16, 40)), IDS, FEW))


@pytest.mark.parametrize(
    ("tokens", "error"),
    [
        ([], RefusalError),
        ([[1]], RefusalError),
        ([[1, 2]] * 50, RefusalError),
        ([[1, 2, 3]] * 500, RefusalError),
    ],
)
def test_next_to_nothing_is_refused(tokens: list[list[int]], error: type[HydrascopeError]) -> None:
    """No text, one token, no pair, one pair five hundred times."""
    with pytest.raises(error, match="distinct"):
        run(registry(1), [np.array(t) for t in tokens])


def test_another_tokenizer_is_refused_by_name_and_by_ids() -> None:
    """Fingerprints must agree; an id beyond the vocabulary shows it too; text for ids is refused."""
    with pytest.raises(RefusalError, match="no committed key speaks"):
        detect(registry(1), ROOT, encoded(texts(1, 3)), load_tokenizer("bytes"), FEW)
    with pytest.raises(RefusalError, match="another tokenizer"):
        encode_texts([Text(where="f:1", token_ids=(1, V))], IDS)
    with pytest.raises(RefusalError, match="given as ids"):
        encode_texts([Text(where="f:1", text="words")], IDS)
    with pytest.raises(RefusalError, match="holds no key"):
        run(create_registry(ROOT, "demo", at=AT), texts(1, 3))


@pytest.mark.parametrize("name", ["bytes", "whitespace"])
def test_text_is_marked_and_found_in_the_tokenizers_that_need_no_files(name: str) -> None:
    """Bytes that happen to be green are found; code is skipped unless kept."""
    speaker = load_tokenizer(name)
    key = derive_key(ROOT, KeyPath(deployment="demo", subject="x"))
    mark = RedGreen(key, 1, 0.25)
    words = [f"w{i}" for i in range(3000)]
    ids = [speaker.encode(word)[0] for word in words] if name == "whitespace" else list(range(97, 123))
    pick = words if name == "whitespace" else [chr(i) for i in ids]
    rng = np.random.default_rng(0)
    at = [0]
    for _ in range(600):
        some = rng.integers(0, len(ids), 12)
        green = mark.green([[ids[at[-1]]]] * 12, [ids[i] for i in some])
        at.append(int(some[int(np.argmax(green))]))
    text = (" " if name == "whitespace" else "").join(pick[i] for i in at)
    corpus = encode_texts([Text(where="t", text=text)], speaker)
    pairs = dedup_pairs(corpus.tokens, 1, masks=corpus.masks)
    assert mark.log10_p(*pairs) < -20
    fenced = encode_texts([Text(where="t", text=f"```\n{text}\n```")], speaker)
    assert fenced.masks[0].sum() < 5
    assert encode_texts([Text(where="t", text=f"```\n{text}\n```")], speaker, keep_code=True).masks[0].all()


def test_a_tokenizer_json_is_read_by_path_and_named_by_its_vocabulary(tmp_path: Path) -> None:
    """Same vocabulary, same fingerprint; another, another; a broken file is refused."""
    library = pytest.importorskip("tokenizers")
    prints = []
    for name, extra in (("a", []), ("b", []), ("c", ["```"])):
        words = ["[UNK]", "one", "two", "three", *extra]
        model = library.models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="[UNK]")
        made = library.Tokenizer(model)
        made.pre_tokenizer = library.pre_tokenizers.WhitespaceSplit()
        (tmp_path / name).mkdir()
        made.save(str(tmp_path / name / "tokenizer.json"))
        speaker = load_tokenizer(str(tmp_path / name))
        prints.append(speaker.fingerprint)
        assert speaker.encode("two one four") == [2, 1, 0]
        assert "".join(speaker.pieces("two one four")) == "two one four"
        assert fence_token_ids(speaker) == ([4] if extra else [])
    assert prints[0] == prints[1] != prints[2]
    (tmp_path / "a" / "tokenizer.json").write_text("{}")
    with pytest.raises(InputError, match="cannot be read"):
        load_tokenizer(str(tmp_path / "a"))
