"""`code_tests` as users meet it: options, verdicts, scores, and life in the workers of a verification pool."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

import assay
from assay import Completion, FinishReason, Outcome, Pool, Problem, Sandbox, UsageError, Verdict
from assay_plugins.code_tests import CodeTests, sandboxes

ADD = {
    "kind": "stdin",
    "time_limit": 1.0,
    "tests": [{"input": f"{i} {i}\n", "output": f"{2 * i}\n", "public": i < 2} for i in range(6)],
}
RIGHT = "Of course.\n```python\nprint(sum(map(int, input().split())))\n```\n"


def problem(reference: Any = ADD) -> Problem:
    return Problem(id="p", prompt=(), reference=reference, verifier="code_tests")


def answered(text: str, **options: Any) -> Completion:
    return Completion(text=text, **options)


@pytest.fixture(scope="module")
def kind(sandbox: Sandbox) -> str:
    """The sandbox that works here."""
    return sandbox.name


@pytest.fixture(scope="module")
def verifier(kind: str) -> CodeTests:
    return CodeTests(sandbox=kind, mode="fork")


def verify(verifier: CodeTests, text: str, reference: Any = ADD, **options: Any) -> Verdict:
    completion = answered(text, **options)
    return verifier.verify_fast(problem(reference), completion) or verifier.verify(problem(reference), completion)


def test_a_right_program(verifier: CodeTests, kind: str) -> None:
    verdict = verify(verifier, RIGHT)
    assert (verdict.outcome, verdict.score) == (Outcome.GRADED, 1.0)
    assert verdict.extracted == "print(sum(map(int, input().split())))\n"
    assert verdict.details["status"] == "accepted"
    assert verdict.details["sandbox"] == kind
    assert verdict.details["mode"] == "fork"
    assert verdict.details["language"] == "python"
    assert (verdict.details["tests"], verdict.details["tests_passed"]) == (6, 6)
    assert 0 < verdict.details["cpu_seconds"] < 1


def test_a_wrong_program(verifier: CodeTests) -> None:
    verdict = verify(verifier, "```python\na, b = map(int, input().split())\nprint(a + b if a < 3 else a)\n```")
    assert (verdict.outcome, verdict.score) == (Outcome.GRADED, 0.0)
    assert verdict.details["first_failing_test"] == 3
    assert verdict.details["failure"] == {"input": "3 3\n", "line": 1, "expected": "6", "got": "3"}
    assert verdict.reason == "wrong answer on test 3: line 1: expected '6', got '3'"
    assert verdict.details["tests_run"] == 4


@pytest.mark.parametrize(
    ("text", "options", "outcome"),
    [
        ("It is 42.", {}, Outcome.NO_ANSWER),
        ("```python\nprint(1)", {}, Outcome.NO_ANSWER),
        ("```python\nprint(1)", {"finish_reason": FinishReason.LENGTH}, Outcome.TRUNCATED),
        (f"<think>{RIGHT}", {}, Outcome.NO_ANSWER),
        (RIGHT, {"prefill": "<think>\n"}, Outcome.NO_ANSWER),
        (f"{RIGHT}</think>Nothing.", {"prefill": "<think>\n"}, Outcome.NO_ANSWER),
        ("```python\n" + "#" * 600_000 + "\n```", {}, Outcome.REFUSED),
    ],
    ids=range(7),
)
def test_no_program_is_decided_without_a_worker(text: str, options: Any, outcome: Outcome) -> None:
    verdict = CodeTests().verify_fast(problem(), answered(text, **options))
    assert verdict is not None
    assert verdict.outcome is outcome


def test_reasoning_is_never_run(verifier: CodeTests) -> None:
    wrong = "```python\nprint('no')\n```"
    assert verify(verifier, f"<think>{wrong}</think>{RIGHT}").score == 1.0
    assert verify(verifier, f"<think>{RIGHT}</think>{wrong}").score == 0.0


def test_an_unusable_reference_is_an_error(verifier: CodeTests) -> None:
    for reference in (None, {**ADD, "tests": []}, {"kind": "assertions", "tests": "assert ("}):
        verdict = verify(verifier, RIGHT, reference)
        assert verdict.outcome is Outcome.ERROR
        assert verdict.details["status"] == "judge_error"


@pytest.mark.parametrize(
    ("score", "condition", "expected"),
    [
        ("fraction", "a < 3", 0.5),
        ("fraction", "a != 1", 5 / 6),
        ("all", "a != 1", 0.0),
        ("public_private", "a < 2", 0.5),
        ("public_private", "a != 1", 0.5),
        ("public_private", "a < 1", 0.0),
        ("public_private", "True", 1.0),
    ],
)
def test_scores(kind: str, score: str, condition: str, expected: float) -> None:
    text = f"```python\na, b = map(int, input().split())\nprint(a + b if {condition} else -1)\n```"
    verdict = verify(CodeTests(sandbox=kind, mode="fork", score=score), text)
    assert verdict.score == pytest.approx(expected)
    if score != "all":
        assert verdict.details["public"]["run"] == 2
        assert verdict.details["private"]["run"] == 4


def test_options(kind: str, tmp_path: Path) -> None:
    bare = CodeTests(sandbox=kind, mode="fork", bare_code=True)
    assert verify(bare, "print(sum(map(int, input().split())))").score == 1.0
    slow = "```python\nimport time\ntime.sleep(30)\n" + RIGHT.split("\n", 2)[2]
    assert verify(CodeTests(sandbox=kind, time_limit=0.2), slow).details["status"] == "time_limit"
    big = "```python\nx = bytearray(200 * 2**20)\n" + RIGHT.split("\n", 2)[2]
    assert verify(CodeTests(sandbox=kind, memory_limit=100), big).details["status"] == "memory_limit"
    assert verify(CodeTests(sandbox=kind), big).score == 1.0
    only_cpp = CodeTests(sandbox=kind, languages=["cpp"])
    assert verify(only_cpp, RIGHT).outcome is Outcome.NO_ANSWER
    cpp = "```cpp\n#include <iostream>\nint main(){int a,b;std::cin>>a>>b;std::cout<<a+b;}\n```"
    assert verify(only_cpp, cpp).details["language"] == "cpp"
    measured = verify(CodeTests(sandbox=kind, time_factor=3), RIGHT)
    assert measured.details["time_factor"] == 3.0
    header = tmp_path / "testlib.h"
    header.write_text("int verdict() { return 1; }\n")
    checker = {"language": "cpp", "code": '#include "testlib.h"\nint main() { return verdict(); }'}
    assert verify(CodeTests(sandbox=kind, testlib=str(header)), RIGHT, {**ADD, "checker": checker}).score == 0.0


@pytest.mark.parametrize(
    "options",
    [
        {"mode": "thread"}, {"score": "most"}, {"languages": "python"}, {"time_limit": 0}, {"memory_limit": -1},
        {"time_factor": "slow"}, {"testlib": "/nowhere/testlib.h"},
    ],
)  # fmt: skip
def test_wrong_options_are_refused(options: Any) -> None:
    with pytest.raises(UsageError, match=next(iter(options)).split("_")[0]):
        CodeTests(**options)


def test_votes_count_programs_and_not_their_layout() -> None:
    verifier = CodeTests()
    assert verifier.same_answer("print(1)\n", "print(1)  \n\n")
    assert not verifier.same_answer("print(1)", "print(2)")
    assert verifier.answer_key("a \n") == verifier.answer_key("a")


def test_the_time_that_a_check_may_need() -> None:
    few = CodeTests().time_needed(problem({**ADD, "time_limit": 0.5}))
    many = CodeTests().time_needed(problem({**ADD, "tests": [*ADD["tests"]] * 20}))  # type: ignore[misc]
    assert few is not None
    assert many is not None
    assert 40 < few < many < 1000


def test_in_a_pool(kind: str) -> None:
    """Through worker processes, in both modes, with checks that outlast the pool's own timeout."""
    slow = {"kind": "stdin", "tests": [{"input": "", "output": ""}] * 2, "time_limit": 2.0}
    with Pool(workers=2, timeout=1.0) as pool:
        futures = []
        for mode in ("exec", "fork"):
            verifier = assay.get_verifier("code_tests", sandbox=kind, mode=mode)
            futures += [pool.submit(verifier, problem(), answered(RIGHT)) for _ in range(3)]
            sleeper = answered("```python\nimport time\ntime.sleep(1.2)\n```")
            futures.append(pool.submit(verifier, problem(slow), sleeper))
        assert [future.result().score for future in futures] == [1.0] * 8


def test_what_a_program_says_can_always_be_stored(kind: str) -> None:
    reference = {"kind": "assertions", "entry_point": "f", "tests": ["assert f(1) == 1"]}
    said = (
        "raise ValueError('\\ud800\\x00')",
        "return '\\udfff'",
        "raise type('E\\ud800', (Exception,), {})('\\x1b[2J' * 10**6)",
        "import sys; sys.stderr.buffer.write(b'\\xff\\xed\\xa0\\x80' * 10**5); import os; os.abort()",
    )
    with Pool(workers=1) as pool:
        verifier = assay.get_verifier("code_tests", sandbox=kind, mode="fork")
        for line in said:
            verdict = pool.verify(verifier, problem(reference), answered(f"```python\ndef f(x):\n    {line}\n```"))
            assert (verdict.outcome, verdict.score) == (Outcome.GRADED, 0.0), verdict
            assert len(str(verdict.details)) < 5000


def test_a_workers_memory_limit_is_not_that_of_programs(kind: str) -> None:
    need = "```python\nx = bytearray(700 * 2**20)\n" + RIGHT.split("\n", 2)[2]
    with Pool(workers=1, memory_limit=512 * 2**20) as pool:
        verifier = assay.get_verifier("code_tests", sandbox=kind, memory_limit=1024)
        assert pool.verify(verifier, problem(), answered(need)).score == 1.0


def _children(pids: list[int]) -> set[int]:
    """All descendants of these processes."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout.split()
    parents = dict(zip(map(int, listed[::2]), map(int, listed[1::2]), strict=True))
    found: set[int] = set()
    while True:
        more = {pid for pid, parent in parents.items() if parent in found or parent in pids} - found
        if not more:
            return found
        found |= more


def test_a_killed_worker_leaves_nothing(kind: str) -> None:
    verifier = assay.get_verifier("code_tests", sandbox=kind, mode="fork")
    with Pool(workers=1) as pool:
        assert pool.verify(verifier, problem(), answered(RIGHT)).score == 1.0
        endless = {"kind": "stdin", "tests": [{"input": "", "output": ""}], "time_limit": 60.0}
        future = pool.submit(
            verifier, problem(endless), answered("```python\nimport os\nos.fork()\nwhile True: pass\n```")
        )
        time.sleep(1.0)
        left = _children([pool.worker_pids()[0]])
        assert left
        assert future.cancel()
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and any(_alive(pid) for pid in left):
            time.sleep(0.1)
        assert not [pid for pid in left if _alive(pid)]
        assert pool.verify(verifier, problem(), answered(RIGHT)).score == 1.0


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_without_any_sandbox_it_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix:///nonexistent/{os.getpid()}.sock")
    monkeypatch.setattr(sandboxes, "_open", {})  # another test may have opened one in this process
    verdict = verify(CodeTests(sandbox="docker"), RIGHT)
    assert verdict.outcome is Outcome.ERROR
    assert verdict.score is None
    assert "docker" in verdict.reason.lower()
