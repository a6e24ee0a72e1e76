"""Strangers who share one thing: an application, a coding agent, a carrier's addresses, a VPN's exits."""

from __future__ import annotations

from dataclasses import dataclass

from second_world.clock import DAY, HOUR
from second_world.honest.developers import coders, tinkerers
from second_world.honest.members import Group
from second_world.honest.people import chatters, talk
from second_world.networks import Home, Mix, Mobile
from second_world.places import COUNTRIES, Place, vpn_address
from second_world.programs import library
from second_world.records import Client
from second_world.scene import Scene

__all__ = ["carrier_nat", "coding_agent_users", "viral_app", "vpn_exit"]

APPLICATIONS = (
    # instruction, kind of answer, request (None: chat)
    ("You are {app}, a reading companion. For the passage: a plain summary, three questions, difficult words.", "chat", "{win}"),
    ("You are the engine of {app}. Put your full reasoning in <thinking> tags, then the answer in <answer> tags. Never skip the thinking block.", "tags", None),
    ("{app} essay coach. Grade structure, clarity, evidence (1-6 each), justify each grade, propose one rewrite.", "grade", "{win}"),
    ("{app} subtitles: translate the lines, keep numbering and length.", "translate", "1 {sent}\n2 {sent}\n3 {sent}\n4 {sent}"),
    ('{app} makes flash cards. JSON list of {"front","back"}; at most eight.', "json", "{win}"),
    ("{app}, a debate trainer. Think aloud about both sides in full before your reply.", "reason", "{sent} {t}?"),
    ("{app} step tutor. Show every step of the working and explain it, never only the result.", "reason", "{w} / {n} + {m}, {sent}"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """An open-source application that strangers bring their own key to."""

    name: str
    system: str
    answer: str
    request: str | None
    posted: float
    """When a post made it popular, in seconds."""
    stacks: tuple[str, ...]
    temperature: float
    top_p: float | None
    max_tokens: int


def viral_app(scene: Scene, n_apps: tuple[int, int] = (4, 7), users: tuple[float, float] = (40, 220)) -> None:
    """Several applications with constant instructions and odd parameters on everyone's account; two or three ask for reasoning.

    Args:
        n_apps: at least, and fewer than.
        users: the range of users of one.
    """
    r, bank = scene.r, scene.bank
    for system, answer, request in r.sample(APPLICATIONS, r.randrange(*n_apps)):
        name = bank.company(r)
        program = r.choice(("js_sdk", "py_sdk", "rust"))
        app = Application(
            name=name, system=system.replace("{app}", name), answer=answer, request=request, posted=r.random() * 10 * DAY,
            stacks=tuple(library(r, program)[1] for _ in range(3)), temperature=r.choice((0.33, 0.65, 0.42)), top_p=r.choice((None, 0.92)),
            max_tokens=r.choice((777, 1500, 2222)),
        )  # fmt: skip
        for _ in range(scene.count(*users)):
            adopt(scene, app)


def adopt(scene: Scene, app: Application) -> None:
    """One user: some signed up for it, most chat beside it."""
    r, bank, world = scene.r, scene.bank, scene.world
    age = None if r.random() < 0.6 else -min(20.5, app.posted / DAY + r.expovariate(1 / 3))
    account = world.account("viral_app", age_days=age)
    start = max(0.0, app.posted + r.expovariate(1 / (4 * DAY)) if r.random() < 0.7 else 0.0, account.created)
    version = f"{r.choice((0, 1))}.{r.randrange(3, 8)}"
    client = Client(
        user_agent=f"{app.name.lower()}/{version}",
        tls=r.choice(app.stacks),
        network=world.home_client(account).network,
    )
    for session in scene.sessions(scene.heavy(16, 1.0, 300), account.hours, start=start):
        for t in session:
            prompt = bank.fill(app.request, r) if app.request else bank.chat(r, "en", 0.3, r.random())
            world.send(
                account, client, t, prompt, bank.answer(r, app.answer, prompt), system=app.system, model=scene.models[1], temperature=app.temperature,
                top_p=app.top_p, max_tokens=app.max_tokens,
            )  # fmt: skip
    if r.random() < 0.4:
        own = world.browser_client(account)
        for session in scene.sessions(scene.heavy(8, 1, 100), account.hours):
            talk(scene, account, own, session, model=scene.model())


def coding_agent_users(scene: Scene) -> None:
    """Users of one coding agent with its long instruction, otherwise unrelated."""
    coders(scene, scene.count(180, 380), Group(label="coding_agent_users"), scene.agents[0], 35)


def carrier_nat(scene: Scene) -> None:
    """Subscribers of one mobile carrier behind a few dozen shared addresses."""
    r = scene.r
    country = r.choice(("IN", "US", "NG", "ID", "CN", "BR"))
    carrier = r.choice(COUNTRIES[country].networks)
    blocks = [f"{r.choice(carrier.prefixes)}.{r.randrange(256)}" for _ in range(r.randrange(3, 9))]
    pool: list[Place] = [
        (f"{r.choice(blocks)}.{1 + r.randrange(253)}", country, carrier.asn)
        for _ in range(r.randrange(16, 40))
    ]
    group = Group(
        label="carrier_nat",
        account=lambda: {"country": country},
        network=lambda _: Mobile(pool, (1 + 6 * r.random()) * HOUR),
    )
    chatters(scene, scene.count(90, 200), group)
    for account in scene.world.accounts:
        if account.label == "carrier_nat":
            account.signup_ip = r.choice(pool)[0]


def vpn_exit(scene: Scene) -> None:
    """Customers of one VPN brand on its shared exits, people of all kinds."""
    r = scene.r
    pool = [vpn_address(r) for _ in range(r.randrange(8, 20))]
    group = Group(label="vpn_exit", network=lambda a: Mix(Mobile(pool, 6 * HOUR), Home(a.country, r), 0.3))
    n = scene.count(60, 130)
    chatters(scene, round(n * 0.6), group)
    tinkerers(scene, round(n * 0.25), group)
    coders(scene, round(n * 0.15), group)
    for account in scene.world.accounts:
        if account.label == "vpn_exit" and r.random() < 0.5:
            account.signup_ip = r.choice(pool)[0]
