from __future__ import annotations

import time

import pytest

from assay import Outcome
from assay_plugins.multiple_choice import MultipleChoice, register_verifiers

choice = MultipleChoice()
CHOICES = ["4 m/s", "the red one", "A", "$\\frac{1}{2}$"]
KEY = {"answer": "B", "choices": CHOICES}

PICKED = [
    ("Answer: B", "B"), ("**Answer: B**", "B"), ("**Answer:** B", "B"), ("Answer: $B$", "B"), ("Answer: \\text{B}",
    "B"),
    ("Answer: (B)", "B"), ("Answer: B) the red one", "B"), ("Answer: B. the red one", "B"), ("answer: b", "B"),
    ("The answer is B.", "B"), ("Answer: $\\boxed{B}$", "B"), ("\\boxed{B}", "B"), ("\\boxed{\\text{B}}", "B"),
    ("\\boxed{(B)}", "B"), ("\\boxed{\\text{(B) the red one}}", "B"), ("\\boxed{the red one}", "B"),
    ("It is clear.\n\nThe red one.", "B"), ("Therefore:\nB", "B"), ("Therefore:\n**(B)**", "B"), ("答案：B", "B"),
    ("Respuesta: B", "B"), ("Réponse : B", "B"), ("Antwort: B", "B"), ("Ответ: B", "B"), ("الإجابة: B", "B"),
    ("Answer: A\nwait\nAnswer: B", "B"), ("Answer: D\n\n\\boxed{B}", "D"), ("\\boxed{\\frac{1}{2}}", "D"),
    ("Answer: B\n\nBecause the red one is it.", "B"), ("Answer:\n\nB", "B"), ("Answer: Ｂ", "B"),
    ("\\boxed{A}, no: \\boxed{B}", "B"), ("\\boxed{A} or rather \\boxed{B}", "B"),
    ("\\boxed{A}\n\nIn the end \\boxed{B}", "B"),
    ("\\boxed{B} or \\boxed{B}", "B"), ("\\boxed{the red one}, \\boxed{B}", "B"), ("\\boxed{7}, \\boxed{B}", "B"),
    ("Answer: A\nNo, that is wrong. Answer: B", "B"), ("Answer: B because A or C would be too large", "B"),
    ("Answer: B. A is too small.", "B"), ("Answer: (B) and not something else", "B"), ("Answer: B (the red one)", "B"),
    ("Answer: B, because A is wrong", "B"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "letter"), PICKED)
def test_the_chosen_letter(grade, text: str, letter: str) -> None:
    verdict = grade(choice, text, KEY)
    assert verdict.outcome is Outcome.GRADED, verdict
    assert verdict.details["letter"] == letter
    assert verdict.extracted == CHOICES["ABCD".index(letter)]
    assert verdict.score == float(letter == "B")


NOTHING = [
    "Answer: A or B", "Answer: A, B", "\\boxed{A or B}", "Answer: A and B", "I think A is good but B is better.",
    "A triangle has three sides.", "Answer: A triangle", "", "Answer:", "Answer: unknown", "Answer: A/B",
    "\\boxed{A} or \\boxed{B}", "\\boxed{B} or \\boxed{A}", "$\\boxed{A}$ or maybe $\\boxed{B}$",
    "\\boxed{A}, \\boxed{B}",
    "\\boxed{A} and \\boxed{B}", "\\boxed{A} \\text{ or } \\boxed{B}", "\\boxed{A} 或 \\boxed{B}",
    "\\boxed{C}, \\boxed{A}, \\boxed{B}",
    "\\boxed{42} or \\boxed{B}", "Answer: A or Answer: B", "The answer is A, or perhaps the answer is B.",
    "Answer: (a) or (b)", "Answer: (A) or (B)", "Answer: A (or B)", "Answer: A or maybe B", "Answer: A, possibly B",
    "Answer: (A) or the red one", "Answer: A ou B", "Answer: A или B", "Answer: not B", "\\boxed{not B}",
]  # fmt: skip


@pytest.mark.parametrize("text", NOTHING)
def test_no_single_choice_is_no_answer(grade, text: str) -> None:
    assert grade(choice, text, KEY).outcome is Outcome.NO_ANSWER


def test_the_reasoning_is_never_read(grade) -> None:
    assert grade(choice, "<think>Answer: B</think>\nAnswer: A", KEY).score == 0
    assert grade(choice, "<think>Answer: B", KEY).outcome is Outcome.NO_ANSWER
    assert grade(choice, "Answer: B", KEY, prefill="<think>\n", cut=True).outcome is Outcome.TRUNCATED


def test_a_letter_out_of_range_is_wrong(grade) -> None:
    verdict = grade(choice, "Answer: Q", KEY)
    assert verdict.score == 0
    assert verdict.extracted == "Q"


def test_votes_are_comparable_across_permutations(grade) -> None:
    first = grade(choice, "Answer: A", {"answer": "A", "choices": ["x", "y"]})
    second = grade(choice, "Answer: B", {"answer": "B", "choices": ["y", "x"]})
    assert first.score == second.score == 1
    assert choice.same_answer_fast(first.extracted, second.extracted)


def test_references(grade) -> None:
    assert grade(choice, "Answer: B", "B").extracted == "B"
    assert grade(choice, "Answer: C", ["B", "C"]).score == 1
    for reference in (None, "", "BB", 3, {"choices": ["x"]}, {"answer": "C", "choices": ["x", "y"]}):
        verdict = grade(choice, "Answer: B", reference)
        assert (verdict.outcome, verdict.details["unusable_reference"]) == (Outcome.ERROR, True)
        assert "multiple_choice" in verdict.reason
        assert choice.check_reference(reference) in verdict.reason
    for reference in ("B", ["B", "C"], KEY):
        assert choice.check_reference(reference) is None


def test_span_and_registration(grade) -> None:
    text = "<think>x</think>so \\boxed{B} yes"
    start, end = grade(choice, text, "B").details["span"]
    assert text[start:end] == "\\boxed{B}"
    assert register_verifiers() == {"multiple_choice": MultipleChoice}


@pytest.mark.parametrize("piece", ["Answer: ", "\\boxed{", "{", "A or ", " ", "答案：", "Answer: B\n", "$", "(A"])
def test_a_megabyte_takes_under_a_second(grade, piece: str) -> None:
    started = time.thread_time()
    grade(choice, piece * (10**6 // len(piece)), KEY)
    assert time.thread_time() - started < 1.0


def test_a_lone_capital_is_a_letter_even_where_an_option_is_spelt_like_it(grade) -> None:
    reference = {"answer": "A", "choices": ["d", "b", "a", "c"]}
    for text in ("Answer: A", "Answer: (A)", r"Answer: $\text{A}$", r"\boxed{A}", "so\nA"):
        verdict = grade(choice, text, reference)
        assert (verdict.score, verdict.extracted) == (1.0, "d"), text
    assert grade(choice, "Answer: a", reference).extracted == "a"
