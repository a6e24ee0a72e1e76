"""Resellers, declared and not: pools of accounts that carry the traffic of others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from second_world.clock import DAY
from second_world.honest.developers import agent_session, day_of, product_call
from second_world.honest.people import talk
from second_world.networks import cloud, hosting
from second_world.programs import library
from second_world.records import Account, Client
from second_world.scene import Scene
from second_world.text.agents import Project
from second_world.text.products import Product

__all__ = ["declared_reseller", "pool_accounts", "relay_traffic", "reseller"]

FREE_MAIL = ("gmail.com", "outlook.com", "hotmail.com", "proton.me")
KEEPERS = ("HK", "SG", "US", "TW", "JP", "VN")


def pool_accounts(
    scene: Scene,
    n: int,
    label: str,
    campaign: str | None = None,
    *,
    cards: int | None = None,
    recent: float | None = None,
    countries: Sequence[str] = KEEPERS,
) -> list[Account]:
    """Accounts as a pool keeper buys them: a recent batch and an aged one, cards for several, disposable or free mail.

    Args:
        cards: how many cards; else one for a few accounts.
        recent: share of the recent batch.
    """
    r, world = scene.r, scene.world
    payments = [world.fresh("card_", 14) for _ in range(cards or max(1, round(n / scene.between(2.5, 6))))]
    devices = [world.fresh("dev_") for _ in range(max(1, round(n / scene.between(4, 10))))]
    recent = scene.between(0.3, 0.7) if recent is None else recent
    out = []
    for _ in range(n):
        age = 3 + 6 * r.random() if r.random() < recent else 120 * (0.4 + 1.2 * r.random())
        email = world.throwaway() if r.random() < 0.4 else r.choice(FREE_MAIL)
        account = world.account(
            label,
            campaign,
            country=r.choice(countries),
            plan="pay_as_you_go",
            age_days=age,
            payment=r.choice(payments),
            email=email,
        )
        if r.random() < 0.6:
            account.device = r.choice(devices)
        if r.random() < 0.6:
            account.phone = None
        out.append(account)
    return out


@dataclass(slots=True, kw_only=True)
class Customer:
    """An end user of a relay.

    Attributes:
        kind: chat, code, product or agent.
        at: position of the account that it is stuck to.
    """

    kind: str
    language: str
    product: Product
    project: Project
    at: int


def relay_traffic(scene: Scene, accounts: Sequence[Account], clients: Sequence[Client], n: float) -> None:
    """A relay's end users, some n exchanges: each stuck to one account of the pool until it fails or is banned.

    The relay's program is the one seen; messages pass unchanged.
    """
    r = scene.r
    n_users = max(8, int(n // 40))
    for _ in range(n_users):
        customer = Customer(
            kind=r.choices(("chat", "code", "product", "agent"), (45, 15, 20, 20))[0], language=r.choices(("en", "zh", "ru", "vi", "pt"), (35, 40, 12, 6, 7))[0],
            product=Product(scene.bank, r), project=Project(r), at=int(r.random() * len(accounts)),
        )  # fmt: skip
        hours = r.choices((8, 3, 0, -5, 7), (55, 12, 13, 12, 8))[0]
        volume = scene.heavy(n / n_users * 0.6, 1.1, n / 6) / (9 if customer.kind == "agent" else 1)
        for session in scene.sessions(volume, hours):
            for _ in range(6):
                if accounts[customer.at].alive(session[0]):
                    break
                customer.at = int(r.random() * len(accounts))
            if r.random() < 0.06:
                customer.at = int(r.random() * len(accounts))
            serve(scene, accounts[customer.at], clients[customer.at % len(clients)], session, customer)


def serve(scene: Scene, account: Account, client: Client, session: list[float], customer: Customer) -> None:
    """One session of an end user on one account."""
    large = scene.models[0]
    if customer.kind == "agent":
        agent = scene.agents[customer.at % len(scene.agents)]
        system = agent.system(0, customer.project, day_of(session[0]))
        agent_session(
            scene,
            account,
            client,
            session,
            customer.project,
            system=system,
            tools=agent.releases[0].tools,
            model=large,
            steps=8,
        )
    elif customer.kind == "product":
        for t in session:
            product_call(scene, account, client, t, customer.product, large)
    else:
        code = 0.7 if customer.kind == "code" else 0.1
        talk(
            scene,
            account,
            client,
            session,
            model=scene.model((60, 25, 10, 5)),
            language=customer.language,
            sloppy=scene.r.random(),
            code=code,
        )


def declared_reseller(scene: Scene) -> None:
    """A marketplace known to the operator: an account for each tenant in one organisation, one invoice."""
    r, world = scene.r, scene.world
    organization, payment, email = (
        world.fresh("org_", 9),
        world.fresh("inv_"),
        f"{scene.bank.company(r).lower()}.cloud",
    )
    country = r.choice(("SG", "DE", "US", "IN"))
    accounts = [
        world.account(
            "declared_reseller",
            organization=organization,
            payment=payment,
            email=email,
            plan="enterprise",
            pathway="enterprise",
            declared="reseller",
            country=country,
        )
        for _ in range(scene.count(25, 60))
    ]
    agent, tls = library(r, r.choice(("go", "java", "js_sdk")))
    relay_traffic(
        scene,
        accounts,
        [Client(user_agent=agent, tls=tls, network=cloud(r, 4))],
        len(accounts) * scene.between(70, 140),
    )


def reseller(scene: Scene) -> None:
    """A plain undeclared reseller: bought accounts behind one relay, its customers' own traffic only, some bans and replacements."""
    r, world = scene.r, scene.world
    accounts = pool_accounts(scene, scene.count(35, 90, 6), "reseller")
    program = r.choice(("go", "js_sdk", "rust", "router"))
    clients = []
    for _ in range(3):
        agent, tls = library(r, program)
        clients.append(Client(user_agent=agent, tls=tls, network=hosting(r, 3)))
    for account in accounts[: len(accounts) // 8]:
        world.ban(account, (2 + 17 * r.random()) * DAY)
    for account in accounts[-(len(accounts) // 6) :]:
        account.born = max(account.born, r.random() * 12 * DAY)
        account.created = max(account.created, account.born - (0.2 + 3 * r.random()) * DAY)
    relay_traffic(scene, accounts, clients, len(accounts) * scene.between(60, 130))
