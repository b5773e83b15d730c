"""CodeContests: limits, public tests, DeepMind's own columns, damage."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay import DataError, get_benchmark
from assay_benchmarks.code_contests import CODE_CONTESTS, _derive
from assay_plugins.code_tests.reference import read_reference

from .code_files import use, write

STATEMENT = (
    "Double n.\n\nExample\n\nInput\n\n\n7\n\n\nOutput\n\n\n14\n\n"
    "Time Limit: {'seconds': 1, 'nanos': 500000000}\nMemory Limit: 256000000 Bytes\n"
)
ROW = {
    "id": "cc-0",
    "problem": STATEMENT,
    "tests": [{"input": "7\n", "output": "14\n"}, {"input": "1\n", "output": "2\n"}],
}
OFFICIAL = {
    "name": "1575_A. Doubling",
    "description": "Double n.",
    "public_tests": {"input": ["7\n"], "output": ["14\n"]},
    "private_tests": {"input": ["1\n"], "output": ["2\n"]},
    "generated_tests": {"input": ["3\n", "4\n"], "output": ["6\n", "8\n"]},
    "time_limit": {"seconds": 2, "nanos": 0},
    "memory_limit_bytes": 2**29,
    "solutions": {"language": [2, 3, 3], "solution": ["int main(){}", "print(2 * int(input()))", "pass"]},
    "cf_rating": 1200,
    "cf_tags": ["math"],
}


def problems_of(row: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write(tmp_path, "code_contests_test_165.jsonl", [row])
    use(monkeypatch, tmp_path)
    benchmark = get_benchmark("code_contests")
    return benchmark, benchmark.problems()


def test_the_local_layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    benchmark, (problem,) = problems_of(ROW, tmp_path, monkeypatch)
    reference = problem.reference
    assert (reference["kind"], reference["time_limit"]) == ("stdin", 3.0)
    assert reference["memory_limit"] == pytest.approx(244.14, abs=0.01)
    assert [test.get("public", False) for test in reference["tests"]] == [True, False]
    assert problem.prompt[0].content == STATEMENT
    assert "standard input" in benchmark.protocol.instruction
    assert benchmark.gold_response(problem) is None
    assert "no solutions" in benchmark.no_gold


def test_deepminds_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from_hub = {"problem": OFFICIAL["description"], **_derive(0, OFFICIAL)}
    assert "solutions" not in from_hub
    benchmark, (problem,) = problems_of(from_hub, tmp_path, monkeypatch)
    assert problem.id == "1575_A"
    assert [test["public"] for test in problem.reference["tests"]] == [True, False, False, False]
    assert (problem.reference["time_limit"], problem.reference["memory_limit"]) == (4.0, 512.0)
    assert problem.metadata["cf_rating"] == 1200
    assert benchmark.gold_response(problem) == "```python\nprint(2 * int(input()))\n```"
    assert "int(input())" not in str(problem)
    assert benchmark.no_gold == ""
    assert CODE_CONTESTS.hub_revision is not None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"tests": {}}, "'tests' must hold a list of tests and is an object"),
        ({"tests": [[]]}, r"tests\[0\] must be an object"),
        ({"tests": [{"input": "1", "output": 2}]}, r"'output' of tests\[0\] must be text and is a number"),
        ({"time_limit": {"seconds": 10**30, "nanos": 0}}, "'time_limit' must"),
        ({"time_limit": {"seconds": -1, "nanos": 0}}, "'time_limit' must be a number above 0"),
        ({"time_limit": {"seconds": "2"}}, "'time_limit' must hold whole"),
        ({"time_limit": 2}, "'time_limit' must be an object"),
        ({"memory_limit_bytes": 10**40}, "'memory_limit_bytes' must be a number"),
        ({"memory_limit_bytes": True}, "'memory_limit_bytes' must be a number"),
        ({"problem": "Time Limit: {'seconds': 999999999, 'nanos': 0}\n"}, "'time_limit' must be a number"),
        ({"problem": "Memory Limit: 999999999999999999 Bytes\n"}, "'memory_limit' must be a number"),
    ],
)
def test_damage_is_named(changes: dict, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match=rf"code_contests_test_165\.jsonl, line 1: .*{reason}.*restore it"):
        problems_of(ROW | changes, tmp_path, monkeypatch)


def test_unpaired_tests_are_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = {"problem": "x", **_derive(0, OFFICIAL), "private_tests": {"input": ["1"], "output": []}}
    with pytest.raises(DataError, match=r"'input' and 'output' of 'private_tests' must be of one length"):
        problems_of(row, tmp_path, monkeypatch)


def test_problems_with_files_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    benchmark, problems = problems_of(ROW | {"input_file": "in.txt", "output_file": ""}, tmp_path, monkeypatch)
    assert (problems, benchmark.excluded) == ((), {"cc-0": "it reads from or writes to files"})


def test_no_tests_no_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    benchmark, problems = problems_of(ROW | {"tests": []}, tmp_path, monkeypatch)
    assert (problems, benchmark.excluded) == ((), {"cc-0": "it has no tests"})


def test_the_real_set(real_data: Path) -> None:
    benchmark = get_benchmark("code_contests")
    problems = benchmark.problems()
    assert (len(problems), benchmark.excluded) == (165, {})
    tests = {problem.id: read_reference(problem.reference).tests for problem in problems}
    assert sum(map(len, tests.values())) == 1837
    assert all(0.5 <= problem.reference["time_limit"] <= 60 for problem in problems)
    hidden = [problem for problem in problems if any(not test.public for test in tests[problem.id])]
    assert len(hidden) > 100
