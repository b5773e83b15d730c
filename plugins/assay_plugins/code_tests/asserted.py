"""Problems whose tests are Python code (HumanEval, MBPP, LeetCode's `check`).

The program is loaded once and its functions are called one by one, from outside, as the tests ask
(`inside.serve`). Where the tests could be read (`assertions.plan`), the judge asks and compares. Otherwise they
run in a second sandbox (`inside.tester`) and the judge carries questions and answers, as plain data, between the two:
the side that knows what is right never runs the program, the side that runs the program never knows.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from assay import LiveRun, ProgramRun, RunStatus, SourceCode
from assay_plugins.code_tests.assertions import Check, Plan, plan
from assay_plugins.code_tests.bench import OUTPUT_BYTES, Bench, borderline, held_to, quiet, stretched
from assay_plugins.code_tests.inside import bundle
from assay_plugins.code_tests.lines import Ended, Garbled, Lines, Silent
from assay_plugins.code_tests.reference import Reference
from assay_plugins.code_tests.results import (
    JudgeError,
    Judgement,
    Status,
    TestResult,
    failed_status,
    how_it_ended,
)
from assay_plugins.code_tests.stdin import compile_failure
from assay_plugins.code_tests.values import equal_in_python, is_true, show

_GRACE = 10.0
"""Seconds beyond its own wall-clock limit after which a run that says nothing is given up."""


class _Failed(Exception):  # noqa: N818  # no error of ours: a result
    """The program failed a test."""

    def __init__(self, status: Status, message: str, index: int = 0, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.index, self.details = status, message, index, details or {}


def judge_assertions(bench: Bench, reference: Reference, code: str) -> Judgement:
    """Judge a Python program by tests that are code. Raises `SandboxError` and `JudgeError`."""
    try:
        planned = plan(reference)
    except ValueError as error:
        raise JudgeError(str(error)) from None
    limits = bench.limits(reference, output_bytes=4 * OUTPUT_BYTES)
    judgement, run = _attempt(bench, reference, planned, code, watched=True)
    if run is not None and borderline(run, limits):
        with quiet():
            judgement, run = _attempt(bench, reference, planned, code, watched=False)
        judgement = replace(judgement, repeated=1)
        if run is not None and held_to(run, limits).status is RunStatus.TIME_LIMIT:
            late = _result(_Failed(Status.TIME_LIMIT, how_it_ended(held_to(run, limits), "python")), run)
            judgement = replace(judgement, status=late.status, results=(late,), message=late.message)
    return judgement


def _attempt(
    bench: Bench, reference: Reference, planned: Plan, code: str, *, watched: bool
) -> tuple[Judgement, ProgramRun | None]:
    limits = bench.limits(reference, output_bytes=4 * OUTPUT_BYTES)
    source = SourceCode(
        language="python",
        code=bundle("encode", "decode", "load", "serve"),
        files={"program.py": code.encode("utf-8", "surrogatepass")},
    )
    with bench.lease(source) as program:
        refused = compile_failure(program, "python")
        if refused is not None:
            return refused, None
        live = program.start(stretched(limits) if watched else limits)
        solution = _Solution(live, stretched(limits).wall)
        try:
            solution.load(reference.prelude)
            if planned.checks is not None:
                _ask(solution, planned.checks)
            else:
                _Tests(bench, reference, planned).run(solution)
        except _Failed as failure:
            run = solution.end()
            return _failed(_result(failure, run)), run
        except BaseException:
            solution.kill()
            raise
        run = solution.end()
        good = TestResult(index=0, status=Status.ACCEPTED, points=1.0, **_used(run))
        return Judgement(status=Status.ACCEPTED, results=(good,)), run


def _failed(result: TestResult) -> Judgement:
    return Judgement(status=result.status, results=(result,), message=result.message)


def _result(failure: _Failed, run: ProgramRun) -> TestResult:
    return TestResult(
        index=failure.index, status=failure.status, message=failure.message, details=failure.details, **_used(run)
    )


def _used(run: ProgramRun) -> dict[str, Any]:
    return {"cpu_seconds": run.cpu_seconds, "wall_seconds": run.wall_seconds, "peak_bytes": run.peak_bytes}


class _Solution:
    """The program, running and waiting for calls."""

    def __init__(self, live: LiveRun, wall: float) -> None:
        self._live = live
        self._lines = Lines(live)
        self._deadline = time.monotonic() + wall + _GRACE
        self._ended: ProgramRun | None = None

    def load(self, prelude: str) -> None:
        """Let it load the program."""
        self.ask({"prelude": prelude}, 0)

    def ask(self, request: dict[str, Any], index: int) -> dict[str, Any]:
        """One request and its answer. Raises `_Failed` where none comes."""
        self._lines.send(request)
        try:
            answer = self._lines.receive(self._deadline)
        except Garbled as error:
            raise _Failed(Status.RUNTIME_ERROR, f"what the function returned cannot be read: {error}", index) from None
        except Silent:
            raise _Failed(Status.TIME_LIMIT, "it said nothing until the deadline", index) from None
        except Ended:
            run = self.end()
            if run.status is RunStatus.OK:
                message = "the program ended before its function returned"
                raise _Failed(Status.RUNTIME_ERROR, message, index) from None
            status = failed_status(run, "python")
            raise _Failed(status, how_it_ended(run, "python"), index, _stderr(run)) from None
        if not _is_answer(answer):
            raise _Failed(Status.RUNTIME_ERROR, "what the function returned cannot be read", index)
        return answer

    def end(self) -> ProgramRun:
        """End it."""
        if self._ended is None:
            self._live.close_stdin()
            self._ended = self._live.finish(kill=time.monotonic() > self._deadline)
        return self._ended

    def kill(self) -> None:
        """End it at once; for when its result is of no interest."""
        if self._ended is None:
            self._ended = self._live.finish(kill=True)


def _stderr(run: ProgramRun) -> dict[str, Any]:
    text = run.stderr[-1000:].decode("utf-8", "replace").strip()
    return {"stderr": text} if text else {}


def _is_answer(answer: dict[str, Any]) -> bool:
    if "error" in answer:
        error = answer["error"]
        return isinstance(error, list) and len(error) == 2 and all(isinstance(part, str) for part in error)
    if "handle" in answer:
        return type(answer["handle"]) is int
    return "ok" in answer and isinstance(answer.get("changed", {}), dict)


def _ask(solution: _Solution, checks: tuple[Check, ...]) -> None:
    """Put the calls that the tests ask for, and compare."""
    for check in checks:
        call = {"op": "call", "on": {"name": check.function}, "args": check.args, "kwargs": check.kwargs}
        answer = solution.ask(call, check.index)
        details = {"test": check.source}
        if "error" in answer:
            raise _raised(answer["error"], check.index, details)
        if "ok" not in answer:
            message = "the function returned an object of a class of its own, which is no plain data"
            raise _Failed(Status.RUNTIME_ERROR, message, check.index, details)
        if not holds(check, answer["ok"]):
            got = show(answer["ok"])
            raise _Failed(
                Status.WRONG_ANSWER,
                f"{check.source:.200} does not hold: got {got:.80}",
                check.index,
                {**details, "got": got},
            )


def _raised(error: list[str], index: int, details: dict[str, Any]) -> _Failed:
    status = Status.MEMORY_LIMIT if error[0] == "MemoryError" else Status.RUNTIME_ERROR
    return _Failed(status, f"{error[0]}: {error[1]}"[:300], index, details)


def holds(check: Check, got: Any) -> bool:
    """Whether an assertion holds for a result, as plain data."""
    if check.digits is not None:
        if not _is_number(got):
            return False
        got = round(got, check.digits) if got - got == 0 else got
    return _RELATIONS[check.relation](check, got)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _near(check: Check, got: Any) -> bool:
    return _is_number(got) and abs(got - check.wanted) < check.absolute


def _close(check: Check, got: Any) -> bool:
    if not _is_number(got):
        return False
    largest = max(abs(got), abs(check.wanted))
    return bool(got == check.wanted or abs(got - check.wanted) <= max(check.relative * largest, check.absolute))


_RELATIONS: dict[str, Callable[[Check, Any], bool]] = {
    "==": lambda check, got: equal_in_python(check.wanted, got),
    "!=": lambda check, got: not equal_in_python(check.wanted, got),
    "is": lambda check, got: type(got) is type(check.wanted) and bool(got == check.wanted),
    "true": lambda _, got: is_true(got),
    "false": lambda _, got: not is_true(got),
    "near": _near,
    "close": _close,
}


class _Tests:
    """The tests, running in a sandbox of their own."""

    def __init__(self, bench: Bench, reference: Reference, planned: Plan) -> None:
        self._bench = bench
        self._reference = reference
        self._plan = planned
        self._word = secrets.token_hex(16)

    def run(self, solution: _Solution) -> None:
        """Run them to their end. Raises `_Failed` where they do not hold, `JudgeError` where they cannot be run."""
        source = SourceCode(language="python", code=bundle("encode", "decode", "load", "tester"))
        limits = self._bench.helper_limits()
        with self._bench.lease(source) as program:
            live = program.start(limits)
            lines = Lines(live)
            deadline = time.monotonic() + limits.wall + _GRACE
            try:
                lines.send(self._order())
                self._relay(lines, solution, deadline)
            finally:
                live.finish(kill=True)

    def _order(self) -> dict[str, Any]:
        # The code before the tests proper (of HumanEval: the prompt, with helpers) counts as no test.
        setup = [self._reference.setup] if self._reference.setup.strip() else []
        return {
            "word": self._word,
            "prelude": self._reference.prelude,
            "names": self._plan.names,
            "modules": self._plan.modules,
            "candidate": self._plan.candidate,
            "tests": [*setup, *self._reference.assertions],
            "first": len(setup),
        }

    def _relay(self, lines: Lines, solution: _Solution, deadline: float) -> None:
        calls = 0
        while True:
            try:
                message = lines.receive(deadline)
            except (Ended, Silent, Garbled) as error:
                if calls:
                    # A returned value can keep the tests busy for ever: a program must not make the verdict ours.
                    text = "the tests did not come to an end with what the program returned"
                    raise _Failed(Status.WRONG_ANSWER, text) from None
                raise JudgeError(f"the tests did not come to an end: {type(error).__name__}") from None
            if "call" in message:
                calls += message["call"].get("op") == "call"
                lines.send(solution.ask(message["call"], 0))
                continue
            self._decide(message, calls)
            return

    def _decide(self, message: dict[str, Any], calls: int) -> None:
        end = message.get("end")
        if end == "passed":
            if message.get("word") != self._word:
                raise JudgeError("the tests ended without the word that they were given")
            if not calls:
                raise JudgeError("the tests never called the program")
            return
        text, source = str(message.get("text", ""))[:300], str(message.get("source", ""))[:300]
        index = message.get("index")
        details = {"test": source} if source else {}
        where = index if isinstance(index, int) and index >= 0 else 0
        if end == "program":
            raise _raised([*text.partition(": ")[::2]], where, details)
        if end in ("assertion", "values"):
            said = text.removeprefix("AssertionError:").strip() if end == "assertion" else text
            raise _Failed(
                Status.WRONG_ANSWER,
                f"{source:.200} does not hold" + (f": {said:.100}" if said else ""),
                where,
                details,
            )
        raise JudgeError(f"the tests failed by themselves: {text}" + (f" in {source}" if source else ""))
