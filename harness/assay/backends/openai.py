"""The `openai` backend: any server that speaks OpenAI's chat or text completions.

    openai:http://localhost:8000/v1#deepseek-ai/DeepSeek-R1
    openai:http://node1:8000/v1,http://node2:8000/v1#deepseek-ai/DeepSeek-R1    a fleet with one model

Requests run on an event loop in a thread of its own, a bounded number at a time. What may pass (429, 5xx,
time-outs, broken connections) is retried with exponential backoff and jitter, or after what Retry-After asks;
what will not pass (any other 4xx) never is: a refused request becomes a completion with an error, a refused key
or an unknown model stops the run. Many failures in a row without a success stop it too: the server is gone.

A fleet shares the work: each request goes to the server with the least in flight, and what a server fails is asked of
another one (`openai_fleet`). A node that is lost costs what it was answering.

The key comes from the environment only. It is sent in the header of each request and nowhere else: messages
that echo it are cleaned before they are shown or stored.

The server applies its own chat template, so `render` knows nothing, and "auto" prefills nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from assay.backends import options as opt
from assay.backends.openai_wire import build_body, error_message, read_answer
from assay.backends.prompting import check_sampling, stop_warnings
from assay.errors import BackendError, UsageError
from assay.hashing import hash_value
from assay.types import Completion, FinishReason, Generated, Request, Sampling

_PARSERS: dict[str, opt.Parser] = {
    "api": opt.one_of("auto", "chat", "completions"),
    "api_key_env": opt.text,
    "concurrency": opt.positive_int,
    "extra_body": opt.json_object,
    "fleet": opt.text,
    "logprobs": opt.boolean,
    "max_retries": opt.count,
    "max_tokens_field": opt.one_of("max_tokens", "max_completion_tokens"),
    "timeout": opt.seconds,
}
_CONNECT_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenAISettings:
    """How a server is spoken to."""

    api: str = "auto"
    """chat, completions, or auto: chat for messages and completions for raw texts."""
    api_key_env: str = "OPENAI_API_KEY"
    """Name of the environment variable that holds the key; an unset one means that none is sent."""
    concurrency: int = 64
    """Requests in flight at most, for each server."""
    extra_body: Mapping[str, Any] = field(default_factory=dict)
    """Fields added to every request's body; they win over ours."""
    fleet: str = ""
    """A name for servers that hold the same weights. With it, what was drawn does not depend on which they are: nodes
    may come and go between two runs of a command."""
    logprobs: bool = False
    """Ask for the log-probabilities of the sampled tokens."""
    max_retries: int = 8
    """Further attempts after a failure that may pass; with the backoff, about four minutes."""
    max_tokens_field: str = "max_tokens"
    """What the server calls the token cap."""
    timeout: float = 3600.0
    """Seconds for one whole answer: a server that does not stream sends nothing until the last token is there."""


def open_openai(rest: str, options: Mapping[str, Any]) -> OpenAIBackend:
    """Open "<base url>[,<base url>…]#<model>". Raises `UsageError` for what is malformed or holds a secret."""
    bases, hash_sign, model = rest.partition("#")
    if not hash_sign or not model:
        raise UsageError(f"openai:{_without_secrets(bases)} names no model: write openai:BASE_URL#MODEL")
    servers = [base.strip().rstrip("/") for base in bases.split(",")]
    for number, base in enumerate(servers):
        _check_url(base)
        if base in servers[:number]:
            raise UsageError(f"the server {base} is named twice: name it once, and raise concurrency")
    settings = OpenAISettings(**opt.read_options("openai", options, _PARSERS))
    return OpenAIBackend(",".join(servers), model, settings)


def _check_url(base: str) -> None:
    try:
        parts = urlsplit(base)
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError:
        raise UsageError(
            "the base URL after openai: is malformed; write for example http://localhost:8000/v1"
        ) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_fine:
        raise UsageError(f"the base URL {_without_secrets(base)!r} must begin with http:// or https:// and name a host")
    if parts.username or parts.password or parts.query:
        raise UsageError(
            f"the base URL {_without_secrets(base)} must not carry a user, password or query: the URL is written into "
            "every run. Put the key into the environment variable OPENAI_API_KEY (or name another with api_key_env=)."
        )


class OpenAIBackend:
    """A model behind one OpenAI-compatible server or several; build it with `open_openai`."""

    def __init__(self, base_url: str, model: str, settings: OpenAISettings) -> None:
        self.base_url = base_url
        """Of the server; of several, joined by commas."""
        self.servers = tuple(base_url.split(","))
        self.model = model
        self.settings = settings
        self.url = f"openai:{base_url}#{model}"

    @cached_property
    def fingerprint(self) -> str:
        """Hash of server, model name and the fields sent with every request: what stands behind them is unknown."""
        settings = self.settings
        where = f"fleet {settings.fleet}" if settings.fleet else ",".join(sorted(self.servers))
        return hash_value(["openai", where, self.model, settings.api, dict(settings.extra_body)])

    def generate(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[Generated]:
        """Complete every request once, in the order in which the server answers. See `Backend.generate`."""
        from assay.backends.openai_client import run_requests

        check_sampling(sampling)
        self._check_server()
        bodies = [build_body(self.model, request, sampling, self.settings) for request in requests]
        key = self._key()
        for number, answer in run_requests(self.servers, bodies, key, self.settings):
            request = requests[number]
            if isinstance(answer, str):
                completion = Completion(
                    text="", finish_reason=FinishReason.ERROR, error=answer, prefill=request.prefill
                )
            else:
                completion = read_answer(answer, request.prefill)
            yield Generated(request=request, completion=completion)

    def render(self, request: Request) -> str | None:
        """The text of a raw prompt; None for messages, because only the server knows its template."""
        return request.prompt + request.prefill if isinstance(request.prompt, str) else None

    def preflight(self, requests: Sequence[Request], sampling: Sampling) -> Iterable[str]:  # noqa: ARG002
        """Check that the server answers; warn about what it does not list and about stop strings."""
        check_sampling(sampling)
        known = self._check_server()
        warnings = []
        if known and self.model not in known:
            shown = ", ".join(sorted(known)[:5])
            warnings.append(f"the server {self.base_url} does not list the model {self.model!r}; it lists {shown}.")
        warnings += [f"{lost} The other servers take its work." for lost in self._lost]
        # Whether it is a reasoning model is not known here: judge stop strings as if it were.
        warnings.extend(stop_warnings(sampling.stop, thinking=True))
        return warnings

    def resolve_prefill(self, prefill: str) -> str:
        """The empty text for "auto" and "none": the server's chat template decides; a given text is kept."""
        return "" if prefill in ("auto", "none") else prefill

    def close(self) -> None:
        """Nothing stays open between calls."""

    def _key(self) -> str | None:
        return os.environ.get(self.settings.api_key_env) or None

    def _check_server(self) -> list[str]:
        """Names of the server's models, empty where it does not list them. Raises `BackendError` if it is not there."""
        if self._models is None:
            found: list[str] = []
            for base_url in self.servers:
                try:
                    found += self._list_models(base_url)
                except ServerGoneError as error:
                    self._lost.append(str(error))
            if len(self._lost) == len(self.servers):
                raise BackendError(self._lost[0])
            self._models = list(dict.fromkeys(found))
        return self._models

    _models: list[str] | None = None

    @cached_property
    def _lost(self) -> list[str]:
        """What is wrong with servers that did not answer when they were asked first."""
        return []

    def _list_models(self, base_url: str) -> list[str]:
        import httpx

        key = self._key()
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        try:
            response = httpx.get(f"{base_url}/models", headers=headers, timeout=_CONNECT_SECONDS)
        except httpx.ReadTimeout:
            return []  # it accepts connections: busy, or without this route
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            raise ServerGoneError(
                f"no server answers at {base_url}: {type(error).__name__}: {error}. Start it, or correct the URL "
                "(for most servers it ends in /v1)."
            ) from None
        if response.status_code in (401, 403):
            raise BackendError(refusal(response.status_code, error_message(response, key), base_url, self.settings))
        try:
            return [str(entry["id"]) for entry in response.json()["data"]] if response.status_code == 200 else []
        except (ValueError, KeyError, TypeError):
            return []


class ServerGoneError(BackendError):
    """One server does not answer; others may."""


def refusal(status: int, message: str, base_url: str, settings: OpenAISettings) -> str:
    """What to tell a user whose every request will be refused."""
    if status == 404:
        return (
            f"the server {base_url} answered 404: {message}. Check the model's name, and that the base URL is right "
            "(for most servers it ends in /v1)."
        )
    name = settings.api_key_env
    state = f"the key in {name} was refused" if os.environ.get(name) else f"{name} is not set, so no key was sent"
    return f"the server {base_url} answered {status}: {message}. {state}: set it to a key that may use this model."


def _without_secrets(base: str) -> str:
    """The URL without user, password and query, for error messages."""
    return base.partition("?")[0].rpartition("@")[2]
