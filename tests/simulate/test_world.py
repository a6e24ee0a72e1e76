"""What a written world promises, whatever is in it."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from simulated import SMALL, log_of, with_truth, write_world

from hydrascope.errors import ConfigError
from hydrascope.schema import ACCOUNTS, EVENTS, EXCHANGES, TRUTH
from hydrascope.simulate import PromptPool, read_scenario, scenario_names, simulate_world
from hydrascope.simulate.plan import resize


def test_the_log_has_the_contract_columns(tmp_path: Path) -> None:
    """Every column of the contract is there with its type; nothing else is."""
    write_world(tmp_path)
    beyond = ("sketch", "signatures", "sent_signatures", "source_file", "source_line")
    expected = [f for f in EXCHANGES if f.name not in beyond]
    assert [(f.name, f.type) for f in log_of(tmp_path).schema] == [(f.name, f.type) for f in expected]
    for name, schema in (("accounts", ACCOUNTS), ("events", EVENTS), ("truth", TRUTH)):
        found = pq.read_table(tmp_path / "world" / f"{name}.parquet").schema
        assert [(f.name, f.type) for f in found] == [(f.name, f.type) for f in schema]


def test_the_same_seed_gives_the_same_bytes_whatever_the_workers(tmp_path: Path) -> None:
    """One worker and two write identical files; another seed writes others."""
    for name, seed, workers in (("a", 1, 1), ("b", 1, 2), ("c", 2, 1)):
        (tmp_path / name).mkdir()
        write_world(tmp_path / name, seed=seed, workers=workers)

    def written(name: str) -> dict[str, bytes]:
        root = tmp_path / name / "world"
        return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}

    assert written("a") == written("b")
    assert written("a")["truth.parquet"] != written("c")["truth.parquet"]


def test_the_truth_covers_the_log_and_agrees_with_the_facts(tmp_path: Path) -> None:
    """Every account of the log is in the truth; shares and counts add up; only campaigns have a name."""
    facts = write_world(tmp_path)
    table, truth = with_truth(tmp_path), pq.read_table(tmp_path / "world" / "truth.parquet")
    assert table["label"].null_count == 0
    assert len(truth) == facts.n_accounts == len(set(truth["account_id"].to_pylist()))
    assert {(r["label"], r["campaign"]) for r in truth.to_pylist()} == {
        ("background", None),
        ("distillation", "ring"),
    }
    shares = pq.read_table(tmp_path / "world" / "truth_shares.parquet")
    assert pc.sum(shares["n_exchanges"]).as_py() == len(table) == facts.n_exchanges
    described = json.loads((tmp_path / "world" / "world.json").read_text())
    assert [g["distillation_share"] for g in described["groups"]] == [0.0, 1.0]


def test_ids_are_unique_and_tell_nothing(tmp_path: Path) -> None:
    """Ids are sixteen hexadecimal digits, and campaign and honest ones interleave when sorted."""
    write_world(tmp_path)
    table = with_truth(tmp_path)
    ids = table["exchange_id"].to_pylist()
    assert len(set(ids)) == len(ids)
    assert {len(i) for i in ids} == {16}
    labels = pq.read_table(tmp_path / "world" / "truth.parquet")["label"].to_pylist()
    changes = sum(a != b for a, b in itertools.pairwise(labels))
    assert changes >= 10


def test_rows_of_a_file_are_in_order_of_time(tmp_path: Path) -> None:
    """A log is written as it happened."""
    write_world(tmp_path)
    for path in (tmp_path / "world" / "exchanges").glob("*.parquet"):
        times = pq.read_table(path)["started_at"].to_numpy()
        assert (times[1:] >= times[:-1]).all()


def test_what_is_missing_is_missing_for_everybody(tmp_path: Path) -> None:
    """The null rates of a campaign and of honest people differ by little, column by column."""
    write_world(
        tmp_path, SMALL.replace("accounts = 60", "accounts = 200").replace("accounts = 12", "accounts = 120")
    )
    table = with_truth(tmp_path)
    for name in ("client_ip", "user_agent", "turns", "output_tokens", "organization_id", "platform"):
        rates = [
            table.filter(pc.equal(table["label"], label))[name].null_count
            / pc.sum(pc.equal(table["label"], label)).as_py()
            for label in ("background", "distillation")
        ]
        assert abs(rates[0] - rates[1]) < 0.12, (name, rates)


def test_exchange_truth_names_the_campaign_of_each_exchange(tmp_path: Path) -> None:
    """With exchange truth, extracting exchanges carry the campaign and cover traffic does not."""
    text = (
        SMALL + '[groups.ring.flows.cover]\narrivals = { process = "human", per_day = 20.0, active = 1.0 }\n'
    )
    (tmp_path / "s.toml").write_text(text)
    simulate_world(read_scenario(tmp_path / "s.toml"), tmp_path / "world", workers=1, exchange_truth=True)
    table = pq.read_table(tmp_path / "world" / "truth_exchanges").join(
        with_truth(tmp_path).drop("campaign"), "exchange_id"
    )
    ring = table.filter(pc.equal(table["label"], "distillation"))
    assert 0.05 < ring["campaign"].null_count / len(ring) < 0.5
    assert table.filter(pc.equal(table["label"], "background"))["campaign"].null_count > 0


def test_scale_and_accounts_are_two_different_things() -> None:
    """Scale changes every group; a number of accounts changes only the elastic ones."""
    scenario = read_scenario("tuning/mixed")
    double = resize(scenario, 2.0, None)
    assert [g.accounts for g in double.groups] == [2 * g.accounts for g in scenario.groups]
    wide = resize(scenario, 1.0, 10_000)
    assert abs(sum(g.accounts for g in wide.groups) - 10_000) < 10
    assert all(
        w.accounts == g.accounts for w, g in zip(wide.groups, scenario.groups, strict=True) if not g.elastic
    )


@pytest.mark.parametrize("name", scenario_names())
def test_every_shipped_world_reads(name: str) -> None:
    """Each scenario that ships is well formed, and null worlds have no campaign."""
    scenario = read_scenario(name)
    assert scenario.groups
    assert ("null" in name) == (not any(f.distill for g in scenario.groups for f in g.flows))
    for group in scenario.groups:
        assert (group.label == "distillation") == any(f.distill for f in group.flows), group.name


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("[world]\ndais = 3\n", "did you mean 'days'"),
        ("[wrld]\n", "did you mean 'world'"),
        ('library = "tuning"\n[groups.x]\nuse = "evasiv"\n', "did you mean 'evasive'"),
        ('library = "tunning"\n', "did you mean 'tuning'"),
        (SMALL.replace('["wrap"]', '["warp"]'), "did you mean 'wrap'"),
        (SMALL.replace("first_use_h", "first_used_h"), "did you mean 'first_use_h'"),
    ],
)
def test_a_wrong_name_is_answered_with_the_nearest(tmp_path: Path, text: str, hint: str) -> None:
    """Misspelt settings, groups, libraries and texts stop the start with a suggestion."""
    (tmp_path / "s.toml").write_text(text)
    with pytest.raises(ConfigError, match=hint):
        read_scenario(tmp_path / "s.toml")


def test_an_unknown_world_is_answered_with_the_nearest() -> None:
    """`simulate --scenario dmeo` suggests demo."""
    with pytest.raises(ConfigError, match="did you mean 'demo'"):
        read_scenario("dmeo")


def test_a_pool_gives_each_prompt_about_once(tmp_path: Path) -> None:
    """People's requests use a pool's prompts verbatim, and strangers seldom the same one."""
    import pyarrow as pa

    rows = [{"prompt": f"pool question number {i}", "lang": "en"} for i in range(300)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "pool.parquet")
    (tmp_path / "s.toml").write_text(SMALL)
    pool = PromptPool.read(tmp_path / "pool.parquet")
    simulate_world(read_scenario(tmp_path / "s.toml"), tmp_path / "world", workers=1, prompts=pool)
    asked = [p for p in log_of(tmp_path)["prompt"].to_pylist() if p.startswith("pool question")]
    assert len(asked) > 15
    assert len(asked) / len(set(asked)) < 1.6
