"""What a child takes away from itself before it becomes the program.

The order matters: limits first (raising is no longer possible afterwards), then the identity, which also takes the
capabilities, then the system call filter where the agent could not load it for itself. Whatever fails here is our
failure, never the program's: `service` reports it as trouble.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import os
import resource
from typing import Any, NoReturn

from . import system

UNLIMITED = resource.RLIM_INFINITY
EXIT_TROUBLE = 127
"""With a message on the trouble pipe: the child could not become the program."""
OPEN_FILES = 256
MAPPED = 64 << 20
"""Address space for what is mapped and not the program's own: the interpreter, libraries, guard pages."""
# `_signal` rather than `signal`, whose functions convert to enumerations and touch sixty pages more in every fork.
IGNORED = tuple(int(number) for number in (_signal.SIGPIPE, _signal.SIGXFSZ))


class Limits:
    """`RunLimits` as they travel, with what the language asks for."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.cpu = float(request["cpu"])
        self.wall = float(request["wall"])
        self.memory = int(request["memory"])
        self.output = int(request["output"])
        self.processes = int(request["processes"])
        self.address: str | None = request.get("address")
        """What of the address space is counted: "as" all of it, "data" what is written to (for runtimes that
        reserve far more than they use), None nothing."""
        self.resident = self.memory + int(request.get("slack", 0))
        """Resident memory at which a process is ended."""
        seconds = int(self.cpu) + 2
        memory = self.resident + MAPPED
        self.resources = [
            # The watch ends a run at its precise limit; this is for what the watch does not see in time.
            (resource.RLIMIT_CPU, seconds, seconds + 1),
            (resource.RLIMIT_FSIZE, self.output + 1, self.output + 1),
        ]
        if self.address == "as":
            self.resources.append((resource.RLIMIT_AS, memory, memory))
        elif self.address == "data":
            self.resources.append((resource.RLIMIT_DATA, memory, memory))


def set_common_limits() -> None:
    """Those that are the same for every program: set once in the agent, inherited by all."""
    for kind, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
        (resource.RLIMIT_SIGPENDING, 256),
    ):
        allowed = lowered(kind, value)
        resource.setrlimit(kind, (allowed, allowed))


def lowered(kind: int, value: int) -> int:
    """A limit that this process may set: not above its own hard one."""
    ceiling = resource.getrlimit(kind)[1]
    return value if ceiling == UNLIMITED else min(value, ceiling)


def set_limits(limits: Limits, processes: int | None) -> None:
    """Apply the limits to this process; `processes` is for RLIMIT_NPROC, None where it would count other people's.

    A hard limit that is already lower stays: an ordinary user cannot raise it.
    """
    for kind, soft, hard in limits.resources:
        try:
            resource.setrlimit(kind, (soft, hard))
        except (ValueError, PermissionError):
            resource.setrlimit(kind, (lowered(kind, soft), lowered(kind, hard)))
    if processes is not None:
        resource.setrlimit(resource.RLIMIT_NPROC, (processes, processes))


def take_identity(uid: int) -> None:
    """Become a user and group of its own; capabilities go with user id 0. The process stays readable to itself."""
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    system.prctl(system.PR_SET_DUMPABLE, 1)


def drop_capabilities() -> None:
    """Give up every capability, in a user namespace where there is no other identity to take."""
    system.set_capabilities(0)
    system.prctl(system.PR_SET_DUMPABLE, 1)


def restore_signals() -> None:
    """What Python ignores would stay ignored in an executed program."""
    for number in IGNORED:
        _signal.signal(number, _signal.SIG_DFL)


def place_streams(stdin: int, stdout: int, stderr: int) -> None:
    """Put the three streams where they belong. The numbers given must be above 2."""
    os.dup2(stdin, 0)
    os.dup2(stdout, 1)
    os.dup2(stderr, 2)


def give_up(trouble: int, error: BaseException) -> NoReturn:
    """In a child that cannot become the program: tell the agent why, and end."""
    try:
        os.write(trouble, repr(error).encode()[-2000:])
    finally:
        os._exit(EXIT_TROUBLE)
