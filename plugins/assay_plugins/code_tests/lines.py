"""Lines of JSON to and from a run that is talked to."""

from __future__ import annotations

import json
import time
from typing import Any, Protocol

_MAX_LINE = 16 * 2**20


class _Talks(Protocol):
    def send(self, data: bytes) -> None: ...

    def receive(self, timeout: float) -> bytes: ...

    @property
    def ended(self) -> bool: ...


class Ended(Exception):  # noqa: N818  # an event, not an error
    """The other side has ended without a whole line."""


class Silent(Exception):  # noqa: N818  # an event, not an error
    """The other side said nothing until the deadline."""


class Garbled(Exception):  # noqa: N818  # an event, not an error
    """The other side said what is no line of JSON, or too long a one."""


class Lines:
    """A live run, read line by line."""

    def __init__(self, run: _Talks, *, max_line: int = _MAX_LINE) -> None:
        self._run = run
        self._buffer = bytearray()
        self._max_line = max_line

    def send(self, message: Any) -> None:
        """Send one line."""
        self._run.send(json.dumps(message).encode("ascii") + b"\n")

    def receive(self, deadline: float) -> dict[str, Any]:
        """The next line, an object. Raises `Ended`, `Silent` (by `time.monotonic()`) or `Garbled`."""
        searched = 0
        while True:
            end = self._buffer.find(b"\n", searched)
            if end >= 0:
                line = bytes(self._buffer[:end])
                del self._buffer[: end + 1]
                return _parsed(line)
            searched = len(self._buffer)
            if searched > self._max_line:
                raise Garbled(f"a line of more than {self._max_line} bytes")
            left = deadline - time.monotonic()
            if left <= 0:
                raise Silent
            data = self._run.receive(min(left, 5.0))
            if not data and self._run.ended:
                raise Ended
            self._buffer += data


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise Garbled(f"no JSON: {type(error).__name__}") from None
    if not isinstance(value, dict):
        raise Garbled("no object")
    return value
