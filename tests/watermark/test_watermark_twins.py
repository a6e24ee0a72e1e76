"""Twins: a fair, binding coin; a store that notices everything; a test that is exact and says who."""

from __future__ import annotations

import asyncio
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from audit_world import (
    COIN_SEED,
    base_model,
    salts,
    small_traffic,
    small_world,
    student_of,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, binomtest, kstest

from hydrascope.errors import InputError, RefusalError, StateError
from hydrascope.lab.api import serve_api
from hydrascope.lab.provider import AccountPlan, serve
from hydrascope.watermark.merkle import (
    first_broken_head,
    inclusion_proof,
    leaf_hash,
    merkle_root,
    next_head,
    root_from_proof,
)
from hydrascope.watermark.suspect_http import HttpSuspect
from hydrascope.watermark.twins import (
    TwinPolicy,
    TwinRequest,
    draw_twin,
    draw_twin_async,
    is_sampled,
)
from hydrascope.watermark.twins_audit import score_twins
from hydrascope.watermark.twins_sign import sign_log10_p, trace_twins, twin_result
from hydrascope.watermark.twins_store import TwinStore, create_store, read_secret

AT = "2026-01-01T00:00:00Z"


def request(i: int = 0, account: str = "a", cluster: str | None = None) -> TwinRequest:
    return TwinRequest(exchange_id=f"x{i}", account_id=account, prompt="why?", cluster_id=cluster)


def answers():
    """An upstream that never says the same thing twice."""
    number = itertools.count()
    return lambda _: f"answer {next(number)}"


# The tree -----------------------------------------------------------------------------------------------------


@given(st.integers(1, 70), st.data())
@settings(max_examples=40, deadline=None)
def test_every_leaf_has_a_proof_and_nothing_else_has(size: int, data: st.DataObject) -> None:
    """A proof leads to the root from its own leaf and place, and from no other."""
    leaves = [leaf_hash(bytes([i])) for i in range(size)]
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(leaves, index)
    assert root_from_proof(leaves[index], index, size, proof) == merkle_root(leaves)
    assert root_from_proof(leaf_hash(b"other"), index, size, proof) != merkle_root(leaves)
    assert root_from_proof(leaves[index], index, size, (*proof, b"\0" * 32)) is None
    other = data.draw(st.integers(0, size - 1))
    if other != index:
        assert root_from_proof(leaves[index], other, size, proof) != merkle_root(leaves)


def test_the_tree_is_that_of_rfc_6962() -> None:
    """Roots of the certificate-transparency test vectors' first leaves."""
    assert merkle_root([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    leaves = [leaf_hash(bytes.fromhex(x)) for x in ("", "00", "10")]
    assert merkle_root(leaves[:1]).hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert merkle_root(leaves).hex() == "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"


def test_a_rewritten_log_breaks_at_the_head_that_covered_it() -> None:
    """Heads chain, so that a change between two of them is found and named."""
    leaves = [leaf_hash(bytes([i])) for i in range(9)]
    heads = [next_head("s", leaves[:4], AT)]
    heads.append(next_head(heads[0].hash, leaves, AT))
    assert first_broken_head(heads, leaves, start="s") is None
    assert "root of head 0" in str(first_broken_head(heads, [leaves[8], *leaves[1:]], start="s"))
    assert "truncated" in str(first_broken_head(heads, leaves[:8], start="s"))
    assert "head 1 does not follow" in str(
        first_broken_head([heads[0], next_head("x", leaves, AT)], start="s")
    )


# The draw -----------------------------------------------------------------------------------------------------


def test_the_coin_is_fair_and_binds_to_both_answers() -> None:
    """4,000 tosses: within the exact 1e-6 band; the same answers and salt give the same coin again."""
    fixed = salts(4000)
    drawn = [draw_twin(request(i), answers(), seed=COIN_SEED, salt=fixed[i]) for i in range(4000)]
    heads = sum(sealed.served for _, sealed in drawn)
    assert binomtest(heads, 4000).pvalue > 1e-6
    served, sealed = drawn[0]
    assert served == sealed.answers[sealed.served]
    assert sealed.held_back == sealed.answers[1 - sealed.served]
    again = draw_twin(request(0), answers(), seed=COIN_SEED, salt=fixed[0])
    assert again == drawn[0]


def test_an_asynchronous_gateway_seals_the_same() -> None:
    """Both answers are drawn at once; the record is that of the plain call."""
    pending = itertools.count()

    async def upstream(_: TwinRequest) -> str:
        name = f"answer {next(pending)}"
        await asyncio.sleep(0)
        return name

    salt = salts(1)[0]
    got = asyncio.run(draw_twin_async(request(), upstream, seed=COIN_SEED, salt=salt))
    assert got == draw_twin(request(), answers(), seed=COIN_SEED, salt=salt)


def test_one_percent_is_sampled_and_flagged_clusters_up_to_their_limit() -> None:
    """The share of everyone; all of a flagged cluster's until its account has 300 pairs."""
    policy = TwinPolicy()
    n = sum(is_sampled(request(i), policy, seed=COIN_SEED, flagged=(), n_sealed=0) for i in range(20_000))
    assert 140 < n < 260
    flagged = request(5, cluster="hydra")
    assert is_sampled(flagged, policy, seed=COIN_SEED, flagged={"hydra"}, n_sealed=299)
    later = [
        is_sampled(request(i, cluster="hydra"), policy, seed=COIN_SEED, flagged={"hydra"}, n_sealed=300)
        for i in range(2000)
    ]
    assert sum(later) < 60


def test_a_share_above_one_is_refused() -> None:
    """Bad policy stops the start."""
    with pytest.raises(Exception, match="share between 0 and 1"):
        TwinPolicy(share=1.5)


# The store ----------------------------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with six pairs, four of them under a head."""
    create_store(tmp_path / "store", tmp_path / "secret", AT)
    with TwinStore(tmp_path / "store", read_secret(tmp_path / "secret"), writable=True) as opened:
        for i in range(6):
            _, sealed = draw_twin(request(i, account=f"a{i % 2}"), answers(), seed=opened.coin_seed)
            opened.seal(sealed)
            if i == 3:
                opened.close_head(AT)
    return tmp_path


def reopened(store: Path, **options: bool) -> TwinStore:
    return TwinStore(store / "store", read_secret(store / "secret"), **options)


def test_pairs_come_back_as_they_were_sealed(store: Path) -> None:
    """All of them, by account too, and nothing readable lies in the folder."""
    with reopened(store) as opened:
        assert [i for i, _ in opened.pairs()] == list(range(6))
        assert {p.account_id for _, p in opened.pairs(["a1"])} == {"a1"}
        assert opened.n_by_account == {"a0": 3, "a1": 3}
    assert b"answer" not in (store / "store" / "sealed.jsonl").read_bytes()
    assert (store / "secret").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("field", ["box", "nonce", "tag", "commitment", "coin", "account_id"])
def test_a_changed_pair_is_found(store: Path, field: str) -> None:
    """Whatever of a line is changed, opening or reading says so."""
    path = store / "store" / "sealed.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    value = lines[1][field]
    lines[1][field] = ("0" if value[0] != "0" else "1") + value[1:]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(StateError), reopened(store) as opened:
        list(opened.pairs())


def test_a_removed_pair_is_found(store: Path) -> None:
    """The head fixes how many there were."""
    path = store / "store" / "sealed.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:3]))
    with pytest.raises(StateError, match="truncated"):
        reopened(store)


def test_a_line_cut_off_by_a_crash_is_dropped(store: Path) -> None:
    """Opening for writing repairs it; what was whole stays."""
    path = store / "store" / "sealed.jsonl"
    with path.open("ab") as out:
        out.write(b'{"tag": "12')
    with pytest.raises(StateError, match="cut off"):
        reopened(store)
    with reopened(store, writable=True) as opened:
        assert len(opened) == 6


def test_a_second_writer_and_another_secret_are_refused(store: Path) -> None:
    """One process writes; a secret opens its own store only."""
    with reopened(store, writable=True), pytest.raises(StateError, match="held by another"):
        reopened(store, writable=True)
    (store / "secret").write_text("ab" * 32)
    with pytest.raises(InputError, match="another store"):
        reopened(store)


def test_a_secret_is_never_kept_in_its_own_store(tmp_path: Path) -> None:
    """Nor is a store made over something else."""
    with pytest.raises(StateError, match="inside the store"):
        create_store(tmp_path / "s", tmp_path / "s" / "secret", AT)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    with pytest.raises(StateError, match="not empty"):
        create_store(tmp_path / "full", tmp_path / "secret", AT)


# The test -----------------------------------------------------------------------------------------------------


@given(st.integers(0, 60), st.integers(0, 60))
@settings(max_examples=60, deadline=None)
def test_the_sign_test_is_the_exact_binomial(wins: int, losses: int) -> None:
    """Against scipy's."""
    n = wins + losses
    exact = binomtest(wins, n, alternative="greater").pvalue if n else 1.0
    assert 10 ** sign_log10_p(wins, n) == pytest.approx(exact, rel=1e-9)


def gains(suspect, served, n: int | None = None) -> np.ndarray:
    """Served minus twin, suspect minus base, for each pair."""

    def preference(model, pair):
        return model.sequence_logprob(pair.prompt, pair.served_answer) - model.sequence_logprob(
            pair.prompt, pair.held_back
        )

    return np.array([preference(suspect, p) - preference(base_model(), p) for p in served.twins[:n]])


def test_three_hundred_pairs_name_an_account_at_1e_minus_20() -> None:
    """The student of `north` prefers what was served to it; `south` shows nothing."""
    served = small_traffic()
    d = gains(student_of("north"), served)
    clusters = [p.cluster_id for p in served.twins]
    results = {(r.level, r.name): r for r in trace_twins(d, [p.account_id for p in served.twins], clusters)}
    assert results["cluster", "north"].n_pairs == 300
    assert results["cluster", "north"].log10_p < -20
    assert results["account", "north-0"].traced
    assert results["account", "north-1"].traced
    assert not any(r.traced for (_, name), r in results.items() if name.startswith("south"))


def test_students_not_trained_on_it_give_uniform_p_values() -> None:
    """120 audits of ten pairs each, randomised to be exactly uniform: Kolmogorov-Smirnov p above 0.05."""
    plans = [AccountPlan(account_id=f"a{i}", n_exchanges=10, cluster_id="c") for i in range(120)]
    served = serve(
        small_world(), plans, seed=21, answer_tokens=40, policy=TwinPolicy(), coin_seed=COIN_SEED, salts=salts(1200)
    )  # fmt: skip
    d = gains(student_of("north"), served)
    accounts = np.array([p.account_id for p in served.twins])
    rng = np.random.default_rng(6)
    p = []
    for account in sorted(set(accounts)):
        mine = d[accounts == account]
        wins, n = int((mine > 0).sum()), int((mine != 0).sum())
        p.append(binom.sf(wins, n, 0.5) + rng.random() * binom.pmf(wins, n, 0.5))
    assert len(p) == 120
    assert kstest(p, "uniform").pvalue > 0.05


def test_an_account_is_named_only_behind_its_cluster_and_the_deployment() -> None:
    """Gates: a lucky account in a cluster that shows nothing is not named."""
    rng = np.random.default_rng(1)
    d = np.concatenate([np.full(40, 1.0), rng.normal(size=3000), np.full(12, 1.0), -np.full(300, 1.0)])
    accounts = ["guilty"] * 40 + ["crowd"] * 3000 + ["lucky"] * 12 + ["rest"] * 300
    clusters = ["g"] * 40 + [None] * 3000 + ["l"] * 312
    named = [r.name for r in trace_twins(d, accounts, clusters) if r.traced]
    assert "lucky" not in named
    everyone = trace_twins(
        np.concatenate([np.ones(400), d]), ["big"] * 400 + accounts, ["b"] * 400 + clusters
    )
    named = {r.name for r in everyone if r.traced}
    assert {"big", "guilty", "b", "g", "deployment"} <= named
    assert "lucky" not in named


def test_too_few_pairs_and_broken_scores_are_refused() -> None:
    """No p-value from seven pairs, ties, or an infinity."""
    with pytest.raises(RefusalError, match="7 untied pairs"):
        twin_result("account", "a", np.array([1.0] * 7 + [0.0] * 50))
    with pytest.raises(RefusalError, match="not finite"):
        twin_result("account", "a", np.array([1.0] * 20 + [np.inf]))


def test_a_suspect_without_log_probabilities_is_refused(store: Path, tmp_path: Path) -> None:
    """Text alone has no power for twins, and the refusal says so."""
    with serve_api(student_of("north"), "text") as url, reopened(store) as opened:
        suspect = HttpSuspect(url, "student", pause_s=0.01)
        with pytest.raises(RefusalError, match="gives no log-probabilities") as refusal:
            score_twins(opened, suspect, None, accounts=None, fwer=0.01, work=tmp_path / "work")
    assert "no power" in str(refusal.value)


def test_pairs_that_lie_under_no_head_are_refused(tmp_path: Path) -> None:
    """Nothing shows when they were sealed."""
    create_store(tmp_path / "store", tmp_path / "secret", AT)
    with (
        TwinStore(tmp_path / "store", read_secret(tmp_path / "secret")) as opened,
        pytest.raises(RefusalError, match="no head"),
    ):
        score_twins(opened, base_model(), None, accounts=None, fwer=0.01, work=tmp_path / "work")


def test_a_reference_that_was_trained_on_what_was_served_stops_the_verdict(tmp_path: Path) -> None:
    """The control: the reference alone must see fair coins."""
    create_store(tmp_path / "store", tmp_path / "secret", AT)
    with TwinStore(tmp_path / "store", read_secret(tmp_path / "secret"), writable=True) as opened:
        for pair in small_traffic().twins:
            opened.seal(pair)
        opened.close_head(AT)
        with pytest.raises(RefusalError, match="the reference itself"):
            score_twins(
                opened, base_model(), student_of("north"), accounts=None, fwer=0.01, work=tmp_path / "work"
            )
