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

    systems: tuple[str, ...]
    requests: tuple[str, ...]
    answer: str
    max_tokens: int
    temperature: float


KINDS = {
    "support": Kind(("You are the virtual assistant of {co}, for {ind}.", "You answer customers of {co} ({ind}).", "First-line support at {co}. We serve {ind}."),
                    ("where is order {id1}{w}", "change my booking, {n} people", "{sent}", "does it work with {t}?", "refund, {money}", "a human please", "hi",
                     "broken for {n} days", "pay in {n} parts?", "{sent} {sent}"), "chat", 512, 0.3),
    "summary": Kind(("Summarise the document for {aud}.", "You write abstracts for {co}.", "A summary of {n} sentences."), ("{win}", "Document:\n{win}", "<text>{win}</text>"), "chat", 300, 0.0),
    "reviews": Kind(("You read reviews for {co}. Return {x}, {y} and a score.", "Classify the review of {ind} and give a reason."), ("{sent} {sent}", "Review: {sent}", "{n}/30. {sent}"), "json", 120, 0.0),
    "describe": Kind(("You write product texts for {co}, which sells to {ind}.", "{tone} catalogue copy for {co}."), ("Item: {x} {y}, {money}, {sent}", "sku={id1}{w}; {x} {z}; {sent}"), "chat", 400, 0.8),
    "extract": Kind(("Extract: {x}, {y}, {z}, date, amount.", "You read documents for {ind}; JSON with {x}_id, {y}, total."), ("{win}", "OCR:\n{win}\n{money}"), "json", 500, 0.0),
    "triage": Kind(("Route to one of: {x}, {y}, {z}, other.", "You label mail of {co}: {x}|{y}|{z}|none."), ("{sent}", "Subject: {t}\n{sent} {sent}", "{name}: {sent}"), "label", 10, 0.0),
    "tutor": Kind(("You are a patient tutor at {co}. Hints before solutions.", "You coach learners of {t} for {co}."), ("I don't get {t}", "{sent} right?", "exercise {n}", "hint", "{t}: {sent}"), "chat", 700, 0.5),
    "sql": Kind(("Questions into SQL: {x}(id,{y},{z},created_at), {y}(id,name,{z}).", "You turn questions of {co} into queries over {x}, {y}, {z}."),
                ("top {n} {y} by {z}", "{x} with over {n} {y} in week {m}", "mean {z} per {y}, not {name}", "{x} against {y}, {w} days"), "code", 400, 0.0),
    "meeting": Kind(("Minutes for {co}: decisions, owners, deadlines.", "Turn the transcript into action items."), ("{name}: {sent}\n{name}: {sent}\n{name}: {sent}", "Part {n}\n{win}"), "chat", 800, 0.2),
    "articles": Kind(("You write for the blog of {co}, readers like {t}.", "Search-friendly articles for {ind}, keyword {n} times."), ("keyword: {t}, {n1}", "{t} and {t2}, {w} words, {adj} {n1}", "Outline: {t}, {sent}"), "chat", 1500, 0.9),
    "mail": Kind(("You draft mails from {name} at {co} to {ind}.", "A follow-up mail, {tone}, signed {name}."), ("{name}, {ind}. {sent}", "reply to: {sent}", "{name} | {t} | {n} days"), "chat", 400, 0.7),
    "localise": Kind(("Translate texts of {co} into {lang}. Keep placeholders.", "You localise help articles into {lang} for {ind}."), ("{sent}", '{"{x}.{y}": "{sent}"}', "{win}"), "translate", 1000, 0.1),
    "moderate": Kind(("House rules of {co}: allow, review, remove.", "Content filter: allow/remove and rule number."), ("{sent}", "@{name}: {sent}", "{t}!!! {sent}"), "label", 8, 0.0),
    "companion": Kind(("You are {name}, a character in the game {co}.", "You play {name}, innkeeper of {co}. Be {tone}."),
                      ("hello {name}", "what of {t}", "{sent}", "i attack with {n}", "tell me of the {adj} {n1}", "where is the {n1}"), "chat", 250, 1.0),
    "notes": Kind(("Structure the note for {ind}: complaint, history, findings, plan.", "You tidy dictations. Keep numbers."), ("{win}", "dictation {n}: {sent} {sent} {sent}"), "chat", 600, 0.0),
    "rank": Kind(("How relevant is the passage, 0 to 10?", "Relevance for {co} search."), ("Query: {t}\nPassage: {win}", "q={x} {y}\ndoc={sent}"), "label", 5, 0.0),
    "recipe": Kind(("You propose meals for {co}: name, time, steps.", "Cooking assistant of {co}."), ("{n} eggs and a {adj} {n1}", "dinner for {m}, {money}", "no {n1}, under {w} kcal", "instead of {n1}?"), "chat", 600, 0.7),
    "hiring": Kind(("Compare CV and role: {n} strengths, {m} gaps.", "Screening at {co}; do not infer age or gender."), ("CV: {win}\nRole: {t}", "{win}"), "chat", 500, 0.2),
}  # fmt: skip
RULES = (
    "Answer in the customer's language.", "Never promise refunds.", "Under {w} words.", "If unsure, offer a human.", "Use a {tone} tone.", "Only the facts given.",
    "Valid JSON, nothing else.", "British spelling.", "No medical or legal advice.", "No emojis.", "Prices in euros.", "Hours: 9 to {n}.", "Escalate complaints about {t}.",
    "Only about {ind}.", "No markdown.", "Start with the answer.", "Read by {aud}.",
)  # fmt: skip
ENVELOPES = ("\n\nAnswer:", "\n---\nlang=en", "\n---\nlang=de", "\nReturn JSON.", "\n\n###")


class Product:
    """One company's application.

    Attributes:
        system: its instruction; None where it travels in the user turn.
        answer: the kind of its completions.
    """

    def __init__(self, bank: Bank, r: Random, kind: str | None = None) -> None:
        self.kind = kind or r.choice(sorted(KINDS))
        shape = KINDS[self.kind]
        company, industry = bank.company(r), r.choice(INDUSTRIES)
        instruction = r.choice(shape.systems).replace("{co}", company).replace("{ind}", industry)
        for rule in r.sample(RULES, int(r.random() * 6)):
            instruction += r.choice((" ", "\n- ", "\n")) + rule.replace("{ind}", industry)
        if r.random() < 0.4:
            instruction += "\n\n{win}"
        instruction = bank.fill(instruction, r)
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
