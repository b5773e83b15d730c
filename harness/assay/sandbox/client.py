"""One worker: an agent, its capabilities, and the requests in the host's words.

    worker = Worker(connection, AgentSettings(strategy="uid", program="/assay/program", scratch="/assay/scratch"))
    worker.begin({"main.py": b"print(input())"})
    run = worker.run(command, b"hello", limits)
    clean = worker.end()

A worker belongs to one thread at a time. Any `SandboxError` makes it unusable (`usable` is False): kill it, take
another.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from assay.sandbox.agent import bundle
from assay.sandbox.agent.wire import REASONS
from assay.sandbox.languages import ALL_TOOLS
from assay.sandbox.protocol import Channel, Connection
from assay.sandbox.types import ProgramRun, RunLimits, RunStatus

PROTOCOL = 1
STDERR_BYTES = 16 * 2**10
GRACE = 20.0
"""Seconds beyond a run's wall limit after which a silent agent is given up: killing and wiping take milliseconds,
but on a machine under load the agent may wait long for a processor."""

WARM_MODULES = (
    "math", "collections", "heapq", "bisect", "itertools", "functools", "operator", "re", "string", "random",
    "typing", "copy", "time", "array", "threading", "io", "atexit", "linecache", "enum", "abc", "json", "types",
    "contextlib", "encodings.utf_8", "encodings.ascii", "encodings.latin_1", "warnings",
)  # fmt: skip
"""What programs import most, imported once per worker and inherited by every run in fork mode."""
RARE_MODULES = (
    "dataclasses",
    "datetime",
    "decimal",
    "fractions",
    "statistics",
    "queue",
    "cmath",
    "traceback",
    "numbers",
)
"""What few programs import: inherited by the runs of those whose text mentions them, since a fork costs more the more
is there to inherit. (Where each run is forked from the agent itself, by all.)"""

ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "TMPDIR": "/tmp"}  # noqa: S108 - in the sandbox


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentSettings:
    """What an agent must be told about the place that it runs in."""

    strategy: str
    """"uid", "pidns" or "plain": see `assay.sandbox.agent`."""
    program: str = "/assay/program"
    """Folder for the program's files; the agent makes it. Must allow execution."""
    scratch: str = "/assay/scratch"
    """Folder that a program runs in; the agent makes it. On a tmpfs."""
    writable: Sequence[str] = ("/tmp", "/var/tmp", "/dev/shm", "/run/lock")  # noqa: S108 - in the sandbox
    """Other folders that a program may write to: wiped. Those that do not exist are left out."""
    environment: Mapping[str, str] = field(default_factory=lambda: dict(ENVIRONMENT))
    """The whole environment of programs; HOME is the scratch folder."""
    warm: Sequence[str] = WARM_MODULES


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """What is executed: an absolute path and arguments, or a Python file for fork mode."""

    argv: Sequence[str]
    fork: bool = False
    address: str | None = "as"
    slack: int = 0
    processes: int = 0
    environment: Mapping[str, str] = field(default_factory=dict)
    warm: Sequence[str] = ()
    """Of `RARE_MODULES`, those to import before a program in fork mode begins."""


class Worker:
    """One agent, configured and ready. Raises `SandboxError` where it does not get that far."""

    def __init__(self, connection: Connection, settings: AgentSettings, *, start_seconds: float = 60.0) -> None:
        self._connection = connection
        self._channel = Channel(connection)
        self.usable = True
        self.stained = False
        """Whether some run or wipe was not clean: it must be replaced before the next program."""
        self.programs = 0
        try:
            self._channel.send_raw(bundle(), start_seconds)
            self.hello = self._channel.receive(0, start_seconds)[0]
            if self.hello.get("protocol") != PROTOCOL:
                raise self._channel.fail(f"speaks protocol {self.hello.get('protocol')!r}, not {PROTOCOL}")
            self._configure(settings, start_seconds)
            self.tools = self._find_tools(start_seconds)
        except BaseException:
            self.kill()
            raise

    def _configure(self, settings: AgentSettings, seconds: float) -> None:
        syscall_filter = alone = b""
        if settings.strategy != "plain":
            from assay.sandbox.syscalls import alone_filter, deny_filter

            syscall_filter = deny_filter(str(self.hello.get("machine")))
            alone = alone_filter(str(self.hello.get("machine")))
        # RLIMIT_NPROC counts a user's processes over all sandboxes of this kernel, so each worker has its own users.
        if int(self.hello.get("user_ids", 1)) >= 2**31:
            first = 2**24 + 2**12 * secrets.randbelow(2**18)
            uids = (first, first + 2**12 - 1)
        else:
            uids = (10_000, min(60_000, int(self.hello.get("user_ids", 1)) - 1))
        request = {
            "op": "configure",
            "strategy": settings.strategy,
            "program": settings.program,
            "scratch": settings.scratch,
            "writable": list(settings.writable),
            "environment": {**settings.environment, "HOME": settings.scratch},
            "uids": uids,
            "filter": len(syscall_filter),
            "alone": len(alone),
            "warm": [*settings.warm, *(() if settings.strategy == "uid" else RARE_MODULES)],
        }
        self.ready = self._channel.call(request, syscall_filter + alone, timeout=seconds)[0]
        self.settings = settings

    def _find_tools(self, seconds: float) -> dict[str, str]:
        found = self._channel.call({"op": "tools", "names": ALL_TOOLS}, timeout=seconds)[0].get("found")
        if not isinstance(found, dict) or not all(isinstance(path, str) for path in found.values()):
            raise self._channel.fail("sent no list of tools")
        return {**found, "python3": str(self.hello.get("executable"))}

    # ---- the life of a program

    def begin(self, files: Mapping[str, bytes], executable: bool = False) -> None:
        """Put a new program in place of the last one, under an identity of its own."""
        mode = 0o755 if executable else 0o644
        entries = [[name, len(content), mode] for name, content in files.items()]
        self._channel.call({"op": "begin", "files": entries}, b"".join(files.values()))
        self.programs += 1

    def compile(self, command: Command, limits: RunLimits, max_bytes: int) -> tuple[ProgramRun, dict[str, bytes]]:
        """Run a compiler; its run, and what it left, by name (nothing where it failed)."""
        request = {"op": "compile", **self._task(command, limits)}
        self._channel.send(request)
        run = self.receive_run(limits)
        if run.status is not RunStatus.OK:
            return run, {}
        reply, payload = self._channel.receive(max_bytes, GRACE)
        if reply.get("refused"):  # it left what is no plain file, or too much
            return replace(run, status=RunStatus.OUTPUT_LIMIT), {}
        artefacts: dict[str, bytes] = {}
        used = 0
        try:
            for name, size in reply["artefacts"]:
                artefacts[str(name)] = payload[used : used + int(size)]
                used += int(size)
        except (KeyError, TypeError, ValueError):
            raise self._channel.fail("sent no list of artefacts") from None
        if used != len(payload):
            raise self._channel.fail("sent artefacts whose sizes do not fit")
        return run, artefacts

    def run(
        self, command: Command, stdin: bytes, limits: RunLimits, files: Mapping[str, bytes] | None = None
    ) -> ProgramRun:
        """Run once and wait for the end."""
        self.send_frames(self.run_frame(command, stdin, limits, files))
        return self.receive_run(limits)

    def run_frame(
        self, command: Command, stdin: bytes, limits: RunLimits, files: Mapping[str, bytes] | None = None
    ) -> bytes:
        """The request of a run, for sending several at once."""
        request: dict[str, Any] = {"op": "run", "stdin": len(stdin), **self._task(command, limits)}
        if not files:
            return self._channel.frame(request, stdin)
        request["files"] = [[name, len(content)] for name, content in files.items()]
        return self._channel.frame(request, b"".join((stdin, *files.values())))

    def again_frame(self, stdin: bytes) -> bytes:
        """The request to run once more as in the last `run_frame`, on another input."""
        return self._channel.frame(None, stdin)

    def send_frames(self, frames: bytes) -> None:
        """Send requests made by the two above; their replies come in the same order."""
        self._channel.send_raw(frames)

    def receive_run(self, limits: RunLimits) -> ProgramRun:
        """The reply to a run."""
        fields, payload = self._channel.receive_run(limits.output_bytes + STDERR_BYTES, limits.wall + GRACE)
        return self._run(fields, payload, limits)

    def end(self) -> bool:
        """Wipe the program; whether everything is known to be clean, so that another may come."""
        reply, _ = self._channel.call({"op": "end"}, max_payload=2**32, timeout=GRACE)
        return reply.get("clean") is True and not self.stained

    def kill(self) -> None:
        """End the agent and everything in its sandbox."""
        self.usable = False
        self._connection.kill()

    # ---- a run that is talked to

    def start(self, command: Command, limits: RunLimits, files: Mapping[str, bytes] | None = None) -> None:
        """Start a run that is talked to."""
        files = files or {}
        request = {"op": "start", **self._task(command, limits)}
        request["files"] = [[name, len(content)] for name, content in files.items()]
        self._channel.call(request, b"".join(files.values()))

    def talk(self, data: bytes) -> None:
        """Write to its standard input."""
        self._channel.send({"op": "send"}, data)

    def close_stdin(self) -> None:
        """End its standard input."""
        self._channel.send({"op": "close"})

    def listen(self, seconds: float, limits: RunLimits) -> tuple[bytes, bool]:
        """What it wrote, waiting that long for the first byte; and whether that is all there will ever be."""
        request = {"op": "receive", "seconds": seconds}
        reply, payload = self._channel.call(request, max_payload=limits.output_bytes, timeout=seconds + GRACE)
        return payload, reply.get("ended") is True

    def finish(self, limits: RunLimits, *, kill: bool) -> ProgramRun:
        """Its end."""
        self._channel.send({"op": "finish", "kill": kill})
        return self.receive_run(limits)

    # ---- translations

    @staticmethod
    def _task(command: Command, limits: RunLimits) -> dict[str, Any]:
        task: dict[str, Any] = {
            "argv": list(command.argv),
            "limits": {
                "cpu": limits.cpu_seconds,
                "wall": limits.wall,
                "memory": limits.memory_bytes,
                "output": limits.output_bytes,
                "processes": limits.processes + command.processes,
                "address": command.address,
                "slack": command.slack,
            },
        }
        if command.fork:
            task.update(fork=True, warm=list(command.warm))
        if command.environment:
            task["environment"] = dict(command.environment)
        return task

    def _run(self, fields: tuple[Any, ...], payload: bytes, limits: RunLimits) -> ProgramRun:
        """A reply as a `ProgramRun`."""
        index, clean, code, number, cpu, wall, peak, size = fields
        if size > len(payload) or len(payload) - size > STDERR_BYTES or index >= len(REASONS):
            raise self._channel.fail("sent a run whose parts do not fit")
        if not (0 <= cpu < math.inf and 0 <= wall < math.inf and -1 <= code < 256 and -1 <= number < 128):
            raise self._channel.fail("sent a run with impossible figures")
        if REASONS[index] == "trouble":
            raise self._channel.fail(f"could not start the program: {payload[size:].decode('utf-8', 'replace')}")
        if not clean:
            self.stained = True
        exit_code = None if code < 0 else code
        signal = None if number < 0 else number
        stderr = payload[size:]
        return ProgramRun(
            status=run_status(REASONS[index], exit_code, signal, peak, stderr, limits),
            exit_code=exit_code,
            signal=signal,
            stdout=payload[:size],
            stderr=stderr,
            cpu_seconds=cpu,
            wall_seconds=wall,
            peak_bytes=peak,
        )


_REASONS = {
    "wall": RunStatus.TIME_LIMIT,
    "cpu": RunStatus.TIME_LIMIT,
    "memory": RunStatus.MEMORY_LIMIT,
    "output": RunStatus.OUTPUT_LIMIT,
    "processes": RunStatus.RUNTIME_ERROR,
    "killed": RunStatus.RUNTIME_ERROR,
}
_SIGKILL, _SIGXCPU, _SIGXFSZ = 9, 24, 25
_OUT_OF_MEMORY = (b"MemoryError", b"std::bad_alloc", b"java.lang.OutOfMemoryError", b"heap out of memory")


def run_status(
    reason: str, exit_code: int | None, number: int | None, peak: int, stderr: bytes, limits: RunLimits
) -> RunStatus:
    """The status that the agent's figures amount to.

    A program that died near its memory limit, or whose runtime says so in its last words, broke that limit. A program
    can forge the words, and gains nothing: it failed either way.
    """
    if reason:
        return _REASONS[reason]
    if number == _SIGXFSZ:
        return RunStatus.OUTPUT_LIMIT
    if number == _SIGXCPU:
        return RunStatus.TIME_LIMIT
    if exit_code == 0:
        return RunStatus.OK
    if peak >= 0.9 * limits.memory_bytes or any(words in stderr[-400:] for words in _OUT_OF_MEMORY):
        return RunStatus.MEMORY_LIMIT
    return RunStatus.RUNTIME_ERROR
