"""Words and spaces that change a value must not be dropped, and nothing white space can do makes a pattern hang."""

from __future__ import annotations

import time

import pytest

from assay_plugins.boxed_math import BoxedMath

boxed = BoxedMath()

ANOTHER_VALUE = [
    r"5\text{ (or 6)}", r"5\text{ or maybe 6}", "5 maybe 3", r"5\text{ but possibly }7", r"5\text{ vs }6",
    r"5\text{ is wrong}", "5 not", r"5\text{ or more}", r"5\text{ at most}", "5 plus 3", r"5\text{ times }x",
    r"5\text{ minus }2", "5 choose 2", "5 squared", "5 factorial", r"5\text{ more than }x", "5 less than x",
    "5 hundredths", "5 halves", r"5\text{ ft }3\text{ in}", r"5\text{ if }n\text{ is even, else }6",
]  # fmt: skip
THE_SAME_VALUE = [
    r"5\text{ cm}^2", "5 cm^2", r"5\text{ square units}", "5 apples", r"5\text{ m/s}^2", "5 times",
    "5 dollars per hour", r"5\text{ of the students}", r"5\text{ cm}", r"5\text{ cm}^{2}", "5 m2",
]  # fmt: skip
SPACED = [("54", "5 4"), ("56", r"5 \quad 6"), ("345", "3 4 5"), ("(12)", "(1 2)"), ("11/2 cups", "1 1/2 cups")]


@pytest.mark.parametrize("answer", ANOTHER_VALUE)
def test_words_that_change_a_value_are_not_dropped(answer: str) -> None:
    assert not boxed.same_answer("5", answer)
    assert not boxed.same_answer(answer, "5")


@pytest.mark.parametrize("answer", THE_SAME_VALUE)
def test_words_that_say_what_is_counted_are(answer: str) -> None:
    assert boxed.same_answer("5", answer)


def test_bold_is_typography_and_a_power_is_not() -> None:
    assert boxed.same_answer(r"\pi", "$**π**$")
    assert not boxed.same_answer("65", "2**3+4**2")


@pytest.mark.parametrize(("a", "b"), SPACED)
def test_digits_apart_are_not_one_number(a: str, b: str) -> None:
    assert not boxed.same_answer(a, b)


@pytest.mark.parametrize(
    "text",
    [
        r"\boxed{-" + " " * 400 + "x}",
        r"\boxed{5" + " " * 3_900 + "x}",
        "Answer: -" + "\n" * 300 + "x",
        r"\boxed{$ -" + " " * 120 + r"\$" + " " * 120 + "x}",
        "Answer: " + "a" * 1_400 + "=1" * 280 + " x x",
        *(rf"\boxed{{{power}}}" for power in ("2^{10^{400}}", "(1/2)^{10^{400}}", "2^{3000!}", "0.5^{1e999}")),
    ],
)
def test_nothing_hangs_or_overflows(grade, text: str) -> None:
    started = time.thread_time()
    verdict = grade(BoxedMath(extraction="marker"), text, "1")
    assert verdict.score == 0.0 or verdict.outcome == "refused", verdict
    assert time.thread_time() - started < 2.0
