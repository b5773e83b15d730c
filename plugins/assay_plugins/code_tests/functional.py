"""Problems whose programs define a function: each test is a call of it, in a process of its own.

The arguments go in as JSON, the result comes out encoded by exact type (`inside.encode`), and it is compared here, as
plain data, with the expected JSON value. What the program prints goes nowhere.
"""

from __future__ import annotations

import json

from assay import ProgramRun, RunStatus, SourceCode
from assay_plugins.code_tests.bench import Bench
from assay_plugins.code_tests.inside import bundle, text_of
from assay_plugins.code_tests.reference import Reference, Test
from assay_plugins.code_tests.results import Judgement, Status, TestResult
from assay_plugins.code_tests.stdin import Outputs, failed, judge_runs, result_of
from assay_plugins.code_tests.values import equal_as_json, show


class Results(Outputs):
    """Grades encoded results."""

    def __init__(self, reference: Reference) -> None:
        super().__init__(reference, "python", None)

    def input(self, test: Test) -> bytes:
        """The call as the harness reads it."""
        request = {
            "entry_point": self._reference.entry_point,
            "prelude": self._reference.prelude,
            "arguments": test.arguments,
            "result": self._reference.result,
        }
        return json.dumps(request).encode("ascii")

    def grade(self, test: Test, run: ProgramRun) -> TestResult:
        """The result of a test."""
        if run.status is not RunStatus.OK:
            return failed(test, run, self._language)
        if not run.stdout.endswith(b"\n"):
            message = "the program ended before its function returned"
            return result_of(test, run, Status.RUNTIME_ERROR, message=message, points=0.0, details={})
        try:
            got = json.loads(run.stdout)
        except (ValueError, RecursionError):
            message = "what the function returned cannot be read"
            return result_of(test, run, Status.RUNTIME_ERROR, message=message, points=0.0, details={})
        if equal_as_json(test.output, got, self._reference.rule):
            return result_of(test, run, Status.ACCEPTED, message="", points=1.0, details={})
        expected, found = repr(test.output)[:200], show(got)[:200]
        message = f"expected {expected:.80}, got {found:.80}"
        details: dict[str, object] = {"expected": expected, "got": found}
        return result_of(test, run, Status.WRONG_ANSWER, message=message, points=0.0, details=details)


def judge_functional(bench: Bench, reference: Reference, code: str) -> Judgement:
    """Judge a Python program by calls of its function. Raises `SandboxError`."""
    source = SourceCode(
        language="python",
        code=bundle("load", "functional"),
        files={"program.py": code.encode("utf-8", "surrogatepass"), "encode.py": text_of("encode").encode()},
    )
    return judge_runs(bench, reference, source, Results(reference))
