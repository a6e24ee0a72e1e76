"""Text becomes a small, mergeable sketch; nothing after this room needs the text."""

from __future__ import annotations

from hydrascope.sketch.texts import (
    LIMIT,
    RATE,
    SCRIPTS,
    WIDTH,
    TextSketch,
    concat_sketches,
    sketch_texts,
)

__all__ = [
    "LIMIT",
    "RATE",
    "SCRIPTS",
    "WIDTH",
    "TextSketch",
    "concat_sketches",
    "sketch_texts",
]
