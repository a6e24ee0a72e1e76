"""Finding the constant parts and the slots of a template in a sample of its texts."""

from __future__ import annotations

import time

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from hydrascope.sketch import sketch_texts, template_parts

QUESTIONS = [
    "What is the capital of Bhutan?",
    "How many legs do nine spiders have",
    "Write a function that sorts a list in Rust",
    "Explain condensation to a child.",
    "Is 97 prime?",
    "Name three rivers in Chile",
]
FRAGEN = ["小明有五个苹果", "为什么天是蓝的", "法国的首都在哪里", "什么是光合作用", "如何煮鸡蛋"]


def outline(texts: list[str], **options: object) -> list[str | None]:
    """Constant texts in order, None for each slot."""
    return [None if part.slot else part.text for part in template_parts(texts, **options)]


def test_a_wrapper_in_front() -> None:
    """The instruction is constant, the question a slot with examples."""
    parts = template_parts([f"Grade this on a scale of one to ten.\n{q}" for q in QUESTIONS], max_examples=2)
    assert [part.text for part in parts] == ["Grade this on a scale of one to ten.", ""]
    assert parts[1].examples == (QUESTIONS[0], QUESTIONS[1])


def test_a_wrapper_at_the_end() -> None:
    """Punctuation that only some questions end with belongs to the slot."""
    texts = [f"{q}\nNow give the reasoning first, then the answer." for q in QUESTIONS]
    assert outline(texts) == [None, "Now give the reasoning first, then the answer."]


def test_a_wrapper_in_the_middle_among_noise() -> None:
    """Texts that have nothing of the template do not disturb it."""
    texts = [f"{q[:9]} Remember to think in the user's language only. {q[9:]}" for q in QUESTIONS]
    assert outline([*texts, "a note about dogs", "quite another thing"]) == [
        None,
        "Remember to think in the user's language only.",
        None,
    ]


def test_two_slots_over_several_lines() -> None:
    """Each varying piece is its own slot."""
    answers = ["Thimphu", "seventy-two", "use sort", "water on cold glass", "yes", "Maipo, Loa, Biobio"]
    texts = [
        f"Question: {q}\nCandidate: {a}\nGrade it from 1 to 10."
        for q, a in zip(QUESTIONS, answers, strict=True)
    ]
    assert outline(texts) == ["Question:", None, "Candidate:", None, "Grade it from 1 to 10."]


def test_a_chinese_wrapper_around_a_slot() -> None:
    """Scripts without spaces are aligned character by character."""
    texts = [f"请把全部思考过程写在标签里。{q}。答案写在最后一行。" for q in FRAGEN]
    assert outline(texts) == ["请把全部思考过程写在标签里。", None, "。答案写在最后一行。"]


def test_numbers_that_vary_are_slots() -> None:
    """A counter inside a constant sentence becomes a slot."""
    assert outline([f"This is item {n} of the list, answer in one word." for n in range(6)]) == [
        "This is item",
        None,
        "of the list, answer in one word.",
    ]


def test_texts_without_a_wrapper_are_one_slot() -> None:
    """Stop words in common are no template; one text alone shows no template either."""
    assert outline(QUESTIONS) == [None]
    assert outline(QUESTIONS[:1]) == [None]
    assert template_parts([]) == []
    assert template_parts(["", " \n"]) == []


def test_equal_texts_are_one_constant() -> None:
    """Nothing varies, so there is no slot."""
    assert outline(["the same text every time"] * 4) == ["the same text every time"]


def test_heavy_shingles_choose_the_texts() -> None:
    """Texts with none of the template's shingles are left out, however many they are."""
    texts = [f"Put every thought you have between the tags. {q}" for q in QUESTIONS[:4]]
    heavy = set(sketch_texts(pa.array(["Put every thought you have between the tags."])).shingles.tolist())
    noise = [f"{q} {q}" for q in QUESTIONS for _ in range(3)]
    assert outline([*noise, *texts], heavy=heavy) == ["Put every thought you have between the tags.", None]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=40), max_size=6), st.integers(1, 3))
def test_any_texts_give_parts(texts: list[str], max_examples: int) -> None:
    """No text makes it fail; constant parts are not empty and slots have examples, no more than asked for."""
    for part in template_parts(texts, max_examples=max_examples):
        assert bool(part.text) != part.slot
        assert len(part.examples) <= max_examples
        assert bool(part.examples) == part.slot


def test_twenty_texts_of_two_kilobytes_are_quick() -> None:
    """Fast enough to be done for every template of a report."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = [a + b + c for a in letters for b in letters for c in letters]
    texts = [
        "Judge the answer below with care. " + " ".join(words[(i * 7919 + j * j) % 17000] for j in range(450))
        for i in range(20)
    ]
    template_parts(texts)
    start = time.process_time()
    assert outline(texts)[0] == "Judge the answer below with care."
    assert time.process_time() - start < 0.5
