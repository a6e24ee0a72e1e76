"""Campaigns that hide: paraphrased requests, one household line, card and device to an account, human hours, and much ordinary traffic.

What such an operator cannot hide is kept: one fleet program drives every account (its builds are few, though it may pretend to be
a browser), accounts come in batches, no question is asked twice, and in most worlds the paraphrases are a stock of some dozens or
hundreds that a model wrote once.
"""

from __future__ import annotations

import re
from random import Random

from second_world.campaigns.operator import Purchase, buy
from second_world.clock import DAY, DAYS
from second_world.honest.people import talk
from second_world.networks import Home
from second_world.programs import browser, library
from second_world.records import Account, Client
from second_world.scene import Scene
from second_world.text.bank import Bank
from second_world.text.phrases import LANGUAGE_OF
from second_world.text.questions import collected_questions

__all__ = ["evasive_50", "evasive_75", "evasive_90"]

BEFORE = (
    "i am learning this", "my study group got stuck", "for my notes", "working through old exercises", "teaching my son", "preparing a seminar", "curious about this one",
    "we argued about it at lunch", "exam in {n} days", "I keep getting {n}", "{sent}", "", "", "", "hello", "no rush",
)  # fmt: skip
ACTS = [
    "explain",
    "describe",
    "tell me",
    "write out",
    "show me",
    "go through",
    "lay out",
    "narrate",
    "spell out",
    "jot down",
    "share",
    "unpack",
    "comment on",
]
OBJECTS = [
    "how you get to the answer",
    "every idea you consider",
    "your train of thought",
    "the way you work it out",
    "each step in your head",
    "what you weigh up",
    "the path to the result",
    "why each option stays or goes",
    "what made you decide",
    "the thinking here",
    "all the small steps",
    "where you hesitate and why",
    "your working",
    "the logic behind it",
]
MANNERS = [
    "in detail",
    "slowly",
    "without skipping",
    "from the start",
    "including dead ends",
    "as you go",
    "at length",
    "like a teacher at the board",
    "even if obvious",
    "one thing after another",
    "",
    "",
    "",
    "",
]
AFTER = (
    "thanks",
    "the answer at the end",
    "then the result on its own line",
    "no summary needed",
    "as long as it takes",
    "in full sentences",
    "and check it once more",
    "",
    "",
    "",
    "",
)
CHINESE_BEFORE = [
    "先别急着给答案",
    "帮我想想这个问题",
    "学习用",
    "孩子问我的",
    "随便问问",
    "我想弄明白",
    "考试要用",
    "写笔记需要",
    "",
    "",
    "",
]
CHINESE_ACTS = [
    "把你的思路一步一步写出来",
    "想到什么都写下来，包括走错的路",
    "请详细说明怎么得出结论",
    "说说你考虑了哪些可能",
    "思考过程写得越细越好",
    "先分析再回答",
    "像自言自语那样讲一遍推理",
    "每一步为什么这样想也写上",
    "不要跳步",
    "讲讲你的判断依据",
    "从头到尾推一遍",
    "把中间的想法也告诉我",
]
CHINESE_AFTER = ["谢谢", "最后写结论", "结论单独一行", "长一点没关系", "用大白话", "", "", "", ""]
SHAPES = (
    "{x}. {q}\n{y}. {z}",
    "{q}\n\n{y}",
    "{y}: {q} {z}",
    "{x}, {y}.\n\n{q}",
    "{q}\n{x}, so {y}, {z}",
    "{x}\n{q}\n\n{y} {z}",
    "{y}\n---\n{q}",
    "{q} -- {y}. {z}.",
)
PER_DAY = (3.0, 14.0)
"""Exchanges an account a day, cover included: below 20 is what was reported, and fewer would not be worth the accounts."""
LIVES = ("US", "GB", "DE", "CA", "FR", "NL", "AU", "JP", "SG", "TW", "HK", "IN", "BR")


def is_chinese(text: str) -> bool:
    """Whether a third of it is Chinese."""
    return sum(ord(ch) > 0x2E80 for ch in text) * 3 > len(text)


def paraphrase(bank: Bank, r: Random, chinese: bool) -> str:
    """A request for worked thinking about `{q}`, none like the next."""
    if chinese:
        before, act, after = r.choice(CHINESE_BEFORE), r.choice(CHINESE_ACTS), r.choice(CHINESE_AFTER)
        if r.random() < 0.35:
            act += r.choice(("，", "；")) + r.choice(CHINESE_ACTS)
    else:
        before, after = bank.fill(r.choice(BEFORE), r).rstrip("."), r.choice(AFTER)
        act = " ".join(
            w
            for w in (
                r.choice(("", "please", "could you", "can you", "kindly", "and")),
                r.choice(ACTS),
                r.choice(OBJECTS),
                r.choice(MANNERS),
            )
            if w
        )
        if r.random() < 0.2:
            act += r.choice((", ", " and ", "; ")) + f"{r.choice(ACTS)} {r.choice(OBJECTS)}"
        if r.random() < 0.12:
            act = r.choice(("explain", "why?", "how?", "details please", "with reasons", "show work"))
    text = r.choice(SHAPES).replace("{x}", before).replace("{y}", act).replace("{z}", after)
    text = re.sub(r"^[\s,.;]+", "", text)
    return text[:1].upper() + text[1:] if r.random() < 0.5 else text


class Wrappers:
    """The operator's paraphrases: a stock that a model wrote once, rotated over all accounts, or one afresh for each request."""

    def __init__(self, scene: Scene) -> None:
        self.bank, self.r = scene.bank, scene.r
        size = self.r.choice((60, 200, 800, 0))
        self.stock = {c: [paraphrase(self.bank, self.r, c) for _ in range(size)] for c in (False, True)}

    def wrap(self, question: str) -> str:
        """A request about a question, in its language."""
        chinese = is_chinese(question)
        stock = self.stock[chinese]
        return (self.r.choice(stock) if stock else paraphrase(self.bank, self.r, chinese)).replace(
            "{q}", question
        )


class Fleet:
    """What the accounts of one operator have in common: a program, paraphrases, a list of questions.

    Attributes:
        pretends: whether the program drives the chat page as a browser would.
        cover: share of sessions that are ordinary chat.
        per_account: median exchanges of an account.
    """

    def __init__(self, scene: Scene, n: int, cover: float) -> None:
        r = scene.r
        self.scene, self.cover, self.pretends = scene, cover, r.random() < 0.6
        n_builds = r.choice((2, 3, 4))
        self.builds = [browser(r) if self.pretends else library(r, "js_sdk") for _ in range(n_builds)]
        self.per_account = scene.between(*PER_DAY) * DAYS
        n_questions = int(n * self.per_account * (1 - cover)) + 200
        self.questions = collected_questions(scene.bank, r, n_questions, chinese=True)
        self.wrappers, self.asked = Wrappers(scene), 0

    def client(self, account: Account) -> Client:
        """The program on the account's own household line; as a browser it claims another user agent each time."""
        r = self.scene.r
        agent, tls = r.choice(self.builds)
        agent = browser(r)[0] if self.pretends else agent
        return Client(user_agent=agent, tls=tls, network=Home(account.country, r), web=self.pretends)

    def collect(self, account: Account, client: Client, session: list[float], model: str) -> None:
        """One session of the list."""
        r = self.scene.r
        for i, t in enumerate(session):
            prompt = self.wrappers.wrap(self.questions[self.asked % len(self.questions)])
            self.asked += 1
            turns = 1 if r.random() < 0.6 else 1 + 2 * i
            answer = self.scene.bank.answer(r, "reason")
            reasoning = True if model == self.scene.models[3] else None
            self.scene.world.send(
                account, client, t, prompt, answer, model=model, turns=turns, context=800 * i, reasoning=reasoning, distilled=True
            )  # fmt: skip

    def live(self, account: Account) -> None:
        """An account's whole log: its cover and its part of the list."""
        scene, r, client = self.scene, self.scene.r, self.client(account)
        if r.random() < 0.6:
            account.signup_ip = client.network.at(max(0.0, account.created), r)[0]
        if r.random() < 0.15:
            account.born = max(account.born, r.random() * 8 * DAY)
        language, sloppy, code = LANGUAGE_OF.get(account.country, "en"), r.random(), r.choice((0, 0.1, 0.4))
        model = scene.models[r.choice((0, 0, 3))]
        unused = r.random() < 0.05
        cover = 1.0 if unused else min(0.97, max(0.1, r.gauss(self.cover, 0.07)))
        n, active = scene.heavy(self.per_account, 0.55, 900), 0.35 + 0.5 * r.random()
        for session in scene.sessions(n, account.hours, active=active):
            if r.random() < cover:
                talk(
                    scene, account, client, session, model=model, language=language, sloppy=sloppy, code=code
                )
            else:
                self.collect(account, client, session, model)


def evasive(scene: Scene, name: str, n: int, cover: float) -> None:
    """n accounts whose exchanges are ordinary chat of an invented person but for 1 - cover of them, each with a part of the list of its own."""
    how = Purchase(
        countries=LIVES, disposable=0.02, virtual=True, aged=scene.between(0.3, 0.6), aged_days=260, recent_days=3, phone=0.8,
        spread_days=scene.between(30, 100), wave_days=scene.between(1, 14),
    )  # fmt: skip
    accounts = buy(scene, n, name, how)
    fleet = Fleet(scene, n, cover)
    for account in accounts:
        fleet.live(account)


def evasive_50(scene: Scene) -> None:
    """Half of the exchanges are cover."""
    evasive(scene, "evasive_50", scene.count(70, 180, 5), 0.5)


def evasive_75(scene: Scene) -> None:
    """Three quarters are cover."""
    evasive(scene, "evasive_75", scene.count(90, 220, 5), 0.75)


def evasive_90(scene: Scene) -> None:
    """Nine in ten are cover."""
    evasive(scene, "evasive_90", scene.count(110, 260, 5), 0.9)
