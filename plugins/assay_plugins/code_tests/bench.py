"""What a judgement works with: the sandbox, the mode, the limits, and how a run near the limit is decided."""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from assay import Program, ProgramRun, RunLimits, RunMode, RunStatus, Sandbox, SourceCode
from assay_plugins.code_tests.reference import Reference

BORDER = 1.3
"""Runs are let go on to this multiple of their limit; those that end in between are repeated alone."""
_STARVED = 0.2
"""Share of its time that a run must have computed for the clock's verdict to be doubted."""
MEBIBYTE = 2**20
OUTPUT_BYTES = 16 * MEBIBYTE
COMPILE_LIMITS = RunLimits(cpu_seconds=12.0, wall_seconds=30.0, memory_bytes=1024 * MEBIBYTE, processes=64)
HELPER_COMPILE_LIMITS = RunLimits(cpu_seconds=60.0, wall_seconds=120.0, memory_bytes=2048 * MEBIBYTE, processes=64)
_QUIET_SECONDS = 20.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Bench:
    """A judge's tools."""

    sandbox: Sandbox
    mode: RunMode = "exec"
    time_factor: float = 1.0
    """Multiplies every time limit: how much slower than the reference machine this one is."""
    stop_early: bool = True
    """Whether the first failure ends the judgement."""
    testlib: str | None = None
    """Text of a testlib.h to use in place of ours."""
    helper_seconds: float = 10.0
    """CPU seconds that a program of the benchmark's may take for one test; by the clock twice that."""

    def limits(self, reference: Reference, *, output_bytes: int = OUTPUT_BYTES) -> RunLimits:
        """What one run may use by the rules of the problem."""
        cpu = reference.time_limit * self.time_factor
        return RunLimits(
            cpu_seconds=cpu,
            wall_seconds=1.5 * cpu + 1,
            memory_bytes=reference.memory_limit * MEBIBYTE,
            output_bytes=output_bytes,
        )

    @contextlib.contextmanager
    def lease(
        self, source: SourceCode, *, mode: RunMode | None = None, compile_limits: RunLimits = COMPILE_LIMITS
    ) -> Iterator[Program]:
        """Lease a worker for a program, in the mode of this bench unless another is named. Raises `SandboxError`."""
        with contextlib.ExitStack() as stack:
            with own_memory_limit_lifted():  # a worker may be started
                program = stack.enter_context(
                    self.sandbox.load(source, mode=mode or self.mode, compile_limits=compile_limits)
                )
            yield program

    def helper_limits(self) -> RunLimits:
        """For the benchmark's own programs: checkers, interactors, tests."""
        return RunLimits(
            cpu_seconds=self.helper_seconds,
            wall_seconds=2 * self.helper_seconds + 1,
            memory_bytes=1024 * MEBIBYTE,
            output_bytes=OUTPUT_BYTES,
        )


def stretched(limits: RunLimits) -> RunLimits:
    """The limits under which a run is watched, to tell one that is close from one that is far."""
    return replace(limits, cpu_seconds=BORDER * limits.cpu_seconds, wall_seconds=BORDER * limits.wall)


def borderline(run: ProgramRun, limits: RunLimits) -> bool:
    """Whether a run that was watched under `stretched` limits may have failed by time because others ran beside it.

    It took more than its limit, and not much more; or it was stopped by the clock though it had computed for much of
    the time (one that sleeps has not) and had CPU time left.
    """
    if run.status is RunStatus.TIME_LIMIT:
        return _STARVED * run.wall_seconds < run.cpu_seconds <= limits.cpu_seconds
    return run.cpu_seconds > limits.cpu_seconds or run.wall_seconds > limits.wall


def held_to(run: ProgramRun, limits: RunLimits) -> ProgramRun:
    """A run as its limits have it: one that took more time is over the time limit, however it ended."""
    late = run.cpu_seconds > limits.cpu_seconds or run.wall_seconds > limits.wall
    return replace(run, status=RunStatus.TIME_LIMIT) if late else run


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """One repetition at a time on this machine, for this user: those that repeat do not disturb one another."""
    path = Path(tempfile.gettempdir()) / f"assay-quiet-{os.getuid()}.lock"
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError:
        yield  # a full or read-only disk: the repetition may be disturbed, its verdict is still one
        return
    try:
        deadline = time.monotonic() + _QUIET_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            time.sleep(0.02)
        yield
    finally:
        os.close(file)


@contextlib.contextmanager
def own_memory_limit_lifted() -> Iterator[None]:
    """While this lasts, what this process starts does not inherit the limit on its own address space.

    A verification worker has a soft limit (`assay.verification.worker`), which is meant for the verifier, not for
    the compilers and programs of its sandbox.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    if soft == hard:
        yield
        return
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


_CALIBRATION = """
total = 0
for i in range(3_000_000):
    total = (total * 31 + i) % 1000003
print(total)
"""
_CALIBRATION_SECONDS = 0.17
"""CPU seconds of that loop on the reference, one core of an AMD EPYC with CPython 3.11.2: the median of nine runs."""


def measured_time_factor(sandbox: Sandbox) -> float:
    """How much slower a known loop runs in this sandbox than on the reference machine; at least 1, at most 10.

    The median of three runs. A faster machine is not held to shorter limits: they were set for people's programs.
    """
    source = SourceCode(language="python", code=_CALIBRATION)
    limits = RunLimits(cpu_seconds=60.0, wall_seconds=120.0)
    with sandbox.load(source, mode="exec") as program:
        seconds = sorted(program.run(b"", limits).cpu_seconds for _ in range(3))
    return min(10.0, max(1.0, seconds[1] / _CALIBRATION_SECONDS))
