"""Prints an answer: rich on a terminal, plain text of a fixed width otherwise."""

from __future__ import annotations

import io
from typing import IO, Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from hydrascope.report import words
from hydrascope.report.answer import Answer, Line, Section

__all__ = ["answer_as_dict", "render_answer", "render_text"]

PLAIN_WIDTH = 100
BAR_WIDTH = 12


def render_answer(answer: Answer, file: IO[str]) -> None:
    """Prints the answer on `file`: with styles and bars on a terminal, as plain text otherwise."""
    if file.isatty():
        render_on(answer, Console(file=file, markup=False, emoji=False, highlight=False))
    else:
        file.write(render_text(answer))


def render_text(answer: Answer) -> str:
    """The answer as plain text, `PLAIN_WIDTH` columns wide."""
    page = io.StringIO()
    render_on(
        answer,
        Console(file=page, width=PLAIN_WIDTH, markup=False, emoji=False, highlight=False, no_color=True),
    )
    return "\n".join(line.rstrip() for line in page.getvalue().splitlines()) + "\n"


def render_on(answer: Answer, console: Console) -> None:
    """Prints the answer on a console."""
    console.print(Text(answer.headline, style="bold"))
    widest = max((abs(x.bits) for s in answer.sections for x in s.lines if x.bits is not None), default=1.0)
    for section in answer.sections:
        console.print()
        console.print(Text(section.title, style="bold cyan"))
        console.print(render_section(section, widest, bars=console.is_terminal))


def render_section(section: Section, widest: float, *, bars: bool) -> RenderableType:
    """A section's lines: a table where any has bits or a label, paragraphs otherwise."""
    if all(x.bits is None and not x.label for x in section.lines):
        numbered = len(section.lines) > 1
        return Padding(
            Group(*(paragraph(x, i if numbered else None) for i, x in enumerate(section.lines, 1))),
            (0, 0, 0, 2),
        )
    weighed = any(x.bits is not None for x in section.lines)
    bars = bars and weighed
    table = Table.grid(padding=(0, 2, 0, 0))
    if weighed:
        table.add_column(justify="right", no_wrap=True)
    if bars:
        table.add_column(no_wrap=True)
    table.add_column(ratio=None)
    for line in section.lines:
        cells: list[RenderableType] = [bits_cell(line.bits)] if weighed else []
        if bars:
            cells.append(bar(line.bits, widest))
        table.add_row(*cells, statement(line))
    return Padding(table, (0, 0, 0, 2))


def paragraph(line: Line, number: int | None) -> RenderableType:
    """A line of words alone."""
    table = Table.grid(padding=(0, 1, 0, 0))
    if number is None:
        table.add_row(statement(line))
    else:
        table.add_row(Text(f"{number}."), statement(line))
    return table


def statement(line: Line) -> Group:
    """Label, text and what stands below it."""
    first = Text(line.label, style="bold")
    if line.label and line.text:
        first.append("  ")
    first.append(Text(line.text, style="not bold"))
    return Group(first, *(Text(d, style="dim") for d in line.detail))


def bits_cell(value: float | None) -> Text:
    """Bits, blue for and yellow against."""
    if value is None:
        return Text("")
    return Text(words.bits(value), style="yellow" if value < 0 else "blue")


def bar(value: float | None, widest: float) -> Text:
    """A bar as long as the bits are many."""
    if value is None or not round(value, 1):
        return Text("")
    long = round(BAR_WIDTH * abs(value) / (widest or 1.0))
    return Text("━" * max(long, 1), style="yellow" if value < 0 else "blue")


def answer_as_dict(answer: Answer) -> dict[str, Any]:
    """The answer as JSON has it: kind, ids, headline, facts, sections."""
    return {
        "kind": answer.kind,
        "ids": list(answer.ids),
        "headline": answer.headline,
        **answer.facts,
        "sections": [
            {
                "title": s.title,
                "lines": [
                    {"label": x.label or None, "bits": x.bits, "text": x.text, "detail": list(x.detail)}
                    for x in s.lines
                ],
            }
            for s in answer.sections
        ],
    }
