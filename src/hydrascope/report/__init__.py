"""Findings for people: the report and the explanations. Reads a findings folder, judges nothing.

`render_report` writes report.html; `explain` answers for one account, one pair or one campaign.
"""

from hydrascope.report.findings import Findings, read_findings
from hydrascope.report.page import render_report

__all__ = ["Findings", "read_findings", "render_report"]
