"""A program on its leased worker, and its live runs: what `WorkerSandbox.load` gives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from assay.errors import SandboxError
from assay.sandbox.client import Command, Worker
from assay.sandbox.types import ProgramRun, RunLimits, RunStatus

WINDOW_BYTES = 48 * 2**10
"""Requests sent ahead must fit into a pipe (64 KiB) together: then sending never waits for an agent that is itself
waiting to send. Larger inputs go one at a time, to an agent that is reading."""
WINDOW_RUNS = 8


class LeasedProgram:
    """A `Program` on its worker."""

    def __init__(self, worker: Worker, command: Command, compilation: ProgramRun | None) -> None:
        self._worker, self._command = worker, command
        self.compilation = compilation
        self._live: LeasedRun | None = None
        self._owed, self._owed_limits = 0, RunLimits()
        self._sent: object = None
        """Which `run_many` the worker's last full request came from: only that one may say "once more"."""

    def settle(self) -> None:
        """Take the replies to runs that were begun and are no longer wanted, lest they be taken for later ones."""
        while self._owed and self._worker.usable:
            self._owed -= 1
            try:
                self._worker.receive_run(self._owed_limits)
            except SandboxError:
                self._worker.usable = False

    def _ready(self, args: Sequence[str]) -> Command:
        if self.compilation is not None and self.compilation.status is not RunStatus.OK:
            raise ValueError("this program did not compile, so it cannot be run")
        if self._live is not None and not self._live.finished:
            raise ValueError("a live run of this program goes on: finish it first")
        if self._owed:
            raise ValueError("a `run_many` of this program goes on: exhaust or close it first")
        if not self._worker.usable:
            raise SandboxError("the worker of this program is gone: load it again")
        self._sent = None
        if not args:
            return self._command
        return replace(self._command, argv=[*self._command.argv, *args])

    def run(
        self,
        stdin: bytes,
        limits: RunLimits,
        *,
        args: Sequence[str] = (),
        files: Mapping[str, bytes] | None = None,
    ) -> ProgramRun:
        """See `assay.sandbox.contract.Program`."""
        return self._worker.run(with_memory(self._ready(args), limits), stdin, limits, files)

    def run_many(
        self, stdins: Iterable[bytes], limits: RunLimits, *, go_on: Callable[[int, ProgramRun], bool] | None = None
    ) -> Iterator[ProgramRun]:
        """See `assay.sandbox.contract.Program`."""
        command = with_memory(self._ready(()), limits)
        worker = self._worker
        source = iter(stdins)
        held: bytes | None = None
        mine = object()
        window, index = 1, 0
        while True:
            frames: list[bytes] = []
            size = 0
            while len(frames) < window:
                held = next(source, None) if held is None else held
                if held is None or (frames and size + len(held) > WINDOW_BYTES):
                    break
                again = self._sent is mine
                frames.append(worker.again_frame(held) if again else worker.run_frame(command, held, limits))
                self._sent, held = mine, None
                size += len(frames[-1])
            if not frames:
                return
            worker.send_frames(b"".join(frames))
            self._owed, self._owed_limits = len(frames), limits
            try:
                while self._owed:
                    run = worker.receive_run(limits)
                    self._owed -= 1
                    wanted = go_on is None or go_on(index, run)
                    index += 1
                    yield run
                    if not wanted:
                        return
            finally:
                self.settle()
            window = min(2 * window, WINDOW_RUNS)

    def start(
        self, limits: RunLimits, *, args: Sequence[str] = (), files: Mapping[str, bytes] | None = None
    ) -> LeasedRun:
        """See `assay.sandbox.contract.Program`."""
        command = with_memory(self._ready(args), limits)
        self._worker.start(command, limits, files)
        self._live = LeasedRun(self._worker, limits)
        return self._live


class LeasedRun:
    """A `LiveRun` on its worker."""

    def __init__(self, worker: Worker, limits: RunLimits) -> None:
        self._worker, self._limits = worker, limits
        self._ended = False
        self.finished = False

    def send(self, data: bytes) -> None:
        """See `assay.sandbox.contract.LiveRun`."""
        if not self.finished and data:
            self._worker.talk(data)

    def receive(self, timeout: float) -> bytes:
        """See `assay.sandbox.contract.LiveRun`."""
        if self._ended:
            return b""
        data, self._ended = self._worker.listen(timeout, self._limits)
        return data

    @property
    def ended(self) -> bool:
        """See `assay.sandbox.contract.LiveRun`."""
        return self._ended

    def close_stdin(self) -> None:
        """See `assay.sandbox.contract.LiveRun`."""
        if not self.finished:
            self._worker.close_stdin()

    def finish(self, *, kill: bool = False) -> ProgramRun:
        """See `assay.sandbox.contract.LiveRun`."""
        if self.finished:
            raise ValueError("this run was finished before")
        run = self._worker.finish(self._limits, kill=kill)
        self.finished = self._ended = True
        return run


def with_memory(command: Command, limits: RunLimits) -> Command:
    """The command with `{memory}` replaced by the limit in MiB, for runtimes that must be told."""
    if not any("{memory}" in word for word in command.argv):
        return command
    megabytes = str(max(16, limits.memory_bytes // 2**20))
    return replace(command, argv=[word.replace("{memory}", megabytes) for word in command.argv])
