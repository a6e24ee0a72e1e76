"""`hydrascope link TABLE`: what it reads, writes and refuses."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from hydrascope.cli.app import build_app
from hydrascope.errors import InputError, SchemaError, UsageError
from hydrascope.linkage.naming import guess_family
from hydrascope.linkage.tables import code_table, read_table


def rows(seed=0, account="a{}".format):
    """Two thousand accounts, thirty groups of five that share addresses and pages."""
    rng = np.random.default_rng(seed)
    a = np.repeat(np.arange(2000), 6)
    v = (5000 * rng.random(len(a)) ** 1.5).astype(int)
    g = np.repeat(np.arange(150), 9)
    a, v = np.concatenate((a, g)), np.concatenate((v, 70_000 + (g // 5) * 5 + rng.integers(0, 5, len(g))))
    channel = np.array(["ip", "page"])[rng.integers(0, 2, len(a))]
    return [
        {"account": account(x), "channel": c, "value": f"v{y}"} for x, c, y in zip(a, channel, v, strict=True)
    ]


def run(*args):
    """The command's result."""
    return CliRunner().invoke(build_app(["link"]), ["link", *map(str, args)])


def write(path, table_rows):
    """A table in the format that its name says."""
    table = pa.Table.from_pylist(table_rows)
    if path.suffix == ".parquet":
        pq.write_table(table, path)
    elif path.suffix == ".csv":
        pa_csv.write_csv(table, path)
    else:
        text = "".join(json.dumps(row) + "\n" for row in table_rows)
        path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def test_links_clusters_and_manifest_are_written(tmp_path):
    """The files of the contract appear, with the groups in them and the null curve in the manifest."""
    result = run(write(tmp_path / "t.parquet", rows()), "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    links = pq.read_table(tmp_path / "out" / "links.parquet")
    assert links.schema.names == ["account_a", "account_b", "surprise", "bits", "families"]
    assert links.schema.field("families").type == pa.map_(pa.string(), pa.float64())
    clusters = pq.read_table(tmp_path / "out" / "clusters.parquet").to_pylist()
    assert len(clusters) > 60
    by_cluster = {}
    for row in clusters:
        by_cluster.setdefault(row["cluster"], set()).add(int(row["account"][1:]) // 5)
    assert np.mean([len(groups) == 1 for groups in by_cluster.values()]) > 0.9
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["null_over_observed"] <= 0.001 and manifest["null_curve"]


def test_row_order_and_format_do_not_change_the_output(tmp_path):
    """Shuffled rows, CSV, JSON lines and gzip give the same bytes."""
    table = rows()
    shuffled = [table[i] for i in np.random.default_rng(1).permutation(len(table))]
    seen = set()
    for name, content in (
        ("a.parquet", table),
        ("b.csv", shuffled),
        ("c.jsonl", shuffled),
        ("d.jsonl.gz", table),
    ):
        out = tmp_path / f"out-{name}"
        assert run(write(tmp_path / name, content), "--out", out, "--quiet").output == ""
        seen.add(((out / "links.parquet").read_bytes(), (out / "clusters.parquet").read_bytes()))
    assert len(seen) == 1


def test_accounts_keep_their_type(tmp_path):
    """Integer accounts come back as integers."""
    run(write(tmp_path / "t.parquet", rows(account=int)), "--out", tmp_path / "out")
    assert pa.types.is_integer(
        pq.read_table(tmp_path / "out" / "clusters.parquet").schema.field("account").type
    )


def test_nulls_and_empty_values_are_skipped_and_counted(tmp_path):
    """A row without a value says nothing, and the manifest says how many there were."""
    table = [
        *rows(),
        {"account": "a1", "channel": "ip", "value": None},
        {"account": "a2", "channel": "ip", "value": ""},
    ]
    result = run(write(tmp_path / "t.parquet", table), "--out", tmp_path / "out", "--json")
    assert json.loads(result.output)["rows_skipped"] == 2


def test_a_pair_is_explained_by_its_shared_values(tmp_path):
    """The explanation names values, their popularity and the threshold."""
    path = write(tmp_path / "t.parquet", rows())
    run(path, "--out", tmp_path / "out")
    pair = pq.read_table(tmp_path / "out" / "links.parquet").slice(0, 1).to_pylist()[0]
    told = run(path, "--quiet", "--explain", pair["account_a"], pair["account_b"]).output
    assert "are linked" in told and "accounts)" in told and "decades" in told
    assert "not linked" in run(path, "--quiet", "--explain", "a1998", "a1999").output


def test_errors_say_what_to_type(tmp_path):
    """Missing columns, unknown channels and accounts, files that are not there."""
    wrong = write(tmp_path / "w.csv", [{"acount": "a", "channel": "c", "value": "v"}])
    with pytest.raises(SchemaError, match="has no column 'account'"):
        read_table(wrong)
    with pytest.raises(InputError, match="no such file"):
        read_table(tmp_path / "none.parquet")
    (tmp_path / "junk.parquet").write_text("junk")
    with pytest.raises(InputError, match="cannot be read"):
        read_table(tmp_path / "junk.parquet")
    good = read_table(write(tmp_path / "t.parquet", rows()))
    with pytest.raises(UsageError, match="no channel 'ipp'"):
        code_table(good, {"ipp": "egress"})
    result = run(tmp_path / "t.parquet", "--quiet", "--explain", "a1", "nobody")
    assert isinstance(result.exception, UsageError)


@pytest.mark.parametrize(
    ("channel", "family"),
    [("client_ip", "egress"), ("payment_fingerprint", "identity"), ("ja4", "client"), ("hashtag", "hashtag")],
)
def test_common_names_go_to_families(channel, family):
    """Names that everyone uses need no --family; the others are families of their own."""
    assert guess_family(channel) == family
