"""How much is let in: a count of pending responses with a cap, and for a refusal an honest time to wait.

Without a cap, a slow verifier turns every client's retry into memory. The time to wait is what is pending divided by
the rate of the last checks.
"""

from __future__ import annotations

import math
import threading
import time

from assay.serving.bodies import RefusedError

_LONGEST_WAIT = 30
_WINDOW = 10.0
"""Seconds over which the rate of finished checks is taken."""


class Admission:
    """Counts pending responses. Usable from any thread."""

    def __init__(self, max_pending: int) -> None:
        self._max = max_pending
        self._lock = threading.Lock()
        self._pending = 0
        self._finished = 0
        self._since = time.monotonic()

    @property
    def pending(self) -> int:
        """Responses that are being checked or wait for it."""
        return self._pending

    def enter(self, count: int) -> None:
        """Let `count` responses in, or raise `RefusedError` (429) with the seconds after which to try again."""
        with self._lock:
            # A request larger than the cap would otherwise never be let in.
            if self._pending and self._pending + count > self._max:
                wait = self._seconds_to_wait()
                raise RefusedError(
                    429, f"{self._pending} responses are pending; the limit is {self._max}", retry_after=wait
                )
            self._pending += count

    def leave(self, count: int) -> None:
        """`count` responses are finished or given up."""
        with self._lock:
            self._pending -= count
            if time.monotonic() - self._since > _WINDOW:
                self._finished //= 2
                self._since += _WINDOW / 2
            self._finished += count

    def _seconds_to_wait(self) -> int:
        rate = self._finished / max(time.monotonic() - self._since, 1e-3)
        return min(_LONGEST_WAIT, max(1, math.ceil(self._pending / rate))) if rate else 1
