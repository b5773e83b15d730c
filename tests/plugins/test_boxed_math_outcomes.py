"""Whose fault it is: an absurd answer is refused, an absurd reference is our error, the same text is right."""

from __future__ import annotations

import pytest

import assay
from assay import Outcome, Verdict
from assay_plugins.boxed_math import BoxedMath

boxed = BoxedMath()
ABSURD = {
    "power": "9^{9^{9}}",
    "factorial": "(99999999)!",
    "binomial": r"\binom{10^9}{5\cdot 10^8}",
    "terms": r"\sum_{k=1}^{10000000} \frac{1}{k^2}",
    "argument": r"\sin(10^{500})",
    "digits": "1E99999 + 1",
    "characters": "x+" * 2000 + "1",
    "depth": r"\sqrt{" * 300 + "5" + "}" * 300,
    "steps": r"\sum_{k=1}^{2000} \sum_{j=1}^{2000} \frac{1}{kj+\sqrt2}",
}
"""An answer that goes over each cap, with the name that is given for it."""
_MANY = ",".join(rf"\sqrt{{{k}}}" for k in range(2, 80))


def refused(verdict: Verdict) -> str:
    """The cap that a verdict names, after a look at the rest of it."""
    assert verdict.outcome is Outcome.REFUSED, verdict
    assert verdict.score is None
    assert not verdict.outcome.is_ours
    assert f"over the cap on {verdict.details['refused']}" in verdict.reason
    return verdict.details["refused"]


@pytest.mark.parametrize("cap", ABSURD)
def test_an_absurd_answer_is_refused_and_its_cap_named(grade, cap: str) -> None:
    assert refused(grade(boxed, f"\\boxed{{{ABSURD[cap]}}}", r"\sqrt{2}")) == cap


@pytest.mark.parametrize(
    ("cap", "answer", "reference"),
    [
        ("items", rf"\{{{_MANY}\}}", r"\{1, 2\}"),
        ("items", _MANY, "1, 2"),
        ("items", rf"\{{{_MANY}\}}", r"(0, 1) \cup (2, 3)"),
        ("symbols", "+".join("abcdfghjklmnpqrstu"), "x"),
        ("symbols", "+".join("abcdfghjklmnpqrstu") + "=0", "x+y=0"),
        ("digits", r"10^{4000}+\sqrt{2}", r"10^{4000}+\sqrt{3}"),
    ],
)
def test_an_answer_may_be_over_a_cap_beside_a_value_of_its_kind(grade, cap: str, answer: str, reference: str) -> None:
    assert refused(grade(boxed, f"\\boxed{{{answer}}}", reference)) == cap


@pytest.mark.parametrize("cap", ABSURD)
def test_an_absurd_reference_is_our_error(grade, cap: str) -> None:
    assert boxed.check_reference(ABSURD[cap]).partition("over the cap on ")[2]
    for answer in ("5", r"\sqrt 2", "x+1", r"\text{Evelyn}", "(1, 2)", r"\int_0^1 x dx"):
        verdict = grade(boxed, f"\\boxed{{{answer}}}", ABSURD[cap])
        assert verdict.outcome is Outcome.ERROR, (answer, verdict)
        assert verdict.details["unusable_reference"] is True


@pytest.mark.parametrize("cap", ABSURD)
def test_the_same_text_is_right_whatever_it_is(grade, cap: str) -> None:
    verdict = grade(boxed, f"\\boxed{{{ABSURD[cap]}}}", ABSURD[cap])
    assert (verdict.outcome, verdict.score) == (Outcome.GRADED, 1.0)


def test_absurd_against_absurd_is_our_error(grade) -> None:
    """Nobody can say that the answer is wrong: the reference alone could not be compared with anything."""
    assert grade(boxed, r"\boxed{9^{9^{9}}}", r"8^{8^{8^{8}}}").outcome is Outcome.ERROR


def test_a_costly_answer_does_not_spoil_the_reference(grade) -> None:
    """What an answer cost is not charged to the reference that is looked at next."""
    refused(grade(boxed, f"\\boxed{{{ABSURD['steps']}}}", r"\sqrt{17}"))
    assert boxed.check_reference(r"\sqrt{19}+\sqrt[3]{5}") is None
    assert grade(boxed, r"\boxed{\sqrt{23}}", r"\sqrt{29}").score == 0.0


def test_absurd_parts_make_a_reference_absurd() -> None:
    power, sum_ = ABSURD["power"], ABSURD["terms"]
    for reference in (
        f"(1, {power})", f"\\{{1, {power}\\}}", f"1, 2, {power}", f"x = {sum_}", f"[0, {sum_}) \\cup (7, 8)",
        f"\\begin{{pmatrix}} 1 \\\\ {sum_} \\end{{pmatrix}}", ",".join(map(str, range(100))),
    ):  # fmt: skip
        assert "over the cap on" in (boxed.check_reference(reference) or ""), reference


def test_one_usable_reference_of_several_is_enough(grade) -> None:
    references = [ABSURD["power"], "5"]
    assert grade(boxed, r"\boxed{5}", references).score == 1.0
    assert grade(boxed, r"\boxed{6}", references).outcome is not Outcome.ERROR
    assert "over the cap on" in boxed.check_reference(references)  # yet somebody should look at the data


def test_an_answer_that_is_refused_beside_one_reference_is_refused(grade) -> None:
    """Also where another reference, of another kind, could be told apart from it."""
    for references in (["5", r"\text{none}"], [r"\text{none}", "5"]):
        refused(grade(boxed, r"\boxed{9^{9^{9}}}", references))


def test_an_answer_within_the_caps_is_graded_beside_a_long_integer(grade) -> None:
    """Integers of any length are compared digit by digit, so the reference can be used."""
    digits = "31" * 4000
    assert boxed.check_reference(digits) is None
    assert grade(boxed, f"\\boxed{{{digits}}}", digits).score == 1.0
    verdict = grade(boxed, r"\boxed{31}", digits)
    assert (verdict.outcome, verdict.score) == (Outcome.GRADED, 0.0)
    assert grade(boxed, f"\\boxed{{{digits}7}}", digits).score == 0.0
    assert refused(grade(boxed, f"\\boxed{{{digits}7}}", "42")) == "characters"


def test_what_is_shown_of_a_refused_answer_is_short(grade) -> None:
    verdict = grade(boxed, r"\boxed{" + "9" * 10**6 + "}", "42")
    refused(verdict)
    assert len(verdict.extracted) < 1000
    assert len(verdict.reason) < 2000


def test_refused_answers_and_bad_references_through_the_pool() -> None:
    verdict = assay.verify("boxed_math", response=r"\boxed{9^{9^{9}}}", reference="5")
    assert refused(verdict)
    verdict = assay.verify("boxed_math", response=r"\boxed{5}", reference={"answer": "5"})
    assert (verdict.outcome, verdict.details["unusable_reference"]) == (Outcome.ERROR, True)


def test_no_gold_is_over_a_cap(rows) -> None:
    for name in ("aime_2024", "aime_2025", "aime_1983_2023_pool", "math500", "cnmo_2024"):
        for row in rows(f"data/{name}.jsonl"):
            assert boxed.check_reference(row["answer"]) is None, row["id"]
