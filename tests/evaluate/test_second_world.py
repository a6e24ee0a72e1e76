"""The second generator of worlds: independent, reproducible, and what the contract says."""

from __future__ import annotations

import ast
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from hydrascope.schema import ACCOUNTS, EVENTS, EXCHANGES, TRUTH

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "benchmarks" / "second_world"
MAKE = """
import sys
from pathlib import Path
from second_world.worlds import make_world
for folder, name, seed in (words.rsplit(":", 2) for words in sys.argv[1:]):
    Path(folder).mkdir()
    make_world(Path(folder), name, int(seed), scale=0.005)
"""


def make(*worlds: tuple[Path, str, int], hash_seed: str = "0") -> None:
    """Worlds of a two-hundredth of their size (folder, name, seed), made by one process of its own."""
    environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(PACKAGE.parent)}
    words = [f"{folder}:{name}:{seed}" for folder, name, seed in worlds]
    subprocess.run([sys.executable, "-c", MAKE, *words], check=True, env=environment)


def contents(world: Path) -> dict[str, str]:
    """A digest of every file."""
    files = sorted(p for p in world.rglob("*") if p.is_file())
    return {str(p.relative_to(world)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def exchanges(world: Path) -> pa.Table:
    """The whole log."""
    return pa.concat_tables([pq.read_table(p) for p in sorted((world / "exchanges").glob("*.parquet"))])


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One tiny world of every kind, and a second one of one kind."""
    folder = tmp_path_factory.mktemp("second")
    wanted = {"evasive": 1, "mixed": 11, "small-operator": 11, "no-identity": 11, "null": 11, "another": 2}
    make(*((folder / key, "evasive" if key == "another" else key, seed) for key, seed in wanted.items()))
    return {key: folder / key for key in wanted}


@pytest.fixture
def hidden(worlds: dict[str, Path]) -> Path:
    """The one with the campaigns that hide."""
    return worlds["evasive"]


def imported(path: Path) -> set[str]:
    """Top-level names of the modules that a file imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = [a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names]
    names += [n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
    return {name.split(".")[0] for name in names}


def test_neither_side_knows_the_other() -> None:
    """The generator imports nothing of ours, and nothing of ours imports it: the check stays independent."""
    for path in sorted(PACKAGE.rglob("*.py")):
        assert "hydrascope" not in imported(path), path
    for path in sorted((ROOT / "src").rglob("*.py")):
        assert "second_world" not in path.read_text(encoding="utf-8"), path


def test_no_path_of_a_machine_is_read() -> None:
    """Everything that a world is made of is in the package or given as an argument."""
    for path in sorted(PACKAGE.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        assert "/work/" not in text and "urllib" not in text and "requests.get" not in text, path


def test_a_seed_gives_the_same_bytes_whatever_the_process(hidden: Path, tmp_path: Path) -> None:
    """Python's hash of strings differs between processes; nothing depends on it."""
    make((tmp_path / "again", "evasive", 1), hash_seed="42")
    assert contents(tmp_path / "again") == contents(hidden)


def test_another_seed_is_another_world(worlds: dict[str, Path]) -> None:
    """Sizes differ, not only names."""
    sizes = []
    for key in ("evasive", "another"):
        truth = pq.read_table(worlds[key] / "truth.parquet")
        counts = truth.group_by("label").aggregate([("account_id", "count")]).sort_by("label")
        sizes.append(counts["account_id_count"].to_pylist())
    assert sizes[0] != sizes[1]


def test_every_column_is_the_contract_s(hidden: Path) -> None:
    """Names and types, up to the width of a float."""
    tables = {"accounts.parquet": ACCOUNTS, "events.parquet": EVENTS, "truth.parquet": TRUTH}
    pairs = [(exchanges(hidden).schema, EXCHANGES)]
    pairs += [(pq.read_schema(hidden / name), schema) for name, schema in tables.items()]
    for found, known in pairs:
        for field in found:
            wanted = known.field(field.name).type
            assert field.type == wanted or (pa.types.is_floating(field.type) and pa.types.is_floating(wanted))


def test_the_log_and_the_tables_beside_it_agree(hidden: Path) -> None:
    """Ids are unique, shares count the rows, nobody sends before signing up or after a ban."""
    log, shares = exchanges(hidden), pq.read_table(hidden / "truth_shares.parquet").to_pydict()
    assert pc.count_distinct(log["exchange_id"]).as_py() == log.num_rows
    counted = log.group_by("account_id").aggregate(
        [("started_at", "count"), ("started_at", "min"), ("started_at", "max")]
    )
    rows = {r["account_id"]: r for r in counted.to_pylist()}
    for account, n, distilled in zip(
        shares["account_id"], shares["n_exchanges"], shares["n_distilled"], strict=True
    ):
        assert n == rows.get(account, {"started_at_count": 0})["started_at_count"]
        assert 0 <= distilled <= n
    for account in pq.read_table(hidden / "accounts.parquet").to_pylist():
        if account["account_id"] in rows:
            assert rows[account["account_id"]]["started_at_min"] >= account["created_at"]
    for event in pq.read_table(hidden / "events.parquet").to_pylist():
        if event["kind"] == "account_banned" and event["subject"] in rows:
            assert rows[event["subject"]]["started_at_max"] <= event["at"]


def test_only_campaign_accounts_extract(hidden: Path) -> None:
    """Everything honest has no campaign and no distilled exchange; every campaign has both."""
    truth = pq.read_table(hidden / "truth.parquet").to_pylist()
    shares = pq.read_table(hidden / "truth_shares.parquet").to_pylist()
    distilled = {s["account_id"]: s["n_distilled"] for s in shares}
    of_campaign: dict[str, int] = {}
    for account in truth:
        assert (account["label"] == "distillation") == (account["campaign"] is not None)
        if account["campaign"] is None:
            assert distilled[account["account_id"]] == 0
        else:
            of_campaign[account["campaign"]] = (
                of_campaign.get(account["campaign"], 0) + distilled[account["account_id"]]
            )
    assert len(of_campaign) == 9 and all(of_campaign.values())


def test_tuning_and_judging_share_no_wording_of_a_campaign() -> None:
    """Wordings are dealt out by turns: every list has two or more for each side, and none twice."""
    lists = wording_lists()
    assert len(lists) == 18
    for name, values in lists.items():
        assert len(values) >= 4 and len(values) % 2 == 0 and len(set(values)) == len(values), name


def wording_lists() -> dict[str, list[str]]:
    """The lists that `Scene.wording` draws from, by name, as source text."""
    out: dict[str, list[str]] = {}
    for path in (*(PACKAGE / "campaigns").glob("*.py"), PACKAGE / "small_operator.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        calls = [
            n
            for n in ast.walk(tree)
            if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute) and n.func.attr == "wording"
        ]
        used = {a.id for call in calls for a in call.args if isinstance(a, ast.Name)}
        for node in tree.body:
            if (
                isinstance(node, ast.Assign)
                and isinstance(node.value, ast.Tuple)
                and isinstance(node.targets[0], ast.Name)
                and node.targets[0].id in used
            ):
                out[node.targets[0].id] = [ast.unparse(x) for x in node.value.elts]
    return out


@pytest.mark.parametrize(
    ("name", "n_campaigns"), [("mixed", 8), ("no-identity", 8), ("small-operator", 2), ("null", 0)]
)
def test_the_other_worlds_hold_what_their_names_say(
    worlds: dict[str, Path], name: str, n_campaigns: int
) -> None:
    """Identity is left out where the place does not keep it, and a world without a campaign has none."""
    columns = set(pq.read_schema(worlds[name] / "accounts.parquet").names)
    assert ("payment_fingerprint" in columns) == (name in {"mixed", "null"})
    assert pc.count_distinct(pq.read_table(worlds[name] / "truth.parquet")["campaign"]).as_py() == n_campaigns
    assert ("client_country" in exchanges(worlds[name]).column_names) == (name != "small-operator")
