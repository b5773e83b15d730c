"""Threads for checks that wait for a server: a worker process each would be a waste, and one queue too slow.

A verifier that says so (`BaseVerifier.waits`) is run in threads of the caller's process. A thread cannot be stopped:
such a verifier bounds its own time, and a check that is cancelled while it runs is left to end by itself, its verdict
thrown away. Threads are started as checks come, end when there is nothing left to do, and are daemons: a server that
never answers does not keep the interpreter from exiting.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
import weakref
from collections import deque
from concurrent.futures import Future, InvalidStateError
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from assay.errors import AssayError, VerifierError
from assay.types import Completion, Outcome, Problem, Verdict
from assay.verification import wire
from assay.verification.spec import describe
from assay.verification.tasks import CheckFuture

if TYPE_CHECKING:
    from assay.contracts import Verifier

MAX_THREADS = 64
"""Checks at a time: as many as the `openai` backend sends requests at a time by default."""


class _Check(NamedTuple):
    future: CheckFuture[Verdict]
    verifier: Verifier
    problem: Problem
    completion: Completion


class WaitingThreads:
    """At most `limit` threads that run checks in the order of their submission. Usable from any thread."""

    def __init__(self, limit: int = MAX_THREADS) -> None:
        self._limit = limit
        self._closed = False
        self.forget_parent()
        _all.add(self)

    def forget_parent(self) -> None:
        """Start afresh; in a forked child, where the parent's threads are gone and its lock may be held."""
        # Re-entrant: the garbage collector may close a forgotten pool while its own thread holds the lock.
        self._changed = threading.Condition(threading.RLock())
        self._queue: deque[_Check] = deque()
        self._running: set[CheckFuture[Verdict]] = set()
        self._threads = 0
        self._mine = threading.local()

    def submit(self, verifier: Verifier, problem: Problem, completion: Completion) -> Future[Verdict]:
        """Begin a check. Raises `VerifierError` where the pool is closed or no thread can be started."""
        check = _Check(CheckFuture(_leave_it), verifier, problem, completion)
        with self._changed:
            if self._closed:
                raise VerifierError("the verification pool is closed")
            self._queue.append(check)
            if self._threads < self._limit:
                self._start_thread(check)
        return check.future

    def _start_thread(self, check: _Check) -> None:
        self._threads += 1
        try:
            threading.Thread(target=self._work, name="assay-wait", daemon=True).start()
        except RuntimeError as error:
            self._threads -= 1
            if not self._threads:  # otherwise those that run come to it
                self._queue.remove(check)
                raise VerifierError(f"no thread can be started for a check that waits: {error}") from error

    def close(self, cancel: bool) -> None:
        """Finish (or cancel) what is waiting and running. Safe to call twice."""
        with self._changed:
            self._closed = True
            if cancel:
                for future in [*(check.future for check in self._queue), *self._running]:
                    future.cancel()
            elif not hasattr(
                self._mine, "working"
            ):  # else a callback closes its own pool, and must not wait for itself
                self._changed.wait_for(lambda: not self._threads)

    def _work(self) -> None:
        self._mine.working = True
        while True:
            with self._changed:
                if not self._queue:
                    self._threads -= 1
                    self._changed.notify_all()
                    return
                check = self._queue.popleft()
                self._running.add(check.future)
            verdict = None if check.future.cancelled() else run_check(*check[1:])
            with self._changed:
                self._running.discard(check.future)
            if verdict is not None:
                with contextlib.suppress(InvalidStateError):  # cancelled in the meantime
                    check.future.set_result(verdict)
            if check.future.cancelled():
                check.future.set_running_or_notify_cancel()  # wakes those who wait for several futures


def run_check(verifier: Verifier, problem: Problem, completion: Completion) -> Verdict:
    """The verdict of a check in this thread, with its seconds; whatever goes wrong is an `ERROR`."""
    started = time.perf_counter()
    try:
        verdict = verifier.verify(problem, completion)
        if not isinstance(verdict, Verdict):
            verdict = _error(f"verify returned {type(verdict).__name__}, not a Verdict")
        wire.dumps(verdict, "the verdict")  # what a worker process could not send must not get through here
    except AssayError as error:
        verdict = _error(str(error))
    except BaseException as error:  # noqa: BLE001  # SystemExit too: whoever waits must not wait for ever
        verdict = _error(f"verify raised {describe(error)}")
    return replace(verdict, seconds=time.perf_counter() - started)


def _leave_it(future: CheckFuture[Verdict]) -> None:
    """What a cancelled check means to its thread: nothing can be stopped, its verdict is thrown away."""


def _error(reason: str) -> Verdict:
    return Verdict(outcome=Outcome.ERROR, reason=reason)


_all: weakref.WeakSet[WaitingThreads] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for threads in list(_all):
        threads.forget_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
