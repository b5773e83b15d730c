"""The routes of the reward server.

| route             | does                                                                              |
|-------------------|-----------------------------------------------------------------------------------|
| `POST /v1/verify` | verdicts of one or many responses; `stream: true` sends each as a line when it is there |
| `POST /v1/reward` | totals and parts of the server's reward                                           |
| `POST /openrlhf`  | the same for OpenRLHF's remote reward (`query`, `prompts`, `labels`)              |
| `GET /healthz`    | 200 while it can verify                                                           |
| `GET /metrics`    | Prometheus text                                                                   |

Every request is answered or refused with a reason: 400 malformed, 401 no token, 408 its body came too slowly, 413 too
large, 415 not JSON, 429 too much pending (with Retry-After), 503 a check failed on our side. A check that does not end
within the request's deadline is the outcome `verifier_timeout`, never a wrong answer. The log has request ids, never
texts. A body must say that it is JSON, so that no web page can post one without the browser asking first.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
import os
import re
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from assay.contracts import Verifier
from assay.errors import AssayError, UsageError, VerifierError
from assay.interop.openrlhf import score_queries
from assay.interop.rows import as_reward
from assay.plugins import get_verifier, list_verifiers
from assay.rewards import Reward
from assay.serving.admission import Admission
from assay.serving.bodies import Asked, RefusedError, parse_items, parse_json_body, verdict_json
from assay.serving.metrics import Metrics
from assay.serving.settings import ServerSettings
from assay.types import Outcome, Verdict
from assay.verification import Pool

SETTINGS_VARIABLE = "ASSAY_SERVE_SETTINGS"
_BODY_SECONDS = 30.0
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_log = logging.getLogger("assay.serve")

Handler = Callable[[Request], Awaitable[Response]]


def app_from_environment() -> Starlette:
    """The application of a server process: its settings stand in the environment."""
    return make_app(ServerSettings.from_json(os.environ[SETTINGS_VARIABLE]))


def make_app(settings: ServerSettings) -> Starlette:
    """The ASGI application. Raises `UsageError` for an unknown verifier, option or reward."""
    server = _Server(settings)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await asyncio.to_thread(server.pool.close, True)

    routes = [
        Route("/v1/verify", server.guarded("/v1/verify", server.verify), methods=["POST"]),
        Route("/v1/reward", server.guarded("/v1/reward", server.score), methods=["POST"]),
        Route("/openrlhf", server.guarded("/openrlhf", server.openrlhf), methods=["POST"]),
        Route("/healthz", server.healthz, methods=["GET"]),
        Route("/metrics", server.guarded("/metrics", server.metrics_text), methods=["GET"]),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


class _Server:
    """What the routes share in one process."""

    def __init__(self, settings: ServerSettings) -> None:
        self.settings = settings
        self.pool = Pool(workers=settings.workers, timeout=settings.timeout)
        self.admission = Admission(settings.max_pending)
        self.metrics = Metrics()
        offered = settings.verifiers or tuple(list_verifiers())
        if unknown := set(settings.options) - set(offered):
            raise UsageError(f"options are given for {', '.join(sorted(unknown))}, which this server does not offer")
        self.offered = offered
        self._verifiers: dict[str, Verifier] = {}
        for name in {*settings.verifiers, *settings.options}:
            self.verifier(name)
        self.reward: Reward | None = None
        if settings.reward is not None:
            self.reward = Reward(as_reward(settings.reward).config, pool=self.pool)

    def verifier(self, name: str) -> Verifier:
        """An offered verifier. Raises `RefusedError` for any other."""
        if name not in self._verifiers:
            if name not in self.offered:
                asked = f"there is no verifier {name!r}" if name else "no verifier is named"
                raise RefusedError(400, f"{asked}; this server offers {', '.join(sorted(self.offered))}")
            self._verifiers[name] = get_verifier(name, **self.settings.options.get(name, {}))
        return self._verifiers[name]

    # Routes

    async def verify(self, request: Request) -> Response:
        """`POST /v1/verify`."""
        body = parse_json_body(await self._body(request))
        asked = parse_items(body, self.settings)
        verifiers = [self.verifier(problem.verifier) for problem in asked.problems]
        self._enter(len(verifiers))
        try:
            futures = await asyncio.to_thread(self._submit, verifiers, asked)
        except BaseException:
            self._leave(len(verifiers))
            raise
        for future in futures:
            future.add_done_callback(lambda _: self._leave(1))
        names = [verifier.name for verifier in verifiers]
        if asked.stream:
            return StreamingResponse(self._lines(names, futures, asked.timeout), media_type="application/x-ndjson")
        verdicts = [None] * len(futures)
        async for index, verdict in self._finished(futures, asked.timeout):
            self.metrics.count_verdict(names[index], verdict)
            verdicts[index] = verdict_json(verdict)  # type: ignore[call-overload]  # filled one by one
        return _json(verdicts[0] if "response" in body else {"verdicts": verdicts})

    async def score(self, request: Request) -> Response:
        """`POST /v1/reward`."""
        reward = self._the_reward()
        asked = parse_items(parse_json_body(await self._body(request)), self.settings)
        results = await self._in_thread(
            len(asked.problems), asked.timeout, lambda: reward.score(asked.problems, asked.completions)
        )
        return _json({"results": [{"total": result.total, "parts": dict(result.parts)} for result in results]})

    async def openrlhf(self, request: Request) -> Response:
        """`POST /openrlhf`."""
        reward = self._the_reward()
        body = parse_json_body(await self._body(request))
        queries, prompts, labels = (self._column(body, name) for name in ("query", "prompts", "labels"))
        if not all(isinstance(text, str) for text in (*queries, *prompts)):
            raise RefusedError(400, "'query' and 'prompts' must be lists of texts")
        answer = await self._in_thread(
            len(queries), self.settings.timeout, lambda: score_queries(reward, queries, prompts, labels)
        )
        return _json(answer)

    async def healthz(self, _: Request) -> Response:
        """`GET /healthz`."""
        healthy = not self.pool.closed
        return _json({"status": "ok" if healthy else "closing"}, 200 if healthy else 503)

    async def metrics_text(self, _: Request) -> Response:
        """`GET /metrics`."""
        return Response(self.metrics.text(), media_type="text/plain; version=0.0.4")

    # What they stand on

    def guarded(self, route: str, handler: Handler) -> Handler:
        """A handler behind the token, with its refusals, its counters and its line in the log."""

        async def handle(request: Request) -> Response:
            started = time.perf_counter()
            given = request.headers.get("x-request-id", "")
            request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex[:16]
            try:
                self._check_token(request)
                response = await handler(request)
            except RefusedError as refused:
                response = _refusal(refused)
            except ClientDisconnect:
                response = _refusal(RefusedError(400, "the client went away"))
            except VerifierError as error:
                response = _refusal(RefusedError(503, str(error), retry_after=1))
            except AssayError as error:
                response = _refusal(RefusedError(400, str(error)))
            response.headers["x-request-id"] = request_id
            seconds = time.perf_counter() - started
            self.metrics.requests.labels(route, str(response.status_code)).inc()
            self.metrics.seconds.labels(route).observe(seconds)
            _log.info("%s %s %d %.1f ms", request_id, route, response.status_code, seconds * 1000)
            return response

        return handle

    def _check_token(self, request: Request) -> None:
        if self.settings.token is None:
            return
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), self.settings.token.encode()):
            raise RefusedError(401, "send the server's token as 'Authorization: Bearer TOKEN'")

    async def _body(self, request: Request) -> bytes:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise RefusedError(415, "send the body as 'Content-Type: application/json'")
        body = bytearray()
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                async for part in request.stream():
                    body += part
                    if len(body) > self.settings.max_body_bytes:
                        raise RefusedError(413, f"the body is larger than {self.settings.max_body_bytes} bytes")
        except TimeoutError:
            raise RefusedError(408, f"the body did not arrive within {_BODY_SECONDS:.0f} seconds") from None
        return bytes(body)

    def _enter(self, count: int) -> None:
        self.admission.enter(count)
        self.metrics.pending.inc(count)

    def _leave(self, count: int) -> None:
        self.admission.leave(count)
        self.metrics.pending.dec(count)

    def _submit(self, verifiers: Sequence[Verifier], asked: Asked) -> list[Future[Verdict]]:
        rows = zip(verifiers, asked.problems, asked.completions, strict=True)
        return [self.pool.submit(verifier, problem, completion) for verifier, problem, completion in rows]

    async def _finished(self, futures: Sequence[Future[Verdict]], timeout: float) -> AsyncIterator[tuple[int, Verdict]]:
        """Verdicts in the order in which they are there; at the deadline, what is left is given up."""
        slow = {}
        for index, future in enumerate(futures):
            if future.done():
                yield index, _result(future)
            else:
                slow[asyncio.wrap_future(future)] = index
        deadline = asyncio.get_running_loop().time() + timeout
        waiting = set(slow)
        try:
            while waiting:
                left = deadline - asyncio.get_running_loop().time()
                done, waiting = await asyncio.wait(waiting, timeout=max(0.0, left), return_when="FIRST_COMPLETED")
                if not done:
                    break
                for wrapped in done:
                    yield slow[wrapped], _result(futures[slow[wrapped]])
            for wrapped in waiting:
                yield slow[wrapped], _given_up(timeout)
        finally:
            for wrapped in slow:
                wrapped.cancel()  # also where the client went away

    async def _lines(
        self, names: Sequence[str], futures: Sequence[Future[Verdict]], timeout: float
    ) -> AsyncIterator[bytes]:
        async for index, verdict in self._finished(futures, timeout):
            self.metrics.count_verdict(names[index], verdict)
            yield orjson.dumps({"index": index, **verdict_json(verdict)}) + b"\n"

    def _column(self, body: Mapping[str, Any], name: str) -> list[Any]:
        column = body.get(name)
        if not isinstance(column, list) or len(column) > self.settings.max_items:
            raise RefusedError(400, f"{name!r} must be a list of up to {self.settings.max_items}")
        return column

    def _the_reward(self) -> Reward:
        if self.reward is None:
            raise RefusedError(400, "this server has no reward: start it with `assay serve --reward r1-zero`")
        return self.reward

    async def _in_thread(self, count: int, timeout: float, work: Callable[[], Any]) -> Any:
        self._enter(count)
        task = asyncio.ensure_future(asyncio.to_thread(work))
        # The work goes on in its thread when the request is given up, and is pending until it ends.
        task.add_done_callback(lambda _: self._leave(count))
        try:
            return await asyncio.wait_for(asyncio.shield(task), timeout)
        except TimeoutError:
            raise RefusedError(503, f"not finished within {timeout:g} seconds", retry_after=1) from None


def _result(future: Future[Verdict]) -> Verdict:
    try:
        return future.result()
    except Exception as error:  # noqa: BLE001  # a verifier that cannot be run is our failure, in words
        return Verdict(outcome=Outcome.ERROR, reason=f"{type(error).__name__}: {error}")


def _given_up(timeout: float) -> Verdict:
    return Verdict(outcome=Outcome.VERIFIER_TIMEOUT, reason=f"not checked within the request's {timeout:g} seconds")


def _json(value: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, media_type="application/json")


def _refusal(refused: RefusedError) -> Response:
    response = _json({"error": refused.reason}, refused.status)
    if refused.retry_after is not None:
        response.headers["retry-after"] = str(refused.retry_after)
    return response
