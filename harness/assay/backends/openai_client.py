"""Many requests to one server or a fleet, a bounded number at a time, from code that is not async.

An event loop in a thread of its own runs `concurrency` workers; each takes the next request, retries it while that
can help, and hands the answer to a queue that the caller's iterator empties. Abandoning the iterator cancels what
is in flight.
"""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import functools
import logging
import math
import queue
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import httpx
import tenacity

from assay.backends.openai_fleet import Fleet, Server
from assay.backends.openai_wire import error_message, without_key
from assay.errors import BackendError

if TYPE_CHECKING:
    from assay.backends.openai import OpenAISettings

_log = logging.getLogger("assay.backends.openai")
_RETRIED = frozenset({408, 429})  # and every 5xx
_FATAL = frozenset({401, 403, 404})
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 60.0
_LONGEST_RETRY_AFTER = 600.0
"""Seconds; a server that asks for more is taken at this, so that a bad header can't stall a run for ever."""
_LEAST_FAILURES = 16
"""Failures in a row that stop the run, or as many as run at a time if that is more."""

Job = tuple[str, dict[str, Any]]
Answer = dict[str, Any] | str
"""The parsed JSON, or what went wrong."""


class _Passing(Exception):  # noqa: N818  # an internal signal
    """A failure that may pass."""

    def __init__(self, message: str, *, retry_after: float | None = None, unreachable: bool = False) -> None:
        super().__init__(message)
        self.elsewhere = False
        """Whether another server can be asked at once."""
        self.retry_after = retry_after
        self.unreachable = unreachable


def run_requests(
    base_urls: Sequence[str], jobs: Sequence[Job], key: str | None, settings: OpenAISettings
) -> Iterator[tuple[int, Answer]]:
    """Send every job and yield its number with its answer, in the order in which they come.

    Raises:
        BackendError: All servers are gone, or one refuses everything (key, model name).
    """
    answers: queue.Queue[tuple[int, Answer] | BaseException | None] = queue.Queue()
    client = _Client(base_urls, jobs, key, settings, answers)
    thread = threading.Thread(target=client.run_in_thread, name="assay-openai", daemon=True)
    thread.start()
    try:
        while (item := answers.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        client.cancel()
        thread.join(timeout=10)


class _Client:
    def __init__(
        self,
        base_urls: Sequence[str],
        jobs: Sequence[Job],
        key: str | None,
        settings: OpenAISettings,
        answers: queue.Queue[tuple[int, Answer] | BaseException | None],
    ) -> None:
        self.fleet = Fleet(base_urls)
        self.jobs = iter(enumerate(jobs))
        self.workers = min(settings.concurrency * len(base_urls), len(jobs))
        self.key = key
        self.settings = settings
        self.answers = answers
        self.failures = 0
        """Requests that failed for good since the last success."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._main: asyncio.Task[None] | None = None
        self._ready = threading.Event()

    def run_in_thread(self) -> None:
        try:
            asyncio.run(self._run())
            self.answers.put(None)
        except asyncio.CancelledError:
            self.answers.put(None)
        except BaseException as error:  # noqa: BLE001  # raised again in the caller's thread
            self.answers.put(error)
        finally:
            self._ready.set()

    def cancel(self) -> None:
        """Stop everything in flight; harmless once all is done."""
        self._ready.wait(timeout=10)
        loop, task = self._loop, self._main
        if loop is not None and task is not None and not task.done():
            with contextlib.suppress(RuntimeError):  # the loop closed in between
                loop.call_soon_threadsafe(task.cancel)

    async def _run(self) -> None:
        self._loop, self._main = asyncio.get_running_loop(), asyncio.current_task()
        self._ready.set()
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        limits = httpx.Limits(max_connections=self.workers, max_keepalive_connections=self.workers)
        timeout = httpx.Timeout(self.settings.timeout, connect=10.0, pool=None)
        async with httpx.AsyncClient(headers=headers, limits=limits, timeout=timeout, verify=_tls()) as client:
            workers = [asyncio.create_task(self._work(client)) for _ in range(self.workers)]
            try:
                await asyncio.gather(*workers)
            finally:
                for worker in workers:
                    worker.cancel()
                await asyncio.gather(*workers, return_exceptions=True)

    async def _work(self, client: httpx.AsyncClient) -> None:
        for number, job in self.jobs:  # one iterator for all workers: each request is taken once
            try:
                answer: Answer = await self._complete(client, job)
            except _Passing as error:
                attempts = self.settings.max_retries + 1
                if error.unreachable and self.fleet.is_gone:
                    raise BackendError(
                        f"the server {self.fleet.name} cannot be reached any more ({error}, {attempts} attempts). "
                        "Bring it back and run the same command again: what was recorded is kept."
                    ) from None
                answer = f"{error} ({attempts} attempts)"
            if isinstance(answer, str):
                self._count_failure(answer)
            else:
                self.failures = 0
            self.answers.put((number, answer))

    def _count_failure(self, message: str) -> None:
        self.failures += 1
        if self.failures >= max(_LEAST_FAILURES, self.workers):
            raise BackendError(
                f"the server {self.fleet.name} failed {self.failures} requests in a row without a success; the last: "
                f"{message}"
            )

    async def _complete(self, client: httpx.AsyncClient, job: Job) -> Answer:
        retrying = tenacity.AsyncRetrying(
            stop=tenacity.stop_after_attempt(self.settings.max_retries + 1),
            wait=_wait,
            retry=tenacity.retry_if_exception_type(_Passing),
            before_sleep=_say,
            reraise=True,
        )
        tried: list[Server] = []
        return await retrying(self._ask, client, job, tried)

    async def _ask(self, client: httpx.AsyncClient, job: Job, tried: list[Server]) -> Answer:
        """One attempt, at the best server that did not just fail this request."""
        server = self.fleet.choose(tried[-1] if tried else None)
        tried.append(server)
        server.in_flight += 1
        try:
            answer = await self._attempt(client, server.base_url, job)
        except _Passing as error:
            self.fleet.failed(server, unreachable=error.unreachable, retry_after=error.retry_after)
            error.elsewhere = self.fleet.has_another(server)
            raise
        finally:
            server.in_flight -= 1
        self.fleet.succeeded(server)
        return answer

    async def _attempt(self, client: httpx.AsyncClient, base_url: str, job: Job) -> Answer:
        route, body = job
        try:
            async with asyncio.timeout(self.settings.timeout):  # httpx times only the gaps between bytes
                response = await client.post(base_url + route, json=body)
        except httpx.ConnectError as error:
            raise _Passing(self._clean(f"connection failed: {error}"), unreachable=True) from None
        except httpx.ConnectTimeout:
            raise _Passing("connection timed out", unreachable=True) from None
        except (httpx.TimeoutException, TimeoutError):
            raise _Passing(f"no answer within {self.settings.timeout:g} s") from None
        except httpx.TransportError as error:
            raise _Passing(self._clean(f"connection broke: {type(error).__name__}: {error}")) from None
        status = response.status_code
        if status == 200:
            try:
                value = response.json()
            except (ValueError, RecursionError):
                value = None
            return value if isinstance(value, dict) else "the server's answer is not a JSON object"
        message = error_message(response, self.key)
        if status in _RETRIED or status >= 500:
            after = _retry_after(response.headers.get("retry-after"))
            raise _Passing(f"the server answered {status}: {message}", retry_after=after)
        if status in _FATAL:
            from assay.backends.openai import refusal

            raise BackendError(refusal(status, message, base_url, self.settings))
        if 300 <= status < 400:
            raise BackendError(
                f"the server {base_url} redirects to {response.headers.get('location')!r}: use the final URL"
            )
        return f"the server refused the request with {status}: {message}"

    def _clean(self, text: str) -> str:
        return without_key(text, self.key)


@functools.cache
def _tls() -> ssl.SSLContext:
    """One for all clients: making one reads every certificate, 20 ms, and a judge is asked in small batches."""
    return httpx.create_ssl_context()


_backoff = tenacity.wait_random_exponential(multiplier=_FIRST_WAIT * 2, max=_LONGEST_WAIT)


def _wait(state: tenacity.RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, _Passing) and error.elsewhere:
        return 0.0
    asked = error.retry_after if isinstance(error, _Passing) else None
    # Jitter on top of what the server asks for: all workers were refused at once and must not return at once.
    return _backoff(state) if asked is None else asked + min(1.0, _backoff(state))


def _say(state: tenacity.RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    wait = state.next_action.sleep if state.next_action else 0.0
    _log.info("attempt %d failed (%s); next in %.1f s", state.attempt_number, error, wait)


def _retry_after(value: str | None) -> float | None:
    """Seconds to wait, from a number or an HTTP date; None where there is neither."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return None
    if math.isnan(seconds):
        return None
    return min(max(seconds, 0.0), _LONGEST_RETRY_AFTER)
