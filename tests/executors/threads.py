"""An executor of threads in this process, whose tasks can be lost. A cluster does the same in `make ray`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from assay.executors import Executor, Failure, failure_of


class Threads(Executor):
    """Two places; remembers its items, and loses those that `lose` says."""

    def __init__(self, lose: Callable[[Any], bool] = lambda _item: False) -> None:
        self.items: list[Any] = []
        self.closed = False
        self._lose = lose
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(self.width)

    @property
    def width(self) -> int:
        return 2

    @property
    def room(self) -> int:
        return 3

    def submit(self, function: Callable[[Any], Any], item: Any) -> Future[Any]:
        with self._lock:
            self.items.append(item)
        return self._threads.submit(self._one, function, item)

    def _one(self, function: Callable[[Any], Any], item: Any) -> Any:
        if self._lose(item):
            return Failure(reason="the node died", lost=True)
        try:
            return function(item)
        except Exception as error:  # as every executor does
            return failure_of(error)

    def close(self) -> None:
        self.closed = True
        self._threads.shutdown(cancel_futures=True)
