"""People who program: with scripts of their own, with a coding agent, with hobby automations."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from second_world.clock import DAY, HOUR, timer
from second_world.honest.members import ORDINARY, Group, lifespan, model_at
from second_world.honest.people import talk
from second_world.log import moment
from second_world.networks import cloud
from second_world.records import Account, Client
from second_world.scene import Scene
from second_world.text.agents import Agent, Project, nudge, request, tool_result
from second_world.text.products import Product

__all__ = ["agent_session", "coders", "day_of", "home_automations", "product_call", "tinkerers"]

LONGEST_CONTEXT = 480_000
READINGS = ("kitchen", "attic", "door", "pool", "garden", "humidity", "solar", "grid")
CHORES = (
    "Readings of my {n1}: anything unusual?", "Morning message for {name}: weather, {t}, {n} reminders.", "Caption, {adj} {n1} camera.", "Turn on the {n1} given the {n1}? yes/no",
    "3 tags", "Is the {adj} {n1} fine? One line, {tone}.",
)  # fmt: skip


def day_of(t: float) -> str:
    """The date of a moment, as an agent writes it."""
    return f"{moment(max(0.0, t)):%Y-%m-%d}"


def product_call(
    scene: Scene, account: Account, client: Client, t: float, product: Product, model: str | None, *, key: str | None = None, user: str | None = None,
    turns: int = 1, fixed: tuple[str | None, str] | None = None,
) -> int:  # fmt: skip
    """One request of an application; returns its status."""
    system, prompt = fixed or product.request(scene.bank, scene.r)
    answer = scene.bank.answer(scene.r, product.answer, prompt)
    return scene.world.send(
        account, client, t, prompt, answer, system=system, model=model_at(scene, account, t, model), turns=turns, context=(turns - 1) * 260, temperature=product.temperature,
        top_p=product.top_p, max_tokens=product.max_tokens, key=key, user=user,
    )  # fmt: skip


def tinkerers(scene: Scene, n: int, group: Group = ORDINARY) -> None:
    """Developers calling the API from their own scripts: templates of their own, bursts of tries, a loop over a file."""
    r = scene.r
    for _ in range(n):
        account = group.open(scene, n_keys=r.choice((1, 1, 2, 3)))
        line = group.line(account) or (cloud(r) if r.random() < 0.25 else None)
        client = scene.world.home_client(account, network=line)
        lifespan(scene, account)
        products = [Product(scene.bank, r) for _ in range(r.choice((1, 1, 2, 3)))]
        model = scene.model()
        habits = {"turns": 2 + 12 * r.random(), "think": math.exp(1.0 + 3 * r.random())}
        for session in scene.sessions(scene.heavy(22, 1.25, 2500), account.hours, **habits):
            product, key = r.choice(products), r.choice(account.keys)
            if r.random() < 0.25:
                talk(
                    scene,
                    account,
                    client,
                    session,
                    model=model,
                    sloppy=r.random(),
                    code=0.5,
                    key=key,
                    temperature=product.temperature,
                )
                continue
            fixed = product.request(scene.bank, r)
            for t in session:
                if r.random() < 0.75:
                    fixed = product.request(scene.bank, r)
                product_call(scene, account, client, t, product, model, key=key, fixed=fixed)


def agent_session(
    scene: Scene, account: Account, client: Client, session: Sequence[float], project: Project, *, system: str, tools: Sequence[str], model: str | None, steps: float,
    reasoning: bool | None = None, distilled: bool = False, first: Callable[[], str] | None = None, key: str | None = None, user: str | None = None, pause: float | None = None,
) -> None:  # fmt: skip
    """Work with a coding agent: each request is followed by a chain of tool results in a growing context.

    Args:
        steps: mean tool results after a request.
        first: the request that opens it; else a developer's.
        pause: seconds between steps; else as an agent takes.
    """
    r, bank, context, turn, t = scene.r, scene.bank, 0, 1, session[0]
    for i, at in enumerate(session):
        t = max(t + 5, at)
        fresh = i == 0 or r.random() < 0.3
        prompt = (first() if first else request(bank, project, r)) if fresh else nudge(bank, project, r)
        n_steps = 1 + int(r.expovariate(1 / steps))
        for j in range(n_steps):
            if j:
                prompt = tool_result(project, r)
                t += pause or 4 + r.expovariate(1 / 11.0)
            answer = bank.answer(r, "agent")
            used = model if distilled else model_at(scene, account, t, model)
            scene.world.send(
                account, client, t, prompt, answer, system=system, model=used, turns=turn, context=context, tools=tools, reasoning=reasoning,
                max_tokens=8192 if reasoning else None, key=key, user=user, distilled=distilled, stop="tool_use" if j < n_steps - 1 else "end_turn",
            )  # fmt: skip
            context = min(LONGEST_CONTEXT, context + len(prompt) + 4 * answer[1])
            turn += 2
        if r.random() < 0.05:
            context = 9000


def coders(
    scene: Scene, n: int, group: Group = ORDINARY, agent: Agent | None = None, median: float = 45
) -> None:
    """Users of coding agents: hours of work in one project."""
    r = scene.r
    for _ in range(n):
        account = group.open(scene, plan=r.choice(("pro", "pay_as_you_go", "team", "pro")))
        used = agent or r.choice(scene.agents)
        lifespan(scene, account)
        client = scene.world.home_client(account, "js_sdk", group.line(account))
        release = int(r.random() * len(used.releases))
        projects = [Project(r) for _ in range(r.choice((1, 1, 2, 3)))]
        model = scene.models[0] if r.random() < 0.75 else scene.models[1]
        steps, reasoning = 6 + 12 * r.random(), r.random() < 0.5
        weekend = r.choice((0.1, 0.3, 0.8))
        for session in scene.sessions(
            max(1, scene.heavy(median, 1.0, 1500) / steps),
            account.hours,
            turns=1 + 3 * r.random(),
            think=200,
            weekend=weekend,
        ):
            project = r.choice(projects)
            if r.random() < 0.04:
                release = min(release + 1, len(used.releases) - 1)
            program = Client(
                user_agent=used.releases[release].user_agent, tls=client.tls, network=client.network
            )
            system = used.system(release, project, day_of(session[0]))
            agent_session(
                scene,
                account,
                program,
                session,
                project,
                system=system,
                tools=used.releases[release].tools,
                model=model,
                steps=steps,
                reasoning=reasoning,
            )


def home_automations(scene: Scene, n: int, group: Group = ORDINARY) -> None:
    """Hobby automations: a short constant instruction with readings, on a timer at an arbitrary minute."""
    r, bank = scene.r, scene.bank
    for _ in range(n):
        account = group.open(scene)
        client = scene.world.home_client(account, r.choice(("workflow", "requests", "curl", "py_sdk")))
        lifespan(scene, account)
        chore, every = bank.fill(r.choice(CHORES), r), r.choice((HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY))
        most = r.choice((64, 64, 200))
        for t in timer(scene.g, every, r.random() * every, r.choice((1, 20, 120)), 0.05):
            prompt = chore + "\n" + "; ".join(f"{x}={r.random() * 60:.1f}" for x in r.sample(READINGS, 4))
            scene.world.send(
                account, client, t, prompt, bank.answer(r, "short"), model=scene.models[1], max_tokens=most
            )
