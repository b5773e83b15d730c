"""What one decision may cost: a budget over all the expressions of two lists, not for each of them."""

from __future__ import annotations

import time

import pytest

from assay_plugins.boxed_math import BoxedMath
from assay_plugins.boxed_math.evaluation import begin, spend, work
from assay_plugins.boxed_math.limits import MAX_WORK, RefusedError

boxed = BoxedMath()


def joined(term: str, count: int) -> str:
    return ",".join(term.replace("#", str(k)) for k in range(1, count + 1))


LISTS = {
    "sums": (joined(r"\sum_{k=1}^{10#}\sqrt{k}", 64), joined(r"\sum_{k=1}^{10#}\sqrt{k+1}", 64)),
    "waves": (joined(r"\sin(#.5x)+\sqrt{x+#}", 64), joined(r"\sqrt{x+#}+\sin(#.5y)", 64)),
    "integrals": (joined(r"\int_0^{#} e^{x^2} dx", 19), joined(r"\int_0^{#} (e^{x^2}+1) dx", 19)),
    "series": (joined(r"\sum_{n=1}^\infty \frac{n^2}{3^{n+#}}", 30),
               joined(r"\sum_{n=1}^\infty \frac{n^3}{3^{n+#}}", 30)),
    "sets": (rf"\{{{joined('#^{1/3}', 60)}\}}", rf"\{{{joined('(#+1)^{1/5}', 60)}\}}"),
    "determinants": (joined(r"\begin{vmatrix}\sqrt{#}&x\\y&\sqrt{x+#}\end{vmatrix}", 30), joined(r"\sqrt{#}x", 30)),
}  # fmt: skip


@pytest.mark.parametrize("name", LISTS)
def test_a_decision_over_lists_ends(name: str) -> None:
    boxed.same_answer_fast(r"\int_0^1 x dx + \sqrt2", r"\sqrt{3}")  # mpmath is loaded
    started = time.thread_time()
    assert boxed.same_answer_fast(*LISTS[name]) is False
    # A hang, not a slow machine: without a budget these take 5 to 60 s.
    assert time.thread_time() - started < 2.0


def test_the_budget_is_one_for_a_decision_and_full_again_for_the_next() -> None:
    begin()
    spend(MAX_WORK)
    with pytest.raises(RefusedError, match="steps"):
        spend(1)
    assert boxed.same_answer_fast(r"\sqrt{7}\sqrt{11}", r"\sqrt{77}")
    assert 0 < work().left < MAX_WORK


def test_a_list_of_roots_in_any_order_is_within_the_budget() -> None:
    roots = [rf"\sqrt{{{k}}}+\sqrt{{{k + 1}}}" for k in range(2, 62)]
    assert boxed.same_answer_fast(",".join(roots), ",".join(reversed(roots)))


@pytest.mark.parametrize(
    "answer",
    [
        "5" + r"\text{ pounds per minute}" * 100,
        r"5\text{ " + r"C \cdot " * 350 + "C}",
        r"5\text{ " + "second minute ounce " * 120 + "}",
        r"5\text{" + "a" * 2_900,
        "5 plus " * 350 + "5",
        "] " + "1," * 1_400,
        "5" + r"\frac{" * 400 + r"\text{m}",
        "twenty-" * 300 + "one",
        "²" * 2_900,
        "|" * 40 + "x" + "|" * 40 + "<2",
        "=".join(f"{k}.5" for k in range(300)),
        r"\{x\in\mathbb{Z}:0<x<10^{400}\}",
        r"\{x\in\mathbb{Z}:10^{400}<x<10^{400}+3\}",
        r"\sum_{n=1}^{\infty}\sum_{m=1}^{\infty}\sum_{k=1}^{\infty} 2^{-n-m-k}",
        r"\int_0^1\int_0^1\int_0^1 e^{xyz} dx dy dz",
    ],
)
def test_what_surrounds_a_number_is_read_in_time(answer: str) -> None:
    for reference in ("7", "7 m/s", "x<3", r"\sqrt{2}"):
        started = time.thread_time()
        assert boxed.same_answer_fast(reference, answer) is False
        boxed.answer_key(answer)
        assert time.thread_time() - started < 2.0


def test_the_bucket_of_a_padded_numeral_is_that_of_its_value() -> None:
    for zeros in (3, 2990, 3500, 4100):
        padded = "0" * zeros + "42"
        assert boxed.same_answer_fast(padded, "42")
        assert boxed.answer_key(padded) == boxed.answer_key("42")
    assert boxed.answer_key("0" * 5000) == boxed.answer_key("0")
