"""The nouns of running untrusted programs: what is run, under which limits, and what came of it.

A sandbox is handed source code and one input at a time. It never sees an expected output, and nothing that a
program writes is believed but the bytes on its standard output: whether they are right is decided outside.
"Our sandbox failed" is the exception `SandboxError`; "the program failed" is a `RunStatus`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

RunMode = Literal["exec", "fork"]
"""`exec`: a fresh interpreter for every run. `fork`: Python programs run in a fork of a warm interpreter, about five
times as fast. Compiled languages are executed in both."""


class RunStatus(StrEnum):
    """How a program's run ended, as far as it can be told without knowing the right output."""

    OK = "ok"
    """It ended by itself with exit status 0, within every limit. Says nothing about its output."""
    TIME_LIMIT = "time_limit"
    """It used up its CPU time or its wall-clock time."""
    MEMORY_LIMIT = "memory_limit"
    """It was ended for its memory. Some programs show this as `RUNTIME_ERROR` (an allocation that failed)."""
    OUTPUT_LIMIT = "output_limit"
    """It wrote more than it may, on standard output or into a file."""
    RUNTIME_ERROR = "runtime_error"
    """It ended with another exit status, or by a signal."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunLimits:
    """What one run may use. Whatever needs more is ended, and says so in its status."""

    cpu_seconds: float = 2.0
    """User and system time, summed over all processes of the run."""
    wall_seconds: float | None = None
    """Real time; None: twice the CPU time and one second, so that a sleeping program ends too. Time in which it would
    run and waits for a processor of a busy machine is not counted, up to ten seconds."""
    memory_bytes: int = 512 * 2**20
    """Memory of each process, its stack included (programs may recurse as deep as this holds)."""
    output_bytes: int = 16 * 2**20
    """Bytes on standard output, and in any one file."""
    processes: int = 32
    """Processes and threads at a time."""

    @property
    def wall(self) -> float:
        """The limit on real time in seconds."""
        return 2 * self.cpu_seconds + 1 if self.wall_seconds is None else self.wall_seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceCode:
    """A program as it was written."""

    language: str
    """A name of `assay.sandbox.languages`: "python", "cpp", "c", "java", "javascript", …"""
    code: str
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Further files beside it (a header, a harness): base name to content, readable by the program."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProgramRun:
    """One run, or one compilation, of a program."""

    status: RunStatus
    exit_code: int | None = None
    """Exit status in [0, 255]; None where a signal ended it."""
    signal: int | None = None
    """Number of the signal that ended it."""
    stdout: bytes = b""
    """All of it, at most `RunLimits.output_bytes`."""
    stderr: bytes = b""
    """Its last bytes, at most 16 KiB; for people, never for a verdict of "right"."""
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    peak_bytes: int | None = None
    """Largest resident memory of any of its processes, where the system tells."""
