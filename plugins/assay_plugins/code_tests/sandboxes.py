"""The sandbox of this process: opened for the first check that needs one, closed when the process ends.

Every worker of a verification pool has its own, with two workers of which the second only starts for problems that
have a checker, an interactor or tests to run. A worker of the pool that is killed takes its sandbox with it: the
sandbox's processes end when their connection does.
"""

from __future__ import annotations

import atexit
import os
import threading
import warnings
from contextlib import suppress

from assay import Sandbox, open_sandbox
from assay_plugins.code_tests.bench import measured_time_factor, own_memory_limit_lifted

LEASES = 2
_lock = threading.Lock()
_open: dict[tuple[int, str], Sandbox] = {}
_factors: dict[tuple[int, str], float] = {}


def sandbox_for(kind: str) -> Sandbox:
    """The sandbox of that kind, opened on first use. Raises `SandboxError` where there is none, with the remedy."""
    key = (os.getpid(), kind)  # a forked child must not speak through its parent's connections
    with _lock:
        if key not in _open:
            if not _open:
                atexit.register(close_all)
            with own_memory_limit_lifted(), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # said once, in the process that runs the evaluation
                _open[key] = open_sandbox(kind, workers=LEASES)
        return _open[key]


def time_factor_of(kind: str) -> float:
    """How slow this machine is in that sandbox, measured once for each process."""
    key = (os.getpid(), kind)
    if key not in _factors:
        _factors[key] = measured_time_factor(sandbox_for(kind))
    return _factors[key]


def close_all() -> None:
    """Close the sandboxes that this process has opened."""
    with _lock:
        mine = [key for key in _open if key[0] == os.getpid()]
        for key in mine:
            with suppress(Exception):
                _open.pop(key).close()
