"""Rules of comparison: hand-made pairs, an independent copy of LiveCodeBench's rule, and linear time."""

from __future__ import annotations

import time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay_plugins.code_tests.comparison import RULES, Rule, difference, read_rule, same_output

PAIRS = [
    # rule, expected, got, same
    ("lcb", "1 2\n3\n", "1 2  \n 3", True),
    ("lcb", "1 2\n3\n", "1 2 3", False),
    ("lcb", "1.0\n", "1", True),
    ("lcb", "1.0 x\n", "1 x", False),
    ("lcb", "1  2", "1 2", True),
    ("lcb", "a  b", "a b", False),
    ("lcb", "1e2", "100.00", True),
    ("lcb", "0.1", "0.10000000000000000000000000000000000001", False),
    ("lcb", "nan", "NaN", False),
    ("lcb", "sNaN", "1", False),
    ("lcb", "1", "", False),
    ("lcb", "10", "1_0", False),
    ("lcb", "3", "٣", False),
    ("lcb", "", "", True),
    ("lcb", "\n\n1\n", "1", True),
    ("lcb", "1\n\n2", "1\n2", False),
    ("lcb", "1\r\n2\r\n", "1\n2", True),
    ("lcb", "YES", "Yes", False),
    ("tokens", "1 2\n3", "1\n2 3 ", True),
    ("tokens", "1 2", "12", False),
    ("tokens", "1.0", "1", False),
    ("exact", "1\n", "1", True),
    ("exact", "1", "1\n", True),
    ("exact", "1", "1\n\n", False),
    ("exact", "1", "1 ", False),
    ("floats", "1.0 2", "1.0000005 2", True),
    ("floats", "1.0", "1.1", False),
    ("floats", "1000000", "1000000.9", True),
    ("floats", "0", "1e-7", True),
    ("floats", "nan", "nan", False),
    ("floats", "1", "nan", False),
    ("floats", "inf", "inf", True),
    ("floats", "1e308", "inf", False),
    ("floats", "1e308", "1e999", False),
    ("floats", "1 2", "1", False),
    ("floats", "1", "1 2", False),
    ("floats", "x 1", "x 1.0000001", True),
    ("floats", "x 1", "y 1", False),
    ("floats", "10", "1_0", False),
    ("floats", "10", "0xA", False),
    ("unordered_lines", "a b\nc\n", "c\na  b", True),
    ("unordered_lines", "a\na\nb", "a\nb\nb", False),
    ("unordered_lines", "a", "a\na", False),
    ("yes_no", "YES\nno", "yes\nNO", True),
    ("yes_no", "YES", "NO", False),
    ("yes_no", "Alice", "ALICE", False),
    ("yes_no", "YES 3", "Yes 3", True),
    ("yes_no", "YES", "YES YES", False),
]


@pytest.mark.parametrize(("rule", "expected", "got", "same"), PAIRS)
def test_rules(rule: str, expected: str, got: str, same: bool) -> None:
    assert same_output(expected.encode(), got.encode(), Rule(name=rule)) is same


def test_tolerances_are_those_asked_for() -> None:
    loose = read_rule({"rule": "floats", "abs": 0.5, "rel": 0})
    assert same_output(b"10", b"10.4", loose)
    assert not same_output(b"10", b"10.6", loose)
    assert same_output(b"1000", b"1090", read_rule({"rule": "floats", "abs": 0, "rel": 0.1}))


@pytest.mark.parametrize(
    "value", ["near", 3, {"rule": "floats", "abs": -1}, {"rule": "floats", "digits": 3}, {"abs": 1}]
)
def test_unknown_rules_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match="compare"):
        read_rule(value)


def livecodebench(expected: str, got: str) -> bool:
    """`grade_stdio`'s comparison, written from its description and not from ours."""

    def lines(text: str) -> list[str]:
        return [line.strip() for line in text.strip().split("\n")]

    if len(lines(expected)) != len(lines(got)):
        return False
    for wanted, found in zip(lines(expected), lines(got), strict=True):
        if wanted == found:
            continue
        try:
            numbers = [Decimal(word) for word in wanted.split()], [Decimal(word) for word in found.split()]
            if numbers[0] != numbers[1]:
                return False
        except ArithmeticError:
            return False
    return True


words = st.sampled_from(["1", "1.0", "-0", "0", "1e1", "10", "x", "yes", "nan", "inf", "Infinity", "", "sNaN"])
texts = st.lists(st.tuples(words, st.sampled_from([" ", "  ", "\n", "\n\n", "\r\n", "\t", "\x0c"]))).map(
    lambda pairs: "".join(word + space for word, space in pairs)
)


@given(texts, texts)
def test_lcb_decides_as_livecodebench(expected: str, got: str) -> None:
    rule = Rule(name="lcb")
    assert same_output(expected.encode(), got.encode(), rule) is livecodebench(expected, got)
    assert same_output(expected.encode(), expected.encode(), rule)


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_any_bytes_compare(expected: bytes, got: bytes) -> None:
    for name in RULES:
        if name != "floats":
            assert same_output(expected, expected, Rule(name=name))
        same_output(expected, got, Rule(name=name))
        difference(expected, got, Rule(name=name))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    ("expected", "got"),
    [
        (b"1 " * 3_000_000, b"1  " * 3_000_000),
        (b"1\n" * 2_000_000, b"1 \n" * 2_000_000),
        (b"1" * 8_000_000, b"1" * 7_999_999 + b"2"),
        (b"1", b"9" * 8_000_000),
        (b"1", b"1e" + b"9" * 1_000_000),
        (b"1", b"0." + b"0" * 8_000_000 + b"1"),
        (b"1", b" " * 8_000_000 + b"1"),
        (b"1", b"\n" * 8_000_000),
    ],
    ids=["words", "lines", "long numbers", "huge", "huge exponent", "tiny", "spaces", "empty lines"],
)
def test_large_outputs_take_linear_time(rule: str, expected: bytes, got: bytes) -> None:
    started = time.perf_counter()
    same_output(expected, got, Rule(name=rule))
    assert time.perf_counter() - started < 20


def test_the_difference_is_the_first_line_and_short() -> None:
    shown = difference(b"1\n2\n3\n", b"1\n" + b"5" * 100_000 + b"\n3", Rule())
    assert shown["line"] == 2
    assert shown["expected"] == "2"
    assert len(shown["got"]) < 300
    assert difference(b"1\n2\n", b"1", Rule()) == {"line": 2, "expected": "2", "got": None}
    assert difference(b"1", b"1\n\x1b[31m2", Rule())["got"] == "\N{REPLACEMENT CHARACTER}[31m2"
