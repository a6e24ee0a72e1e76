"""Numbers, times and names as a person reads them. Unknown is a dash, never a zero."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

__all__ = [
    "CHANNEL_LABELS",
    "FAMILY_LABELS",
    "VERDICT_LABELS",
    "bits",
    "chance",
    "count",
    "dates",
    "day",
    "hypothesis",
    "inline",
    "join",
    "label",
    "likelihood",
    "lower",
    "percent",
    "percent_within",
    "plural",
    "short",
    "span",
    "spelled",
    "upper",
    "utc",
    "when",
]

UNKNOWN = "–"

VERDICT_LABELS: Mapping[str, str] = {
    "distillation": "Distillation",
    "reseller": "Reseller",
    "evaluation": "Evaluation",
    "bulk_customer": "Bulk customer",
    "shared_application": "Shared application",
    "other_coordination": "Other coordination",
    "inconclusive": "Inconclusive",
}

FAMILY_LABELS: Mapping[str, str] = {
    "identity": "Identity",
    "egress": "Network egress",
    "client": "Client software",
    "content": "Content",
    "configuration": "Configuration",
    "timing": "Timing and work split",
    "lifecycle": "Life cycle",
}

CHANNEL_LABELS: Mapping[str, str] = {
    "client_asn": "Network (ASN)",
    "client_ip": "Address",
    "ip_prefix": "Address prefix",
    "client_country": "Country of address",
    "tls_fingerprint": "TLS fingerprint",
    "user_agent": "User agent",
    "platform": "Platform",
    "payment_fingerprint": "Payment",
    "phone_fingerprint": "Phone",
    "device_fingerprint": "Device",
    "signup_ip": "Sign-up address",
    "email_domain": "E-mail domain",
    "access_pathway": "Access pathway",
    "model": "Model",
}

CLASS_LABELS: Mapping[str, str] = {
    "none": "Ordinary use",
    "general": "General use",
    "rl_task_writing": "RL task writing",
}

HYPOTHESIS_LABELS: Mapping[str, str] = {
    "distillation": "A hidden operator distilling through many accounts",
    "discreet": "A hidden operator whose accounts share no identity",
    "relayed": "A hidden operator in the midst of a relay's customers",
    "borrowed": "A hidden operator in other people's accounts",
    "probing": "An operator trying ways around the safeguards",
    "mimicking": "A hidden operator whose accounts live like people's",
    "reseller": "A reseller relaying its customers' requests",
    "evaluation": "Evaluation on a fixed list of tasks",
    "benchmark": "Unrelated teams with the same public benchmark",
    "bulk_customer": "One known customer with several accounts",
    "shared_application": "Strangers who use one application",
    "viral": "Strangers who came for an application that spread",
    "automation": "Unrelated teams' scheduled jobs of one template",
    "class": "A course or a class with an assignment",
    "workshop": "People at one event, each with a project of their own",
    "institution": "People whom one institution gave the same task",
    "coincidence": "Coincidence, or a reason not seen here",
}

WITHHELD_LABELS: Mapping[str, str] = {
    "related": "one organization or the operator's own records relate the accounts",
    "unlinked": "nothing ties the accounts to one hidden operator",
    "no_sign": "nothing speaks of a campaign that its likeliest innocent explanation would not show as well",
    "unsure": "the odds are below those that a group of this size needs",
}

SPELLED = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
SHORT = (("T", 1e12), ("B", 1e9), ("M", 1e6), ("k", 1e3))

LIKELIHOODS = (
    (0.99, "almost certainly"),
    (0.9, "very likely"),
    (0.7, "likely"),
    (0.5, "more likely than not"),
    (0.3, "perhaps"),
    (0.1, "hardly"),
    (0.0, "very doubtfully"),
)


def count(n: float | None) -> str:
    """A whole number with thousands apart: 12,340."""
    return UNKNOWN if n is None else f"{round(n):,}"


def spelled(n: int) -> str:
    """A count as it begins a sentence: one to ten in letters."""
    return SPELLED[n] if 0 <= n < len(SPELLED) else count(n)


def short(n: float | None) -> str:
    """A number in three figures: 12.3 k, 4.1 B.

    >>> short(12_340), short(999), short(4_100_000_000)
    ('12.3k', '999', '4.1B')
    """
    if n is None:
        return UNKNOWN
    for unit, size in SHORT:
        if abs(n) >= size * 0.9995:
            value = n / size
            return f"{value:.0f}{unit}" if abs(value) >= 99.95 else f"{value:.1f}".removesuffix(".0") + unit
    return f"{n:.0f}"


def plural(n: float | None, one: str, many: str | None = None) -> str:
    """A count with its noun: 1 account, 2,000 accounts."""
    noun = one if n is not None and round(n) == 1 else (many or one + "s")
    return f"{count(n)} {noun}"


def percent_within(share: float | None, bounds: Sequence[float]) -> str:
    """A share with its interval, where there is one.

    >>> percent_within(0.62, (0.58, 0.66)), percent_within(0.62, ())
    ('62% (58% to 66%)', '62%')
    """
    text = percent(share)
    return f"{text} ({percent(bounds[0])} to {percent(bounds[1])})" if len(bounds) == 2 else text


def percent(share: float | None) -> str:
    """A share as a percentage that never rounds to a false 0 or 100.

    >>> percent(0.5), percent(0.9996), percent(0.0004), percent(1.0)
    ('50%', '>99.9%', '<0.1%', '100%')
    """
    if share is None:
        return UNKNOWN
    if share in (0.0, 1.0):
        return f"{share:.0%}"
    if share > 0.999:
        return ">99.9%"
    if share < 0.001:
        return "<0.1%"
    return f"{share:.1%}" if share < 0.1 or share > 0.9 else f"{share:.0%}"


def chance(probability: float | None) -> str:
    """A probability as a percentage; never certainty, which no judgement has.

    >>> chance(1.0), chance(0.61), chance(0.0)
    ('>99.9%', '61%', '<0.1%')
    """
    return percent(None if probability is None else min(max(probability, 0.0005), 0.9995))


def bits(value: float | None) -> str:
    """Bits with their sign: +3.2, −1.0, 0.0."""
    if value is None:
        return UNKNOWN
    rounded = round(value, 1)
    return f"{'+' if rounded > 0 else '−' if rounded < 0 else ''}{abs(rounded):,.1f}"


def likelihood(probability: float | None) -> str:
    """A probability in words; the scale is printed in docs/report.md."""
    if probability is None:
        return "of unknown probability"
    return next(word for least, word in LIKELIHOODS if probability >= least)


def label(name: str) -> str:
    """A field, family, channel or class name as words."""
    known = (
        CLASS_LABELS.get(name)
        or VERDICT_LABELS.get(name)
        or FAMILY_LABELS.get(name)
        or CHANNEL_LABELS.get(name)
    )
    return known or name.replace("_", " ").strip().capitalize() or UNKNOWN


def lower(text: str) -> str:
    """Text as it goes on inside a sentence: a small first letter, unless it begins an abbreviation."""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def upper(text: str) -> str:
    """Text as it begins a line."""
    return text[:1].upper() + text[1:]


def inline(name: str) -> str:
    """A label as it stands inside a sentence; abbreviations keep their capitals.

    >>> inline("rl_task_writing"), inline("egress")
    ('RL task writing', 'network egress')
    """
    return lower(label(name))


def hypothesis(name: str) -> str:
    """What a hypothesis supposes, in a few words."""
    return HYPOTHESIS_LABELS.get(name) or label(name)


def utc(at: datetime) -> datetime:
    """The time in UTC; one without a zone is taken to be UTC already."""
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def day(at: datetime | None) -> str:
    """A date: 3 Mar 2026."""
    return UNKNOWN if at is None else f"{utc(at).day} {utc(at):%b %Y}"


def when(at: datetime | None) -> str:
    """A time to the minute, UTC."""
    return UNKNOWN if at is None else f"{utc(at):%Y-%m-%d %H:%M} UTC"


def dates(first: datetime | None, last: datetime | None) -> str:
    """Two dates: 3 Mar to 17 Apr 2026."""
    return span(first, last).partition(" (")[0]


def span(first: datetime | None, last: datetime | None) -> str:
    """Two dates and the time between them: 3 Mar to 17 Apr 2026 (45 days)."""
    if first is None or last is None:
        return day(first or last)
    a, b = utc(first), utc(last)
    hours = (b - a).total_seconds() / 3600
    length = f"{hours / 24:.0f} days" if hours >= 36 else f"{hours:.0f} hours" if hours >= 1.5 else "an hour"
    if a.date() == b.date():
        return f"{day(a)} ({length})"
    start = f"{a.day} {a:%b}" if a.year == b.year else day(a)
    return f"{start} to {day(b)} ({length})"


def join(items: Iterable[str], last: str = "and") -> str:
    """A list in a sentence: a, b and c."""
    words = list(items)
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"
