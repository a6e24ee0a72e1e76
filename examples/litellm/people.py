"""Who holds keys on the proxy: ordinary users, a benchmark team, a support product, and a campaign.

Addresses are of the documentation ranges; keys are no secrets, they open nothing but the mock.
"""

from __future__ import annotations

from dataclasses import dataclass

N_CAMPAIGN = 25
_POOL = ("203.0.113.21", "203.0.113.22", "203.0.113.57", "203.0.113.58", "203.0.113.90", "203.0.113.91")
_HTTPX = ("python-httpx/0.28.1", "t13d1713h1_5b57614c22b0_06cda9e17597")
_OPENAI = ("OpenAI/Python 2.8.0", "t13d1812h1_85036bcba153_375ca2c5e164")
_NODE = ("OpenAI/JS 6.9.1", "t13d521100_b262b3658495_8e6e362c5eac")
_ANTHROPIC = ("Anthropic/Python 0.74.0", "t13d1812h1_85036bcba153_375ca2c5e164")
_CHROME = ("Mozilla/5.0 (X11; Linux x86_64) Chrome/142.0.0.0", "t13d1516h2_8daaf6152771_d8a2da3f94cd")
_GO = ("Go-http-client/2.0", "t13d1311h2_f57a46bbacb6_ab7e3b40a677")


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One key and the habits of its holder."""

    user_id: str
    team_id: str
    label: str
    """What the holder is, for the truth table."""
    work: str
    """Name of a generator in `texts`."""
    ips: tuple[str, ...]
    client: tuple[str, str]
    """User agent, and the JA4 that the edge observes."""
    endpoint: str = "chat"
    """chat, messages or responses."""
    stream: bool = False
    model: str = "large-2"
    temperature: float | None = None
    max_tokens: int = 300
    n: int = 100
    """Requests to make."""
    campaign: str | None = None

    @property
    def key(self) -> str:
        """The virtual key."""
        return f"sk-demo-{self.user_id}"


def _ordinary() -> list[Person]:
    rows = [
        ("cook", _CHROME, "chat", True, "small-1", None, 240),
        ("biology", _CHROME, "chat", True, "large-2", 1.0, 420),
        ("warehouse", _OPENAI, "responses", False, "large-2", 0.0, 350),
        ("novelist", _CHROME, "messages", True, "large-2", 0.9, 700),
        ("traveller", _NODE, "chat", False, "small-1", 0.6, 300),
        ("debugger", _ANTHROPIC, "messages", True, "large-2", None, 500),
        ("letters", _GO, "chat", False, "small-1", 0.2, 260),
        ("catalogue", _OPENAI, "responses", True, "small-1", 0.8, 200),
        ("tenant", _CHROME, "chat", True, "large-2", None, 380),
        ("games", _NODE, "responses", True, "large-2", 1.1, 480),
        ("trainer", _ANTHROPIC, "messages", False, "small-1", 0.5, 320),
        ("invoices", _HTTPX, "chat", False, "small-1", 0.0, 120),
    ]
    return [
        Person(
            user_id=f"user-{name}",
            team_id=f"team-{name}",
            label="ordinary",
            work=name,
            ips=(f"198.51.100.{11 + 7 * i}",),
            client=client,
            endpoint=endpoint,
            stream=stream,
            model=model,
            temperature=temperature,
            max_tokens=most,
            n=60 + 11 * ((i * 5) % 9),
        )
        for i, (name, client, endpoint, stream, model, temperature, most) in enumerate(rows)
    ]


def _benchmark_team() -> list[Person]:
    return [
        Person(
            user_id=f"lab-{i}",
            team_id="team-lab",
            label="benchmark",
            work="benchmark",
            ips=("192.0.2.40",),
            client=_OPENAI,
            model=("large-2", "small-1")[i % 2],
            temperature=0.0,
            max_tokens=64,
            n=150,
        )
        for i in range(4)
    ]


def _support_product() -> list[Person]:
    return [
        Person(
            user_id="kettleworks-support",
            team_id="team-kettleworks",
            label="support_bot",
            work="support",
            ips=("192.0.2.88", "192.0.2.89"),
            client=_NODE,
            model="small-1",
            temperature=0.3,
            max_tokens=220,
            n=320,
        )
    ]


def _campaign() -> list[Person]:
    endpoints = ("chat", "chat", "messages", "chat", "responses")
    return [
        Person(
            user_id=f"acct-{(i * 7919 + 104729) % 1_000_000:06d}",
            team_id=f"solo-{(i * 6007 + 15485) % 100_000:05d}",
            label="distillation",
            work="campaign",
            ips=tuple(_POOL[(i + j) % len(_POOL)] for j in range(3)),
            client=_HTTPX,
            endpoint=endpoints[i % len(endpoints)],
            stream=i % 3 == 0,
            temperature=0.7,
            max_tokens=1600,
            n=68,
            campaign="reconstruct",
        )
        for i in range(N_CAMPAIGN)
    ]


PEOPLE: tuple[Person, ...] = (*_ordinary(), *_benchmark_team(), *_support_product(), *_campaign())
