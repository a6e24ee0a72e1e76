"""The model card: figures of the labels, all of them on sources or phrasings that the judged model never saw."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from label_data import PER_SOURCE, Example

from hydrascope.schema import CAPABILITIES, ELICITATIONS
from hydrascope.sketch.labels import CERTAIN, classify_texts, label_group, load_weights, pool_logits

__all__ = ["Held", "write_card"]

GROUP = 12
"""Rows to a group, as an account's or template's sample."""
REST = {"capability": CAPABILITIES.index("general"), "elicitation": ELICITATIONS.index("none")}
NAMES = {"capability": CAPABILITIES, "elicitation": ELICITATIONS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Calibrated logits of examples from models that saw nothing of their family of sources."""

    index: np.ndarray
    logits: np.ndarray
    temperature: float


def write_card(
    path: Path, examples: list[Example], held: dict[str, Held], holdout: list[tuple[str, str]], n_bytes: int
) -> None:
    """Write docs/model-card.md."""
    vocabulary = len(load_weights().elicitation.weights)
    parts = [
        _HEAD.format(
            n=len(examples),
            per=PER_SOURCE,
            n_kb=n_bytes // 1000,
            vocabulary=vocabulary,
            **{f"least_{task}": least for task, least in CERTAIN.items()},
        ),
        "## Capability, whole sources left out",
        _task("capability", examples, held["capability"]),
        "## Elicitation, whole sources left out",
        _task("elicitation", examples, held["elicitation"]),
        "## Elicitation, phrasings written apart from the grammars",
        _holdout(holdout),
        _FOOT,
    ]
    path.write_text("\n\n".join(parts) + "\n", "utf-8")
    print(f"wrote {path.name}")


def _decide(task: str, logits: np.ndarray) -> np.ndarray:
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    guess = p.argmax(axis=1)
    guess[p.max(axis=1) < CERTAIN[task]] = REST[task]
    return guess


def _in_groups(task: str, examples: list[Example], held: Held, keys: list[tuple[str, str]]) -> np.ndarray:
    """Decisions on the same rows when they come in groups of `GROUP` of one source and label."""
    out = np.zeros(len(held.index), np.int64)
    rows: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row, key in enumerate(keys):
        rows[key].append(row)
    for members in rows.values():
        for at in range(0, len(members), GROUP):
            part = members[at : at + GROUP]
            out[part] = _decide(task, pool_logits(held.logits[part]))
    return out


def _task(task: str, examples: list[Example], held: Held) -> str:
    names, rest = NAMES[task], REST[task]
    seen = [examples[i] for i in held.index]
    truth = np.array([names.index(getattr(e, task)) for e in seen])
    guess = _decide(task, held.logits)
    grouped = _in_groups(task, examples, held, [(e.source, getattr(e, task)) for e in seen])
    real = np.array([not e.source.startswith("phrases") for e in seen])
    english = np.array([e.lang == "en" for e in seen])
    lines = [
        f"| rows | n | argmax | with abstention | in groups of {GROUP} |",
        "|---|---|---|---|---|",
    ]
    best = held.logits.argmax(axis=1)
    for label, mask in {
        "table, all": real,
        f"table, labelled other than {names[rest]}": real & (truth != rest),
        f"table, labelled {names[rest]}": real & (truth == rest),
        "table, English": real & english,
        "table, other languages": real & ~english,
        "grammar lines never seen, English": ~real & english,
        "grammar lines never seen, other languages": ~real & ~english,
    }.items():
        cells = [f"{100 * (choice[mask] == truth[mask]).mean():.1f} %" for choice in (best, guess, grouped)]
        lines.append(f"| {label} | {mask.sum()} | {' | '.join(cells)} |")
    return "\n\n".join(
        [
            "\n".join(lines),
            f"Temperature {held.temperature:.2f} (fitted on held-out rows of the table).",
            "Confusion with abstention, groups, held-out rows of the table (per cent of the row):",
            _confusion(truth[real], grouped[real], names),
            "By source:",
            _by_source(
                task,
                [e for e, r in zip(seen, real, strict=True) if r],
                truth[real],
                guess[real],
                grouped[real],
            ),
        ]
    )


def _confusion(truth: np.ndarray, guess: np.ndarray, names: tuple[str, ...]) -> str:
    used = sorted(set(truth.tolist()) | set(guess.tolist()))
    lines = ["| truth | n | " + " | ".join(names[i] for i in used) + " |", "|---" * (len(used) + 2) + "|"]
    for i in used:
        rows = guess[truth == i]
        if len(rows):
            cells = [f"{100 * (rows == j).mean():.0f}" if (rows == j).any() else "" for j in used]
            lines.append(f"| {names[i]} | {len(rows)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _by_source(
    task: str, seen: list[Example], truth: np.ndarray, guess: np.ndarray, grouped: np.ndarray
) -> str:
    rows: dict[tuple[str, str], list[tuple[bool, bool]]] = defaultdict(list)
    for example, t, g, h in zip(seen, truth, guess, grouped, strict=True):
        rows[example.source, NAMES[task][t]].append((t == g, t == h))
    lines = ["| source left out | label | n | row right | in groups |", "|---|---|---|---|---|"]
    for (source, label), right in sorted(rows.items()):
        alone, together = 100 * np.mean(right, axis=0)
        lines.append(f"| {source} | {label} | {len(right)} | {alone:.0f} % | {together:.0f} % |")
    return "\n".join(lines)


def _holdout(holdout: list[tuple[str, str]]) -> str:
    """Texts alone, and each elicitation's texts as one group."""
    truth = np.array([ELICITATIONS.index(label) for _, label in holdout])
    p = classify_texts([text for text, _ in holdout])[1]
    rest = REST["elicitation"]
    lines = ["| least probability | elicitations found | `none` kept |", "|---|---|---|"]
    for least in (0.0, 0.4, CERTAIN["elicitation"]):
        guess = p.argmax(axis=1)
        guess[p.max(axis=1) < least] = rest
        right = guess == truth
        lines.append(
            f"| {least} | {100 * right[truth != rest].mean():.0f} % | {100 * right[truth == rest].mean():.0f} % |"
        )
    lines += ["", "| class | n | found alone | share when its texts are one group |", "|---|---|---|---|"]
    for code, name in enumerate(ELICITATIONS):
        mine = [text for (text, _), t in zip(holdout, truth, strict=True) if t == code]
        share = label_group(mine)[1].get(name, 0.0)
        lines.append(
            f"| {name} | {len(mine)} | {100 * (guess == code)[truth == code].mean():.0f} % | {share:.2f} |"
        )
    return "\n".join(lines)


_HEAD = """# Model card: capability and elicitation labels

**What they are.** Two softmax classifiers over hashed words (`hydrascope.sketch.label_group`, `classify_texts`): what a
template or account asks the model to be good at, and how its wording draws training signal out of the model. They name
what an analyst sees; **a label is not evidence of guilt**: trainers and evaluators grade with the same rubrics, and
coding agents of honest users write the same thoughts and actions.

**How they work.** Words, pairs of neighbours, five-letter stems, character triples of unspaced scripts and markup,
hashed into 2^20 buckets; a vocabulary of {vocabulary:,} buckets that occur in more than one source; unit length; weights learnt
by AdaGrad with half of the features dropped at random, stored as 8-bit integers ({n_kb} kB, no text). Labels are
looked for in windows of 600 bytes, two at each end of a text, and the clearest window counts. In a group, each text is drawn half-way to the group's mean, and what most texts share is judged by itself. A text whose best label
has probability under {least_capability} (capability) or {least_elicitation} (elicitation) counts as `general` or `none`.

**Trained on** {n:,} texts: at most {per} rows of each source and label of the prompt table given to
`scripts/train_labels.py`, and phrase grammars and word lists of our own (`scripts/phrases/`, `scripts/phrases_concepts.toml`,
eight languages) around its questions. The table has no rows for computer use, data analysis and most elicitations: those
rest on our grammars alone.

**How it is judged.** Families of sources that share templates or items are left out together, an eighth of all at a
time, and grammar lines by quarters; random splits are not shown because they look perfect and mean nothing. Rows of
sources that the table labels by key words are believed only for general, coding and translation. Everything below
is written by the script."""

_FOOT = """The phrasings are by the same people as the grammars, in other words. The word lists were widened after a first look at
what was missed here and then cleared, by a script, of every phrase that occurs here; so these figures lean to the kind
side, and with six or seven texts a class they are a check, not a rate.

## Known weaknesses

- A source unlike any other is often called `general` or `none`: the labels abstain more than they err.
- Grading prompts that the model has not seen are confused with coding where they judge code, and pairwise judging
  (`preference_data`) with `rubric_grading`.
- Tool-use dialogues without the word tool, and agent steps that hold only an observation, look like conversation; the
  pipeline knows declared tools from the log and should trust those first.
- Translation of training data and translation of anything else differ by a word or two.
- Languages other than English and Chinese rest on our grammars; those without a grammar get what they share with
  others (tags, JSON keys, borrowed words)."""
