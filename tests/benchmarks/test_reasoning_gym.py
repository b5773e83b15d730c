from __future__ import annotations

import importlib
import inspect
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from assay import Completion, FinishReason, Outcome, Problem, UsageError, VerifierError, get_benchmark
from assay.validate import validate_benchmark
from assay_benchmarks import _gym_generate
from assay_benchmarks._gym_benchmark import ReasoningGym
from assay_benchmarks._gym_tasks import ARITHMETIC, EXCLUDED, GOLD_FIELD, IGNORE_CASE, SEVERAL_ANSWERS, TASK_SCORED
from assay_benchmarks._gym_verifier import ReasoningGymVerifier

pytest.importorskip("reasoning_gym")


def make(name: str) -> ReasoningGym:
    benchmark = get_benchmark(f"reasoning_gym:{name}")
    assert isinstance(benchmark, ReasoningGym)
    return benchmark


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Generate without the child process: what a test of scorers does not need is two seconds a task."""

    def generate(task, size, seed, config):
        question = {"task": task, "size": size, "seed": seed, "config": config}
        return json.loads(json.dumps(_gym_generate._answer(question), default=_gym_generate._plain))["entries"]

    monkeypatch.setattr(importlib.import_module("assay_benchmarks._gym_benchmark"), "generate", generate)


@pytest.fixture(scope="module")
def tower() -> Problem:
    return make("tower_of_hanoi,size=1").problems()[0]


def test_defaults_and_options() -> None:
    plain = make("letter_counting")
    assert (len(plain.problems()), plain.seed, plain.name) == (50, 42, "reasoning_gym:letter_counting")
    first = plain.problems()[0]
    assert first.id == "letter_counting,seed=42/0"
    assert first.prompt[0].content.startswith("How many times does the letter")
    assert first.reference["number"] is True
    chosen = make("letter_counting,size=3,seed=7,min_words=2,max_words=2")
    assert [problem.id for problem in chosen.problems()] == [
        f"letter_counting,seed=7,max_words=2,min_words=2/{index}" for index in range(3)
    ]
    assert chosen.revision != plain.revision


@pytest.mark.parametrize("task", ["list_functions", "word_ladder"])
def test_the_same_problems_in_every_process(task: str) -> None:
    # These walk over sets of strings: without a fixed PYTHONHASHSEED their problems differ from run to run.
    code = f"from assay import get_benchmark; print(get_benchmark('reasoning_gym:{task}').revision)"
    revisions = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "ASSAY_PLUGINS": "reasoning_gym"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(revisions) == 1


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("leter_counting", "no such task. Did you mean letter_counting"),
        ("letter_counting,min_wrds=2", "no option 'min_wrds'. Did you mean min_words"),
        ("letter_counting,min_words=9,max_words=2", "cannot be generated with these options: AssertionError"),
        ("letter_counting,size=0", "size must be a whole number from 1 to 100000, got 0"),
        ("letter_counting,seed=x", "seed must be a whole number from 0 to 2147483647, got 'x'"),
        ("letter_counting,size", "the option 'size' is not KEY=VALUE"),
        ("letter_counting,size=1,size=2", "'size' is given twice"),
        (",size=3", "names no task"),
        ("simple_integration", "not offered: its scorer evaluates the answer as Python code"),
    ],
)
def test_wrong_names_are_usage_errors(name: str, message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        make(name).problems()


@pytest.mark.parametrize(
    "task",
    ["basic_arithmetic", "n_queens", *sorted(TASK_SCORED | ARITHMETIC)],
)
def test_gold_answers_score_one(task: str, in_process: None) -> None:
    benchmark = make(f"{task},size=10")
    assert validate_benchmark(benchmark) == []
    assert json.loads(json.dumps([problem.reference for problem in benchmark.problems()]))


def test_tables_name_real_tasks_once() -> None:
    from reasoning_gym.factory import DATASETS

    tables = [TASK_SCORED, ARITHMETIC, set(EXCLUDED), set(SEVERAL_ANSWERS)]
    named = [task for table in tables for task in table]
    assert len(named) == len(set(named))
    assert {*named, *IGNORE_CASE, *GOLD_FIELD} <= set(DATASETS)
    assert set(GOLD_FIELD) <= TASK_SCORED


def test_no_scorer_that_we_call_runs_text_as_code() -> None:
    from reasoning_gym.factory import DATASETS

    runs_code = re.compile(
        r"(?<![\w.])(?:eval|exec|compile|__import__)\(|sympify|sympy_parser|sympy\.parse_expr|pickle"
    )
    for task in sorted(TASK_SCORED):
        dataset = DATASETS[task][0]
        module = importlib.import_module(dataset.__module__)
        assert not runs_code.search(inspect.getsource(module)), task


def verdict_of(problem: Problem, text: str, **options):
    return ReasoningGymVerifier(**options).verify(problem, Completion(text=text))


def test_part_marks_are_off_by_default(tower: Problem) -> None:
    moves = tower.reference["answers"][0].split("\n")
    assert verdict_of(tower, "<answer>" + "\n".join(moves) + "</answer>").score == 1
    unfinished = "<answer>" + "\n".join(moves[:-1]) + "</answer>"
    strict = verdict_of(tower, unfinished)
    assert (strict.score, strict.details["task_score"]) == (0.0, 0.05)
    assert verdict_of(tower, unfinished, partial=True).score == 0.05


def test_an_answer_that_contains_the_gold_one_is_wrong() -> None:
    problem = Problem(id="p", prompt=(), reference="1", verifier="reasoning_gym")
    assert verdict_of(problem, "<answer>13</answer>").score == 0
    assert verdict_of(problem, "<answer>1 2 3 4 5</answer>").score == 0
    assert verdict_of(problem, "<think>1</think>I say 13").score == 0
    assert verdict_of(problem, "<think>13</think>I say 1").score == 1


def test_other_right_answers_count() -> None:
    queens = make("n_queens,size=10").problems()
    several = next(problem for problem in queens if len(problem.reference["answers"]) > 1)
    assert verdict_of(several, f"<answer>\n{several.reference['answers'][-1]}\n</answer>").score == 1
    color = make("graph_color,size=1").problems()[0]
    coloring = json.loads(color.reference["answers"][0])
    swapped = {vertex: {1: 2, 2: 1}.get(shade, shade) for vertex, shade in coloring.items()}
    assert verdict_of(color, f"<answer>{json.dumps(swapped)}</answer>").score == 1


def test_who_is_to_blame(tower: Problem) -> None:
    verifier = ReasoningGymVerifier()
    unclosed = Completion(text="<think>Move disk 1 from Peg 1 to Peg 2", finish_reason=FinishReason.LENGTH)
    assert verifier.verify(tower, unclosed).outcome is Outcome.TRUNCATED
    assert verifier.verify(tower, Completion(text="<think>hm")).outcome is Outcome.NO_ANSWER
    assert verifier.verify(tower, Completion(text="<think>hm</think> ")).outcome is Outcome.NO_ANSWER
    assert verifier.verify_fast(tower, Completion(text="<answer>Move it</answer>")) is None  # for a worker
    assert verifier.verify(tower, Completion(text="<answer>Move it</answer>")).score == 0


@pytest.mark.parametrize("task", sorted(TASK_SCORED))
def test_scorers_survive_hostile_answers(task: str, in_process: None) -> None:
    problem = make(f"{task},size=1").problems()[0]
    for answer in (
        "__import__('os').system('touch /tmp/assay_was_here')",
        "1e999999999",
        "9" * 5000,
        "R" * 9000,
        "R99999999",
        "[" * 9000,
        "{" * 9000,
        "nan",
        "nan + nani",
        "(nan, -inf)",
        "nan, nan",
        "∞ ٣ \x00",
        "(" * 3000 + "A" + ")" * 3000,
        "1/0",
    ):
        start = time.process_time()
        verdict = verdict_of(problem, f"<answer>{answer}</answer>")
        assert verdict.outcome in (Outcome.GRADED, Outcome.REFUSED)
        assert not verdict.score
        assert time.process_time() - start < 10
    assert not Path("/tmp/assay_was_here").exists()


def test_absurd_answers_are_refused_and_their_cap_named() -> None:
    problem = Problem(id="p", prompt=(), reference="1", verifier="reasoning_gym")
    verdict = verdict_of(problem, "<answer>" + "1" * 20_000 + "</answer>")
    assert (verdict.outcome, verdict.details["refused"]) == (Outcome.REFUSED, "10,000 characters")
    assert "over the cap on 10,000 characters" in verdict.reason
    cube = make("rubiks_cube,size=1").problems()[0]
    assert verdict_of(cube, "<answer>R99999999</answer>").outcome is Outcome.REFUSED
    long_gold = Problem(id="p", prompt=(), reference="x" * 20_000, verifier="reasoning_gym")
    assert verdict_of(long_gold, "<answer>" + "x" * 20_000 + "</answer>").score == 1


@pytest.mark.parametrize(
    "reference",
    [None, 3, {}, {"mode": "task", "task": "simple_integration", "metadata": {}}, {"mode": "task", "task": "nothing"}],
)
def test_references_that_must_not_be_run(reference: object) -> None:
    problem = Problem(id="p", prompt=(), reference=reference, verifier="reasoning_gym")
    with pytest.raises(VerifierError, match="problem 'p'"):
        verdict_of(problem, "<answer>1</answer>")


def test_the_page_gives_the_instruction_to_the_letter() -> None:
    from assay_benchmarks._gym_benchmark import INSTRUCTION

    assert f"`{INSTRUCTION}`" in (Path(__file__).parents[2] / "docs" / "benchmarks.md").read_text()
