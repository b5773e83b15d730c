"""Two ways to judge: through the verifier `code_tests`, as users do, and on the bare contract of a sandbox.

Both give one of AC WA TLE MLE OLE RE CE, or JE where the judge itself failed, which no program may be able to cause.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from assay import (
    Completion,
    Outcome,
    Problem,
    ProgramRun,
    RunLimits,
    RunStatus,
    Sandbox,
    SandboxError,
    SourceCode,
    Verdict,
)
from tests.attacks.corpus import Attack

LIMITS = RunLimits(cpu_seconds=2.0, memory_bytes=512 * 2**20, output_bytes=16 * 2**20, processes=32)

STATUS = {
    "accepted": "AC",
    "wrong_answer": "WA",
    "time_limit": "TLE",
    "memory_limit": "MLE",
    "output_limit": "OLE",
    "runtime_error": "RE",
    "compile_error": "CE",
    "judge_error": "JE",
}
RUN_STATUS = {
    RunStatus.TIME_LIMIT: "TLE",
    RunStatus.MEMORY_LIMIT: "MLE",
    RunStatus.OUTPUT_LIMIT: "OLE",
    RunStatus.RUNTIME_ERROR: "RE",
}


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A verdict and what it came from."""

    verdict: str
    reason: str = ""
    details: Any = field(default=None, repr=False)


class Judge(Protocol):
    """Gives a verdict on a submission."""

    def judge(self, attack: Attack) -> Judged: ...


class ContractJudge:
    """The least that a judge can be: run on each input, compare the output's words."""

    def __init__(self, sandbox: Sandbox, mode: Any, limits: RunLimits = LIMITS) -> None:
        self._sandbox, self._mode, self._limits = sandbox, mode, limits

    @classmethod
    @contextlib.contextmanager
    def open(cls, sandbox: str, mode: str) -> Iterator[Judge]:
        """A judge with a sandbox of its own."""
        import assay

        with assay.open_sandbox(sandbox) as opened:
            yield cls(opened, mode)

    def judge(self, attack: Attack) -> Judged:
        assert not attack.functional, "functions are called by the harness of code_tests"
        try:
            return self._judge(attack)
        except SandboxError as error:
            return Judged(verdict="JE", reason=str(error))

    def _judge(self, attack: Attack) -> Judged:
        source = SourceCode(language=attack.language, code=attack.code)
        with self._sandbox.load(source, mode=self._mode) as program:
            if program.compilation is not None and program.compilation.status is not RunStatus.OK:
                return Judged(verdict="CE", reason=program.compilation.stderr.decode(errors="replace")[-300:])
            wanted = [test["output"].encode() for test in attack.tests]

            def right(number: int, run: ProgramRun) -> bool:
                return run.status is RunStatus.OK and run.stdout.split() == wanted[number].split()

            stdins = [test["input"].encode() for test in attack.tests]
            runs = list(program.run_many(stdins, self._limits, go_on=right))
        for number, run in enumerate(runs):
            if run.status is not RunStatus.OK:
                return Judged(verdict=RUN_STATUS[run.status], reason=f"test {number}", details=run)
            if not right(number, run):
                return Judged(
                    verdict="WA", reason=f"test {number}: {run.stdout[:200]!r} {run.stderr[-200:]!r}", details=run
                )
        assert len(runs) == len(wanted)
        return Judged(verdict="AC")


class VerifierJudge:
    """Through the verifier `code_tests`, with the program in a response, as users do."""

    def __init__(self, sandbox: str, mode: str) -> None:
        import assay

        self._verifier = assay.get_verifier("code_tests", sandbox=sandbox, mode=mode)

    @classmethod
    @contextlib.contextmanager
    def open(cls, sandbox: str, mode: str) -> Iterator[Judge]:
        """A judge with a sandbox of its own."""
        from assay_plugins.code_tests.sandboxes import close_all

        try:
            yield cls(sandbox, mode)
        finally:
            close_all()

    def judge(self, attack: Attack) -> Judged:
        verdict = self._verifier.verify(problem_of(attack), Completion(text=response_with(attack)))
        return Judged(verdict=letters(verdict), reason=verdict.reason, details=verdict.details)


def problem_of(attack: Attack) -> Problem:
    """Its problem as `code_tests` reads it."""
    reference: dict[str, Any] = {
        "kind": "functional" if attack.functional else "stdin",
        "tests": [{"input": test["input"], "output": test["output"]} for test in attack.tests],
        "time_limit": LIMITS.cpu_seconds,
        "memory_limit": LIMITS.memory_bytes >> 20,
    }
    if attack.functional:
        reference["entry_point"] = attack.problem["fn_name"]
    else:
        reference["language"] = attack.language
    return Problem(id=attack.problem["id"], prompt=(), reference=reference, verifier="code_tests")


def response_with(attack: Attack) -> str:
    """A model's answer with the program in it."""
    return f"<think>\nThis should do.\n</think>\n\n```{attack.language}\n{attack.code}\n```\n"


def letters(verdict: Verdict) -> str:
    """A verdict of `code_tests` in short."""
    if verdict.outcome is not Outcome.GRADED:
        return "JE"
    status = STATUS[verdict.details["status"]]
    assert (status == "AC") == (verdict.score == 1.0), verdict
    return status
