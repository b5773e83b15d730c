"""Problems whose programs read standard input and write standard output."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack

from assay import Program, ProgramRun, RunStatus, SourceCode
from assay_plugins.code_tests.bench import (
    MEBIBYTE,
    OUTPUT_BYTES,
    Bench,
    borderline,
    held_to,
    quiet,
    stretched,
)
from assay_plugins.code_tests.checkers import Checker, expected_output, input_bytes
from assay_plugins.code_tests.comparison import difference, same_output, shown
from assay_plugins.code_tests.reference import Reference, Test
from assay_plugins.code_tests.results import Judgement, Status, TestResult, failed_status, how_it_ended

_STARRED = (
    "string re datetime collections heapq bisect copy math random statistics itertools functools operator io sys json "
    "builtins typing"
)
_PLAIN = (
    "string re datetime collections heapq bisect copy math random statistics itertools functools operator io sys json"
)
LCB_IMPORTS = "; ".join(
    [
        *(f"from {name} import *" for name in _STARRED.split()),
        "import " + ", ".join(_PLAIN.split()),
        "sys.setrecursionlimit(50000)",
    ]
)
"""What LiveCodeBench puts before a program (`import_string` of its testing_util.py), on one line."""
_FUTURE = re.compile(r"(?m)^from\s+__future__\s+import\b")


class Outputs:
    """Grades the runs of a program: each is compared with the test that it belongs to."""

    def __init__(self, reference: Reference, language: str, checker: Checker | None) -> None:
        self._reference = reference
        self._language = language
        self._checker = checker

    def input(self, test: Test) -> bytes:
        """What the run of a test reads."""
        return input_bytes(test)

    def grade(self, test: Test, run: ProgramRun) -> TestResult:
        """The result of a test."""
        if run.status is not RunStatus.OK:
            return failed(test, run, self._language)
        status, message, points = Status.ACCEPTED, "", 1.0
        details: Mapping[str, object] = {}
        if self._checker is not None:
            opinion = self._checker.check(test, run.stdout)
            status, message, points = opinion.status, opinion.message, opinion.points
            if status is not Status.ACCEPTED:
                details = {"got": shown(run.stdout)}
        elif not same_output(expected_output(test), run.stdout, self._reference.rule):
            found = details = difference(expected_output(test), run.stdout, self._reference.rule)
            status, points = Status.WRONG_ANSWER, 0.0
            message = f"line {found['line']}: expected {found['expected']!r:.80}, got {found['got']!r:.80}"
        return result_of(test, run, status, message=message, points=points, details=details)


def failed(test: Test, run: ProgramRun, language: str) -> TestResult:
    """The result of a test whose run was not `OK`."""
    stderr = shown(run.stderr[-1000:], 1000)
    details: Mapping[str, object] = {"stderr": stderr} if stderr and stderr.strip() else {}
    return result_of(
        test, run, failed_status(run, language), message=how_it_ended(run, language), points=0.0, details=details
    )


def result_of(
    test: Test, run: ProgramRun, status: Status, *, message: str, points: float, details: Mapping[str, object]
) -> TestResult:
    """A result with what the run used; a failure carries the input, cut."""
    if status is not Status.ACCEPTED:
        given = shown(input_bytes(test)) if test.arguments is None else repr(test.arguments)[:200]
        details = {"input": given, **details}
    return TestResult(
        index=test.index,
        status=status,
        message=message,
        details=details,
        cpu_seconds=run.cpu_seconds,
        wall_seconds=run.wall_seconds,
        peak_bytes=run.peak_bytes,
        points=points,
        public=test.public,
    )


def judge_stdin(bench: Bench, reference: Reference, code: str, language: str) -> Judgement:
    """Judge a program that reads its input and writes its output. Raises `SandboxError` and `JudgeError`."""
    if reference.prelude == "lcb" and language == "python":
        code = with_lcb_imports(code)
    source = SourceCode(language=language, code=code)
    with ExitStack() as stack:
        checker = None
        if reference.checker is not None:
            checker = stack.enter_context(Checker(bench, reference.checker))
        return judge_runs(bench, reference, source, Outputs(reference, language, checker))


def judge_runs(bench: Bench, reference: Reference, source: SourceCode, outputs: Outputs) -> Judgement:
    """Load a program and run it on the tests, cheapest first, until one fails where that is enough."""
    with bench.lease(source) as program:
        refused = compile_failure(program, source.language)
        if refused is not None:
            return refused
        return _Runs(bench, reference, program, outputs).all()


def compile_failure(program: Program, language: str) -> Judgement | None:
    """The judgement of a program that did not compile; None where it did."""
    compilation = program.compilation
    if compilation is None or compilation.status is RunStatus.OK:
        return None
    said = compilation.stderr.decode("utf-8", "replace").strip()
    first = next((line for line in said.splitlines() if "error" in line.lower()), said[:300])
    if compilation.status is not RunStatus.RUNTIME_ERROR:
        first = f"compiling it ran into a limit: {how_it_ended(compilation, language)}"
    return Judgement(status=Status.COMPILE_ERROR, message=first.strip()[:300])


class _Runs:
    """The runs of one loaded program over the tests of its problem."""

    def __init__(self, bench: Bench, reference: Reference, program: Program, outputs: Outputs) -> None:
        self._bench = bench
        self._program = program
        self._outputs = outputs
        self._tests = cheapest_first(reference.tests)
        self._limits = bench.limits(reference, output_bytes=_output_bytes(reference))
        self._results: list[TestResult] = []
        self._repeated = 0

    def all(self) -> Judgement:
        """Run what is needed for the verdict."""
        while len(self._results) < len(self._tests):
            near = self._batch()
            if near is not None:
                self._results.append(self._outputs.grade(near, self._alone(near)))
            if not self._wants_more():
                break
        bad = next((result for result in self._results if result.status is not Status.ACCEPTED), None)
        return Judgement(
            status=Status.ACCEPTED if bad is None else bad.status,
            results=tuple(self._results),
            message="" if bad is None else bad.message,
            repeated=self._repeated,
        )

    def _batch(self) -> Test | None:
        """Run the tests that are left. Stops before one that ended close to its time limit, and returns it."""
        left = self._tests[len(self._results) :]
        near: list[Test] = []

        def go_on(index: int, run: ProgramRun) -> bool:
            if borderline(run, self._limits):
                near.append(left[index])
                return False
            self._results.append(self._outputs.grade(left[index], run))
            return self._wants_more()

        runs = self._program.run_many(
            (self._outputs.input(test) for test in left), stretched(self._limits), go_on=go_on
        )
        for _ in runs:
            pass
        return near[0] if near else None

    def _alone(self, test: Test) -> ProgramRun:
        self._repeated += 1
        with quiet():
            run = self._program.run(self._outputs.input(test), self._limits)
        return held_to(run, self._limits)

    def _wants_more(self) -> bool:
        if not self._results:
            return True
        last = self._results[-1]
        return last.status is Status.ACCEPTED or not (self._bench.stop_early or last.status is Status.COMPILE_ERROR)


def cheapest_first(tests: Sequence[Test]) -> list[Test]:
    """The public tests first, then by the size of their input: wrong programs should cost little."""
    return sorted(tests, key=lambda test: (not test.public, test.size, test.index))


def _output_bytes(reference: Reference) -> int:
    """How much may be written: far more than is right, so that endless output ends soon."""
    longest = max((len(test.output) for test in reference.tests if isinstance(test.output, str)), default=0)
    if reference.kind == "functional" or reference.checker is not None:
        return max(OUTPUT_BYTES, 4 * longest)
    return MEBIBYTE + 8 * longest


def with_lcb_imports(code: str) -> str:
    """A Python program with LiveCodeBench's imports before it, after imports from `__future__`."""
    if not _FUTURE.search(code):
        return f"{LCB_IMPORTS}\n{code}"
    last = 0
    for match in _FUTURE.finditer(code):
        end = code.find("\n", match.end())
        last = len(code) if end < 0 else end + 1
    return f"{code[:last]}\n{LCB_IMPORTS}\n{code[last:]}"
