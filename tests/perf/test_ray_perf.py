"""What a second core gives the verifier pool on Ray, with everything that the caller and Ray themselves need."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.perf.measure import save

RUNS = 3
ENGINE = str(Path(__file__).with_name("ray_pool.py"))
LEAST = 0.85
"""Of a whole core, that each added one gives where checking is what costs."""


def measured(where: str, cores: int, shared: Path) -> dict[str, Any]:
    """Figures of one process."""
    command = [sys.executable, ENGINE, where, str(cores), str(shared)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=400)
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.perf
@pytest.mark.timeout(1800)
def test_a_pool_on_ray_fills_the_cores_it_is_given(shared: Path) -> None:
    pytest.importorskip("ray", reason="pip install 'assay[ray]'")
    cores = min(4, len(os.sched_getaffinity(0)))
    if cores < 2:
        pytest.skip("one core: there is none to add")
    runs: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for number in range(RUNS):
        for where in ("ray", "local"):
            for count in (1, cores):
                if where == "ray" or number == 0:  # the local pool is here to compare with, not to be judged
                    runs.setdefault((where, count), []).append(measured(where, count, shared))
    figures: dict[str, Any] = {
        "what": f"checks per second on 1 and on {cores} cores, caller and Ray included; medians of {RUNS} runs in turn "
        "(the local pool: one run)"
    }
    for kind in runs["ray", 1][0]:
        rates = {
            place: statistics.median(run[kind]["per_second"] for run in results) for place, results in runs.items()
        }
        verdicts = [(run[kind]["outcomes"], run[kind]["scores"]) for results in runs.values() for run in results]
        assert all(each == verdicts[0] for each in verdicts), kind
        figures[kind] = {
            "checks": runs["ray", 1][0][kind]["checks"],
            **{f"{where}_{count}": rate for (where, count), rate in rates.items()},
            "ray_gain_per_added_core": (rates["ray", cores] / rates["ray", 1] - 1) / (cores - 1),
            "local_gain_per_added_core": (rates["local", cores] / rates["local", 1] - 1) / (cores - 1),
            "caller_cpu_ms_per_check": 1000
            * statistics.median(run[kind]["caller_cpu_share"] / run[kind]["per_second"] for run in runs["ray", cores]),
        }
    path = save("ray", figures, ["ray"])
    print(path.read_text())
    # Answers are not held to it, though they are measured: their verdicts take less time than their way to a node and
    # back, which the caller pays for alone. Nobody needs a cluster for them.
    assert figures["programs"]["ray_gain_per_added_core"] >= LEAST, figures["programs"]
