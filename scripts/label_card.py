"""The model card: figures of the labels, all of them on sources or phrasings that the judged model never saw."""

from __future__ import annotations

import re
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from label_data import PER_SOURCE, Example, read_holdout

from hydrascope.schema import CAPABILITIES, ELICITATIONS
from hydrascope.sketch.labels import (
    CERTAIN,
    LIKELY,
    classify_texts,
    decide,
    elicitation_probabilities,
    label_group,
    load_weights,
    pool_logits,
)

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
    temperatures: dict[str, float]
    """By model."""


def write_card(
    path: Path, examples: list[Example], held: dict[str, Held], n_bytes: int, sizes: dict[str, float]
) -> None:
    """Write docs/model-card.md."""
    vocabulary = len(load_weights().elicitation.weights)
    parts = [
        _HEAD.format(
            n=len(examples),
            per=PER_SOURCE,
            n_kb=n_bytes // 1000,
            **sizes,
            group=GROUP,
            ms=_time_group(examples),
            vocabulary=vocabulary,
            likely=LIKELY,
            units=len(load_weights().eliciting.out),
            **{f"least_{task}": least for task, least in CERTAIN.items()},
        ),
        "## Capability, whole sources left out",
        _task("capability", examples, held["capability"]),
        "## Elicitation, whole sources left out",
        _task("elicitation", examples, held["elicitation"]),
        "## Elicitation, whole requests written apart",
        judge_holdout(read_holdout("phrases_holdout_apart.toml")),
        _APART,
        "## Elicitation, wordings by people who saw neither grammars nor features",
        judge_holdout(read_holdout("phrases_holdout_wide.toml")),
        _in_wrappers(read_holdout("phrases_holdout_wide.toml"), examples),
        _WIDE,
        "## Elicitation, requests in the manner of published recipes for synthetic data",
        judge_holdout(read_holdout("phrases_holdout_recipes.toml")),
        _RECIPES,
        "## Elicitation, whole requests in seven more languages",
        judge_holdout(read_holdout("phrases_holdout_languages.toml")),
        _LANGUAGES,
        "## Elicitation, phrasings written apart from the grammars",
        judge_holdout(read_holdout("phrases_holdout.toml")),
        _FOOT,
    ]
    path.write_text("\n\n".join(parts) + "\n", "utf-8")
    print(f"wrote {path.name}")


def _time_group(examples: list[Example], n_groups: int = 200) -> float:
    """Milliseconds of processor time that a group of the table's texts takes."""
    texts = [e.text for e in examples if not e.source.startswith("phrases")]
    label_group(texts[:GROUP])
    before = time.process_time()
    for number in range(n_groups):
        label_group(texts[number * GROUP : (number + 1) * GROUP])
    return 1000 * (time.process_time() - before) / n_groups


def _probabilities(task: str, logits: np.ndarray) -> np.ndarray:
    if task == "elicitation":
        return elicitation_probabilities(logits)
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


def _decide(task: str, logits: np.ndarray) -> np.ndarray:
    return decide(task, _probabilities(task, logits))


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
    best = _probabilities(task, held.logits).argmax(axis=1)
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
            "Temperatures, fitted on held-out rows: "
            + ", ".join(f"{name} {value:.2f}" for name, value in held.temperatures.items())
            + ".",
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


def judge_holdout(holdout: list[tuple[str, str]]) -> str:
    """Texts alone, and each elicitation's texts as one group, by the shipped weights."""
    truth = np.array([ELICITATIONS.index(label) for _, label in holdout])
    p = classify_texts([text for text, _ in holdout])[1]
    rest = REST["elicitation"]
    named = p[:, :rest].argmax(axis=1) == truth
    return "\n\n".join(
        [
            _by_threshold(1 - p[:, rest], named, truth != rest),
            _by_class(holdout, truth, decide("elicitation", p)),
            _by_language([text for text, _ in holdout], truth, decide("elicitation", p)),
        ]
    )


def _by_threshold(elicits: np.ndarray, named: np.ndarray, some: np.ndarray) -> str:
    lines = [
        "| least probability of eliciting | elicitations found | found and named right | `none` kept |",
        "|---|---|---|---|",
    ]
    leasts = {f"{least}": least for least in sorted({0.5, 0.7, 0.8, 0.9, CERTAIN["elicitation"]})}
    leasts |= {f"where {kept} % of `none` are kept": _least(elicits[~some], kept) for kept in (95, 97)}
    for name, least in leasts.items():
        found = elicits >= least
        rates = (found[some], (found & named)[some], ~found[~some])
        lines.append(f"| {name} | " + " | ".join(f"{100 * rate.mean():.0f} %" for rate in rates) + " |")
    return "\n".join(lines)


def _least(none: np.ndarray, kept: int) -> float:
    """The smallest threshold that at least `kept` per cent of the texts of `none` stay under."""
    return float(np.nextafter(np.quantile(none, kept / 100, method="higher"), np.float32(2)))


def _by_class(holdout: list[tuple[str, str]], truth: np.ndarray, guess: np.ndarray) -> str:
    rest = REST["elicitation"]
    lines = [
        "| class | n | right that it elicits, alone | named right | share of its texts right as one group |",
        "|---|---|---|---|---|",
    ]
    for code, name in enumerate(ELICITATIONS):
        mine = truth == code
        texts = [text for (text, _), m in zip(holdout, mine, strict=True) if m]
        if not texts:
            continue
        none = label_group(texts)[1].get("none", 0.0)
        right = (guess == rest) == (code == rest)
        cells = f"{100 * right[mine].mean():.0f} % | {100 * (guess == code)[mine].mean():.0f} %"
        lines.append(f"| {name} | {len(texts)} | {cells} | {none if code == rest else 1 - none:.2f} |")
    return "\n".join(lines)


def _in_wrappers(holdout: list[tuple[str, str]], examples: list[Example]) -> str:
    """Each wording around questions of the table, as a template's texts: the wording first, last, and with long items."""
    plain = [e for e in examples if e.elicitation == "none" and not e.source.startswith("phrases")]
    items = {
        "short items": [e.text for e in plain if 20 <= len(e.text) < 400],
        "long items": [e.text for e in plain if 1500 <= len(e.text) < 6000],
    }
    none = np.array([label == "none" for _, label in holdout])
    lines = [
        f"| each wording as a group of {GROUP} | groups that elicit, found | groups of `none` kept |",
        "|---|---|---|",
    ]
    for name, pool in items.items():
        for place in ("before", "after"):
            shares = np.array([_share(text, place, pool, number) for number, (text, _) in enumerate(holdout)])
            found = shares >= 0.5
            lines.append(
                f"| {place} {name} | {100 * found[~none].mean():.0f} % | {100 * (~found[none]).mean():.0f} % |"
            )
    return "\n".join(lines)


def _share(wording: str, place: str, pool: list[str], number: int) -> float:
    """How much of a group elicits that has one wording around a dozen items."""
    items = [pool[(number * GROUP + i) * 7919 % len(pool)] for i in range(GROUP)]
    texts = [f"{wording}\n\n{item}" if place == "before" else f"{item}\n\n{wording}" for item in items]
    return 1 - label_group(texts)[1].get("none", 0.0)


def _by_language(texts: list[str], truth: np.ndarray, guess: np.ndarray) -> str:
    """By the language that a text's letters and small words point to."""
    rest, languages = REST["elicitation"], np.array([_language(text) for text in texts])
    lines = ["| language | n | elicitations found alone | n | `none` kept alone |", "|---|---|---|---|---|"]
    for language in sorted(set(languages), key=lambda name: -int((languages == name).sum())):
        mine = languages == language
        some, none = mine & (truth != rest), mine & (truth == rest)
        cells = [
            f"{part.sum()} | {100 * hit[part].mean():.0f} %" if part.any() else "0 | "
            for part, hit in ((some, guess != rest), (none, guess == rest))
        ]
        lines.append(f"| {language} | {' | '.join(cells)} |")
    return "\n".join(lines)


_SCRIPTS = {
    "Japanese": "[\u3040-\u30ff]",
    "Korean": "[\uac00-\ud7a3]",
    "Chinese": "[\u4e00-\u9fff]",
    "Russian, other Cyrillic": "[\u0400-\u04ff]",
    "Arabic": "[\u0600-\u06ff]",
    "Hindi": "[\u0900-\u097f]",
}
_SMALL_WORDS = {
    "English": "the and of to is with in that for a",
    "Spanish, Portuguese, Italian": "el los las una que en por con del para il di che um uma não os e la",
    "French": "le les des une est dans et pour tu que du vous ou la",
    "German": "der die das und ist nicht mit ein eine den im auf zu",
    "Turkish": "ve bir bu için ile da ne olarak her gibi mi",
    "Vietnamese": "và của là có không cho một các bạn tôi này",
    "Indonesian": "dan yang di untuk dengan ini itu saya dari pada tidak",
}


def _language(text: str) -> str:
    for name, letters in _SCRIPTS.items():
        if len(re.findall(letters, text)) >= 0.1 * len(text):
            return name
    words = re.findall(r"[^\W\d_]+", text.lower())
    counts = {name: sum(w in small.split() for w in words) for name, small in _SMALL_WORDS.items()}
    best = max(counts, key=lambda name: counts[name])
    return best if counts[best] else "other"


_HEAD = """# Model card: capability and elicitation labels

**What they are.** Small classifiers over hashed words (`hydrascope.sketch.label_group`, `classify_texts`): what a
template or account asks the model to be good at; whether its wording draws training signal out of the model; and how,
which is asked apart so that a text between two elicitations is not taken for none. Capability and kind of elicitation are softmax
regressions; whether anything is elicited is asked of {units} rectified units and a straight path beside them. They name
what an analyst sees; **a label is not evidence of guilt**: trainers and evaluators grade with the same rubrics, and
coding agents of honest users write the same thoughts and actions.

**How they work.** Words, pairs of neighbours, five-letter stems, character triples of unspaced scripts and markup,
hashed into 2^20 buckets. Beside them what the words mean: a lexicon of {entries:,} words, beginnings and sequences in fifteen
languages (`scripts/lexicon.toml`, shipped as hashes) names {concepts} concepts, such as reasoning, completeness, container,
judging, training; each concept, its order and company within a sentence, and each pair in a window are hashed into
2^17 buckets more. A vocabulary of up to {vocabulary:,} buckets that occur in more than one source; unit length; weights learnt by
AdaGrad with half of the features (three in ten for elicitations) dropped at random, {blind:.0%} of the steps seeing
concepts alone, and three quarters of the texts read with a lexicon that lacks {lacking:.0%} of its entries, so that what is in
neither is met in training; stored as 8-bit integers ({n_kb} kB, no text). Labels are looked for in windows of 600 bytes,
two at each end of a text, and the clearest window counts. In a group, each text is drawn half-way to the group's mean,
and what most texts share is judged by itself and weighs the more the more it is. A text whose best capability has a probability
under {least_capability} counts as `general`; one that elicits anything with a probability under {least_elicitation} (at even odds beforehand;
about 95 % of ordinary texts left out are then kept alone) counts as `none`, and any other as its most likely elicitation; in a group, one between {likely} and that counts in part.
Where a group puts its requests in many wordings, what recurs in one text of fifty is labelled once, as one text (`label_recurring`), if one text in ten demands something by itself and one kind is half of what is demanded: people of one subject, and customers of one relay, have many words in common. What half of them say word for word, sentence by sentence, is read alone (`label_verbatim`): a wrapper of two words drowns in its items. Texts are read with JSON escapes written out. A group of {group} takes {ms:.1f} ms of one core.

**Trained on** {n:,} texts: at most {per} rows of each source, label and form (last turn, or all messages as JSON) of the prompt table given to
`scripts/train_labels.py`, and phrase grammars and word lists of our own (`scripts/phrases/`, `scripts/phrases_concepts.toml`,
fifteen languages; `scripts/phrase_frames.py` lays both sides out alike) around its questions. The table has no rows for computer use, data analysis and most elicitations: those
rest on our grammars alone.

**How it is judged.** Families of sources that share templates or items are left out together, an eighth of all at a
time, and grammar lines by quarters; random splits are not shown because they look perfect and mean nothing. Rows of
sources that the table labels by key words are believed only for general, coding and translation. Everything below
is written by the script."""

_APART = """Twenty-four requests of every class with their items, and 240 ordinary ones, half of them close to an elicitation on purpose, a fifth in Chinese; some follow
well-known public templates. Written after the rest and without a look at grammars, lexicon or other files, while the last grammars (`software`, `lessons`, `fields`, `verdicts`, `making`,
`agents`, `natives`) were, by others. The hidden layer, its units and its epochs were chosen with this file's totals in view, beside those of the files below."""

_WIDE = """Some 33 wordings of every class and 244 ordinary requests, many of them close to an elicitation on purpose, in several
languages. They were written by others than the grammars, lexicon and features, and neither side read the other's; no grammar line or
lexicon entry was written with their text in view. Their totals were looked at about ten times while features and settings
were chosen (by grammar lines left out; the weight of what a group's texts share by the last table above), so these
figures may lean to the kind side a little. The language is guessed from letters and small words."""

_RECIPES = """Some 150 requests as recipes for synthetic training data make them (instructions in the manner of seeds, harder versions of a
prompt, pairs from a document, dialogues with oneself, judging by aspects, rewriting of web text) and 124 honest ones that look
alike (teachers, testers, novelists, interviewers). Written apart from the grammars. That such requests were found half of the
time (and strings of an application to be translated were taken for training records, hence `honest`) is why there are grammars
named `recipes`, `plain`, `system`, `domains`, `wrappers` and `oblique`, written without a look at this file or the one above;
totals of both files were looked at some ten times, to see whether more wordings still help and to choose the size of the
vocabulary."""

_LANGUAGES = """Two requests of most classes and 15 ordinary ones, an agent's step among them, in each of Portuguese, Italian, Turkish, Vietnamese, Indonesian, Arabic and Hindi,
and 40 ordinary ones in English and Chinese that are agents' steps or come near written episodes and tasks. Written without a look at grammars or lexicon, while the grammars of these languages were, by others;
looked at once those were done."""

_FOOT = """The phrasings are by the same people as the grammars, in other words. The word lists were widened after a first look at
what was missed here and then cleared, by a script, of every phrase that occurs here; so these figures lean to the kind
side, and with six or seven texts a class they are a check, not a rate.

## Known weaknesses

- Wordings of people who never saw the grammars are found less often in English than elsewhere: the English ones of the
  wide file are the most varied. Judging, preferences, evasion and task writing are the least well found classes.
- An ordinary request that speaks of tags, scores, training data or politics is the usual false alarm; a group of such
  requests is rarely one, since its texts are drawn together.
- Only the first and last 1,200 bytes of a text are read: an instruction in the middle of a long document is not seen.
- A source unlike any other is often called `general` or `none`: the labels abstain more than they err.
- Grading prompts that the model has not seen are confused with coding where they judge code, and pairwise judging
  (`preference_data`) with `rubric_grading`.
- Tool-use dialogues without the word tool look like conversation; the
  pipeline knows declared tools from the log and should trust those first.
- Translation of training data and translation of anything else differ by a word or two.
- Languages other than English and Chinese rest on our grammars (Spanish, German, French, Japanese, Korean, Russian, and fewer lines of
  Portuguese, Italian, Turkish, Vietnamese, Indonesian, Arabic and Hindi); others get what they share with these: tags, JSON keys, borrowed words.
- A program that runs an agent and an agent's roll-out that is kept for training send the same steps: both are `none`. Only what asks for an
  episode to be made up, or says that it is kept as a demonstration, is `agent_trajectory`."""
