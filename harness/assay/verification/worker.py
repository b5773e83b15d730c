"""A worker process: builds verifiers, checks completions, one at a time, until its connection closes.

It is forked by `assay.verification.zygote` and trusted with nothing: the manager kills it at the deadline, its
address space is limited, and whatever a verifier does to it (raise, exit, crash, print, fork) costs one
verdict. It never decides about time itself, so a check that holds the interpreter in C for ever is
treated like any other.

A worker asks to be replaced after a number of checks, after a `MemoryError`, and when its memory has
grown: long-lived algebra systems keep caches, and a fresh fork takes milliseconds.
"""

from __future__ import annotations

import contextlib
import gc
import os
import random
import resource
import signal
import socket
import sys
import time
import traceback
from typing import Any

from assay.contracts import Verifier
from assay.errors import AssayError
from assay.types import Outcome, Verdict
from assay.verification import wire
from assay.verification.spec import build, describe
from assay.verification.wire import Kind

_GROWN_SHARE = 0.5
"""Share of the memory limit that may become resident before the worker asks to be replaced."""


class Worker:
    """The state of one worker process."""

    def __init__(self, sock: socket.socket, *, memory_limit: int, recycle_after: int) -> None:
        self._sock = sock
        self._memory_limit = memory_limit
        self._recycle_after = recycle_after
        self._verifiers: dict[int, Verifier] = {}
        self._checks = 0
        self._pid = os.getpid()
        self._resident_limit = _peak_bytes() + memory_limit * _GROWN_SHARE

    def run(self) -> None:
        """Serve until the connection closes."""
        handlers = {Kind.BUILD: self._build, Kind.VERIFY: self._verify, Kind.SAME_ANSWER: self._same_answer}
        while True:
            frame = wire.receive_frame(self._sock)
            if frame is None:
                return
            kind, payload = handlers[Kind(frame.kind)](frame.argument, frame.payload)
            if os.getpid() != self._pid:
                return  # a verifier forked, and this is its child: only its parent may answer
            del frame
            wire.send_frame(self._sock, kind, self._wants_replacement(), payload)

    def _build(self, number: int, payload: bytes) -> tuple[Kind, bytes]:
        try:
            verifier = build(payload)
            self._verifiers[number] = verifier
            return Kind.BUILT, wire.dumps(verifier.version, "the verifier's version")
        except BaseException as error:  # noqa: BLE001  # a verifier's code may raise anything
            text = str(error) if isinstance(error, AssayError) else describe(error)
            if isinstance(error, MemoryError):
                text = f"that needs more than the memory limit of {self._memory_limit / 2**20:.0f} MiB"
            return Kind.UNBUILDABLE, wire.dumps(text, "an error message")

    def _verify(self, number: int, payload: bytes) -> tuple[Kind, bytes]:
        started = time.perf_counter()
        try:
            verifier = self._verifiers[number]
            problem, completion = wire.loads(payload)
            del payload
            arguments = wire.problem_from(problem), wire.completion_from(completion)
            self._begin_check()
            started = time.perf_counter()
            verdict = verifier.verify(*arguments)
            if not isinstance(verdict, Verdict):
                verdict = _error(f"the verifier {verifier.name!r} returned {type(verdict).__name__}, not a Verdict")
            seconds = time.perf_counter() - started
            return Kind.VERDICT, verdict_payload(verdict, seconds)
        except BaseException as error:  # noqa: BLE001  # a verifier's code may raise anything
            reason, details = self._failure(error)
        # Outside the except block, so that what the failed check allocated is free again.
        return Kind.VERDICT, verdict_payload(_error(reason, details), time.perf_counter() - started)

    def _same_answer(self, number: int, payload: bytes) -> tuple[Kind, bytes]:
        try:
            verifier = self._verifiers[number]
            a, b = wire.loads(payload)
            self._begin_check()
            same = verifier.same_answer(a, b)  # type: ignore[attr-defined]  # the caller saw that it has one
            if isinstance(same, bool):
                return Kind.SAMENESS, wire.dumps(same, "a truth value")
            reason = f"same_answer returned {type(same).__name__}, not a bool"
        except BaseException as error:  # noqa: BLE001  # a verifier's code may raise anything
            reason, _ = self._failure(error)
        return Kind.FAILED, wire.dumps(reason, "an error message")

    def _begin_check(self) -> None:
        # A verdict must not depend on which worker gives it, or on what it did before.
        random.seed(0)
        signal.alarm(0)  # a verifier's own time-out must not fire in the next check
        self._checks += 1

    def _failure(self, error: BaseException) -> tuple[str, dict[str, Any]]:
        if isinstance(error, MemoryError):
            self._checks = self._recycle_after
            limit = f"{self._memory_limit / 2**20:.0f} MiB"
            return f"the check needed more than its memory limit of {limit} (MemoryError)", {
                "memory_limit": self._memory_limit
            }
        details: dict[str, Any] = {"exception": type(error).__name__}
        with contextlib.suppress(Exception):
            # Recursion errors have a thousand frames: the ends say it all.
            details["traceback"] = "".join(traceback.format_exception(error, limit=-8))[-4000:]
        return f"the verifier raised {describe(error)}", details

    def _wants_replacement(self) -> int:
        return int(self._checks >= self._recycle_after or _peak_bytes() > self._resident_limit)


def verdict_payload(verdict: Verdict, seconds: float) -> bytes:
    """A verdict as the payload of a frame, or an error that says why it cannot be sent. See `tasks.verdict_from`."""
    for part in (verdict.reason, verdict.extracted):
        # Before it is encoded: orjson crashes where it runs out of memory.
        if isinstance(part, str) and len(part) > wire.MAX_REPLY_BYTES:
            return verdict_payload(_too_large(len(part)), seconds)
    try:
        payload = wire.dumps({**_fields(verdict), "seconds": seconds}, "the verdict")
    except Exception as error:  # noqa: BLE001  # details may be any object
        payload = wire.dumps(
            {**_fields(_error(f"the verifier's verdict cannot be sent: {describe(error)}")), "seconds": seconds}, ""
        )
    if len(payload) > wire.MAX_REPLY_BYTES:
        return verdict_payload(_too_large(len(payload)), seconds)
    return payload


def _fields(verdict: Verdict) -> dict[str, Any]:
    return {
        "outcome": verdict.outcome,
        "score": verdict.score,
        "extracted": verdict.extracted,
        "reason": verdict.reason,
        "details": verdict.details,
    }


def _too_large(length: int) -> Verdict:
    return _error(f"the verifier's verdict has at least {length} bytes, the limit is {wire.MAX_REPLY_BYTES}")


def _error(reason: str, details: dict[str, Any] | None = None) -> Verdict:
    return Verdict(outcome=Outcome.ERROR, reason=reason, details=details or {})


def main(sock: socket.socket, *, memory_limit: int, recycle_after: int) -> None:
    """Run a worker in this freshly forked process. Never returns."""
    status = 70
    try:
        sock.setblocking(True)
        gc.enable()
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
        _limit_memory(memory_limit)
        Worker(sock, memory_limit=memory_limit, recycle_after=recycle_after).run()
        status = 0
    except MemoryError:
        status = wire.OUT_OF_MEMORY_EXIT
    except OSError:
        status = 0  # the manager is gone
    except BaseException:  # noqa: BLE001  # must not unwind into the fork server's stack
        traceback.print_exc()
    finally:
        with contextlib.suppress(BaseException):
            sys.stdout.flush()
        os._exit(status)


def _limit_memory(limit: int) -> None:
    """Let the address space grow by `limit` bytes over what the preloaded modules take."""
    if sys.platform != "linux":
        return  # macOS does not enforce RLIMIT_AS
    with open("/proc/self/statm", "rb") as file:
        total = int(file.read().split()[0]) * resource.getpagesize() + limit
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard != resource.RLIM_INFINITY:
        total = min(total, hard)
    # The hard limit stays: a verifier that starts a sandbox may lift the soft one for that.
    resource.setrlimit(resource.RLIMIT_AS, (total, hard))


def _peak_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
