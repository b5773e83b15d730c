"""What ends a run before its last step: a request from outside, or something that must not be learned from."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from assay import AssayError


class StopTrainingError(AssayError):
    """What was found must not be learned from: the run ends before, or right after, the step it was found in."""


class StopRequestedError(Exception):
    """The run was asked to stop in the middle of a step; nothing has been learned in it."""


@contextmanager
def on_sigterm(stop: threading.Event) -> Iterator[None]:
    """Set `stop` at the first SIGTERM; only the main thread may set handlers."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda *_: stop.set())
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
