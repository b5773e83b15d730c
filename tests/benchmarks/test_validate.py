from __future__ import annotations

from collections.abc import Sequence

import pytest

from assay import BaseBenchmark, Message, Problem
from assay.validate import Flaw, validate_benchmark

ASK = (Message(role="user", content="1 + 1?"),)


class Small(BaseBenchmark):
    name = "small"

    def __init__(self, *problems: Problem) -> None:
        self._problems = problems

    def problems(self) -> Sequence[Problem]:
        return self._problems


def problem(**changes) -> Problem:
    fields = {"id": "p", "prompt": ASK, "reference": "2", "verifier": "reasoning_gym"}
    return Problem(**{**fields, **changes})


class WithGold(Small):
    def gold_response(self, problem: Problem) -> str | None:
        return f"<answer>{problem.metadata.get('gold', problem.reference)}</answer>"


def test_a_sound_benchmark_has_no_flaws() -> None:
    assert validate_benchmark(WithGold(problem(), problem(id="q"))) == []


@pytest.mark.parametrize(
    ("flawed", "reason"),
    [
        (problem(metadata={"gold": "3"}), "its gold answer does not score 1: graded, score 0: expected '2'"),
        (problem(prompt=()), "its prompt is empty"),
        (problem(prompt=(Message(role="user", content=" "),)), "its prompt is empty"),
        (problem(id=" "), "its id is empty"),
        (problem(verifier="nothing_like_it"), "no verifier is called 'nothing_like_it'"),
        (problem(reference={"mode": "what"}, metadata={"gold": "2"}), "mode is exact, task or arithmetic"),
    ],
)
def test_each_flaw_is_found(flawed: Problem, reason: str) -> None:
    flaws = validate_benchmark(WithGold(flawed))
    assert len(flaws) == 1
    assert flaws[0].problem_id == flawed.id
    assert reason in flaws[0].reason


def test_doubled_ids_and_missing_golds() -> None:
    flaws = validate_benchmark(WithGold(problem(), problem()))
    assert flaws == [Flaw(problem_id="p", reason="its id occurs more than once")]
    (flaw,) = validate_benchmark(Small(problem()))
    assert "must define gold_response" in flaw.reason
    (flaw,) = validate_benchmark(Small())
    assert flaw == Flaw(problem_id="", reason="the benchmark has no problems")


def test_unusable_references_are_found_before_any_model_runs() -> None:
    unusable = problem(verifier="boxed_math", reference=r"\frac{1}{")
    (flaw,) = validate_benchmark(Small(problem(id="q", verifier="boxed_math", reference="7"), unusable))
    assert flaw.problem_id == "p"
    assert flaw.reason.startswith("its reference cannot be used: ")
    assert "no mathematics or words" in flaw.reason


def test_a_benchmark_that_says_why_it_has_no_golds_is_held_to_its_references() -> None:
    class NoGold(Small):
        no_gold = "its authors publish none"

    assert validate_benchmark(NoGold(problem())) == []
    unusable = problem(verifier="boxed_math", reference=r"\frac{1}{")
    (flaw,) = validate_benchmark(NoGold(unusable))
    assert flaw.reason.startswith("its reference cannot be used: ")
