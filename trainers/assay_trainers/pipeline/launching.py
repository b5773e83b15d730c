"""Stages in processes of their own: `accelerate launch … -m assay train KIND FILE`."""

from __future__ import annotations

import ctypes
import shlex
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from assay import AssayError, UsageError

_STOPPED = 130
_PR_SET_PDEATHSIG = 1


class StageFailedError(AssayError):
    """A stage's processes ended with an error of their own; what they said stands above."""


def launch(command: str, kind: str, config: Path) -> bool:
    """Run a trainer by a launcher; False where it was asked to stop.

    The processes get SIGTERM when this one is interrupted, and end with it when it is killed (on Linux).

    Raises:
        UsageError: There is no such launcher.
        StageFailedError: It failed.
    """
    parts = [*shlex.split(command), "-m", "assay", "train", kind, str(config)]
    try:
        process = subprocess.Popen(parts, preexec_fn=_die_with_parent if sys.platform == "linux" else None)  # noqa: PLW1509  # one system call
    except OSError as error:
        raise UsageError(f"cannot start {parts[0]!r}: {error.strerror}. Mend `launch` in the recipe") from error
    return _ended(process, parts)


def _ended(process: subprocess.Popen[bytes], parts: Sequence[str]) -> bool:
    try:
        code = process.wait()
    except BaseException:
        process.send_signal(signal.SIGTERM)
        process.wait()
        raise
    if code not in (0, _STOPPED):
        raise StageFailedError(f"{shlex.join(parts)} ended with exit code {code}; the same command goes on from there")
    return code == 0


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
