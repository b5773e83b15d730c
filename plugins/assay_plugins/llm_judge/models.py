"""The judge models of this process, and the threads that put questions to them in batches.

Many checks ask at once, from many threads, and from several verifiers with the same judge. A backend takes batches, and
each batch of a server opens connections of its own, so questions are collected: a few threads per judge (one, where
the model runs in this process) take what is waiting, ask it as one batch, and hand each answer over as it comes.
Threads end when nothing is waiting; they are daemons, so that a judge that never answers keeps nobody from exiting.
"""

from __future__ import annotations

import atexit
import contextlib
import itertools
import json
import os
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, InvalidStateError
from typing import Any, NamedTuple

from assay import Backend, BackendError, Completion, Message, Request, Sampling, open_backend

SERVER = "openai:"
"""How the URL of a judge begins that is not in this process. Opening it costs nothing and asks nothing."""
_SERVER_BATCHES = 8
"""Batches in flight to a server: one slow answer holds up an eighth of the threads, not all."""
_SERVER_QUESTIONS = 64
"""Questions in flight to a server where its options do not say (`concurrency`)."""
_LOCAL_QUESTIONS = 256
"""Questions in one batch of a model in this process, which divides them further by itself."""
_LINGER_SECONDS = 0.005
"""How long a batch waits for company: nothing beside what a model takes to answer."""


class _Question(NamedTuple):
    request: Request
    sampling: Sampling
    answer: Future[Completion]


class JudgeModel:
    """A judge that is opened when it is first asked. Usable from any thread; get it from `judge_model`."""

    def __init__(self, url: str, options: Mapping[str, Any]) -> None:
        self._url = url
        self._options = dict(options)
        self._opening = threading.Lock()
        self._backend: Backend | None = None
        self._prefill = ""
        self._fingerprint = ""
        self._lock = threading.Lock()
        self._queue: deque[_Question] = deque()
        self._threads = 0
        self._numbers = itertools.count()
        is_server = url.startswith(SERVER)
        self._slots = _SERVER_BATCHES if is_server else 1
        at_a_time = _SERVER_QUESTIONS if is_server else _LOCAL_QUESTIONS
        with contextlib.suppress(TypeError, ValueError):  # opening it says what is wrong
            at_a_time = max(1, int(self._options.get("concurrency") or at_a_time))
        self._slots = min(self._slots, at_a_time)
        self._batch = max(1, at_a_time // self._slots)

    @property
    def fingerprint(self) -> str:
        """What decides its answers. Opens it: raises `UsageError` or `BackendError` where that fails."""
        self.open()
        return self._fingerprint

    def ask(self, prompt: str, sampling: Sampling, seed: int) -> Future[Completion]:
        """Put a question, as one user message. The future raises what the backend raises; cancel it to give up."""
        backend = self.open()  # here, so that a judge that cannot be opened fails in the caller
        request = Request(
            key=f"judge-{next(self._numbers)}",
            prompt=(Message(role="user", content=prompt),),
            seed=seed,
            prefill=self._prefill,
        )
        question = _Question(request, sampling, Future())
        with self._lock:
            self._queue.append(question)
            if self._threads < self._slots:
                self._start_thread(backend, question)
        return question.answer

    def _start_thread(self, backend: Backend, question: _Question) -> None:
        """Needs the lock."""
        self._threads += 1
        try:
            threading.Thread(target=self._work, args=(backend,), name="assay-judge", daemon=True).start()
        except RuntimeError as error:
            self._threads -= 1
            if not self._threads:  # otherwise those that run come to it
                self._queue.remove(question)
                raise BackendError(f"no thread can be started to ask the judge {self._url}: {error}") from error

    def close(self) -> None:
        """Free the model, where it was opened."""
        if self._backend is not None:
            self._backend.close()

    def open(self) -> Backend:
        """The backend, opened at the first call. Raises `UsageError` or `BackendError` where it cannot be."""
        with self._opening:
            if self._backend is None:
                backend = open_backend(self._url, **self._options)
                self._fingerprint = backend.fingerprint
                self._prefill = backend.resolve_prefill("auto")
                self._backend = backend
            return self._backend

    def _work(self, backend: Backend) -> None:
        while True:
            time.sleep(_LINGER_SECONDS)
            with self._lock:
                batch = self._take()
                if not batch:
                    self._threads -= 1
                    return
            self._answer(backend, batch)

    def _take(self) -> list[_Question]:
        """The oldest questions that still matter and are sampled alike. Needs the lock."""
        batch: list[_Question] = []
        while self._queue and len(batch) < self._batch:
            if self._queue[0].answer.cancelled():
                self._queue.popleft()
            elif not batch or self._queue[0].sampling == batch[0].sampling:
                batch.append(self._queue.popleft())
            else:
                break
        return batch

    def _answer(self, backend: Backend, batch: Sequence[_Question]) -> None:
        waiting = {question.request.key: question.answer for question in batch}
        failure: Exception = BackendError(f"the judge {self._url} left a question without an answer")
        try:
            for generated in backend.generate([question.request for question in batch], batch[0].sampling):
                answer = waiting.pop(generated.request.key)
                with contextlib.suppress(InvalidStateError):  # given up in the meantime
                    answer.set_result(generated.completion)
        except Exception as error:  # noqa: BLE001  # a backend may raise anything, and many threads wait
            failure = error
        for answer in waiting.values():
            with contextlib.suppress(InvalidStateError):
                answer.set_exception(failure)


_models: dict[str, JudgeModel] = {}
_models_lock = threading.Lock()


def judge_model(url: str, options: Mapping[str, Any]) -> JudgeModel:
    """The process's one model for a URL with these options; nothing is opened yet."""
    key = json.dumps([url, dict(options)], sort_keys=True, default=repr)
    with _models_lock:
        if key not in _models:
            _models[key] = JudgeModel(url, options)
        return _models[key]


@atexit.register
def _close_models() -> None:
    for model in list(_models.values()):
        with contextlib.suppress(Exception):  # the process ends anyway
            model.close()


def _after_fork_in_child() -> None:
    global _models, _models_lock
    _parents.append(_models)  # not closed here: its processes and connections are the parent's
    _models = {}
    _models_lock = threading.Lock()


_parents: list[dict[str, JudgeModel]] = []

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
