"""Verification on many machines: a pool whose checks leave in batches, as tasks of an executor.

    caller ── queue ── task of the executor ── pool of one worker, in the process that runs the task
                                             ── …

A task holds one core, and checks with a pool of its own that stays from task to task: a node with N cores verifies N
answers at a time, under the same limits and with the same verdicts as on one machine. Problems and completions travel
as they do to a worker process, as JSON; a problem that several checks of a batch share travels once. A node needs
Assay, the plugins and, for programs, a sandbox; benchmark data stays where the caller is.

How many checks make a batch: as many as take about `_TASK_SECONDS`, by what the verifier's last ones took (a program
takes a thousand times what a number takes), and no more than a fair share of what waits, so that the last ones do not
end up on one core.

What goes wrong with a check is a verdict, as in any pool. Where a node dies its tasks run again elsewhere; a batch that
took the machines down again and again is tried once more check by check, and one that does so alone is an `error`.
A node that cannot run a verifier at all (other plugins, another version) fails the caller, as does a cluster on which
nothing ends well any more.

What is done in the calling process: answers are compared with each other (`same_answer`), and verifiers run that wait
for a server (`BaseVerifier.waits`), since a core would have nothing to do.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field
from functools import cache, lru_cache, partial
from typing import Any

from assay.contracts import Verifier
from assay.errors import VerifierError
from assay.executors import Executor, Failure
from assay.types import Completion, Outcome, Problem, Verdict
from assay.verification import wire
from assay.verification.pool import DEFAULT_MEMORY_LIMIT, DEFAULT_TIMEOUT, OUTSTANDING, Pool, checked_timeout
from assay.verification.spec import VerifierSpec, build, describe, spec_of
from assay.verification.tasks import verdict_from
from assay.verification.worker import verdict_payload

_TASK_SECONDS = 1.0
"""Long against what a task costs to begin (some milliseconds), short against what a lost node is worth."""
_TASK_CHECKS = 1_000
_TASK_BYTES = 8 * 2**20
"""Bounds what is on its way; a single check may have more."""
_LEAST_SECONDS = 2e-4
"""What a check costs at least, with its way to a worker: a verdict that needs no algebra measures next to nothing."""
_MOST_OUTSTANDING = 10_000
_MOST_BYTES = 512 * 2**20
"""Bounds what a caller holds: ten thousand long chains of thought would fill a machine."""
_SIZE_WEIGHT = 0.01
"""Of the newest check in the mean size."""
_LOSSES = 3
"""Tasks that may be lost in a row, each after all its tries, before the cluster is given up."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What bounds a check, as in `Pool`."""

    timeout: float
    memory_limit: int
    recycle_after: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """Checks for one task: columns of equal length, since these pickle fastest."""

    limits: Limits
    verifiers: tuple[tuple[bytes, str], ...]
    """How each verifier is built (`VerifierSpec.payload`), and its version."""
    chosen: tuple[int, ...]
    """Which verifier each check uses."""
    problems: tuple[bytes, ...]
    completions: tuple[bytes, ...]
    timeouts: tuple[float | None, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """What a task sends back."""

    verdicts: tuple[bytes | None, ...]
    """In the order of the checks; None where a check could not be begun at all."""
    refusals: dict[int, str]
    """Why not, by the number of the check."""


@dataclass(kw_only=True, slots=True, eq=False)
class _Check:
    """A check that waits or runs."""

    spec: VerifierSpec
    problem: bytes
    completion: bytes
    timeout: float | None
    future: Future[Verdict] = field(default_factory=Future)
    suspect: bool = False
    """Whether it was in a batch that was lost: it goes alone from now on."""


class ClusterPool(Pool):
    """A pool that verifies on the machines of an executor. Close it, which also closes the executor.

    Args:
        executor: Where tasks run; they need no GPU.
        workers: Processes of this machine, for what is done here.
        timeout: As in `Pool`, on every machine.
        memory_limit: As in `Pool`, on every machine.
        recycle_after: As in `Pool`, on every machine.
    """

    def __init__(
        self,
        executor: Executor,
        *,
        workers: int | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        memory_limit: int = DEFAULT_MEMORY_LIMIT,
        recycle_after: int = 1000,
    ) -> None:
        super().__init__(workers=workers, timeout=timeout, memory_limit=memory_limit, recycle_after=recycle_after)
        self._limits = Limits(timeout=self.timeout, memory_limit=memory_limit, recycle_after=recycle_after)
        self._executor = executor
        self._changed = threading.Condition()
        self._queue: deque[_Check] = deque()
        self._tasks: set[Future[Any]] = set()
        self._begun = 0
        self._seconds: dict[bytes, float] = {}
        """What a check took lately, by the key of its verifier."""
        self._size = 0.0
        """Bytes of a completion, the mean of the last ones."""
        self._losses = 0
        self._completing = threading.local()
        """`here`: whether this thread completes futures, so that it may be in a callback, which must not wait."""
        self._broken: VerifierError | None = None
        self._packed: tuple[Problem, bytes] | None = None

    @property
    def outstanding(self) -> int:
        """See `Pool.outstanding`: enough to fill the tasks that run and those that come next, as memory allows."""
        checks = self._checks_in(min(self._seconds.values(), default=_TASK_SECONDS))
        most = min(_MOST_OUTSTANDING, max(1, int(_MOST_BYTES / max(1.0, self._size))))
        return min(most, max(OUTSTANDING, 2 * self._executor.room * checks))

    def submit(
        self, verifier: Verifier, problem: Problem, completion: Completion, *, timeout: float | None = None
    ) -> Future[Verdict]:
        """See `Pool.submit`. Raises `VerifierError` also where the cluster was given up."""
        if self.closed or getattr(verifier, "waits", False):
            return super().submit(verifier, problem, completion, timeout=timeout)
        check = _Check(
            spec=spec_of(verifier),
            problem=self._pack_problem(problem),
            completion=wire.dumps(completion, f"the answer to {problem.id!r}"),
            timeout=None if timeout is None else checked_timeout(timeout),
        )
        with self._changed:
            if self._broken is not None:
                raise self._broken
            self._size += (len(check.completion) - self._size) * (_SIZE_WEIGHT if self._size else 1.0)
            self._queue.append(check)
        self._begin_tasks()
        return check.future

    def verify(
        self, verifier: Verifier, problem: Problem, completion: Completion, *, timeout: float | None = None
    ) -> Verdict:
        """See `Pool.verify`."""
        return self._wait(self.submit(verifier, problem, completion, timeout=timeout))

    def close(self, cancel: bool = False) -> None:
        """See `Pool.close`. Raises `VerifierError` where a callback of a verdict would wait for the other verdicts."""
        if not cancel and getattr(self._completing, "here", False):
            raise VerifierError("a callback of a verdict closes the pool that is calling it: only cancel=True can work")
        with self._changed:
            if cancel:
                dropped, self._queue = self._queue, deque()
                tasks = list(self._tasks)
            else:
                dropped, tasks = deque(), []
                while self._queue or self._begun:
                    self._changed.wait()
        for check in dropped:
            _fail(check, None)
        for task in tasks:
            task.cancel()
        super().close(cancel)
        self._executor.close()

    def _pack_problem(self, problem: Problem) -> bytes:
        # The samples of a problem come one after another: the same bytes are pickled once in a batch.
        last = self._packed
        if last is None or last[0] is not problem:
            last = self._packed = (problem, wire.dumps(problem, f"the problem {problem.id!r}"))
        return last[1]

    def _begin_tasks(self) -> None:
        """Send what waits: whatever it is while a place is empty, and full tasks for places that will be.

        Near the end nothing is sent ahead, so that the last checks go to the places that are free first.
        """
        while True:
            with self._changed:
                empty = self._begun < self._executor.width
                if not (empty or (self._begun < self._executor.room and self._many_wait())):
                    return
                if not (checks := self._take()):
                    self._changed.notify_all()  # whoever closes may wait for checks that were cancelled
                    return
                self._begun += 1
            try:
                task = self._executor.submit(check_batch, self._batch(checks))
            except Exception as error:  # noqa: BLE001  # whatever it is, nobody must wait for ever
                self._give_up(checks, VerifierError(f"the cluster takes no more checks: {describe(error)}"))
                return
            with self._changed:
                self._tasks.add(task)
            task.add_done_callback(partial(self._finished, checks))

    def _many_wait(self) -> bool:
        """Whether what waits fills a task for every place."""
        count = len(self._queue)
        return count > 0 and count >= self._executor.width * self._checks_in(self._cost(self._queue[0]))

    def _checks_in(self, seconds: float) -> int:
        """How many checks fill a task, where one takes so long."""
        return min(_TASK_CHECKS, math.ceil(_TASK_SECONDS / seconds))

    def _cost(self, check: _Check) -> float:
        """Seconds that a check will take; the first ones of a verifier fill a task alone: their cost is not known."""
        return self._seconds.get(check.spec.key, _TASK_SECONDS)

    def _take(self) -> list[_Check]:
        """The checks of the next task."""
        most = min(_TASK_CHECKS, math.ceil(len(self._queue) / self._executor.width))
        taken: list[_Check] = []
        seconds, size = 0.0, 0
        while self._queue and len(taken) < most:
            check = self._queue[0]
            if check.future.cancelled():
                self._queue.popleft()
                _fail(check, None)
                continue
            seconds += self._cost(check)
            size += len(check.completion) + len(check.problem)
            if taken and (check.suspect or taken[0].suspect or seconds > _TASK_SECONDS or size > _TASK_BYTES):
                break
            taken.append(self._queue.popleft())
        return taken

    def _batch(self, checks: Sequence[_Check]) -> Batch:
        specs = {check.spec.key: check.spec for check in checks}
        numbers = {key: number for number, key in enumerate(specs)}
        return Batch(
            limits=self._limits,
            verifiers=tuple((spec.payload(), spec.version) for spec in specs.values()),
            chosen=tuple(numbers[check.spec.key] for check in checks),
            problems=tuple(check.problem for check in checks),
            completions=tuple(check.completion for check in checks),
            timeouts=tuple(check.timeout for check in checks),
        )

    def _completes_here(self) -> bool:
        return getattr(self._completing, "here", False) or super()._completes_here()

    def _finished(self, checks: list[_Check], task: Future[Any]) -> None:
        """Complete a task's checks. Runs in the executor's thread, on which all other tasks wait, or at once."""
        before, self._completing.here = getattr(self._completing, "here", False), True
        try:
            self._settle(checks, task)
        finally:
            self._completing.here = before

    def _settle(self, checks: list[_Check], task: Future[Any]) -> None:
        with self._changed:
            self._tasks.discard(task)
        try:
            result: Checked | Failure = task.result()
        except CancelledError:
            self._end(checks, None)
            return
        if isinstance(result, Checked):
            try:
                self._complete(checks, result)
                self._end([], None)
            except Exception as error:  # noqa: BLE001  # whatever a node sends, nobody must wait for ever
                self._end(checks, VerifierError(f"a node of the cluster sent no verdicts: {describe(error)}"))
        elif result.lost:
            self._lose(checks, result.reason)
        else:
            self._end(checks, VerifierError(f"a node of the cluster cannot run the verifier: {result.reason}"))
        self._begin_tasks()

    def _complete(self, checks: list[_Check], result: Checked) -> None:
        self._losses = 0
        spent: dict[bytes, list[float]] = {}
        ends: list[Verdict | VerifierError] = []  # all of them before one is told, since a node may send anything
        for number, (check, payload) in enumerate(zip(checks, result.verdicts, strict=True)):
            if payload is None:
                ends.append(VerifierError(result.refusals[number]))
                continue
            verdict = verdict_from(wire.loads(payload))
            spent.setdefault(check.spec.key, []).append(verdict.seconds)
            ends.append(verdict)
        for check, end in zip(checks, ends, strict=True):
            if isinstance(end, VerifierError):
                _fail(check, end)
            elif check.future.set_running_or_notify_cancel():
                check.future.set_result(end)
        for key, seconds in spent.items():
            mean = max(_LEAST_SECONDS, sum(seconds) / len(seconds))
            self._seconds[key] = (self._seconds.get(key, mean) + mean) / 2

    def _lose(self, checks: list[_Check], reason: str) -> None:
        """A task was lost in all its tries."""
        self._losses += 1
        if self._losses >= _LOSSES:
            text = f"{_LOSSES} tasks in a row were lost, the cluster is given up: {reason}"
            self._give_up(checks, VerifierError(text))
            return
        if len(checks) == 1:
            if checks[0].future.set_running_or_notify_cancel():
                checks[0].future.set_result(Verdict(outcome=Outcome.ERROR, reason=reason))
        else:
            with self._changed:
                for check in checks:
                    check.suspect = True
                self._queue.extendleft(reversed(checks))
        self._end([], None)

    def _give_up(self, checks: Sequence[_Check], error: VerifierError) -> None:
        """Fail the checks of a task, and all that wait or come from now on."""
        with self._changed:
            self._broken = error
            checks = [*checks, *self._queue]
            self._queue.clear()
        self._end(checks, error)

    def _end(self, checks: Sequence[_Check], error: VerifierError | None) -> None:
        """A task is over; its checks fail with this error, or are cancelled where there is none."""
        for check in checks:
            _fail(check, error)
        with self._changed:
            self._begun -= 1
            self._changed.notify_all()


def _fail(check: _Check, error: VerifierError | None) -> None:
    """Complete a check with this error, or as cancelled where there is none or the caller did it; wakes who waits."""
    if error is None:
        check.future.cancel()
    if check.future.set_running_or_notify_cancel() and error is not None:
        check.future.set_exception(error)


def check_batch(batch: Batch) -> Checked:
    """Make the verdicts of a batch. Runs in a process of the executor, whose pool stays for the next batch."""
    pool = _pool(batch.limits)
    verifiers = [_verifier(payload, version) for payload, version in batch.verifiers]
    futures: list[Future[Verdict]] = []
    raw, problem = b"", None
    for number, packed, completion, timeout in zip(
        batch.chosen, batch.problems, batch.completions, batch.timeouts, strict=True
    ):
        if problem is None or packed is not raw:
            raw, problem = packed, wire.problem_from(wire.loads(packed))
        try:
            answer = wire.completion_from(wire.loads(completion))
            future = pool.submit(verifiers[number], problem, answer, timeout=timeout)
        except VerifierError as error:
            future = Future()
            future.set_exception(error)
        futures.append(future)
    verdicts: list[bytes | None] = []
    refusals: dict[int, str] = {}
    for number, future in enumerate(futures):
        try:
            verdict = future.result()
            verdicts.append(verdict_payload(verdict, verdict.seconds))
        except VerifierError as error:
            verdicts.append(None)
            refusals[number] = str(error)
    return Checked(verdicts=tuple(verdicts), refusals=refusals)


@cache
def _pool(limits: Limits) -> Pool:
    return Pool(workers=1, timeout=limits.timeout, memory_limit=limits.memory_limit, recycle_after=limits.recycle_after)


@lru_cache(maxsize=wire.MAX_VERIFIERS)
def _verifier(payload: bytes, version: str) -> Verifier:
    verifier = build(payload)
    if verifier.version != version:
        raise VerifierError(
            f"this node has version {verifier.version!r} of {verifier.name!r}, the process that asks has {version!r}: "
            "install the same version of Assay and its plugins on every node"
        )
    return verifier
