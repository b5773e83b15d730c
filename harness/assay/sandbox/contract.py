r"""What a sandbox must be. Implementations: `docker`, `native`, and the one without isolation.

    with open_sandbox("auto") as sandbox, sandbox.load(source, mode="exec") as program:
        if program.compilation is None or program.compilation.status is RunStatus.OK:
            run = program.run(b"1 2\n", limits)

A sandbox keeps warm workers. `load` leases one of them for one program, waiting for a free one; when the lease ends
the worker is wiped (processes, files, shared memory) or, on any anomaly, replaced. Two programs never meet in one
worker at a time, and a program never sees what another left. All methods may be called from several threads; one
`Program` belongs to one thread.

Every method may raise `SandboxError` (a worker died, Docker went away, the disk of the host is full): the failure is
ours, the run has no status, and whoever called tries again with a new lease.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Protocol, Self

from assay.sandbox.types import ProgramRun, RunLimits, RunMode, SourceCode


class LiveRun(Protocol):
    """A run that is talked to while it goes on: interactive problems, and calls of a function one by one."""

    def send(self, data: bytes) -> None:
        """Write to its standard input. A program that no longer reads is not an error: `finish` tells how it ended."""

    def receive(self, timeout: float) -> bytes:
        """What it wrote since, waiting up to `timeout` seconds (more than 0) for the first byte.

        Empty when it has closed its output, has ended, or said nothing in that time.
        """

    @property
    def ended(self) -> bool:
        """Whether it has ended or closed its output and everything that it wrote has been received."""

    def close_stdin(self) -> None:
        """End its standard input."""

    def finish(self, *, kill: bool = False) -> ProgramRun:
        """Wait for its end within its limits, or kill it. `stdout` holds what was not received before."""


class Program(Protocol):
    """A loaded program on its leased worker."""

    @property
    def compilation(self) -> ProgramRun | None:
        """How compiling ended; None where nothing is compiled or the result came from the cache.

        A program whose compilation was not `OK` cannot be run (`ValueError`).
        """

    def run(
        self,
        stdin: bytes,
        limits: RunLimits,
        *,
        args: Sequence[str] = (),
        files: Mapping[str, bytes] | None = None,
    ) -> ProgramRun:
        """Run it once, in an empty scratch folder that holds only `files`."""

    def run_many(
        self, stdins: Iterable[bytes], limits: RunLimits, *, go_on: Callable[[int, ProgramRun], bool] | None = None
    ) -> Iterator[ProgramRun]:
        """Run it once on each input, in order, cheaper than as many calls of `run`.

        After each run `go_on(index, run)` says whether the next is wanted; without it all are. Some runs beyond the
        last wanted one may have been begun to save time: their results are dropped.
        """

    def start(
        self, limits: RunLimits, *, args: Sequence[str] = (), files: Mapping[str, bytes] | None = None
    ) -> LiveRun:
        """Start a run that is talked to, in a scratch folder as of `run`; one at a time, and no `run` meanwhile."""


class Sandbox(Protocol):
    """A place where untrusted programs run."""

    @property
    def name(self) -> str:
        """One of "docker", "native" and "none-i-accept-the-risk"."""

    @property
    def description(self) -> Mapping[str, Any]:
        """What isolates and what is lacking here (kernel, image, features): JSON values, recorded with runs."""

    def load(
        self, source: SourceCode, *, mode: RunMode = "exec", compile_limits: RunLimits | None = None
    ) -> AbstractContextManager[Program]:
        """Lease a worker and put the program there, compiled where its language asks for it.

        Compiled results are cached by the hash of the source. Raises `UsageError` for a language that this
        sandbox does not have, naming those that it has.
        """

    def languages(self) -> Sequence[str]:
        """Names of the languages that can be run here."""

    def close(self) -> None:
        """End all workers. Safe to call twice."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
