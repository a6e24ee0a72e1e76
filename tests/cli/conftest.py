"""Commands typed at a prompt that is no terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hydrascope_at_prompt import Answer

from hydrascope.cli.app import main


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """`hydrascope ARGUMENTS`: exit code, stdout and stderr."""
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")

    def answer(*arguments: str | Path) -> Answer:
        monkeypatch.setattr(sys, "argv", ["hydrascope", *map(str, arguments)])
        capfd.readouterr()
        code: object = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
        read = capfd.readouterr()
        assert isinstance(code, int)
        return Answer(code=code, out=read.out, err=read.err)

    return answer
