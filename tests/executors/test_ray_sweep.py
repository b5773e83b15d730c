"""The executor `ray` on a real cluster of several nodes on this machine: the same samples, whatever dies.

Minutes, and a gigabyte of memory: `make ray`.
"""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from assay.executors import Failure, LocalExecutor, open_executor
from assay.plugins import load_plugin
from tests.executors.conftest import a_node_dies, lines
from tests.sweeps.test_sweep import PLUGIN, models, samples, sweep_of  # noqa: F401  # models is a fixture

pytestmark = [
    pytest.mark.ray,
    pytest.mark.timeout(900),
    pytest.mark.filterwarnings("ignore"),  # Ray's own, of processes and files that it leaves to the system
]
ray = pytest.importorskip("ray")


@pytest.fixture(scope="module", autouse=True)
def _plugin() -> None:
    load_plugin(PLUGIN)


def slow_square(number: int) -> int:
    if number == 13:
        raise ValueError("thirteen")
    time.sleep(0.3)
    return number * number


def crash(path: str) -> str:
    """Dies hard the first time."""
    if not Path(path).exists():
        Path(path).touch()
        os._exit(1)
    return "alive"


def test_every_item_has_its_result_though_a_node_dies(cluster, tmp_path: Path) -> None:
    with open_executor("ray") as executor:
        assert executor.width == 3
        killed = threading.Timer(1.0, lambda: cluster.remove_node(cluster.extra[0], allow_graceful=False))
        killed.start()
        found = dict(executor.run(slow_square, iter(range(40))))
        killed.join()
        assert found.pop(13) == Failure(reason="ValueError: thirteen")
        assert found == {number: number * number for number in range(40) if number != 13}
        assert dict(executor.run(crash, [str(tmp_path / "marker")])) == {str(tmp_path / "marker"): "alive"}
        assert executor.width == 2
    local = dict(LocalExecutor().run(slow_square, [2, 13]))
    assert local == {2: 4, 13: Failure(reason="ValueError: thirteen")}


def test_a_sweep_stores_the_same_samples_though_a_node_dies(cluster, models: Path, tmp_path: Path) -> None:  # noqa: F811
    # One row at a time, so that no batch shape rounds differently: bit for bit.
    changes = {
        "limit": 24, "options": {"device": "cpu", "batch_size": 1}, "plugins": [str(PLUGIN)],
        "settings": {"max_tokens": 12},
    }  # fmt: skip
    here = sweep_of(models, tmp_path / "here", **changes)
    assert not here.run().failed
    with open_executor("ray") as executor:
        sweep = sweep_of(models, tmp_path / "ray", **changes)
        sweep.executor, sweep.shard_problems = executor, 3
        with a_node_dies(cluster, when=lambda: lines(tmp_path / "ray") >= 12):
            record = sweep.run()
    assert [entry.engine for entry in record.checkpoints] == ["elsewhere"] * 3
    assert not record.failed
    assert samples(tmp_path / "ray") == samples(tmp_path / "here")
    assert len(samples(tmp_path / "ray")) == 3 * 24 * 2
    by_step = {result.manifest["model"]: result.summary["metrics"] for result in sweep.results}
    assert by_step == {result.manifest["model"]: result.summary["metrics"] for result in here.results}
