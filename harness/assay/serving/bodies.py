r"""Request bodies become problems and completions; whatever breaks a limit is refused before any work is done.

    {"verifier": "boxed_math", "items": [{"response": "\\boxed{4}", "reference": "4"}]}

The fields of an item: `response` (text), `reference` (any JSON), and optionally `verifier`, `problem` (the question's
text), `id`, `prefill`, `finish_reason` ("stop" or "length"), `num_tokens`. A body with `response` instead of `items`
is one item.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from assay.serving.settings import ServerSettings
from assay.types import Completion, FinishReason, Message, Problem, Verdict

_ITEM_FIELDS = {"response", "reference", "verifier", "problem", "id", "prefill", "finish_reason", "num_tokens"}
_BODY_FIELDS = {"items", "verifier", "stream", "timeout"}


class RefusedError(Exception):
    """A request that is not served: an HTTP status and a sentence that says why."""

    def __init__(self, status: int, reason: str, *, retry_after: int | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.retry_after = retry_after


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A checked request."""

    problems: list[Problem]
    completions: list[Completion]
    stream: bool
    timeout: float


def parse_json_body(body: bytes) -> dict[str, Any]:
    """A body as a JSON object. Raises `RefusedError`."""
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise RefusedError(400, f"the body is not JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise RefusedError(400, "the body must be a JSON object")
    return parsed


def parse_items(body: Mapping[str, Any], settings: ServerSettings) -> Asked:
    """The items of a `/v1/verify` or `/v1/reward` request. Raises `RefusedError`, naming the item."""
    single = "response" in body
    unknown = set(body) - _BODY_FIELDS - (_ITEM_FIELDS if single else set())
    if unknown:
        hint = ": options of verifiers are set where the server is started" if "options" in unknown else ""
        raise RefusedError(400, f"unknown field {', '.join(sorted(unknown))}{hint}")
    items = [{name: body[name] for name in _ITEM_FIELDS & set(body)}] if single else body.get("items")
    if not isinstance(items, list) or not items:
        raise RefusedError(400, "give 'response', or 'items' with at least one")
    if len(items) > settings.max_items:
        raise RefusedError(413, f"{len(items)} items in one request; the limit is {settings.max_items}: send several")
    stream = body.get("stream", False)
    if not isinstance(stream, bool):
        raise RefusedError(400, "'stream' must be true or false")
    default = body.get("verifier", "")
    rows = [_item(number, item, default, settings) for number, item in enumerate(items)]
    return Asked(
        problems=[problem for problem, _ in rows],
        completions=[completion for _, completion in rows],
        stream=stream,
        timeout=_timeout(body.get("timeout"), settings),
    )


def _item(number: int, item: Any, default: Any, settings: ServerSettings) -> tuple[Problem, Completion]:
    def refuse(reason: str, status: int = 400) -> RefusedError:
        return RefusedError(status, f"item {number}: {reason}")

    if not isinstance(item, dict):
        raise refuse("must be an object")
    if unknown := set(item) - _ITEM_FIELDS:
        raise refuse(f"unknown field {', '.join(sorted(unknown))}")
    texts = {name: item.get(name, "") for name in ("response", "problem", "prefill", "id")}
    for name, text in (*texts.items(), ("verifier", item.get("verifier", default))):
        if not isinstance(text, str):
            raise refuse(f"{name!r} must be a text")
        if len(text) > settings.max_text_chars:
            raise refuse(f"{name!r} has {len(text)} characters; the limit is {settings.max_text_chars}", 413)
    if "response" not in item:
        raise refuse("has no 'response'")
    tokens = item.get("num_tokens")
    if tokens is not None and (isinstance(tokens, bool) or not isinstance(tokens, int) or tokens < 0):
        raise refuse("'num_tokens' must be a whole number")
    finish = item.get("finish_reason", "stop")
    if finish not in ("stop", "length"):
        raise refuse("'finish_reason' must be 'stop' or 'length'")
    problem = Problem(
        id=texts["id"] or str(number),
        prompt=(Message(role="user", content=texts["problem"]),) if texts["problem"] else (),
        reference=item.get("reference"),
        verifier=item.get("verifier", default),
    )
    completion = Completion(
        text=texts["response"], prefill=texts["prefill"], finish_reason=FinishReason(finish), num_tokens=tokens
    )
    return problem, completion


def _timeout(value: Any, settings: ServerSettings) -> float:
    if value is None:
        return settings.timeout
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e9:
        raise RefusedError(400, "'timeout' must be a positive number of seconds")
    return min(float(value), settings.timeout)


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    """A verdict as it is sent."""
    return {
        "outcome": verdict.outcome.value,
        "score": verdict.score,
        "extracted": verdict.extracted,
        "reason": verdict.reason,
        "details": dict(verdict.details),
        "seconds": verdict.seconds,
    }
