"""All text of one world: slots filled, messages of people, and answers."""

from __future__ import annotations

import re
from functools import lru_cache
from random import Random

from second_world.text import lexicon as lex
from second_world.text.phrases import CLOSERS, CODE_REQUESTS, FOLLOW_UPS, LOCAL, OPENERS, REQUESTS
from second_world.text.pool import Pool
from second_world.text.prose import STOCK, Prose, chinese_sentence
from second_world.text.snippets import failure, snippet

__all__ = ["Answer", "Bank"]

Answer = tuple[str, int]
"""A completion and its output tokens."""
REFUSALS = (
    "I can't help with that.", "I can give a short explanation, but not the private deliberation.", "I have to decline this request.",
    "I won't reproduce hidden reasoning; here is a summary instead.",
)  # fmt: skip
STEPS = (
    "Given: {sent}", "We know that {sent}", "Checking the condition: {sent}", "An alternative would be {sent} That fails.", "So what we need follows: {sent}",
    "Hence the other case is simple.", "Wait, the units matter. {sent}", "Substituting gives {n}, then {m}.", "Both readings: {sent}",
)  # fmt: skip
LABELS = (
    "positive",
    "negative",
    "neutral",
    "Yes",
    "No",
    "billing",
    "technical",
    "other",
    "A",
    "B",
    "1",
    "0",
    "spam",
    "not spam",
)
AGENT_LINES = (
    "Let me look at the file first.", "I'll run the tests.", "Now I will update the function.", "The error comes from the missing key; editing.",
    "Searching for usages.", "Done. Summary below.",
)  # fmt: skip
WORDS_OF = {
    "t": lex.TOPICS, "t2": lex.TOPICS, "doc": lex.DOCUMENTS, "aud": lex.AUDIENCES, "tone": lex.TONES, "name": lex.NAMES, "lang": lex.HUMAN_LANGUAGES,
    "n1": lex.NOUNS, "adj": lex.ADJECTIVES, "verb": lex.VERBS, "x": lex.CODE_NOUNS, "y": lex.CODE_NOUNS, "z": lex.CODE_NOUNS, "vb": lex.CODE_VERBS,
    "ind": lex.INDUSTRIES, "pl": tuple(lex.EXTENSIONS),
}  # fmt: skip


@lru_cache(maxsize=20_000)
def parse(form: str) -> tuple[str, ...]:
    """Literal text and slot names by turns."""
    return tuple(re.split(r"\{(\w+)\}", form))


class Bank:
    """Composes text; with a pool, some of what people ask comes from it.

    Args:
        r: draws the stock of sentences and the popular prompts.
        pool: prompts given by the user, or None.
        stock: sentences to compose, fewer in small worlds.
    """

    def __init__(self, r: Random, pool: Pool | None = None, stock: int = STOCK) -> None:
        self.prose = Prose(r, stock)
        self.pool = pool
        forms = (
            "I want you to act as a {adj} {n1} keeper named {name}. {win}",
            "Ignore small talk. You are the {t} expert of {name}. {win}",
            "{win}",
        )
        self.popular = [self.fill(r.choice(forms), r) for _ in range(120)]
        self.assistants = [self.fill("You are {name}, who knows {t} and {t2}. {win}", r) for _ in range(60)]

    # ---- pieces ----
    def company(self, r: Random) -> str:
        """An invented name."""
        return "".join(r.choice(lex.SYLLABLES) for _ in range(r.choice((2, 3, 3)))).capitalize()

    def slot(self, name: str, r: Random, language: str | None) -> str:
        """What fills a slot; an unknown slot stays as it is."""
        if name in WORDS_OF:
            return language if name == "pl" and language else r.choice(WORDS_OF[name])
        match name:
            case "n" | "m":
                return str(2 + int(r.random() ** 2 * 28))
            case "w":
                return str(int(r.random() * 90) * 10 + 80)
            case "age":
                return str(15 + int(r.random() * 60))
            case "money":
                return r.choice(("$", "€", "£")) + str(5 * int(1 + r.random() ** 3 * 900))
            case "id1":
                return "".join(r.choice("ABCDEFGHJK") for _ in range(3))
            case "sent":
                return self.prose.sentence(r)
            case "win":
                return self.prose.passage(r)
            case "zh":
                return chinese_sentence(r)
            case "code":
                return snippet(r, language or "python")
            case "err":
                return failure(r)
            case _:
                return "{" + name + "}"

    def fill(self, form: str, r: Random, language: str | None = None) -> str:
        """A form with its slots filled; `{q}`, `{a}` and other unknown slots are kept for the caller."""
        if "{" not in form:
            return form
        return "".join(p if i % 2 == 0 else self.slot(p, r, language) for i, p in enumerate(parse(form)))

    # ---- what people type ----
    def chat(self, r: Random, language: str = "en", code: float = 0.1, sloppy: float = 0.5) -> str:
        """A first message on a chat page."""
        x = r.random()
        if language in LOCAL and x < 0.72:
            return self.fill(r.choice(LOCAL[language]), r)
        if x < 0.22 and self.pool and self.pool.chat:
            return r.choice(self.pool.chat)
        if x > 0.97:
            return self.popular[int(r.random() ** 3 * len(self.popular))]
        form = r.choice(CODE_REQUESTS if r.random() < code else REQUESTS)
        text = self.fill(r.choice(OPENERS) + form + r.choice(CLOSERS), r)
        if sloppy < 0.4 and len(text) < 200:
            text = text[:1].lower() + text[1:]
        if sloppy < 0.15 and len(text) > 20:
            i = int(r.random() * (len(text) - 2)) + 1
            text = text[:i] + text[i + 1] + text[i] + text[i + 2 :]
        return text

    def follow_up(self, r: Random) -> str:
        """A later message of a conversation."""
        if r.random() < 0.35:
            return self.fill(r.choice(REQUESTS), r)
        before = r.choice(
            ("", "", "", "ok, ", "hm, ", "please ", "nice. ", "wait - ", "sorry, ", "great! ", "and ")
        )
        after = r.choice(
            (
                "",
                "",
                "",
                ".",
                " please",
                "??",
                " for {aud}",
                " - {tone}",
                ", {name}",
                ", the {adj} {n1}",
                ", {t}",
            )
        )
        return self.fill(before + r.choice(FOLLOW_UPS) + after, r)

    # ---- what comes back ----
    def answer(self, r: Random, kind: str = "chat", prompt: str = "") -> Answer:
        """A completion of a kind: chat, code, json, label, reason, tags, grade, translate, agent, refuse or short."""
        sentence = self.prose.sentence
        match kind:
            case "label":
                return r.choice(LABELS), 1 + int(r.random() * 6)
            case "json":
                text = (
                    f'{{"{r.choice(lex.CODE_NOUNS)}": "{sentence(r)[:60]}", "confidence": {r.random():.2f}}}'
                )
                return text, len(text) // 4 + int(r.random() * 80)
            case "agent":
                return f"{r.choice(AGENT_LINES)} {sentence(r)}", int(40 + 260 * r.random() ** 2)
            case "refuse":
                text = r.choice(REFUSALS)
                return text, len(text) // 4
            case "grade":
                text = f"Feedback: {sentence(r)} {sentence(r)}\nScore: {1 + int(r.random() * 5)}"
                return text, len(text) // 4 + int(r.random() * 120)
            case "reason" | "tags":
                text = "\n".join(self.fill(r.choice(STEPS), r) for _ in range(3 + int(r.random() * 3)))
                return text, int(250 * r.lognormvariate(0.5, 0.6))
            case "code":
                text = f"```\n{snippet(r, r.choice(('python', 'typescript', 'go')))}\n```\n{sentence(r)}"
                return text, int(len(text) / 3.5 + 200 * r.random())
            case "short":
                text = sentence(r)
                return text, len(text) // 4 + 2
            case "translate":
                return self.prose.passage(r, 80, 300), max(
                    10, int(len(prompt) / 4 * (0.8 + 0.5 * r.random()))
                )
            case _:
                text = " ".join(sentence(r) for _ in range(1 + int(r.random() * 4)))
                long = 900 * r.random() if r.random() < 0.08 else 0.0
                return text, int(len(text) / 4 + 220 * r.random() ** 2 + long)
