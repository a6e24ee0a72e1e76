"""When the small logs of these tests begin."""

from __future__ import annotations

from datetime import UTC, datetime

START = datetime(2026, 3, 2, tzinfo=UTC)
