"""Silent accounts that hold an accused campaign's private values stand by for it; nobody else does."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pytest

from hydrascope.campaigns.findings import Finding
from hydrascope.campaigns.observations import Channel
from hydrascope.campaigns.standby import with_standby
from hydrascope.kernels.strings import hash_strings
from hydrascope.schema import ACCOUNTS, EVENTS

CREATED = datetime(2026, 3, 2, tzinfo=UTC)
CAMPAIGN, OTHER, HONEST = range(0, 6), range(6, 12), range(12, 40)
HELD = {
    "payment_fingerprint": "card",
    "phone_fingerprint": "phone",
    "device_fingerprint": "device",
    "signup_ip": "address",
}


def channel(name: str, values: dict[int, str]) -> Channel:
    """One value of each account."""
    rows = sorted(values.items())
    hashed = hash_strings(pa.array([v for _, v in rows])).to_numpy()
    names, code = np.unique(hashed, return_inverse=True)
    who = np.array([a for a, _ in rows])
    return Channel(
        name=name,
        family="identity",
        offsets=np.searchsorted(who, np.arange(41)),
        value=code.astype(np.int32),
        share=np.ones(len(who)),
        names=names,
        popularity=np.bincount(code, minlength=len(names)),
        n_known=len(who),
    )


def observed() -> Any:
    """Six accounts of each of two campaigns hold its values, 28 honest ones hold their own."""
    named = {**dict.fromkeys(CAMPAIGN, "ours"), **dict.fromkeys(OTHER, "theirs")}
    values = {a: named.get(a, f"own{a}") for a in range(40)}
    return SimpleNamespace(
        channels={c: channel(c, {a: f"{kind}-{v}" for a, v in values.items()}) for c, kind in HELD.items()},
        population=SimpleNamespace(account_id=[f"a{i:02d}" for i in range(40)]),
    )


def accused(members: range, verdict: str = "distillation") -> Finding:
    """A finding of which only members and verdict are read."""
    judged = SimpleNamespace(members=np.array(members, np.int32), verdict=verdict)
    return Finding(
        campaign_id=f"C-{members[0]}",
        judged=cast(Any, judged),
        q_value=0.0,
        enforceable=True,
        spared=np.zeros(len(members), bool),
        member_probability=np.ones(len(members)),
        share=np.ones(len(members)),
    )


def silent(**held: str | None) -> dict[str, Any]:
    """An account without exchanges: which of whose values it holds, by the kind of value."""
    kinds = {kind: name for name, kind in HELD.items()}
    values = {kinds[k]: f"{k}-{v}" for k, v in held.items() if k in kinds}
    return {
        "account_id": held.get("account_id", "new"),
        "created_at": CREATED,
        "declared": held.get("declared"),
        **values,
    }


def standing(
    rows: list[dict[str, Any]], *findings: Finding, events: pa.Table | None = None
) -> list[list[str]]:
    """Ids that stand by for each finding."""
    everyone = [{"account_id": f"a{i:02d}"} for i in range(40)]
    found = with_standby(observed(), pa.Table.from_pylist(everyone + rows, schema=ACCOUNTS), events, findings)
    return [[s.account_id for s in f.standby] for f in found]


def test_a_silent_account_on_the_campaigns_card_and_device_stands_by() -> None:
    """It is listed with what it shares and when it was registered."""
    table = pa.Table.from_pylist([silent(card="ours", device="ours", phone="its own")], schema=ACCOUNTS)
    (found,) = with_standby(observed(), table, None, [accused(CAMPAIGN)])
    (account,) = found.standby
    assert account.account_id == "new"
    assert account.shares == ("payment_fingerprint", "device_fingerprint")
    assert account.created_us == int(CREATED.timestamp()) * 1_000_000


@pytest.mark.parametrize("kind", ["card", "phone", "device"])
def test_one_shared_value_is_not_enough(kind: str) -> None:
    """A card is also held by whom it was stolen from."""
    assert standing([silent(**{kind: "ours"})], accused(CAMPAIGN)) == [[]]


def test_values_that_outsiders_hold_as_well_tie_nobody() -> None:
    """Here the group is half of those who hold them: a class behind one address and on one school's card."""
    assert standing([silent(card="ours", device="ours")], accused(range(0, 3))) == [[]]


def test_only_accusations_have_a_reserve() -> None:
    """Nobody stands by for a reseller."""
    assert standing([silent(card="ours", device="ours")], accused(CAMPAIGN, "reseller")) == [[]]


def test_an_account_that_sends_is_no_reserve() -> None:
    """What it does is in the log, and judged by that."""
    assert standing([], accused(CAMPAIGN)) == [[]]


def test_declared_and_banned_accounts_are_left_out() -> None:
    """The operator's records speak for the one, and the other cannot act."""
    rows = [
        silent(account_id="told", card="ours", device="ours", declared="evaluator"),
        silent(card="ours", device="ours"),
    ]
    banned = pa.Table.from_pylist(
        [{"kind": "account_banned", "at": CREATED, "subject": "new"}], schema=EVENTS
    )
    assert standing(rows, accused(CAMPAIGN), events=banned) == [[]]


def test_each_account_stands_by_for_the_campaign_it_shares_most_with() -> None:
    """Two campaigns keep their reserves apart, whichever comes first."""
    rows = [
        silent(account_id="x", card="ours", phone="ours", device="theirs"),
        silent(account_id="y", card="theirs", phone="theirs", device="theirs", address="ours"),
        silent(account_id="z", card="ours", phone="theirs"),
    ]
    assert standing(rows, accused(CAMPAIGN), accused(OTHER)) == [["x"], ["y"]]
    assert standing(rows, accused(OTHER), accused(CAMPAIGN)) == [["y"], ["x"]]


def test_without_an_accounts_table_nothing_is_added() -> None:
    """A log alone knows no silent account."""
    assert with_standby(observed(), None, None, [accused(CAMPAIGN)])[0].standby == ()
