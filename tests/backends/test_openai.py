"""The client against a real local server that answers from a script."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from assay.backends import openai_client
from assay.backends.openai import OpenAIBackend, open_openai
from assay.errors import BackendError, UsageError
from assay.reasoning import split_completion
from assay.types import Completion, FinishReason, Request, Sampling

from .conftest import ask

KEY = "sk-very-secret-0123456789"
SAMPLING = Sampling(temperature=0.6, top_p=0.9, max_tokens=50, stop=("END",))
Answer = tuple[int, dict[str, Any] | str, dict[str, str]]


class Server:
    """Records requests; `respond(body, attempt)` says what to answer, `attempt` counting equal requests from 1."""

    def __init__(self) -> None:
        self.respond: Callable[[dict[str, Any], int], Answer] = lambda body, attempt: (200, chat("hi"), {})
        self.models: Answer = (200, {"data": [{"id": "m"}]}, {})
        self.bodies: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.keys: set[str | None] = set()
        self.running = self.most_running = 0
        self.lock = threading.Lock()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self.send(*owner.models)

            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                body = json.loads(raw)
                with owner.lock:
                    owner.bodies.append(body)
                    owner.paths.append(self.path)
                    owner.keys.add(self.headers.get("Authorization"))
                    attempt = sum(other == body for other in owner.bodies)
                    owner.running += 1
                    owner.most_running = max(owner.most_running, owner.running)
                try:
                    answer = owner.respond(body, attempt)
                finally:
                    with owner.lock:
                        owner.running -= 1
                if answer[0]:
                    self.send(*answer)
                else:
                    self.close_connection = True  # status 0: hang up

            def send(self, status: int, body: dict[str, Any] | str, headers: dict[str, str]) -> None:
                data = (body if isinstance(body, str) else json.dumps(body)).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args: object) -> None:
                pass

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                pass  # a client that hung up on purpose

        self.http = Quiet(("127.0.0.1", 0), Handler)
        self.base = f"http://127.0.0.1:{self.http.server_port}/v1"
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()

    def open(self, **options: Any) -> OpenAIBackend:
        return open_openai(f"{self.base}#m", options)

    closed = False

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self.http.shutdown()
            self.http.server_close()


def chat(content: str | None, *, finish: str = "stop", tokens: int = 5, **message: Any) -> dict[str, Any]:
    choice = {"message": {"role": "assistant", "content": content, **message}, "finish_reason": finish}
    return {"choices": [choice], "usage": {"completion_tokens": tokens}}


def question(body: dict[str, Any]) -> str:
    return str(body["messages"][0]["content"])


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(openai_client, "_backoff", lambda state: 0.01)
    running = Server()
    yield running
    running.close()


def complete(backend: OpenAIBackend, requests: list[Request], sampling: Sampling = SAMPLING) -> list[Completion]:
    results = {generated.request.key: generated.completion for generated in backend.generate(requests, sampling)}
    assert len(results) == len(requests)
    return [results[request.key] for request in requests]


def test_what_is_sent_and_what_comes_back(server: Server) -> None:
    (completion,) = complete(server.open(extra_body='{"top_k": 20}'), [ask("hello", seed=9)])
    assert completion == Completion(text="hi", finish_reason=FinishReason.STOP, num_tokens=5)
    assert server.paths == ["/v1/chat/completions"]
    assert server.bodies[0] == {
        "model": "m", "messages": [{"role": "user", "content": "hello"}], "temperature": 0.6, "top_p": 0.9,
        "max_tokens": 50, "seed": 9, "stop": ["END"], "top_k": 20,
    }  # fmt: skip
    assert server.keys == {f"Bearer {KEY}"}


def test_raw_prompts_go_to_the_completions_route(server: Server) -> None:
    server.respond = lambda body, attempt: (
        200,
        {"choices": [{"text": " 4", "finish_reason": "length", "logprobs": {"token_logprobs": [-0.5]}}]},
        {},
    )
    request = Request(key="k", prompt="2+2=", seed=1, prefill="<think>")
    (completion,) = complete(server.open(logprobs=True), [request])
    assert server.paths == ["/v1/completions"]
    assert server.bodies[0]["prompt"] == "2+2=<think>"
    assert (completion.text, completion.finish_reason, completion.logprobs) == (" 4", FinishReason.LENGTH, (-0.5,))
    assert completion.prefill == "<think>"
    with pytest.raises(UsageError, match="api=completions sends raw text"):
        complete(server.open(api="completions"), [ask("q")])


def test_a_prefill_continues_the_final_message(server: Server) -> None:
    backend = server.open()
    assert backend.resolve_prefill("auto") == backend.resolve_prefill("none") == ""
    (completion,) = complete(backend, [ask("q", prefill=backend.resolve_prefill("<think>\n"))])
    assert server.bodies[0]["messages"][-1] == {"role": "assistant", "content": "<think>\n"}
    assert server.bodies[0]["continue_final_message"] is True
    assert server.bodies[0]["add_generation_prompt"] is False
    assert completion.prefill == "<think>\n"


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_split_reasoning_is_put_together_again(server: Server, field: str) -> None:
    scripts = {
        "closed": chat("4", **{field: "2+2"}),
        "cut": chat(None, finish="length", **{field: "2+2 is"}),
        "none": chat("4", **{field: None}),
    }
    server.respond = lambda body, attempt: (200, scripts[question(body)], {})
    closed, cut, none = complete(server.open(), [ask("closed"), ask("cut"), ask("none")])
    assert closed.text == "<think>2+2</think>4"
    assert (split_completion(closed).reasoning, split_completion(closed).answer) == ("2+2", "4")
    assert cut.text == "<think>2+2 is"
    assert split_completion(cut).answer is None
    assert none.text == "4"
    (prefilled,) = complete(server.open(), [ask("closed", prefill="<think>\n")])
    assert prefilled.text == "2+2</think>4"


@pytest.mark.parametrize("failure", [429, 500, 503, 408, 0])
def test_failures_that_may_pass_are_retried(server: Server, failure: int) -> None:
    server.respond = lambda body, attempt: (200, chat("ok"), {}) if attempt == 3 else (failure, "busy", {})
    assert [c.text for c in complete(server.open(), [ask("q")])] == ["ok"]
    assert len(server.bodies) == 3


def test_retry_after_is_respected(server: Server) -> None:
    server.respond = lambda body, attempt: (200, chat("ok"), {}) if attempt == 2 else (429, "", {"Retry-After": "0.7"})
    start = time.monotonic()
    complete(server.open(), [ask("q")])
    assert time.monotonic() - start >= 0.7
    soon = time.time() + 100
    for value, low, high in (("3", 3, 3), ("-5", 0, 0), ("1e9", 600, 600), ("x", None, None), ("nan", None, None)):
        seconds = openai_client._retry_after(value)
        assert seconds == low == high or (low is not None and low <= seconds <= high)
    import email.utils

    assert 95 < openai_client._retry_after(email.utils.formatdate(soon, usegmt=True)) <= 100


def test_time_outs_are_retried_and_then_an_error(server: Server) -> None:
    def slow(body: dict[str, Any], attempt: int) -> Answer:
        if question(body) == "slow":
            time.sleep(0.6)
        return 200, chat("ok"), {}

    server.respond = slow
    fast, late = complete(server.open(timeout=0.2, max_retries="1"), [ask("fast"), ask("slow")])
    assert fast.text == "ok"
    assert late.finish_reason is FinishReason.ERROR
    assert late.error == "no answer within 0.2 s (2 attempts)"
    assert [question(body) for body in server.bodies].count("slow") == 2


def test_a_refused_request_is_not_retried_and_does_not_stop_the_others(server: Server) -> None:
    refusal = {"error": {"message": f"prompt too long, {KEY}"}}
    server.respond = lambda body, attempt: (400, refusal, {}) if question(body) == "long" else (200, chat("ok"), {})
    bad, good = complete(server.open(), [ask("long"), ask("short")])
    assert good.text == "ok"
    assert bad.error == "the server refused the request with 400: prompt too long, [key]"
    assert len(server.bodies) == 2


@pytest.mark.parametrize(("status", "hint"), [(401, "OPENAI_API_KEY was refused"), (403, "was refused"), (404, "/v1")])
def test_a_refused_key_or_model_stops_the_run_at_once(server: Server, status: int, hint: str) -> None:
    server.respond = lambda body, attempt: (status, {"error": {"message": f"no: {KEY}"}}, {})
    with pytest.raises(BackendError, match=hint) as caught:
        complete(server.open(concurrency=2), [ask(f"q{i}") for i in range(50)])
    assert KEY not in str(caught.value)
    assert len(server.bodies) <= 4


def test_an_unset_key_is_named(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    server.models = (401, "", {})
    with pytest.raises(BackendError, match="MY_KEY is not set, so no key was sent"):
        server.open(api_key_env="MY_KEY").preflight([ask("q")], SAMPLING)


def test_many_failures_in_a_row_stop_the_run(server: Server) -> None:
    server.respond = lambda body, attempt: (400, {"message": "context too small"}, {})
    with pytest.raises(BackendError, match=r"16 requests in a row without a success; the last: .*context too small"):
        complete(server.open(concurrency=4), [ask(f"q{i}") for i in range(100)])


def test_a_server_that_goes_away(server: Server) -> None:
    backend = server.open(max_retries=1)
    complete(backend, [ask("q")])
    server.close()
    with pytest.raises(BackendError, match=r"cannot be reached any more .*2 attempts.*run the same command again"):
        complete(backend, [ask("r")])
    with pytest.raises(BackendError, match=rf"no server answers at {server.base}"):
        complete(server.open(), [ask("q")])


def test_concurrency_is_bounded_and_used(server: Server) -> None:
    def respond(body: dict[str, Any], attempt: int) -> Answer:
        time.sleep(0.03)
        return 200, chat(question(body)), {}

    server.respond = respond
    completions = complete(server.open(concurrency=5), [ask(f"q{i}") for i in range(40)])
    assert [c.text for c in completions] == [f"q{i}" for i in range(40)]
    assert 2 <= server.most_running <= 5


def test_an_abandoned_iterator_stops_the_requests(server: Server) -> None:
    def respond(body: dict[str, Any], attempt: int) -> Answer:
        time.sleep(0.02)
        return 200, chat("ok"), {}

    server.respond = respond
    answers = server.open(concurrency=2).generate([ask(f"q{i}") for i in range(500)], SAMPLING)
    next(answers)
    answers.close()
    time.sleep(0.1)
    sent = len(server.bodies)
    time.sleep(0.2)
    assert len(server.bodies) == sent < 50
    assert not any(thread.name == "assay-openai" for thread in threading.enumerate())


@pytest.mark.parametrize(
    "body",
    ["<html>", "[]", {}, {"choices": []}, {"choices": [{"message": {"content": 5}}]}, {"choices": [{"message": []}]}],
)
def test_answers_that_are_none(server: Server, body: dict[str, Any] | str) -> None:
    server.respond = lambda request, attempt: (200, body, {})
    (completion,) = complete(server.open(), [ask("q")])
    assert completion.finish_reason is FinishReason.ERROR
    assert "server's answer is not" in completion.error


def test_finish_reasons_of_servers(server: Server) -> None:
    server.respond = lambda body, attempt: (200, chat("x", finish=question(body)), {})
    found = complete(server.open(), [ask("length"), ask("content_filter"), ask("end_turn")])
    assert [c.finish_reason.value for c in found] == ["length", "error", "stop"]
    assert "content_filter" in found[1].error


def test_the_key_is_nowhere(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server.respond = lambda body, attempt: (500, f"trace with {KEY}", {}) if attempt == 1 else (400, KEY * 40, {})
    backend = server.open()
    (completion,) = complete(backend, [ask("q")])
    everything = f"{backend.url} {backend.fingerprint} {completion} {vars(backend)} {caplog.text}"
    assert "[key]" in everything
    assert KEY not in everything
    assert KEY[:16] not in everything


def test_preflight_and_urls(server: Server) -> None:
    assert list(server.open().preflight([ask("q")], Sampling())) == []
    other = open_openai(f"{server.base}#other", {})
    assert any("does not list the model 'other'" in line for line in other.preflight([ask("q")], Sampling()))
    assert any("reasoning" in line for line in server.open().preflight([ask("q")], SAMPLING))
    assert other.fingerprint != server.open().fingerprint
    assert server.open().fingerprint == server.open(concurrency=3).fingerprint
    assert server.open().render(ask("q")) is None
    for url in ("http://h/v1", "ftp://h#m", "http://#m", "http://h:99999#m", "http://[#m", "#m"):
        with pytest.raises(UsageError):
            open_openai(url, {})
    for url in ("http://me:hunter2@h/v1#m", "http://h/v1?api_key=hunter2#m", "http://me:hunter2@h"):
        with pytest.raises(UsageError) as caught:
            open_openai(url, {})
        assert "hunter2" not in str(caught.value)


# -- fleets -----------------------------------------------------------------------------------------


@pytest.fixture
def other(server: Server) -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


def fleet(*servers: Server, **options: Any) -> OpenAIBackend:
    return open_openai(",".join(each.base for each in servers) + "#m", options)


def test_a_fleet_shares_the_work_and_each_server_has_its_own_bound(server: Server, other: Server) -> None:
    def slowly(body: dict[str, Any], attempt: int) -> Answer:
        time.sleep(0.02)
        return (200, chat("hi"), {})

    server.respond = other.respond = slowly
    completions = complete(fleet(server, other, concurrency=4), [ask(f"q{n}", problem_id=str(n)) for n in range(40)])
    assert {completion.text for completion in completions} == {"hi"}
    assert len(server.bodies) + len(other.bodies) == 40
    assert min(len(server.bodies), len(other.bodies)) >= 10
    assert max(server.most_running, other.most_running) <= 5


def test_a_server_that_dies_in_the_middle_costs_only_what_was_in_flight(server: Server, other: Server) -> None:
    dead = threading.Event()

    def dying(body: dict[str, Any], attempt: int) -> Answer:
        if len(other.bodies) > 5:
            dead.set()
        if dead.is_set():
            return (0, "", {})  # hangs up
        return (200, chat(question(body)), {})

    other.respond = dying
    server.respond = lambda body, attempt: (200, chat(question(body)), {})
    requests = [ask(f"q{n}", problem_id=str(n), seed=n) for n in range(60)]
    backend = fleet(server, other, concurrency=3, max_retries=3)
    stream = backend.generate(requests, SAMPLING)
    answers = []
    for generated in stream:
        answers.append(generated)
        if dead.is_set() and not other.closed:
            other.close()  # nothing listens there from here on
    assert sorted(a.completion.text for a in answers) == sorted(f"q{n}" for n in range(60))
    assert all(a.completion.text == a.request.prompt[0].content for a in answers)
    asked = [question(body) for body in server.bodies]
    assert len(asked) == len(set(asked)), "no request was asked twice of the server that lives"
    assert dead.is_set()


def test_a_server_that_is_down_from_the_start_is_a_warning(server: Server, other: Server) -> None:
    other.close()
    backend = fleet(server, other)
    warnings = list(backend.preflight([ask("q")], SAMPLING))
    assert any(other.base in warning and "The other servers take its work" in warning for warning in warnings)
    assert [c.text for c in complete(backend, [ask(f"q{n}", problem_id=str(n)) for n in range(8)])] == ["hi"] * 8


def test_a_fleet_of_which_nothing_answers_stops_the_run(server: Server, other: Server) -> None:
    server.close()
    other.close()
    with pytest.raises(BackendError, match="no server answers"):
        complete(fleet(server, other), [ask("q")])


def test_a_busy_server_is_left_alone(server: Server, other: Server) -> None:
    other.respond = lambda body, attempt: (429, "slow down", {"Retry-After": "30"})
    begun = time.monotonic()
    complete(fleet(server, other, concurrency=2), [ask(f"q{n}", problem_id=str(n)) for n in range(20)])
    assert time.monotonic() - begun < 10, "nobody waited for the 30 seconds that one server asked for"
    assert len(other.bodies) <= 4


def test_the_fingerprint_of_a_fleet(server: Server, other: Server) -> None:
    alone, both = fleet(server), fleet(server, other)
    assert both.fingerprint == fleet(other, server).fingerprint != alone.fingerprint
    assert fleet(server, fleet="r1").fingerprint == fleet(server, other, fleet="r1").fingerprint
    with pytest.raises(UsageError, match="named twice"):
        fleet(server, server)
    with pytest.raises(UsageError, match="http"):
        open_openai(f"{server.base},not-a-url#m", {})
