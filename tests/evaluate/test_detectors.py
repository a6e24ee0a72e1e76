"""This project's own scan as a detector beside the peers."""

from __future__ import annotations

from hydrascope.evaluate.detectors import OWN, choose_detectors, detector_names, scanner
from hydrascope.evaluate.evaluation import evaluate_findings
from hydrascope.evaluate.judged import read_truth
from hydrascope.evaluate.world import World


def test_the_scan_is_a_detector_like_any_other(micro_world: World) -> None:
    """It names every account of the log once and is held against the same truth."""
    findings = scanner()(micro_world.log)
    assert findings.accounts["n_exchanges"].to_pylist() == [32] * 60
    result = evaluate_findings(findings, read_truth(micro_world.truth))
    assert result.false_alarms.enforceable.n == 0
    assert result.n_absent == result.n_unlabelled == 0


def test_every_detector_that_works_here_can_be_chosen() -> None:
    """The scan comes first."""
    names = detector_names()
    assert names[0] == OWN
    assert list(choose_detectors(names)) == list(names)
