"""Services of companies that run unlike a person does: bots, routers, gateways, audits, timers, shared keys."""

from __future__ import annotations

from second_world.clock import END, HOUR, dispatcher, diurnal, timer
from second_world.honest.developers import product_call
from second_world.honest.members import open_company
from second_world.honest.people import talk
from second_world.networks import Home, Mix, cloud, office
from second_world.programs import library
from second_world.records import Client
from second_world.scene import Scene
from second_world.text.agents import Project, request
from second_world.text.products import Product
from second_world.text.snippets import snippet

__all__ = [
    "ci_review_agent",
    "cron_hourly",
    "failover_router",
    "internal_gateway",
    "reasoning_audit",
    "shared_team_key",
    "support_bot",
]

AUDITS = (
    "Decide on the {x} claim. Write your complete reasoning inside <rationale></rationale> for the audit file, then the decision in <decision></decision>.",
    "For every {x} request give the step by step justification (kept {n} years for the regulator) and a verdict: accept, refer, decline.",
    "Explain in numbered steps how you reach the conclusion on {x}; it is stored with the case. Then one line: OUTCOME.",
    "Full written deliberation on the {x}, for the supervisor, then APPROVE or REFUSE.",
)
CASE = "Case {id1}{w}: amount {money}, {x}={n}, {y}={m}, history: {sent} {sent}"
REVIEW = "You review pull requests of {co}. Report only defects that matter: {x}, {y}, security. Cite path:line. At most {n} findings, with the reasoning behind each."


def program(
    scene: Scene, name: str, n: int, provider: str | None = None, platform: str = "first_party"
) -> Client:
    """A program on a cloud egress of n addresses."""
    agent, tls = library(scene.r, name)
    return Client(user_agent=agent, tls=tls, network=cloud(scene.r, n, provider), platform=platform)


def ci_review_agent(scene: Scene) -> None:
    """A review bot on pull requests in office hours: diff in, comments out."""
    r, bank = scene.r, scene.bank
    for _ in range(scene.count(4, 9)):
        account, client = open_company(scene, "ci_review_agent"), program(scene, "js_sdk", 12, "stratus")
        system = bank.fill(REVIEW.replace("{co}", bank.company(r)), r)
        projects = [Project(r) for _ in range(4)]
        for t in diurnal(scene.g, scene.volume(150, 1100), account.hours, 1.0, 14, 0.1):
            project = r.choice(projects)
            prompt = f"PR #{r.randrange(100, 9000)}: {request(bank, project, r)}\n"
            for _ in range(1 + int(r.expovariate(1 / 2))):
                lines = snippet(r, project.language).split("\n")
                prompt += (
                    f"diff --git a/{project.file(r)}\n"
                    + "\n".join(r.choice("+- ") + line for line in lines)
                    + "\n"
                )
            scene.world.send(
                account,
                client,
                t,
                prompt,
                bank.answer(r, "chat"),
                system=system,
                tools=("post_comment", "read_file"),
                temperature=0,
            )


def failover_router(scene: Scene) -> None:
    """Traffic only while another provider is down: silence, then blocks, on several accounts used in turn after 429 and 529."""
    r, world = scene.r, scene.world
    for _ in range(scene.count(3, 6)):
        organization, payment = world.fresh("org_", 9), world.fresh("card_", 14)
        accounts = [
            open_company(scene, "failover_router", organization=organization, payment=payment)
            for _ in range(r.choice((2, 3, 4)))
        ]
        client, products = program(scene, "router", 3), [Product(scene.bank, r) for _ in range(4)]
        for _ in range(r.choice((4, 6, 9))):
            start, now = r.random() * END, 0
            for t in dispatcher(
                scene.g, scene.volume(60, 360), 0, "always", start, start + (1 + 5 * r.random()) * HOUR, 0
            ):
                product = r.choice(products)
                fixed = product.request(scene.bank, r)
                status = product_call(scene, accounts[now], client, t, product, scene.models[0], fixed=fixed)
                if status in (429, 529):
                    now = (now + 1) % len(accounts)
                    product_call(scene, accounts[now], client, t + 0.8, product, scene.models[0], fixed=fixed)


def shared_team_key(scene: Scene) -> None:
    """One key of some twenty colleagues, at the office and at home: many addresses, libraries and tasks on one account."""
    r, world = scene.r, scene.world
    for _ in range(scene.count(4, 8)):
        account = open_company(scene, "shared_team_key")
        desk = office(account.country, r, 2)
        for _ in range(int(6 + 20 * r.random())):
            client = world.server_client(network=Mix(desk, Home(account.country, r), r.random()))
            product = Product(scene.bank, r)
            for session in scene.sessions(scene.heavy(25, 0.9, 300), account.hours):
                if r.random() < 0.5:
                    talk(scene, account, client, session, model=scene.model(), sloppy=r.random(), code=0.5)
                    continue
                for t in session:
                    product_call(scene, account, client, t, product, scene.models[1])


def internal_gateway(scene: Scene) -> None:
    """A company's gateway before hundreds of employees and tools: some accounts in turn, end users named."""
    r, bank, world = scene.r, scene.bank, scene.world
    for _ in range(scene.count(2, 5)):
        organization, payment = world.fresh("org_", 9), world.fresh("inv_")
        accounts = [
            open_company(
                scene,
                "internal_gateway",
                2,
                organization=organization,
                payment=payment,
                plan="enterprise",
                pathway="enterprise",
            )
            for _ in range(r.choice((2, 3, 5)))
        ]
        client = program(scene, "router", 3, platform="gateway")
        users = [world.fresh("u", 7) for _ in range(int(80 + 250 * r.random()))]
        products = [Product(bank, r) for _ in range(9)]
        system = f"You are the assistant of {bank.company(r)} employees. Follow the data policy."
        for i, t in enumerate(diurnal(scene.g, scene.volume(2000, 6000), accounts[0].hours, 1, 13, 0.12)):
            account, user = accounts[i % len(accounts)], r.choice(users)
            if r.random() < 0.45:
                product_call(
                    scene,
                    account,
                    client,
                    t,
                    r.choice(products),
                    scene.model(),
                    user=user,
                    key=r.choice(account.keys),
                )
                continue
            prompt, turns = bank.chat(r, "en", 0.3), 1 + 2 * int(r.expovariate(0.6))
            answer = bank.answer(r, "chat")
            world.send(
                account,
                client,
                t,
                prompt,
                answer,
                system=system,
                model=scene.model(),
                turns=turns,
                context=(turns - 1) * 500,
                user=user,
                key=r.choice(account.keys),
            )


def reasoning_audit(scene: Scene) -> None:
    """A lender, an insurer, a hospital: decisions with the reasoning written down for auditors."""
    r, bank = scene.r, scene.bank
    for _ in range(scene.count(2, 5)):
        account, client = (
            open_company(scene, "reasoning_audit", pathway="enterprise", plan="enterprise"),
            scene.world.server_client(2),
        )
        system = bank.fill(r.choice(AUDITS), r)
        for t in diurnal(scene.g, scene.volume(400, 1500), account.hours, 0.95, 13, 0.2):
            text, n_out = bank.answer(r, "tags")
            answer = (f"<rationale>{text}</rationale>", n_out)
            model = scene.models[r.choice((0, 3))]
            scene.world.send(
                account,
                client,
                t,
                bank.fill(CASE, r),
                answer,
                system=system,
                model=model,
                temperature=0,
                max_tokens=2000,
                reasoning=True,
            )


def support_bot(scene: Scene) -> None:
    """A busy support assistant with function calls and end users."""
    r, bank = scene.r, scene.bank
    for _ in range(scene.count(4, 10)):
        account, client, product = (
            open_company(scene, "support_bot"),
            scene.world.server_client(3),
            Product(bank, r, "support"),
        )
        for t in diurnal(scene.g, scene.volume(150, 900), account.hours, 0.8, 15, 0.8):
            user, context, at = scene.world.fresh("u", 7), 0, t
            for i in range(1 + int(r.expovariate(1 / 2.0))):
                prompt, answer = product.request(bank, r)[1], bank.answer(r, "short")
                scene.world.send(
                    account, client, at, prompt, answer, system=product.instruction, model=scene.models[1], turns=1 + 2 * i, context=context,
                    tools=("lookup", "book", "handover"), temperature=product.temperature, max_tokens=product.max_tokens, user=user,
                )  # fmt: skip
                context += len(prompt) + answer[1] * 4
                at += 20 + 40 * r.random()


def cron_hourly(scene: Scene) -> None:
    """Jobs of unrelated customers at the full or half hour, to the second."""
    r = scene.r
    for _ in range(scene.count(8, 18)):
        account, client = open_company(scene, "cron_hourly"), scene.world.server_client()
        product, n = (
            Product(scene.bank, r, r.choice(("summary", "reviews", "triage", "extract", "meeting"))),
            r.choice((1, 1, 2, 5)),
        )
        for t in timer(
            scene.g, r.choice((1, 1, 2, 0.5)) * HOUR, r.choice((0, 0, 0, 1800)), r.choice((0.5, 2)), 0.01
        ):
            for j in range(n):
                product_call(scene, account, client, t + j * (0.4 + r.random()), product, scene.models[1])
