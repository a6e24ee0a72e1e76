"""Customers who test models: nightly lists, public benchmarks, drift monitors, judges."""

from __future__ import annotations

from second_world.clock import DAY, DAYS, END, HOUR, run, timer
from second_world.honest.members import open_company
from second_world.scene import Scene
from second_world.text.agents import Project, request, tool_result
from second_world.text.questions import benchmark_lists, own_list
from second_world.text.snippets import failure

__all__ = ["agent_benchmark", "benchmark_run", "drift_monitor", "llm_judge", "nightly_evaluation"]

PREAMBLES = (
    "",
    "Answer with the final answer only.\n",
    'Think it through and finish with "Final:".\n',
    "Show your reasoning, then the answer.\n",
)
HARNESSES = (
    "{q}", "{q}\nAnswer:", "Please answer the following. Put your final answer in \\boxed{}.\n\n{q}", 'Solve step by step. End with "#### answer".\n\n{q}',
    "{q}\n\nReason carefully before you answer.",
)  # fmt: skip
GRADERS = (
    "### Rubric\n5: complete and correct. 3: partly. 1: wrong.\n### Task\n{q}\n### Response\n{a}\nGive feedback and a score.",
    "You are an impartial judge. Rate the answer from 1 to 10 for {x} and {y}. Think step by step, then output a rating.\n\n[Question]\n{q}\n\n[Answer]\n{a}",
    "Compare answer A with answer B on {x}, {y}, {z}. Explain, then give A, B or tie.\n\nQ: {q}\n\nA: {a}\n\nB: {b}",
    "As a strict examiner of {t}, mark out of {w}. Justify every deduction.\nTask: {q}\nSubmission: {a}",
)
AGENT_SYSTEM = "You are an autonomous software engineer. Solve the issue in the repository at /testbed. One bash command in every reply. Submit with `echo FINISHED`."


def nightly_evaluation(scene: Scene) -> None:
    """A list of its own sent every night by CI, in one order, at temperature 0, to one or two models and to a new one after its release."""
    r, bank = scene.r, scene.bank
    for _ in range(scene.count(5, 12)):
        account, client = open_company(scene, "nightly_evaluation"), scene.world.server_client(2)
        questions, preamble, hour = (
            own_list(bank, r, scene.volume(30, 220)),
            r.choice(PREAMBLES),
            r.random() * 24,
        )
        kind = "reason" if "eason" in preamble or "hink" in preamble else "short"
        second = [scene.models[1]] if r.random() < 0.4 else []
        for day in range(DAYS):
            if r.random() < 0.07:
                continue
            released = [scene.models[4]] if day * DAY > scene.world.release else []
            for model in [scene.models[0], *second, *released]:
                t = day * DAY + hour * HOUR + r.random() * 90
                for question in questions:
                    t += r.expovariate(1 / 1.5)
                    answer = bank.answer(r, kind)
                    scene.world.send(
                        account,
                        client,
                        t,
                        preamble + question,
                        answer,
                        model=model,
                        temperature=0.0,
                        max_tokens=1024,
                    )


def benchmark_run(scene: Scene) -> None:
    """Unrelated teams run the same public lists with public harnesses: one pass or more, samples of an item, half of them after the release."""
    r, bank, world = scene.r, scene.bank, scene.world
    lists = benchmark_lists(bank, scene.side)
    for _ in range(scene.count(6, 14)):
        organization, n = world.fresh("org_", 9), r.choice((1, 1, 1, 2, 3))
        pathway = r.choice(("self_serve", "education", "enterprise"))
        accounts = [
            open_company(scene, "benchmark_run", organization=organization, pathway=pathway) for _ in range(n)
        ]
        clients = [
            world.server_client(1, r.choice(("py_sdk", "httpx", "aiohttp", "router"))) for _ in range(n)
        ]
        questions, harness = r.choice(lists), r.choice(HARNESSES)
        for k in range(r.choice((1, 1, 2, 3))):
            late = world.release < END and k == 0 and r.random() < 0.6
            start = world.release + HOUR * (1 + 30 * r.random()) if late else r.random() * (END - DAY)
            model = scene.models[4] if start > world.release else scene.models[0]
            samples = r.choice((1, 1, 1, 4, 8)) if len(questions) < 400 and scene.setting.scale > 0.5 else 1
            items = [q for q in questions for _ in range(samples)]
            for j, (question, t) in enumerate(
                zip(items, run(scene.g, len(items), start, 0.4 + 2 * r.random()), strict=True)
            ):
                i = j * n // len(items) if r.random() < 0.97 else int(r.random() * n)
                answer = bank.answer(r, "reason")
                temperature, top_p = (0.0, None) if samples == 1 else (0.8, 0.95)
                prompt = harness.replace("{q}", question)
                world.send(
                    accounts[i],
                    clients[i],
                    t,
                    prompt,
                    answer,
                    model=model,
                    temperature=temperature,
                    top_p=top_p,
                    max_tokens=2048,
                )


def agent_benchmark(scene: Scene) -> None:
    """Two teams run a benchmark of software tasks in the hours after the release, a growing context each; label `benchmark_run`."""
    r, bank, world = scene.r, scene.bank, scene.world
    for _ in range(2):
        account, client = open_company(scene, "benchmark_run"), world.server_client(1, "py_sdk")
        start = (world.release if world.release < END else r.random() * 18 * DAY) + (
            3 + 12 * r.random()
        ) * HOUR
        for task in range(scene.count(60, 160)):
            project, t = Project(r, "python"), start + task * 70 + r.random() * 60
            prompt, context = f"ISSUE:\n{request(bank, project, r)}\n{failure(r)}", 0
            for step in range(8 + int(r.expovariate(1 / 9))):
                answer = bank.answer(r, "agent")
                world.send(
                    account,
                    client,
                    t,
                    prompt,
                    answer,
                    system=AGENT_SYSTEM,
                    model=scene.models[4],
                    turns=1 + 2 * step,
                    context=context,
                    temperature=0.0,
                )
                context += len(prompt) + 4 * answer[1]
                prompt = f"OBSERVATION:\n{tool_result(project, r)}"
                t += 6 + r.expovariate(1 / 8)


def drift_monitor(scene: Scene) -> None:
    """The same few questions every few hours to one or two models, for ever."""
    r, bank = scene.r, scene.bank
    for _ in range(scene.count(3, 8)):
        account, client = open_company(scene, "drift_monitor"), scene.world.server_client()
        questions, models = own_list(bank, r, r.choice((8, 12, 20))), scene.models[: r.choice((1, 2))]
        for t in timer(scene.g, r.choice((2, 4, 6, 8)) * HOUR, r.random() * HOUR, 4):
            for model in models:
                for i, question in enumerate(questions):
                    answer = bank.answer(r, "short")
                    scene.world.send(
                        account,
                        client,
                        t + 2.1 * i,
                        question,
                        answer,
                        model=model,
                        temperature=0,
                        max_tokens=200,
                    )


def llm_judge(scene: Scene) -> None:
    """Outputs of the customer's own product graded with a rubric whenever a build is ready; some use one public wording."""
    r, bank = scene.r, scene.bank
    for i in range(scene.count(3, 8)):
        account, client = open_company(scene, "llm_judge"), scene.world.server_client(2, "py_sdk")
        rubric = bank.fill(GRADERS[0] if i < 2 else r.choice(GRADERS), r)
        for _ in range(int(2 + 6 * r.random())):
            questions, start = own_list(bank, r, scene.volume(80, 330)), r.random() * END
            for question, t in zip(
                questions, run(scene.g, len(questions), start, 0.3 + r.random()), strict=True
            ):
                prompt = rubric.replace("{q}", question)
                for slot in ("{a}", "{b}"):
                    prompt = prompt.replace(slot, bank.prose.passage(r, 100, 800))
                scene.world.send(
                    account, client, t, prompt, bank.answer(r, "grade"), temperature=0, max_tokens=800
                )
