"""Honest groups that share what a campaign shares: an enterprise, a class, an agency."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from second_world.clock import DAY, HOUR, service
from second_world.honest.developers import coders, product_call, tinkerers
from second_world.honest.members import Group
from second_world.honest.people import chatters, talk
from second_world.networks import Fixed, Home, Mix, cloud, office
from second_world.programs import browser, library
from second_world.records import Account, Client
from second_world.scene import Scene
from second_world.text.products import Product
from second_world.text.questions import own_list

__all__ = ["agency_clients", "enterprise_nat", "university_class"]

STARTERS = (
    'You are a careful solver. Reason step by step and write all reasoning before the line "Answer:".\n\nProblem: ',
    "Exercise: let the model explain each step in full, then state the result.\n",
    "Lab {n}. Give a complete derivation and the final value.\nTask: ",
    "Show your thinking for the reader, then the result in the last line.\n\n",
)
ASSIGNMENT = "Assignment {n}: {t}. {sent} Write {w} words and give your reasoning."
STUDENTS_OF_LAB = 40
PROBLEMS_EACH = 6


def enterprise_nat(scene: Scene) -> None:
    """Employees with an account each: one card, two addresses, one sign-on domain, provisioned in batches; chat, code and scripts."""
    r, world = scene.r, scene.world
    organization, payment, email = (
        world.fresh("org_", 9),
        world.fresh("card_", 14),
        f"{scene.bank.company(r).lower()}-group.com",
    )
    country = r.choice(("US", "DE", "GB", "JP"))
    nat = office(country, r, 2)
    batches = [20 + 200 * r.random() for _ in range(5)] + [-3.0]

    def account() -> dict[str, Any]:
        age = r.choice(batches) - 0.02 * r.random()
        return {
            "country": country,
            "organization": organization,
            "payment": payment,
            "email": email,
            "pathway": "enterprise",
            "plan": "enterprise",
            "age_days": age,
        }

    group = Group(label="enterprise_nat", account=account, network=lambda _: Mix(nat, Home(country, r), 0.12))
    n = scene.count(80, 190)
    chatters(scene, round(n * 0.6), group)
    tinkerers(scene, round(n * 0.15), group)
    coders(scene, round(n * 0.25), group)
    for a in world.accounts:
        if a.label == "enterprise_nat":
            a.signup_ip = r.choice(nat.places)[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """One class.

    Attributes:
        day: when the accounts are created.
        starter: the text copied by everyone in the lab, or None without a lab.
        problems: the lab's list.
        split: whether each student gets a part of it, or all the same.
    """

    day: int
    country: str
    email: str
    organization: str | None
    campus: Fixed
    assignments: list[str]
    starter: str | None
    problems: list[str]
    split: bool


def university_class(scene: Scene) -> None:
    """Classes: created in one week, on campus and at home, the same assignments at the same time; the first has a lab with scripts."""
    r, bank = scene.r, scene.bank
    for k in range(scene.count(3, 5)):
        country = r.choice(("US", "GB", "DE", "IN", "KR", "CA", "BR"))
        lab = k == 0 or r.random() < 0.15
        course = Course(
            day=int(1 + 8 * r.random()), country=country, email=f"uni-{bank.company(r).lower()}.edu", campus=office(country, r, 4),
            organization=scene.world.fresh("org_", 9) if r.random() < 0.6 else None, assignments=[bank.fill(ASSIGNMENT, r) for _ in range(3)],
            starter=bank.fill(r.choice(STARTERS), r) if lab else None, problems=own_list(bank, r, STUDENTS_OF_LAB * PROBLEMS_EACH) if lab else [], split=r.random() < 0.5,
        )  # fmt: skip
        for i in range(scene.count(28, 90)):
            attend(scene, course, i)


def attend(scene: Scene, course: Course, i: int) -> None:
    """One student: the lab in a script, the assignments in a browser."""
    r, world = scene.r, scene.world
    age = 2 - course.day - 2 * r.random() if r.random() < 0.8 else None
    account = world.account(
        "university_class",
        country=course.country,
        age_days=age,
        email=course.email,
        pathway="education",
        plan="free",
        organization=course.organization,
    )
    if r.random() < 0.7:
        account.signup_ip = r.choice(course.campus.places)[0]
    agent, tls = browser(r, r.random() < 0.2)
    network = Mix(course.campus, Home(course.country, r), 0.45)
    if course.starter:
        do_lab(scene, course, account, network, i)
    for j, text in enumerate(course.assignments):
        due = (course.day + 4 + 5 * j) * DAY + (22 - account.hours) * HOUR
        for _ in range(int(1 + 3 * r.random())):
            start = due - r.expovariate(1 / (1.2 * DAY))
            session = sorted(
                start + 90 * m * r.lognormvariate(0, 0.6) for m in range(int(1 + r.expovariate(1 / 4)))
            )
            client = Client(user_agent=agent, tls=tls, network=network, web=True)
            talk(
                scene,
                account,
                client,
                session,
                model=scene.models[1],
                sloppy=r.random(),
                first=partial(about, scene, text),
            )


def about(scene: Scene, assignment: str) -> str:
    """What a student asks: the assignment with a few words, or something about it."""
    r = scene.r
    if r.random() < 0.7:
        return (
            assignment
            + "\n"
            + r.choice(("please help", "draft it", "where do I start?", "", scene.bank.prose.sentence(r)))
        )
    return scene.bank.fill("about {t}: {sent} can you check", r)


def do_lab(scene: Scene, course: Course, account: Account, network: Mix, i: int) -> None:
    """The student's problems, in the afternoon of the lab or later, once or twice."""
    r = scene.r
    agent, tls = library(r, "py_sdk")
    client = Client(user_agent=agent, tls=tls, network=network)
    t = (
        (course.day + 2) * DAY
        + (14 - account.hours) * HOUR
        + r.gauss(0, 5400)
        + r.choice((0, 0, 6 * HOUR, DAY))
    )
    first = i % STUDENTS_OF_LAB * PROBLEMS_EACH if course.split else 0
    for problem in course.problems[first : first + PROBLEMS_EACH] * r.choice((1, 1, 2)):
        answer, temperature = scene.bank.answer(r, "reason"), r.choice((0, 0.7, None))
        scene.world.send(
            account,
            client,
            t,
            f"{course.starter}{problem}",
            answer,
            model=scene.models[1],
            temperature=temperature,
        )
        t += 3 + r.expovariate(1 / 20)


def agency_clients(scene: Scene) -> None:
    """An agency opens an account for each client: one card, one office, one device; each client another product on a server of its own."""
    r, world = scene.r, scene.world
    for _ in range(scene.count(1, 3)):
        country = r.choice(("GB", "US", "NL", "AU", "IN"))
        payment, device, email = (
            world.fresh("card_", 14),
            world.fresh("dev_"),
            f"{scene.bank.company(r).lower()}.agency",
        )
        desk, (agent, tls) = office(country, r), library(r, r.choice(("js_sdk", "php", "workflow")))
        for _ in range(scene.count(18, 50)):
            account = world.account(
                "agency_clients", country=country, payment=payment, email=email, plan="pay_as_you_go"
            )
            account.device, account.signup_ip = device, desk.places[0][0]
            product = Product(scene.bank, r)
            client = Client(user_agent=agent, tls=tls, network=cloud(r, 1, r.choice(("droplet", "nimbus"))))
            for t in service(scene.g, scene.heavy(45, 1, 700)):
                product_call(scene, account, client, t, product, scene.models[1])
