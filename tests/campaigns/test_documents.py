"""What campaigns.json says of a template and of a piece of evidence is that one's own, not the campaign's."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from hydrascope.campaigns.recurring import recurring_templates
from hydrascope.campaigns.witnesses import MOST_ACCOUNTS, accounts_behind
from hydrascope.records import Evidence

N = 30


def label(texts: Sequence[str]) -> tuple[dict[str, float], dict[str, float]]:
    """A label is the first word of each text."""
    first = [t.split()[0] for t in texts]
    return {w: first.count(w) / len(first) for w in sorted(set(first))}, {}


def group() -> tuple[Any, Any, Any]:
    """Thirty accounts; the first twenty send template 0, the last ten template 1, each with one kept text."""
    template = np.where(np.arange(N) < 20, 0, 1)
    share = csr_array((np.ones(N), (np.arange(N), template)), shape=(N, 2))
    observations = SimpleNamespace(
        population=SimpleNamespace(account_id=[f"a{i:02d}" for i in range(N)], n=np.full(N, 10)),
        template_share=share,
        community=np.array([0, 1], np.int32),
        n_sampled=np.full(N, 10),
        templates=SimpleNamespace(core=np.array([7, 8]), core_offsets=np.array([0, 1, 2])),
    )
    judged = SimpleNamespace(
        members=np.arange(N, dtype=np.int32),
        content=SimpleNamespace(
            is_stock=False,
            templates=np.array([0, 1], np.int32),
            capabilities={"coding": 1.0},
            share=np.linspace(0, 1, N),
        ),
        candidate=SimpleNamespace(fit=SimpleNamespace(channels={"ip": np.linspace(-1, 2, N)})),
    )
    source = SimpleNamespace(
        matches=SimpleNamespace(offsets=np.arange(N + 1), xid=np.arange(N), template=template),
        texts=SimpleNamespace(
            offsets=np.arange(N + 1),
            xid=np.arange(N),
            exchange_id=[f"x{i:02d}" for i in range(N)],
            text=["coding please" if t == 0 else "grading please" for t in template],
        ),
        label=label,
    )
    return observations, judged, source


def test_each_template_carries_its_own_labels() -> None:
    """A campaign that mostly codes still shows that its second template grades."""
    observations, judged, source = group()
    shown = recurring_templates(observations, judged, source, lambda texts: [])
    assert [(t["capability"], t["n_accounts"]) for t in shown] == [("coding", 20), ("grading", 10)]
    assert shown[1]["exchanges"] == [f"x{i}" for i in range(20, 30)]


def test_a_template_without_texts_has_no_label() -> None:
    """Where no kept text holds it, nothing is said rather than something borrowed."""
    observations, judged, source = group()
    source.matches.template = np.zeros(N, int)
    assert recurring_templates(observations, judged, source, lambda texts: [])[1]["capability"] is None


def test_evidence_names_the_accounts_that_show_it_most() -> None:
    """For a link those with most bits, against it those with least, for bans the banned; never more than the bound."""
    observations, judged, _ = group()
    nobody = SimpleNamespace(banned_at=np.full(N, -1))
    banned = SimpleNamespace(banned_at=np.where(np.arange(N) == 4, 99, -1))

    def behind(
        side: Any, family: str, channel: str, bits: float, happenings: Any = nobody
    ) -> tuple[str, ...]:
        item = Evidence(side=side, family=family, channel=channel, bits=bits, sentence="")
        return accounts_behind(observations, judged, happenings, item)

    assert behind("link", "egress", "ip", 3.0)[:2] == ("a29", "a28")
    assert behind("link", "egress", "ip", -1.0) == tuple(f"a{i:02d}" for i in range(10))
    assert behind("abuse", "bans", "banned", 2.0, banned) == ("a04",)
    assert behind("abuse", "content", "content_share", 2.0)[0] == "a29"
    assert len(behind("abuse", "size", "n_accounts", 1.0)) == MOST_ACCOUNTS
