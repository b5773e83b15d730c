"""`assay run --executor ray` on a real cluster: what is stored is what one process stores, though a node dies.

Minutes, and a gigabyte of memory: `make ray`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.backends.conftest import build_tiny_model
from tests.executors.conftest import a_node_dies, assay, lines
from tests.runs.crash import PLUGIN
from tests.sweeps.test_sweep import samples

pytest.importorskip("ray")
pytest.importorskip("transformers")
pytestmark = [
    pytest.mark.ray,
    pytest.mark.timeout(900),
    pytest.mark.filterwarnings("ignore"),  # Ray's own, of processes and files that it leaves to the system
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_model(tmp_path_factory.mktemp("model") / "checkpoint-3", seed=3)


def command(model: Path, out: Path, *more: str) -> tuple[str, ...]:
    # One row at a time, so that no batch shape rounds differently: bit for bit.
    return (
        "run", f"hf:{model}", "sums:4", "--plugin", str(PLUGIN), "--out", str(out), "--max-tokens", "24",
        "-o", "device=cpu", "-o", "batch_size=1", "--json", *more,
    )  # fmt: skip


def test_a_run_is_the_local_run_though_a_node_dies(cluster: Any, model: Path, tmp_path: Path) -> None:
    here = json.loads(assay(*command(model, tmp_path / "here")).stdout)
    with a_node_dies(cluster, when=lambda: lines(tmp_path / "ray") >= 12):
        done = assay(*command(model, tmp_path / "ray", "--executor", f"ray:{cluster.address}", "--shard", "2"))
    (ran,) = json.loads(done.stdout)
    assert samples(tmp_path / "ray") == samples(tmp_path / "here")
    assert len(samples(tmp_path / "ray")) == 160
    assert ran["summary"]["metrics"] == here[0]["summary"]["metrics"]
    assert "first prompt" in done.stderr
    assert "160/160" in done.stderr
    order = [list(samples(tmp_path / place)) for place in ("here", "ray")]
    assert order[0] == order[1]


def test_ctrl_c_stores_what_was_drawn_and_leaves_nothing_running(cluster: Any, model: Path, tmp_path: Path) -> None:
    where = ("--executor", f"ray:{cluster.address}", "--shard", "1")
    process = subprocess.Popen(
        [sys.executable, "-m", "assay", *command(model, tmp_path, *where)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while lines(tmp_path) < 8:
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "Run the same command again to go on." in said
    assert "Traceback" not in said
    stored = lines(tmp_path)
    assert 8 <= stored < 160
    deadline = time.monotonic() + 20
    while busy := [task for task in _ray_workers() if "draw_shard" in task]:
        assert time.monotonic() < deadline, busy
        time.sleep(0.2)
    again = assay(*command(model, tmp_path, *where))
    assert f"{stored} of 160 samples are already stored" in again.stderr
    assert len(samples(tmp_path)) == 160


def _ray_workers() -> list[str]:
    """What Ray's processes call themselves: `ray::FUNCTION` while they run one."""
    names = []
    for process in psutil.process_iter(["cmdline"]):
        names += [" ".join(process.info["cmdline"] or ())]
    return [name for name in names if name.startswith("ray::")]


def test_what_a_user_gets_wrong_is_said(cluster: Any, model: Path, tmp_path: Path) -> None:
    unknown = assay(*command(model, tmp_path, "--executor", "dask"), code=2)
    assert "there is no executor 'dask': local, ray or ray:ADDRESS" in unknown.stderr
    nowhere = assay(*command(model, tmp_path, "--executor", "ray:127.0.0.1:1"), code=1)
    assert "cannot join the Ray cluster 127.0.0.1:1" in nowhere.stderr
    for said in (unknown.stderr, nowhere.stderr):
        assert "Traceback" not in said
