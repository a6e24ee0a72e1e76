"""The ordinary customers of a world: people, developers, small companies, a few spammers, and coincidences among them."""

from __future__ import annotations

from second_world.clock import DAY, END, diurnal, service
from second_world.honest.developers import coders, home_automations, product_call, tinkerers
from second_world.honest.members import ORDINARY, Group, lifespan
from second_world.honest.people import chatters, night_owls, students, writers
from second_world.scene import Scene
from second_world.text.products import Product

__all__ = ["coincidences", "companies", "population"]

MIX = (
    (chatters, 34),
    (tinkerers, 17),
    (coders, 12),
    (students, 12),
    (night_owls, 4),
    (writers, 6),
    (home_automations, 3),
)
COMPANIES_SHARE = 12


def companies(scene: Scene, n: int, group: Group = ORDINARY) -> None:
    """Small companies with one to four applications, each with its key, instruction and machines."""
    r, bank, world = scene.r, scene.bank, scene.world
    for _ in range(n):
        n_apps = r.choices((1, 2, 3, 4), (60, 25, 10, 5))[0]
        pathway = r.choices(
            ("self_serve", "enterprise", "startup_program", "cloud_marketplace"), (60, 18, 12, 10)
        )[0]
        account = group.open(
            scene, n_keys=n_apps, plan=r.choice(("pay_as_you_go", "team", "enterprise")), organization=world.fresh("org_", 9), pathway=pathway,
            email=bank.company(r).lower() + r.choice((".com", ".io", ".de", ".co", ".ai", ".fr", ".app")),
        )  # fmt: skip
        if pathway == "cloud_marketplace":
            account.payment = None
        lifespan(scene, account)
        total = scene.heavy(70, 1.3, 3500)
        for key in account.keys:
            product, model = Product(bank, r), scene.model((30, 45, 20, 5))
            client = world.server_client(r.choice((1, 1, 2, 4, 8)), network=group.line(account))
            users = None if r.random() < 0.6 else [world.fresh("u", 7) for _ in range(max(1, int(total / 9)))]
            n_calls = total / n_apps * r.lognormvariate(-0.2, 0.6)
            if r.random() < 0.6:
                times = service(scene.g, n_calls, growth=r.gauss(0.1, 0.5))
            else:
                times = diurnal(scene.g, n_calls, account.hours, 0.85, 14, r.choice((0.1, 0.5, 1.0)))
            talks = product.kind in ("support", "tutor", "companion", "recipe")
            for t in times:
                turns = 1 + 2 * int(r.expovariate(1 / 1.6)) if talks else 1
                product_call(
                    scene,
                    account,
                    client,
                    t,
                    product,
                    model,
                    key=key,
                    user=r.choice(users) if users else None,
                    turns=turns,
                )


def spammers(scene: Scene, n: int) -> None:
    """Accounts that write advertising in bulk; most are banned after some days."""
    r, world = scene.r, scene.world
    for _ in range(n):
        email = world.throwaway() if r.random() < 0.5 else None
        account = world.account(
            "background", age_days=-r.random() * 18 if r.random() < 0.7 else None, email=email
        )
        client = world.home_client(account) if r.random() < 0.5 else world.browser_client(account)
        product = Product(scene.bank, r, r.choice(("articles", "mail", "describe")))
        start = account.born + r.random() * DAY
        gaps = scene.g.exponential(1 / (0.0004 + 0.002 * r.random()), int(scene.heavy(40, 0.8, 400)))
        if r.random() < 0.7:
            world.ban(account, min(END - 60, start + (0.5 + 6 * r.random()) * DAY))
        for t in (start + gaps.cumsum()).tolist():
            product_call(scene, account, client, t, product, scene.models[1])


def population(scene: Scene, n: int) -> None:
    """n ordinary accounts; how many do what differs from world to world."""
    r = scene.r
    weights = [share * r.lognormvariate(0, 0.35) for _, share in MIX]
    weights.append(COMPANIES_SHARE * r.lognormvariate(0, 0.35))
    total = sum(weights)
    for (kind, _), weight in zip(MIX, weights[:-1], strict=True):
        kind(scene, round(n * weight / total))
    companies(scene, round(n * weights[-1] / total))
    spammers(scene, max(1, n // 140))


def coincidences(scene: Scene) -> None:
    """Couples and small firms that share a card, a device, a line; second accounts; limits and verifications of no consequence."""
    r = scene.r
    ordinary = [a for a in scene.world.accounts if a.label == "background"]
    for _ in range(len(ordinary) // 45):
        a, b = r.sample(ordinary, 2)
        if r.random() < 0.6 and a.payment:
            b.payment, b.billing = a.payment, a.billing
        if r.random() < 0.5 and a.device:
            b.device = a.device
        if r.random() < 0.5:
            b.signup_ip = a.signup_ip
        if r.random() < 0.3 and a.phone:
            b.phone = a.phone
    for a in ordinary:
        x = r.random()
        if x < 0.025:
            scene.world.event("account_limited" if x < 0.003 else "account_verified", r.random() * END, a.id)
