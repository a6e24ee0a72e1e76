"""The dossier for people: one HTML page, no script, nothing that a browser has to fetch.

The page is a function of materials and claims alone, so that whoever verifies renders it again and compares.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from hydrascope.watermark.pvalues import LOG10_FLOOR

__all__ = ["histogram_svg", "render_dossier"]

_HERE = Path(__file__).parent / "templates"
_WIDTH, _HEIGHT, _LEFT = 640, 150, 8
Z_LOW, Z_HIGH = -5.0, 15.0
"""Ends of the z axis; marks beyond are drawn at the end, with their value."""

MEANS = {
    "deployment": "The model was trained on text that this deployment served. Such text also reaches the public web, "
    "so this alone names no customer.",
    "cluster": "The model was trained on text that was served to this cluster of accounts and to nobody else.",
    "account": "The model was trained on answers that were served to this account: it prefers them to answers that "
    "were drawn for the same prompts in the same way and never left the house.",
}
MEANS_KEY_ACCOUNT = "The model was trained on text that was served to this account and to nobody else."


def _cell(log10_p: float) -> str:
    """A p-value for people, without the remark that the page makes once."""
    if log10_p < LOG10_FLOOR:
        return "< 1e-30"
    p = 10.0**log10_p
    return f"{p:.2g}" if p >= 1e-4 else f"{p:.1e}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def histogram_svg(counts: Sequence[int], marks: Sequence[tuple[str, float, bool]]) -> Markup:
    """Decoy z-scores as bars, opened keys as flags.

    Args:
        counts: decoys in each of equal bins from `Z_LOW` to 5.
        marks: (label, z, traced).
    """
    scale = (_WIDTH - 2 * _LEFT) / (Z_HIGH - Z_LOW)
    bin_width = 10.0 / len(counts) * scale
    most = max(*counts, 1)
    parts = []
    for i, count in enumerate(counts):
        height = 90.0 * count / most
        parts.append(
            f'<rect x="{_LEFT + i * bin_width:.1f}" y="{120 - height:.1f}" '
            f'width="{max(bin_width - 1, 1):.1f}" height="{height:.1f}" class="bar"/>'
        )
    for label, z, traced in marks[:6]:
        x = _LEFT + (min(max(z, Z_LOW), Z_HIGH) - Z_LOW) * scale
        parts.append(
            Markup(
                '<line x1="{0}" x2="{0}" y1="24" y2="120" class="flag {3}"/>'
                '<text x="{0}" y="18" text-anchor="{1}" class="flagtext {3}">{2}</text>'
            ).format(f"{x:.1f}", "end" if z > 8 else "middle", label, "found" if traced else "")
        )
    for z in (-4, 0, 4, 8, 12):
        x = _LEFT + (z - Z_LOW) * scale
        parts.append(f'<text x="{x:.1f}" y="138" text-anchor="middle" class="tick">{z}</text>')
    axis = f'<line x1="{_LEFT}" x2="{_WIDTH - _LEFT}" y1="120" y2="120" class="axis"/>'
    drawn = "".join(str(part) for part in parts)
    return Markup(
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="z-scores of decoy keys and of opened keys">{drawn}{axis}</svg>'
    )


def _charts(keys: Mapping[str, Any] | None) -> dict[str, Markup]:
    if keys is None:
        return {}
    charts = {}
    for piece in keys["evidence"]:
        marks = [
            (f"{o['subject']} z = {o['z']:.1f}", float(o["z"]), bool(o["traced"]))
            for o in keys["opened"]
            if o["items"] == piece["items"]
        ]
        charts[piece["items"]] = histogram_svg(piece["histogram"], marks)
    return charts


def render_dossier(materials: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    """The page. Same materials and claims, same bytes."""
    style = (_HERE / "dossier.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["p"] = _cell
    environment.filters["number"] = _number
    twins = claims["twins"]
    traced_twins = [r for r in twins["results"] if r["traced"]] if twins else []
    return environment.get_template("dossier.html.j2").render(
        style=Markup(style),
        policy=f"default-src 'none'; style-src 'sha256-{digest}'",
        materials=materials,
        keys=claims["keys"],
        twins=twins,
        traced_keys=[o for o in claims["keys"]["opened"] if o["traced"]] if claims["keys"] else [],
        traced_twins=traced_twins,
        twin_rows=_twin_rows(twins),
        charts=_charts(claims["keys"]),
        means=MEANS,
        means_key_account=MEANS_KEY_ACCOUNT,
    )


def _twin_rows(twins: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    """Wide levels first, then by p; at most 200 rows, the rest is in the files."""
    if twins is None:
        return []
    order = {"deployment": 0, "cluster": 1, "account": 2}
    rows = sorted(twins["results"], key=lambda r: (order[r["level"]], r["log10_p"], r["name"]))
    return rows[:200]
