"""Where pieces of work run: in this process, or on the nodes of a Ray cluster.

    with open_executor("ray") as executor:
        for item, result in executor.run(function, items): ...

One small interface for evaluation, sweeps and verification. A function and its items are sent by pickle, so the
function is named at the top of a module that is installed on every node, and items are plain data. Results come in the
order in which they are ready. What an item raises is a `Failure` in place of its result; the others go on.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Self, TypeVar

from assay.errors import AssayError, UsageError

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """Why an item has no result, in one sentence."""

    reason: str
    lost: bool = False
    """Whether the machines are to blame (they died, again and again), and not what the function raised."""


class Executor(ABC):
    """Runs a function over items. Usable from several threads."""

    @property
    @abstractmethod
    def width(self) -> int:
        """How many items may run at a time, about."""

    @property
    def room(self) -> int:
        """How many items to have begun at a time, so that none of the `width` places is ever empty."""
        return self.width

    @abstractmethod
    def submit(self, function: Callable[[T], R], item: T) -> Future[R | Failure]:
        """Begin an item. Its future raises nothing, unless it is cancelled, which stops the item where it can be."""

    @abstractmethod
    def close(self) -> None:
        """Stop what runs and let the workers go. Safe to call twice."""

    def run(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[tuple[T, R | Failure]]:
        """Yield each item with its result, or with why it has none. Items are taken as there is room for them."""
        waiting = iter(items)
        running: dict[Future[Any], T] = {}
        finished: SimpleQueue[Future[Any]] = SimpleQueue()
        try:
            while True:
                for item in waiting:
                    future = self.submit(function, item)
                    running[future] = item
                    future.add_done_callback(finished.put)
                    if len(running) >= self.room:
                        break
                if not running:
                    return
                future = finished.get()
                yield running.pop(future), future.result()
        finally:
            for future in running:
                future.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class LocalExecutor(Executor):
    """Runs one item after another in this process."""

    @property
    def width(self) -> int:
        """One."""
        return 1

    def submit(self, function: Callable[[T], R], item: T) -> Future[R | Failure]:
        """Run it now."""
        future: Future[R | Failure] = Future()
        try:
            future.set_result(function(item))
        except Exception as error:  # noqa: BLE001  # one item may break anything; the others go on
            future.set_result(failure_of(error))
        return future

    def close(self) -> None:
        """Nothing is held."""


def open_executor(name: str, *, gpus: int = 1) -> Executor:
    """The executor "local", "ray" (the cluster that this machine belongs to, or one of its own), or "ray:ADDRESS".

    Args:
        name: Which.
        gpus: GPUs that one item takes where the cluster has any.

    Raises:
        UsageError: There is no such executor.
        BackendError: Ray is not installed, the cluster does not answer, or none of its nodes has so many GPUs.
    """
    if name == "local":
        return LocalExecutor()
    kind, _, address = name.partition(":")
    if kind == "ray":
        from assay.executors.ray_cluster import RayExecutor

        return RayExecutor(address or None, gpus=gpus)
    raise UsageError(f"there is no executor {name!r}: local, ray or ray:ADDRESS")


def failure_of(error: BaseException) -> Failure:
    """An exception as a sentence; errors of our own say it themselves."""
    text = str(error) if isinstance(error, AssayError) else f"{type(error).__name__}: {error}"
    return Failure(reason=" ".join(text.split())[:1000])
