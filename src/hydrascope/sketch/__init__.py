"""Text becomes a small, mergeable sketch; nothing after this room needs the text."""

from __future__ import annotations

from hydrascope.sketch.codec import (
    decode_sketches,
    encode_sketch,
    encode_sketches,
    key_id,
    key_sketch,
)
from hydrascope.sketch.feed import SKETCHED, sketch_batch
from hydrascope.sketch.labels import classify_texts, label_group, label_recurring, label_verbatim
from hydrascope.sketch.passages import find_passages
from hydrascope.sketch.template import Part, template_parts
from hydrascope.sketch.texts import (
    LEAST,
    LIMIT,
    RATE,
    SCRIPTS,
    WIDTH,
    TextSketch,
    concat_sketches,
    sketch_texts,
)

__all__ = [
    "LEAST",
    "LIMIT",
    "RATE",
    "SCRIPTS",
    "SKETCHED",
    "WIDTH",
    "Part",
    "TextSketch",
    "classify_texts",
    "concat_sketches",
    "decode_sketches",
    "encode_sketch",
    "encode_sketches",
    "find_passages",
    "key_id",
    "key_sketch",
    "label_group",
    "label_recurring",
    "label_verbatim",
    "sketch_batch",
    "sketch_texts",
    "template_parts",
]
