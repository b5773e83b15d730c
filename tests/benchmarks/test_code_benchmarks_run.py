"""The programming benchmarks end to end: rows, problems, and programs judged by `code_tests` in a real sandbox."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assay import Completion, Problem, SandboxError, Verifier, get_benchmark, get_verifier, open_sandbox
from assay.validate import validate_benchmark

from . import test_code_contests, test_humaneval, test_leetcode
from .code_files import cf_row, lcb_function, lcb_row, use, write


@pytest.fixture(scope="module")
def judge() -> Verifier:
    try:
        open_sandbox("auto", workers=1).close()
    except SandboxError as error:
        pytest.skip(f"no sandbox on this machine: {error}")
    return get_verifier("code_tests")


def score(judge: Verifier, problem: Problem, code: str, language: str = "python") -> float | None:
    return judge.verify(problem, Completion(text=f"It is this:\n```{language}\n{code}\n```\n")).score


def test_livecodebench(judge: Verifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(1, 6):
        name = "test.jsonl" if number == 1 else f"test{number}.jsonl"
        write(tmp_path, name, [lcb_row(1), lcb_function(2)] if number == 5 else [lcb_row(number * 100)])
    use(monkeypatch, tmp_path)
    stdin, function = get_benchmark("livecodebench[v5_v5]").problems()
    # `gcd` and `List` come from what the official runner puts before a program.
    assert score(judge, stdin, "print(int(input()) * gcd(2, 4))") == 1.0
    assert score(judge, stdin, "print(2)") == 0.0, "the private test was not asked"
    method = "class Solution:\n    def double(self, n: int) -> Optional[int]:\n        return n * {}"
    assert score(judge, function, method.format(2)) == 1.0
    assert score(judge, function, method.format(3)) == 0.0


def test_humaneval_and_leetcode(judge: Verifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "humaneval.jsonl", [test_humaneval.ROW])
    write(tmp_path, "leetcode_test_200.jsonl", [test_leetcode.ROW])
    use(monkeypatch, tmp_path)
    (problem,) = get_benchmark("humaneval").problems()
    assert validate_benchmark(get_benchmark("humaneval")) == []
    # The function alone is enough: imports and helpers of the prompt are there.
    assert score(judge, problem, "def twice(x):\n    return math.floor(helper(x) - 1) * 2") == 1.0
    assert score(judge, problem, "def twice(x):\n    return x") == 0.0
    cheat = "def helper(x):\n    return 0\n\n\ndef twice(x):\n    return 4 if x == 0 else 0"
    assert score(judge, problem, cheat) == 0.0, "the tests used a helper that the program had replaced"
    (problem,) = get_benchmark("leetcode").problems()
    assert validate_benchmark(get_benchmark("leetcode")) == []
    assert score(judge, problem, "class Solution:\n    def double(self, n):\n        return 5") == 0.0


def test_mbpp_setup_runs_after_the_program(judge: Verifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = {
        "task_id": 12,
        "text": "Write a function to sum a linked list.",
        "code": "class Node:\n  def __init__(self, v):\n    self.v, self.next = v, None\ndef total(n):\n"
        "  return n.v + total(n.next) if n else 0",
        "test_list": ["assert total(root) == 3"],
        "test_setup_code": "root = Node(1)\nroot.next = Node(2)",
        "challenge_test_list": [],
    }
    write(tmp_path, "mbpp.jsonl", [row])
    use(monkeypatch, tmp_path)
    benchmark = get_benchmark("mbpp")
    assert validate_benchmark(benchmark) == []
    wrong = row["code"].replace("n.v + ", "1 + ")
    assert score(judge, benchmark.problems()[0], wrong) == 0.0


def test_code_contests_folds_case_and_takes_close_numbers(
    judge: Verifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = test_code_contests.ROW | {"tests": [{"input": "7\n", "output": "YES 0.3333333\n"}]}
    write(tmp_path, "code_contests_test_165.jsonl", [row])
    use(monkeypatch, tmp_path)
    (problem,) = get_benchmark("code_contests").problems()
    assert score(judge, problem, "print('yes', 1 / 3)") == 1.0
    assert score(judge, problem, "print('yes', 0.34)") == 0.0
    assert score(judge, problem, "print('yes')") == 0.0


def test_codeforces_checkers_decide(judge: Verifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Any divisor of n but 1 is right; as open-r1's checkers do, this one reads three files and prints a number.
    checker = (
        "import sys\n"
        "given, _, answer = (open(path).read().split() for path in sys.argv[1:4])\n"
        "n, d = int(given[0]), int(answer[0])\n"
        "print(1 if d > 1 and n % d == 0 else 0)\n"
    )
    tests = [{"input": "12\r\n", "output": "2\r\n"}]
    rows = [cf_row("A", official_tests=tests, generated_checker=checker), cf_row("B")]
    write(tmp_path, "codeforces_open_r1_test.jsonl", rows)
    use(monkeypatch, tmp_path)
    monkeypatch.delenv("CF_TESTS_FOLDER", raising=False)
    checked, plain = get_benchmark("codeforces").problems()
    assert score(judge, checked, "print(int(input()) // 3)") == 1.0
    assert score(judge, checked, "print(5)") == 0.0
    assert score(judge, plain, "print(2 * int(input()))") == 1.0
    assert score(judge, plain, "print(2)") == 0.0


def test_o1_minis_answers_to_real_statements(judge: Verifier, real_data: Path) -> None:
    """Six of each kind that the official judge called right: the problems' tests of this file accept them."""
    responses = real_data / "lcb_responses_o1_mini.jsonl"
    if not responses.is_file():
        pytest.skip("lcb_responses_o1_mini.jsonl is not here")
    right = {}
    for line in responses.read_bytes().split(b"\n"):
        if line and (row := json.loads(line))["correct"]:
            right[row["id"]] = row["response"]
    problems = [p for p in get_benchmark("livecodebench[statement_tests]").problems() if p.id in right]
    for kind in ("stdin", "functional"):
        for problem in [p for p in problems if p.reference["kind"] == kind][:120:20]:
            verdict = judge.verify(problem, Completion(text=right[problem.id]))
            assert verdict.score == 1.0, (problem.id, verdict.reason)
