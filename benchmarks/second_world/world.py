"""One world under construction: accounts are opened, exchanges sent, things happen."""

from __future__ import annotations

import string
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from second_world import networks as net
from second_world.clock import DAY, END, HOUR
from second_world.log import SpooledLog, write_accounts, write_events, write_truth
from second_world.places import COUNTRIES, access_address, full_v6
from second_world.programs import browser, library
from second_world.records import Account, Client
from second_world.text.bank import Answer

__all__ = ["World"]

LETTERS = string.ascii_lowercase + string.digits
OWN = "own"
"""A card of the account's own, or none on the free plan."""
THROWAWAY = tuple(
    f"{a}{b}"
    for a in ("tempo", "quick", "drop", "mist", "burner", "inbox", "nada")
    for b in ("mail.cc", "box.top", "post.icu", "hub.xyz", "mailer.site", "zone.fun")
)
KEPT_CHARACTERS = 700
"""Of a completion."""


class World:
    """Accounts, events and the log.

    Args:
        out: the folder to write.
        r: randomness of the roster and of requests.
        rng: randomness of what is drawn in bulk.
        models: names of the large, small, old, reasoning and released model.
        weights: how many accounts come from each country.
        release: when the last model comes out, in seconds.
        identity: whether the place keeps cards, phones, devices and sign-up addresses.
        small: a self-hosted place that knows keys and addresses only.
    """

    def __init__(
        self, out: Path, r: Random, rng: np.random.Generator, *, models: Sequence[str], weights: Sequence[float], release: float,
        identity: bool = True, small: bool = False,
    ) -> None:  # fmt: skip
        self.out, self.r, self.models, self.weights, self.release = (
            out,
            r,
            tuple(models),
            list(weights),
            release,
        )
        self.identity, self.small = identity, small
        self.accounts: list[Account] = []
        self.events: list[tuple[float, str, str]] = []
        self.taken: set[str] = set()
        self.n_exchanges = 0
        self.log = SpooledLog(out, rng, small)

    # ---- who ----
    def fresh(self, prefix: str, length: int = 12) -> str:
        """An identifier that nothing else has."""
        while True:
            name = prefix + "".join(self.r.choices(LETTERS, k=length))
            if name not in self.taken:
                self.taken.add(name)
                return name

    def country(self) -> str:
        """Where somebody comes from."""
        return self.r.choices(list(COUNTRIES), self.weights)[0]

    def age(self, age_days: float | None) -> float:
        """When an account was created: so many days before the log, or as for anybody."""
        if age_days is not None:
            return -age_days * DAY
        if self.r.random() < 0.09:
            return self.r.random() * (END - 2 * DAY)
        return -min(1100, self.r.expovariate(1 / 210.0) + 0.3) * DAY

    def mail(self, country: str) -> str:
        """A mail domain of the country; few use a disposable one."""
        return self.throwaway() if self.r.random() < 0.015 else self.r.choice(COUNTRIES[country].mail)

    def throwaway(self) -> str:
        """A disposable mail domain."""
        return self.r.choice(THROWAWAY)

    def account(
        self, label: str, campaign: str | None = None, *, country: str | None = None, pathway: str | None = None, plan: str | None = None,
        organization: str | None = None, age_days: float | None = None, n_keys: int = 1, email: str | None = None, payment: str | None = OWN,
        declared: str | None = None,
    ) -> Account:  # fmt: skip
        """A new account; what is left out is drawn as for an ordinary customer of the country."""
        r = self.r
        country = country or self.country()
        created = self.age(age_days) + (r.random() - 0.5) * HOUR
        plan = plan or r.choices(("free", "pay_as_you_go", "pro", "team"), (30, 38, 26, 6))[0]
        if payment == OWN:
            payment = None if plan == "free" or r.random() < 0.04 else self.fresh("card_", 14)
        if pathway is None:
            other = label == "background" and r.random() < 0.05
            pathway = (
                r.choice(
                    (
                        "startup_program",
                        "startup_program",
                        "security_research",
                        "cloud_marketplace",
                        "education",
                    )
                )
                if other
                else "self_serve"
            )
        account = Account(
            id=self.fresh("acc_"), label=label, campaign=campaign, country=country, hours=COUNTRIES[country].hours, created=created, organization=organization,
            pathway=pathway, plan=plan, payment=payment, email=email or self.mail(country), phone=None if r.random() < 0.3 else self.fresh("ph_"),
            device=None if r.random() < 0.15 else self.fresh("dev_"), signup_ip=full_v6(access_address(country, r)[0], r) if r.random() > 0.06 else None,
            billing=country if r.random() < 0.94 else self.country(), declared=declared, keys=[self.fresh("key_", 10) for _ in range(n_keys)], born=max(0.0, created),
        )  # fmt: skip
        self.accounts.append(account)
        return account

    # ---- with what ----
    def browser_client(
        self, account: Account, network: net.Network | None = None, phone: bool | None = None
    ) -> Client:
        """A person's browser on the household line; who signs up during the log mostly does so from it."""
        agent, tls = browser(self.r, self.r.random() < 0.35 if phone is None else phone)
        return self.at_home(
            account,
            Client(user_agent=agent, tls=tls, network=network or net.Home(account.country, self.r), web=True),
        )

    def home_client(
        self, account: Account, program: str | None = None, network: net.Network | None = None
    ) -> Client:
        """A person's own script or tool on the household line."""
        agent, tls = library(self.r, program)
        return self.at_home(
            account, Client(user_agent=agent, tls=tls, network=network or net.Home(account.country, self.r))
        )

    def at_home(self, account: Account, client: Client) -> Client:
        """The client, after the sign-up was put on its line."""
        if account.created >= 0 and account.signup_ip:
            account.signup_ip = client.network.at(account.created, self.r)[0]
        return client

    def server_client(
        self, n: int = 1, program: str | None = None, network: net.Network | None = None
    ) -> Client:
        """A service's machines in a cloud, some on a third-party platform."""
        agent, tls = library(self.r, program)
        platform = (
            "first_party"
            if self.r.random() < 0.8
            else self.r.choice(("bedrock", "vertex", "foundry", "gateway"))
        )
        where = network or (net.cloud(self.r, n) if self.r.random() < 0.85 else net.hosting(self.r, n))
        return Client(
            user_agent=agent, tls=tls if platform == "first_party" else None, network=where, platform=platform
        )

    # ---- what happens ----
    def event(self, kind: str, t: float, subject: str) -> None:
        """Something the provider knows of; nothing after the end of the log."""
        if t < END:
            self.events.append((t, kind, subject))

    def ban(self, account: Account, t: float) -> None:
        """The account stops at t."""
        if t < account.died:
            account.died = t
            self.event("account_banned", t, account.id)

    def some_status(self) -> int:
        """How an exchange ends when nothing else is said."""
        x = self.r.random()
        return 200 if x > 0.013 else 429 if x < 0.007 else 529 if x < 0.010 else 500 if x < 0.0115 else 400

    def send(
        self, account: Account, client: Client, t: float, prompt: str, answer: Answer, *, system: str | None = None, model: str | None = None, turns: int = 1,
        context: int = 0, tools: Sequence[str] | None = None, reasoning: bool | None = None, temperature: float | None = None, top_p: float | None = None,
        max_tokens: int | None = None, key: str | None = None, user: str | None = None, status: int | None = None, stop: str | None = None,
        distilled: bool = False, thought: int = 0,
    ) -> int:  # fmt: skip
        """One exchange.

        Args:
            account, client: who sends it with what.
            t: when, in seconds from the start of the log.
            prompt, system: the text.
            answer: completion and output tokens, if all goes well.
            context: characters of earlier turns.
            distilled: sent for a campaign's collection.
            thought: reasoning tokens, where they are more than the usual.
            model, turns, tools, reasoning, temperature, top_p, max_tokens, key, user, status, stop: as in the contract.

        Returns:
            Its status; 0 where the account cannot send at that time.
        """
        if not (account.alive(t) and 0 <= t < END):
            return 0
        r = self.r
        ip, country, asn = client.network.at(t, r)
        status = self.some_status() if status is None else status
        completion: str | None = answer[0]
        n_out = min(answer[1], max_tokens or answer[1])
        if status != 200:
            completion, n_out, stop = None, 0, None
        elif stop is None:
            stop = (
                "max_tokens"
                if max_tokens and n_out >= max_tokens
                else "tool_use"
                if tools and r.random() < 0.7
                else "end_turn"
            )
        per_token = 4.0 if prompt.isascii() else 1.8
        n_in = (
            len(prompt) / per_token
            + (len(system) / 4.2 if system else 0)
            + context / 4.0
            + 90 * len(tools or ())
        )
        row: dict[str, Any] = {
            "account_id": account.id, "organization_id": account.organization, "api_key_id": None if client.web else key or next(iter(account.keys), None),
            "end_user_id": user, "platform": client.platform, "client_ip": ip, "client_country": country, "client_asn": asn, "user_agent": client.user_agent,
            "tls_fingerprint": client.tls, "model": model or self.models[0], "system": system, "prompt": prompt,
            "completion": completion[:KEPT_CHARACTERS] if completion else None, "tools": list(tools) if tools else None, "turns": turns, "temperature": temperature,
            "top_p": top_p, "max_tokens": max_tokens, "input_tokens": int(n_in * (0.94 + 0.12 * r.random())) + 4, "output_tokens": n_out, "reasoning": reasoning,
            "stop_reason": stop, "status": status,
        }  # fmt: skip
        self.log.add(t, thought, **row)
        account.n_exchanges += 1
        account.n_distilled += distilled
        self.n_exchanges += 1
        return status

    def finish(self) -> None:
        """Write everything."""
        self.log.finish()
        accounts = sorted(self.accounts, key=lambda a: a.id)
        write_accounts(self.out / "accounts.parquet", accounts, self.identity, self.small)
        write_events(self.out / "events.parquet", self.events)
        write_truth(self.out, accounts)
