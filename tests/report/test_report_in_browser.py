"""The report in Debian's chromium: no error, no request, no sideways scroll on a phone, and its controls work."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import findings_folders as folders
import pytest

from hydrascope.report import render_report

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(shutil.which("chromium") is None, reason="needs Debian's chromium"),
]

HARNESS = """<!doctype html><meta charset="utf-8"><body style="margin:0">
<iframe id="f" src="{src}" style="width:{width}px;height:3000px;border:0"></iframe><pre id="out"></pre>
<script>
document.getElementById("f").addEventListener("load", (event) => {{
  const frame = event.target.contentWindow, page = frame.document, out = {{}};
  const wide = () => page.documentElement.scrollWidth;
  const click = (selector) => page.querySelector(selector)?.click();
  out.closed = wide();
  click("#open-all");
  page.querySelectorAll("details").forEach((d) => {{ d.open = true; }});
  out.width = wide();
  setTimeout(() => {{
    out.resources = frame.performance.getEntriesByType("resource").map((r) => r.name);
    out.firstAccount = page.querySelector("table.accounts tbody th")?.textContent;
    click("table.accounts th[data-col='2'] button");
    click("table.accounts th[data-col='2'] button");
    out.sortedAccount = page.querySelector("table.accounts tbody th")?.textContent;
    const hover = (element, x, y) => {{
      if (!element) return null;
      element.scrollIntoView();
      const box = element.getBoundingClientRect();
      const at = {{ clientX: box.left + box.width * x, clientY: box.top + box.height * y, bubbles: true }};
      element.dispatchEvent(new frame.PointerEvent("pointermove", at));
      return page.getElementById("tip").hidden ? null : page.getElementById("tip").textContent;
    }};
    out.timeline = hover(page.querySelector("[data-chart]"), 0.5, 0.5);
    out.node = hover(page.querySelector("[data-graph] circle")?.closest("svg") && page.querySelector("[data-graph] circle"), 0.5, 0.5);
    const filter = page.getElementById("filter");
    if (filter) {{
      filter.value = "reseller";
      filter.dispatchEvent(new frame.Event("input"));
      out.filtered = [...page.querySelectorAll("#overview-table tbody tr")].filter((r) => !r.hidden).length;
    }}
    click("#theme");
    out.theme = page.documentElement.dataset.theme ?? null;
    out.filteredWidth = wide();
    document.getElementById("out").textContent = JSON.stringify(out);
  }}, 200);
}});
</script>"""


def look(report: Path, folder: Path, *, width: int) -> tuple[dict[str, Any], list[str]]:
    """What the harness measured in a frame `width` pixels wide, and the lines of the browser's console."""
    page = folder / f"harness-{width}.html"
    page.write_text(HARNESS.format(src=report.as_uri(), width=width))
    done = subprocess.run(
        [
            "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files",
            "--enable-logging=stderr", "--virtual-time-budget=8000", "--window-size=1300,3200",
            f"--user-data-dir={folder / 'profile'}", "--dump-dom", page.as_uri(),
        ],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    found = re.search(r'<pre id="out">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found is not None and found[1], done.stderr[-2000:]
    return json.loads(unescape(found[1])), [x for x in done.stderr.splitlines() if "CONSOLE" in x]


@pytest.mark.parametrize("width", [390, 1280])
def test_a_full_report_fits_and_works(tmp_path: Path, width: int) -> None:
    """At phone and at desk width: no console message, no request, no overflow; sort, hover, filter, theme work."""
    report = render_report(folders.small_folder(tmp_path / "findings"))
    seen, console = look(report, tmp_path, width=width)
    assert console == []
    assert seen["resources"] == []
    assert max(seen["closed"], seen["width"], seen["filteredWidth"]) <= width
    assert seen["firstAccount"] != seen["sortedAccount"] == "acct-0001-00030"
    assert "exchanges" in seen["timeline"] and "accounts active" in seen["timeline"]
    assert "drawn links" in seen["node"]
    assert seen["filtered"] == 1
    assert seen["theme"] in ("dark", "light")


def test_a_bare_report_fits_and_works(tmp_path: Path) -> None:
    """With every optional part missing the page still loads without a message and fits a phone."""
    report = render_report(folders.bare_folder(tmp_path / "findings"))
    seen, console = look(report, tmp_path, width=390)
    assert console == []
    assert seen["width"] <= 390


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    """Markup in ids, titles and sentences is shown, never run; a long unbroken word does not widen the page."""
    attack = "</script><script>console.error('ran')</script><img src=x onerror=console.error('ran')>"
    campaign = folders.campaign(1, "distillation", 40)
    campaign["title"] = attack + "x" * 300
    campaign["campaign_id"] = attack
    campaign["members"][0]["account_id"] = attack + "y" * 200
    campaign["graph"]["nodes"][0]["account_id"] = attack
    campaign["timeline"]["models"] = {attack + "m" * 200: campaign["timeline"]["n_exchanges"]}
    campaign["infrastructure"]["user_agent"][0]["value"] = attack + "z" * 400
    campaign["evidence"][0]["sentence"] = attack + "w" * 200
    campaign["evidence"][0]["family"] = "style=x;" + attack
    report = render_report(folders.write_folder(tmp_path / "findings", [campaign]))
    seen, console = look(report, tmp_path, width=390)
    assert console == []
    assert seen["resources"] == []
    assert seen["width"] <= 390
