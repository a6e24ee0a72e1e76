"""Findings for people: the report and the explanations. Reads a findings folder, judges nothing.

`render_report` writes report.html; `explain` answers for one account, one pair or one campaign; `compare` holds two
folders side by side.
"""

from hydrascope.report.answer import Answer
from hydrascope.report.compare import Comparison, compare
from hydrascope.report.difference import describe_difference, difference_as_dict
from hydrascope.report.explain import explain
from hydrascope.report.findings import Findings, read_findings
from hydrascope.report.page import render_report
from hydrascope.report.terminal import answer_as_dict, render_answer, render_text

__all__ = [
    "Answer",
    "Comparison",
    "Findings",
    "answer_as_dict",
    "compare",
    "describe_difference",
    "difference_as_dict",
    "explain",
    "read_findings",
    "render_answer",
    "render_report",
    "render_text",
]
