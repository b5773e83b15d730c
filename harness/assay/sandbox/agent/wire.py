"""Frames between host and agent, and the page through which payloads pass.

A frame is a header (magic, length of the JSON, length of the payload), a JSON object, and the payload's bytes. The
host begins; each request has exactly one reply, in order. Everything is read in exactly the size announced, so
nothing of the next frame is ever in our memory, and a length beyond its cap ends the conversation.
"""

from __future__ import annotations

import json
import mmap
import os
import select
import struct
import time
from typing import Any

HEADER = struct.Struct("<4sIQ")
MAGIC = b"ASY1"
MAGIC_RUN = b"ASR1"
RUN = struct.Struct("<BBhhddQQ")
"""The reply to a run, in place of JSON: reason (index in `REASONS`), clean, exit status (-1: none), signal (-1: none),
processor seconds, wall seconds, peak bytes, bytes of standard output in the payload; the rest is the end of stderr."""
REASONS = ("", "wall", "cpu", "memory", "output", "processes", "killed", "trouble")
MAX_JSON = 1 << 20
MAX_PAYLOAD = 1 << 32
PAGE_BYTES = 1 << 20
TAIL_BYTES = 16 << 10
"""How much of standard error is kept: its last bytes."""

HELD_BYTES = 64 << 10
HELD_SECONDS = 0.02
"""Replies to runs are held while further requests are already here, up to so many bytes and so long (and one run):
each writing wakes the host, and on Docker's way to it two more processes."""


class StreamEnded(Exception):  # noqa: N818 - the normal end of a conversation
    """The other side closed its stream, or sent what is no frame: there is nobody left to serve."""


class Page:
    """One buffer that a fork does not inherit; all payloads go through it and none through the heap.

    Its end holds the tail of the running program's standard error, moved there by `keep_tail`.
    """

    def __init__(self) -> None:
        self._map = mmap.mmap(-1, PAGE_BYTES + 2 * TAIL_BYTES + HELD_BYTES)
        self._map.madvise(mmap.MADV_DONTFORK)
        view = memoryview(self._map)
        self.view = view[:PAGE_BYTES]
        self._tail = view[PAGE_BYTES : PAGE_BYTES + 2 * TAIL_BYTES]
        self.held = view[PAGE_BYTES + 2 * TAIL_BYTES :]
        self._kept = 0

    def move(self, source: int, target: int, size: int) -> None:
        """Copy exactly `size` bytes from one descriptor to another; raises `StreamEnded` when the source has fewer."""
        while size:
            count = os.readv(source, [self.view[: min(size, PAGE_BYTES)]])
            if not count:
                raise StreamEnded
            write_all(target, self.view[:count])
            size -= count

    def read(self, source: int) -> int:
        """Read what there is into the page; the number of bytes, 0 at the end."""
        return os.readv(source, [self.view])

    def clear_tail(self) -> None:
        """Forget what was kept of standard error."""
        self._kept = 0

    def keep_tail(self, count: int) -> None:
        """Append the first `count` bytes of the page to the tail, which keeps the last `TAIL_BYTES`."""
        if count >= TAIL_BYTES:
            self._tail[:TAIL_BYTES] = self.view[count - TAIL_BYTES : count]
            self._kept = TAIL_BYTES
            return
        excess = max(0, self._kept + count - TAIL_BYTES)
        if excess:
            self._map.move(PAGE_BYTES, PAGE_BYTES + excess, self._kept - excess)
            self._kept -= excess
        self._tail[self._kept : self._kept + count] = self.view[:count]
        self._kept += count

    @property
    def tail(self) -> memoryview:
        """The kept end of standard error."""
        return self._tail[: self._kept]


def write_all(target: int, view: memoryview) -> None:
    """Write all of `view`, waiting where the descriptor is a full pipe."""
    while view:
        view = view[os.write(target, view) :]


class Wire:
    """The agent's end of the streams."""

    def __init__(self, source: int, target: int, page: Page) -> None:
        self.source, self.target, self.page = source, target, page
        self._held = 0
        self._held_since = 0.0
        self._waiting = select.poll()
        self._waiting.register(source, select.POLLIN)
        self.unread = 0
        """Bytes of the current request's payload that have not been taken yet."""

    def _read(self, size: int) -> bytes:
        data = os.read(self.source, size)
        while len(data) < size:
            part = os.read(self.source, size - len(data))
            if not part:
                raise StreamEnded
            data += part
        return data

    def receive(self) -> dict[str, Any] | None:
        """The next request's JSON, None where it has none. Its payload follows in `take` and `drop`."""
        magic, json_bytes, self.unread = HEADER.unpack(self._read(HEADER.size))
        if magic != MAGIC or json_bytes > MAX_JSON or self.unread > MAX_PAYLOAD:
            raise StreamEnded
        if not json_bytes:
            return None
        request = json.loads(self._read(json_bytes))
        if not isinstance(request, dict):
            raise StreamEnded
        return request

    def take(self, target: int, size: int) -> None:
        """Move the next `size` bytes of the payload into a descriptor."""
        if size > self.unread:
            raise StreamEnded
        self.unread -= size
        left = size
        while left:
            count = os.readv(self.source, [self.page.view[: min(left, PAGE_BYTES)]])
            if not count:
                raise StreamEnded
            left -= count
            try:
                write_all(target, self.page.view[:count])
            except OSError:
                self.unread += left
                raise

    def take_bytes(self, size: int) -> bytes:
        """The next `size` bytes of the payload, for what is no program's (the system call filter)."""
        if size > self.unread:
            raise StreamEnded
        self.unread -= size
        return self._read(size)

    def drop(self) -> None:
        """Read the rest of the payload and forget it."""
        while self.unread:
            count = os.readv(self.source, [self.page.view[: min(self.unread, PAGE_BYTES)]])
            if not count:
                raise StreamEnded
            self.unread -= count

    def reply(self, answer: dict[str, Any], descriptor: int = -1, size: int = 0) -> None:
        """Send a reply: its JSON, then the first `size` bytes of a file."""
        self.flush()
        body = json.dumps(answer).encode()
        self._send(HEADER.pack(MAGIC, len(body), size) + body, descriptor, size, self.page.view[:0])

    def reply_run(self, figures: tuple[Any, ...], descriptor: int, size: int) -> None:
        """Send the reply to a run: its figures, the first `size` bytes of its output, the kept end of stderr."""
        tail = self.page.tail
        head = HEADER.pack(MAGIC_RUN, RUN.size, size + len(tail)) + RUN.pack(*figures, size)
        more = not self.unread and self._waiting.poll(0)
        if not self._hold(head, descriptor, size, tail, first=bool(more)):
            self.flush()
            self._send(head, descriptor, size, tail)
        elif not more or time.monotonic() - self._held_since > HELD_SECONDS:
            self.flush()

    def _hold(self, head: bytes, descriptor: int, size: int, end: memoryview, *, first: bool) -> bool:
        """Put a reply behind those that are held, or begin to hold (`first`); whether it was done."""
        begin, stop = self._held + len(head), self._held + len(head) + size
        if stop + len(end) > HELD_BYTES or not (self._held or first):
            return False
        if not self._held:
            self._held_since = time.monotonic()
        held = self.page.held
        held[self._held : begin] = head
        if size and os.preadv(descriptor, [held[begin:stop]], 0) != size:
            raise StreamEnded
        held[stop : stop + len(end)] = end
        self._held = stop + len(end)
        return True

    def flush(self) -> None:
        """Send the replies that are held."""
        if self._held:
            write_all(self.target, self.page.held[: self._held])
            self._held = 0

    def _send(self, head: bytes, descriptor: int, size: int, end: memoryview) -> None:
        """One system call for the common, small reply; page by page for others."""
        view = self.page.view
        if size > PAGE_BYTES:
            write_all(self.target, memoryview(head))
            offset = 0
            while offset < size:
                count = os.preadv(descriptor, [view[: min(size - offset, PAGE_BYTES)]], offset)
                if not count:  # it shrank under us, which nobody but us can make it do
                    raise StreamEnded
                write_all(self.target, view[:count])
                offset += count
            write_all(self.target, end)
            return
        if size and os.preadv(descriptor, [view[:size]], 0) != size:
            raise StreamEnded
        views = [memoryview(head), view[:size], end]
        sent = os.writev(self.target, views)
        for part in views:
            if sent < len(part):
                write_all(self.target, part[sent:])
            sent = max(0, sent - len(part))
