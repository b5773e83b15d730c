"""What judging a program comes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from assay import ProgramRun, RunStatus


class Status(StrEnum):
    """How a program did on a test, or on all of them. Only `JUDGE_ERROR` is ours."""

    ACCEPTED = "accepted"
    WRONG_ANSWER = "wrong_answer"
    TIME_LIMIT = "time_limit"
    MEMORY_LIMIT = "memory_limit"
    OUTPUT_LIMIT = "output_limit"
    RUNTIME_ERROR = "runtime_error"
    COMPILE_ERROR = "compile_error"
    JUDGE_ERROR = "judge_error"


class JudgeError(Exception):
    """The benchmark's own part failed (a checker, the tests): trying again would not help. Not the model's fault."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TestResult:
    """One test."""

    index: int
    """Its place in the dataset, from 0."""
    status: Status
    message: str = ""
    """One short sentence for a person."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """The difference, cut: JSON values."""
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    peak_bytes: int | None = None
    points: float = 0.0
    """In [0, 1]: 1 where it was accepted, a share where a checker gives partial points."""
    public: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """A whole program."""

    status: Status
    """That of the first test that failed, else `ACCEPTED`."""
    results: tuple[TestResult, ...] = ()
    """Of the tests that were run, in that order; a program that did not compile has none."""
    message: str = ""
    repeated: int = 0
    """Runs that were repeated alone, because they ended close to the time limit."""


_RUN_STATUS = {
    RunStatus.TIME_LIMIT: Status.TIME_LIMIT,
    RunStatus.MEMORY_LIMIT: Status.MEMORY_LIMIT,
    RunStatus.OUTPUT_LIMIT: Status.OUTPUT_LIMIT,
    RunStatus.RUNTIME_ERROR: Status.RUNTIME_ERROR,
}
_SYNTAX = ("SyntaxError:", "IndentationError:", "TabError:")


def failed_status(run: ProgramRun, language: str) -> Status:
    """The status of a run that was not `OK`. What it wrote on standard error only chooses among failures."""
    if run.status is not RunStatus.RUNTIME_ERROR:
        return _RUN_STATUS[run.status]
    last = last_line(run)
    if language.startswith("python") and last.startswith(_SYNTAX) and not _was_running(run):
        return Status.COMPILE_ERROR
    if last == "MemoryError" or last.startswith("MemoryError:") or "std::bad_alloc" in last:
        return Status.MEMORY_LIMIT
    return Status.RUNTIME_ERROR


def last_line(run: ProgramRun) -> str:
    """The last line on standard error that says something, cut."""
    text = run.stderr[-4096:].decode("utf-8", "replace").rstrip()
    return text[text.rfind("\n") + 1 :].strip()[:300]


def how_it_ended(run: ProgramRun, language: str) -> str:
    """A failed run in one sentence."""
    status = failed_status(run, language)
    if status is Status.TIME_LIMIT:
        return f"time limit exceeded after {run.cpu_seconds:.2f} s of CPU time, {run.wall_seconds:.2f} s by the clock"
    if status is Status.OUTPUT_LIMIT:
        return "it wrote more than it may"
    said = last_line(run)
    if status is Status.MEMORY_LIMIT:
        return "memory limit exceeded"
    if run.signal is not None:
        return f"ended by signal {run.signal}" + (f": {said}" if said else "")
    return said or f"ended with exit status {run.exit_code}"


def _was_running(run: ProgramRun) -> bool:
    """Whether a syntax error came from a line of the program that was executed (`eval`), not from reading it."""
    text = run.stderr[-4096:].decode("utf-8", "replace")
    frames = [line for line in text.splitlines() if line.lstrip().startswith('File "')]
    inner = frames[-1] if frames else ""
    return "<string>" in inner or "<unknown>" in inner
