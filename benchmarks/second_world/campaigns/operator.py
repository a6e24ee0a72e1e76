"""What an operator buys, where it sends from and with what: accounts, servers, proxies, programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from second_world.clock import DAY, END
from second_world.honest.people import talk
from second_world.networks import Home, Network, Rotating, cloud, hosting, residential_pool
from second_world.programs import library
from second_world.records import Account, Client
from second_world.scene import Scene

__all__ = ["Decoding", "Purchase", "buy", "draw_decoding", "draw_hours", "equip", "warm_up"]

MARKETS = (
    ("HK", "SG", "US", "TW", "JP", "KR"),
    ("US", "GB", "DE", "CA", "NL"),
    ("VN", "ID", "PH", "TH", "SG"),
    ("IN", "BD", "AE", "TR", "GB"),
    ("US", "BR", "MX", "AR", "ES"),
)
"""Countries that accounts are bought in."""
PROGRAMS = ("aiohttp", "py_sdk", "httpx", "requests", "go", "java", "js_sdk", "rust")


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """How accounts are bought.

    Attributes:
        countries: where they claim to be; a market is drawn if None.
        per_card, per_device: accounts to one; None: each has its own.
        virtual: a card each that is never used again.
        disposable: share with disposable mail.
        aged: share bought old.
        recent_days, aged_days: how long before the log the recent ones signed up at the latest, and the aged ones about.
        spread_days: over how many days the waves of sign-ups lie.
        wave_days: mean time from a wave's start to a sign-up in it.
        phone: share of phones kept.
        pathways: shares of access pathways.
    """

    countries: Sequence[str] | None = None
    per_card: float | None = None
    per_device: float | None = None
    virtual: bool = False
    disposable: float = 0.3
    aged: float = 0.3
    recent_days: float = 2.0
    aged_days: float = 200.0
    spread_days: float = 20.0
    wave_days: float = 0.4
    phone: float = 0.4
    pathways: Mapping[str, float] | None = None


def buy(scene: Scene, n: int, campaign: str, how: Purchase) -> list[Account]:
    """n accounts, in no order."""
    r, world = scene.r, scene.world
    countries = how.countries or r.choice(MARKETS)
    cards = [world.fresh("card_", 14) for _ in range(max(1, round(n / how.per_card)))] if how.per_card else []
    devices = (
        [world.fresh("dev_") for _ in range(max(1, round(n / how.per_device)))] if how.per_device else []
    )
    waves = [how.recent_days + how.spread_days * r.random() for _ in range(max(1, n // 40))]
    out = []
    for _ in range(n):
        old = r.random() < how.aged
        age = (
            how.aged_days * (0.3 + 1.4 * r.random())
            if old
            else r.choice(waves) + r.expovariate(1 / how.wave_days)
        )
        pathway = (
            r.choices(list(how.pathways), list(how.pathways.values()))[0] if how.pathways else "self_serve"
        )
        account = world.account(
            "distillation", campaign, country=r.choice(countries), age_days=age, plan=r.choice(("pay_as_you_go", "pay_as_you_go", "pro")), pathway=pathway,
            email=world.throwaway() if r.random() < how.disposable else None,
        )  # fmt: skip
        if cards and r.random() < 0.9:
            account.payment = cards[int(r.random() ** 1.5 * len(cards))]
        if how.virtual:
            account.payment = world.fresh("card_", 14)
        if pathway == "education":
            account.email, account.payment, account.plan = (
                f"uni-{scene.bank.company(r).lower()}.edu",
                None,
                "free",
            )
        if pathway == "cloud_marketplace":
            account.payment = None
        if devices and r.random() < 0.75:
            account.device = r.choice(devices)
        if r.random() >= how.phone:
            account.phone = None
        out.append(account)
    r.shuffle(out)
    return out


def equip(
    scene: Scene, accounts: Sequence[Account], place: str, *, program: str | None = None, n_versions: int | None = None, countries: Sequence[str] | None = None,
    n_exits: int = 400, hold: float = 1200,
) -> dict[str, Client]:  # fmt: skip
    """A client for each account, by account id.

    Args:
        place: servers (a few rented ones), residential (rotating proxies), homes (a line each) or mixed.
        program: the library; drawn if None.
        n_versions: builds of it in use; two or three if None.
        countries, n_exits, hold: of residential proxies: where, how many, seconds until the next.
    """
    r = scene.r
    program = program or r.choice(PROGRAMS)
    builds = [library(r, program) for _ in range(n_versions or r.choice((2, 2, 3)))]
    servers = [hosting(r, 1 + int(3 * r.random())) for _ in range(max(2, len(accounts) // 25))] + [
        cloud(r, 2) for _ in range(2)
    ]
    exits = residential_pool(r, n_exits, countries) if place in ("residential", "mixed") else []
    out: dict[str, Client] = {}
    for account in accounts:
        agent, tls = r.choice(builds)
        kind = r.choice(("servers", "residential", "homes")) if place == "mixed" else place
        network: Network = r.choice(servers)
        if kind == "residential":
            network = Rotating(exits, hold)
        elif kind == "homes":
            network = Home(account.country, r)
        client = Client(user_agent=agent, tls=tls, network=network)
        if account.pathway == "cloud_marketplace":
            client.platform, client.tls = r.choice(("bedrock", "vertex", "foundry")), None
        if r.random() < 0.5:
            account.signup_ip = network.at(account.created, r)[0]
        out[account.id] = client
    return out


def warm_up(scene: Scene, accounts: Sequence[Account], share: float, days: float = 4) -> None:
    """Part of the accounts chats a little for some days before."""
    r = scene.r
    for account in accounts:
        if r.random() < share:
            client = scene.world.browser_client(account, Home(account.country, r, away=0))
            last = min(END, account.born + days * DAY)
            for session in scene.sessions(
                3 + 9 * r.random(), account.hours, active=0.5, start=account.born, end=last
            ):
                talk(scene, account, client, session, model=scene.models[1], sloppy=r.random())


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoding:
    """Parameters of a pipeline."""

    temperature: float | None
    top_p: float | None
    max_tokens: int | None

    def settings(self) -> dict[str, Any]:
        """For `World.send`."""
        return {"temperature": self.temperature, "top_p": self.top_p, "max_tokens": self.max_tokens}


def draw_decoding(scene: Scene) -> Decoding:
    """A pipeline's parameters; some leave the defaults alone."""
    r = scene.r
    return Decoding(
        temperature=r.choice((0.3, 0.5, 0.6, 0.7, 0.7, 0.8, 0.9, 1.0, 1.0, None)), top_p=r.choice((None, None, 0.8, 0.9, 0.95)),
        max_tokens=r.choice((2048, 4096, 6000, 8000, 8192, 12_000, 16_000)),
    )  # fmt: skip


def draw_hours(scene: Scene) -> float:
    """Hours from UTC of the people who run it."""
    return scene.r.choices((8, 7, 3, 5.5, 9, -5), (50, 12, 12, 12, 8, 6))[0]
