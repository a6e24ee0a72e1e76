"""The public surface is exact, and importing it is light."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys

import pytest

import hydrascope

SURFACE = {
    "hydrascope": ["__version__"],
    "hydrascope.cli": ["build_app", "main"],
    "hydrascope.errors": [
        "ConfigError",
        "FindingsError",
        "HydrascopeError",
        "InputError",
        "RefusalError",
        "ResourceError",
        "SchemaError",
        "StateError",
        "UsageError",
        "nearest",
    ],
    "hydrascope.evaluate": [
        "Evaluation",
        "Findings",
        "Log",
        "World",
        "evaluate_findings",
        "evaluate_folder",
        "read_findings",
        "read_world",
    ],
    "hydrascope.ingest": [
        "FORMATS",
        "PROVENANCE",
        "REASONS",
        "WARNINGS",
        "ColumnMap",
        "Edge",
        "InputFile",
        "LogPart",
        "LogSource",
        "Network",
        "Place",
        "Rejects",
        "join_edge",
        "open_log",
        "read_accounts",
        "read_column_map",
        "read_edge",
        "read_events",
    ],
    "hydrascope.linkage": [
        "Block",
        "ChannelSpec",
        "Incidence",
        "LinkSettings",
        "Links",
        "Table",
        "cluster_links",
        "dense_blocks",
        "grow_clusters",
        "incidence_from_rows",
        "link_accounts",
        "link_table",
        "prepare",
    ],
    "hydrascope.pipeline": ["DetectSettings", "Detection", "Progress", "ScanResult", "ScanSettings", "scan"],
    "hydrascope.pipeline.hunt": [
        "HuntResult",
        "HuntSettings",
        "Hunted",
        "Known",
        "hunt",
        "indicators_like",
        "read_indicators",
        "write_hunt",
    ],
    "hydrascope.pipeline.lake": ["FORMATS", "Lake", "open_lake"],
    "hydrascope.pipeline.push": [
        "Receiver",
        "Spool",
        "land_pushes",
        "listen_address",
        "open_spool",
        "receive",
    ],
    "hydrascope.pipeline.watch": [
        "Landing",
        "State",
        "delete_account",
        "detect_state",
        "land_files",
        "merge_parts",
        "open_state",
        "retain_since",
    ],
    "hydrascope.report": [
        "Answer",
        "Comparison",
        "Findings",
        "answer_as_dict",
        "compare",
        "describe_difference",
        "difference_as_dict",
        "explain",
        "read_findings",
        "render_answer",
        "render_report",
        "render_text",
    ],
    "hydrascope.simulate": [
        "GroupFacts",
        "PromptPool",
        "Scenario",
        "WorldFacts",
        "read_scenario",
        "scenario_names",
        "simulate_world",
    ],
    "hydrascope.sketch": [
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
    ],
}
"""Room to its public names, in the order in which they are written."""
EXTRAS = (
    "torch",
    "transformers",
    "vllm",
    "pyspark",
    "pysail",
    "splink",
    "datasketch",
    "rensa",
    "litellm",
    "starlette",
    "uvicorn",
    "deltalake",
)
"""Packages that no core module may import."""
HEAVY = ("numba", "pyarrow", "duckdb", "sklearn", "scipy", "rich", "typer")
"""Packages that `import hydrascope` alone must not cost."""
MODULES = sorted(
    m.name
    for m in pkgutil.walk_packages(hydrascope.__path__, "hydrascope.")
    if not m.name.endswith("__main__")
)


@pytest.mark.parametrize("name", sorted(SURFACE))
def test_a_room_shows_what_it_promises(name: str) -> None:
    """A new or lost name is a decision, not an accident."""
    assert importlib.import_module(name).__all__ == SURFACE[name]


def test_every_all_is_sorted_and_true() -> None:
    """Constants, classes, functions, each group by name, as ruff sorts them; every name is there."""
    for name in MODULES:
        module = importlib.import_module(name) if not _needs_an_extra(name) else None
        names = getattr(module, "__all__", [])
        assert len(set(names)) == len(names), name
        assert all(hasattr(module, n) for n in names), name


def _needs_an_extra(name: str) -> bool:
    return name.startswith(("hydrascope.watermark.adapters", "hydrascope.watermark.suspect_hf"))


def imported(statement: str) -> set[str]:
    """Top-level packages that a statement loads in a fresh interpreter."""
    code = f"{statement}\nimport sys\nprint(' '.join({{m.split('.')[0] for m in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_the_package_costs_nothing() -> None:
    """`import hydrascope` loads none of its dependencies."""
    assert not imported("import hydrascope") & set(HEAVY)


def test_a_scan_loads_no_extra() -> None:
    """The whole pipeline and the command line work with the core dependencies."""
    loaded = imported("import hydrascope.pipeline, hydrascope.cli.app as app\napp.build_app(['scan'])")
    assert not loaded & set(EXTRAS)


def test_help_loads_no_extra() -> None:
    """Every command's module can be imported without extras."""
    assert not imported("import hydrascope.cli.app as app\napp.build_app([])") & set(EXTRAS)
