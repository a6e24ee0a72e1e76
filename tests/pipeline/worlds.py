"""The smallest log that holds a campaign and what resembles one: seconds to scan, the same for every caller."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hydrascope.schema import ACCOUNTS, EVENTS, EXCHANGES

START = datetime(2026, 3, 2, tzinfo=UTC)
DAYS = 14
# ruff: noqa: SIM905 (words read better in lines than in lists)
NOUNS = (
    "river engine contract garden theorem kitchen harbour ledger violin glacier market satellite tunnel recipe museum "
    "enzyme printer bicycle orchard tariff compiler lantern mortgage volcano library turbine pension falcon saddle quartz"
).split()
VERBS = (
    "explain compare describe estimate summarise repair design translate rank schedule measure predict sketch review "
    "simplify calculate outline defend question illustrate"
).split()
QUALITIES = (
    "old cheap silent northern broken public wooden foreign careful early bright modest salty narrow honest rapid "
    "distant formal gentle hollow"
).split()
WRAPPER = (
    "You are given a problem together with its final answer. Write out every step of the reasoning that leads from the "
    "problem to the answer, inside reasoning tags, in full sentences, and never mention that the answer was known. Problem: "
)
HOMEWORK = "Homework three of the course on markets, part two: discuss with one example why a tariff on the "
AGENDA = "Please turn these notes of our weekly supply meeting into an agenda with owners: "


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A log with its side tables; every row as the contract names it."""

    exchanges: list[dict[str, Any]]
    accounts: list[dict[str, Any]]
    events: list[dict[str, Any]]

    @property
    def honest(self) -> set[str]:
        """Ids of the accounts outside the campaign."""
        return {a["account_id"] for a in self.accounts} - self.campaign

    @property
    def campaign(self) -> set[str]:
        """Ids of the campaign's accounts."""
        return {a["account_id"] for a in self.accounts if a["account_id"].startswith("camp")}


def build_world(
    *, campaign: int = 24, class_size: int = 20, enterprise: int = 10, people: int = 110, seed: int = 5
) -> World:
    """A campaign, a university class, an enterprise and unrelated people over two weeks."""
    rng = np.random.default_rng(seed)
    exchanges: list[dict[str, Any]] = []
    accounts: list[dict[str, Any]] = []
    makers = ((campaign, _campaigner), (class_size, _student), (enterprise, _employee), (people, _person))
    for size, maker in makers:
        for i in range(size):
            account, rows = maker(i, rng)
            accounts.append(account)
            exchanges.extend(rows)
    _carry(exchanges)
    for i, row in enumerate(exchanges):
        row["exchange_id"] = f"x{i:06d}"
    return World(exchanges=exchanges, accounts=accounts, events=_events(campaign))


def _carry(exchanges: list[dict[str, Any]]) -> None:
    """Every second account of the campaign sends what its neighbour was answered in the shift before."""
    shifts: dict[str, list[dict[str, Any]]] = {}
    for row in exchanges:
        if row["account_id"].startswith("camp"):
            shifts.setdefault(row["account_id"], []).append(row)
    for neighbour, sender in zip(list(shifts)[::2], list(shifts)[1::2], strict=False):
        for before, after in zip(shifts[neighbour], shifts[sender][1:], strict=False):
            after["prompt"] += " Answer: " + before["completion"]


def _answer(prompt: str) -> str:
    """What the model says to it."""
    return "Certainly. " + _words(np.random.default_rng(zlib.crc32(prompt.encode())), 45)


def _events(campaign: int) -> list[dict[str, Any]]:
    release = {"kind": "model_release", "at": START + timedelta(days=5), "subject": "large-2"}
    banned = [
        {"kind": "account_banned", "at": START + timedelta(days=7, hours=i), "subject": f"camp{i:03d}"}
        for i in range(min(3, campaign))
    ]
    return [release, *banned]


def _campaigner(i: int, rng: np.random.Generator) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Signed up within hours of the others, one card for six, one egress pool, one queue split evenly."""
    born = START + timedelta(days=2, hours=float(rng.uniform(0, 4)))
    shifts = [START + timedelta(days=3 + d, hours=h) for d in range(9) for h in (1, 5, 9, 17, 22)]
    times = [t + timedelta(minutes=float(rng.uniform(0, 50))) for t in shifts]
    account = _account(
        f"camp{i:03d}", born, card=f"card-c{i // 6}", device=f"device-c{i // 4}", domain="mailbox.example"
    )
    rows = [
        _exchange(
            account["account_id"],
            at,
            WRAPPER + _words(rng, 14),
            ip=f"198.51.100.{rng.integers(1, 12)}",
            agent="python-requests/2.32",
            tls="t13d-campaign",
            decoding=(0.6, 0.95, 8192),
            tokens=(180, 1900 + int(rng.integers(0, 300))),
            model="large-2" if at > START + timedelta(days=5) else "large-1",
            reasoning=True,
        )
        for at in times
    ]
    return account, rows


def _student(i: int, rng: np.random.Generator) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Education pathway, one campus, one assignment, in the days before it is due."""
    born = START + timedelta(days=1, hours=float(rng.uniform(9, 12)))
    account = _account(
        f"class{i:03d}",
        born,
        card=None,
        device=f"device-s{i}",
        domain="university.example",
        pathway="education",
        organization="org_university",
    )
    n = int(rng.lognormal(2.2, 0.6)) + 3
    rows = []
    for at in _human_times(rng, n, first=2, last=9):
        text = HOMEWORK + _words(rng, 9) if rng.random() < 0.5 else _words(rng, 12)
        rows.append(
            _exchange(account["account_id"], at, text, ip=f"203.0.113.{i % 4 + 1}", agent=_browser(rng))
        )
    return account, rows


def _employee(i: int, rng: np.random.Generator) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """One organization, one card, two exits, office hours."""
    account = _account(
        f"firm{i:03d}",
        START - timedelta(days=float(rng.uniform(20, 200))),
        card="card-firm",
        device=f"device-f{i}",
        domain="firm.example",
        pathway="enterprise",
        organization="org_firm",
    )
    rows = []
    for at in _human_times(rng, int(rng.lognormal(2.8, 0.7)) + 4, first=0, last=DAYS):
        text = AGENDA + _words(rng, 10) if rng.random() < 0.4 else _words(rng, 14)
        rows.append(
            _exchange(account["account_id"], at, text, ip=f"192.0.2.{i % 2 + 10}", agent="firm-gateway/1.4")
        )
    return account, rows


def _person(i: int, rng: np.random.Generator) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Nobody in particular: an address, a card and questions of their own."""
    born = START - timedelta(days=float(rng.uniform(-8, 300)))
    first = max(0.0, (born - START) / timedelta(days=1))
    account = _account(
        f"person{i:03d}", born, card=f"card-p{i}", device=f"device-p{i}", domain=f"mail{i % 5}.example"
    )
    agent, tls = _browser(rng), f"t13d-{rng.integers(0, 8)}"
    ips = [f"10.{i}.{k}.{rng.integers(1, 250)}" for k in range(int(rng.integers(1, 3)))]
    rows = [
        _exchange(account["account_id"], at, _words(rng, 13), ip=str(rng.choice(ips)), agent=agent, tls=tls)
        for at in _human_times(rng, int(rng.lognormal(2.3, 0.9)) + 2, first=first, last=DAYS)
    ]
    return account, rows


def _browser(rng: np.random.Generator) -> str:
    return f"Mozilla/5.0 build {rng.integers(0, 12)}"


def _words(rng: np.random.Generator, n: int) -> str:
    parts = [f"{rng.choice(VERBS)} the {rng.choice(QUALITIES)} {rng.choice(NOUNS)}" for _ in range(n // 3)]
    return ", then ".join(parts) + f" in {rng.integers(2, 9000)} words"


def _human_times(rng: np.random.Generator, n: int, *, first: float, last: float) -> list[datetime]:
    """Sessions on some days, within a waking day of one's own."""
    wake = float(rng.normal(8, 1.5))
    days = rng.integers(int(first), max(int(last), int(first) + 1), n)
    hours = np.clip(rng.normal(wake + 6, 3.0, n), 0.0, 23.9)
    return [START + timedelta(days=int(d), hours=float(h)) for d, h in zip(days, hours, strict=True)]


def _account(name: str, born: datetime, **known: Any) -> dict[str, Any]:
    return {
        "account_id": name,
        "created_at": born.replace(microsecond=0),
        "organization_id": known.get("organization"),
        "access_pathway": known.get("pathway", "self_serve"),
        "plan": "pay_as_you_go",
        "payment_fingerprint": known["card"],
        "email_domain": known["domain"],
        "phone_fingerprint": f"phone-{name}",
        "device_fingerprint": known["device"],
        "signup_ip": None,
        "billing_country": "NL",
        "declared": None,
    }


def _exchange(
    account: str, at: datetime, prompt: str, *, ip: str, agent: str, **known: Any
) -> dict[str, Any]:
    temperature, top_p, max_tokens = known.get("decoding", (0.75, 1.0, 1024))
    tokens = known.get("tokens", (len(prompt) // 4, 2 * (len(prompt) // 4)))
    return {
        "exchange_id": "",
        "started_at": at.replace(microsecond=0),
        "account_id": account,
        "prompt": prompt,
        "system": None,
        "completion": _answer(prompt),
        "organization_id": None,
        "api_key_id": f"key-{account}",
        "end_user_id": None,
        "platform": "first_party",
        "client_ip": ip,
        "client_country": "NL",
        "client_asn": 64500 + len(ip) % 3,
        "user_agent": agent,
        "tls_fingerprint": known.get("tls", "t13d-0"),
        "model": known.get("model", "large-1"),
        "tools": None,
        "turns": 1,
        "temperature": temperature,
        "top_p": top_p,
        "max_tokens": max_tokens,
        "input_tokens": tokens[0],
        "output_tokens": tokens[1],
        "reasoning_tokens": 0,
        "duration_ms": 900,
        "reasoning": known.get("reasoning", False),
        "stop_reason": "stop",
        "status": 200,
    }


def exchange_table(rows: list[dict[str, Any]]) -> pa.Table:
    """Rows in the contract's types, with the columns that any row has."""
    schema = pa.schema([f for f in EXCHANGES if f.name in rows[0]])
    return pa.Table.from_pylist(rows, schema=schema)


def write_world(world: World, folder: Path) -> tuple[Path, Path, Path]:
    """`log.parquet`, `accounts.parquet` and `events.parquet` in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / "log.parquet", folder / "accounts.parquet", folder / "events.parquet"
    pq.write_table(exchange_table(world.exchanges), paths[0])
    pq.write_table(pa.Table.from_pylist(world.accounts, schema=ACCOUNTS), paths[1])
    pq.write_table(pa.Table.from_pylist(world.events, schema=EVENTS), paths[2])
    return paths
