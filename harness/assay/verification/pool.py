r"""Verification in worker processes, with a hard deadline and a memory limit for each check.

Checking a model's answer can take for ever (a tower of powers inside `\boxed{}` is enough) and no
time-out inside the process is safe: signals work in the main thread only, and a thread cannot be
stopped. So checks run in processes that are killed. This works from any thread, from asyncio, in a
notebook, and in a script without an `if __name__ == "__main__"` guard, since workers never import it.

    caller ── verify_fast ──> done, for most answers
       ├─ queue ── manager thread ── socket ── worker (forked by the fork server)
       └─ queue ── thread, for verifiers that wait for a server (`assay.verification.waiting`)

What is not done here: isolation. A worker is the caller's own code under limits of time and memory, and
may read and write files; programs written by a model belong into `assay.sandbox`.
"""

from __future__ import annotations

import math
import os
import threading
import time
import weakref
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from assay.errors import UsageError, VerifierError
from assay.types import Completion, Outcome, Problem, Verdict
from assay.verification import wire
from assay.verification.manager import Manager
from assay.verification.spec import describe, spec_of
from assay.verification.tasks import CheckFuture, Task
from assay.verification.waiting import WaitingThreads
from assay.verification.wire import Kind

if TYPE_CHECKING:
    from types import TracebackType

    from assay.contracts import Verifier

T = TypeVar("T")
DEFAULT_TIMEOUT = 10.0
DEFAULT_MEMORY_LIMIT = 2 * 2**30
OUTSTANDING = 1_000
_MAX_DEFAULT_WORKERS = 16  # what one caller can keep busy with checks of a millisecond


class Pool:
    """Worker processes that verify. Usable from any thread and from many at once.

    Nothing is started until a check needs a worker. Checks begin in the order of their submission. The
    queue has no bound: a caller with more checks than memory limits how many it has outstanding.

    Args:
        workers: Processes at most. By default one for each CPU that this process may use, at most 16.
        timeout: Seconds that a check may take once a worker has begun it. At the deadline the worker is
            killed and the verdict is `VERIFIER_TIMEOUT`. A verifier that needs more says so (`time_needed`).
        memory_limit: Bytes that a worker may allocate beyond what it starts with (address space). A check
            that needs more is an `ERROR`. Enforced on Linux.
        recycle_after: Checks after which a worker is replaced by a fresh one.

    Raises `UsageError` where one of these is out of range.

    >>> with Pool(workers=2, timeout=5.0) as pool:  # doctest: +SKIP
    ...     futures = [pool.submit(verifier, problem, completion) for completion in completions]
    ...     verdicts = [future.result() for future in futures]
    """

    def __init__(
        self,
        *,
        workers: int | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        memory_limit: int = DEFAULT_MEMORY_LIMIT,
        recycle_after: int = 1000,
    ) -> None:
        self.workers = _usable_cpus() if workers is None else workers
        self.timeout = checked_timeout(timeout)
        for name, value, least in (
            ("workers", self.workers, 1),
            ("memory_limit", memory_limit, 16 * 2**20),
            ("recycle_after", recycle_after, 1),
        ):
            if not isinstance(value, int) or value < least:
                raise UsageError(f"a pool's {name} must be a whole number of at least {least}, got {value!r}")
        self._manager = Manager(workers=self.workers, memory_limit=memory_limit, recycle_after=recycle_after)
        # Runs when the pool is forgotten and when the interpreter exits; must not refer to the pool itself.
        self._waiting = WaitingThreads()
        self._finalizer = weakref.finalize(self, _close, self._manager, self._waiting, True)

    @property
    def outstanding(self) -> int:
        """How many checks a caller with many of them should have begun at a time: more cost memory and gain nothing."""
        return OUTSTANDING

    def submit(
        self, verifier: Verifier, problem: Problem, completion: Completion, *, timeout: float | None = None
    ) -> Future[Verdict]:
        """Begin a check.

        Where the verifier can decide at once (`verify_fast`), this happens in the calling thread and the
        future is complete. A check that fails is a verdict (`ERROR`, `VERIFIER_TIMEOUT`), not an exception.
        Callbacks of the future run in the pool's thread: they must be quick and must not wait for the pool.

        Args:
            verifier: A registered verifier, or one that can be pickled. It is taken to be immutable.
            problem: What was asked.
            completion: What the model answered.
            timeout: Seconds for this check, instead of the pool's. A verifier that waits (`BaseVerifier.waits`) has
                a bound of its own instead.

        Raises:
            VerifierError: The pool is closed, the verifier cannot get to a worker process, or the problem
                holds something that is not JSON. The future raises it where a worker cannot build the verifier.
        """
        verdict = self._verify_fast(verifier, problem, completion)
        if verdict is None:
            return self._submit_slow(verifier, problem, completion, timeout)
        future: Future[Verdict] = Future()
        future.set_result(verdict)
        return future

    def submit_same_answer(self, verifier: Verifier, a: str, b: str, *, timeout: float | None = None) -> Future[bool]:
        """Begin to compare two extracted answers.

        A bool cannot say that a check failed: the future raises `VerifierError` then. A verifier without
        `same_answer` compares strings.
        """
        same = self._same_answer_fast(verifier, a, b)
        if same is not None:
            future: Future[bool] = Future()
            if isinstance(same, VerifierError):
                future.set_exception(same)
            else:
                future.set_result(same)
            return future
        payload = wire.dumps([a, b], "the answers to compare")
        return self._enqueue(verifier, Kind.SAME_ANSWER, payload, timeout, f"{a!r:.100} and {b!r:.100}")

    def verify(
        self, verifier: Verifier, problem: Problem, completion: Completion, *, timeout: float | None = None
    ) -> Verdict:
        """`submit`, and wait for the verdict."""
        verdict = self._verify_fast(verifier, problem, completion)
        if verdict is not None:
            return verdict
        return self._wait(self._submit_slow(verifier, problem, completion, timeout))

    async def averify(
        self, verifier: Verifier, problem: Problem, completion: Completion, *, timeout: float | None = None
    ) -> Verdict:
        """`submit`, awaited. Cancelling the awaiting task stops the check."""
        import asyncio

        return await asyncio.wrap_future(self.submit(verifier, problem, completion, timeout=timeout))

    def same_answer(self, verifier: Verifier, a: str, b: str, *, timeout: float | None = None) -> bool:
        """`submit_same_answer`, and wait for the answer. Raises `VerifierError` where there is none."""
        return self._wait(self.submit_same_answer(verifier, a, b, timeout=timeout))

    def close(self, cancel: bool = False) -> None:
        """End all processes. Safe to call twice.

        Args:
            cancel: Cancel what is waiting or running, instead of finishing it first.
        """
        _close(self._manager, self._waiting, cancel)

    @property
    def closed(self) -> bool:
        """Whether it takes no more checks."""
        return self._manager.closed

    def worker_pids(self) -> list[int]:
        """Process ids of the fork server (first) and the workers that run now, for monitoring."""
        return self._manager.pids()

    def __enter__(self) -> Pool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(cancel=kind is not None)

    def _verify_fast(self, verifier: Verifier, problem: Problem, completion: Completion) -> Verdict | None:
        if self._manager.closed:
            raise VerifierError("the verification pool is closed")
        fast = getattr(verifier, "verify_fast", None)
        if fast is None:
            return None
        started = time.perf_counter()
        try:
            verdict = fast(problem, completion)
            if verdict is None:
                return None
            if not isinstance(verdict, Verdict):
                verdict = _error(f"verify_fast returned {type(verdict).__name__}, not a Verdict")
        except Exception as error:  # noqa: BLE001  # a verifier's code may raise anything
            verdict = _error(f"verify_fast raised {describe(error)}")
        return replace(verdict, seconds=time.perf_counter() - started)

    def _same_answer_fast(self, verifier: Verifier, a: str, b: str) -> bool | VerifierError | None:
        if self._manager.closed:
            raise VerifierError("the verification pool is closed")
        fast = getattr(verifier, "same_answer_fast", None)
        try:
            same = fast(a, b) if fast is not None else None
        except Exception as error:  # noqa: BLE001  # a verifier's code may raise anything
            return VerifierError(f"the verifier {verifier.name!r} could not compare answers: {describe(error)}")
        if same is None:
            return None if hasattr(verifier, "same_answer") else a == b
        if not isinstance(same, bool):
            return VerifierError(
                f"same_answer_fast of the verifier {verifier.name!r} returned {type(same).__name__}, not a bool"
            )
        return same

    def _submit_slow(
        self, verifier: Verifier, problem: Problem, completion: Completion, timeout: float | None
    ) -> Future[Verdict]:
        if getattr(verifier, "waits", False):
            return self._waiting.submit(verifier, problem, completion)
        payload = wire.dumps([problem, completion], f"the problem {problem.id!r} with its completion")
        if timeout is None:
            timeout = self._time_needed(verifier, problem)
        return self._enqueue(verifier, Kind.VERIFY, payload, timeout, f"the answer to {problem.id!r}")

    def _time_needed(self, verifier: Verifier, problem: Problem) -> float | None:
        """The verifier's own estimate, where it is above the pool's timeout."""
        estimate = getattr(verifier, "time_needed", None)
        try:
            needed = None if estimate is None else estimate(problem)
            return None if needed is None else max(self.timeout, checked_timeout(needed))
        except Exception as error:
            raise VerifierError(
                f"the verifier {verifier.name!r} cannot say how long a check may take: {describe(error)}"
            ) from error

    def _enqueue(
        self, verifier: Verifier, kind: Kind, payload: bytes, timeout: float | None, what: str
    ) -> CheckFuture[Any]:
        future: CheckFuture[Any] = CheckFuture(self._manager.cancel)
        seconds = self.timeout if timeout is None else checked_timeout(timeout)
        self._manager.submit(
            Task(future=future, spec=spec_of(verifier), kind=kind, payload=payload, timeout=seconds, what=what)
        )
        return future

    def _completes_here(self) -> bool:
        """Whether the caller is a callback of a verdict, in the thread that completes them: it must not wait."""
        return self._manager.runs_in_this_thread()

    def _wait(self, future: Future[T]) -> T:
        if self._completes_here() and not future.done():
            future.cancel()
            raise VerifierError(
                "a callback of a verdict waits for the pool that is calling it, which would never end: use "
                "submit there, or wait in another thread"
            )
        try:
            return future.result()
        except BaseException:  # Ctrl-C, most of all: nobody will read the verdict
            future.cancel()
            raise


def _close(manager: Manager, waiting: WaitingThreads, cancel: bool) -> None:
    waiting.close(cancel)
    manager.close(cancel)


def _error(reason: str) -> Verdict:
    return Verdict(outcome=Outcome.ERROR, reason=reason)


def checked_timeout(timeout: float) -> float:
    """The timeout. Raises `UsageError` where it is none."""
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 < timeout < math.inf:
        raise UsageError(f"a timeout must be a positive finite number of seconds, got {timeout!r}")
    return timeout


def _usable_cpus() -> int:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(usable, _MAX_DEFAULT_WORKERS))


_default: Pool | None = None
_default_lock = threading.Lock()


def _renew_default_lock() -> None:
    global _default_lock
    _default_lock = threading.Lock()  # another thread of the parent may have held it


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_default_lock)


def default_pool() -> Pool:
    """The process's own pool, with the default limits, made on first use and closed at exit.

    A caller that closed it gets a new one the next time.
    """
    global _default
    with _default_lock:
        if _default is None or _default.closed:
            _default = Pool()
        return _default
