"""The executor `ray`: items as tasks of a Ray cluster.

A node may die at any time: Ray runs its tasks again on another one (`_RETRIES` times each), and a result that was lost
with it is computed anew. So functions must give the same result whenever and wherever they run. An exception of the
function itself is no reason to repeat it; it becomes a `Failure`.

At most `width` and a half items are in flight, so that items may be made lazily and results do not pile up.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any, Self, TypeVar

from assay.errors import BackendError
from assay.executors import Failure, failure_of

T = TypeVar("T")
R = TypeVar("R")
_RETRIES = 5
_POLL_SECONDS = 0.5


class RayExecutor:
    """Tasks on a Ray cluster. Joins the one at `address`, or the running one, or starts one on this machine."""

    def __init__(self, address: str | None = None, *, gpus: float | None = None) -> None:
        if importlib.util.find_spec("ray") is None:
            raise BackendError("the executor ray needs Ray, which is not installed: pip install 'assay[ray]'")
        import ray

        self._ray: Any = ray
        self._ours = not ray.is_initialized()
        if self._ours:
            try:
                ray.init(address=address, log_to_driver=False, include_dashboard=False if address is None else None)
            except Exception as error:
                line = " ".join(str(error).split())[:300]
                raise BackendError(f"cannot join the Ray cluster {address or 'of this machine'}: {line}") from error
        self._gpus = (1.0 if self._resources().get("GPU") else 0.0) if gpus is None else gpus

    @property
    def width(self) -> int:
        """How many items the cluster runs at a time, as it is now."""
        resources = self._resources()
        slots = resources.get("CPU", 1.0)
        if self._gpus:
            slots = min(slots, resources.get("GPU", 0.0) / self._gpus)
        return max(1, int(slots))

    def run(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[tuple[T, R | Failure]]:
        """See `Executor.run`."""
        remote = self._ray.remote(function).options(
            num_cpus=1, num_gpus=self._gpus, max_retries=_RETRIES, scheduling_strategy="SPREAD"
        )
        waiting = iter(items)
        running: dict[Any, T] = {}
        try:
            while True:
                for item in waiting:
                    running[remote.remote(item)] = item
                    if len(running) >= self.width + (self.width + 1) // 2:
                        break
                if not running:
                    return
                # Woken now and then, so that Ctrl-C is seen.
                ready, _ = self._ray.wait(list(running), timeout=_POLL_SECONDS)
                for reference in ready:
                    item = running.pop(reference)
                    yield item, self._result(reference)
        finally:
            for reference in running:
                self._ray.cancel(reference, force=True)

    def close(self) -> None:
        """Leave the cluster, where this executor joined it."""
        if self._ours and self._ray.is_initialized():
            self._ray.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _result(self, reference: Any) -> Any:
        try:
            return self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:
            return failure_of(error.cause if isinstance(error.cause, Exception) else error)
        except self._ray.exceptions.RayError as error:
            return Failure(reason=f"the cluster lost it {_RETRIES + 1} times: {' '.join(str(error).split())[:500]}")

    def _resources(self) -> dict[str, float]:
        found: dict[str, float] = self._ray.cluster_resources()
        return found
