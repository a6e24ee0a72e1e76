"""Words and masks: numbers as a person reads them, text only where it may be shown."""

from __future__ import annotations

import doctest
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hydrascope.report
from hydrascope.campaigns.hypotheses import load_model
from hydrascope.records import Withheld
from hydrascope.report import chart, masking, prose, views, words
from hydrascope.report.shape import CampaignEntry, EvidenceEntry, HypothesisEntry, TemplateEntry, TemplatePart


@pytest.mark.parametrize("module", [words, masking, chart, views])
def test_examples_in_docstrings_hold(module: object) -> None:
    """Every example runs as printed."""
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]


def test_the_public_surface_is_exact() -> None:
    """Sorted, and all of it there."""
    assert hydrascope.report.__all__ == sorted(hydrascope.report.__all__)
    assert all(hasattr(hydrascope.report, name) for name in hydrascope.report.__all__)


@given(st.floats(0, 1))
def test_a_probability_is_never_certain(p: float) -> None:
    """No judgement reads as 0% or 100%."""
    assert words.chance(p) not in ("0%", "100%", "100.0%", "0.0%")


@given(st.text(max_size=200))
def test_a_mask_keeps_lengths_and_nothing_else(text: str) -> None:
    """Blocks, spaces and line breaks alone, as many as there were characters."""
    masked = masking.mask(text)
    assert len(masked) == len(text)
    assert set(masked) <= {masking.BLOCK, " ", "\n"}


def test_words_of_few_accounts_are_masked() -> None:
    """Two accounts: blocks; three: the fixed words are the campaign's own."""
    parts = (TemplatePart(text="fixed words"), TemplatePart(slot=True, examples=("secret",)))

    def shown(n_accounts: int, reveal: bool = False) -> str:
        template = TemplateEntry(parts=parts, n_accounts=n_accounts)
        return "".join(p.text + "".join(p.examples) for p in masking.shown_template(template, reveal=reveal))

    assert shown(2) == "█████ █████" + "██████"
    assert shown(3) == "fixed words" + "██████"
    assert shown(1, reveal=True) == "fixed words" + "secret"


def test_spans_read_as_dates() -> None:
    """Same day, same year, two years."""
    at = datetime(2026, 12, 30, 22, tzinfo=UTC)
    assert words.span(at, at + timedelta(hours=1)) == "30 Dec 2026 (an hour)"
    assert words.span(at - timedelta(days=20), at) == "10 Dec to 30 Dec 2026 (20 days)"
    assert words.span(at, at + timedelta(days=3)) == "30 Dec 2026 to 2 Jan 2027 (3 days)"
    assert words.span(None, at) == "30 Dec 2026"


def test_the_sceptic_names_what_the_link_leans_on() -> None:
    """One family with most of the bits, a runner-up close behind: both are said."""
    campaign = CampaignEntry(
        campaign_id="c",
        verdict="distillation",
        evidence=(
            EvidenceEntry(side="link", family="egress", bits=15.0, channel="ip_prefix"),
            EvidenceEntry(side="link", family="content", bits=3.0),
            EvidenceEntry(side="abuse", family="work_split", channel="item_overlap", bits=5.0),
        ),
        hypotheses=(
            HypothesisEntry(name="a pool", verdict="distillation", bits=0.0),
            HypothesisEntry(name="class", verdict="shared_application", bits=-4.0),
        ),
    )
    said = " ".join(prose.checks(campaign))
    assert "The link leans on network egress: without it +3.0 of +18.0 bits remain." in said
    assert (
        "“A pool” leads “A course or a class with an assignment” by 4.0 bits. If the evidence from item overlap (5.0 bits)"
        in said
    )
    assert "automatic action is not defensible" in said
    assert "VPN exit" in said


@pytest.mark.parametrize("name", load_model().names)
def test_every_explanation_says_what_it_supposes(name: str) -> None:
    """Nobody has to guess what "relayed" means."""
    assert words.hypothesis(name) != words.label(name)


def test_an_undecided_campaign_says_why_nobody_is_accused() -> None:
    """In words for every reason, after what leads."""
    reasons = get_args(Withheld)
    campaign = CampaignEntry(
        campaign_id="c",
        withheld=reasons,
        hypotheses=(HypothesisEntry(name="reseller", verdict="reseller", bits=0.0, probability=0.5),),
    )
    said = prose.verdict_sentence(campaign)
    assert (
        "leads with 50%. Nobody is accused, and distillation is held to be no likelier than not: one org"
        in said
    )
    assert all(words.WITHHELD_LABELS[r] in said for r in reasons)
    checked = [c for c in prose.checks(campaign) if "what withholds it" in c]
    assert len(checked) == 1 and all(words.WITHHELD_LABELS[r] in checked[0] for r in reasons)
    assert not any("lead could be gone" in c for c in prose.checks(campaign))
