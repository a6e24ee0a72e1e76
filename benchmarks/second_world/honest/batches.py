"""Customers who send a whole archive or table through one instruction, and those who make data for a model of their own under contract."""

from __future__ import annotations

from second_world.clock import DAY, END, dispatcher, run
from second_world.honest.members import open_company
from second_world.scene import Scene

__all__ = [
    "batch_classification",
    "batch_extraction",
    "batch_translation",
    "rag_backfill",
    "synthetic_data_contract",
]

CLASSIFY = (
    "Label the text: {x}, {y}, {z}. One word.",
    "Is the text about {t}? yes/no",
    "Assign one of {x}/{y}/{z}/other",
    "Urgent or not? {x} first.",
)
EXTRACT = (
    "Extract {x}, {y}, {z} as JSON.",
    "List persons, places and amounts.",
    "A table of {x} and {y}.",
    "Dates and {x} only, JSON.",
)
TRANSLATE = (
    "Translate into {lang}. Keep placeholders and numbers.",
    "Localise for {lang} readers.",
    "{lang}, {tone}. Same number of lines.",
)
ARCHIVE = (
    "Situate this chunk within the document in {n} words, for retrieval.", "Write {n} questions that this passage answers.",
    "Summarise the chunk; list entities and dates. JSON.",
)  # fmt: skip
SEEDS = "Seed: {sent}\nDomain: {t}\nDifficulty: {m}\nWrite {n} examples with worked reasoning."


def batch_job(scene: Scene, label: str, kind: str, instructions: tuple[str, ...]) -> None:
    """One instruction over many records, in one or two runs."""
    r, bank = scene.r, scene.bank
    for _ in range(scene.count(3, 8)):
        account, client = open_company(scene, label), scene.world.server_client(2)
        system = bank.fill(r.choice(instructions), r)
        shape = r.choice(("{win}", "{sent}", "id={id1}{w}\n{win}", "{sent} {sent}", "{name}: {sent}"))
        for _ in range(r.choice((1, 1, 2))):
            n = scene.volume(300, 2000)
            for t in run(scene.g, n, r.random() * (END - DAY), 0.1 + 1.5 * r.random()):
                prompt = bank.fill(shape, r)
                scene.world.send(
                    account,
                    client,
                    t,
                    prompt,
                    bank.answer(r, kind, prompt),
                    system=system,
                    model=scene.models[1],
                    temperature=0,
                    max_tokens=256,
                )


def batch_classification(scene: Scene) -> None:
    """Labels for a column of texts."""
    batch_job(scene, "batch_classification", "label", CLASSIFY)


def batch_extraction(scene: Scene) -> None:
    """Fields out of documents."""
    batch_job(scene, "batch_extraction", "json", EXTRACT)


def batch_translation(scene: Scene) -> None:
    """A catalogue into other languages."""
    batch_job(scene, "batch_translation", "translate", TRANSLATE)


def rag_backfill(scene: Scene) -> None:
    """A search product summarises its archive once: days round the clock from several workers, a key each."""
    r, bank = scene.r, scene.bank
    for _ in range(scene.count(3, 6)):
        account = open_company(scene, "rag_backfill", 3)
        client = scene.world.server_client(6, r.choice(("aiohttp", "py_sdk", "go")))
        system, start = bank.fill(r.choice(ARCHIVE), r), r.random() * 14 * DAY
        times = dispatcher(
            scene.g, scene.volume(1000, 4500), 0, "always", start, start + (2 + 3 * r.random()) * DAY
        )
        for i, t in enumerate(times):
            prompt = f'<chunk id="{i + 1}">\n{bank.prose.passage(r, 500, 2500)}\n</chunk>'
            scene.world.send(
                account,
                client,
                t,
                prompt,
                bank.answer(r, "json"),
                system=system,
                model=scene.models[1],
                temperature=0,
                max_tokens=300,
                key=account.keys[i % 3],
            )


def synthetic_data_contract(scene: Scene) -> None:
    """Training examples for a small model of the customer's own, under contract: one or two accounts on its own cloud, most of them declared."""
    r, bank, world = scene.r, scene.bank, scene.world
    for _ in range(scene.count(2, 4)):
        organization = world.fresh("org_", 9)
        declared = "data_contract" if r.random() < 0.7 else None
        accounts = [
            open_company(
                scene,
                "synthetic_data_contract",
                2,
                pathway="enterprise",
                plan="enterprise",
                organization=organization,
                declared=declared,
            )
            for _ in range(r.choice((1, 2)))
        ]
        clients = [world.server_client(3, "py_sdk") for _ in accounts]
        system = f"You write training examples for the in-house assistant of {bank.company(r)}. "
        system += bank.fill(
            "Each has a question about {t} or {t2}, a reasoned answer and a short answer. JSON lines.", r
        )
        start = r.random() * 8 * DAY
        for t in dispatcher(scene.g, scene.volume(900, 3400), 0, "waves", start, start + 10 * DAY):
            i = int(r.random() * len(accounts))
            text, n_out = bank.answer(r, "reason")
            world.send(
                accounts[i],
                clients[i],
                t,
                bank.fill(SEEDS, r),
                (text, n_out * 2),
                system=system,
                temperature=0.9,
                max_tokens=4096,
                key=r.choice(accounts[i].keys),
            )
