"""Running text: sentences composed of the lexicon, and passages of them.

A stock is composed once a world, large enough that two strangers rarely meet in a sentence; what a passage shares with another is chance.
"""

from __future__ import annotations

import re
from random import Random

from second_world.text.lexicon import ADJECTIVES, ADVERBS, NAMES, NOUNS, PREPOSITIONS, TOPICS, VERBS

__all__ = ["Prose", "chinese_sentence"]

PATTERNS = (
    "The {a} {n} {v} {N} {p} the {n}.",
    "{N} {v} the {a} {n} because {M} {r} {v} it.",
    "After the {n}, {N} {r} {v} a {a} {n}.",
    "No {n} {p} the {a} {n} was ever {v}.",
    "When {M} {v} the {n}, every {a} {n} had been {v}.",
    "{N} says that {t} {r} {v} the {n} of a {n}.",
    "A {n} {p} {t} is {a}, yet {N} {v} two.",
    "It was the {n}, not the {n}, that {M} {v} {p} the {a} {n}.",
    "Between the {n} and the {n} lies a {a}, {a} {n}.",
    "Whoever {v} the {n} {r} {v} {N}.",
    "Some {a} {n}s {v} the {n}; others {r} {v} {t}.",
    "If {N} had {v} the {a} {n}, {M} would have {v} the {n}.",
    "{M} and {N} {r} {v} {t} {p} a {n}.",
    "Each {n} that {N} {v} cost more than the {a} {n}.",
    "The {n}'s {a} {n} {v} what {M} {r} {v}.",
    "Nobody {p} the {n} {v} the {n} or {t}.",
    "Last year a {a} {n} {v} {M}, who {v} the {n}.",
    "{t} {v} the {a} {n} more than any {n} {p} it.",
    "Before {N} {v} the {n}, its {n} looked {a} and {a}.",
    "Only the {n} {r} {v} by {M} stayed {a}.",
)
CHINESE_WHO = [
    "小王",
    "老师",
    "邻居",
    "妹妹",
    "经理",
    "医生",
    "司机",
    "同学",
    "店主",
    "村民",
    "工人",
    "作家",
    "护士",
    "船长",
    "农夫",
    "记者",
]
CHINESE_VERBS = [
    "买了",
    "修好了",
    "卖掉了",
    "忘记了",
    "借走了",
    "画了",
    "搬走了",
    "检查了",
    "打开了",
    "数了",
    "称了",
    "藏起了",
    "寄出了",
    "丢了",
    "换了",
    "租了",
]
CHINESE_THINGS = [
    "苹果",
    "自行车",
    "雨伞",
    "旧书",
    "铁桶",
    "木箱",
    "地图",
    "钟表",
    "茶壶",
    "门票",
    "渔网",
    "毛毯",
    "砖头",
    "机器",
    "药片",
    "信件",
    "灯笼",
    "种子",
    "绳子",
    "瓷碗",
]
CHINESE_WHERE = [
    "在河边",
    "在仓库里",
    "在山脚下",
    "早上",
    "下雨前",
    "开会之后",
    "在集市上",
    "周末",
    "在学校门口",
    "春节前",
    "在码头",
    "昨天晚上",
]
CHINESE_HOW = [
    "便宜的",
    "红色的",
    "新的",
    "很重的",
    "破旧的",
    "最小的",
    "外地的",
    "圆形的",
    "多余的",
    "漂亮的",
]
TAGS = {
    "a": ADJECTIVES,
    "n": NOUNS,
    "v": VERBS,
    "N": NAMES,
    "M": NAMES,
    "p": PREPOSITIONS,
    "r": ADVERBS,
    "t": TOPICS,
}
STOCK = 30_000
PARSED = tuple(re.split(r"\{(\w)\}", pattern) for pattern in PATTERNS)


def sentence(r: Random) -> str:
    """One English sentence."""
    pieces = r.choice(PARSED)
    out = [piece if i % 2 == 0 else r.choice(TAGS[piece]) for i, piece in enumerate(pieces)]
    text = "".join(out)
    return text[:1].upper() + text[1:]


def chinese_sentence(r: Random) -> str:
    """One Chinese sentence."""
    parts = [r.choice(x) for x in (CHINESE_WHERE, CHINESE_WHO, CHINESE_VERBS)]
    return (
        "".join(parts) + f"{r.randrange(2, 90)}个" + r.choice(CHINESE_HOW) + r.choice(CHINESE_THINGS) + "。"
    )


class Prose:
    """A stock of sentences, and windows of text from it."""

    def __init__(self, r: Random, stock: int = STOCK) -> None:
        self.stock = [sentence(r) for _ in range(stock)]

    def sentence(self, r: Random) -> str:
        """A sentence of the stock."""
        return self.stock[int(r.random() * len(self.stock))]

    def passage(self, r: Random, low: int = 200, high: int = 1200) -> str:
        """Running text of about low to high characters, short ones likelier."""
        size = int(low + (high - low) * r.random() ** 2)
        out: list[str] = []
        while size > 0:
            out.append(self.sentence(r))
            size -= len(out[-1]) + 1
        return " ".join(out)
