"""What each contender of `peers_speed.py` does: one function a contender, from file to result.

A function imports its library, warms up what is compiled on first use, and returns the work to be timed and how its
result becomes a table that `peers_speed.py` holds against ours. Contenders of one section read the same file.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["N_HASHES", "SECTIONS", "shingles_of"]

Contender = tuple[Callable[[], Any], Callable[[Any], pa.Table]]
N_HASHES = 128
WORDS = re.compile(r"[^\W\d_]+|\d+(?:[\W_]*\d+)*")
CHANNELS = ("user_agent", "ip", "card", "tls", "phrase")
CAP = 50


def shingles_of(text: str) -> set[str]:
    """Three words each, without case and punctuation, numbers alike: what our kernel takes, in plain Python."""
    words = [w if w[0].isalpha() else "0" for w in WORDS.findall(text.lower())]
    return {" ".join(words[i : i + 3]) for i in range(max(len(words) - 2, 1))}


def _as_it_is(table: pa.Table) -> pa.Table:
    return table


def _signatures(rows: Any) -> pa.Table:
    flat = np.asarray(rows, dtype=np.uint64)
    return pa.table({"hashes": pa.FixedSizeListArray.from_arrays(pa.array(flat.ravel()), flat.shape[1])})


def _ours_sketch(folder: Path, **settings: Any) -> Contender:
    from hydrascope.sketch import sketch_texts

    sketch_texts(pa.array(["loads the kernel"]))

    def work() -> Any:
        return sketch_texts(pq.read_table(folder / "texts.parquet")["text"], **settings)

    def table(sketch: Any) -> pa.Table:
        lists = pa.LargeListArray.from_arrays(pa.array(sketch.offsets), pa.array(sketch.shingles))
        return pa.table({"hashes": lists})

    return work, table


def sketch_hydrascope(folder: Path) -> Contender:
    """The sketch of a scan."""
    return _ours_sketch(folder)


def sketch_hydrascope_whole(folder: Path) -> Contender:
    """Every shingle kept, so that the similarity is exact."""
    return _ours_sketch(folder, rate=1.0, limit=1 << 30)


def sketch_rensa(folder: Path) -> Contender:
    """Words and shingles in Python, signatures by rensa, all texts in one call."""
    rensa = importlib.import_module("rensa")

    def work() -> pa.Table:
        texts = pq.read_table(folder / "texts.parquet")["text"].to_pylist()
        sets = [list(shingles_of(text)) for text in texts]
        return rensa.RMinHash.digest_matrix_from_token_sets(sets, N_HASHES, 1)

    return work, lambda matrix: _signatures(matrix.to_rows())


def sketch_rensa_on_ours(folder: Path) -> Contender:
    """Words and shingles by our kernel, signatures by rensa."""
    rensa = importlib.import_module("rensa")
    from hydrascope.sketch import sketch_texts

    sketch_texts(pa.array(["loads the kernel"]))

    def work() -> pa.Table:
        sketch = sketch_texts(pq.read_table(folder / "texts.parquet")["text"], rate=1.0, limit=1 << 30)
        offsets = sketch.offsets.astype(np.uint64)
        return rensa.RMinHash.digest_matrix_from_flat_token_hashes(sketch.shingles, offsets, N_HASHES, 1)

    return work, lambda matrix: _signatures(matrix.to_rows())


def sketch_datasketch(folder: Path) -> Contender:
    """Words and shingles in Python, signatures by datasketch's bulk call."""
    datasketch = importlib.import_module("datasketch")

    def work() -> pa.Table:
        texts = pq.read_table(folder / "texts.parquet")["text"].to_pylist()
        sets = ([s.encode() for s in shingles_of(text)] for text in texts)
        return list(datasketch.MinHash.generator(sets, num_perm=N_HASHES))

    return work, lambda found: _signatures([m.hashvalues for m in found])


def sketch_words_only(folder: Path) -> Contender:
    """Words and shingles in Python and nothing else: what any library pays that does not read text itself."""

    def work() -> pa.Table:
        texts = pq.read_table(folder / "texts.parquet")["text"].to_pylist()
        return [shingles_of(text) for text in texts]

    return work, lambda sets: pa.table({"n": [len(s) for s in sets]})


def link_hydrascope(folder: Path) -> Contender:
    """Surprise over permuted tables, clusters grown."""
    from hydrascope.linkage.clusters import cluster_links, grow_clusters
    from hydrascope.linkage.incidence import ChannelSpec, incidence_from_rows
    from hydrascope.linkage.links import link_table, prepare
    from hydrascope.linkage.settings import LinkSettings

    def link(records: pa.Table) -> pa.Table:
        n, settings = len(records), LinkSettings()
        incidence = incidence_from_rows(
            np.tile(records["account"].to_numpy(), len(CHANNELS)),
            np.repeat(np.arange(len(CHANNELS)), n),
            np.concatenate([records[c].to_numpy() for c in CHANNELS]),
            n_accounts=n,
            channels=tuple(ChannelSpec(name=c, family=c) for c in CHANNELS),
        )
        ready = prepare(incidence, settings)
        links = link_table(ready, settings)
        return pa.table({"cluster": grow_clusters(ready, cluster_links(links, n, settings), settings)})

    link(pq.read_table(folder / "records.parquet").slice(0, 2000))
    return lambda: link(pq.read_table(folder / "records.parquet")), _as_it_is


def link_splink(folder: Path) -> Contender:
    """Fellegi-Sunter by Splink on DuckDB: the m of the generator, u from the table, term frequencies."""
    splink = importlib.import_module("splink")
    library = importlib.import_module("splink.comparison_library")
    duckdb = importlib.import_module("duckdb")

    def work() -> pa.Table:
        db = duckdb.connect()
        db.execute("SET threads=2")
        records = pq.read_table(folder / "records.parquet").drop_columns("operator")
        chance = {c: _collision(db, records, c) for c in CHANNELS}
        model = splink.SettingsCreator(
            link_type="dedupe_only",
            unique_id_column_name="account",
            comparisons=[
                library.ExactMatch(c).configure(
                    term_frequency_adjustments=True, m_probabilities=[0.4, 0.6], u_probabilities=[u, 1 - u]
                )
                for c, u in chance.items()
            ],
            blocking_rules_to_generate_predictions=[
                splink.block_on("ip"),
                splink.block_on("card"),
                splink.block_on("phrase"),
                splink.block_on("tls", "user_agent"),
            ],
            probability_two_random_records_match=0.27 / len(records),
        )
        linker = splink.Linker(splink.DuckDBAPI(connection=db).register(records), model, log_level=None)
        scored = linker.inference.predict(threshold_match_probability=0.95)
        found = linker.clustering.cluster_pairwise_predictions_at_threshold(
            scored, threshold_match_probability=0.95
        )
        return db.sql(
            f"SELECT cluster_id AS cluster FROM {found.physical_name} ORDER BY account"
        ).to_arrow_table()

    return work, _as_it_is


def _collision(db: Any, records: pa.Table, column: str) -> float:
    """The chance that two strangers agree."""
    db.register("one_channel", records.select([column]))
    return float(
        db.sql(
            f"SELECT sum(n * n) / sum(n) ^ 2 FROM (SELECT count(*) AS n FROM one_channel GROUP BY {column})"
        ).fetchall()[0][0]
    )


def _join(folder: Path, cap: int | None) -> Contender:
    duckdb = importlib.import_module("duckdb")
    from hydrascope.kernels.components import components

    components(np.zeros(1, np.int32), np.zeros(1, np.int32), 1)
    capped = "" if cap is None else f"AND n <= {cap}"
    columns = " UNION ALL ".join(
        f"SELECT account, '{c}' AS channel, {c} AS value FROM '{folder}/records.parquet'" for c in CHANNELS
    )

    def work() -> pa.Table:
        db = duckdb.connect()
        for setting in ("threads=2", "memory_limit='4GB'", f"temp_directory='{folder}/spill'"):
            db.execute(f"SET {setting}")
        db.execute(f"CREATE TABLE long AS {columns}")
        db.execute(f"""CREATE TABLE shared AS SELECT * FROM (
            SELECT *, count(*) OVER (PARTITION BY channel, value) AS n FROM long) WHERE n >= 2 {capped}""")
        pairs = db.sql("""
            SELECT a.account::INTEGER AS a, b.account::INTEGER AS b FROM shared a JOIN shared b
            ON a.channel = b.channel AND a.value = b.value AND a.account < b.account
            GROUP BY 1, 2 HAVING count(*) >= 2""").to_arrow_table()
        n = int(db.sql(f"SELECT count(*) FROM '{folder}/records.parquet'").fetchall()[0][0])
        return pa.table({"cluster": components(pairs["a"].to_numpy(), pairs["b"].to_numpy(), n)})

    return work, _as_it_is


def link_sql(folder: Path) -> Contender:
    """A self-join on values of at most 50 accounts; two shared values are a link, components are clusters."""
    return _join(folder, CAP)


def link_sql_uncapped(folder: Path) -> Contender:
    """The same on all values."""
    return _join(folder, None)


def _edges(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    table = pq.read_table(folder / "graph.parquet")
    return table["a"].to_numpy(), table["b"].to_numpy()


def _smallest_of_each(groups: list[set[int]]) -> pa.Table:
    label = np.zeros(sum(map(len, groups)), np.int32)
    for group in groups:
        nodes = np.fromiter(group, np.int32, len(group))
        label[nodes] = nodes.min()
    return pa.table({"label": label})


def _smallest_by_label(label: np.ndarray) -> pa.Table:
    least = np.full(int(label.max()) + 1, len(label), np.int32)
    np.minimum.at(least, label, np.arange(len(label), dtype=np.int32))
    return pa.table({"label": least[label]})


def components_hydrascope(folder: Path) -> Contender:
    """Union-find."""
    from hydrascope.kernels.components import components

    components(np.zeros(1, np.int32), np.zeros(1, np.int32), 1)

    def work() -> pa.Table:
        a, b = _edges(folder)
        return components(a, b, len(a))

    return work, lambda label: pa.table({"label": label})


def components_scipy(folder: Path) -> Contender:
    """`scipy.sparse.csgraph.connected_components`."""
    sparse = importlib.import_module("scipy.sparse")
    csgraph = importlib.import_module("scipy.sparse.csgraph")

    def work() -> pa.Table:
        a, b = _edges(folder)
        n = len(a)
        graph = sparse.coo_array((np.ones(n, np.int8), (a, b)), shape=(n, n)).tocsr()
        return csgraph.connected_components(graph, directed=False)[1]

    return work, _smallest_by_label


def components_rustworkx(folder: Path) -> Contender:
    """`rustworkx.connected_components`."""
    rustworkx = importlib.import_module("rustworkx")

    def work() -> pa.Table:
        a, b = _edges(folder)
        graph = rustworkx.PyGraph()
        graph.add_nodes_from(range(len(a)))
        graph.add_edges_from_no_data(list(zip(a.tolist(), b.tolist(), strict=True)))
        return rustworkx.connected_components(graph)

    return work, _smallest_of_each


def components_networkx(folder: Path) -> Contender:
    """`networkx.connected_components`."""
    networkx = importlib.import_module("networkx")

    def work() -> pa.Table:
        a, b = _edges(folder)
        graph = networkx.Graph()
        graph.add_nodes_from(range(len(a)))
        graph.add_edges_from(zip(a.tolist(), b.tolist(), strict=True))
        return list(networkx.connected_components(graph))

    return work, _smallest_of_each


SECTIONS: dict[str, tuple[str, ...]] = {
    "sketch": ("hydrascope", "hydrascope_whole", "words_only", "rensa", "rensa_on_ours", "datasketch"),
    "link": ("hydrascope", "sql", "sql_uncapped", "splink"),
    "components": ("hydrascope", "scipy", "rustworkx", "networkx"),
    "features": ("duckdb", "polars", "daft"),
}
"""Section to contenders, ours first; the function of one is `SECTION_CONTENDER` here or in `peers_features.py`."""
