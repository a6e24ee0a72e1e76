"""The command line in this process, and the smallest log for it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a command left behind."""

    code: int
    out: str
    err: str


def write_log(path: Path, *, broken: int = 0) -> Path:
    """Forty exchanges of eight accounts as JSON lines, and some lines that are none."""
    lines = [
        json.dumps(
            {
                "exchange_id": f"x{i}",
                "started_at": f"2026-03-0{1 + i % 5}T{i % 24:02}:00:00Z",
                "account_id": f"account-{i % 8}",
                "prompt": f"whisper number {i * i} to the {['river', 'engine', 'garden'][i % 3]} and wait {i}",
                "client_ip": f"192.0.2.{i % 8}",
            }
        )
        for i in range(40)
    ]
    path.write_text("\n".join(lines + ["{broken"] * broken) + "\n")
    return path
