"""A real Ray cluster of several nodes on this machine, whose nodes can be killed."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Three nodes of one core each; `extra` has the two that may die."""
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("RAY_DISABLE_IMPORT_WARNING", "1")
    memory = {"object_store_memory": 80 * 2**20}
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, **memory})
    made.extra = [made.add_node(num_cpus=1, **memory) for _ in range(2)]
    ray.init(address=made.address, log_to_driver=False)
    yield made
    ray.shutdown()
    made.shutdown()


@contextmanager
def a_node_dies(cluster: Any, when: Callable[[], bool]) -> Iterator[None]:
    """Kill a node as soon as a condition holds; fails where it never held."""
    ended, killed = threading.Event(), threading.Event()

    def watch() -> None:
        while not ended.is_set():
            if when():
                cluster.remove_node(cluster.extra[0], allow_graceful=False)
                killed.set()
                return
            time.sleep(0.02)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
        missed = not killed.is_set()
    finally:
        ended.set()
        watcher.join()
    assert not missed, "it was over before the node was killed"


def assay(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own."""
    done = subprocess.run([sys.executable, "-m", "assay", *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == code, done.stderr
    return done


def lines(folder: Path) -> int:
    """Samples in journals."""
    return sum(path.read_bytes().count(b"\n") for path in folder.rglob("journal.jsonl"))
