"""A fixed piece of work of the same kind as judging a small program, to tell a slower machine from a slower judge.

    with Reference() as reference:
        seconds = reference.work(30)

One run forks a Python process that has a few modules loaded, runs a small program in the child with its input in a
memory file and its output in a pipe, and waits: what fork mode does, without a sandbox, a protocol or a verifier.
Whatever slows that (caches and memory shared with other work, the clock of the processor) slows judging alike. Each
`Reference` is a process of its own, so nothing that a long test leaves in its own process can slow it down.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from types import TracebackType
from typing import Self

CODE = "a, b = map(int, input().split())\nprint(a + b)\n"


class Reference:
    """The process that does the work."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.work(5)  # what only the first runs pay

    def work(self, runs: int) -> float:
        """Do that many runs; the processor seconds that they took."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{runs}\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate("", timeout=30)
        assert self._process.returncode == 0


def _run_once(code: object) -> None:
    source = os.memfd_create("stdin")
    os.write(source, b"17 25\n")
    os.lseek(source, 0, os.SEEK_SET)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(source, 0)
        os.dup2(write, 1)
        sys.stdin, sys.stdout = open(0, closefd=False), open(1, "w", closefd=False)  # noqa: SIM115
        exec(code, {"__name__": "__main__"})  # type: ignore[call-overload]
        sys.stdout.flush()
        os._exit(0)
    os.close(write)
    os.close(source)
    said = os.read(read, 100)
    os.close(read)
    assert os.waitpid(child, 0)[1] == 0
    assert said == b"42\n"


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def main() -> None:
    """Serve `Reference.work`."""
    import collections  # noqa: F401  for the size of what is forked
    import decimal  # noqa: F401
    import random  # noqa: F401
    import re  # noqa: F401

    code = compile(CODE, "main.py", "exec")
    for line in sys.stdin:
        before = _cpu()
        for _ in range(int(line)):
            _run_once(code)
        print(_cpu() - before, flush=True)


if __name__ == "__main__":
    main()
