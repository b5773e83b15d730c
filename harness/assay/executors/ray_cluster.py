"""The executor `ray`: items as tasks of a Ray cluster, each on one core.

A node may die at any time: Ray runs its tasks again on another one (`_RETRIES` times each), and a result that was lost
with it is computed anew. So functions must give the same result whenever and wherever they run. An exception of the
function itself is no reason to repeat it; it becomes a `Failure`.

Half as many items again as the cluster has places are begun, so that no place waits for the next item. One thread
waits for all of them and completes their futures.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, InvalidStateError
from typing import Any, TypeVar

from assay.errors import BackendError
from assay.executors import Executor, Failure, failure_of

T = TypeVar("T")
R = TypeVar("R")
_RETRIES = 5
_CONNECT_SECONDS = 10.0
_POLL_SECONDS = 0.1
"""How soon the waiting thread sees items that were begun meanwhile, and that it shall end."""
_WIDTH_SECONDS = 1.0
"""How long the size of the cluster is believed: asking takes as long as many a task."""


class RayExecutor(Executor):
    """Tasks on a Ray cluster. Joins the one at `address`, or the running one, or starts one on this machine."""

    def __init__(self, address: str | None = None, *, gpus: int = 1) -> None:
        if importlib.util.find_spec("ray") is None:
            raise BackendError("the executor ray needs Ray, which is not installed: pip install 'assay[ray]'")
        import ray

        self._ray: Any = ray
        self._ours = not ray.is_initialized()
        if self._ours:
            if address in (None, "auto"):  # as `ray.init` does
                address = os.environ.get("RAY_ADDRESS") or address
            if address is not None:
                _check_answers(address)
            try:
                with _own_sigterm():
                    ray.init(
                        address=address,
                        log_to_driver=False,
                        logging_level=logging.WARNING,
                        include_dashboard=False if address is None else None,
                    )
            except Exception as error:
                line = " ".join(str(error).split())[:300]
                raise BackendError(f"cannot join the Ray cluster {address or 'of this machine'}: {line}") from error
            # What Ray says of nodes that died would go to standard output, which is for results. It has no public
            # switch for that; its own debugger uses this one.
            ray._private.worker._worker_logs_enabled = False
        self._changed = threading.Condition()
        self._running: dict[Any, _TaskFuture[Any]] = {}
        self._remotes: dict[Callable[..., Any], Any] = {}
        self._thread: threading.Thread | None = None
        self._closed = False
        self._width, self._width_at = 1, 0.0
        self._gpus = gpus if self._resources().get("GPU") else 0
        if self._gpus > (most := self._most_gpus()):
            self.close()
            raise BackendError(
                f"a task takes {self._gpus} GPUs (tensor × pipeline × data parallel), and no node of the cluster has "
                f"more than {most}: lower one of these options"
            )

    @property
    def width(self) -> int:
        """How many items the cluster runs at a time, as it was a second ago."""
        if time.monotonic() - self._width_at > _WIDTH_SECONDS:
            with contextlib.suppress(Exception):  # it is gone: what is submitted next fails, and says so
                self._width = self._places()
            self._width_at = time.monotonic()
        return self._width

    @property
    def room(self) -> int:
        """See `Executor.room`."""
        return self.width + (self.width + 1) // 2

    def submit(self, function: Callable[[T], R], item: T) -> Future[R | Failure]:
        """See `Executor.submit`."""
        with self._changed:
            if self._closed:
                raise BackendError("the executor is closed")
            reference = self._remote(function).remote(item)
            future: _TaskFuture[R | Failure] = _TaskFuture(lambda: self._ray.cancel(reference, force=True))
            self._running[reference] = future
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="assay-ray", daemon=True)
                self._thread.start()
            self._changed.notify()
        return future

    def close(self) -> None:
        """Stop what runs; leave the cluster, where this executor joined it."""
        with self._changed:
            self._closed = True
            self._changed.notify()
            thread, futures = self._thread, list(self._running.values())
        if thread is not None and thread is not threading.current_thread():
            thread.join()
        for future in futures:
            future.cancel()
        if self._ours and self._ray.is_initialized():
            self._ray.shutdown()

    def _remote(self, function: Callable[..., Any]) -> Any:
        if function not in self._remotes:  # made once: each is sent to the cluster
            self._remotes[function] = self._ray.remote(function).options(
                num_cpus=1, num_gpus=self._gpus, max_retries=_RETRIES, scheduling_strategy="SPREAD"
            )
        return self._remotes[function]

    def _watch(self) -> None:
        while True:
            with self._changed:
                while not (self._running or self._closed):
                    self._changed.wait()
                if self._closed:
                    return
                references = list(self._running)
            for reference, result in self._ready(references):
                with self._changed:
                    future = self._running.pop(reference)
                with contextlib.suppress(InvalidStateError):  # cancelled
                    future.set_result(result)

    def _ready(self, references: list[Any]) -> list[tuple[Any, Any]]:
        try:
            ready, others = self._ray.wait(references, timeout=_POLL_SECONDS)
            if ready and others:
                ready += self._ray.wait(others, num_returns=len(others), timeout=0)[0]
        except Exception as error:  # noqa: BLE001  # whatever it is, nobody must wait for ever
            gone = Failure(reason=f"the cluster does not answer: {failure_of(error).reason}", lost=True)
            return [(reference, gone) for reference in references]
        return [(reference, self._result(reference)) for reference in ready]

    def _result(self, reference: Any) -> Any:
        try:
            return self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:
            return failure_of(error.cause if isinstance(error.cause, Exception) else error)
        except self._ray.exceptions.RayError as error:
            reason = f"the cluster lost it {_RETRIES + 1} times: {' '.join(str(error).split())[:500]}"
            return Failure(reason=reason, lost=True)
        except Exception as error:  # noqa: BLE001  # such as a result that cannot be unpickled
            return failure_of(error)

    def _places(self) -> int:
        resources = self._resources()
        places = resources.get("CPU", 1.0)
        if self._gpus:
            places = min(places, resources.get("GPU", 0.0) / self._gpus)
        return max(1, int(places))

    def _most_gpus(self) -> int:
        """Of one node."""
        alive = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        return int(max((each.get("GPU", 0) for each in alive), default=0))

    def _resources(self) -> dict[str, float]:
        found: dict[str, float] = self._ray.cluster_resources()
        return found


class _TaskFuture(Future[T]):
    """A future whose `cancel` also stops its task."""

    def __init__(self, stop: Callable[[], object]) -> None:
        super().__init__()
        self._stop = stop

    def cancel(self) -> bool:
        """Cancel the task, waiting or running. False where it has finished."""
        cancelled = super().cancel()
        if cancelled:
            with contextlib.suppress(Exception):  # the cluster may be gone
                self._stop()
        return cancelled


def _check_answers(address: str) -> None:
    """Raise `BackendError` where nothing listens at HOST:PORT: Ray itself would try for minutes."""
    host, _, port = address.rpartition("//")[2].rpartition(":")
    if not host or not port.isdigit():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise BackendError(
            f"cannot join the Ray cluster {address}: nothing answers there ({error}). `ray start --head` prints the "
            "address of the cluster that it starts."
        ) from error


@contextlib.contextmanager
def _own_sigterm() -> Iterator[None]:
    """Keep the process's own handler of SIGTERM, which `ray.init` would replace by one that exits with status 15."""
    handler = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)
