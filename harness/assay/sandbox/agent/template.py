"""Fork mode's template: a process that holds a program's run ready, and forks it off for each input.

    agent ──fork, once per program──▶ template ──fork, once per run──▶ the program
      │  streams of a run (SCM_RIGHTS) ──▶ │ ◀── orphans of a run, which it reaps
      │ ◀────────── how the run ended ──── │
      │ kills what a run leaves

After a fork both sides copy each page that they write to, and that is what fork mode costs. So the agent, which has
much to do between two runs, does not fork, and whatever is the same in every run is done before: limits, folder,
signal handlers, the interpreter's streams. What is left for the child is its identity, and the program itself.

A template is as trusted as the agent and no more exposed: it has the agent's user and capabilities (so programs can
neither signal nor trace it), it learns sizes and statuses only, and nothing that a program wrote is ever read in it;
even compiling the text is left to the child. A program cannot tell its runs apart by it either, for nothing that a
child does changes it. It ends with the agent, and before anything else is started.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import _socket
import gc
import os
import resource
import struct
from collections.abc import Callable
from typing import NoReturn

from . import confine, interpreter, system

_STREAMS = struct.Struct("3i")
_RECORD = struct.Struct("=idQB")
"""How a run ended: wait status, processor seconds, largest resident memory, whether all of its processes are gone."""
RUNS = 500
"""Runs after which a template is replaced, long before its own processor time reaches its program's limit."""


class Template:
    """The agent's end of a template."""

    def __init__(self, key: object, serve: Callable[[_socket.socket], NoReturn]) -> None:
        """Fork it. `key`: what it was made for; `serve`: what it does, in a process of its own."""
        self.key = key
        self.runs = 0
        mine, its = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC)
        self.pid = os.fork()
        if self.pid == 0:
            try:
                serve(its)
            finally:
                os._exit(1)
        its.close()
        self._control = mine
        self.descriptor = mine.fileno()
        """Readable when a run has ended, or the template has."""

    def start(self, streams: tuple[int, int, int]) -> None:
        """Start a run. Raises `OSError` where the template is gone."""
        self.runs += 1
        rights = (_socket.SOL_SOCKET, _socket.SCM_RIGHTS, _STREAMS.pack(*streams))
        self._control.sendmsg([b"\0"], [rights])

    def ended(self) -> tuple[int, float, int, bool] | None:
        """How the run ended, as far as is known; None where the template ended itself.

        Where not all of its processes are gone, another answer comes when they are. Raises `BlockingIOError` when
        there is no answer yet.
        """
        try:
            record = self._control.recv(_RECORD.size, _socket.MSG_DONTWAIT)
        except ConnectionError:
            return None
        if len(record) != _RECORD.size:
            return None
        status, cpu, peak, clean = _RECORD.unpack(record)
        return status, cpu, peak, bool(clean)

    def close(self) -> int:
        """End it, now; its wait status, which tells whether it had ended before."""
        self._control.close()
        os.kill(self.pid, _signal.SIGKILL)
        return os.waitpid(self.pid, 0)[1]


class Server:
    """The template's own side."""

    def __init__(
        self, control: _socket.socket, warm: interpreter.Interpreter, uid: int, processes: int, trouble: int
    ) -> None:
        """Take the agent's descriptors away; `control`, the code's and `trouble` stay."""
        self._control, self._warm, self._uid, self._trouble = control, warm, uid, trouble
        self._processes = (processes, processes)
        kept = sorted((control.fileno(), warm.cache, trouble))
        for low, high in zip([2, *kept], [*kept, confine.OPEN_FILES], strict=True):
            os.closerange(low + 1, high)

    def serve(self, args: list[str], extra: list[str]) -> NoReturn:
        """Fork a run for each message until the agent is gone. `extra`: modules to import first."""
        self._warm.load(extra)
        streams = self._warm.prepare(args, piped=False)
        # Behind what is frozen a collection in a run does not look, so it leaves those pages alone.
        gc.collect()
        gc.freeze()
        self._warm.make_main()
        # Every function, and every name that is looked up, is a page to copy: hence few of both in what follows.
        receive, send, space = self._control.recvmsg, self._control.send, _socket.CMSG_SPACE(_STREAMS.size)
        fork, wait, unpack, pack = system.fork, system.Wait(), _STREAMS.unpack, _RECORD.pack
        dup2, close, no_hang = os.dup2, os.close, os.WNOHANG
        while True:
            told, ancillary, _, _ = receive(1, space)
            if not told:
                os._exit(0)
            first, second, third = unpack(ancillary[0][2])
            dup2(first, 0)
            dup2(second, 1)
            dup2(third, 2)
            close(first)
            close(second)
            close(third)
            pid = fork()
            if pid == 0:
                self._become()
                self._warm.execute(streams)
            wait(pid, 0)
            status, (cpu, peak) = wait.status, wait.usage()
            left = wait(-1, no_hang)
            if left >= 0:
                send(pack(status, cpu, peak, False))  # the agent kills what lives on: only it may
            while left >= 0:
                if left:
                    more, most = wait.usage()
                    cpu, peak = cpu + more, max(peak, most)
                left = wait(-1, 0)
            send(pack(status, cpu, peak, True))

    def _become(self) -> None:
        """In the child: what has to be done anew in each run before the program may begin."""
        try:
            os.setsid()
            resource.setrlimit(resource.RLIMIT_NPROC, self._processes)
            confine.take_identity(self._uid)
            system.prctl(system.PR_SET_PDEATHSIG, _signal.SIGKILL)
        except BaseException as error:  # noqa: BLE001 - told to the agent; nothing may run on in this copy of it
            confine.give_up(self._trouble, error)
