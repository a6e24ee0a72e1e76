"""Answers that come back through another account are seen; what people, templates and the model say to all is not."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from observing import at, batch_of

from hydrascope.campaigns.profile import carried_bits
from hydrascope.engine.duckdb import DuckEngine
from hydrascope.features.carried import (
    LEAST_CARRIED,
    MOST_READERS,
    Carried,
    carried_share,
    least_exchanged,
    read_carried,
)
from hydrascope.features.observed import PASSAGES
from hydrascope.features.observer import ObserveSettings, PartObserver
from hydrascope.features.population import read_population

LONG = 400
"""Words: enough for a dozen passages, so that none of these tests hangs on what is sampled."""


def words(seed: int, n: int = LONG) -> str:
    """A text of its own."""
    return " ".join(f"w{number}" for number in np.random.default_rng(seed).integers(10**9, size=n))


def said(account: str, hours: float, prompt: str, completion: str | None) -> dict[str, Any]:
    """One exchange."""
    return {"account_id": account, "started_at": at(hours), "prompt": prompt, "completion": completion}


def read(rows: list[dict[str, Any]], tmp_path: Path) -> tuple[list[str], Carried | None]:
    """Account ids, and what is carried, of rows that were observed as a scan observes them."""
    with PartObserver(tmp_path, "part", ObserveSettings()) as observer:
        observer.observe(batch_of(rows))
    engine = DuckEngine(memory_bytes=512 << 20, threads=2, spill=tmp_path / "spill")
    for room, view in (("rows", "exchanges"), ("values", "value_names"), ("passages", "passages")):
        path = tmp_path / room / "part.parquet"
        if path.exists():
            engine.view(view, [str(path)])
        else:
            engine.register(view, PASSAGES.empty_table())
    population = read_population(engine, None)
    return list(population.account_id), read_carried(engine, len(population))


def pairs(rows: list[dict[str, Any]], tmp_path: Path) -> list[tuple[str, str, int]]:
    """Who was answered, who sent it, in how many prompts."""
    names, carried = read(rows, tmp_path)
    assert carried is not None
    who = zip(carried.source.tolist(), carried.reader.tolist(), strict=True)
    return sorted((names[a], names[b], n) for (a, b), n in Counter(who).items())


def test_an_answer_that_another_account_sends_is_carried(tmp_path: Path) -> None:
    """From the one that was answered to the one that sends it, whole or in part, and only forward in time."""
    rows = [
        said("a", 1, words(1), words(2)),
        said("b", 2, f"Rate this answer: {words(2)}", "six"),
        said("c", 0, words(3), words(4)),
        said("a", 5, words(2, LONG // 2), "again"),
    ]
    assert pairs(rows, tmp_path) == [("a", "b", 1)]


def test_what_was_asked_before_it_was_answered_is_not_carried(tmp_path: Path) -> None:
    """Neither by the account itself in the same exchange, as in a translation, nor by anybody earlier."""
    rows = [
        said("a", 1, words(1), words(1)),
        said("b", 2, words(1), "no"),
        said("c", 1, words(5), "no"),
        said("a", 2, words(6), words(5)),
        said("b", 3, words(5), "no"),
    ]
    assert pairs(rows, tmp_path) == []


def test_what_the_model_says_to_several_is_not_carried(tmp_path: Path) -> None:
    """Whoever sends it may have been told so too."""
    rows = [
        said("a", 1, words(1), words(2)),
        said("b", 2, words(3), words(2)),
        said("c", 3, words(2), "no"),
    ]
    assert pairs(rows, tmp_path) == []


def test_an_answer_that_many_send_was_published(tmp_path: Path) -> None:
    """Up to a few readers it is carried to each."""
    few = [said(f"r{i}", 2 + i, words(2), "yes") for i in range(MOST_READERS)]
    told = [said("a", 1, words(1), words(2))]
    assert [n for _, _, n in pairs([*told, *few], tmp_path / "few")] == [1] * MOST_READERS
    more = [*told, *few, said("z", 9, words(2), "yes")]
    assert pairs(more, tmp_path / "more") == []


def test_a_log_without_answers_says_nothing(tmp_path: Path) -> None:
    """And an exchange whose answer is missing is left out on both sides."""
    assert read([said("a", 1, words(1), None), said("b", 2, words(2), None)], tmp_path / "none")[1] is None
    rows = [said("a", 1, words(1), words(2)), said("b", 2, words(2), None)]
    assert pairs(rows, tmp_path / "some") == []


def test_the_share_is_that_of_what_is_sent(tmp_path: Path) -> None:
    """Half of the prompts hold answers of one account; nobody else's count in a group without that one."""
    rows = [said("a", i, words(i), words(100 + i)) for i in range(40)]
    rows += [said("bc"[i % 2], 100 + i, f"{words(100 + i)} {words(200 + i)}", "fine") for i in range(40)]
    names, carried = read(rows, tmp_path)
    assert carried is not None and names == ["a", "b", "c"]
    everyone, readers = np.arange(3), np.array([1, 2])
    assert carried_share(carried, everyone) == 0.5
    assert carried_share(carried, readers) == 0.0


def exchanging(n: int, edges: list[tuple[int, int, int]]) -> Carried:
    """Accounts that exchange so many answers."""
    a, b, w = (
        (np.array(c, np.int64) for c in zip(*edges, strict=True)) if edges else (np.zeros(0, np.int64),) * 3
    )
    both = np.lexsort((np.r_[b, a], np.r_[a, b]))
    ends = np.r_[a, b][both]
    return Carried(
        source=a.astype(np.int32),
        reader=b.astype(np.int32),
        xid=np.arange(len(w)),
        sent=np.full(n, 100),
        said=np.full(n, 100),
        least=least_exchanged(np.full(n, 100)),
        totals=(100 * n, 100 * n, n),
        offsets=np.searchsorted(ends, np.arange(n + 1)),
        partner=np.r_[b, a][both].astype(np.int32),
        weight=np.r_[w, w][both],
    )


def test_accounts_that_exchange_answers_fit_together() -> None:
    """Of one that does not, nothing is said; one answer alone may be chance; strangers who do as much take the weight away."""
    ring = [(i, (i + 1) % 10, LEAST_CARRIED) for i in range(10)]
    members = np.arange(11, dtype=np.int32)
    bits = carried_bits(exchanging(2000, ring), members)
    assert (bits[:10] > 8).all() and bits[10] == 0
    assert not carried_bits(exchanging(2000, [(i, i + 1, 1) for i in range(0, 10, 2)]), members).any()
    everybody = [*ring, *((i % 10, i, LEAST_CARRIED) for i in range(11, 2000))]
    assert (carried_bits(exchanging(2000, everybody), members)[:10] < 0.1).all()


def test_a_few_prompts_of_thousands_are_chance() -> None:
    """Heavy accounts meet by luck: what counts is two prompts, and one in two hundred."""
    assert least_exchanged(np.array([0, 100, 400, 401, 4000])).tolist() == [2, 2, 2, 3, 20]
    carried = exchanging(2000, [(i, (i + 1) % 10, 5) for i in range(10)])
    sent = np.full(2000, 4000)
    heavy = replace(carried, sent=sent, least=least_exchanged(sent), totals=(sent.sum(), 200_000, 2000))
    members = np.arange(10, dtype=np.int32)
    assert (carried_bits(carried, members) > 8).all()
    assert not carried_bits(heavy, members).any()


def met(rng: np.random.Generator, volume: np.ndarray, n: int, among: np.ndarray) -> Carried:
    """Accounts of some volumes (float[n]) that exchange so many answers by chance, and as many among some of them."""
    chance = volume / volume.sum()
    pairs = np.sort(rng.choice(len(volume), (n, 2), p=chance), axis=1)
    planted = np.sort(rng.choice(among, (n, 2)), axis=1) if len(among) else np.zeros((0, 2), np.int64)
    found = np.concatenate([pairs, planted])
    found, weight = np.unique(found[found[:, 0] != found[:, 1]], axis=0, return_counts=True)
    sent = volume.astype(np.int64)
    return replace(
        exchanging(len(volume), [(int(a), int(b), int(w)) for (a, b), w in zip(found, weight, strict=True)]),
        sent=sent,
        said=sent,
        least=np.full(len(volume), LEAST_CARRIED),
        totals=(int(sent.sum()), int(sent.sum()), len(volume)),
    )


def test_heavy_accounts_that_meet_by_luck_are_no_group() -> None:
    """Who sends most exchanges most, with everybody; those who exchange among themselves are known for it in the same log."""
    rng = np.random.default_rng(11)
    volume = rng.lognormal(4.0, 1.5, 1000) + 1
    heavy = np.sort(np.argsort(-volume)[:60]).astype(np.int32)
    few = np.sort(rng.choice(np.argsort(-volume)[100:], 30, replace=False)).astype(np.int32)
    carried = met(rng, volume, 3000, few)
    assert carried_bits(carried, heavy).mean() < 0.2
    assert carried_bits(carried, few).mean() > 3.0
    share = carried_share(met(rng, volume, 3000, few[:0]), heavy)
    assert share is not None and share < 0.005


def test_weights_leave_nothing_behind() -> None:
    """A second group is weighed as if it were the first."""
    ring = [(i, (i + 1) % 10, 5) for i in range(10)] + [(3, 50, 5), (60, 61, 5)]
    carried = exchanging(200, ring)
    first = carried_bits(carried, np.arange(10, dtype=np.int32))
    carried_bits(carried, np.array([3, 50, 60, 61], np.int32))
    assert carried_bits(carried, np.arange(10, dtype=np.int32)).tolist() == first.tolist()


def test_chance_makes_no_carriers(tmp_path: Path) -> None:
    """Sixty accounts that draw from one small vocabulary in phrases of their own: nobody carries anything."""
    rng = np.random.default_rng(3)
    vocabulary = np.array([f"word{i}" for i in range(200)])
    rows = [
        said(
            f"a{i % 60:02d}",
            i / 10,
            " ".join(rng.choice(vocabulary, 60)),
            " ".join(rng.choice(vocabulary, 60)),
        )
        for i in range(1200)
    ]
    assert pairs(rows, tmp_path) == []


def test_a_signature_is_carried_without_its_answer(tmp_path: Path) -> None:
    """Also where no text of the answer is kept."""
    rows = [
        {**said("a", 1, words(1), None), "signatures": ["s1", "s2"]},
        {**said("b", 2, words(2), None), "sent_signatures": ["s2"], "signatures": ["s3"]},
        {**said("b", 3, words(2), "fine"), "sent_signatures": ["s3"]},
        {**said("c", 4, words(3), None), "sent_signatures": ["s9"]},
    ]
    assert pairs(rows, tmp_path) == [("a", "b", 1)]
