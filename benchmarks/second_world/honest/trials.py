"""People who open one free account after another: one person behind several accounts, and no distillation."""

from __future__ import annotations

from second_world.clock import DAY, END
from second_world.honest.developers import product_call
from second_world.honest.people import talk
from second_world.networks import Home
from second_world.scene import Scene
from second_world.text.products import Product

__all__ = ["trial_hopping"]


def trial_hopping(scene: Scene) -> None:
    """Each goes on with the next account when one has used up its trial: one line, mostly one device, mail of all kinds, no card."""
    r, world = scene.r, scene.world
    for _ in range(scene.count(4, 14)):
        country, device, days = world.country(), world.fresh("dev_"), scene.between(1.5, 6)
        line, start, product = Home(country, r), r.random() * 9 * DAY, Product(scene.bank, r)
        web, sloppy, model = r.random() < 0.5, r.random(), scene.models[1]
        while start < END - DAY and r.random() < 0.88:
            email = world.throwaway() if r.random() < 0.4 else None
            account = world.account(
                "trial_hopping", country=country, plan="free", age_days=-start / DAY, email=email
            )
            account.died = min(END, account.born + days * DAY)
            if r.random() < 0.7:
                account.device = device
            client = (
                world.browser_client(account, line) if web else world.home_client(account, "py_sdk", line)
            )
            sessions = scene.sessions(
                scene.heavy(30, 0.6, 200), account.hours, active=0.9, start=account.born, end=account.died
            )
            for session in sessions:
                if web:
                    talk(scene, account, client, session, model=model, sloppy=sloppy, code=0.3)
                    continue
                for t in session:
                    product_call(scene, account, client, t, product, model)
            start = account.died + r.expovariate(1 / (0.4 * DAY))
