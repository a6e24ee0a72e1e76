"""The operator's dispatcher: which account sends the next request, and what happens when one fails."""

from __future__ import annotations

import bisect
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

from second_world.records import Account, Client
from second_world.scene import Scene
from second_world.text.bank import Answer

__all__ = ["RULES", "Dispatcher"]

RULES = ("robin", "sticky", "weighted")
RETRIES = 3
IDLE = 0.06
"""Share of bought accounts that are never used."""


class Dispatcher:
    """Sends a queue over accounts.

    Args:
        rule: robin (the next account each time), sticky (a worker stays with an account until it fails or a while has passed) or weighted (uneven draws).
        n_workers, hold: of sticky: how many, and mean requests on one account.
    """

    def __init__(
        self,
        scene: Scene,
        accounts: Sequence[Account],
        clients: Mapping[str, Client],
        rule: str,
        *,
        n_workers: int = 24,
        hold: float = 60,
    ) -> None:
        r = scene.r
        self.scene, self.clients, self.rule, self.hold = scene, clients, rule, hold
        self.accounts = [a for a in accounts if r.random() > IDLE] or list(accounts[:1])
        self.bounds = list(accumulate(r.gammavariate(1.5, 1) + 0.04 for _ in self.accounts))
        self.workers: list[tuple[Account | None, int]] = [(None, 0)] * n_workers
        self.at = 0

    def draw(self, t: float) -> Account | None:
        """An account by its weight; the first that lives if luck fails."""
        for _ in range(40):
            i = bisect.bisect(self.bounds, self.scene.r.random() * self.bounds[-1])
            account = self.accounts[min(i, len(self.accounts) - 1)]
            if account.alive(t):
                return account
        return next((a for a in self.accounts if a.alive(t)), None)

    def turn(self, t: float) -> Account | None:
        """The next account of the round."""
        for _ in self.accounts:
            self.at = (self.at + 1) % len(self.accounts)
            account = self.accounts[self.at]
            if account.alive(t) and self.scene.r.random() < 0.97:
                return account
        return None

    def pick(self, t: float) -> Account | None:
        """Who sends a request at t; None where no account lives."""
        r = self.scene.r
        if self.rule == "robin":
            return self.turn(t)
        if self.rule == "weighted":
            return self.draw(t)
        k = int(r.random() * len(self.workers))
        account, left = self.workers[k]
        if account is None or left <= 0 or not account.alive(t):
            account, left = self.draw(t), 1 + int(r.expovariate(1 / self.hold))
        self.workers[k] = (account, left - 1)
        return account

    def fail(self, account: Account) -> None:
        """Workers leave an account that failed."""
        self.workers = [(None, 0) if a is account else (a, n) for a, n in self.workers]

    def send(
        self, t: float, prompt: str, answer: Answer, *, status: int | None = None, **request: Any
    ) -> None:
        """One request, tried again on another account after seconds where it was limited or overloaded."""
        r = self.scene.r
        for _ in range(RETRIES):
            account = self.pick(t)
            if account is None:
                return
            x = r.random()
            outcome = status or (429 if x < 0.02 else 529 if x < 0.03 else 500 if x < 0.033 else 200)
            got = self.scene.world.send(
                account,
                self.clients[account.id],
                t,
                prompt,
                answer,
                status=outcome,
                distilled=True,
                **request,
            )
            if got not in (429, 500, 529) or r.random() > 0.8:
                return
            self.fail(account)
            t += 1 + r.expovariate(1 / 6.0)
