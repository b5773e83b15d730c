"""HumanEval: prompt, helpers, gold responses, both layouts, damage."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from assay import DataError, UsageError, get_benchmark

from .code_files import use, write

ROW = {
    "id": "HumanEval/0",
    "prompt": 'import math\n\n\ndef helper(x):\n    return x + 1\n\n\ndef twice(x):\n    """Double x."""\n',
    "canonical_solution": "    return 2 * x\n",
    "test": "def check(candidate):\n    assert candidate(helper(1)) == 4\n",
    "entry_point": "twice",
}


def test_a_row_becomes_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "humaneval.jsonl", [ROW])
    use(monkeypatch, tmp_path)
    benchmark = get_benchmark("humaneval")
    (problem,) = benchmark.problems()
    assert problem.prompt[0].content == (
        "Read the following function signature and docstring, and fully implement the function described. Your "
        "response should only contain the code for this function.\n" + ROW["prompt"]
    )
    assert benchmark.protocol.instruction == ""
    assert problem.reference["setup"] == problem.reference["prelude"] == ROW["prompt"]
    assert problem.reference["tests"].endswith("\ncheck(twice)\n")
    assert benchmark.gold_response(problem) == f"```python\n{ROW['prompt']}    return 2 * x\n```"
    assert "2 * x" not in str(problem)
    assert tuple(benchmark.metrics) == ("pass@1",)


def test_the_official_file_has_the_same_problems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    official = {"task_id" if key == "id" else key: value for key, value in ROW.items()}
    write(tmp_path / "a", "humaneval.jsonl", [ROW])
    write(tmp_path / "b", "HumanEval.jsonl", [official])
    use(monkeypatch, tmp_path / "a")
    revision = get_benchmark("humaneval").revision
    use(monkeypatch, tmp_path / "b")
    assert get_benchmark("humaneval").revision == revision


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"prompt": "def twice(x:\n"}, "'prompt' is not Python"),
        ({"entry_point": "thrice"}, "does not define the function named by 'entry_point'"),
        ({"test": "assert twice(1) == 2"}, r"does not define check\(candidate\)"),
        ({"test": "(" * 5000}, "'test' is not Python"),
        ({"test": 7}, "'test' must hold text and is a number"),
        ({"entry_point": None}, "'entry_point' must hold text and is null"),
        ({"canonical_solution": ["x"]}, "'canonical_solution' must hold text and is a list"),
    ],
)
def test_damage_is_named(changes: dict, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "humaneval.jsonl", [ROW, ROW | {"id": "HumanEval/1"} | changes])
    use(monkeypatch, tmp_path)
    with pytest.raises(DataError, match=rf"humaneval\.jsonl, line 2: .*{reason}.*restore it"):
        get_benchmark("humaneval").problems()


def test_rows_without_a_solution_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "humaneval.jsonl", [{key: value for key, value in ROW.items() if key != "canonical_solution"}])
    use(monkeypatch, tmp_path)
    benchmark = get_benchmark("humaneval")
    assert benchmark.gold_response(benchmark.problems()[0]) is None
    assert "no canonical_solution" in benchmark.no_gold


def test_the_real_set(real_data: Path) -> None:
    benchmark = get_benchmark("humaneval")
    problems = benchmark.problems()
    assert (len(problems), problems[0].id, benchmark.protocol.samples) == (164, "HumanEval/0", 4)
    assert benchmark.no_gold == ""
    for problem in problems:
        # What the tester gets is a program: the head with the function as a stub, then the tests.
        ast.parse(problem.reference["setup"] + problem.reference["tests"])
        solution = benchmark.gold_response(problem).split(problem.reference["prelude"])[1].removesuffix("\n```")
        assert solution.strip() not in problem.prompt[0].content
    assert benchmark.revision == get_benchmark("humaneval").revision


def test_gold_solutions_pass_their_tests_as_plain_python(real_data: Path) -> None:
    """Every tenth, and the four with helpers: program, then tests, without any judge."""
    benchmark = get_benchmark("humaneval")
    for index, problem in enumerate(benchmark.problems()):
        if index % 10 == 0 or index in (32, 38, 50):
            code = benchmark.gold_response(problem).removeprefix("```python\n").removesuffix("```")
            done = subprocess.run([sys.executable, "-I", "-c", code + problem.reference["tests"]], timeout=60)
            assert done.returncode == 0, problem.id


def test_it_takes_no_brackets() -> None:
    with pytest.raises(UsageError, match="takes no arguments in brackets: write humaneval"):
        get_benchmark("humaneval[v2]")
