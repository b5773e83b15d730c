r"""`code_tests`: does the program in the response do what the tests ask?

The program (`extraction`) runs in a sandbox (`assay.open_sandbox`) on one input at a time. What is expected, and
all that compares, stays outside: in this process, or, for checkers and tests that are code, in a second sandbox.
Whatever the program does, all that counts is the bytes that it wrote, how it ended and what it used. docs/code.md has
the format of references, the statuses and the options.

Scores: `all` is 1 where every test passed; `fraction` is the mean of the tests' points; `public_private` is half for
all public tests and half for all others (one of them has it all where the other has no tests). `details["status"]` is
the status of the first test that failed; our own failures (`judge_error`) are `Outcome.ERROR` and have no score.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from assay import (
    AuditCase,
    BaseVerifier,
    Completion,
    Outcome,
    Problem,
    RunMode,
    SandboxError,
    UsageError,
    Verdict,
    missing_answer,
    split_completion,
)
from assay_plugins.code_tests.extraction import Extracted, extract, normalized
from assay_plugins.code_tests.reference import Reference, read_reference
from assay_plugins.code_tests.results import Judgement, Status, TestResult

MAX_CODE = 512 * 1024
"""Characters of a program; a longer one is refused."""
SCORES = ("all", "fraction", "public_private")
_COMPILE_SECONDS = 40.0
_HELPER_SECONDS = 130.0


_AUDIT_RESPONSE = "<think>\nA sum.\n</think>\nThe sum follows.\n\n```python\n{}\n```\n"
_AUDIT_LIMITS: dict[str, Any] = {"time_limit": 2.0}
_AUDIT_WRONG = (
    "a, b = map(int, input().split())\nprint(a - b)",
    "print(3)",
    "import sys\nsys.exit(0)",
    "import os\nos._exit(0)",
    "print('accepted')",
    "import os\na, b = map(int, input().split())\nprint(a + b, flush=True)\nos.abort()",
)
_AUDIT_WRONG_FUNCTIONS = (
    "def add(a, b):\n    return a - b",
    "def add(a, b):\n    return 3",
    "class Equal(int):\n    def __eq__(self, other):\n        return True\ndef add(a, b):\n    return Equal(0)",
    "import os\ndef add(a, b):\n    os._exit(0)",
    "def add(a, b):\n    return str(a + b)",
    "pass",  # a library's function of that name is none of the program's
)


class CodeTests(BaseVerifier):
    """Runs programs against tests.

    Args:
        sandbox: "auto", "docker", "native" or "none-i-accept-the-risk".
        mode: "exec" (a fresh interpreter for each run) or "fork" (from a warm one, several times as fast; for RL).
        score: "all", "fraction" or "public_private".
        languages: Languages that are taken; by default Python for functions, and any that the sandbox has for programs
            that read standard input.
        bare_code: Take an answer without a code block as the program.
        time_limit: Seconds for each test, in place of the reference's.
        memory_limit: MiB, in place of the reference's.
        time_factor: Multiplies time limits; "auto" measures how much slower than a reference machine this one is.
        testlib: Path of a testlib.h for checkers in C++, in place of ours.

    Raises `UsageError` where one of these is not among its choices.
    """

    name = "code_tests"
    version = "1"
    preload = ("assay_plugins.code_tests.judge",)

    def __init__(
        self,
        *,
        sandbox: str = "auto",
        mode: RunMode = "exec",
        score: str = "all",
        languages: Collection[str] | None = None,
        bare_code: bool = False,
        time_limit: float | None = None,
        memory_limit: int | None = None,
        time_factor: float | str | None = None,
        testlib: str | None = None,
    ) -> None:
        for name, value, choices in (("mode", mode, ("exec", "fork")), ("score", score, SCORES)):
            if value not in choices:
                raise UsageError(f"code_tests: {name} must be one of {', '.join(choices)}, got {value!r}")
        if isinstance(languages, str):
            raise UsageError(f"code_tests: languages must be a list of names, got {languages!r}")
        for name, number in (("time_limit", time_limit), ("memory_limit", memory_limit)):
            if number is not None and not (isinstance(number, int | float) and 0 < number < 1e6):
                raise UsageError(f"code_tests: {name} must be a positive number, got {number!r}")
        if not (time_factor in (None, "auto") or (isinstance(time_factor, int | float) and 0 < time_factor < 1000)):
            raise UsageError(f'code_tests: time_factor must be a positive number or "auto", got {time_factor!r}')
        if testlib is not None and not Path(testlib).is_file():
            raise UsageError(f"code_tests: there is no file {testlib!r} to use as testlib.h")
        self._sandbox = sandbox
        self._mode = mode
        self._score = score
        self._languages = None if languages is None else frozenset(languages)
        self._bare_code = bare_code
        self._time_limit = time_limit
        self._memory_limit = memory_limit
        self._time_factor = time_factor
        self._testlib = testlib

    def audit_cases(self) -> list[AuditCase]:
        """What `assay audit` starts from: right programs, and such as say that they are right."""
        function = {**_AUDIT_LIMITS, "kind": "functional", "entry_point": "add"}
        function["tests"] = [{"arguments": [1, 2], "output": 3}, {"arguments": [20, 22], "output": 42}]
        stdin = {**_AUDIT_LIMITS, "kind": "stdin"}
        stdin["tests"] = [{"input": "1 2\n", "output": "3\n"}, {"input": "20 22\n", "output": "42\n"}]

        def case(reference: dict[str, Any], right: str, wrong: tuple[str, ...]) -> AuditCase:
            # No template: what other verifiers bear around an answer, a blank before it, is a mistake in a program.
            return AuditCase(
                reference=reference,
                right=_AUDIT_RESPONSE.format(right),
                wrong=tuple(_AUDIT_RESPONSE.format(program) for program in wrong),
                question="Write a Python program that adds two numbers.",
            )

        return [
            case(stdin, "a, b = map(int, input().split())\nprint(a + b)", _AUDIT_WRONG),
            case(function, "def add(a, b):\n    return a + b", _AUDIT_WRONG_FUNCTIONS),
        ]

    def verify_fast(self, problem: Problem, completion: Completion) -> Verdict | None:
        """Decides where there is no program to run."""
        reference = self._reference(problem)
        if isinstance(reference, Verdict):
            return reference
        found = self._extracted(reference, completion)
        return found if isinstance(found, Verdict) else None

    def verify(self, problem: Problem, completion: Completion) -> Verdict:
        """Runs the program. The first call in a process opens its sandbox."""
        reference = self._reference(problem)
        if isinstance(reference, Verdict):
            return reference
        found = self._extracted(reference, completion)
        if isinstance(found, Verdict):
            return found
        assert found.code is not None
        from assay_plugins.code_tests.bench import Bench
        from assay_plugins.code_tests.judge import judge
        from assay_plugins.code_tests.sandboxes import sandbox_for, time_factor_of

        try:
            sandbox = sandbox_for(self._sandbox)
            measured = time_factor_of(self._sandbox) if self._time_factor == "auto" else self._time_factor
        except (SandboxError, OSError) as error:
            details = {"status": Status.JUDGE_ERROR.value}
            return Verdict(outcome=Outcome.ERROR, extracted=found.code, reason=str(error), details=details)
        factor = float(measured or 1.0)
        bench = Bench(
            sandbox=sandbox,
            mode=self._mode,
            time_factor=factor,
            stop_early=self._score == "all",
            testlib=None if self._testlib is None else Path(self._testlib).read_text(encoding="utf-8"),
        )
        judgement = judge(bench, reference, found.code, found.language)
        return self._verdict(reference, found, judgement, bench.sandbox.name, factor)

    def time_needed(self, problem: Problem) -> float | None:
        """Seconds that all tests may take at their limits, with compiling and one repetition; None: few."""
        reference = self._reference(problem)
        if isinstance(reference, Verdict):
            return None
        runs = max(1, len(reference.tests)) + 1
        factor = 10.0 if self._time_factor == "auto" else float(self._time_factor or 1.0)
        seconds = runs * (1.3 * (1.5 * factor * reference.time_limit + 1)) + _COMPILE_SECONDS
        if reference.checker is not None or reference.interactor is not None or reference.kind == "assertions":
            seconds += _HELPER_SECONDS + runs
        return seconds

    def same_answer_fast(self, a: str, b: str) -> bool:
        """Whether two programs are the same text, but for empty lines and trailing spaces."""
        return normalized(a) == normalized(b)

    def same_answer(self, a: str, b: str) -> bool:
        """The same as `same_answer_fast`."""
        return self.same_answer_fast(a, b)

    def answer_key(self, answer: str) -> tuple[str, str]:
        """The text of the program without empty lines and trailing spaces."""
        return "", normalized(answer)

    def check_reference(self, reference: Any) -> str | None:
        """What is wrong with a reference; also reads tests that are code."""
        try:
            read = read_reference(reference)
            if read.kind == "assertions":
                from assay_plugins.code_tests.assertions import plan

                plan(read)
        except ValueError as error:
            return f"the reference of code_tests is unusable: {error}"
        return None

    def _reference(self, problem: Problem) -> Reference | Verdict:
        try:
            reference = read_reference(problem.reference)
        except ValueError as error:
            return Verdict(
                outcome=Outcome.ERROR,
                reason=f"the reference of {problem.id!r} is unusable: {error}",
                details={"status": Status.JUDGE_ERROR.value},
            )
        return replace(
            reference,
            time_limit=float(self._time_limit or reference.time_limit),
            memory_limit=int(self._memory_limit or reference.memory_limit),
        )

    def _extracted(self, reference: Reference, completion: Completion) -> Extracted | Verdict:
        split = split_completion(completion)
        if split.answer is None:
            return missing_answer(completion, "the response ends inside its reasoning")
        languages = self._languages
        if reference.kind != "stdin":
            languages = frozenset(("python",))
        found = extract(split.answer, languages=languages, default=reference.language, bare_code=self._bare_code)
        if found.code is None:
            return missing_answer(completion, found.reason)
        if len(found.code) > MAX_CODE:
            reason = f"the program has {len(found.code)} characters, the limit is {MAX_CODE}"
            return Verdict(outcome=Outcome.REFUSED, reason=reason)
        return replace(found, code=_storable(found.code))

    def _verdict(
        self, reference: Reference, found: Extracted, judgement: Judgement, sandbox: str, factor: float
    ) -> Verdict:
        judgement = replace(judgement, message=_storable(judgement.message))
        details: dict[str, Any] = _storable(_details(reference, found, judgement, sandbox))
        details["mode"] = self._mode
        if factor != 1.0:
            details["time_factor"] = factor
        if judgement.status is Status.JUDGE_ERROR:
            return Verdict(outcome=Outcome.ERROR, extracted=found.code, reason=judgement.message, details=details)
        score = _scored(self._score, reference, judgement)
        return Verdict(
            outcome=Outcome.GRADED,
            score=score,
            extracted=found.code,
            reason=_reason(judgement, details),
            details=details,
        )


def _storable(value: Any) -> Any:
    """A value whose texts can be encoded: what a program said may hold half of a surrogate pair."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {key: _storable(item) for key, item in value.items()}
    return value


def _scored(rule: str, reference: Reference, judgement: Judgement) -> float:
    accepted = judgement.status is Status.ACCEPTED
    if rule == "all" or not judgement.results:
        return float(accepted)
    if rule == "fraction":
        return sum(result.points for result in judgement.results) / max(1, len(reference.tests))
    halves = [_all_passed(judgement.results, public=True), _all_passed(judgement.results, public=False)]
    known = [half for half in halves if half is not None]
    return sum(known) / len(known)


def _all_passed(results: tuple[TestResult, ...], *, public: bool) -> bool | None:
    mine = [result.status is Status.ACCEPTED for result in results if result.public is public]
    return all(mine) if mine else None


def _details(reference: Reference, found: Extracted, judgement: Judgement, sandbox: str) -> dict[str, Any]:
    results = judgement.results
    failed = [result for result in results if result.status is not Status.ACCEPTED]
    details: dict[str, Any] = {
        "status": judgement.status.value,
        "language": found.language,
        "sandbox": sandbox,
        "tests": len(reference.tests) or len(reference.assertions),
        "tests_run": len(results),
        "tests_passed": len(results) - len(failed),
        "cpu_seconds": round(max((result.cpu_seconds for result in results), default=0.0), 4),
    }
    peaks = [result.peak_bytes for result in results if result.peak_bytes is not None]
    if peaks:
        details["peak_bytes"] = max(peaks)
    if any(result.public for result in results):
        for name, public in (("public", True), ("private", False)):
            mine = [result for result in results if result.public is public]
            details[name] = {"passed": sum(r.status is Status.ACCEPTED for r in mine), "run": len(mine)}
    if failed:
        details["first_failing_test"] = failed[0].index
        details["failure"] = dict(failed[0].details)
    if judgement.message:
        details["message"] = judgement.message
    if judgement.repeated:
        details["repeated"] = judgement.repeated
    return details


def _reason(judgement: Judgement, details: Mapping[str, Any]) -> str:
    if judgement.status is Status.ACCEPTED:
        return "it passes every test"
    words = judgement.status.value.replace("_", " ")
    if "first_failing_test" not in details:
        return f"{words}: {judgement.message}"
    return f"{words} on test {details['first_failing_test']}: {judgement.message}"
