"""Labels of texts and of groups of texts, with the shipped weights."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydrascope.schema import CAPABILITIES, ELICITATIONS
from hydrascope.sketch import classify_texts, label_group, label_recurring, label_verbatim
from hydrascope.sketch.labels import (
    _is_one_demand,
    _said_alike,
    decide,
    elicitation_shares,
    load_weights,
    plain,
    windows_of,
)

HOLDOUTS = Path(__file__).parents[2] / "scripts"
QUESTIONS = [
    "What is the capital of Bhutan?",
    "How many apples are left if Tom has five and eats two?",
    "Write a function that sorts a list.",
    "Explain condensation to a child.",
    "Is 97 prime?",
    "Name three rivers in Chile.",
]


def share(wrapper: str, label: str) -> float:
    """Share of an elicitation among questions in one wrapper."""
    return label_group([wrapper.format(q) for q in QUESTIONS])[1].get(label, 0.0)


@pytest.mark.parametrize(
    ("wrapper", "label"),
    [
        ("Write all of your thoughts between <think> and </think>, the answer in <answer>.\n{}", "inline_tag_forcing"),
        ("{}\nGrade the response with the rubric from 1 to 5, output only the score. Response: fine.", "rubric_grading"),
        ("请把全部思考过程写在<think>标签里,最终答案写在<answer>标签里。{}", "inline_tag_forcing"),
        ("Clean this training sample: remove refusals, duplicates and the model name. {}", "data_cleaning"),
        ("The final answer is given. Reconstruct the full chain of thought behind it, step by step. {}", "reasoning_articulation"),
    ],
)  # fmt: skip
def test_a_wrapper_labels_its_group(wrapper: str, label: str) -> None:
    """The wrapper decides, whatever the questions are about."""
    assert share(wrapper, label) >= 0.8


def test_a_wrapper_is_heard_around_long_items() -> None:
    """What the texts share decides though each of them is mostly something else."""
    items = [
        f"{q} " + f"The river {n} rose in spring and field {n * 7} was wet. " * 40
        for n, q in enumerate(QUESTIONS)
    ]
    wrapper = "Two candidate responses follow; say which one a labeler would prefer, A or B, to train the reward model."
    assert label_group([f"{wrapper}\n\n{item}" for item in items])[1] == {"preference_data": 1.0}
    assert label_group([f"{item}\n\n{wrapper}" for item in items])[1] == {"preference_data": 1.0}
    assert label_group(items)[1] == {"none": 1.0}


def test_plain_questions_are_none() -> None:
    """Without a wrapper nothing is elicited."""
    assert label_group(QUESTIONS)[1] == {"none": 1.0}


def test_shares_sum_to_one_and_name_known_labels() -> None:
    """Both mappings are distributions over the schema's labels."""
    capabilities, elicitations = label_group(
        [*QUESTIONS, "def f(x): return x  # fix the bug in this function"]
    )
    assert sum(capabilities.values()) == pytest.approx(1)
    assert sum(elicitations.values()) == pytest.approx(1)
    assert set(capabilities) <= set(CAPABILITIES)
    assert set(elicitations) <= set(ELICITATIONS)


def test_nothing_to_label() -> None:
    """No texts, nulls and blanks give no shares, and a null in a batch is general and none."""
    assert label_group([]) == ({}, {})
    assert label_group([None, "", "  "]) == ({}, {})
    capability, elicitation = classify_texts([None, ""])
    assert elicitation.argmax(axis=1).tolist() == [ELICITATIONS.index("none")] * 2
    assert np.allclose(capability.sum(axis=1), 1)


def test_labels_do_not_depend_on_the_batch() -> None:
    """A text has the same probabilities alone and among others, and order does not matter to a group."""
    together = classify_texts(QUESTIONS)[1]
    alone = np.vstack([classify_texts([q])[1] for q in QUESTIONS])
    assert np.allclose(together, alone, atol=1e-5)
    assert label_group(QUESTIONS) == label_group(QUESTIONS[::-1])


def test_a_long_text_is_looked_at_from_both_ends() -> None:
    """An instruction behind a long document is found; windows are few whatever the length."""
    document = "The river rose in spring and the fields were wet. " * 400
    tail = "\nPut every thought between <think> and </think> tags and the final answer between <answer> tags."
    best = classify_texts([document + tail])[1][0].argmax()
    assert ELICITATIONS[best] == "inline_tag_forcing"
    assert len(windows_of(document + tail)) == 4


def test_a_demand_in_many_wordings_is_heard_in_what_recurs() -> None:
    """Forty paraphrases around questions of their own ask for the reasoning; the questions alone do not."""
    rng = np.random.default_rng(5)
    verbs = ["write out", "spell out", "lay out", "narrate", "describe", "go through"]
    objects = [
        "each step of your reasoning",
        "how you get to the answer",
        "your train of thought",
        "the thinking behind it",
    ]
    manners = ["in detail", "without skipping", "from the start", "one after another"]
    people = ["Ana", "Bram", "Chen", "Dora", "Emil", "Faye", "Gus", "Hana"]
    items = [
        f"{people[i % 8]} has {int(n)} {thing} and gives {int(n) // 3} away. How many are left?"
        for i, (n, thing) in enumerate(
            zip(rng.integers(9, 99, 40), ["plums", "stamps", "coins", "shells", "books"] * 8, strict=True)
        )
    ]
    varied = [f"{item} {rng.choice(verbs)} {rng.choice(objects)} {rng.choice(manners)}." for item in items]
    assert label_recurring(varied)[1].get("none", 0.0) < 0.3
    assert label_recurring(items)[1]["none"] > 0.6
    assert label_recurring([]) == label_recurring([None, " "]) == ({}, {})


ITEMS = [f"{q} In the year {1900 + n} there were {n * 37} of them." for n, q in enumerate(QUESTIONS * 2)]


@pytest.mark.parametrize(
    "wrapper",
    [
        "{} Derivation in full:",
        "Derivation in full:\n{}",
        "{}\n\nDerivation in full:",
        "{}。Derivation in full:",
    ],
)
def test_a_wrapper_of_a_few_words_is_found_wherever_it_stands(wrapper: str) -> None:
    """The items that it stands around recur in no other text."""
    assert _said_alike([wrapper.format(item) for item in ITEMS]) == "Derivation in full:"


def test_a_wrapper_of_a_few_words_is_heard_alone() -> None:
    """Read with its items it is a hundredth of what they say."""
    long = [f"{item} {item * 12} Derivation in full:" for item in ITEMS]
    assert label_verbatim(long)[1].get("reasoning_articulation", 0.0) >= 0.9
    assert label_verbatim([text.replace("Derivation in full:", "Short answer please.") for text in long])[
        1
    ] == {"none": 1.0}


def test_the_rules_of_a_program_are_not_read_alone() -> None:
    """Pages that all texts begin with are heard with what is asked after them."""
    rules = " ".join(f"Write out every thought about rule {n} in full." for n in range(6))
    assert label_verbatim([f"{rules} {item}" for item in ITEMS]) == ({}, {})


def test_what_no_half_of_the_texts_say_is_no_wrapper() -> None:
    """A sentence of a few, the many wordings of one demand, and nothing at all."""
    assert label_verbatim(ITEMS[:5]) == label_verbatim([]) == label_verbatim([None, " "]) == ({}, {})
    assert _said_alike([f"Think aloud. {item}" for item in ITEMS[:4]] + ITEMS[4:]) == ""
    assert _said_alike([f"{item} Solution:" for item in ITEMS]) == ""


def test_any_text_can_be_labelled() -> None:
    """Lone surrogates, NULs and emoji do not stop it."""
    assert classify_texts(["\ud800 a\x00b 😀", "😀" * 5000])[0].shape == (2, len(CAPABILITIES))


HELD_OUT = {
    "phrases_holdout.toml": 0.55,
    "phrases_holdout_wide.toml": 0.7,
    "phrases_holdout_apart.toml": 0.7,
    "phrases_holdout_languages.toml": 0.9,
}
"""Files of wordings written apart, and the share of each that is found and named at least."""


def held_out(name: str) -> list[tuple[str, str]]:
    """Texts and labels of one file; an agent's steps are ordinary."""
    holdout = tomllib.loads((HOLDOUTS / name).read_text("utf-8"))
    agents = holdout.pop("agent_step", [])
    assert all(len(group) >= 6 for group in holdout.values())
    return [(text, label) for label, group in holdout.items() for text in group] + [
        (text, "none") for text in agents
    ]


def guess(texts: list[tuple[str, str]]) -> np.ndarray:
    """Names of the labels of texts, each read by itself."""
    return np.array(ELICITATIONS)[decide("elicitation", classify_texts([text for text, _ in texts])[1])]


@pytest.mark.parametrize("name", HELD_OUT)
def test_phrasings_written_apart_are_found_more_often_than_not(name: str) -> None:
    """Hold-outs of other wordings and languages: most are found, and named."""
    texts = held_out(name)
    said, label = guess(texts), np.array([label for _, label in texts])
    assert (said != "none")[label != "none"].mean() >= HELD_OUT[name]
    assert (said == label).mean() >= HELD_OUT[name]
    assert (said == "none")[label == "none"].mean() >= 0.93


def test_ordinary_requests_written_apart_are_none() -> None:
    """Of 650 in all hold-outs, half of them close to a demand on purpose, few are taken for one."""
    texts = [(text, label) for name in HELD_OUT for text, label in held_out(name) if label == "none"]
    assert (guess(texts) == "none").mean() >= 0.95


def test_a_text_between_two_elicitations_is_not_none() -> None:
    """What is certain to elicit counts, however the probability is divided; what is not, does not."""
    divided, unsure = np.zeros((2, len(ELICITATIONS)), np.float32)
    divided[[0, 1, -1]] = 0.46, 0.44, 0.1
    unsure[[0, -1]] = 0.55, 0.45
    assert decide("elicitation", np.vstack([divided, unsure])).tolist() == [0, ELICITATIONS.index("none")]


def test_a_group_whose_demand_is_likely_counts_in_part() -> None:
    """What is probable for all of its texts is not nothing, and not all; below the line it is nothing."""
    shares = [elicitation_shares(rows) for rows in map(_as_sure, (0.55, 0.7, 0.75, 0.9))]
    asked = [1 - s.get("none", 0.0) for s in shares]
    assert asked[0] == 0 and asked[3] == 1
    assert 0 < asked[1] < asked[2] < 1
    assert all(sum(s.values()) == pytest.approx(1) for s in shares)


def _as_sure(p: float) -> np.ndarray:
    """Five texts that elicit grading with the same probability."""
    rows = np.zeros((5, len(ELICITATIONS)), np.float32)
    rows[:, ELICITATIONS.index("rubric_grading")], rows[:, ELICITATIONS.index("none")] = p, 1 - p
    return rows


def test_the_shipped_weights_hold_no_text_and_are_small() -> None:
    """Numbers alone, under five megabytes."""
    weights = load_weights()
    assert weights.capability.weights.shape[1] == len(CAPABILITIES)
    assert weights.elicitation.weights.shape[1] == len(ELICITATIONS) - 1
    assert weights.eliciting.weights.shape[1] == len(weights.eliciting.out) + 1
    file = Path(__file__).parents[2] / "src/hydrascope/sketch/weights/labels.npz"
    assert file.stat().st_size < 5_000_000
    with np.load(file, allow_pickle=False) as archive:
        assert all(archive[name].dtype.kind in "if" for name in archive.files)


def test_what_people_of_one_subject_have_in_common_is_no_demand() -> None:
    """Letters about people who want explanations share its words, yet hardly one of them asks for anything by itself."""
    rng = np.random.default_rng(0)
    when = ["Lately", "For months", "Since spring", "Every week"]
    whom = ["my mother", "my roommate", "my sister", "my boss", "my partner", "my teacher"]
    what = [
        "never listens to what I think",
        "asks me to explain myself",
        "wants a reason for each of my decisions",
        "says I should think first",
        "makes me justify how I feel",
        "talks about my problems in detail",
    ]
    rest = [
        "We used to cook together on Sundays and now the kitchen is silent.",
        "The house is cold and the garden has gone wild since the summer.",
        "I sleep badly, eat little, and the days seem long and grey.",
        "Work is slow at the shop and the rent goes up in the new year.",
        "My thoughts run in circles before I say a word.",
        "I write long letters and never send them.",
    ]
    letters = [
        f"{rng.choice(when)} {rng.choice(whom)} {rng.choice(what)}. {rng.choice(rest)} {rng.choice(rest)} What would you do?"
        for _ in range(80)
    ]
    assert (1 - classify_texts(letters)[1][:, -1] >= 0.83).mean() < 0.1
    assert label_recurring(letters)[1] == {"none": 1.0}


@given(st.text(st.characters(min_codepoint=0xA0, exclude_categories=["Cs"])))
def test_escapes_of_a_json_program_are_read_as_what_they_stand_for(text: str) -> None:
    """Whole languages are sent so; a text without any is left alone."""
    assert plain(json.dumps({"task": text})) == json.dumps({"task": text}, ensure_ascii=False)
    assert plain(text) == text


def test_half_of_a_pair_of_escapes_is_no_error() -> None:
    """A text that was cut in the middle of one is read up to there."""
    assert plain(r"cut \ud83d") == "cut ?" and plain(r"cut \u8b") == r"cut \u8b"


def test_a_whole_episode_is_a_demand_and_an_agents_next_step_is_not() -> None:
    """The one is made up for whoever asks, the other is carried out by the program that asked."""
    episode = "Write the whole session of an agent that answers this, both its calls and what the tools return, all made up by you. {}"
    step = "You have the tools search and calculator. Give one thought and one action as JSON; we run it and send you what came back. {}"
    assert share(episode, "agent_trajectory") >= 0.8
    assert share(step, "none") >= 0.8


def test_an_agents_steps_do_not_make_what_recurs_a_demand() -> None:
    """Customers of a relay who use one agent send its steps, and have words in common that no demand held together."""
    steps = [
        f"Thought: I should look at file {i} next. Action: open[src/part_{i}.py] Observation: def f_{i}(x): return x + {i}"
        for i in range(40)
    ]
    _, elicitations = label_recurring(steps)
    assert elicitations.get("none", 0.0) > 0.5


@pytest.mark.parametrize(
    ("found", "heard"),
    [
        ({"rl_task_writing": 0.9, "none": 0.1}, True),
        ({"rubric_grading": 0.4, "preference_data": 0.35, "none": 0.25}, True),
        ({"rl_task_writing": 0.27, "preference_data": 0.14, "rubric_grading": 0.12, "inline_tag_forcing": 0.06}, False),
        ({"agent_trajectory": 0.9, "rubric_grading": 0.05}, True),
    ],
)  # fmt: skip
def test_what_looks_a_little_like_every_demand_is_none(found: dict[str, float], heard: bool) -> None:
    """A relay's customers ask for many things; one who writes in many wordings asks for one."""
    assert _is_one_demand(found) == heard
