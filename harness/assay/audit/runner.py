"""Asking a verifier all probes: through a pool with a deadline, from threads, and in a worker process.

Dangerous probes go to a worker process first, fast path included (`trial`). Then each question runs in a
thread of its own, so that one that never returns is found and named. What is left behind is looked for at the
end.
"""

from __future__ import annotations

import json
import os
import queue
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from assay.audit.card import KEPT, Card, Hole
from assay.audit.cases import AuditCase, find_cases
from assay.audit.probes import DANGEROUS, NO_GRADE, RIGHT, Probe, probes
from assay.audit.trial import Trial
from assay.contracts import Verifier
from assay.errors import VerifierError
from assay.types import Completion, Outcome, Problem, Verdict
from assay.verification import Pool

T = TypeVar("T")
DEADLINE = 2.0
GRACE = 1.0
"""Seconds beyond the deadline that the way to a worker and back may take on a busy machine."""
START = 30.0
"""Seconds that the very first question may take: worker processes import what the verifier needs."""
THREADS = 16
MAX_PAIRS = 400


def audit_verifier(
    verifier: Verifier,
    *,
    cases: Sequence[AuditCase] | None = None,
    deadline: float = DEADLINE,
    progress: Callable[[str], None] | None = None,
) -> Card:
    """Run all properties and attacks against a verifier.

    Args:
        verifier: Ours or a third party's; registered, or importable by worker processes.
        cases: What is right and wrong for it; by default its own `audit_cases()`, or found by trying.
        deadline: Seconds that one check may take.
        progress: Called with the name of each check as it begins.

    Raises:
        UsageError: No cases are given and none can be found.
        VerifierError: Worker processes cannot build the verifier.

    >>> from assay import get_verifier
    >>> audit_verifier(get_verifier("boxed_math")).holes  # doctest: +SKIP
    []
    """
    before = _descendants()
    with tempfile.TemporaryDirectory(prefix="assay-audit-") as folder:
        with Pool(workers=2, timeout=deadline) as pool:
            auditor = _Auditor(verifier, pool, deadline, str(Path(folder) / "mark"), progress or (lambda _: None))
            auditor.run(cases)
        left = _left_behind(before)
        hole = None
        if left:
            hole = Hole(check="no process is left behind", expected="none", found=f"processes {sorted(left)}")
        auditor.card.count("no process is left behind", 0.0, hole)
    return auditor.card


class _Auditor:
    """One audit."""

    def __init__(
        self, verifier: Verifier, pool: Pool, deadline: float, mark: str, progress: Callable[[str], None]
    ) -> None:
        self.verifier = verifier
        self.pool = pool
        self.deadline = deadline
        self.mark = Path(mark)
        self.progress = progress
        self.patience = START
        self.tried = Trial(verifier)
        self.answers: list[str] = []
        self.card = Card(verifier=verifier.name, version=verifier.version, cases=0, deadline=deadline)

    def run(self, cases: Sequence[AuditCase] | None) -> None:
        chosen = list(cases) if cases is not None else find_cases(self.verifier, lambda p, c: self.ask(p, c)[0])
        self.card.cases = len(chosen)
        self.warm_up(chosen[0])
        for number, case in enumerate(chosen):
            self.probe(case, large=number == 0)
        self.same_answers()
        self.threads(chosen)
        self.workers(chosen)

    def warm_up(self, case: AuditCase) -> None:
        """Let the workers start: that is not what is measured."""
        problem, right = case.problem(self.verifier), Completion(text=case.right)
        self.pool._submit_slow(self.verifier, problem, right, START).result()
        self.pool.verify(self.tried, problem, right, timeout=START)
        self.patience = self.deadline + GRACE

    # -- questions ---------------------------------------------------------------------------------

    def ask(self, problem: Problem, completion: Completion) -> tuple[Verdict | None, float]:
        """The verdict, and how long it took; None where it did not come in time."""
        return self.bounded(lambda: self.pool.verify(self.verifier, problem, completion, timeout=self.deadline))

    def bounded(self, call: Callable[[], T]) -> tuple[T | None, float]:
        """The result of a call, or None where it does not return in time. Raises what it raises."""
        answer: queue.SimpleQueue[tuple[T | None, BaseException | None]] = queue.SimpleQueue()

        def target() -> None:
            try:
                answer.put((call(), None))
            except BaseException as error:  # noqa: BLE001  # whatever it is, it is reported to the caller
                answer.put((None, error))

        started = time.perf_counter()
        threading.Thread(target=target, daemon=True).start()
        try:
            result, error = answer.get(timeout=self.patience)
        except queue.Empty:
            return None, time.perf_counter() - started
        if isinstance(error, Exception):
            raise error
        return result, time.perf_counter() - started

    def hole(self, check: str, case: AuditCase, text: str, expected: str, found: str) -> Hole:
        return Hole(check=check, expected=expected, found=found, response=text[:KEPT], reference=case.reference)

    # -- checks ------------------------------------------------------------------------------------

    def probe(self, case: AuditCase, *, large: bool) -> None:
        problem = case.problem(self.verifier)
        announced = ""
        for probe in probes(case, str(self.mark), large=large):
            if probe.check != announced:
                announced = probe.check
                self.progress(announced)
            verdict, seconds, found = self.trial(problem, probe)
            if not found:
                verdict, seconds = self.ask(problem, probe.completion)
                found = self._judge(probe, verdict)
            if self.mark.exists():
                self.mark.unlink()
                found = "the injected code was run"
            hole = None
            if found:
                hole = self.hole(probe.check, case, probe.completion.text, probe.expected, found)
            self.card.count(probe.check, seconds, hole)
            if verdict is not None:
                self.contract(case, probe, verdict)

    def trial(self, problem: Problem, probe: Probe) -> tuple[Verdict | None, float, str]:
        """Whether the fast path survives a dangerous probe in a process that can be killed."""
        if probe.check not in DANGEROUS:
            return None, 0.0, ""
        verdict = self.pool.verify(self.tried, problem, probe.completion, timeout=self.deadline)
        found = ""
        if self.mark.exists():
            found = "the injected code was run"
        elif verdict.outcome is Outcome.VERIFIER_TIMEOUT:
            found = f"verify_fast does not return within {self.deadline:g} s"
        elif verdict.outcome is Outcome.ERROR:
            found = f"verify_fast failed: {verdict.reason[:200]}"
        return None, verdict.seconds, found

    def _judge(self, probe: Probe, verdict: Verdict | None) -> str:
        """What is wrong with a verdict; empty where it is as it must be."""
        if verdict is None:
            return f"no verdict within {self.patience:g} s: verify_fast does not return"
        said = f"{verdict.outcome}" + ("" if verdict.score is None else f", score {verdict.score:g}")
        if verdict.outcome is Outcome.ERROR:
            return f"{said}: {verdict.reason[:200]}"
        if probe.expected == RIGHT:
            return "" if verdict.score == 1.0 else f"{said}: {verdict.reason[:200]}"
        if probe.expected == NO_GRADE:
            return "" if not verdict.score else said
        return "" if verdict.score != 1.0 else f"{said}, extracted {verdict.extracted!r:.80}"

    def contract(self, case: AuditCase, probe: Probe, verdict: Verdict) -> None:
        """Whether a verdict can be stored and shown, and is the same when it is asked for again."""
        check, text = "verdicts keep the contract", probe.completion.text
        flaw = ""
        try:
            json.dumps(dict(verdict.details))
        except (TypeError, ValueError) as error:
            flaw = f"details that are no JSON: {error}"
        if verdict.extracted is not None and not isinstance(verdict.extracted, str):
            flaw = f"extracted is {type(verdict.extracted).__name__}, not a string"
        if not isinstance(verdict.reason, str) or (verdict.score != 1.0 and not verdict.reason.strip()):
            flaw = "no reason is given for a score that is not 1"
        if len(text) < KEPT and verdict.outcome is not Outcome.VERIFIER_TIMEOUT:
            again, _ = self.ask(case.problem(self.verifier), probe.completion)
            if again is None or _lasting(again) != _lasting(verdict):
                flaw = "another verdict when it is asked again"
        if verdict.extracted and len(verdict.extracted) < KEPT and verdict.extracted not in self.answers:
            self.answers.append(verdict.extracted)
        self.card.count(check, 0.0, self.hole(check, case, text, "a sound verdict", flaw) if flaw else None)

    def same_answers(self) -> None:
        """`same_answer` is reflexive and symmetric, and `answer_key` agrees with it."""
        self.progress("same_answer is an equivalence")
        answers = self.answers[:40]
        pairs = [(a, b) for a in answers for b in answers if a <= b]
        step = max(1, len(pairs) // MAX_PAIRS)
        key = getattr(self.verifier, "answer_key", None)
        for a, b in [(a, a) for a in answers] + pairs[::step]:
            forward, seconds = self._same(a, b)
            backward, _ = self._same(b, a)
            flaw = ""
            if forward is None or backward is None:
                flaw = "no decision in time"
            elif forward != backward:
                flaw = f"{forward} one way and {backward} the other"
            elif a == b and forward is not True:
                flaw = "an answer that is not the same as itself"
            elif key is not None and (key(a) == key(b)) > forward:
                flaw = "equal keys of different answers"
            elif key is not None and forward and key(a)[0] != key(b)[0]:
                flaw = "different buckets of equal answers"
            check = "same_answer is an equivalence"
            hole = Hole(check=check, expected="symmetric, with keys that agree", found=flaw, response=f"{a}  |  {b}")
            self.card.count(check, seconds, hole if flaw else None)

    def _same(self, a: str, b: str) -> tuple[bool | None, float]:
        try:
            return self.bounded(lambda: self.pool.same_answer(self.verifier, a, b, timeout=self.deadline))
        except VerifierError:
            return None, self.deadline

    def threads(self, cases: Sequence[AuditCase]) -> None:
        """The same verdicts from many threads at once."""
        check = "threads agree"
        self.progress(check)
        work = _small_work(cases) * 2
        alone = [self.ask(case.problem(self.verifier), Completion(text=text))[0] for case, text in work]
        with ThreadPoolExecutor(THREADS) as executor:
            jobs = [
                executor.submit(self.pool.verify, self.verifier, case.problem(self.verifier), Completion(text=text))
                for case, text in work
            ]
            together = [job.result() for job in jobs]
        self._compare(check, work, alone, together)

    def workers(self, cases: Sequence[AuditCase]) -> None:
        """The same scores from `verify` in worker processes as from the way that answers take."""
        check = "workers agree"
        self.progress(check)
        work = _small_work(cases)
        alone = [self.ask(case.problem(self.verifier), Completion(text=text))[0] for case, text in work]
        futures = [
            self.pool._submit_slow(self.verifier, case.problem(self.verifier), Completion(text=text), self.deadline)
            for case, text in work
        ]
        self._compare(check, work, alone, [future.result() for future in futures])

    def _compare(
        self, check: str, work: list[tuple[AuditCase, str]], first: list[Verdict | None], second: list[Verdict]
    ) -> None:
        for (case, text), a, b in zip(work, first, second, strict=True):
            agree = a is not None and (a.outcome, a.score) == (b.outcome, b.score)
            found = f"{b.outcome} {b.score}"
            expected = "no verdict" if a is None else f"{a.outcome} {a.score}"
            self.card.count(check, b.seconds, None if agree else self.hole(check, case, text, expected, found))


def _small_work(cases: Sequence[AuditCase]) -> list[tuple[AuditCase, str]]:
    work = []
    for case in cases[:12]:
        work += [(case, case.right), *((case, wrong) for wrong in case.wrong[:2])]
    return work


def _left_behind(before: set[int]) -> set[int]:
    """Descendants that were not there before and do not end within a second."""
    for _ in range(20):
        left = _descendants() - before
        if not left:
            return left
        time.sleep(0.05)
    return left


def _descendants() -> set[int]:
    """Process ids below this one (Linux; elsewhere none are found), those that have ended not counted."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = entry.read_text().rpartition(")")[2].split()[:2]
        except (OSError, ValueError):
            continue
        if state not in ("Z", "X"):
            parents[int(entry.parent.name)] = int(parent)
    found: set[int] = set()
    frontier: set[Any] = {os.getpid()}
    while frontier:
        frontier = {child for child, parent in parents.items() if parent in frontier} - found
        found |= frontier
    return found


def _lasting(verdict: Verdict) -> Verdict:
    """A verdict without what was measured, which differs each time: seconds, and details named so or `…_bytes`."""
    kept = {key: value for key, value in verdict.details.items() if not key.endswith(("seconds", "_bytes"))}
    return replace(verdict, seconds=0.0, details=kept)
