"""Metrics worked out by hand, and what must hold of them for any findings."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hydrascope.errors import SchemaError
from hydrascope.evaluate.alarms import AlarmCount
from hydrascope.evaluate.bcubed import score_bcubed
from hydrascope.evaluate.calibration import precision_at
from hydrascope.evaluate.evaluation import Evaluation, evaluate_findings, evaluation_json
from hydrascope.evaluate.findings import Findings
from hydrascope.evaluate.intervals import mean_interval, share_interval
from hydrascope.evaluate.page import render_page
from hydrascope.evaluate.table import table_text
from hydrascope.schema import FINDINGS_ACCOUNTS, FINDINGS_CAMPAIGNS

Row = tuple[str, str | None, str | None, float]
"""label, true campaign, found campaign, probability"""


def table_of(rows: Sequence[dict[str, object]], schema: pa.Schema) -> pa.Table:
    return pa.table({f.name: pa.array([r.get(f.name) for r in rows], f.type) for f in schema}, schema=schema)


def findings_of(rows: Sequence[Row], verdicts: dict[str, tuple[str, bool]]) -> Findings:
    accounts = [
        {
            "account_id": f"a{i:03d}",
            "campaign_id": found,
            "probability": p,
            "enforceable": verdicts[found][1] if found else False,
            "distillation_share": 0.5,
            "n_exchanges": 10,
        }
        for i, (_, _, found, p) in enumerate(rows)
    ]
    campaigns = [{"campaign_id": k, "verdict": v, "enforceable": e} for k, (v, e) in verdicts.items()]
    return Findings(
        accounts=table_of(accounts, FINDINGS_ACCOUNTS), campaigns=table_of(campaigns, FINDINGS_CAMPAIGNS)
    )


def truth_of(rows: Sequence[Row]) -> pa.Table:
    return pa.table(
        {
            "account_id": [f"a{i:03d}" for i in range(len(rows))],
            "label": [r[0] for r in rows],
            "campaign": pa.array([r[1] for r in rows], pa.string()),
        }
    )


def evaluate(
    rows: Sequence[Row], verdicts: dict[str, tuple[str, bool]], weeks: float | None = None
) -> Evaluation:
    return evaluate_findings(findings_of(rows, verdicts), truth_of(rows), weeks=weeks)


WORLD: list[Row] = [
    *[("six_weeks", "six_weeks", "f1", 0.95)] * 6,
    *[("six_weeks", "six_weeks", "f2", 0.75)] * 2,
    *[("six_weeks", "six_weeks", None, 0.15)] * 2,
    *[("evasive", "evasive", "f3", 0.35)] * 3,
    *[("evasive", "evasive", None, 0.05)] * 1,
    *[("agency", None, "f1", 0.85)] * 2,
    *[("class", None, "f4", 0.05)] * 4,
    *[("stranger", None, None, 0.05)] * 20,
]
VERDICTS = {
    "f1": ("distillation", True),
    "f2": ("distillation", False),
    "f3": ("inconclusive", False),
    "f4": ("distillation", False),
}


def test_recovery_of_a_hand_worked_world() -> None:
    """Ten accounts: six in an enforceable verdict, two in another, two nowhere."""
    evasive, six = evaluate(WORLD, VERDICTS).campaigns
    assert (six.recall, six.enforceable_recall, six.clustered) == (0.8, 0.6, 0.8)
    assert (six.fragments, six.best_match, six.best_share, six.best_verdict) == (2, "f1", 0.6, "distillation")
    assert six.volume_recall == 0.8
    assert (evasive.recall, evasive.clustered, evasive.fragments, evasive.best_verdict) == (
        0,
        0.75,
        0,
        "inconclusive",
    )


def test_purity_counts_the_largest_true_campaign() -> None:
    """f1 is 6 of 8; f4 is all honest and a false alarm; purity weighs distillation verdicts by size."""
    result = evaluate(WORLD, VERDICTS)
    assert [(f.campaign_id, f.purity, f.false_alarm) for f in result.found] == [
        ("f1", 0.75, False),
        ("f2", 1.0, False),
        ("f3", 1.0, False),
        ("f4", 0.0, True),
    ]
    assert result.purity == pytest.approx((6 + 2 + 0) / (8 + 2 + 4))


def test_bcubed_of_a_hand_worked_world() -> None:
    """Distillation verdicts only: unfound accounts stand alone, honest members lower precision."""
    result = evaluate(WORLD, VERDICTS).bcubed_distillation
    assert result.precision == pytest.approx((6 * 6 / 8 + 2 * 1 + 2 * 1 + 4 * 1) / 14)
    assert result.recall == pytest.approx((6 * 0.6 + 2 * 0.2 + 2 * 0.1 + 4 * 0.25) / 14)


def test_false_alarms_are_counted_by_gravity_and_week() -> None:
    """Six honest accounts in verdicts, two of them in an enforceable one; one honest group."""
    alarms = evaluate(WORLD, VERDICTS, weeks=2).false_alarms
    assert (alarms.any_verdict.n, alarms.enforceable.n, alarms.acted.n) == (6, 2, 2)
    assert alarms.enforceable.per_10k_accounts is not None
    assert alarms.enforceable.per_10k_accounts.value == pytest.approx(2 / 26 * 1e4)
    assert (alarms.groups, alarms.enforceable_groups, alarms.groups_per_week) == (1, 0, 0.5)
    assert alarms.any_verdict.per_week == 3


def test_each_look_alike_is_named_with_its_verdicts() -> None:
    """Labels of honest accounts, with the verdicts that their clusters got."""
    agency, class_, stranger = evaluate(WORLD, VERDICTS).look_alikes
    assert (agency.label, agency.enforceable, dict(agency.verdicts)) == ("agency", 1.0, {"distillation": 1.0})
    assert (class_.any_verdict, class_.enforceable) == (1.0, 0.0)
    assert dict(stranger.verdicts) == {"none": 1.0}


def test_an_account_that_is_not_marked_is_not_acted_on() -> None:
    """A campaign may be enforceable where one of its members is not."""
    findings = findings_of(WORLD, VERDICTS)
    silent = pa.array([False] * len(WORLD))
    accounts = findings.accounts.set_column(4, "enforceable", silent)
    alarms = evaluate_findings(
        Findings(accounts=accounts, campaigns=findings.campaigns), truth_of(WORLD)
    ).false_alarms
    assert (alarms.enforceable.n, alarms.acted.n) == (2, 0)


def test_brier_and_reliability_of_four_accounts() -> None:
    """Two accounts at 0.9 (one guilty), two at 0.1 (none guilty)."""
    rows: list[Row] = [("c", "c", None, 0.9), ("x", None, None, 0.9), *[("x", None, None, 0.1)] * 2]
    calibration = evaluate(rows, {}).calibration
    assert calibration.brier == pytest.approx((0.01 + 0.81 + 0.01 + 0.01) / 4)
    assert [(b.n, b.observed.value) for b in calibration.bins] == [(2, 0.0), (2, 0.5)]
    assert calibration.expected_error == pytest.approx((2 * 0.1 + 2 * 0.4) / 4)
    assert calibration.skill == pytest.approx(1 - 0.21 / (0.25 * 0.75))


def test_ranking_of_four_accounts() -> None:
    """Guilty, honest, guilty, honest in order: average precision is (1/1 + 2/3) / 2."""
    rows: list[Row] = [
        ("c", "c", None, 0.9),
        ("x", None, None, 0.8),
        ("c", "c", None, 0.7),
        ("x", None, None, 0.1),
    ]
    ranking = evaluate(rows, {}).ranking
    assert ranking.average_precision == pytest.approx((1 + 2 / 3) / 2)
    assert ranking.recall_at_1_percent == 0.5


def test_ties_in_the_ranking_share_their_fate() -> None:
    """A detector that says the same of everyone ranks nothing: average precision is the base rate."""
    rows: list[Row] = [("c", "c", None, 0.5), *[("x", None, None, 0.5)] * 3]
    ranking = evaluate(rows, {}).ranking
    assert (ranking.average_precision, ranking.recall_at_1_percent) == (0.25, 0.0)


def test_precision_at_a_base_rate_is_bayes() -> None:
    """Of 1 guilty and 1,000 honest accounts, 0.9 and 1 alarm."""
    assert precision_at(0.9, 0.001, 1000) == pytest.approx(0.9 / 1.9)
    assert precision_at(0, 0, 10) is None


def test_base_rates_give_room_for_what_the_world_is_too_small_to_show() -> None:
    """No false alarm among 26 honest accounts says little about 1 : 10,000."""
    rows = [r for r in WORLD if r[0] not in ("agency", "class")]
    rare = evaluate(rows, VERDICTS).base_rates[-1].enforceable
    assert rare is not None
    assert (rare.value, rare.high) == (1.0, 1.0)
    assert rare.low < 0.001


def test_distilled_share_error_needs_true_shares() -> None:
    """Found 0.5 against true 0.8: error 0.3, over caught campaign accounts."""
    assert evaluate(WORLD, VERDICTS).share_error is None
    truth = truth_of(WORLD).append_column("distillation_share", pa.array([0.8] * len(WORLD)))
    error = evaluate_findings(findings_of(WORLD, VERDICTS), truth).share_error
    assert error is not None
    assert (error.n_accounts, error.mean_absolute, error.bias) == (8, pytest.approx(0.3), pytest.approx(-0.3))
    assert error.campaigns == {"six_weeks": (pytest.approx(0.5), pytest.approx(0.8))}


def test_accounts_without_truth_are_left_out_and_counted() -> None:
    """And accounts of the truth without a row are not found."""
    findings = findings_of(WORLD, VERDICTS)
    result = evaluate_findings(findings, truth_of(WORLD).slice(0, 14))
    assert (result.n_accounts, result.n_unlabelled) == (14, 26)
    fewer = Findings(accounts=findings.accounts.slice(6), campaigns=findings.campaigns)
    assert evaluate_findings(fewer, truth_of(WORLD)).campaigns[1].recall == pytest.approx(0.2)


def test_truth_that_names_an_account_twice_is_refused(tmp_path: pytest.TempPathFactory) -> None:
    """Two labels for one account cannot both be true."""
    import pyarrow.parquet as pq

    from hydrascope.evaluate.judged import read_truth

    path = tmp_path / "truth.parquet"  # type: ignore[operator]
    pq.write_table(pa.concat_tables([truth_of(WORLD), truth_of(WORLD)]), path)
    with pytest.raises(SchemaError, match="more than once"):
        read_truth(path)


def test_a_null_world_has_false_alarms_and_no_recall() -> None:
    """Without campaigns recall, B-cubed and base rates are unknown, not zero."""
    rows = [r for r in WORLD if r[1] is None]
    result = evaluate(rows, VERDICTS)
    assert (result.recall, result.bcubed_any.f1, result.base_rates[0].any_verdict) == (None, None, None)
    assert result.false_alarms.any_verdict == AlarmCount(
        n=6, per_10k_accounts=result.false_alarms.any_verdict.per_10k_accounts, per_week=None
    )
    assert "This world has none" in render_page(result)


def test_intervals_of_small_numbers() -> None:
    """Clopper-Pearson for 0 of 10 ends at 0.3085; Student's t for two seeds is wide."""
    none = share_interval(0, 10)
    assert none is not None
    assert (none.low, none.high) == (0.0, pytest.approx(0.3085, abs=1e-4))
    two = mean_interval([0.0, 1.0])
    assert two is not None
    assert (two.low, two.high) == (pytest.approx(0.5 - 6.3531, abs=1e-3), pytest.approx(6.8531, abs=1e-3))
    assert (share_interval(0, 0), mean_interval([])) == (None, None)


def test_the_table_is_as_it_was(golden: object) -> None:
    """What people read on a terminal."""
    golden("evaluation.txt", table_text(evaluate(WORLD, VERDICTS, weeks=2)))  # type: ignore[operator]


def test_json_holds_every_figure_and_no_nan() -> None:
    """The JSON is the record, key by key."""
    plain = json.loads(evaluation_json(evaluate(WORLD, VERDICTS)))
    assert plain["version"] == 1
    assert plain["campaigns"][1]["recall"] == 0.8
    assert plain["look_alikes"][0]["verdicts"] == {"distillation": 1.0}


def test_the_page_is_whole_and_offline() -> None:
    """Every campaign, label and plot is on it, and nothing is fetched."""
    page = render_page(evaluate(WORLD, VERDICTS))
    assert all(x in page for x in ("six_weeks", "evasive", "agency", "class", "Reliability"))
    assert page.count("<svg") == 3
    assert "http" not in page.replace('xmlns="http://www.w3.org/2000/svg"', "")


names = st.sampled_from(["", "p", "q", "r"])
clusterings = st.lists(st.tuples(names, names), min_size=1, max_size=30)


@given(clusterings)
def test_bcubed_stays_in_the_unit_interval(pairs: list[tuple[str, str]]) -> None:
    """Precision and recall are shares, and unknown only without a campaign account."""
    truth, found = zip(*pairs, strict=True)
    result = score_bcubed(truth, found)
    if not any(truth):
        assert result.f1 is None
    else:
        assert result.precision is not None
        assert result.recall is not None
        assert 0 < result.precision <= 1
        assert 0 < result.recall <= 1


@given(clusterings, st.permutations(["p", "q", "r"]))
def test_bcubed_does_not_read_names(pairs: list[tuple[str, str]], order: list[str]) -> None:
    """Relabelling found clusters changes nothing."""
    truth, found = zip(*pairs, strict=True)
    renamed = [dict(zip("pqr", order, strict=True)).get(x, "") for x in found]
    assert score_bcubed(truth, renamed) == score_bcubed(truth, found)


@settings(max_examples=25, deadline=None)
@given(st.lists(names, min_size=1, max_size=30).filter(any))
def test_perfect_findings_score_one(truth: list[str]) -> None:
    """Found campaigns that are the true campaigns: every share is 1 and there is no false alarm."""
    rows: list[Row] = [(c or "x", c or None, c or None, 1.0 if c else 0.0) for c in truth]
    result = evaluate(rows, dict.fromkeys(set(truth) - {""}, ("distillation", True)))
    assert result.recall == result.enforceable_recall == result.purity == 1
    assert result.bcubed_distillation.f1 == result.bcubed_any.f1 == 1
    assert (result.false_alarms.any_verdict.n, result.calibration.brier) == (0, 0)


@settings(max_examples=25, deadline=None)
@given(clusterings, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(pairs: list[tuple[str, str]], random: object) -> None:
    """Shuffled findings and truth give the same evaluation."""
    rows: list[Row] = [(c or "x", c or None, f or None, 0.1 * i % 1) for i, (c, f) in enumerate(pairs)]
    verdicts = {f: ("distillation", f == "p") for f in {f for _, f in pairs} - {""}}
    findings, truth = findings_of(rows, verdicts), truth_of(rows)
    order = list(range(len(rows)))
    random.shuffle(order)  # type: ignore[attr-defined]
    shuffled = Findings(accounts=findings.accounts.take(order), campaigns=findings.campaigns)
    assert evaluate_findings(shuffled, truth.take(order[::-1])) == evaluate_findings(findings, truth)
