"""Things break under the judge: workers, containers, the daemon, the host process, the disk.

Whatever breaks, the verdict on a program is right or says that the judge failed, never another; afterwards everything
works, and nothing is left behind. tests/sandbox/test_docker.py breaks the docker sandbox by itself; here the verifier
is on top, judging while things break again and again.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.attacks.host_watch import descendants
from tests.conftest import ROOT
from tests.sandbox.conftest import OwnDaemon, open_docker, open_native

import assay
from assay import Completion, Outcome, Problem, Sandbox, SandboxError, SourceCode, Verdict
from assay_plugins.code_tests.sandboxes import close_all, sandbox_for

RIGHT = "import time\na, b = map(int, input().split())\ntime.sleep(0.02)\nprint(a + b)\n"
WRONG = RIGHT.replace("a + b", "a - b")
BROKEN = RIGHT.replace("print(a + b)", "raise ValueError")
ENDLESS = "while True:\n    pass\n"
STATUS = {RIGHT: "accepted", WRONG: "wrong_answer", BROKEN: "runtime_error"}
TESTS = [{"input": f"{i} {i + 1}\n", "output": f"{2 * i + 1}\n"} for i in range(6)]
PROBLEM = Problem(
    id="p", prompt=(), reference={"kind": "stdin", "tests": TESTS, "time_limit": 5.0}, verifier="code_tests"
)


@pytest.fixture(params=["native", "docker"])
def kind(request: pytest.FixtureRequest) -> Iterator[str]:
    """Each kind of sandbox, with the verifier's own sandboxes of this process closed before and after."""
    (open_native if request.param == "native" else open_docker)().close()
    close_all()
    yield request.param
    close_all()


def verdict_on(code: str, kind: str, mode: str = "fork") -> Any:
    """What the verifier says."""
    verifier: Any = assay.get_verifier("code_tests", sandbox=kind, mode=mode)
    return verifier.verify(PROBLEM, Completion(text=f"<think>\n</think>\n```python\n{code}```\n"))


def agents(kind: str) -> list[int]:
    """Process ids, here, of what runs the programs of this process."""
    if kind == "native":
        return list(descendants(os.getpid()))
    sandbox: Any = sandbox_for("docker")
    with sandbox.daemon.client("looking") as api:
        found = []
        for container in sandbox.daemon.containers():
            with contextlib.suppress(Exception):  # it may be gone by now
                found.append(int(api.inspect_container(container)["State"]["Pid"]))
    return [pid for pid in found if pid > 0]


@pytest.mark.timeout(180)
@pytest.mark.parametrize("mode", ["fork", pytest.param("exec", marks=pytest.mark.attacks_full)])
def test_killed_workers_never_change_a_verdict(kind: str, mode: str) -> None:
    """Agents, launchers and programs are killed at random moments while programs are judged."""
    begun = time.monotonic()
    verdict_on(RIGHT, kind, mode)
    pace = min(max(1.0, 2 * (time.monotonic() - begun)), 20.0)  # a busy machine starts workers slowly: leave it time
    stop, killed = threading.Event(), []
    dice = random.Random(4)

    def killer() -> None:
        while not stop.wait(pace * dice.uniform(0.05, 0.5)):
            victims = agents(kind)
            if victims:
                victim = dice.choice(victims)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(victim, signal.SIGKILL)
                    killed.append(victim)

    if kind == "docker" and os.geteuid() != 0:
        pytest.skip("killing agents in containers needs root")
    thread = threading.Thread(target=killer)
    thread.start()
    verdicts: list[tuple[str, Verdict]] = []
    deadline = time.monotonic() + 120
    try:
        for code in itertools.cycle(STATUS):
            graded = sum(verdict.outcome is Outcome.GRADED for _, verdict in verdicts)
            enough = len(verdicts) >= 24 and graded >= 12 and len(killed) >= 5
            if enough or time.monotonic() > deadline:
                break
            verdicts.append((code, verdict_on(code, kind, mode)))
    finally:
        stop.set()
        thread.join()
    assert len(killed) >= 5
    judged = 0
    for code, verdict in verdicts:
        if verdict.outcome is Outcome.GRADED:
            judged += 1
            # Killing a program itself, not its agent, is what a program's crash looks like: only that may differ.
            allowed = {STATUS[code], "runtime_error"} if kind == "native" else {STATUS[code]}
            assert verdict.details["status"] in allowed
        else:
            assert verdict.outcome is Outcome.ERROR
            assert verdict.details["status"] == "judge_error"
    assert judged >= 12
    assert verdict_on(RIGHT, kind, mode).score == 1.0


@pytest.mark.timeout(120)
def test_a_stopped_agent_is_given_up(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An agent that no longer answers (here: stopped) is an error of ours after a bounded time, and is replaced."""
    if kind == "docker" and os.geteuid() != 0:
        pytest.skip("stopping an agent in a container needs root")
    from assay.sandbox import client

    monkeypatch.setattr(client, "GRACE", 1.0)
    with (open_native if kind == "native" else open_docker)() as sandbox:
        before = set(agents(kind)) if kind == "native" else set()
        limits = assay.RunLimits(cpu_seconds=1.0, wall_seconds=2.0)

        def stop_and_run() -> None:
            with sandbox.load(SourceCode(language="python", code=RIGHT)) as program:
                for pid in set(processes_of(sandbox, kind)) - before:
                    os.kill(pid, signal.SIGSTOP)
                program.run(b"1 2", limits)

        with pytest.raises(SandboxError):
            stop_and_run()
        with sandbox.load(SourceCode(language="python", code=RIGHT)) as program:
            assert program.run(b"1 2", limits).stdout == b"3\n"


def processes_of(sandbox: Sandbox, kind: str) -> list[int]:
    """Process ids of a sandbox's workers."""
    if kind == "native":
        return list(descendants(os.getpid()))
    docker: Any = sandbox
    with docker.daemon.client("looking") as api:
        return [int(api.inspect_container(name)["State"]["Pid"]) for name in docker.daemon.containers()]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("doing", ["idle", "running", "compiling"])
def test_a_killed_host_leaves_nothing(kind: str, doing: str) -> None:
    """SIGKILL to the process that judges, in the middle of things: its sandbox goes with it, programs included."""
    code = f"""
import assay, sys
sandbox = assay.open_sandbox({kind!r})
sandbox.languages()
print("ready", flush=True)
if {doing!r} == "running":
    text = "import os, time\\nos.fork() or os.setsid()\\ntime.sleep(600)"
    source = assay.SourceCode(language="python", code=text)
    with sandbox.load(source) as program:
        live = program.start(assay.RunLimits(wall_seconds=600.0, cpu_seconds=600.0))
        print("begun", flush=True)
        while True:
            live.receive(1.0)
elif {doing!r} == "compiling":
    bomb = "#include <bits/stdc++.h>\\n" * 40
    print("begun", flush=True)
    while True:
        with sandbox.load(assay.SourceCode(language="cpp", code=bomb + "// " + str(__import__("time").time()))):
            pass
print("begun", flush=True)
sys.stdin.read()
"""
    before = everyone()
    host = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True
    )
    assert host.stdout is not None
    assert host.stdin is not None
    assert host.stdout.readline() == "ready\n"
    assert host.stdout.readline() == "begun\n"
    time.sleep(0.4)
    below = set(descendants(host.pid))
    assert below or kind == "docker"
    host.kill()
    host.wait()
    host.stdin.close()
    host.stdout.close()
    until(lambda: not (below & everyone()) - before)
    if kind == "docker":
        with open_docker() as sandbox:
            docker: Any = sandbox
            with docker.daemon.client("looking") as api:
                label = "assay.owner"
                until(
                    lambda: (
                        not [
                            entry
                            for entry in api.containers(all=True, filters={"label": label})
                            if f"/{host.pid}/" in entry["Labels"][label]
                        ]
                    )
                )


def everyone() -> set[int]:
    """All process ids."""
    return {int(name) for name in os.listdir("/proc") if name.isdigit()}


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for something that must come."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come in time"
        time.sleep(0.05)


FILL = """
import os
a, b = map(int, input().split())
full = 0
for folder in (".", "/tmp", "/dev/shm", "/var/tmp"):
    try:
        for number in range(100_000):
            with open(f"{folder}/{number}", "wb") as file:
                os.posix_fallocate(file.fileno(), 0, 1 << 20)
    except OSError:
        full += 1
    try:
        for number in range(1_000_000):
            os.close(os.open(f"{folder}/f{number}", os.O_CREAT | os.O_WRONLY))
    except OSError:
        full += 1
print(a + b if full >= 6 else full)
"""


@pytest.mark.timeout(120)
@pytest.mark.parametrize("mode", ["fork", pytest.param("exec", marks=pytest.mark.attacks_full)])
def test_a_full_disk_in_the_sandbox_is_the_programs_own(kind: str, mode: str) -> None:
    """A program that fills every place can still answer, its next test has room again, and so has the next program."""
    verdict = verdict_on(FILL, kind, mode)
    assert verdict.details["status"] in ("accepted", "time_limit"), verdict
    compiled = assay.get_verifier("code_tests", sandbox=kind)
    source = "#include <iostream>\nint main() { int a, b; std::cin >> a >> b; std::cout << a + b << std::endl; }\n"
    answer = Completion(text=f"<think>\n</think>\n```cpp\n{source}```\n")
    assert compiled.verify(PROBLEM, answer).score == 1.0
    assert verdict_on(RIGHT, kind, mode).score == 1.0


@pytest.mark.timeout(240)
def test_a_daemon_killed_and_restarted_never_changes_a_verdict(
    own_daemon: OwnDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """dockerd dies in the middle, again and again, while programs are judged."""
    monkeypatch.setenv("DOCKER_HOST", own_daemon.host)
    close_all()
    assert verdict_on(RIGHT, "docker").score == 1.0
    stop = threading.Event()
    restarts = []

    def breaker() -> None:
        while not stop.wait(1.0) and len(restarts) < 3:
            own_daemon.end(signal.SIGKILL if len(restarts) % 2 == 0 else signal.SIGTERM)
            time.sleep(0.3)
            own_daemon.start()
            restarts.append(time.monotonic())

    thread = threading.Thread(target=breaker)
    thread.start()
    verdicts: list[tuple[str, Any]] = []
    try:
        while thread.is_alive() or len(verdicts) < 6:
            code = list(STATUS)[len(verdicts) % 3]
            verdicts.append((code, verdict_on(code, "docker")))
    finally:
        stop.set()
        thread.join()
        last = verdict_on(RIGHT, "docker")
        close_all()
    assert len(restarts) == 3
    for code, verdict in verdicts:
        assert verdict.outcome in (Outcome.GRADED, Outcome.ERROR)
        if verdict.outcome is Outcome.GRADED:
            assert verdict.details["status"] == STATUS[code]
    assert sum(verdict.outcome is Outcome.GRADED for _, verdict in verdicts) >= len(verdicts) // 2
    assert last.score == 1.0


def test_a_full_disk_of_the_host_is_our_failure(kind: str, tmp_path: Path) -> None:
    """Where the host cannot even make a temporary file, programs are judged or the judge says that it failed."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(small)], capture_output=True)
    if mounted.returncode:
        pytest.skip("cannot mount here")
    try:
        (small / "full").write_bytes(b"x" * (60 << 10))
        code = (
            "import assay\n"
            f"v = assay.get_verifier('code_tests', sandbox={kind!r}, mode='fork')\n"
            "from tests.sandbox.test_faults import PROBLEM, RIGHT, WRONG\n"
            "for code in (RIGHT, WRONG):\n"
            "    v_ = v.verify(PROBLEM, assay.Completion(text=f'<think>\\n</think>\\n```python\\n{code}```'))\n"
            "    print(v_.details['status'])\n"
        )
        environment = {**os.environ, "TMPDIR": str(small), "HOME": str(small), "XDG_CACHE_HOME": str(small)}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, env=environment)
        first, second = done.stdout.split()
        assert first in ("accepted", "judge_error"), done.stderr
        assert second in ("wrong_answer", "judge_error"), done.stderr
    finally:
        subprocess.run(["umount", str(small)], check=True)
