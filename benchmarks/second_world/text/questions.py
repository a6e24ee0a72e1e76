"""Lists of questions: what campaigns collect answers to, public benchmarks, private evaluation lists."""

from __future__ import annotations

from random import Random

from second_world.text.bank import Bank

__all__ = ["benchmark_lists", "collected_questions", "own_list", "working_order"]

KINDS: dict[str, tuple[str, ...]] = {
    "arithmetic": (
        "{name} has {w} {n1}s and sells {n} of them each week at {money}. {sent} After {m} weeks, how much money is that?",
        "A {adj} {n1} holds {w} litres and loses {n} an hour. {sent} When are {m} litres left?",
        "{n} {adj} {n1}s cost {money}; {m} cost less by a tenth. {sent} What does one {n1} cost?",
        "Of {w} people at the {n1}, {n} in every {m} {verb} a {n1}. How many did not?",
        "{name} walks {n} km to the {n1}, rests {m} minutes and returns at twice the pace. {sent} How long was the way?",
    ),
    "inference": (
        "{sent} {sent} {sent} Which of these must be true of the {n1}?",
        "All {adj} {n1}s are {adj}. {sent} Does it follow that {name} {verb} a {n1}?",
        "{name} either {verb} the {n1} or {verb} the {n1}. {sent} What did {name} do if the {n1} is {adj}?",
        "Premise: {sent} Hypothesis: {sent} Entailment, contradiction or neither?",
    ),
    "reading": (
        "{win}\n\nWho {verb} the {n1}?", "{win}\n\nWhat happened to the {adj} {n1}, and why?", "{win}\nList every {n1} in the order of its first mention.",
    ),
    "code": (
        "Write {vb}_{x} in {pl}: takes {y}, returns {z}. {sent}", "{code}\n\nWhat does this print for {n} and {m}?",
        "A {x} has {n} {y}s with a {z} each. Find {m} of them with the largest sum in {pl}.", "Rewrite so that it runs in linear time:\n{code}",
    ),
    "science": (
        "Why does a {adj} {n1} cool faster than a {adj} one when {name} {verb} it?", "In {t}, what would change if the {n1} were {adj}?",
        "A {n1} of {w} g falls from {n} m into a {adj} {n1}. {sent} Estimate the energy.", "How are {t} and {t2} related, if at all? Take a {n1} as the example.",
    ),
    "advice": (
        "{name} wants to {vb} a {adj} {n1} for {aud}. {sent} What would you suggest?", "{sent} How should {name} tell {aud}?",
        "Draft a {tone} {doc} on {t} for {aud} that mentions a {adj} {n1}.",
    ),
    "chinese": ("{zh}{zh}请问一共有多少？", "{zh}为什么？", "{zh}{zh}下列哪一项正确？", "如果{zh}那么结果会怎样？"),
}  # fmt: skip
BENCHMARKS = {"tuning": ("arithmetic", "code", "reading"), "judging": ("inference", "science", "arithmetic")}


def composed(bank: Bank, r: Random, kind: str, count: int) -> list[str]:
    """Questions of a kind, none twice."""
    forms = KINDS[kind]
    return list(dict.fromkeys(bank.fill(r.choice(forms), r) for _ in range(count)))


def collected_questions(bank: Bank, r: Random, count: int, chinese: bool = False) -> list[str]:
    """A campaign's list: two or three kinds, or the pool's, shuffled.

    Args:
        bank: where text comes from.
        r: the campaign's own random.
        count: about so many questions.
        chinese: a part in Chinese.
    """
    if bank.pool and bank.pool.questions:
        questions = list(bank.pool.questions)
        r.shuffle(questions)
        return questions[:count]
    kinds = r.sample([k for k in KINDS if k != "chinese"], r.choice((2, 3))) + (
        ["chinese"] if chinese else []
    )
    questions = [q for k in kinds for q in composed(bank, r, k, count // len(kinds) + 1)]
    r.shuffle(questions)
    return questions[:count]


def benchmark_lists(bank: Bank, side: str) -> list[list[str]]:
    """Public lists, the same for every team of a world."""
    if bank.pool and bank.pool.benchmarks:
        return [list(b) for b in bank.pool.benchmarks]
    out = []
    for k, kind in enumerate(BENCHMARKS[side] * 2):
        r = Random(f"{side} {kind} {k}")
        out.append(composed(bank, r, kind, r.choice((164, 250, 400, 650))))
    return out


def own_list(bank: Bank, r: Random, count: int) -> list[str]:
    """A private list of questions."""
    forms = [
        form for kind in ("arithmetic", "inference", "reading", "code", "advice") for form in KINDS[kind]
    ]
    return [bank.fill(form, r) for form in (r.choice(forms) for _ in range(count))]


def working_order(r: Random, items: list[str], count: int, repeats: int = 1) -> list[str]:
    """So many items of a list: shuffled passes, each item `repeats` times in a row."""
    out: list[str] = []
    while len(out) < count:
        order = list(items)
        r.shuffle(order)
        out.extend(q for q in order for _ in range(repeats))
    return out[:count]
