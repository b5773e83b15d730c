from __future__ import annotations

import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay_benchmarks._gym_answers import as_number, extract, same
from assay_benchmarks._gym_arithmetic import NotArithmeticError, evaluate, solves


@pytest.mark.parametrize(
    ("text", "number", "expected"),
    [
        ("so <answer>12</answer>", True, "12"),
        ("<answer>1</answer> no: <answer> 2 </answer> done", True, "2"),
        ("<answer>There are 3 of them</answer>", True, "3"),
        ("<answer>3 or 4</answer>", True, "3 or 4"),  # hedging is not an answer
        (r"<answer>\boxed{\frac{1}{2}}</answer>", False, r"\frac{1}{2}"),
        (r"\boxed{7} or rather \boxed{8}", True, "8"),
        ("**Answer:** 1,692\nbye", True, "1,692"),
        ("The answer is 5.", True, "5"),
        ("Answer: a b\nc d", False, "a b"),
        ("812 + 880 = 1692", True, "1692"),
        ("First 4.\n\nSo there are 6 legs and an end of -8.5.\n", True, "So there are 6 legs and an end of -8.5."),
        ("First 4.\n\nSo 3 cows have 12 legs.\n", True, "12"),
        ("The answer is 12. I hope this helps.", True, "12"),
        ("<answer>about 3.5 km.</answer>", True, "3.5"),
        ("<answer>5 * 5</answer>", True, "5 * 5"),
        ("**5 + 5 = 10**", True, "10"),
        ("<answer>x = 5</answer>", True, "5"),
        ("<answer>10\n</answer> and not <answer>11</answer>", True, "11"),
        ("no digits here", True, "no digits here"),
        ("<answer>left open", False, "left open"),
        ("  \n ", False, None),
        ("", False, None),
    ],
)
def test_where_the_answer_is_read(text: str, number: bool, expected: str | None) -> None:
    assert extract(text, number=number, multiline=False, complete=True) == expected


@pytest.mark.parametrize("text", ["the sum is 12", "Answer: 12", "<answer>12"])
def test_a_response_cut_off_has_no_last_line(text: str) -> None:
    assert extract(text, number=True, multiline=False, complete=False) is None
    assert extract("<answer>12</answer> an", number=True, multiline=False, complete=False) == "12"


HEDGED = [
    "not 12", "12 or 13", "either 12 or 13", "13; 12", "13, 12", "at least 12", "no more than 12", "never 12",
    "it isn't 12", "12 vs. 13", "12/13 or 12", "12()", "{12.__class__}", "__import__('os')._exit(12)", "print(12)",
    "4" + "12" + " " * 1998, "9" * 3000 + "12", "12x", "x12", "0x12", "12e", "12.5.1", "a[12]", "12 * 12", "12, 12.5",
]  # fmt: skip
"""Texts that hold the number 12 and do not state it."""


@pytest.mark.parametrize("text", HEDGED)
@pytest.mark.parametrize("written", ["<answer>{}</answer>", r"\boxed{{{}}}", "so\nAnswer: {}", "{}", "**{}**"])
def test_a_number_that_is_hedged_or_hidden_is_not_stated(text: str, written: str) -> None:
    found = extract(written.format(text), number=True, multiline=False, complete=True)
    assert found is not None
    assert as_number(found) != 12
    assert not same(found, "12")


@pytest.mark.parametrize(
    "text",
    [
        r"\boxed{13} or \boxed{12}", r"$\boxed{13}$ or maybe $\boxed{12}$", r"\boxed{13} \text{ or } \boxed{12}",
        "<answer>13</answer> or <answer>12</answer>", "<answer>13</answer>, or possibly <answer>12</answer>",
        "Answer: 13 or Answer: 12", "The answer is 13 or the answer is 12", "It is 13. Or maybe 12.",
    ],
)  # fmt: skip
def test_two_answers_joined_by_or_are_none(text: str) -> None:
    for number in (True, False):
        found = extract(text, number=number, multiline=False, complete=True)
        assert found is not None
        assert not same(found, "12")
        assert not same(found, "13")


@pytest.mark.parametrize(
    "text",
    [
        r"\boxed{13}, no: \boxed{12}", r"\boxed{13} or rather \boxed{12}", r"\boxed{12} or \boxed{12}",
        "<answer>13</answer> Wait, that is wrong. <answer>12</answer>", "Answer: 13\nAnswer: 12",
    ],
)  # fmt: skip
def test_an_answer_that_is_taken_back_is_replaced(text: str) -> None:
    assert extract(text, number=True, multiline=False, complete=True) == "12"


def test_several_lines_after_a_marker() -> None:
    assert extract("Answer:\n1 2\n3 4", number=False, multiline=True, complete=True) == "1 2\n3 4"


@pytest.mark.parametrize(
    ("a", "b", "equal"),
    [
        ("1,692", "1692.0", True),
        ("13", "1", False),
        ("4,2", "42", False),
        ("1,2345", "12345", False),
        ("12,345,678.5", "12345678.5", True),
        ("0x1F", "0x1f", True),
        ("1/2", "0.5", True),
        ("−3", "-3", True),
        ("mother.", "mother", True),
        (".", "", False),
        ("true", "True", True),
        ("Mother", "mother", False),
        (" 1  2\n\n3 4 ", "1 2\n3 4", True),
        ("['1.0', '2']", '["1.0","2"]', True),
        ("[1, 2]", "[2, 1]", False),
        ("nan", "nan", True),
        ("{", "[", False),
        ("", "0", False),
    ],
)
def test_sameness(a: str, b: str, equal: bool) -> None:
    assert same(a, b) is equal
    assert same(b, a) is equal


@given(st.booleans(), st.integers(0, 10**30), st.integers(0, 10**6 - 1))
def test_numbers_are_exact(negative: bool, whole: int, decimals: int) -> None:
    value = whole + Fraction(decimals, 10**6)
    assert as_number(f"{'-' if negative else ''}{whole}.{decimals:06d}") == (-value if negative else value)


@given(st.text(max_size=300))
def test_any_text_is_survived(text: str) -> None:
    found = extract(text, number=True, multiline=False, complete=True)
    assert found is None or isinstance(same(found, "12"), bool)
    with pytest.raises(NotArithmeticError):
        evaluate(text + " x")


@pytest.mark.parametrize(
    "text",
    [
        "<answer>" * 200_000,
        "answer" + " " * 1_000_000,
        "answer " * 200_000,
        "\\boxed{" * 200_000,
        "9" * 1_000_000,
        "<answer>" + "1," * 500_000 + "</answer>",
        "[" * 1_000_000,
    ],
)
def test_long_hostile_texts_take_linear_time(text: str) -> None:
    start = time.process_time()
    found = extract(text, number=True, multiline=False, complete=True)
    same(found or "", "12")
    assert time.process_time() - start < 3


@pytest.mark.parametrize(
    ("expression", "right"),
    [
        ("(8 - 2) * 4", True),
        ("4*(8−2) = 24", True),
        ("8 × 2 + 4 × 2", False),  # uses 2 twice
        ("8 + 2 + 4", False),
        ("24", False),
        ("(8-2)*4 = 25", False),
        ("(8-2)*4) ", False),
        ("4*8/0*2", False),
        ("__import__('os').system('id')", False),
        ("8**2**4", False),
        ("9" * 400, False),
        ("(" * 490 + "1", False),
    ],
)
def test_arithmetic_puzzles(expression: str, right: bool) -> None:
    assert solves(expression, [2, 4, 8], 24)[0] is right


@given(st.integers(-9, 9), st.integers(0, 9), st.integers(1, 9))
def test_evaluation_agrees_with_python(a: int, b: int, c: int) -> None:
    assert evaluate(f"({a}) - {b}*{c} / {c} + -{b}")[0] == Fraction(a) - Fraction(b) * c / c - b
