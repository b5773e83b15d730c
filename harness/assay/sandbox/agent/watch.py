"""Watching one run: its end, its standard error, the clock, and what all of its processes use together.

The kernel's limits are for one process each. A run of many processes is measured every `TICK` seconds: processor time
and memory summed over what lives, the number of tasks, the bytes written. A short run ends before the first tick and
costs nothing of this.

The wall clock is for programs that sleep or wait. One that would run, and waits for a processor because the machine is
busy, is not at fault: the kernel tells for how long it waited so, and the limit is put off by that.

Processor time of children that nobody waits for is lost to the kernel's own sums, so what was seen of each process is
kept until the run's end: only what it used after it was seen last escapes.
"""

from __future__ import annotations

import os
import select
import time

from . import wire

TICK = 0.05
MOST_STARVED = 10.0
"""Seconds at most by which a wall limit is put off; the host waits for twice as long before it gives an agent up."""
_PAGE = os.sysconf("SC_PAGE_SIZE")
_CLOCK = os.sysconf("SC_CLK_TCK")


class Usage:
    """What the living processes of a run use together."""

    def __init__(self) -> None:
        self.cpu, self.memory, self.tasks = 0.0, 0, 0
        self.largest = 0
        """Memory of the process that has most."""


class Census:
    """Finds the processes of a run: in a sandbox all but those that were there before, else all descendants."""

    def __init__(self, page: wire.Page, *, descendants: bool) -> None:
        self._page = page
        self._descendants = descendants
        self.ours = set(self._listed())
        """Processes that belong to no program: the agent, a template."""
        self._seen: dict[tuple[int, bytes], float] = {}
        """Processor time of each process of this run, by its id and when it began, when it was seen last."""

    def forget(self) -> None:
        """Begin a new run."""
        self._seen.clear()

    @staticmethod
    def _listed() -> list[int]:
        try:
            return [int(name) for name in os.listdir("/proc") if name.isdigit()]
        except OSError:
            return []

    def processes(self) -> list[int]:
        """Their ids, now."""
        if not self._descendants:
            return [pid for pid in self._listed() if pid not in self.ours]
        found: list[int] = []
        todo = [os.getpid()]
        while todo:
            pid = todo.pop()
            try:
                with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
                    children = [int(word) for word in file.read().split()]
            except OSError:
                continue
            found += children
            todo += children
        return found

    def starved(self) -> float:
        """Seconds that a process of the run has waited for a processor, of the one that waited longest."""
        longest = 0
        for pid in self.processes():
            try:
                with open(f"/proc/{pid}/schedstat", "rb") as file:
                    longest = max(longest, int(file.read(100).split()[1]))
            except (OSError, IndexError, ValueError):  # it has ended, or this kernel does not count it
                continue
        return min(longest / 1e9, MOST_STARVED)

    def usage(self) -> Usage:
        """Sums over the living. A process that ends meanwhile is left out."""
        total = Usage()
        view = self._page.view
        for pid in self.processes():
            try:
                file = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
            except OSError:
                continue
            try:
                count = os.readv(file, [view[:1024]])
            except OSError:
                continue
            finally:
                os.close(file)
            # The name in parentheses is the program's to choose and must not come into our memory; it ends within
            # the first 40 bytes (7 digits, 2 blanks, 15 bytes, 2 parentheses).
            end = next((i for i in range(min(count, 40) - 1, 0, -1) if view[i] == 0x29), 0)
            fields = bytes(view[end + 2 : count]).split()
            if len(fields) < 22 or fields[0] in (b"Z", b"X"):
                continue
            total.cpu += sum(int(field) for field in fields[11:15]) / _CLOCK
            self._seen[pid, fields[19]] = (int(fields[11]) + int(fields[12])) / _CLOCK
            total.tasks += int(fields[17])
            memory = int(fields[21]) * _PAGE
            total.memory += memory
            total.largest = max(total.largest, memory)
        # The first sum has the children that were waited for, the second those that were seen.
        total.cpu = max(total.cpu, sum(self._seen.values()))
        return total


class Watch:
    """The watch over one run."""

    def __init__(self, pid: int, channel: wire.Wire, stderr: int, seconds: float, *, end: int = -1) -> None:
        """Watch a process, or, where its parent is another, a descriptor `end` that is readable when it has ended."""
        self.pid, self._page, self._stderr = pid, channel.page, stderr
        self._host = channel.source
        self.started = time.monotonic()
        self.starved = 0.0
        """Seconds that the run was found to have waited for a processor, when its time was over."""
        self._seconds = seconds
        self.ended = False
        self.poll = select.poll()
        self.poll.register(stderr, select.POLLIN)
        self.poll.register(self._host, 0)  # nothing but its end
        self._owned = end < 0
        self._end = end
        try:
            if self._owned:
                self._end = os.pidfd_open(pid)
            self.poll.register(self._end, select.POLLIN)
        except OSError:  # a kernel, or gVisor, that has no pidfd
            self._end = -1
        self._page.clear_tail()

    @property
    def deadline(self) -> float:
        """When its time is over by the clock."""
        return self.started + self._seconds + self.starved

    @property
    def wall(self) -> float:
        """Seconds that it has taken so far, but those for which it was starved."""
        return time.monotonic() - self.started - self.starved

    def close(self) -> None:
        """Close what was opened here."""
        if self._owned and self._end >= 0:
            os.close(self._end)

    def step(self, seconds: float) -> list[tuple[int, int]]:
        """Wait up to that long for something to happen; events of descriptors that others registered.

        Sets `ended` when the process has ended (and is not reaped yet).
        """
        if self._end < 0:
            seconds = min(seconds, 0.002)
        others = []
        for descriptor, event in self.poll.poll(max(0.0, seconds) * 1000):
            if descriptor == self._end:
                self.ended = True
            elif descriptor == self._stderr:
                self._drain_once()
            elif descriptor == self._host and not event & select.POLLIN:
                raise wire.StreamEnded
            else:
                others.append((descriptor, event))
        if self._end < 0:
            flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
            self.ended = self.ended or os.waitid(os.P_PID, self.pid, flags) is not None
        return others

    def _drain_once(self) -> None:
        """Take what stands in the pipe, of which poll has said that it is not empty."""
        count = self._page.read(self._stderr)
        if count:
            self._page.keep_tail(count)
        else:
            self.poll.unregister(self._stderr)

    def drain(self) -> None:
        """What is left of standard error, when nothing should write to it any more."""
        for _ in range(64):
            if not any(descriptor == self._stderr for descriptor, _ in self.poll.poll(0)):
                return
            self._drain_once()
