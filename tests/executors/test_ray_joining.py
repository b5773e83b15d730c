"""Which cluster the executor joins, and what it does when that is gone, with Ray in the place of which a double stands.

`make ray` runs the same class on real clusters.
"""

from __future__ import annotations

import socket
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from assay import Completion, Problem, VerifierError
from assay.errors import BackendError
from assay.executors import open_executor, ray_cluster
from assay.executors.ray_cluster import RayExecutor
from assay.sharding import gpus_of
from assay.verification.cluster import ClusterPool
from tests.verification.helpers import Echo


class Ray(ModuleType):
    """What the executor calls before a task is begun; `gone`: as after the head node died."""

    def __init__(self) -> None:
        super().__init__("ray")
        self.__spec__ = ModuleSpec("ray", None)
        self._private = SimpleNamespace(worker=SimpleNamespace())
        self.joined: list[str | None] = []
        self.gone = False
        self.gpus: list[int] = []
        """Of each node."""

    def is_initialized(self) -> bool:
        return False

    def init(self, address: str | None, **_options: Any) -> None:
        self.joined.append(address)

    def cluster_resources(self) -> dict[str, float]:
        self._ask()
        return {"CPU": 3.0} | ({"GPU": float(sum(self.gpus))} if self.gpus else {})

    def nodes(self) -> list[dict[str, Any]]:
        return [{"Alive": True, "Resources": {"CPU": 3.0, "GPU": float(count)}} for count in self.gpus]

    def shutdown(self) -> None:
        pass

    def remote(self, _function: Any) -> Any:
        self._ask()

    def _ask(self) -> None:
        if self.gone:
            raise ConnectionError("the head node is gone")


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> Ray:
    double = Ray()
    monkeypatch.setitem(sys.modules, "ray", double)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    return double


@pytest.fixture
def nobody() -> str:
    """An address at which nothing answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


@pytest.mark.parametrize("name", ["ray", "ray:auto"])
def test_an_address_of_the_environment_is_tried_first(
    ray: Ray, nobody: str, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", nobody)
    with pytest.raises(BackendError, match=f"cannot join the Ray cluster {nobody}: nothing answers there"):
        open_executor(name)
    assert not ray.joined
    open_executor("ray:local").close()
    for value in ("", "auto", "local"):
        monkeypatch.setenv("RAY_ADDRESS", value)
        open_executor(name).close()
    assert ray.joined == ["local", None if name == "ray" else "auto", "auto", "local"]


def test_a_cluster_that_is_gone_fails_who_asks(ray: Ray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_cluster, "_WIDTH_SECONDS", 0.0)
    executor = RayExecutor()
    assert (executor.width, executor.room) == (3, 5)
    ray.gone = True
    assert (executor.width, executor.room) == (3, 5), "as it was"
    with ClusterPool(executor, workers=1) as pool:
        future = pool.submit(Echo(), Problem(id="p", prompt=(), reference="x"), Completion(text="x"))
        with pytest.raises(VerifierError, match=r"takes no more checks: .*the head node is gone"):
            future.result(10)


def test_a_task_takes_the_gpus_that_its_engine_needs(ray: Ray) -> None:
    needed = gpus_of({"tensor_parallel_size": 2, "data_parallel_size": 2, "dtype": "bfloat16"})
    assert needed == 4
    assert gpus_of({}) == 1
    with open_executor("ray", gpus=needed) as executor:
        assert executor.width == 3, "without any GPU a core is what counts"
    ray.gpus = [4, 8]
    with open_executor("ray", gpus=needed) as executor:
        assert executor.width == 3
    ray.gpus = [2, 2]
    with pytest.raises(BackendError, match=r"takes 4 GPUs .* no node of the cluster has more than 2"):
        open_executor("ray", gpus=needed)
