"""The host's end of the conversation with an agent: frames, read strictly and with a deadline.

A `Connection` is what a sandbox implementation provides: bytes in, bytes out, and a way to kill the other side. What
comes back over it is our own agent's as long as nobody has overcome it; should that happen, nothing it sends can do
more than be wrong: sizes are capped before anything is read, values are checked by type, and whatever does not fit
raises `SandboxError`, after which the worker is thrown away.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from assay.errors import SandboxError
from assay.sandbox.agent.wire import HEADER, MAGIC, MAGIC_RUN, MAX_JSON, RUN

CHUNK = 1 << 18


class Connection(Protocol):
    """Two byte streams to an agent, however it was started."""

    def read(self, size: int, timeout: float) -> bytes:
        """Up to `size` bytes, at least one, waiting at most `timeout` seconds.

        Empty at the end of the stream. Raises `TimeoutError`; other `OSError`s mean that the stream is lost.
        """

    def write(self, data: bytes | memoryview, timeout: float) -> None:
        """All of `data`. Raises `TimeoutError` or another `OSError`."""

    def kill(self) -> None:
        """End the other side and everything in it, now, and free what it held. Safe to call twice and at exit."""

    def diagnosis(self) -> str:
        """What is known of why it ended (its standard error, an exit status), for an error message."""


class PipeConnection:
    """A connection over two file descriptors, which it owns."""

    def __init__(self, read_fd: int, write_fd: int, kill: Callable[[], None], diagnosis: Callable[[], str]) -> None:
        self._read, self._write = read_fd, write_fd
        self._kill, self.diagnosis = kill, diagnosis
        self._readable, self._writable = select.poll(), select.poll()
        self._readable.register(read_fd, select.POLLIN)
        self._writable.register(write_fd, select.POLLOUT)
        os.set_blocking(write_fd, False)
        self._open = True
        self._afterwards: list[Callable[[], None]] = []

    def after_kill(self, work: Callable[[], None]) -> None:
        """Do this, too, when the other side has been killed."""
        self._afterwards.append(work)

    def read(self, size: int, timeout: float) -> bytes:
        """See `Connection`."""
        if not self._readable.poll(max(0.0, timeout) * 1000):
            raise TimeoutError
        return os.read(self._read, size)

    def write(self, data: bytes | memoryview, timeout: float) -> None:
        """See `Connection`."""
        view = memoryview(data)
        deadline = time.monotonic() + timeout
        while view:
            try:
                view = view[os.write(self._write, view) :]
            except BlockingIOError:
                left = deadline - time.monotonic()
                if left <= 0 or not self._writable.poll(left * 1000):
                    raise TimeoutError from None

    def kill(self) -> None:
        """See `Connection`."""
        if self._open:
            self._open = False
            try:
                self._kill()
            finally:
                os.close(self._read)
                os.close(self._write)
                for work in self._afterwards:
                    work()


class Channel:
    """Requests and replies over a connection. Any failure raises `SandboxError` and leaves it unusable."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._buffer = bytearray()
        self.failed = False

    def fail(self, why: str) -> SandboxError:
        """Mark the channel as lost; the error to raise."""
        self.failed = True
        detail = ""
        with contextlib.suppress(OSError, ValueError):
            detail = self._connection.diagnosis()
        return SandboxError(f"the sandbox's agent {why}" + (f": {detail}" if detail else ""))

    def send_raw(self, data: bytes, timeout: float = 30.0) -> None:
        """Write bytes as they are."""
        try:
            self._connection.write(data, timeout)
        except TimeoutError:
            raise self.fail(f"took nothing for {timeout:.0f} s") from None
        except OSError as error:
            raise self.fail(f"is gone ({error.strerror or error})") from None

    @staticmethod
    def frame(request: Mapping[str, Any] | None, payload: bytes = b"") -> bytes:
        """A request as it travels; None: the last run once more."""
        if request is None:
            return b"".join((HEADER.pack(MAGIC, 0, len(payload)), payload))
        body = json.dumps(request).encode()
        if len(body) > MAX_JSON:
            raise SandboxError(f"a request of {len(body)} bytes: arguments and file names may have {MAX_JSON}")
        return b"".join((HEADER.pack(MAGIC, len(body), len(payload)), body, payload))

    def send(self, request: Mapping[str, Any], payload: bytes = b"", timeout: float = 30.0) -> None:
        """Send one request."""
        self.send_raw(self.frame(request, payload), timeout)

    def _fill(self, size: int, deadline: float) -> None:
        while len(self._buffer) < size:
            try:
                part = self._connection.read(max(CHUNK, size - len(self._buffer)), deadline - time.monotonic())
            except TimeoutError:
                raise self.fail("did not answer in time") from None
            except OSError as error:
                raise self.fail(f"is gone ({error.strerror or error})") from None
            if not part:
                raise self.fail("ended")
            self._buffer += part

    def _take(self, size: int) -> bytes:
        data = bytes(memoryview(self._buffer)[:size])
        del self._buffer[:size]
        return data

    def _next(self, kind: bytes, max_body: int, max_payload: int, seconds: float) -> tuple[bytes, bytes]:
        """The next reply, which must be of that kind: its body and payload."""
        if self.failed:
            raise SandboxError("the sandbox's agent is gone")
        deadline = time.monotonic() + seconds
        self._fill(HEADER.size, deadline)
        magic, body_bytes, payload_bytes = HEADER.unpack_from(self._buffer)
        if magic == MAGIC and kind == MAGIC_RUN and body_bytes <= MAX_JSON and not payload_bytes:
            self._fill(HEADER.size + body_bytes, deadline)
            self._refused(bytes(self._buffer[HEADER.size : HEADER.size + body_bytes]))
        if magic != kind or body_bytes > max_body or payload_bytes > max_payload:
            raise self.fail(f"sent what is no reply to this ({bytes(self._buffer[:16])!r})")
        self._fill(HEADER.size + body_bytes + payload_bytes, deadline)
        self._take(HEADER.size)
        return self._take(body_bytes), self._take(payload_bytes)

    def _refused(self, body: bytes) -> dict[str, Any]:
        """A JSON body; raises where it says that the agent could not do what it was asked."""
        try:
            reply = json.loads(body)
        except ValueError:
            raise self.fail("sent what is no JSON") from None
        if not isinstance(reply, dict):
            raise self.fail("sent what is no reply")
        if "error" in reply:
            raise self.fail(f"could not do what it was asked: {str(reply.get('error'))[:500]}")
        return reply

    def receive(self, max_payload: int, seconds: float) -> tuple[dict[str, Any], bytes]:
        """The next reply in JSON, with at most `max_payload` bytes of payload, within so many seconds."""
        body, payload = self._next(MAGIC, MAX_JSON, max_payload, seconds)
        return self._refused(body), payload

    def receive_run(self, max_payload: int, seconds: float) -> tuple[tuple[Any, ...], bytes]:
        """The next reply, to a run: the fields of `agent.wire.RUN`, and the payload."""
        body, payload = self._next(MAGIC_RUN, RUN.size, max_payload, seconds)
        if len(body) != RUN.size:
            raise self.fail(f"sent a run of {len(body)} bytes")
        return RUN.unpack(body), payload

    def call(
        self, request: Mapping[str, Any], payload: bytes = b"", *, max_payload: int = 0, timeout: float = 30.0
    ) -> tuple[dict[str, Any], bytes]:
        """Send a request and wait for its reply."""
        self.send(request, payload, timeout)
        return self.receive(max_payload, timeout)
