"""Applications of companies: an instruction, a request format, parameters."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from second_world.text.bank import Bank
from second_world.text.lexicon import INDUSTRIES

__all__ = ["Product"]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of application."""

    jobs: tuple[str, ...]
    requests: tuple[str, ...]
    answer: str
    max_tokens: int
    temperature: float


KINDS = {
    "support": Kind(("customer support", "first-line help", "a help desk", "answers to buyers", "service chat"),
                    ("where is order {id1}{w}", "change my booking, {n} people", "{sent}", "does it work with {t}?", "refund, {money}", "a human please", "hi",
                     "broken for {n} days", "pay in {n} parts?", "{sent} {sent}"), "chat", 512, 0.3),
    "summary": Kind(("summaries for {aud}", "abstracts", "short versions, {n} sentences", "digests"), ("{win}", "Document:\n{win}", "<text>{win}</text>"), "chat", 300, 0.0),
    "reviews": Kind(("review analysis: {x}, {y}, score", "sentiment with a reason", "opinions into {x} and {y}"), ("{sent} {sent}", "Review: {sent}", "{n}/30. {sent}"), "json", 120, 0.0),
    "describe": Kind(("product texts", "{tone} catalogue copy", "listings", "shop pages"), ("Item: {x} {y}, {money}, {sent}", "sku={id1}{w}; {x} {z}; {sent}"), "chat", 400, 0.8),
    "extract": Kind(("fields {x}, {y}, {z} as JSON", "data capture: {x}_id, {y}, total", "forms into {x}, {y}, date"), ("{win}", "OCR:\n{win}\n{money}"), "json", 500, 0.0),
    "triage": Kind(("routing to {x}, {y}, {z}, other", "labels {x}", "inbox sorting, {x} or {y}"), ("{sent}", "Subject: {t}\n{sent} {sent}", "{name}: {sent}"), "label", 10, 0.0),
    "tutor": Kind(("tutoring in {t}", "hints before solutions", "coaching, {t}"), ("I don't get {t}", "{sent} right?", "exercise {n}", "hint", "{t}: {sent}"), "chat", 700, 0.5),
    "sql": Kind(("SQL over {x}(id,{y},{z})", "queries on {x}, {y}, {z}", "questions to SQL, tables {x} and {y}"),
                ("top {n} {y} by {z}", "{x} with over {n} {y} in week {m}", "mean {z} per {y}, not {name}", "{x} against {y}, {w} days"), "code", 400, 0.0),
    "meeting": Kind(("minutes: decisions, owners", "action items", "protocols with deadlines"), ("{name}: {sent}\n{name}: {sent}\n{name}: {sent}", "Part {n}\n{win}"), "chat", 800, 0.2),
    "articles": Kind(("blog articles on {t}", "search-friendly text", "posts, keyword {n} times"), ("keyword: {t}, {n1}", "{t} and {t2}, {w} words, {adj} {n1}", "Outline: {t}, {sent}"), "chat", 1500, 0.9),
    "mail": Kind(("mails signed {name}", "{tone} follow-ups", "outreach by {name}"), ("{name}, {ind}. {sent}", "reply to: {sent}", "{name} | {t} | {n} days"), "chat", 400, 0.7),
    "localise": Kind(("{lang} texts, placeholders kept", "localisation to {lang}", "{lang} help pages"), ("{sent}", '{"{x}.{y}": "{sent}"}', "{win}"), "translate", 1000, 0.1),
    "moderate": Kind(("allow or remove", "moderation by rule number", "post screening"), ("{sent}", "@{name}: {sent}", "{t}!!! {sent}"), "label", 8, 0.0),
    "companion": Kind(("{name}, a game character", "{name}, innkeeper, {tone}", "{name}, who guides players", "{name} the {adj} {n1} keeper"),
                      ("hello {name}", "what of {t}", "{sent}", "i attack with {n}", "tell me of the {adj} {n1}", "where is the {n1}"), "chat", 250, 1.0),
    "notes": Kind(("clinical notes, findings, plan", "dictation tidy-up", "structured reports"), ("{win}", "dictation {n}: {sent} {sent} {sent}"), "chat", 600, 0.0),
    "rank": Kind(("relevance 0 to 10", "search judgements", "passage scores"), ("Query: {t}\nPassage: {win}", "q={x} {y}\ndoc={sent}"), "label", 5, 0.0),
    "recipe": Kind(("meals with time and steps", "cooking ideas", "menus"), ("{n} eggs and a {adj} {n1}", "dinner for {m}, {money}", "no {n1}, under {w} kcal", "instead of {n1}?"), "chat", 600, 0.7),
    "hiring": Kind(("CV against role, {n} strengths", "screening, fair", "candidate notes, {m} gaps"), ("CV: {win}\nRole: {t}", "{win}"), "chat", 500, 0.2),
}  # fmt: skip
RULES = (
    "Answer in the customer's language.", "Never promise refunds.", "Under {w} words.", "If unsure, offer a human.", "Use a {tone} tone.", "Only the facts given.",
    "Valid JSON, nothing else.", "British spelling.", "No medical or legal advice.", "No emojis.", "Prices in euros.", "Hours: 9 to {n}.", "Escalate complaints about {t}.",
    "Only about {ind}.", "No markdown.", "Start with the answer.", "Read by {aud}.",
)  # fmt: skip
OPENINGS = (
    "You do ",
    "Your job: ",
    "Task: ",
    "Role: ",
    "",
    "You are in charge of ",
    "This service does ",
    "Provide ",
    "We need ",
    "Here you handle ",
    "Purpose: ",
)
CLAUSES = (
    " for {co}.", " at {co} ({ind}).", " on the site of {co}.", ", {co}, {ind}.", " in the {adj} {n1} team of {co}.", ". Company: {co}.", " on behalf of {co}, serving {ind}.", "; {co}.",
)  # fmt: skip
FACTS = (
    "{sent}",
    "{sent} {sent}",
    "{win}",
    "Note: {sent}",
    "Background: {win}",
    "{n}. {sent}",
    "{name} decides on the {n1}.",
)
"""What a company tells its application: its own business, in its own words."""
ENVELOPES = ("\n\nAnswer:", "\n---\nlang=en", "\n---\nlang=de", "\nReturn JSON.", "\n\n###")


class Product:
    """One company's application.

    Attributes:
        instruction: its system prompt, or the head of each prompt where `in_user_turn`.
        answer: the kind of its completions.
    """

    def __init__(self, bank: Bank, r: Random, kind: str | None = None) -> None:
        self.kind = kind or r.choice(sorted(KINDS))
        shape = KINDS[self.kind]
        company, industry = bank.company(r), r.choice(INDUSTRIES)
        parts = [r.choice(OPENINGS) + r.choice(shape.jobs) + r.choice(CLAUSES)]
        parts += r.choices(FACTS, k=1 + int(r.expovariate(1 / 2))) + r.sample(RULES, int(r.random() ** 2 * 4))
        separator = r.choice((" ", "\n- ", "\n", "\n\n"))
        instruction = bank.fill(separator.join(parts).replace("{co}", company).replace("{ind}", industry), r)
        envelope = r.choice((*ENVELOPES, f"\n[req {company}]")) if r.random() < 0.4 else ""
        chosen = r.sample(
            shape.requests, 1 + int(r.random() * (len(shape.requests) if len(shape.requests) > 4 else 2))
        )
        self.requests = [x + envelope for x in chosen]
        self.in_user_turn = r.random() < 0.3
        self.instruction = instruction
        self.answer = shape.answer
        self.max_tokens = r.choice(
            (shape.max_tokens, shape.max_tokens, None, 1024, int(shape.max_tokens * 1.5))
        )
        self.temperature = r.choice((shape.temperature, shape.temperature, None, 0.7, round(r.random(), 1)))
        self.top_p = r.choice((None, None, None, 1.0, 0.95, 0.9))

    def request(self, bank: Bank, r: Random) -> tuple[str | None, str]:
        """(system, prompt) of one request."""
        prompt = bank.fill(r.choice(self.requests), r)
        return (None, f"{self.instruction}\n\n{prompt}") if self.in_user_turn else (self.instruction, prompt)
