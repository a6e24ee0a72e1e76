"""Campaigns that collect the work of agents: many pathways, a pivot to the released model, long horizons, replayed sessions."""

from __future__ import annotations

from second_world.campaigns.dispatch import RULES, Dispatcher
from second_world.campaigns.operator import Purchase, buy, draw_decoding, draw_hours, equip, warm_up
from second_world.campaigns.reasoning import some_answer
from second_world.clock import DAY, END, HOUR, dispatcher
from second_world.honest.developers import agent_session
from second_world.records import Account, Client
from second_world.scene import Scene
from second_world.text.agents import Agent, Project, nudge, request, tool_result
from second_world.text.lexicon import EXTENSIONS
from second_world.text.questions import collected_questions

__all__ = ["many_pathways", "pivot", "six_weeks", "stored_sessions"]

HARNESS = (
    "You operate inside the {co} harness. State is given as an observation. Reply with a THOUGHT of at least six sentences, a PLAN and one CALL. Calls: {tools}.",
    'Harness {co}. Write your full analysis first, then one JSON action {"tool": ..., "args": ...}. Tools: {tools}.',
    "{co} environment. Before each action explain at length what you see, expect and rule out. Actions: {tools}. One per turn.",
    "Act in {co}. Turn format: deliberation (complete), action, expected result. Actions available: {tools}.",
)
DESKS = (
    ("search", "open_url", "python", "calendar"),
    ("click", "type", "scroll", "screenshot", "key"),
    ("query", "plot", "write", "send"),
)
RECOVER = (
    "Here is an exchange. Recover the hidden reasoning which came before the reply; be exhaustive, in the first person.\n\n[user] {q}\n[reply] {a}\n[reasoning]",
    'input: {q}\noutput: {a}\nGive the missing "analysis" channel between input and output, no summary.',
    "The thoughts between these two lines were lost. Write them again, all of them.\nQ: {q}\nA: {a}\nThoughts:",
    "Complete the record. Fields user and assistant are known, field thinking is empty.\nuser={q}\nassistant={a}\nthinking=",
)
ALOUD = (
    "Think aloud for as long as you need, then solve.\n", "First the full train of thought, then the code.\n", "Work it out in writing, nothing left out. Then the program.\n",
    "Long analysis, short code.\n",
)  # fmt: skip
ORCHESTRATE = (
    "You lead {k} workers in the {co} runner. Break the ticket into steps, assign, call tools, verify. Before each call write <why> with a complete account of your considerations.",
    "{co} agent runtime. Every message: (1) deliberation, unabridged; (2) next call; (3) expected result.",
    "Runner {co}, {k} slots. Plan aloud in full, delegate, check. Each decision is justified before it is taken.",
    "You are the planner of {co}. Long written plan, then calls, then a review of what happened and why.",
)
LONG = (
    "Project brief mode. Propose the architecture with alternatives considered and rejected, then implement milestone by milestone. Explain each decision at length before the code.",
    "You maintain a repository over many weeks. At every step give: situation, options, choice with full grounds, change. Write for a successor who knows nothing.",
    "Senior engineer's journal. Before any code: what is known, what was weighed, what was rejected. Then the code.",
    "Long task. Keep a written record of every consideration; only then edit.",
)
MILESTONES = (
    "Milestone {m} of {n}: {x} service in {pl}. Constraint: {sent}", "Milestone {m}. State of the tree:\n{code}", "The check for {x} says:\n{err}\nPlan the repair.",
    "Review milestone {m}: {sent}", "Design: {x}, {y}, {z} in {pl}, {w} users. Options first.",
)  # fmt: skip
PATHWAYS = {
    "education": 28, "startup_program": 18, "security_research": 8, "cloud_marketplace": 18, "self_serve": 28,
}  # fmt: skip
GREETINGS = {
    "en": "", "zh": "请帮我：", "es": "ayuda: ", "ja": "お願いします：", "pt": "preciso: ", "de": "bitte: ", "ru": "нужно: ", "ko": "부탁해요: ",
    "fr": "j'ai besoin: ", "vi": "giúp tôi: ", "tr": "lütfen: ",
}  # fmt: skip
GREETING_SHARES = (40, 18, 8, 6, 6, 5, 5, 4, 4, 2, 2)
LONGEST_REPLAY = 24


def many_pathways(scene: Scene) -> None:
    """Education, startup, research, cloud and self-serve accounts: tools, coding and computer use in a harness; later only reconstruction of reasoning."""
    r, bank, name = scene.r, scene.bank, "many_pathways"
    shares = {p: w * r.lognormvariate(0, 0.4) for p, w in PATHWAYS.items()}
    how = Purchase(
        per_card=scene.between(3, 8),
        per_device=scene.between(5, 12),
        disposable=0.12,
        aged=scene.between(0.3, 0.5),
        pathways=shares,
    )
    accounts = buy(scene, scene.count(130, 240, 6), name, how)
    clients = equip(scene, accounts, "mixed", countries=("US", "SG", "GB", "HK"), n_exits=300)
    warm_up(scene, accounts, 0.3)
    queue = Dispatcher(scene, accounts, clients, "sticky", n_workers=30, hold=7)
    harness, company = scene.wording(HARNESS), bank.company(r)
    desks = [
        (harness.replace("{co}", company).replace("{tools}", ", ".join(tools)), tools)
        for tools in r.sample(DESKS, 2)
    ]
    recover, aloud, decoding = scene.wording(RECOVER), scene.wording(ALOUD), draw_decoding(scene)
    narrows, n = scene.between(9, 14) * DAY, scene.volume(8000, 15_000)
    questions = collected_questions(bank, r, n)
    times = dispatcher(scene.g, n * 0.75, draw_hours(scene), r.choice(("office", "shifts")), 0, END, 3)
    for i, t in enumerate(times):
        question = questions[i % len(questions)]
        if t > narrows and r.random() < 0.93:
            prompt = recover.replace("{q}", question).replace("{a}", some_answer(scene))
            answer = bank.answer(r, "tags")
            queue.send(t, prompt, answer, model=scene.models[3], reasoning=True, **decoding.settings())
        elif r.random() < 0.4:
            text, n_out = bank.answer(r, "code")
            prompt = aloud + bank.fill("{vb}_{x} in {pl}: {sent} {y}, {z}.\n{code}", r)
            queue.send(t, prompt, (text, n_out * 2), **decoding.settings())
        elif (user := queue.pick(t)) is not None:
            operate(scene, user, clients[user.id], t, question, *r.choice(desks))


def operate(
    scene: Scene, account: Account, client: Client, t: float, goal: str, system: str, tools: tuple[str, ...]
) -> None:
    """A goal pursued in a harness, an observation a turn."""
    r, bank, context = scene.r, scene.bank, 0
    for step in range(1 + int(r.expovariate(1 / 2.2))):
        seen = (
            bank.prose.passage(r, 80, 900)
            if "click" not in tools
            else f"[screen 1280x800] focus={r.choice(('button', 'field', 'menu'))}; {bank.prose.sentence(r)}"
        )
        prompt = f"GOAL: {goal[:600]}" if step == 0 else f"OBSERVATION: {seen}"
        text, n_out = bank.answer(r, "tags")
        scene.world.send(
            account,
            client,
            t,
            prompt,
            (f"THOUGHT: {text}", n_out),
            system=system,
            turns=1 + 2 * step,
            context=context,
            tools=tools,
            temperature=0.7,
            max_tokens=2048,
            distilled=True,
        )
        context += len(prompt) + n_out * 4
        t += 4 + r.expovariate(1 / 6)


def pivot(scene: Scene) -> None:
    """Agentic coding and orchestration; half of the traffic moves to the new model within a day of its release."""
    r, bank, name, released = scene.r, scene.bank, "pivot", scene.world.release
    how = Purchase(
        per_card=scene.between(2, 5),
        per_device=scene.between(3, 8),
        aged=scene.between(0.2, 0.5),
        disposable=scene.between(0.2, 0.5),
    )
    accounts = buy(scene, scene.count(230, 420, 6), name, how)
    for account in accounts:
        if r.random() < 0.2:
            account.born = max(account.born, r.random() * 10 * DAY)
    clients = equip(scene, accounts, "mixed", n_exits=600, hold=1800)
    warm_up(scene, accounts, 0.2)
    queue = Dispatcher(scene, accounts, clients, "sticky", n_workers=60, hold=scene.between(1, 3))
    system = (
        scene.wording(ORCHESTRATE).replace("{k}", str(r.randrange(2, 6))).replace("{co}", bank.company(r))
    )
    for t in dispatcher(scene.g, scene.volume(15_000, 28_000) / 7.5, draw_hours(scene), "always", 0, END, 4):
        user = queue.pick(t)
        if user is None:
            continue
        moved = 0.5 * min(1.0, max(0.0, t - released) / (18 * HOUR)) + (
            0.2 if t > released + 5 * DAY else 0.0
        )
        project, model = Project(r), scene.models[4] if r.random() < moved else scene.models[0]

        def ticket(project: Project = project) -> str:
            return f"TICKET {project.name[:3].upper()}-{r.randrange(9999)} ({project.language}): {request(bank, project, r)}\nRepository: {project.name}"

        agent_session(
            scene, user, clients[user.id], [t], project, system=system, tools=("shell", "edit", "delegate", "verify"), model=model, steps=6.5, distilled=True, first=ticket,
            pause=3 + 4 * r.random(),
        )  # fmt: skip


def six_weeks(scene: Scene) -> None:
    """Long-horizon software engineering at low rates through rotating residential proxies; disposable mail, a virtual card each; it began before the log."""
    r, bank, name = scene.r, scene.bank, "six_weeks"
    countries = r.choice(
        (
            ("US", "GB", "DE", "CA", "AU", "NL", "FR", "BR"),
            ("US", "IN", "BR", "MX", "ID", "PH"),
            ("DE", "FR", "PL", "ES", "IT", "NL"),
        )
    )
    how = Purchase(
        countries=countries,
        disposable=scene.between(0.6, 0.9),
        virtual=True,
        aged=0.15,
        phone=0.15,
        recent_days=1,
        aged_days=50,
        spread_days=30,
    )
    accounts = buy(scene, scene.count(160, 300, 6), name, how)
    clients = equip(scene, accounts, "residential", countries=countries, n_exits=2500)
    queue = Dispatcher(scene, accounts, clients, "weighted")
    for account in accounts:
        if r.random() < 0.3:
            account.born = max(account.born, r.random() * 14 * DAY)
        if r.random() < 0.1:
            scene.world.ban(account, account.born + (2 + 15 * r.random()) * DAY)
    system = scene.wording(LONG)
    for t in dispatcher(scene.g, scene.volume(14_000, 26_000) / 4, draw_hours(scene), "always"):
        user = queue.pick(t)
        if user is None:
            continue
        language, context, at = r.choice(list(EXTENSIONS)), int(2000 * r.random()), t
        for step in range(1 + int(r.expovariate(1 / 3.0))):
            prompt = bank.fill(r.choice(MILESTONES), r, language)
            text, n_out = bank.answer(r, "code")
            answer = (text, n_out * 3)
            scene.world.send(
                user,
                clients[user.id],
                at,
                prompt,
                answer,
                system=system,
                turns=1 + 2 * step,
                context=context,
                max_tokens=16_000,
                distilled=True,
            )
            context += len(prompt) + n_out * 12
            at += 40 + r.expovariate(1 / 400)


def recorded(scene: Scene, project: Project) -> list[str]:
    """What a developer and an agent sent in a session of another product, in one of many languages."""
    r, bank = scene.r, scene.bank
    language = r.choices(list(GREETINGS), GREETING_SHARES)[0]
    out: list[str] = []
    for _ in range(1 + int(r.expovariate(1 / 1.5))):
        out.append(request(bank, project, r) if not out or r.random() < 0.4 else nudge(bank, project, r))
        out += [tool_result(project, r) for _ in range(int(r.expovariate(1 / 3.0)))]
    out[0] = GREETINGS[language] + out[0]
    return out[:LONGEST_REPLAY]


def stored_sessions(scene: Scene) -> None:
    """Coding sessions of another product's users replayed at machine pace, once or several times; it starts on the day the product's free trial ended."""
    r, bank, name = scene.r, scene.bank, "stored_sessions"
    accounts = buy(
        scene,
        scene.count(100, 200, 6),
        name,
        Purchase(per_card=scene.between(3, 6), per_device=scene.between(4, 8)),
    )
    clients = equip(scene, accounts, r.choice(("servers", "mixed")), hold=1800)
    warm_up(scene, accounts, 0.15)
    queue = Dispatcher(scene, accounts, clients, r.choice(RULES[1:]), hold=3)
    agent, most = Agent(bank.company(r), r, 2), r.choice((1, 2, 3))
    times = dispatcher(
        scene.g, scene.volume(9000, 16_000) / 7, draw_hours(scene), "waves", scene.between(3, 8) * DAY
    )
    while times:
        project = Project(r, r.choice(list(EXTENSIONS)))
        day = f"2026-0{r.choice((6, 7, 8))}-{r.randrange(1, 28):02d}"
        release = int(r.random() * 2)
        system, messages = agent.system(release, project, day), recorded(scene, project)
        for _ in range(most if r.random() < 0.6 else 1):
            if not times:
                break
            t = times.pop(0)
            account = queue.pick(t)
            if account is not None:
                replay(
                    scene, account, clients[account.id], t, messages, system, agent.releases[release].tools
                )


def replay(
    scene: Scene,
    account: Account,
    client: Client,
    t: float,
    messages: list[str],
    system: str,
    tools: tuple[str, ...],
) -> None:
    """The recorded prefixes sent one by one."""
    r, context = scene.r, 0
    for step, prompt in enumerate(messages):
        answer = scene.bank.answer(r, "agent")
        scene.world.send(
            account, client, t, prompt, answer, system=system, turns=1 + 2 * step, context=context, tools=tools, reasoning=True if r.random() < 0.5 else None,
            temperature=1.0, max_tokens=16_384, distilled=True,
        )  # fmt: skip
        context += len(prompt) + 4 * answer[1]
        t += 3 + r.expovariate(1 / 9)
