"""Interactive problems: the program talks to an interactor of the benchmark's, each in a sandbox of its own.

What one writes the judge hands to the other. The interactor knows the input file (and the answer), the program only
what it is told; the interactor's exit status decides, as a checker's does. A dialogue in which nobody says anything
for `SILENCE` seconds is a dead-lock, and the program's: it waits for what was never promised, or forgot to flush.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from assay import LiveRun, Program, ProgramRun, RunStatus, SourceCode
from assay_plugins.code_tests.bench import Bench, borderline, held_to, quiet, stretched
from assay_plugins.code_tests.checkers import by_exit_status, expected_output, input_bytes, load_helper
from assay_plugins.code_tests.comparison import shown
from assay_plugins.code_tests.reference import Helper, Reference, Test
from assay_plugins.code_tests.results import JudgeError, Judgement, Status, TestResult, failed_status, how_it_ended
from assay_plugins.code_tests.stdin import cheapest_first, compile_failure, result_of

SILENCE = 10.0
_TRANSCRIPT = 2000
_POLL = (0.001, 0.05)


@dataclass
class _Side:
    """One of the two, with the end of what it said."""

    live: LiveRun
    said: bytearray = field(default_factory=bytearray)
    closed: bool = False

    def hear(self, timeout: float) -> bytes:
        """What it says, waiting up to `timeout` seconds."""
        if self.closed:
            return b""
        data = self.live.receive(timeout)
        if not data and self.live.ended:
            self.closed = True
        self.said += data
        if len(self.said) > 4 * _TRANSCRIPT:
            del self.said[:-_TRANSCRIPT]
        return data


@dataclass(frozen=True, kw_only=True, slots=True)
class _Dialogue:
    """How a dialogue ended."""

    program: ProgramRun
    interactor: ProgramRun
    silent: bool
    interactor_first: bool
    """Whether the interactor had ended before the program did."""
    said: tuple[bytes, bytes]


def judge_interactive(bench: Bench, reference: Reference, code: str, language: str) -> Judgement:
    """Judge a program by its dialogues. Raises `SandboxError` and `JudgeError`."""
    assert reference.interactor is not None
    source = SourceCode(language=language, code=code)
    with bench.lease(source) as program:
        refused = compile_failure(program, language)
        if refused is not None:
            return refused
        results, repeated = [], 0
        with load_helper(bench, reference.interactor, "interactor") as interactor:
            for test in cheapest_first(reference.tests):
                judge = _Judge(bench, reference, reference.interactor, language)
                results.append(judge.result(program, interactor, test))
                repeated += judge.repeated
                if bench.stop_early and results[-1].status is not Status.ACCEPTED:
                    break
    bad = next((result for result in results if result.status is not Status.ACCEPTED), None)
    return Judgement(
        status=Status.ACCEPTED if bad is None else bad.status,
        results=tuple(results),
        message="" if bad is None else bad.message,
        repeated=repeated,
    )


class _Judge:
    """One test."""

    def __init__(self, bench: Bench, reference: Reference, helper: Helper, language: str) -> None:
        self._bench = bench
        self._limits = bench.limits(reference)
        self._helper = helper
        self._language = language
        self.repeated = 0

    def result(self, program: Program, interactor: Program, test: Test) -> TestResult:
        """Hold the dialogue, once more where it ended close to the time limit, and decide."""
        dialogue = self._talk(program, interactor, test, watched=True)
        if borderline(dialogue.program, self._limits):
            self.repeated += 1
            with quiet():
                dialogue = self._talk(program, interactor, test, watched=False)
        return self._decide(test, dialogue)

    def _talk(self, program: Program, interactor: Program, test: Test, *, watched: bool) -> _Dialogue:
        files = {"input.txt": input_bytes(test), "answer.txt": expected_output(test)}
        names = ("input.txt", "output.txt", "answer.txt")
        judge = _Side(interactor.start(self._bench.helper_limits(), args=names, files=files))
        try:
            solver = _Side(program.start(stretched(self._limits) if watched else self._limits))
            try:
                return self._relay(solver, judge)
            except BaseException:
                solver.live.finish(kill=True)
                raise
        except BaseException:
            judge.live.finish(kill=True)
            raise

    def _relay(self, solver: _Side, judge: _Side) -> _Dialogue:
        deadline = time.monotonic() + stretched(self._limits).wall + SILENCE
        heard = time.monotonic()
        patience = _POLL[0]
        turn = 0
        while not (solver.closed and judge.closed):
            # Who was spoken to last is the one to answer.
            order = (solver, judge) if turn == 0 else (judge, solver)
            moved = False
            for side in order:
                data = side.hear(patience)
                if data:
                    other = judge if side is solver else solver
                    other.live.send(data)
                    turn = 0 if other is solver else 1
                    moved = True
                    break
            now = time.monotonic()
            if moved:
                heard, patience = now, _POLL[0]
                continue
            patience = min(2 * patience, _POLL[1])
            if solver.closed or judge.closed or now - heard > SILENCE or now > deadline:
                break
        silent = not solver.closed and not judge.closed
        judge_first = judge.closed and not solver.closed
        if judge_first:
            solver.live.close_stdin()
            ended = solver.live.finish(kill=False)
            verdict = judge.live.finish()
        else:
            judge.live.close_stdin()
            verdict = judge.live.finish(kill=silent)
            ended = solver.live.finish(kill=silent)
        said = (bytes(solver.said[-_TRANSCRIPT:]), bytes(judge.said[-_TRANSCRIPT:]))
        return _Dialogue(program=ended, interactor=verdict, silent=silent, interactor_first=judge_first, said=said)

    def _decide(self, test: Test, dialogue: _Dialogue) -> TestResult:
        run = held_to(dialogue.program, self._limits)
        details: dict[str, object] = {
            "program_said": shown(dialogue.said[0], 1000),
            "interactor_said": shown(dialogue.said[1], 1000),
        }

        def bad(status: Status, message: str) -> TestResult:
            return result_of(test, run, status, message=message, points=0.0, details=details)

        if run.status in (RunStatus.TIME_LIMIT, RunStatus.MEMORY_LIMIT, RunStatus.OUTPUT_LIMIT):
            return bad(failed_status(run, self._language), how_it_ended(run, self._language))
        if dialogue.silent:
            return bad(Status.TIME_LIMIT, f"neither the program nor the interactor said anything for {SILENCE:g} s")
        opinion = by_exit_status(dialogue.interactor, self._helper.language, "interactor")
        if opinion.status is Status.WRONG_ANSWER and run.status is RunStatus.OK:
            return bad(Status.WRONG_ANSWER, opinion.message)
        left = dialogue.interactor_first and opinion.status is not Status.ACCEPTED
        if run.status is not RunStatus.OK and not left:
            # A program that the interactor left because it was wrong may well end badly: that is a wrong answer.
            return bad(failed_status(run, self._language), how_it_ended(run, self._language))
        if opinion.status is Status.JUDGE_ERROR:
            if dialogue.said[0]:
                # It may have been what the program said: a program must not be able to make the verdict ours.
                return bad(Status.WRONG_ANSWER, f"the interactor cannot read this ({opinion.message})")
            raise JudgeError(f"the interactor failed on test {test.index}: {opinion.message}")
        if opinion.status is Status.WRONG_ANSWER:
            return bad(Status.WRONG_ANSWER, opinion.message)
        return result_of(test, run, Status.ACCEPTED, message=opinion.message, points=1.0, details={})
