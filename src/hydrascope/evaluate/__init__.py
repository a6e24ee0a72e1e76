"""Findings are held against ground truth, and against other detectors."""

from hydrascope.evaluate.evaluation import Evaluation, evaluate_findings, evaluate_folder
from hydrascope.evaluate.findings import Findings, read_findings
from hydrascope.evaluate.world import Log, World, read_world

__all__ = [
    "Evaluation",
    "Findings",
    "Log",
    "World",
    "evaluate_findings",
    "evaluate_folder",
    "read_findings",
    "read_world",
]
