r"""The Python side of the reward server.

    client = Client("http://127.0.0.1:8000")
    client.verify("boxed_math", response=r"\boxed{4}", reference="4").score

Requests that the server refuses for now (429, 503) and connections that fail are tried again, after the time that the
server names. A `Client` may be used from several threads.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from assay.errors import BackendError, UsageError
from assay.types import Outcome, Verdict

_TRY_AGAIN = {429, 503}
_LONGEST_WAIT = 30.0


class Client:
    """Talks to `assay serve`.

    Args:
        url: The server's address.
        token: Its token; by default the environment variable ASSAY_SERVE_TOKEN, where it is set.
        timeout: Seconds for one request, the server's work included.
        tries: How often a request is sent at most.
        batch: Responses in one request.

    Raises `BackendError` where the server cannot be reached or fails, `UsageError` where it refuses what was asked.
    """

    def __init__(
        self, url: str, *, token: str | None = None, timeout: float = 120.0, tries: int = 5, batch: int = 64
    ) -> None:
        import httpx

        token = token or os.environ.get("ASSAY_SERVE_TOKEN")
        headers = {"authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=timeout)
        self._url = url
        self._tries = tries
        self._batch = batch

    def verify(self, verifier: str, *, response: str, reference: Any, **fields: Any) -> Verdict:
        """The verdict of one response; `fields` are the further ones of an item (`problem`, `id`, `prefill`)."""
        item = {"response": response, "reference": reference, **fields}
        return self.verify_many(verifier, [item])[0]

    def verify_many(self, verifier: str, items: Sequence[Mapping[str, Any]]) -> list[Verdict]:
        """Verdicts in the order of the items."""
        verdicts: list[Verdict] = []
        for start in range(0, len(items), self._batch):
            body = {"verifier": verifier, "items": list(items[start : start + self._batch])}
            verdicts.extend(_verdict(each) for each in self._post("/v1/verify", body)["verdicts"])
        return verdicts

    def reward(self, items: Sequence[Mapping[str, Any]]) -> list[float | None]:
        """Totals of the server's reward; None: leave the rollout out."""
        totals: list[float | None] = []
        for start in range(0, len(items), self._batch):
            answer = self._post("/v1/reward", {"items": list(items[start : start + self._batch])})
            totals.extend(each["total"] for each in answer["results"])
        return totals

    def healthy(self) -> bool:
        """Whether the server answers and can verify."""
        import httpx

        try:
            return self._http.get("/healthz").status_code == 200
        except httpx.TransportError:
            return False

    def close(self) -> None:
        """Close the connections. Safe to call twice."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _post(self, route: str, body: Mapping[str, Any]) -> Any:
        import httpx
        import orjson
        from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

        retrying = Retrying(
            retry=retry_if_exception_type((_LaterError, httpx.TransportError)),
            stop=stop_after_attempt(self._tries),
            wait=_seconds_to_wait,
            reraise=True,
        )
        content = orjson.dumps(body)
        try:
            return retrying(self._send, route, content)
        except _LaterError as later:
            raise BackendError(f"the reward server at {self._url} refused {self._tries} times: {later}") from None
        except httpx.TransportError as error:
            raise BackendError(
                f"the reward server at {self._url} cannot be reached: {type(error).__name__}: {error}. Is "
                "`assay serve` running there?"
            ) from error

    def _send(self, route: str, content: bytes) -> Any:
        import orjson

        response = self._http.post(route, content=content, headers={"content-type": "application/json"})
        if response.status_code == 200:
            return orjson.loads(response.content)
        reason = _reason(response)
        if response.status_code in _TRY_AGAIN:
            raise _LaterError(reason, response.headers.get("retry-after"))
        if response.status_code >= 500:
            raise BackendError(f"the reward server at {self._url} failed ({response.status_code}): {reason}")
        raise UsageError(f"the reward server at {self._url} refused the request ({response.status_code}): {reason}")


class _LaterError(Exception):
    """A refusal for now."""

    def __init__(self, reason: str, retry_after: str | None) -> None:
        super().__init__(reason)
        self.seconds = float(retry_after) if retry_after and retry_after.isdigit() else None


def _seconds_to_wait(state: Any) -> float:
    error = state.outcome.exception()
    named = getattr(error, "seconds", None)
    doubled = 0.2 * 2**state.attempt_number
    return float(min(_LONGEST_WAIT, doubled if named is None else named))


def _reason(response: Any) -> str:
    try:
        return str(response.json()["error"])
    except Exception:  # noqa: BLE001  # something else may stand at that address
        return str(response.text)[:200]


def _verdict(fields: Mapping[str, Any]) -> Verdict:
    return Verdict(
        outcome=Outcome(fields["outcome"]),
        score=fields["score"],
        extracted=fields["extracted"],
        reason=fields["reason"],
        details=fields["details"],
        seconds=fields["seconds"],
    )
