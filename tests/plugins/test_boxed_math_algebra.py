"""The last resort behind the grammar: latex2sympy2_extended and sympy, vetted, timed, and only in a worker."""

from __future__ import annotations

import inspect
import re
import sys
import time

import pytest

import assay
from assay_plugins.boxed_math import algebra
from assay_plugins.boxed_math.limits import RefusedError


def test_the_parser_never_evaluates_text() -> None:
    import latex2sympy2_extended

    source = inspect.getsource(inspect.getmodule(latex2sympy2_extended.latex2sympy))
    assert not re.search(r"(?<![\w.])(?:eval|exec|sympify|compile)\(", source)
    # parse_expr, which evaluates, is applied to the values of named variables only: we never pass any.
    uses = re.findall(r".*\bparse_expr\(.*", source)
    assert all("variable_values.items()" in use for use in uses), uses


@pytest.mark.parametrize(
    "text", ["9^{9^{9}}", "2^{99999}", "99999!", r"\sum_{k=1}^{10000} k", r"\int x^x dx", "1e9999", "x" * 1000]
)
def test_what_could_grow_is_refused_before_parsing(text: str) -> None:
    with pytest.raises(RefusedError):
        algebra.vet(text)


def test_it_decides_what_the_grammar_cannot_read() -> None:
    assert algebra.same_by_sympy("x + 1", "x + 2") is False
    assert algebra.same_by_sympy("x + 1", "1 + x") is True
    assert algebra.same_by_sympy(r"\frac{d}{dx} x^2", "2x") is True


def test_without_the_libraries_it_is_our_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "latex2sympy2_extended", None)
    algebra._warm_up.cache_clear()
    verifier = assay.get_verifier("boxed_math")
    problem = assay.Problem(id="p", prompt=(), reference="0", verifier="boxed_math")
    limit = r"\lim_{x \to \infty} \frac{1}{x}"
    verdict = verifier.verify(problem, assay.Completion(text=rf"\boxed{{{limit}}}"))
    assert (verdict.outcome, verdict.score) == (assay.Outcome.ERROR, None)
    assert "pip install 'assay[algebra]'" in verdict.reason
    either = assay.Problem(id="p", prompt=(), reference=["0", limit], verifier="boxed_math")
    assert verifier.verify(either, assay.Completion(text=rf"\boxed{{{limit}}}")).score == 1.0
    assert verifier.verify(problem, assay.Completion(text=r"\boxed{0}")).score == 1.0
    assert not verifier.same_answer(limit, "0")


def test_a_parser_that_does_not_come_back_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    def stuck(text: str) -> object:
        while True:
            try:
                sum(range(1000))
            except Exception:
                continue

    algebra.same_by_sympy("x", "x")  # imports are not on the clock
    monkeypatch.setattr(algebra, "_parse", stuck)
    started = time.process_time()
    with pytest.raises(RefusedError, match="time"):
        algebra.same_by_sympy("x", "y")
    assert time.process_time() - started < 5 * algebra.SECONDS + 1.0


def test_a_worker_asks_it_and_always_answers() -> None:
    verifier = assay.get_verifier("boxed_math")
    problem = assay.Problem(id="p", prompt=(), reference="0", verifier="boxed_math")
    completion = assay.Completion(text=r"\boxed{\lim_{x \to \infty} \frac{1}{x}}")
    assert verifier.verify_fast(problem, completion) is None
    verdict = assay.verify("boxed_math", response=completion.text, reference="0", timeout=60.0)
    assert (verdict.outcome, verdict.score) == (assay.Outcome.GRADED, 1.0)
    wrong = assay.verify("boxed_math", response=completion.text, reference="1", timeout=60.0)
    assert wrong.score == 0.0
