"""What a self-check tries: programs of ours that go for the host, for each other, and for more than their share.

| probe           | how                                                                                                |
|-----------------|----------------------------------------------------------------------------------------------------|
| known output    | a small program in Python (both modes) and C gives what it must                                    |
| escape          | `probes/escape.py`, in both modes: files, sockets and processes of the host; memory and descriptors|
|                 | of the agent; system calls, privileges, writes, environment; the input of an earlier program       |
| limits          | a program that takes too much: CPU, wall clock, memory, output, processes, disk, files             |
| nothing is left | `probes/leave.py` leaves files and a process; `probes/look.py`, run after it, must find neither    |

A probe that cannot be tried proves nothing, so it counts as failed.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from assay.sandbox.contract import Sandbox
from assay.sandbox.syscalls import DENIED
from assay.sandbox.types import ProgramRun, RunLimits, RunMode, RunStatus, SourceCode

_PROBES = Path(__file__).with_name("probes")
_LIMITS = RunLimits(cpu_seconds=2.0, wall_seconds=10.0, memory_bytes=256 * 2**20, output_bytes=2**20, processes=16)
_DISK_BYTES = 2**30
"""Less than this must be all that a program can write; `probes/fill.py` stops there."""
_FILES = 100_000
_UNTRIED = {"vhangup"}
"""Forbidden calls without arguments: they would do what they do where a sandbox does not hold."""
_SUM_IN_C = """\
#include <stdio.h>
int main(void) { long a, b; if (scanf("%ld %ld", &a, &b) != 2) return 1; printf("%ld\\n", a + b); return 0; }
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Probe:
    """What one probe found."""

    name: str
    ok: bool
    found: str = ""
    """What got through, or what was measured."""


def try_everything(sandbox: Sandbox) -> Iterator[Probe]:
    """Try every probe on a sandbox, which should have one worker: then a program meets what the last one left."""
    for group in (_known_output, _escape, _limits, _nothing_left):
        yield from group(sandbox)


def _known_output(sandbox: Sandbox) -> Iterator[Probe]:
    python = SourceCode(language="python", code="a, b = map(int, input().split())\nprint(a + b)\n")
    cases: list[tuple[str, SourceCode, RunMode]] = [("exec", python, "exec"), ("fork", python, "fork")]
    if "c" in sandbox.languages():
        cases.append(("C", SourceCode(language="c", code=_SUM_IN_C), "exec"))
    for label, source, mode in cases:
        run = _run(sandbox, source, b"20 22\n", mode=mode)
        ok = run.status is RunStatus.OK and run.stdout == b"42\n"
        yield Probe(name=f"known output ({label})", ok=ok, found="" if ok else _told(run))


def _escape(sandbox: Sandbox) -> Iterator[Probe]:
    source = _program("escape")
    with _host_facts() as (facts, reached):
        secret = f"assay-{secrets.token_hex(16)}"
        echo = SourceCode(language="python", code="import sys\ntext = sys.stdin.read()\nprint(len(text))\n")
        modes: tuple[RunMode, ...] = ("exec", "fork")
        for mode in modes:
            _run(sandbox, echo, (secret * 200).encode(), mode=mode)
            given = json.dumps({**facts, "secret_backwards": secret[::-1]}).encode()
            run = _run(sandbox, source, given, mode=mode)
            yield from _read_escape(run, mode)
        breaches = reached()
        yield Probe(name="nothing reached the host", ok=not breaches, found="; ".join(breaches))


def _read_escape(run: ProgramRun, mode: RunMode) -> Iterator[Probe]:
    try:
        found = json.loads(run.stdout) if run.status is RunStatus.OK else None
    except ValueError:
        found = None
    if not isinstance(found, dict) or not found:
        yield Probe(name=f"escape ({mode})", ok=False, found=f"could not be tried: {_told(run)}")
        return
    for name, breaches in found.items():
        label = f"{str(name).replace('_', ' ')} ({mode})"
        yield Probe(name=label, ok=not breaches, found="; ".join(map(str, breaches[:5])))


@contextlib.contextmanager
def _host_facts() -> Iterator[tuple[dict[str, Any], Callable[[], list[str]]]]:
    """Things on the host that no program may find, and a function that tells which of them were reached."""
    from assay.data.cache import root

    token = f"assay-probe-{secrets.token_hex(8)}"
    with contextlib.ExitStack() as stack:
        files = []
        for folder in (tempfile.gettempdir(), root()):
            with contextlib.suppress(OSError):
                Path(folder).mkdir(parents=True, exist_ok=True)
                marker = stack.enter_context(tempfile.NamedTemporaryFile(dir=folder, prefix=f".{token}-"))
                marker.write(token.encode())
                marker.flush()
                Path(marker.name).chmod(0o644)  # what keeps a program out must be the sandbox, not the file's mode
                files.append(marker.name)
        listeners = [stack.enter_context(socket.socket(family)) for family in (socket.AF_INET, socket.AF_UNIX)]
        listeners[0].bind(("127.0.0.1", 0))
        listeners[1].bind(f"\0{token}")
        for listener in listeners:
            listener.listen(1)
            listener.setblocking(False)
        sleeper = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", "import sys; sys.stdin.read()", token], stdin=subprocess.PIPE
        )
        stack.callback(_end, sleeper)

        def reached() -> list[str]:
            breaches = [] if sleeper.poll() is None else ["a process of the host was ended"]
            for listener in listeners:
                with contextlib.suppress(BlockingIOError):
                    listener.accept()[0].close()
                    breaches.append("a socket of the host was connected to")
            return breaches

        facts = {
            "token": token, "files": files, "port": listeners[0].getsockname()[1], "abstract": token,
            "calls": {
                call.name: (call.x86_64, call.aarch64, call.error) for call in DENIED if call.name not in _UNTRIED
            },
        }  # fmt: skip
        yield facts, reached


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.communicate()


def _limits(sandbox: Sandbox) -> Iterator[Probe]:
    tries: tuple[tuple[str, str, dict[str, Any], tuple[RunStatus, ...]], ...] = (
        ("CPU limit", "while True: pass", {"cpu_seconds": 0.2}, (RunStatus.TIME_LIMIT,)),
        ("wall limit", "import time; time.sleep(20)", {"wall_seconds": 0.2}, (RunStatus.TIME_LIMIT,)),
        (
            "memory limit", "print(sum(bytearray(b'1') * (1 << 29)))", {},
            (RunStatus.MEMORY_LIMIT, RunStatus.RUNTIME_ERROR),
        ),
        ("output limit", "while True: print('x' * 4096)", {"output_bytes": 1 << 16}, (RunStatus.OUTPUT_LIMIT,)),
    )  # fmt: skip
    for name, code, limits, allowed in tries:
        run = _run(sandbox, SourceCode(language="python", code=code), b"", limits=replace(_LIMITS, **limits))
        ok = run.status in allowed and len(run.stdout) <= _LIMITS.output_bytes and run.wall_seconds < 5
        yield Probe(name=name, ok=ok, found="" if ok else _told(run))
    fill = _program("fill")
    for what, most in (("processes", _LIMITS.processes), ("bytes", _DISK_BYTES - 1), ("files", _FILES - 1)):
        run = _run(sandbox, fill, b"", args=(what,))
        # A sandbox may refuse more, or end the program that asks for it.
        number = int(run.stdout) if run.stdout.strip().isdigit() else None
        ok = number <= most if number is not None else run.status is not RunStatus.OK
        yield Probe(name=f"limit of {what}", ok=ok, found="" if ok else f"got {number}, {_told(run)}")


def _nothing_left(sandbox: Sandbox) -> Iterator[Probe]:
    mark = f"mark-{secrets.token_hex(8)}"
    leave, look = _program("leave"), _program("look")
    modes: tuple[RunMode, ...] = ("exec", "fork")
    for mode in modes:
        left = _run(sandbox, leave, mark.encode(), mode=mode)
        looked = _run(sandbox, look, mark.encode(), mode=mode)
        ok = left.stdout == b"left\n" and looked.status is RunStatus.OK and looked.stdout == b"looked\n"
        told = looked if left.stdout == b"left\n" else left
        yield Probe(name=f"nothing is left ({mode})", ok=ok, found="" if ok else _told(told))


def _program(name: str) -> SourceCode:
    return SourceCode(language="python", code=(_PROBES / f"{name}.py").read_text(encoding="utf-8"))


def _run(
    sandbox: Sandbox,
    source: SourceCode,
    stdin: bytes,
    *,
    mode: RunMode = "exec",
    limits: RunLimits = _LIMITS,
    args: tuple[str, ...] = (),
) -> ProgramRun:
    with sandbox.load(source, mode=mode) as program:
        compilation = program.compilation
        if compilation is not None and compilation.status is not RunStatus.OK:
            return compilation
        return program.run(stdin, limits, args=args)


def _told(run: ProgramRun) -> str:
    """A run in words, for messages."""
    end = f"signal {run.signal}" if run.signal else f"exit code {run.exit_code}"
    said = (run.stdout[-200:] + b" " + run.stderr[-200:]).decode(errors="replace").strip()
    return f"{run.status} with {end} after {run.cpu_seconds:.2f} s of CPU, {run.wall_seconds:.2f} s; said {said!r}"
