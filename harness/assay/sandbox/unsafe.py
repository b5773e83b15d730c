"""`none-i-accept-the-risk`: programs run as ordinary processes of this user. It protects nothing.

Only the limits of `setrlimit` and the agent's watch hold: time, output, and memory of each process. A program can read
and write every file that this user can, see and kill its processes, reach the network, read the tests in the memory of
the judge, and leave things behind. It exists for machines where nothing better runs, for programs that one wrote
oneself. It says so on standard error each time it is opened, and run manifests record it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from typing import Any

from assay.errors import SandboxError
from assay.sandbox.agent import BOOT
from assay.sandbox.client import ENVIRONMENT, AgentSettings
from assay.sandbox.leases import WorkerSandbox
from assay.sandbox.protocol import PipeConnection

WARNING = """\
WARNING: sandbox none-i-accept-the-risk: programs run WITHOUT ANY ISOLATION, as this user. They can read and change
your files, use the network, and forge their results. Never use it for what a model wrote.
"""

STACK = 'ulimit -s unlimited 2>/dev/null || ulimit -s "$(ulimit -H -s)"; exec "$0" "$@"'
"""Run by `sh -c` before the agent: a stack that may grow as far as memory does. It must be set before the agent's
interpreter begins, because that is when the kernel decides how much room to leave below it."""


class UnsafeSandbox(WorkerSandbox):
    """No isolation; see the module."""

    name = "none-i-accept-the-risk"

    def __init__(self, *, workers: int = 1, recycle_after: int = 1000) -> None:
        super().__init__(workers=workers, recycle_after=recycle_after)
        sys.stderr.write(WARNING)
        sys.stderr.flush()
        self._python = python_for_programs()
        self._folder = tempfile.TemporaryDirectory(prefix="assay-unsafe-", ignore_cleanup_errors=True)
        self._count = 0
        self._last = ""

    @property
    def description(self) -> Mapping[str, Any]:
        """Nothing isolates."""
        return {
            "name": self.name,
            "isolation": "none",
            "limits": ["time", "output", "memory of each process"],
            "lacks": ["everything else: programs run as this user, beside the judge"],
            "kernel": os.uname().release,
            "python": self._python,
        }

    def _launch(self) -> PipeConnection:
        command = ["/bin/sh", "-c", STACK, self._python, "-I", "-B", "-c", BOOT]
        return launch_process(command)

    def _settings(self) -> AgentSettings:
        with self._lock:
            self._count += 1
            folder = f"{self._folder.name}/{self._count}"
        return AgentSettings(
            strategy="plain",
            program=f"{folder}/program",
            scratch=f"{folder}/scratch",
            writable=(),
            environment={**ENVIRONMENT, "PATH": os.environ.get("PATH", ENVIRONMENT["PATH"])},
        )

    def close(self) -> None:
        """End all workers and remove their folders."""
        super().close()
        self._folder.cleanup()


def python_for_programs() -> str:
    """The interpreter for programs: the system's, else the one that Assay runs on."""
    return "/usr/bin/python3" if os.access("/usr/bin/python3", os.X_OK) else os.path.realpath(sys.executable)


def launch_process(command: list[str], **options: Any) -> PipeConnection:
    """Start an agent as a child process with a clean environment; killing it kills its process group."""
    if shutil.which(command[0]) is None:
        raise SandboxError(f"{command[0]} is missing, which starts the sandbox's agent")
    errors = tempfile.TemporaryFile(prefix="assay-agent-")  # noqa: SIM115 - closed by `kill`
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=ENVIRONMENT,
            cwd="/",
            start_new_session=True,
            bufsize=0,
            **options,
        )
    except OSError as error:
        errors.close()
        raise SandboxError(f"the sandbox's agent cannot be started: {error}") from error
    assert process.stdin is not None
    assert process.stdout is not None
    read_fd, write_fd = os.dup(process.stdout.fileno()), os.dup(process.stdin.fileno())
    process.stdin.close()
    process.stdout.close()

    def kill() -> None:
        try:
            os.killpg(process.pid, 9)
        except (ProcessLookupError, PermissionError):
            process.kill()
        process.wait()
        errors.close()

    def diagnosis() -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.2)
        size = errors.seek(0, os.SEEK_END)
        errors.seek(max(0, size - 2000))
        text = errors.read().decode("utf-8", "replace").strip()
        ending = "still running" if process.returncode is None else f"exit status {process.returncode}"
        return f"{text} ({ending})" if text else ending

    return PipeConnection(read_fd, write_fd, kill, diagnosis)
