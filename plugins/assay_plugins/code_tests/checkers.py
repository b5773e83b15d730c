"""Programs of a benchmark that decide whether an output is right, where many are.

A checker runs on a worker that the solution never touches. It gets three files (input, output, answer) by name and is
believed by its exit status (testlib: 0 accepted, 1 wrong, 2 presentation, 3 failed, 4 dirt, 7 and 16 to 116 points), or
by what it prints (open-r1's generated checkers: 1 or 100 accepts, a share of 100 gives points).

A checker that crashes or takes too long has failed; whose fault that is, the expected output tells: where the
checker accepts it, the output of the program was what it could not bear, and is wrong. Otherwise, and where a
testlib checker itself says that it failed, the judge has no verdict.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self

from assay import Program, ProgramRun, RunStatus, SourceCode
from assay_plugins.code_tests.bench import HELPER_COMPILE_LIMITS, Bench
from assay_plugins.code_tests.reference import Helper, Test
from assay_plugins.code_tests.results import JudgeError, Status, how_it_ended, last_line

_POINTS = re.compile(r"points?\s+(\d+(?:\.\d+)?)")
_NUMBER = re.compile(r"\s*(\d+(?:\.\d+)?)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Opinion:
    """What a checker or an interactor said."""

    status: Status
    message: str = ""
    points: float = 0.0


class Checker:
    """A checker on a lease of its own, compiled when it is first needed."""

    def __init__(self, bench: Bench, helper: Helper) -> None:
        self._bench = bench
        self._helper = helper
        self._stack = ExitStack()
        self._program: Program | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def check(self, test: Test, output: bytes) -> Opinion:
        """What it says of an output. Raises `JudgeError` where it cannot be had."""
        opinion = self._asked(test, output)
        if opinion.status is not Status.JUDGE_ERROR:
            return opinion
        if self._asked(test, expected_output(test)).status is Status.ACCEPTED:
            return Opinion(
                status=Status.WRONG_ANSWER, message=f"the checker cannot read this output ({opinion.message})"
            )
        raise JudgeError(f"the checker failed on test {test.index}, and on its expected output too: {opinion.message}")

    def _asked(self, test: Test, output: bytes) -> Opinion:
        if self._program is None:
            self._program = self._stack.enter_context(load_helper(self._bench, self._helper, "checker"))
        files = {"input.txt": input_bytes(test), "output.txt": output, "answer.txt": expected_output(test)}
        names = ("input.txt", "output.txt", "answer.txt")
        if self._helper.style == "open-r1":
            names = ("input.txt", "answer.txt", "output.txt")
        run = self._program.run(b"", self._bench.helper_limits(), args=names, files=files)
        if self._helper.style == "open-r1":
            return _printed(run, self._helper.language)
        return by_exit_status(run, self._helper.language, "checker")


@contextmanager
def load_helper(bench: Bench, helper: Helper, what: str) -> Iterator[Program]:
    """Lease a worker for a program of the benchmark's. Raises `JudgeError` where it does not compile."""
    files = {}
    if helper.language == "cpp":
        files["testlib.h"] = (bench.testlib or own_testlib()).encode()
    source = SourceCode(language=helper.language, code=helper.code, files=files)
    with bench.lease(source, mode="exec", compile_limits=HELPER_COMPILE_LIMITS) as program:
        if program.compilation is not None and program.compilation.status is not RunStatus.OK:
            said = program.compilation.stderr.decode("utf-8", "replace").strip()
            raise JudgeError(f"the {what} does not compile: {said[:500] or how_it_ended(program.compilation, 'cpp')}")
        yield program


@cache
def own_testlib() -> str:
    """Our header with the interface of testlib."""
    return (Path(__file__).parent / "testlib" / "testlib.h").read_text(encoding="utf-8")


def input_bytes(test: Test) -> bytes:
    """The input of a test as the program reads it."""
    return test.input.encode("utf-8", "surrogatepass")


def expected_output(test: Test) -> bytes:
    """The expected output of a test."""
    return str(test.output).encode("utf-8", "surrogatepass")


def by_exit_status(run: ProgramRun, language: str, what: str) -> Opinion:
    """What a testlib program says by its exit status; `JUDGE_ERROR` where it crashed or ran into its limits.

    Raises `JudgeError` where it says that it failed.
    """
    message = run.stderr[:2000].decode("utf-8", "replace").strip()[:300]
    code = run.exit_code
    if run.status is RunStatus.OK:
        return Opinion(status=Status.ACCEPTED, message=message, points=1.0)
    if run.status is not RunStatus.RUNTIME_ERROR or code is None:
        return Opinion(status=Status.JUDGE_ERROR, message=how_it_ended(run, language))
    if language.startswith("python") and code == 1 and last_line(run).split(":")[0].endswith(("Error", "Exception")):
        return Opinion(status=Status.JUDGE_ERROR, message=last_line(run))
    if code in (1, 2, 4):
        return Opinion(status=Status.WRONG_ANSWER, message=message)
    if code == 3:
        raise JudgeError(f"the {what} says that it failed: {message}")
    if code == 7 or 16 <= code <= 116:
        found = _POINTS.search(message)
        points = float(found[1]) if code == 7 and found else (code - 16) / 100 if code >= 16 else 0.0
        points = min(1.0, points / 100 if points > 1 else points)
        return Opinion(status=Status.ACCEPTED if points == 1 else Status.WRONG_ANSWER, message=message, points=points)
    return Opinion(status=Status.JUDGE_ERROR, message=how_it_ended(run, language))


def _printed(run: ProgramRun, language: str) -> Opinion:
    """What a checker of open-r1 says on standard output."""
    if run.status is not RunStatus.OK:
        return Opinion(status=Status.JUDGE_ERROR, message=how_it_ended(run, language))
    found = _NUMBER.match(run.stdout[:100].decode("utf-8", "replace"))
    if found is None:
        return Opinion(status=Status.JUDGE_ERROR, message="it printed no number")
    value = float(found[1])
    points = min(1.0, value if value <= 1 else value / 100)
    status = Status.ACCEPTED if points == 1 else Status.WRONG_ANSWER
    return Opinion(status=status, message=f"the checker gives {value:g}", points=points)
