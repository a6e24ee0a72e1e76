"""A self-hosted model of some 250 teams: keys and addresses only.

Most callers sit on internal subnets, one to a department, behind a few egress addresses that teams share, or on the staff VPN;
some partners come from outside. Two campaigns: one question list over dozens of keys, and one over a handful of accounts.
"""

from __future__ import annotations

from typing import Any

from second_world import networks as net
from second_world.campaigns.dispatch import Dispatcher
from second_world.campaigns.operator import draw_decoding, draw_hours, warm_up
from second_world.clock import DAY, END, HOUR, dispatcher
from second_world.honest import batches, crowds, evaluations, services
from second_world.honest.developers import coders, home_automations, tinkerers
from second_world.honest.people import chatters, night_owls, students, talk
from second_world.honest.population import companies
from second_world.programs import library
from second_world.records import Account, Client
from second_world.scene import Scene
from second_world.text.questions import collected_questions, own_list
from second_world.world import World

__all__ = ["SmallWorld", "build_small_operator"]

PATHS = (
    'Provide the solution path for the item below as detailed prose (eight sentences at least), closing with "=> value".\nItem: {q}',
    '{q}\n\nExpected output: {"path": [every inference in order], "value": ...}',
    "{q}\n\nReturn the full chain of inference line by line, then VALUE.",
    "Item for the answer file. Long solution first, value last.\n{q}",
)
BOOTSTRAP = (
    "Here are three tasks: 1. {sent} 2. {sent} 3. {sent} Come up with {n} further tasks and solve each.",
    "Translate the record into {lang}, instruction and answer.\ninstruction: {sent}\nanswer: {sent} {sent}",
    "Write {n} new instructions in the manner of: {sent} Add an input and an output to each.", "Record for {lang}:\n- ask: {sent}\n- reply: {win}",
)  # fmt: skip
SHEETS = (
    'Exercise sheet {n}: answer with full reasoning, then a line "Result:".\n',
    "Sheet {n}. Work it out in writing and box the result.\n",
)


class SmallWorld(World):
    """A world whose clients live on internal networks."""

    def __init__(self, *args: Any, **known: Any) -> None:
        super().__init__(*args, **known)
        r = self.r
        self.egress = [
            net.Fixed([(f"10.40.{i}.{1 + r.randrange(253)}", None, None) for _ in range(2)])
            for i in range(r.randrange(4, 8))
        ]
        self.vpn: list[tuple[str | None, str | None, int | None]] = [
            (f"10.99.0.{i + 2}", None, None) for i in range(40)
        ]
        self.n_departments = r.randrange(16, 30)

    def inside(self) -> net.Network:
        """A desk in a department, sometimes on the staff VPN."""
        r = self.r
        d = int(r.random() ** 1.5 * self.n_departments)
        desk = net.Fixed(
            [
                (f"10.{20 + d % 4}.{d}.{1 + r.randrange(253)}", None, None)
                for _ in range(r.choice((1, 1, 2, 4)))
            ]
        )
        return net.Mix(desk, net.Mobile(self.vpn, 9 * HOUR), r.choice((0, 0.2, 0.5)))

    def at_home(self, account: Account, client: Client) -> Client:
        """Most work inside; everybody has a key."""
        r = self.r
        client.network = net.Home("DE", r) if r.random() < 0.15 else self.inside()
        if client.web:
            client.web = False
            client.user_agent, client.tls = (
                (f"open-chat-ui/0.{r.choice((5, 6, 6))}.{r.randrange(40)}", None)
                if r.random() < 0.6
                else library(r)
            )
        return client

    def server_client(
        self, n: int = 1, program: str | None = None, network: net.Network | None = None
    ) -> Client:
        """A service behind a shared egress or on its own host."""
        agent, tls = library(self.r, program)
        where: net.Network = self.r.choice(self.egress) if self.r.random() < 0.6 else self.inside()
        return Client(user_agent=agent, tls=tls, network=network or where)

    def send(self, account: Account, *args: Any, **known: Any) -> int:
        """As elsewhere; an account without a key gets one first."""
        if not account.keys:
            account.keys = [self.fresh("key_", 10)]
        return super().send(account, *args, **known)


def courses(scene: Scene, world: SmallWorld) -> None:
    """Two courses with a lab each: one subnet, one week, one starter text; label `university_class`."""
    r, bank = scene.r, scene.bank
    for k in range(2):
        day, starter, problems = 3 + 6 * k, bank.fill(r.choice(SHEETS), r), own_list(bank, r, 60)
        for i in range(scene.count(20, 40)):
            account = world.account("university_class", age_days=1 - day - r.random())
            agent, tls = library(r, "py_sdk")
            seat = net.Fixed([(f"10.50.{60 + k}.{i % 240 + 10}", None, None)])
            client = Client(
                user_agent=agent, tls=tls, network=net.Mix(seat, net.Mobile(world.vpn, 4 * HOUR), 0.4)
            )
            for d in (day, day + 2, day + 7):
                late = r.choice((0, 7 * HOUR, DAY)) if r.random() < 0.4 else 0
                t, first = d * DAY + 12 * HOUR + r.gauss(0, 3000) + late, (d * 3) % 40
                for problem in problems[first : first + 5 + int(r.random() * 6)]:
                    world.send(
                        account,
                        client,
                        t,
                        starter + problem,
                        bank.answer(r, "reason"),
                        temperature=r.choice((0, 0.7, 1.0)),
                    )
                    t += 4 + r.expovariate(1 / 45)


def many_keys(scene: Scene, world: SmallWorld) -> None:
    """One list over dozens of keys, a slice to each, from outside servers and two teams' egress."""
    r, bank = scene.r, scene.bank
    accounts = [
        world.account("distillation", "many_keys", age_days=2 + 60 * r.random() ** 2)
        for _ in range(scene.count(28, 55, 5))
    ]
    places = [net.hosting(r, 2) for _ in range(r.randrange(4, 9))] + world.egress[:2]
    builds = [library(r, r.choice(("aiohttp", "httpx", "requests"))) for _ in range(2)]
    clients = {
        a.id: Client(user_agent=agent, tls=tls, network=r.choice(places))
        for a in accounts
        for agent, tls in [r.choice(builds)]
    }
    warm_up(scene, accounts, 0.2)
    queue = Dispatcher(scene, accounts, clients, "weighted")
    form, decoding, n = scene.wording(PATHS), draw_decoding(scene), scene.volume(6000, 12_000)
    questions, position = collected_questions(bank, r, n), {a.id: i for i, a in enumerate(queue.accounts)}
    used = dict.fromkeys(position, 0)
    for t in dispatcher(scene.g, n, draw_hours(scene), "always", scene.between(1, 5) * DAY, END, 3):
        account = queue.draw(t)
        if account is None:
            continue
        question = questions[(position[account.id] + len(position) * used[account.id]) % len(questions)]
        used[account.id] += 1
        world.send(
            account,
            clients[account.id],
            t,
            form.replace("{q}", question),
            bank.answer(r, "reason"),
            distilled=True,
            **decoding.settings(),
        )


def few_accounts(scene: Scene, world: SmallWorld) -> None:
    """Instruction records over a dozen staff accounts, evenings and weekends, beside the accounts' own small use."""
    r, bank = scene.r, scene.bank
    form, decoding, users = scene.wording(BOOTSTRAP), draw_decoding(scene), []
    for i in range(scene.count(9, 16, 4)):
        account = world.account(
            "distillation", "few_accounts", age_days=20 + 200 * r.random(), n_keys=2 if i < 3 else 1
        )
        own = world.home_client(account)
        for session in scene.sessions(25, 1):
            talk(scene, account, own, session, sloppy=0.4, code=0.3)
        agent, tls = library(r, "requests")
        users.append(
            (account, Client(user_agent=agent, tls=tls, network=world.inside()) if r.random() < 0.5 else own)
        )
    for i, t in enumerate(
        dispatcher(scene.g, scene.volume(2200, 4500), -6, "office", scene.between(3, 7) * DAY)
    ):
        account, client = users[(i + int(r.random() * 2)) % len(users)]
        text, n_out = bank.answer(r, "chat")
        world.send(
            account,
            client,
            t,
            bank.fill(form, r),
            (text, n_out * 2),
            key=r.choice(account.keys),
            distilled=True,
            **decoding.settings(),
        )


def build_small_operator(scene: Scene, world: SmallWorld) -> None:
    """The whole of it."""
    kinds = (
        (tinkerers, 75),
        (companies, 60),
        (coders, 40),
        (chatters, 45),
        (night_owls, 8),
        (home_automations, 8),
        (students, 14),
    )
    for kind, n in kinds:
        kind(scene, scene.count(n * 0.7, n * 1.3))
    courses(scene, world)
    crowds.viral_app(scene, n_apps=(1, 3), users=(20, 50))
    for look_alike in (
        services.cron_hourly,
        services.shared_team_key,
        evaluations.nightly_evaluation,
        evaluations.benchmark_run,
        evaluations.llm_judge,
        batches.batch_extraction,
    ):
        look_alike(scene)
    many_keys(scene, world)
    few_accounts(scene, world)
