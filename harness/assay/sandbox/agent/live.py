"""A run that is talked to: interactive problems, and calls of a function one by one.

Its standard input and output are pipes. Both directions are spooled in memory files, so neither the program nor the
host ever waits for the other to read: a program that floods its output, or that reads nothing, harms only itself.
While no request is there the agent attends to the run, so that limits hold however long the host thinks.
"""

from __future__ import annotations

import os
import select
import time

from . import runner, watch, wire

MAX_PENDING = 256 << 20
"""Bytes sent to a program that does not read them; more is refused."""


class Spool:
    """Bytes waiting in a memory file."""

    def __init__(self, name: str) -> None:
        self.file = os.memfd_create(name, os.MFD_CLOEXEC)
        self.begin = self.end = 0

    @property
    def size(self) -> int:
        """How many bytes wait."""
        return self.end - self.begin

    def reset(self) -> None:
        """Forget everything."""
        os.ftruncate(self.file, 0)
        os.lseek(self.file, 0, os.SEEK_SET)
        self.begin = self.end = 0


class Live:
    """The live run of a worker, if there is one."""

    def __init__(self, run: runner.Runner, channel: wire.Wire) -> None:
        self._runner, self._wire = run, channel
        self._incoming, self._outgoing = Spool("sent"), Spool("said")
        self._watch: watch.Watch | None = None
        self._report: runner.Report | None = None

    @property
    def active(self) -> bool:
        """Whether a run was started and not finished."""
        return self._watch is not None

    def start(self, task: runner.Task) -> None:
        """Start it."""
        self._task, self._said, self._reason, self._report = task, 0, "", None
        self._incoming.reset()
        self._outgoing.reset()
        stdin_read, self._stdin = self._runner.pipe()
        self._stdout, stdout_write = self._runner.pipe()
        os.set_blocking(self._stdin, False)
        os.set_blocking(self._stdout, False)
        self._stdin_open = self._stdout_open = True
        self._closing = False
        self._watch = self._runner.start(task, stdin_read, stdout_write, piped=True)
        os.close(stdin_read)
        os.close(stdout_write)
        self._watch.poll.register(self._stdout, select.POLLIN)
        self._tick = self._watch.started + watch.TICK

    def send(self, size: int) -> None:
        """Spool the payload for its standard input."""
        if not self._stdin_open or self._report is not None or self._incoming.size + size > MAX_PENDING:
            return
        if not self._incoming.size:
            self._incoming.reset()
        self._wire.take(self._incoming.file, size)
        self._incoming.end += size
        self._feed()

    def close_stdin(self) -> None:
        """End its standard input when all that was sent has been read."""
        self._closing = True
        if self._stdin_open and not self._incoming.size:
            self._shut_stdin()

    def _shut_stdin(self) -> None:
        if self._stdin_open:
            self._stdin_open = False
            self._wants_write(False)
            os.close(self._stdin)

    def _wants_write(self, wanted: bool) -> None:
        """(Un)register the input pipe with the poll."""
        assert self._watch is not None
        if wanted:
            self._watch.poll.register(self._stdin, select.POLLOUT)
        else:
            try:  # noqa: SIM105 - contextlib would weigh on every fork
                self._watch.poll.unregister(self._stdin)
            except KeyError:
                pass

    def _feed(self) -> None:
        """Write as much into the pipe as it takes."""
        view = self._wire.page.view
        spool = self._incoming
        while spool.size and self._stdin_open:
            count = os.preadv(spool.file, [view[: min(spool.size, wire.PAGE_BYTES)]], spool.begin)
            try:
                spool.begin += os.write(self._stdin, view[:count])
            except BlockingIOError:
                self._wants_write(True)
                return
            except BrokenPipeError:
                spool.reset()
                self._shut_stdin()
                return
        if self._stdin_open:
            self._wants_write(False)
            if self._closing:
                self._shut_stdin()

    def _listen(self) -> None:
        """Take what it has written, up to the pipe's end."""
        assert self._watch is not None
        while self._stdout_open:
            try:
                count = self._wire.page.read(self._stdout)
            except BlockingIOError:
                return
            if not count:
                self._stdout_open = False
                self._watch.poll.unregister(self._stdout)
                return
            count = max(0, min(count, self._task.limits.output + 1 - self._said))
            self._said += count
            wire.write_all(self._outgoing.file, self._wire.page.view[:count])
            self._outgoing.end += count
            if self._said > self._task.limits.output:
                self._reason = "output"
                return

    def _step(self, until: float) -> bool:
        """Attend to the run once; whether a request has come."""
        watched = self._watch
        assert watched is not None
        now = time.monotonic()
        requested = False
        for descriptor, _ in watched.step(min(until, self._tick, watched.deadline) - now):
            if descriptor == self._wire.source:
                requested = True
            elif descriptor == self._stdout:
                self._listen()
            elif descriptor == self._stdin:
                self._feed()
        if not watched.ended and not self._reason and time.monotonic() >= min(self._tick, watched.deadline):
            self._reason = self._runner.broken_limit(self._task.limits, watched, self._said)
            self._tick = time.monotonic() + watch.TICK
        if watched.ended or self._reason:
            self._conclude()
        return requested

    def _conclude(self) -> None:
        """It has ended, or must: kill, reap, take what it left in the pipe."""
        assert self._watch is not None
        self._shut_stdin()
        ending = self._runner.end(self._watch)
        self._listen()
        os.close(self._stdout)
        self._stdout_open = False
        self._report = self._runner.report(ending, self._watch, self._task.limits, self._reason, self._said)

    def attend(self) -> None:
        """Return when a request has come, or when the run has ended."""
        assert self._watch is not None
        self._watch.poll.modify(self._wire.source, select.POLLIN)
        while self._report is None and not self._step(self._watch.deadline):
            pass
        if self._report is None:
            self._watch.poll.modify(self._wire.source, 0)

    def receive(self, seconds: float) -> None:
        """Reply with what it wrote since, waiting that long for the first byte."""
        until = time.monotonic() + seconds
        while self._report is None and not self._outgoing.size and self._stdout_open and time.monotonic() < until:
            self._step(until)
        size = min(self._outgoing.size, self._task.limits.output)
        ended = self._report is not None or not self._stdout_open
        self._wire.reply({"ended": ended}, self._outgoing.file, size)
        self._outgoing.reset()

    def abandon(self) -> None:
        """The host has lost interest: end it without a reply."""
        if self._report is None:
            self._reason = "killed"
            self._conclude()
        self._watch = self._report = None
        del self._task
        self._outgoing.reset()

    def finish(self, *, kill: bool) -> None:
        """Wait for its end, or bring it about, and reply as to a run."""
        if kill and self._report is None:
            self._step(time.monotonic())
            if self._report is None:
                self._reason = "killed"
                self._conclude()
        while self._report is None:
            self._step(time.monotonic() + 60)
        report, self._watch, self._report = self._report, None, None
        size = min(self._outgoing.size, self._task.limits.output)
        self._wire.reply_run(report.figures(clean=self._runner.clear()), self._outgoing.file, size)
        self._outgoing.reset()
        del self._task
