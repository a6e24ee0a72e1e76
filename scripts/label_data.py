"""The corpus that the labels are trained on: rows of the prompt table, and our phrase grammars around its questions."""

from __future__ import annotations

import contextlib
import json
import random
import re
import tomllib
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow.parquet as pq
from phrase_frames import frame

__all__ = ["Example", "compose_phrases", "read_holdout", "read_table"]

HERE = Path(__file__).parent
PER_SOURCE = 200
"""Rows of one source and label at most, so that no data set speaks for a class alone."""

CAPABILITY = {"reward_grading": "grading"}
"""Names of the table that differ from ours."""
WHOLE_SOURCE = {
    "censor_rewrite_composed_a": "rewriting",
    "cvalues": "general",
    "deccp": "general",
    "sgd_support": "agentic_tool_use",
}
"""Sources whose rows are one capability whatever the table says row by row."""
GUESSED = ("arena_hard_v01", "arena_hard_v20", "awesome_prompts", "dolly_150", "lobe_agents", "plexpt_zh_prompts",
           "plexpt_zh_questions", "self_instruct_user_oriented", "wildchat_agency")  # fmt: skip
"""Sources labelled by key words in the table: only these labels of theirs are believed."""
BELIEVED = ("general", "coding", "translation")

ELICITATION = {
    "biggen_bench/grading": "rubric_grading",
    "prometheus_hhh_alignment_eval/grading": "rubric_grading",
    "prometheus_mt_bench_eval/grading": "rubric_grading",
    "pandalm/grading": "preference_data",
    "self_instruct_bootstrap/general": "rl_task_writing",
    "gpteacher_translate_composed/translation": "translation_laundering",
    "censor_rewrite_composed_a/rewriting": "censorship_safe_rewriting",
}
"""Source and capability to elicitation; everything else is `none`."""
ORDINARY = ("agent_step",)
"""Labels of the grammars and hold-outs that are `none`, and stand alone so that they are met as often as the others."""
UNCLEAR_PHRASES: dict[str, str | None] = {"grading": None, "agentic_tool_use": None}
"""Capabilities whose phrases may be an elicitation or not."""

FAMILIES = {
    "prometheus_hhh_alignment_eval": "prometheus",
    "prometheus_mt_bench_eval": "prometheus",
    "biggen_bench": "prometheus",
    "arena_hard_v01": "arena",
    "arena_hard_v20": "arena",
    "reasoning_teacher": "reasoning_teacher+gsm8k",
    "gsm8k": "reasoning_teacher+gsm8k",
    "plexpt_zh_prompts": "plexpt",
    "plexpt_zh_questions": "plexpt",
    "lobe_agents": "lobe",
    "lobe_i18n_batch": "lobe",
    "cvalues": "sensitive questions",
    "deccp": "sensitive questions",
    "censor_rewrite_composed_a": "sensitive questions",
}
"""Sources that share templates or items are left out together."""

_CHOICE = re.compile(r"\[([^\[\]]*)\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One training text."""

    text: str
    capability: str | None
    """None: not used for capabilities."""
    elicitation: str | None
    source: str
    """Data set, or `phrases` and the language."""
    lang: str
    family: str
    """What is left out together: sources that share templates or items, or a quarter of the grammar lines."""


def read_table(path: str, seed: int) -> list[Example]:
    """Rows of the prompt table with our labels, at most `PER_SOURCE` of a source, label and form.

    A conversation is met in two forms: its last turn, as the pipeline wants it, and all of its messages as JSON, as some logs have it.
    """
    columns = ["source", "capability", "system", "prompt", "n_turns", "lang"]
    rows = pq.read_table(path, columns=columns).to_pylist()
    groups: dict[tuple[str, str, bool], list[Example]] = defaultdict(list)
    for row in rows:
        source = row["source"]
        capability = WHOLE_SOURCE.get(source) or CAPABILITY.get(row["capability"], row["capability"])
        elicitation = ELICITATION.get(f"{source}/{capability}", "none")
        if source == "biggen_bench" and capability == "translation":
            continue
        believed = source not in GUESSED or capability in BELIEVED
        example = Example(
            text=_as_sent(row),
            capability=capability if believed else None,
            elicitation=elicitation,
            source=source,
            lang=row["lang"],
            family=FAMILIES.get(source, source),
        )
        groups[source, capability, False].append(example)
        if row["n_turns"] > 1:
            groups[source, capability, True].append(replace(example, text=row["prompt"]))
    rng = random.Random(seed)
    return [e for key in sorted(groups) for e in rng.sample(groups[key], min(PER_SOURCE, len(groups[key])))]


def compose_phrases(table: list[Example], seed: int) -> list[Example]:
    """Sentences of the grammars around questions of the table and answers made of other rows."""
    rng = random.Random(seed)
    pools = _item_pools(table)
    examples: list[Example] = []
    for path in sorted((HERE / "phrases").glob("*.toml")):
        lang, _, wide = path.stem.partition("_")
        grammar = tomllib.loads(path.read_text("utf-8"))
        capabilities = grammar.pop("capability", {})
        for label, lines in [*grammar.items(), *capabilities.items()]:
            n = _copies(lang, label, len(lines) if wide else 0, label in grammar)
            others = grammar["none"] if wide else []
            for _ in range(n):
                line = rng.randrange(len(lines))
                text = (
                    _compose_wide(lines, line, others, pools, lang, rng)
                    if wide
                    else _compose(lines[line], pools, lang, rng)
                )
                examples.append(
                    Example(
                        text=text,
                        capability=None if label in grammar else label,
                        elicitation=_demanded(label)
                        if label in grammar
                        else UNCLEAR_PHRASES.get(label, "none"),
                        source=f"phrases {lang}{' wide' if wide else ''}",
                        lang=lang,
                        family=f"phrases, lines {_quarter(line, label, lang)}",
                    )
                )
    return [e for e in examples + _compose_concepts(pools, rng) if e.text.strip()]


def _demanded(label: str) -> str:
    return "none" if label in ORDINARY else label


def _copies(lang: str, label: str, n_lines: int, elicits: bool) -> int:
    """Texts made of one label of a grammar: by its lines where it is wide."""
    if n_lines:
        return 24 * n_lines
    copies = {"en": 200, "zh": 160}.get(lang, 60)
    return copies * 2 if label == "none" else (copies if elicits else copies // 2)


def _quarter(line: int, label: str, lang: str) -> int:
    return (line + len(label) + ord(lang[0])) % 4


def _compose_wide(
    lines: list[str], line: int, others: list[str], pools: dict[str, list[str]], lang: str, rng: random.Random
) -> str:
    """A line of a wide grammar, now and then with another of its quarter or an ordinary request, in a frame."""
    told = [_choose(lines[line], rng)]
    if rng.random() < 0.25:
        told.append(_choose(rng.choice(lines[line % 4 :: 4]), rng))
    if rng.random() < 0.2:
        told.insert(rng.randint(0, len(told)), _choose(rng.choice(others), rng))
    items = [_item(pools, lang, rng) for _ in range(rng.choice([1, 1, 1, 2]))]
    return frame(told, items, lang, rng)


def _choose(line: str, rng: random.Random) -> str:
    """A line with its choices made."""
    while _CHOICE.search(line):
        line = _CHOICE.sub(lambda match: rng.choice(match.group(1).split("|")), line)
    return line


def _compose_concepts(pools: dict[str, list[str]], rng: random.Random) -> list[Example]:
    """Loose sentences: a word or two of most concepts of an elicitation, in any order, then a question."""
    examples: list[Example] = []
    book = tomllib.loads((HERE / "phrases_concepts.toml").read_text("utf-8"))
    capabilities = book.pop("capability")
    for task, pages in (("elicitation", book), ("capability", capabilities)):
        for lang, grammar in pages.items():
            for label, concepts in grammar.items():
                for number in range({"en": 200, "zh": 160}.get(lang, 80)):
                    text = _loose_sentence(concepts, pools, lang, number % 4 > 0, rng)
                    other = UNCLEAR_PHRASES.get(label, "none")
                    examples.append(
                        Example(
                            text=text,
                            capability=label if task == "capability" else None,
                            elicitation=_demanded(label) if task == "elicitation" else other,
                            source=f"phrases {lang}",
                            lang=lang,
                            family=f"phrases, lines {number % 4}",
                        )
                    )
    return examples


def _loose_sentence(
    concepts: list[str], pools: dict[str, list[str]], lang: str, item: bool, rng: random.Random
) -> str:
    chosen = rng.sample(concepts, rng.randint(max(2, len(concepts) - 1), len(concepts)))
    words = [word for c in chosen for word in rng.sample(c.split("|"), rng.choice([1, 1, 2]))]
    rng.shuffle(words)
    return rng.choice([" ", ", ", ". "]).join(words) + ("\n" + _item(pools, lang, rng) if item else "")


def read_holdout(name: str) -> list[tuple[str, str]]:
    """Text and elicitation of phrasings that were written apart from the grammars, from one file."""
    holdout = tomllib.loads((HERE / name).read_text("utf-8"))
    return [(text, _demanded(label)) for label, texts in holdout.items() for text in texts]


def _as_sent(row: dict) -> str:
    """System prompt and last user turn, as the pipeline will see them."""
    text = row["prompt"]
    if row["n_turns"] > 1:
        with contextlib.suppress(ValueError, LookupError, TypeError):
            text = str(json.loads(text)[-1]["content"])
    return f"{row['system']}\n{text}" if row["system"] else text


def _item_pools(table: list[Example]) -> dict[str, list[str]]:
    """Short texts by language, for the slots."""
    pools: dict[str, list[str]] = defaultdict(list)
    for example in table:
        if example.elicitation == "none":
            text = " ".join(example.text[-600:].split())
            pools[example.lang].append(text[-_slot_length(text) :])
    return pools


def _slot_length(text: str) -> int:
    """A slot length that depends on the text alone: 20 to 420 characters."""
    return 20 + sum(text.encode()[:64]) % 400


def _compose(line: str, pools: dict[str, list[str]], lang: str, rng: random.Random) -> str:
    """One sentence of a grammar line with its slots filled; now and then bare, or with its slot first."""
    line = _choose(line, rng)
    if line == "{q}":
        return _item(pools, lang, rng)
    bare = rng.random() < 0.2
    if line.endswith("{q}") and rng.random() < 0.25:
        line = "{q}\n" + line[: -len("{q}")].rstrip()
    line = line.replace("\\n", "\n")
    while "{q}" in line or "{a}" in line:
        line = line.replace("{q}", "" if bare else _item(pools, lang, rng), 1)
        line = line.replace("{a}", "" if bare else _item(pools, lang, rng)[: rng.choice([4, 12, 200])], 1)
    return line


def _item(pools: dict[str, list[str]], lang: str, rng: random.Random) -> str:
    """A question in the language where there is one, else English or Chinese."""
    own = pools.get(lang, [])
    if own and rng.random() < 0.7:
        return rng.choice(own)
    return rng.choice(pools[rng.choice(["en", "en", "zh"])])
