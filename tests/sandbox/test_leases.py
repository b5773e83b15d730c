"""The pool: one program per worker at a time, replacement, the compile cache, threads."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.sandbox.conftest import open_native

from assay import RunLimits, RunStatus, SandboxError, SourceCode, UsageError
from assay.sandbox.leases import ArtefactCache, WorkerSandbox
from assay.sandbox.native import NativeSandbox
from assay.sandbox.unsafe import UnsafeSandbox

LIMITS = RunLimits(cpu_seconds=10.0, wall_seconds=30.0)
SAY_PID = SourceCode(language="python", code="import os\nprint(os.getppid())")


@pytest.fixture
def sandbox() -> Iterator[WorkerSandbox]:
    """Two workers, each for three programs; native where it runs."""
    opened: WorkerSandbox
    try:
        opened = open_native(workers=2, recycle_after=3)  # type: ignore[assignment]
        opened.languages()
    except (SandboxError, pytest.skip.Exception):
        opened = UnsafeSandbox(workers=2, recycle_after=3)
    with opened:
        yield opened


def echo(text: str) -> SourceCode:
    return SourceCode(language="python", code=f"print({text!r} + input())")


def test_programs_run_in_parallel_and_get_their_own_answers(sandbox: WorkerSandbox) -> None:
    def one(number: int) -> bool:
        with sandbox.load(echo(f"{number}-"), mode="fork" if number % 2 else "exec") as program:
            runs = list(program.run_many([f"{i}".encode() for i in range(4)], LIMITS))
        return [run.stdout.decode() for run in runs] == [f"{number}-{i}\n" for i in range(4)]

    with ThreadPoolExecutor(6) as threads:
        assert all(threads.map(one, range(24)))
    assert len(sandbox._alive) <= 2


def test_as_many_workers_as_allowed_and_never_more(sandbox: WorkerSandbox) -> None:
    inside, most = 0, 0
    lock = threading.Lock()
    both = threading.Barrier(2)

    def one(_: int) -> None:
        nonlocal inside, most
        with sandbox.load(SAY_PID):
            with lock:
                inside += 1
                most = max(most, inside)
            both.wait(timeout=60)  # ends only when two are inside at once
            with lock:
                inside -= 1

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(one, range(12)))
    assert most == 2


def test_workers_are_replaced_after_their_number_of_programs(sandbox: WorkerSandbox) -> None:
    seen = []
    for _ in range(7):
        with sandbox.load(SAY_PID) as program:
            program.run(b"", LIMITS)
            seen.append(id(program._worker))
            workers = program._worker.programs
        assert workers <= 3
    assert len(sandbox._alive) <= 2


def test_a_worker_that_dies_is_our_failure_and_is_replaced(sandbox: WorkerSandbox) -> None:
    def die_after_one() -> None:
        with sandbox.load(echo("a")) as program:
            assert program.run(b"1", LIMITS).stdout == b"a1\n"
            program._worker._connection.kill()
            program.run(b"1", LIMITS)

    with pytest.raises(SandboxError):
        die_after_one()
    with sandbox.load(echo("b")) as program:
        assert program.run(b"1", LIMITS).stdout == b"b1\n"


def test_an_agent_killed_from_outside_in_the_middle_of_a_run() -> None:
    sandbox = UnsafeSandbox()
    with sandbox:
        with (
            pytest.raises(SandboxError, match="agent"),
            sandbox.load(
                SourceCode(
                    language="python",
                    code="import os, signal, time\nos.kill(os.getppid(), signal.SIGKILL)\ntime.sleep(9)",
                )
            ) as program,
        ):
            program.run(b"", LIMITS)
        with sandbox.load(echo("next ")) as program:
            assert program.run(b"1", LIMITS).stdout == b"next 1\n"


def test_an_exception_of_the_caller_leaves_the_pool_whole(sandbox: WorkerSandbox) -> None:
    for _ in range(5):
        with pytest.raises(KeyError), sandbox.load(echo("x")):
            raise KeyError
    with sandbox.load(echo("y")) as program:
        assert program.run(b"", LIMITS).status is RunStatus.RUNTIME_ERROR  # no input: EOFError


def test_unknown_languages_are_named_with_what_there_is(sandbox: WorkerSandbox) -> None:
    with pytest.raises(UsageError, match=r"'cobol'.*python"), sandbox.load(SourceCode(language="cobol", code="")):
        pass
    with sandbox.load(SourceCode(language=" Python3 ", code="print(1)")) as program:
        assert program.run(b"", LIMITS).stdout == b"1\n"


def test_a_closed_sandbox_refuses_and_closes_twice(sandbox: WorkerSandbox) -> None:
    sandbox.languages()
    sandbox.close()
    sandbox.close()
    with pytest.raises(SandboxError, match="closed"), sandbox.load(SAY_PID):
        pass
    assert not sandbox._alive


def test_bad_options_are_refused() -> None:
    with pytest.raises(UsageError, match="workers=0"):
        NativeSandbox(workers=0)


def test_what_was_compiled_is_kept_on_the_host_and_reloaded(sandbox: WorkerSandbox) -> None:
    if "c" not in sandbox.languages():
        pytest.skip("no gcc here")
    source = SourceCode(language="c", code='#include <stdio.h>\nint main(){puts("once");}')
    with sandbox.load(source) as program:
        assert program.compilation is not None
    for _ in range(4):  # over more than one worker: each is replaced after three programs
        with sandbox.load(source) as program:
            assert program.compilation is None
            assert program.run(b"", LIMITS).stdout == b"once\n"
    changed = SourceCode(language="c", code=source.code, files={"unused.h": b""})
    with sandbox.load(changed) as program:
        assert program.compilation is not None


def test_the_cache_is_bounded_and_forgets_the_oldest() -> None:
    cache = ArtefactCache(max_bytes=1000)
    for name in "abcde":
        cache.put(name, {"main": name.encode() * 200})
    cache.get("a")
    cache.put("f", {"main": b"f" * 200})
    assert cache.get("a") is not None
    assert cache.get("b") is None
    cache.put("huge", {"main": b"x" * 900})
    assert cache.get("huge") is None
    assert cache._bytes == 1000


def test_a_failed_compilation_is_not_cached(sandbox: WorkerSandbox) -> None:
    if "c" not in sandbox.languages():
        pytest.skip("no gcc here")
    for _ in range(2):
        with sandbox.load(SourceCode(language="c", code="int main(){")) as program:
            assert program.compilation is not None
            assert program.compilation.status is not RunStatus.OK


def test_the_sandbox_without_isolation_says_so_loudly(capsys: pytest.CaptureFixture[str]) -> None:
    with UnsafeSandbox() as sandbox:
        assert sandbox.description["isolation"] == "none"
        assert sandbox.name == "none-i-accept-the-risk"
    with UnsafeSandbox():
        pass
    assert capsys.readouterr().err.count("WITHOUT ANY ISOLATION") == 2


def test_without_isolation_leftovers_are_still_ended() -> None:
    code = "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(60)\nelse:\n    print('parent')"
    with UnsafeSandbox() as sandbox, sandbox.load(SourceCode(language="python", code=code)) as program:
        assert program.run(b"", LIMITS).stdout == b"parent\n"
        agent = next(iter(sandbox._alive))
        assert not agent.stained


def test_signals_to_the_host_do_not_reach_the_agent(sandbox: WorkerSandbox) -> None:
    sandbox.languages()
    received: list[int] = []
    old = signal.signal(signal.SIGUSR1, lambda number, _: received.append(number))
    try:
        with sandbox.load(SAY_PID) as program:
            os.kill(os.getpid(), signal.SIGUSR1)
            assert program.run(b"", LIMITS).status is RunStatus.OK
    finally:
        signal.signal(signal.SIGUSR1, old)
    assert received == [signal.SIGUSR1]
