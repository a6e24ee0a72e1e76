"""People on the chat page: at home, at night, students, writers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from second_world.honest.members import ORDINARY, Group, lifespan, model_at
from second_world.networks import Mix, office
from second_world.programs import browser
from second_world.records import Account, Client
from second_world.scene import Scene
from second_world.text.phrases import LANGUAGE_OF
from second_world.text.products import Product

__all__ = ["chatters", "night_owls", "students", "talk", "writers"]

COURSE = (
    "{t} homework {n}: {sent}", "{t} for my exam", "check: {sent}", "essay outline, {t}, {w} words", "what does my prof mean? \"{sent}\"", "{n}x + {m} = {w}",
    "{t} against {t2}, exam style", "more academic: {win}", "{n} practice questions, {t}", "why {n} and not {m}? {sent}", "{win}\n\nquestions on this text",
)  # fmt: skip


def talk(
    scene: Scene, account: Account, client: Client, session: Sequence[float], *, system: str | None = None, model: str | None = None, language: str = "en",
    sloppy: float = 0.5, code: float = 0.1, key: str | None = None, reasoning: bool | None = None, temperature: float | None = None,
    first: Callable[[], str] | None = None, user: str | None = None, end_stop: str | None = None,
) -> None:  # fmt: skip
    """One conversation: a first message and what follows, in a growing context."""
    r, bank, context = scene.r, scene.bank, 0

    def opening() -> str:
        return first() if first else bank.chat(r, language, code, sloppy)

    for i, t in enumerate(session):
        again = i == 0 or r.random() < 0.12 or (first is not None and r.random() < 0.3)
        prompt = opening() if again else bank.follow_up(r)
        refused = r.random() < 0.006
        answer = bank.answer(r, "refuse" if refused else "code" if "```" in prompt else "chat", prompt)
        scene.world.send(
            account, client, t, prompt, answer, system=system, model=model_at(scene, account, t, model), turns=1 + 2 * i, context=context, reasoning=reasoning,
            temperature=temperature, key=key, user=user, stop="refusal" if refused else end_stop,
        )  # fmt: skip
        context += len(prompt) + answer[1] * 4


def chatters(scene: Scene, n: int, group: Group = ORDINARY) -> None:
    """People on a browser or phone, mostly in their own language."""
    r = scene.r
    for _ in range(n):
        account = group.open(scene)
        account.keys = []
        client = scene.world.browser_client(account, group.line(account))
        agent, tls = browser(r, phone=True)
        second = (
            Client(user_agent=agent, tls=tls, network=client.network, web=True)
            if r.random() < 0.35
            else client
        )
        lifespan(scene, account)
        language = LANGUAGE_OF.get(account.country, "en") if r.random() < 0.7 else "en"
        system = r.choice(scene.bank.assistants) if r.random() < 0.06 else None
        model, sloppy, code, reasoning = (
            scene.model((30, 50, 15, 5)),
            r.random(),
            r.choice((0, 0, 0.05, 0.15, 0.6)),
            r.random() < 0.12 or None,
        )
        for session in scene.sessions(scene.heavy(15, 1.1, 600), account.hours):
            used = client if r.random() < 0.7 else second
            talk(
                scene,
                account,
                used,
                session,
                system=system,
                model=model,
                language=language,
                sloppy=sloppy,
                code=code,
                reasoning=reasoning,
            )


def students(scene: Scene, n: int, group: Group = ORDINARY) -> None:
    """Course questions and essays in the evening and before deadlines, at home and on campus."""
    r, bank = scene.r, scene.bank
    for _ in range(n):
        pathway = r.choice(("self_serve", "self_serve", "education"))
        account = group.open(scene, plan=r.choice(("free", "free", "free", "pro")), pathway=pathway)
        if r.random() < 0.4:
            account.email = r.choice(("uni-{}.edu", "student.{}.ac.uk", "stud.{}.de", "{}.edu")).format(
                bank.company(r).lower()
            )
        account.keys = []
        client = scene.world.browser_client(account, group.line(account))
        if r.random() < 0.5:
            client.network = Mix(client.network, office(account.country, r, 3), 0.4)
        lifespan(scene, account)
        mine, sloppy = r.sample(COURSE, 5), r.random()
        language = LANGUAGE_OF.get(account.country, "en")

        def first(mine: list[str] = mine, language: str = language) -> str:
            return bank.fill(r.choice(mine), r) if r.random() < 0.6 else bank.chat(r, language)

        peaks = r.choice(((20, 23), (16, 22), (14, 19, 24)))
        model = scene.models[1] if account.plan == "free" else scene.models[0]
        for session in scene.sessions(scene.heavy(18, 1.0, 400), account.hours, peaks=peaks):
            talk(scene, account, client, session, model=model, sloppy=sloppy, first=first)


def night_owls(scene: Scene, n: int, group: Group = ORDINARY) -> None:
    """Long sessions between ten in the evening and five in the morning, all week."""
    r = scene.r
    for _ in range(n):
        account = group.open(scene)
        client = (
            scene.world.browser_client(account) if r.random() < 0.67 else scene.world.home_client(account)
        )
        lifespan(scene, account)
        model, language, sloppy = scene.model(), LANGUAGE_OF.get(account.country, "en"), r.random()
        sessions = scene.sessions(
            scene.heavy(40, 1.0, 1200),
            account.hours,
            active=0.4 + 0.55 * r.random(),
            peaks=(23, 26, 28),
            weekend=1.0,
            turns=9,
            think=60 + 120 * r.random(),
        )
        for session in sessions:
            talk(scene, account, client, session, model=model, language=language, sloppy=sloppy, code=0.25)


def writers(scene: Scene, n: int, group: Group = ORDINARY) -> None:
    """Story writers and role players: one persona for long, long conversations."""
    r, bank = scene.r, scene.bank
    for _ in range(n):
        account = group.open(scene)
        client = scene.world.browser_client(account) if r.random() < 0.5 else scene.world.home_client(account)
        lifespan(scene, account)
        product = Product(bank, r, "companion")
        own = r.random() < 0.6
        system = product.instruction if own else r.choice(bank.assistants)
        model, language, temperature = (
            scene.model((50, 30, 15, 5)),
            LANGUAGE_OF.get(account.country, "en"),
            r.choice((None, 1.0, 0.9)),
        )

        def first(product: Product = product, own: bool = own, language: str = language) -> str:
            return product.request(bank, r)[1] if own else bank.chat(r, language)

        for session in scene.sessions(
            scene.heavy(50, 1.2, 2500), account.hours, turns=10, think=50 + 100 * r.random(), weekend=1.2
        ):
            talk(
                scene,
                account,
                client,
                session,
                system=system,
                model=model,
                temperature=temperature,
                first=first,
            )
