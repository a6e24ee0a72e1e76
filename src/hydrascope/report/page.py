"""Writes report.html: one file, no requests, nothing that a browser has to fetch.

The style and the script are ours and inline; a content security policy lets only these two (by hash) act, so
that whatever a caller wrote into a log stays text.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from hydrascope.errors import FindingsError
from hydrascope.records import FAMILIES
from hydrascope.report import words
from hydrascope.report.findings import Findings, read_findings
from hydrascope.report.masking import MIN_ACCOUNTS_SHOWN, clean
from hydrascope.report.views import MOST_VALUES, ROWS_DRAWN, build_views, groups_of

__all__ = ["render_page", "render_report"]

HERE = Path(__file__).parent / "templates"


def render_report(findings_dir: Path | str, out: Path | None = None, reveal: bool = False) -> Path:
    """Writes the report of a findings folder and returns where it lies.

    Args:
        findings_dir: what `hydrascope scan` wrote.
        out: the file to write; `report.html` in the folder by default.
        reveal: write callers' text into it. Otherwise slot contents, and templates of fewer than three
            accounts, are not in the file at all.

    Raises:
        FindingsError: the folder cannot be read, or the file cannot be written.
    """
    findings = read_findings(findings_dir)
    file = out or findings.path / "report.html"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(render_page(findings, reveal=reveal), encoding="utf-8")
    except OSError as error:
        raise FindingsError(
            f"cannot write the report ({error.strerror})",
            file=str(file),
            hint="write it elsewhere: hydrascope report FINDINGS --out FILE",
        ) from None
    return file


def render_page(findings: Findings, *, reveal: bool = False) -> str:
    """The whole page as text; the same findings give the same bytes."""
    views = build_views(findings, reveal=reveal)
    style, script = read_asset("style.css"), read_asset("script.js")
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            run=findings.run,
            views=views,
            groups=groups_of(views),
            reveal=reveal,
            policy=policy(style, script),
            style=Markup(style),
            script=Markup(script),
            rows_drawn=ROWS_DRAWN,
            most_values=MOST_VALUES,
            min_accounts_shown=MIN_ACCOUNTS_SHOWN,
        )
    )


def read_asset(name: str) -> str:
    """A file of the page's own."""
    return (HERE / name).read_text(encoding="utf-8")


def policy(style: str, script: str) -> str:
    """The content security policy: nothing from anywhere, our style and our script by hash."""
    return (
        f"default-src 'none'; style-src-elem {source(style)}; style-src-attr 'unsafe-inline'; "
        f"script-src {source(script)}; img-src data:; base-uri 'none'; form-action 'none'"
    )


def source(text: str) -> str:
    """A policy's source expression for an inline text."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def environment() -> Environment:
    """The templates with the words that they use; everything is escaped unless it is Markup."""
    env = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    env.filters.update(filters())
    return env


def filters() -> Mapping[str, Any]:
    """The page's filters: numbers, times and names as words, and data for the script."""
    return {
        "bits": words.bits,
        "chance": words.chance,
        "clean": clean,
        "count": words.count,
        "dates": words.dates,
        "day": words.day,
        "embed": embed,
        "hue": hue,
        "hypothesis": words.hypothesis,
        "inline": words.inline,
        "label": words.label,
        "percent": words.percent,
        "permille": permille,
        "short": words.short,
        "spelled": words.spelled,
        "upfirst": words.upper,
        "when": words.when,
    }


def embed(value: object) -> Markup:
    """JSON for a data block, safe inside a script element."""
    text = msgspec.json.encode(value).decode()
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def hue(family: str) -> str:
    """The name of a family's colour in style.css; unknown families share one."""
    return family if family in FAMILIES else "other"


def permille(value: float, extent: tuple[float, float]) -> float:
    """A value's place between two others, in thousandths, for drawings 1,000 units wide."""
    low, high = extent
    return round(1000 * (value - low) / ((high - low) or 1.0), 1)
