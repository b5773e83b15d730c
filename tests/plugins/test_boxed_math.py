from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay import Outcome, UsageError
from assay_plugins.boxed_math import BoxedMath, register_verifiers

boxed, marker = BoxedMath(), BoxedMath(extraction="marker")


def same(a: str, b: str) -> bool:
    forward, backward = boxed.same_answer(a, b), boxed.same_answer(b, a)
    assert forward == backward, (a, b)
    return forward


def test_registers_under_its_name() -> None:
    assert isinstance(register_verifiers()["boxed_math"](extraction="strict"), BoxedMath)
    assert boxed.name == "boxed_math"
    assert boxed.preload == ("sympy", "latex2sympy2_extended")


def test_import_is_light() -> None:
    import subprocess
    import sys

    code = (
        "import assay_plugins.boxed_math, assay_plugins.multiple_choice, assay_plugins.format_tags, sys;"
        "print([m for m in ('sympy', 'mpmath', 'latex2sympy2_extended', 'torch', 'numpy') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


# -- outcomes --------------------------------------------------------------------------------------


def test_reasoning_is_never_graded(grade) -> None:
    assert grade(boxed, r"<think>it is \boxed{5}</think> so \boxed{6}", "5").score == 0
    assert grade(boxed, r"<think>it is \boxed{5}", "5").outcome is Outcome.NO_ANSWER
    assert grade(boxed, r"it is \boxed{5}", "5", prefill="<think>\n", cut=True).outcome is Outcome.TRUNCATED
    assert grade(boxed, r"hmm</think>\boxed{5}", "5", prefill="<think>\n").score == 1


def test_span_points_into_the_text(grade) -> None:
    text = r"<think>a \boxed{1}</think>so \boxed{\frac{1}{2}} it is"
    start, end = grade(boxed, text, "0.5").details["span"]
    assert text[start:end] == r"\boxed{\frac{1}{2}}"


def test_unterminated_last_box_is_no_answer(grade) -> None:
    assert grade(boxed, r"first \boxed{5}, then \boxed{5", "5").outcome is Outcome.NO_ANSWER
    assert grade(boxed, r"the answer is \boxed{5", "5").outcome is Outcome.NO_ANSWER


def test_references_of_every_kind(grade) -> None:
    for reference in (42, 42.0, "042", ["41", "42"], r"\boxed{42}", "$42$", r"42^\circ", r"42\text{ cm}"):
        assert grade(boxed, r"\boxed{42}", reference).score == 1, reference
        assert grade(boxed, r"\boxed{43}", reference).score == 0, reference
    for reference in (None, [], {"answer": "42"}, True, 10**5000):
        verdict = grade(boxed, r"\boxed{42}", reference)
        assert verdict.outcome is Outcome.ERROR
        assert verdict.details["unusable_reference"] is True
        assert verdict.reason.startswith("the reference cannot be used: ")


def test_unusable_reference_is_said(grade) -> None:
    verdict = grade(boxed, r"\boxed{5}", r"\frac{1}{")
    assert verdict.outcome is Outcome.ERROR
    assert verdict.details["unusable_reference"] is True
    assert grade(boxed, r"\boxed{\frac{1}{}", r"\frac{1}{").outcome is Outcome.NO_ANSWER
    assert grade(marker, r"Answer: \frac{1}{", r"\frac{1}{").score == 1
    for unusable in (r"\frac{1}{", "", "x^^2 )(", "1" * 10 + "x" * 4000, None, [], ["5", "3 +* 4"], {"a": 1}):
        assert boxed.check_reference(unusable), unusable
    for usable in (5, 0.5, "x", "Evelyn", r"\text{October 30}", "4:30 p.m.", ["1", "2"], "9" * 5000):
        assert boxed.check_reference(usable) is None, usable
    assert grade(boxed, r"\boxed{5}", "").details["unusable_reference"] is True
    assert "unusable_reference" not in grade(boxed, r"\boxed{5}", r"\frac{1}{3}").details


def test_unknown_options_are_refused() -> None:
    with pytest.raises(UsageError, match="extraction must be one of strict, marker, lenient, got 'loose'"):
        BoxedMath(extraction="loose")  # type: ignore[arg-type]


def test_options_change_conventions() -> None:
    assert boxed.same_answer(r"10\%", "10")
    assert not BoxedMath(percent="fraction").same_answer(r"10\%", "10")
    assert BoxedMath(percent="fraction").same_answer(r"10\%", "0.1")
    assert not BoxedMath(percent="number").same_answer(r"10\%", "0.1")
    assert boxed.same_answer("1, 2", "2, 1")
    assert not BoxedMath(ordered=True).same_answer("1, 2", "2, 1")


# -- extraction ------------------------------------------------------------------------------------

MARKED = [
    ("Answer: 18", "18"), ("**Answer:** $18$", "18"), ("so\nA: 26", "26"), ("x\n#### 1,000", "1000"),
    ("The final answer is $\\frac{1}{2}$. I hope it is correct.", "1/2"), ("<answer> 7 </answer>", "7"),
    ("答案：12", "12"), ("答案是 12。", "12"), ("Ответ: 5", "5"), ("La respuesta es 8.", "8"),
    ("La réponse est 9.", "9"), ("Die Antwort lautet 3.", "3"), ("Final Answer: The largest n is 34.", "34"),
    ("Therefore $x \\geq 5$ is the solution.",
    "x>=5"), ("\\[\n\\text{Answer: } 3 + 2\\sqrt{2}\n\\]", "3+2\\sqrt2"), ("Answer: 4. Answer: 5", "5"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "answer"), MARKED)
def test_markers(grade, text: str, answer: str) -> None:
    assert grade(marker, text, answer).score == 1, grade(marker, text, answer)
    assert grade(boxed, text, answer).outcome is Outcome.NO_ANSWER  # strict is the default
    assert grade(BoxedMath(extraction="strict"), text, answer).outcome is Outcome.NO_ANSWER


def test_no_number_is_picked_out_of_prose(grade) -> None:
    assert grade(marker, "I added 2 and 3 and got 5", "5").outcome is Outcome.NO_ANSWER
    assert grade(BoxedMath(extraction="lenient"), "I added 2 and 3\n5", "5").score == 1


BOXES = [
    (r"\boxed{\text{Evelyn}}", "Evelyn"), (r"\boxed 5", "5"), (r"\fbox{5}", "5"), (r"\boxed{\{1,2\}}", r"\{2,1\}"),
    (r"\boxed{4} no, \boxed{5}", "5"), (r"\boxed{\boxed{5}}", "5"), (r"\boxed{1}, \boxed{2} and \boxed{3}", "3"),
    (r"put it in \boxed and so \boxed{9}", "9"), (r"\boxed{a \} b}", r"a \} b"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "answer"), BOXES)
def test_boxes(grade, text: str, answer: str) -> None:
    assert grade(BoxedMath(extraction="strict"), text, answer).score == 1


def test_joined_boxes_are_an_option(grade) -> None:
    for text in (
        r"\boxed{1}, \boxed{2} and \boxed{3}",
        r"\boxed{1}$, $\boxed{2} \text{ for (a) and } \boxed{3}",
        r"\(\boxed{1}\); \boxed{2}, \boxed{3}",
    ):
        assert grade(BoxedMath(boxes="joined"), text, "1, 2, 3").score == 1, text
        assert grade(BoxedMath(boxes="joined"), text, "3").score == 0, text
        assert grade(BoxedMath(boxes="last"), text, "3").score == 1, text
        assert grade(boxed, text, "1, 2, 3").score == 0, text
    assert grade(BoxedMath(boxes="joined"), r"\boxed{1}. Hence \boxed{2}", "2").score == 1
    assert grade(boxed, r"\boxed{2, 3}", r"\boxed{2}, \boxed{3}").score == 1  # a reference hedges nothing
    with pytest.raises(UsageError, match="boxes must be one of last, joined"):
        BoxedMath(boxes="first")  # type: ignore[arg-type]


def test_hedging_scores_nothing(grade) -> None:
    for text in (
        r"\boxed{1} or \boxed{2}",
        r"\boxed{1 or 2}",
        "The answer is 1 or 2",
        r"\boxed{1, 2}",
        r"\boxed{1} \text{ or } \boxed{2}",
        r"It is $\boxed{1}$, or maybe $\boxed{2}$.",
        "Answer: 1 or Answer: 2",
        "<answer>1</answer> or perhaps <answer>2</answer>",
    ):
        for reference in ("1", "2"):
            assert grade(marker, text, reference).score == 0, (text, reference)


# -- properties ------------------------------------------------------------------------------------

fractions = st.fractions(min_value=-(10**6), max_value=10**6, max_denominator=10**4)


def writings(value: Fraction) -> list[str]:
    sign, top, bottom = "-" if value < 0 else "", abs(value.numerator), value.denominator
    whole, rest = divmod(top, bottom)
    forms = [f"{sign}\\frac{{{top}}}{{{bottom}}}", f"{sign}\\dfrac{{{top}}}{{{bottom}}}", f"{sign}{top}/{bottom}",
             f"$ {sign}{top} / {bottom} $.", f"x = {sign}\\tfrac{{{3 * top}}}{{{3 * bottom}}}",
             f"−{top}/{bottom}" if sign
             else f"+{top}/{bottom}", f"{{{sign}{top}\\over {bottom}}}",
             f"\\left({sign}\\frac{{{top}}}{{{bottom}}}\\right)",
             f"{sign}\\frac{{{top}}}{{{bottom}}}\\text{{ units}}",
             f"{sign}\\sqrt{{{top * top}}}\\div {bottom}"]  # fmt: skip
    if bottom == 1:
        forms += [f"{sign}{top:,}", f"{sign}{top:,}".replace(",", "{,}"), f"{sign}{top:,}".replace(",", "\\,"),
                  f"{sign}00{top}", f"{sign}{top}.0", f"{sign}{top}^\\circ", f"{sign}\\${top}"]  # fmt: skip
    elif whole and rest:
        forms += [f"{sign}{whole}\\frac{{{rest}}}{{{bottom}}}", f"{sign}{whole} {rest}/{bottom}"]
    return forms


@settings(max_examples=60, deadline=None)
@given(fractions)
def test_a_number_equals_all_its_writings_and_no_other_number(value: Fraction) -> None:
    reference = str(value)
    for form in writings(value):
        assert same(form, reference), form
    for other in (value + 1, value - 1, -value, value * 2, value + Fraction(1, 7)):
        if other != value:
            assert not same(str(other), reference)
            assert not same(writings(other)[0], reference)


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="0123456789xyab+-*/^(){}[]\\,.;:=<>|!%$ fracsqrtpi", max_size=40),
       st.text(alphabet="0123456789xyab+-*/^(){}[]\\,.;:=<>|!%$ fracsqrtpi", max_size=40))  # fmt: skip
def test_any_two_texts_are_compared_symmetrically(a: str, b: str) -> None:
    assert isinstance(same(a, b), bool)
    if a.strip():
        assert same(a, a)


TOKENS = [
    r"\frac", r"\sqrt", "{", "}", "(", ")", "[", "]", r"\{", r"\}", "|", ",", ";", ":", "=", "<", r"\le", r"\in",
    r"\cup",
    r"\setminus", r"\mathbb{R}", r"\mathbb{Z}", "x", "k", "A", "1", "0", "10", "+", "-", "*", "/", "^", "_", "!", "%",
    r"\pm",
    r"\int", "dx", r"\sum", r"\lim", r"\to", r"\begin{pmatrix}", r"\end{pmatrix}", "&", r"\\", r"\pmod", "mod",
    r"\equiv",
    " or ", r"\emptyset", r"\infty", r"\log", r"\overline{3}", "...", "0.333", "$", "€", "cm", "m²", "p.m.", "4:30",
    "th",
    "five", "not", r"\boxed{", "。", "½", r"\ne",
]  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(TOKENS), max_size=14), st.lists(st.sampled_from(TOKENS), max_size=8))
def test_any_two_texts_of_tokens_are_compared_symmetrically(first: list[str], second: list[str]) -> None:
    a, b = "".join(first), "".join(second)
    assert isinstance(same(a, b), bool)
    assert same(a, a) or not a.strip()
    boxed.answer_key(a)
    boxed.check_reference(a)


@settings(max_examples=40, deadline=None)
@given(st.integers(-9, 9), st.integers(-9, 9), st.integers(1, 9))
def test_expanded_polynomials_equal_their_factors(a: int, b: int, c: int) -> None:
    factored = f"{c}(x+{a})(x+{b})".replace("+-", "-")
    expanded = f"{c}x^2+{c * (a + b)}x+{c * a * b}".replace("+-", "-")
    assert same(factored, expanded)
    assert not same(factored, expanded + "+1")


def test_close_numbers_differ() -> None:
    assert not same("10^{100}+1", "10^{100}")
    assert not same(r"10^{100}+\sqrt{2}", r"10^{100}+\sqrt{3}")
    assert not same(r"\frac{1}{2^{99}}", r"\frac{1}{2^{98}}")
    assert not same("12345678901", "12345678902")
    assert same(r"\sqrt{2}+\sqrt{3}", "3.1462643699419723")
    assert not same(r"\sqrt{2}+\sqrt{3}", "3.1462643699419743")
    assert not same(r"2^{-200}\sqrt{2}", r"2^{-200}\sqrt{3}")
    assert same(r"\sqrt{10^{40}+1}-\sqrt{10^{40}}", r"\frac{1}{\sqrt{10^{40}+1}+10^{20}}")
    assert same(r"\sqrt{2}+\sqrt{3}", r"\sqrt{5+2\sqrt{6}}")


def test_domains_of_symbols() -> None:
    assert same(r"\sqrt{x^2}", "|x|")
    assert not same(r"\sqrt{x^2}", "x")
    assert same(r"2\ln x", r"\ln x^2")
    assert not same("x", "X")
    assert not same("f(x) = 0", "f(x) = 1")


def test_float_noise_and_nan() -> None:
    assert same("203.99999999999997", "204")
    assert not same("nan", "5")
    assert not same("5.001", "5")
    assert math.isclose(float(BoxedMath.version), float(BoxedMath.version))


def test_threads_agree(grade) -> None:
    pairs = [(f"\\boxed{{(x+{k})^2}}", f"x^2+{2 * k}x+{k * k + (k % 2)}") for k in range(64)]
    with ThreadPoolExecutor(32) as pool:
        scores = list(pool.map(lambda pair: grade(BoxedMath(), *pair).score, pairs))
    assert scores == [float(k % 2 == 0) for k in range(64)]
