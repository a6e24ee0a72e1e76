"""Retro-hunts: who matched, since when, how many strangers do, from logs and from states that keep no text."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scanning import scan_world
from typer.testing import CliRunner
from worlds import START, WRAPPER, build_world, exchange_table, write_world

from hydrascope.cli.app import build_app
from hydrascope.errors import ConfigError, UsageError
from hydrascope.features.observer import ObserveSettings
from hydrascope.ingest import open_log
from hydrascope.pipeline.hunt import Hunted, read_indicators
from hydrascope.pipeline.hunt.indicators import core_of_text
from hydrascope.pipeline.hunt.matching import Matcher
from hydrascope.pipeline.hunt.worth import account_bits, weigh_indicators
from hydrascope.pipeline.watch import land_files, open_state
from hydrascope.sketch import RATE, sketch_texts

SMALL: dict[str, int] = {"class_size": 12, "enterprise": 6, "people": 80}
EARLY = START + timedelta(days=8)


@pytest.fixture(scope="module")
def side(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the log, the accounts table and a state of the log that was made without texts."""
    folder = tmp_path_factory.mktemp("history")
    log, _, _ = write_world(build_world(**SMALL), folder)
    (folder / "source").mkdir()
    log.rename(folder / "source" / "log.parquet")
    with open_state(folder / "state", ObserveSettings(keep_text=False)) as state:
        land_files(state, [str(folder / "source")])
        state.publish()
    return folder


def hunt(side: Path, out: Path, *arguments: str, history: str = "source") -> dict[str, Any]:
    """What the command writes."""
    line = ["hunt", str(side / history), "--out", str(out), *arguments, "--json"]
    done = CliRunner().invoke(build_app(["hunt"]), line, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    document: dict[str, Any] = json.loads((out / "hunt.json").read_text())
    assert json.loads(done.output) == document
    return document


def indicators(folder: Path, text: str) -> str:
    """A file of indicators."""
    (folder / "indicators.toml").write_text(f"[indicators]\n{text}")
    return str(folder / "indicators.toml")


def matched(out: Path) -> set[str]:
    """Accounts that match."""
    return set(pq.read_table(out / "hunt_accounts.parquet")["account_id"].to_pylist())


VALUES = """
client_ip = ["198.51.100.0/24", "198.51.100.4", "10.0.0.0/13", "198.51.100.200"]
tls_fingerprint = ["t13d-campaign"]
payment_fingerprint = ["card-c1"]
decoding = [{ temperature = 0.6, top_p = 0.95, max_tokens = 8192 }]
account_id = ["person003"]
"""


@pytest.mark.parametrize("history", ["source", "state"])
def test_values_are_found_with_base_rates_and_bits(side: Path, tmp_path: Path, history: str) -> None:
    """Address, network of any size, fingerprint, card, decoding tuple, account: the same from a log and from a state."""
    world = build_world(**SMALL)
    file = indicators(tmp_path, VALUES)
    told = hunt(
        side,
        tmp_path / "out",
        "--indicators",
        file,
        "--accounts",
        str(side / "accounts.parquet"),
        history=history,
    )
    found = {i["value"]: i for i in told["indicators"]}
    users = {r["account_id"] for r in world.exchanges if r["client_ip"] == "198.51.100.4"}
    wide = {
        r["account_id"]
        for r in world.exchanges
        if r["client_ip"].startswith(tuple(f"10.{i}." for i in range(8)))
    }
    expected = {
        "198.51.100.0/24": len(world.campaign),
        "198.51.100.4": len(users),
        "10.0.0.0/13": len(wide),
        "198.51.100.200": 0,
        "t13d-campaign": len(world.campaign),
        "card-c1": 6,
        "temperature 0.6, top_p 0.95, max_tokens 8192": len(world.campaign),
        "person003": 1,
    }
    assert {v: i["n_accounts"] for v, i in found.items()} == expected
    rows = [r for r in world.exchanges if r["tls_fingerprint"] == "t13d-campaign"]
    tls = found["t13d-campaign"]
    assert tls["n_exchanges"] == len(rows)
    assert tls["first_seen"] == min(r["started_at"] for r in rows).strftime("%Y-%m-%dT%H:%M:%SZ")
    n = len({r["account_id"] for r in world.exchanges})
    rate = (len(world.campaign) + 0.5) / (n + 1)
    assert tls["base_rate"] == pytest.approx(rate, rel=0.01)
    assert (tls["bits"], tls["at_most"]) == (pytest.approx(-np.log2(rate), abs=0.01), True)
    assert "not a verdict" in told["note"]
    exchanges = pq.read_table(tmp_path / "out" / "hunt_exchanges.parquet").to_pylist()
    lines = {(e["account_id"], e["started_at"]) for e in exchanges if e["indicator"] == tls["indicator"]}
    assert lines <= {(r["account_id"], r["started_at"]) for r in rows}
    assert len(lines) > len(world.campaign)
    assert {e["exchange_id"] is None for e in exchanges} == {history == "state"}


def test_a_template_text_is_found_in_a_log_and_in_a_state_without_texts(side: Path, tmp_path: Path) -> None:
    """Every campaign account, no honest one; in a state the sketched exchanges alone are seen, and it says so."""
    world = build_world(**SMALL)
    file = indicators(tmp_path, f"template = [{json.dumps(WRAPPER + '{{problem}}')}]")
    log = hunt(side, tmp_path / "log", "--indicators", file)
    assert matched(tmp_path / "log") == world.campaign
    assert log["indicators"][0]["n_exchanges"] == sum(
        r["account_id"] in world.campaign for r in world.exchanges
    )
    assert not log["templates_sampled"]
    state = hunt(side, tmp_path / "state", "--indicators", file, history="state")
    assert matched(tmp_path / "state") == world.campaign
    assert state["templates_sampled"]
    assert not list((side / "state").glob("texts/*"))


def test_a_known_campaign_is_hunted_by_what_marks_it(side: Path, tmp_path: Path) -> None:
    """Found in its first week, its templates and values find the accounts of the second, in log and state alike."""
    whole = build_world(campaign=30, **SMALL)
    late = [f"camp{i:03d}" for i in range(24, 30)]
    rows = [r for r in whole.exchanges if r["started_at"] < EARLY and r["account_id"] not in late]
    findings = scan_world(replace(whole, exchanges=rows), tmp_path / "early")
    tracks = json.loads((findings / "tracks.json").read_text())["tracks"]
    track = max(tracks, key=lambda t: sum(m.startswith("camp") for m in t["portrait"]["members"]))
    (tmp_path / "later").mkdir()
    pq.write_table(exchange_table(whole.exchanges), tmp_path / "later" / "log.parquet")
    with open_state(tmp_path / "state", ObserveSettings(keep_text=False)) as state:
        land_files(state, [str(tmp_path / "later")])
    for history in ("later", "state"):
        out = tmp_path / f"hunt-{history}"
        told = hunt(tmp_path, out, "--like", str(findings), track["campaign_id"], history=history)
        leads = {k["account_id"]: k["bits"] for k in told["leads"]}
        assert set(late) <= {a for a, bits in leads.items() if bits > told["bits_for_even_odds"]}
        assert not any(bits > told["bits_for_even_odds"] for a, bits in leads.items() if a not in late)
        assert told["campaigns"][0]["campaign_id"] == track["campaign_id"]
        assert told["campaigns"][0]["n_matched"] == len(track["portrait"]["members"])
        labels = {i["label"] for i in told["indicators"]}
        assert "tls t13d-campaign" in labels
        assert told["templates_sampled"] == (history == "state")


def test_an_exchange_that_a_log_and_a_state_hold_counts_once(side: Path, tmp_path: Path) -> None:
    """Together they give what the log gives alone: the same accounts, exchanges and times."""
    file = indicators(tmp_path, f'tls_fingerprint = ["t13d-campaign"]\ntemplate = [{json.dumps(WRAPPER)}]')
    alone = hunt(side, tmp_path / "alone", "--indicators", file)
    both = hunt(side, tmp_path / "both", str(side / "state"), "--indicators", file)
    keys = ("n_accounts", "n_exchanges", "first_seen", "last_seen", "base_rate", "bits")
    for one, two in zip(alone["indicators"], both["indicators"], strict=True):
        assert {k: one[k] for k in keys} == {k: two[k] for k in keys}
    assert both["exchanges"] == 2 * alone["exchanges"]


def test_a_hunt_is_the_same_twice_and_is_no_log(side: Path, tmp_path: Path) -> None:
    """The same bytes; a folder search passes its files over."""
    file = indicators(tmp_path, VALUES)
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "log.parquet").write_bytes((side / "source" / "log.parquet").read_bytes())
    for name in ("logs/one", "logs/two"):
        hunt(side, tmp_path / name, "--indicators", file, "--accounts", str(side / "accounts.parquet"))
    for name in ("hunt.json", "hunt_accounts.parquet", "hunt_exchanges.parquet", "manifest.json"):
        assert (tmp_path / "logs/one" / name).read_bytes() == (tmp_path / "logs/two" / name).read_bytes()
    assert [Path(f.path).name for f in open_log([str(tmp_path / "logs")]).files] == ["log.parquet"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "has no \\[indicators\\]"),
        ('[indicators]\nclient_pi = ["1.2.3.4"]', "has no kind 'client_pi'"),
        ('[indicators]\nclient_ip = "1.2.3.4"', "client_ip is no list"),
        ('[indicators]\nclient_ip = ["1.2.3.0/99"]', "client_ip: "),
        ("[indicators]\ndecoding = [{ temprature = 1.0 }]", "'temprature' is none of"),
        ("[indicators]\nuser_agent = [7]", "7 is no text"),
        (
            '[indicators]\ntemplate = ["as an expert {{x}} say why"]',
            "too short to be told from a common phrase",
        ),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(tmp_path: Path, text: str, complaint: str) -> None:
    """Before anything is read."""
    (tmp_path / "wrong.toml").write_text(text)
    with pytest.raises(ConfigError, match=complaint):
        read_indicators(tmp_path / "wrong.toml")


def test_the_command_wants_one_thing_to_hunt_for(side: Path, tmp_path: Path) -> None:
    """Neither, both, an unknown campaign, a card without the accounts table: exit code 2, each with what to type."""
    file = indicators(tmp_path, 'payment_fingerprint = ["card-c1"]')
    for arguments in ((), ("--indicators", file, "--like", "x", "y"), ("--indicators", file)):
        line = ["hunt", str(side / "source"), "--out", str(tmp_path / "out"), *arguments]
        with pytest.raises(UsageError) as caught:
            CliRunner().invoke(build_app(["hunt"]), line, catch_exceptions=False)
        assert caught.value.hint


CORES = st.lists(st.sets(st.integers(0, 30), min_size=2, max_size=8), min_size=1, max_size=4)
TEXTS = st.lists(
    st.tuples(st.integers(-1, 3), st.sets(st.integers(0, 30), max_size=12)), min_size=1, max_size=12
)


@given(CORES, TEXTS, st.lists(st.sets(st.integers(0, 30), max_size=12), min_size=4, max_size=4))
def test_templates_match_as_their_definition_says(
    cores: list[set[int]], texts: list[tuple[int, set[int]]], prompts: list[set[int]]
) -> None:
    """Prompt and system prompt together hold the needed share of the core, a shingle of both counting twice."""
    hunted = [
        Hunted(kind="template", text="t", column="template", family="content", core=tuple(sorted(c)))
        for c in cores
    ]
    matcher = Matcher(hunted, coverage=0.6)
    matcher.learn_systems(np.arange(4), *_flat(prompts), rate=1.0)
    system = pa.chunked_array([pa.array([None if s < 0 else s for s, _ in texts], pa.int64())])
    row, indicator = matcher.match_shingles(system, *_flat([t for _, t in texts]), rate=1.0)
    found = {(int(r), int(i)) for r, i in zip(row, indicator, strict=True)}
    for r, (s, text) in enumerate(texts):
        for i, core in enumerate(cores):
            held = len(text & core) + (len(prompts[s] & core) if s >= 0 else 0)
            expected = held >= np.ceil(0.6 * len(core)) and bool(text & core)
            assert ((r, i) in found) == expected


@given(st.integers(0, 400), st.integers(0, 60), st.integers(0, 2**32))
def test_a_sketch_says_how_much_of_a_whole_template_its_text_holds(items: int, cut: int, seed: int) -> None:
    """A text with the template matches whatever its length, one with a third of it never; the sketch is all there is."""
    rng = np.random.default_rng(seed)
    words = [spell(i) for i in range(100)]
    own = [spell(int(n)) for n in rng.integers(10**4, 10**9, items)]
    third = rng.integers(0, 65)
    texts = [" ".join([*own[:cut], *words, *own[cut:]]), " ".join([*own, *words[third : third + 30]])]
    core = core_of_text(" ".join(words) + " {{x}}")
    whole = Hunted(kind="template", text="t", column="template", family="content", core=core, is_whole=True)
    matcher = Matcher([whole], coverage=0.6)
    sketch = sketch_texts(pa.array(texts))
    offsets, shingles = sketch.offsets, sketch.shingles.view(np.int64)
    row, _ = matcher.match_shingles(pa.nulls(2, pa.int64()), offsets, shingles, rate=RATE)
    assert row.tolist() == [0]
    matcher.learn_systems(np.array([7, 8]), offsets, shingles, rate=RATE)
    rows = pa.table({"system": [None, 7, 8]})
    assert matcher.match_values(rows)[0].tolist() == [1]


def spell(n: int) -> str:
    """A number as a made-up word."""
    return "".join("aeiouxyzkm"[int(d)] for d in f"{n:04d}")


def _flat(sets: list[set[int]]) -> tuple[np.ndarray, np.ndarray]:
    offsets = np.cumsum([0, *(len(s) for s in sets)])
    return offsets, np.array([v for s in sets for v in sorted(s)], np.int64)


def test_bits_follow_the_base_rate_and_stay_under_the_caps() -> None:
    """Members raise what a match is worth, strangers lower it; a family adds a quarter of its lighter matches."""
    member = np.arange(1000) < 10
    account = np.concatenate([np.arange(10), np.arange(10), np.arange(500, 800)])
    indicator = np.concatenate([np.zeros(10, int), np.full(310, 1)])
    rare, common = weigh_indicators(indicator, account, member, [None, None])
    assert rare.bits == pytest.approx(np.log2((10.5 / 11) / (0.5 / 991)), abs=0.01)
    assert common.bits == pytest.approx(np.log2((10.5 / 11) / (300.5 / 991)), abs=0.01)
    assert not rare.at_most
    (unknown, _) = weigh_indicators(indicator, account, member & False, [None, None])
    assert unknown.at_most
    bits, families = account_bits(
        np.array([0, 1, 2]),
        np.array([0, 0, 0]),
        2,
        np.array([8.0, 4.0, 30.0]),
        ["egress", "egress", "client"],
    )
    assert families["egress"].tolist() == [9.0, 0.0]
    assert families["client"].tolist() == [12.0, 0.0]
    assert bits.tolist() == [21.0, 0.0]
