"""The byte streams of a container: one hijacked connection to the Docker daemon, attached before the container starts.

What is written goes to the standard input of the container's first process as it is. What comes back is Docker's
multiplexed form: a header of 8 bytes (1 for output, 2 for error output; three zeros; the length, big-endian) before
each piece. Output is handed out as a plain stream; the end of the error output is kept for messages.

Every wait has a bound. While a write waits, what arrives is taken in, so that both sides never wait for each other.
A header that is none, and more unread output than `_MAX_UNREAD`, are an `OSError`: the stream is lost.
"""

from __future__ import annotations

import contextlib
import errno
import select
import socket
import struct
import time
from collections import deque

_HEADER = struct.Struct(">BxxxI")
_CHUNK = 1 << 18
"""Bytes asked for at a time; the daemon sends pieces of 32 KiB, so that several arrive by one call."""
_MAX_PIECE = 1 << 24
"""A longer piece is taken for a broken stream: Docker's own copies are of 32 KiB."""
_MAX_UNREAD = 1 << 29
"""Bytes that may wait unread: a window of runs with the largest outputs fits; a container gone mad is cut off."""
_KEPT_ERRORS = 1 << 14


class AttachedStream:
    """Standard streams of a container over a connected socket, which it owns. For one thread at a time."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self._socket = connection
        self._poll = select.poll()
        self._pieces: deque[memoryview] = deque()
        self._unread = 0
        self._header = bytearray()
        self._left = 0
        self._kind = 1
        self._errors = bytearray()
        self._ended = False

    @property
    def errors(self) -> str:
        """The last 16 KiB of the container's error output, for messages."""
        return self._errors.decode(errors="replace").strip()

    def read(self, size: int, timeout: float) -> bytes:
        """Up to `size` bytes of output, at least one; empty at the end of the stream.

        Raises:
            TimeoutError: Nothing came within `timeout` seconds.
            OSError: The stream is lost.
        """
        deadline = time.monotonic() + timeout
        while not self._pieces and not self._ended:
            self._receive()
            if not self._pieces and not self._ended:
                self._wait(select.POLLIN, deadline)
        taken = bytearray()
        while self._pieces and len(taken) < size:
            piece = self._pieces.popleft()
            room = size - len(taken)
            if len(piece) > room:
                self._pieces.appendleft(piece[room:])
                piece = piece[:room]
            taken += piece
        self._unread -= len(taken)
        return bytes(taken)

    def write(self, data: bytes | memoryview, timeout: float) -> None:
        """Write all of `data` to the container's standard input.

        Raises:
            TimeoutError: It was not taken within `timeout` seconds.
            OSError: The stream is lost, or the container has ended.
        """
        deadline = time.monotonic() + timeout
        rest = memoryview(data).cast("B")
        while rest:
            try:
                rest = rest[self._socket.send(rest) :]
            except BlockingIOError:
                if self._wait(select.POLLIN | select.POLLOUT, deadline) & select.POLLIN:
                    self._receive()
            if self._ended:
                raise BrokenPipeError(errno.EPIPE, "the container has ended")

    def lost(self) -> bool:
        """Whether the other side is known to have ended. Waits for nothing."""
        try:
            self._receive()
        except OSError:
            return True
        return self._ended

    def close(self) -> None:
        """End the connection: Docker then ends the container's standard input. Safe to call twice."""
        with contextlib.suppress(OSError):  # the other side was first
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _wait(self, events: int, deadline: float) -> int:
        self._poll.register(self._socket, events)
        ready = self._poll.poll(max(deadline - time.monotonic(), 0.0) * 1000)
        if not ready:
            raise TimeoutError
        return ready[0][1]

    def _receive(self) -> None:
        """Take in what has arrived, without waiting."""
        try:
            data = self._socket.recv(_CHUNK)
        except BlockingIOError:
            return
        self._ended = not data
        view = memoryview(data)
        while view:
            if not self._left:
                view = self._take_header(view)
                continue
            piece, view = view[: self._left], view[self._left :]
            self._left -= len(piece)
            if self._kind == 2:
                self._errors += piece
                del self._errors[:-_KEPT_ERRORS]
            else:
                self._pieces.append(piece)
                self._unread += len(piece)
        if self._unread > _MAX_UNREAD:
            raise OSError(errno.EMSGSIZE, "the container sent more than was asked for")

    def _take_header(self, view: memoryview) -> memoryview:
        missing = _HEADER.size - len(self._header)
        self._header += view[:missing]
        if len(self._header) == _HEADER.size:
            self._kind, self._left = _HEADER.unpack(self._header)
            if self._kind not in (1, 2) or self._header[1:4] != b"\0\0\0" or self._left > _MAX_PIECE:
                raise OSError(errno.EPROTO, f"the stream from Docker is broken: header {bytes(self._header)!r}")
            self._header.clear()
        return view[missing:]
