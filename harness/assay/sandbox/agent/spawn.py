"""Starting a command without copying the agent: a child that borrows the agent's memory until it executes.

`fork` copies the page tables of a whole Python process, and then every page that either side writes to, only for
`exec` to throw all of it away: more than many a program takes. `vfork` copies nothing, but its child must not run
Python, which would leave its traces in the agent. So what the child has to do is written down before, as a chain of
calls to the C library: each is a context (makecontext(3)) with a function, its arguments, a stack of its own and the
next context, and the child (clone(2) with CLONE_VM and CLONE_VFORK, the agent waiting) begins with the first.

A chain cannot look at what its calls return. Those that could matter cannot fail (limits are only ever lowered), but
for the change of identity, for which the kernel may lack memory. So the command's path leads through a gate: a folder
that everybody may pass but user 0 and group 0. Had the identity not changed, nothing would be executed. Where a gate
cannot be made, or is none because this agent may pass it, on other machines than x86-64, and without these functions
(musl), commands are started by `fork`. So is everything that is no ELF file: of a script, the interpreter would be told
the path through the gate.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import ctypes
import mmap
import os
import struct
from typing import Any

from . import confine, system

_MACHINE = "x86_64"
"""Where this was seen to work. Nothing in it is of that machine, but a mistake would cost every command."""
_CLONE_VM, _CLONE_VFORK = 0x100, 0x4000
_CONTEXT, _STEP = 8 << 10, 32 << 10
"""Bytes for a context (it has less than 1 KiB) and for it with its stack."""
_TOP = 64
"""Bytes at a stack's beginning that makecontext may fill: two words."""
_LINK = struct.Struct("=8xQQ8xQ")
"""The beginning of `ucontext_t` of the GNU C library on 64-bit Linux: link, stack and its size."""
_MESSAGE = "the command could not be executed, or without its own identity"


def make_gate(folder: str) -> str:
    """Make a gate in `folder`, or take the one that is there; its path, which leads nowhere where that failed."""
    path = os.path.join(folder, "gate")
    try:
        if not os.path.isdir(path):
            os.mkdir(path, 0o700)
            os.symlink("/", f"{path}/root")
            os.chmod(path, 0o001)
    except OSError:
        pass
    return path


def checked_gate(path: str) -> str | None:
    """The way through the gate to the root folder; None where it would not stop this process, as it is now."""
    if os.uname().machine != _MACHINE or not all(hasattr(system.LIBC, name) for name in ("makecontext", "setcontext")):
        return None
    try:
        status = os.stat(path)
        with open("/proc/sys/fs/suid_dumpable", encoding="ascii") as setting:
            # The child's change of identity marks the memory that it shares with the agent: 1 would let it be traced.
            traceable = setting.read().strip() == "1"
    except OSError:
        return None
    right = (status.st_mode & 0o7777, status.st_uid, status.st_gid) == (0o001, 0, 0) and not traceable
    return f"{path}/root" if right and not os.access(f"{path}/root", os.F_OK) else None


def is_elf(path: str) -> bool:
    """Whether the kernel runs this file itself, and not an interpreter that it names."""
    with open(path, "rb") as file:
        return file.read(4) == b"\x7fELF"


class Chain:
    """Calls to be made one after another in a child that shares our memory."""

    def __init__(self, steps: list[tuple[Any, ...]]) -> None:
        """`steps`: functions of the C library, each with its arguments (numbers, addresses)."""
        libc = system.LIBC
        self._memory = mmap.mmap(-1, (len(steps) + 1) * _STEP)
        self._begin = ctypes.addressof(ctypes.c_char.from_buffer(self._memory))
        self._makecontext = libc.makecontext
        self._makecontext.restype = None
        for number, step in enumerate(steps):
            place = self._begin + number * _STEP
            system.check(libc.getcontext(ctypes.c_void_p(place)), "getcontext")
            following = place + _STEP if number + 1 < len(steps) else 0
            _LINK.pack_into(self._memory, number * _STEP, following, place + _CONTEXT, _STEP - _CONTEXT)
            self.put(number, *step)
        # Running a step uses up what makecontext left on its stack: the way on to the next one.
        tops = [(number + 1) * _STEP for number in range(len(steps))]
        self._tops = [(slice(top - _TOP, top), self._memory[top - _TOP : top]) for top in tops]
        top = self._begin + (len(steps) + 1) * _STEP
        first = ctypes.cast(libc.setcontext, ctypes.c_void_p)
        flags = _CLONE_VM | _CLONE_VFORK | int(_signal.SIGCHLD)
        self._child = first, ctypes.c_void_p(top), ctypes.c_int(flags), ctypes.c_void_p(self._begin)
        self._clone = libc.clone

    def put(self, number: int, function: Any, *arguments: int) -> None:
        """Write one step down, anew."""
        place = ctypes.c_void_p(self._begin + number * _STEP)
        called = ctypes.cast(function, ctypes.c_void_p)
        self._makecontext(place, called, len(arguments), *(ctypes.c_long(word) for word in arguments))

    def start(self) -> int:
        """Let a child go through it; returns its id when it has executed something, or ended."""
        for place, content in self._tops:
            self._memory[place] = content
        return system.check(self._clone(*self._child), "clone")


class Command:
    """A command with its limits and identity, to be started many times."""

    def __init__(
        self,
        path: str,
        argv: list[str],
        environment: dict[str, str],
        *,
        folder: str,
        uid: int,
        limits: list[tuple[int, int, int]],
        trouble: int,
    ) -> None:
        """Write the chain down.

        `path` leads through the gate; `limits`: kind, soft and hard value; `trouble`: where to say that it failed.
        """
        libc = system.LIBC
        self._kept: list[Any] = []
        pairs = [f"{name}={value}" for name, value in environment.items()]
        self.steps: list[tuple[Any, ...]] = [
            *((libc.dup2, number, number) for number in range(3)),
            (libc.setsid,),
            (libc.chdir, self._text(folder)),
            *((libc.setrlimit, kind, self._limit(kind, soft, hard)) for kind, soft, hard in limits),
            (libc.setresgid, uid, uid, uid),
            (libc.setresuid, uid, uid, uid),
            (libc.prctl, system.PR_SET_PDEATHSIG, int(_signal.SIGKILL), 0, 0, 0),
            *((libc.signal, number, 0) for number in confine.IGNORED),
            (libc.execve, self._text(path), self._list(argv), self._list(pairs)),
            (libc.write, trouble, self._text(_MESSAGE), len(_MESSAGE)),
            (libc._exit, confine.EXIT_TROUBLE),
        ]
        self.chain = Chain(self.steps)

    def start(self, streams: tuple[int, int, int]) -> int:
        """Start it; the id of its process."""
        for number, descriptor in enumerate(streams):
            self.chain.put(number, system.LIBC.dup2, descriptor, number)
        return self.chain.start()

    def _keep(self, buffer: Any) -> int:
        self._kept.append(buffer)
        return ctypes.addressof(buffer)

    def _text(self, text: str) -> int:
        return self._keep(ctypes.create_string_buffer(text.encode("utf-8", "surrogateescape")))

    def _list(self, texts: list[str]) -> int:
        return self._keep((ctypes.c_void_p * (len(texts) + 1))(*map(self._text, texts), None))

    def _limit(self, kind: int, soft: int, hard: int) -> int:
        return self._keep((ctypes.c_long * 2)(confine.lowered(kind, soft), confine.lowered(kind, hard)))
