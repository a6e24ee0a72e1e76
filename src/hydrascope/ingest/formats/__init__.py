"""Log formats, one a file; each turns raw JSON records into rows of contract columns."""

from __future__ import annotations

from collections.abc import Mapping

from hydrascope.ingest.formats.azure import AZURE
from hydrascope.ingest.formats.base import Format, Provenance
from hydrascope.ingest.formats.bedrock import BEDROCK
from hydrascope.ingest.formats.contract import CONTRACT
from hydrascope.ingest.formats.langfuse import LANGFUSE
from hydrascope.ingest.formats.litellm import LITELLM
from hydrascope.ingest.formats.otlp import OTLP
from hydrascope.ingest.formats.providers import ANTHROPIC, OPENAI
from hydrascope.ingest.formats.vertex import VERTEX

__all__ = ["FORMATS", "PROVENANCE"]

_ALL = (CONTRACT, OTLP, BEDROCK, LITELLM, VERTEX, AZURE, LANGFUSE, ANTHROPIC, OPENAI)
FORMATS: Mapping[str, Format] = {f.name: f for f in _ALL}
"""By name, in the order in which detection asks them: the most particular shape first."""

PROVENANCE: Mapping[str, Mapping[str, Provenance]] = {f.name: f.provenance for f in _ALL}
"""Format, then contract column, to who wrote it: `server`, `operator` or `caller`."""
