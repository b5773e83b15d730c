r"""The reward server, for real: a process of its own, asked over HTTP."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

import assay
from assay import BackendError, Outcome, UsageError
from assay.serving import Client, ServerSettings
from tests.serving.conftest import SLOW, Server, running_server

uvicorn = pytest.importorskip("uvicorn")

ITEM = {"response": "\\boxed{4}", "reference": "4"}


def post(server: Server, route: str, body: object, **headers: str) -> httpx.Response:
    return httpx.post(server.url + route, json=body, headers=headers, timeout=60)


def test_one_verdict_is_the_one_of_verify(server: Server) -> None:
    answer = post(server, "/v1/verify", {"verifier": "boxed_math", **ITEM}).json()
    local = assay.verify("boxed_math", response="\\boxed{4}", reference="4")
    assert answer["score"] == local.score == 1.0
    assert (answer["outcome"], answer["extracted"], answer["details"]) == (local.outcome, "4", local.details)


def test_many_verdicts_keep_their_order(server: Server) -> None:
    items = [{"response": f"\\boxed{{{number}}}", "reference": str(number - number % 2)} for number in range(100)]
    answer = post(server, "/v1/verify", {"verifier": "boxed_math", "items": items}).json()
    assert [verdict["score"] for verdict in answer["verdicts"]] == [1.0, 0.0] * 50


def test_a_stream_sends_what_is_there_first(server: Server) -> None:
    body = {"stream": True, "verifier": "slow", "items": [{"response": "1.5"}, {"response": "0"}]}
    body["items"].append({**ITEM, "verifier": "boxed_math"})  # type: ignore[attr-defined]
    with httpx.stream("POST", server.url + "/v1/verify", json=body, timeout=60) as answer:
        lines = [json.loads(line) for line in answer.iter_lines()]
    assert [line["index"] for line in lines] == [2, 1, 0]
    assert all(line["score"] == 1.0 for line in lines)


def test_reward_and_openrlhf_routes(server: Server) -> None:
    answer = post(server, "/v1/reward", {"items": [ITEM, {**ITEM, "reference": "5"}, {**ITEM, "reference": {}}]}).json()
    assert [result["total"] for result in answer["results"]] == [1.0, 0.0, None]
    asked = {"query": ["2+2=\\boxed{4}<|im_end|>"], "prompts": ["2+2="], "labels": ["4"]}
    assert post(server, "/openrlhf", asked).json() == {
        "rewards": [1.0],
        "scores": [1.0],
        "extra_logs": {"accuracy": [1.0]},
    }
    failed = post(server, "/openrlhf", {**asked, "labels": [{"reference": {}}]})
    assert failed.status_code == 503  # OpenRLHF tries again and then drops the reward; 0 would train on our failure
    assert "failed on our side" in failed.json()["error"]


def test_a_deadline_gives_up_the_slow_and_answers_the_rest(server: Server) -> None:
    items = [{"response": "9", "verifier": "slow"}, {**ITEM, "verifier": "boxed_math"}]
    started = time.monotonic()
    answer = post(server, "/v1/verify", {"items": items, "timeout": 1}).json()
    assert time.monotonic() - started < 6
    assert [verdict["outcome"] for verdict in answer["verdicts"]] == ["verifier_timeout", "graded"]


def test_a_killed_worker_is_replaced(server: Server) -> None:
    items = [{"response": "die"}, {"response": "0"}, {"response": "die"}, {"response": "0"}]
    answer = post(server, "/v1/verify", {"verifier": "slow", "items": items}).json()
    assert [verdict["outcome"] for verdict in answer["verdicts"]] == ["error", "graded", "error", "graded"]


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ({}, 400, "items"),
        ([], 400, "JSON object"),
        ({"items": []}, 400, "at least one"),
        ({"items": [ITEM]}, 400, "no verifier is named"),
        ({"verifier": "boxed_meth", **ITEM}, 400, "boxed_math"),
        ({"verifier": "boxed_math", "items": [ITEM, {"reference": "4"}]}, 400, "item 1: has no 'response'"),
        ({"verifier": "boxed_math", "items": [{"response": 4}]}, 400, "must be a text"),
        ({"verifier": "boxed_math", "options": {"extraction": "strict"}, **ITEM}, 400, "where the server is started"),
        ({"verifier": "boxed_math", "timeout": -1, **ITEM}, 400, "timeout"),
        ({"verifier": "boxed_math", "stream": "no", **ITEM}, 400, "'stream' must be true or false"),
        ({"verifier": "boxed_math", "finish_reason": "tired", **ITEM}, 400, "finish_reason"),
        ({"verifier": "boxed_math", "items": [ITEM] * 1025}, 413, "limit is 1024"),
        ({"verifier": "boxed_math", "response": "x" * 1_000_001}, 413, "limit is 1000000"),
        ({"verifier": "boxed_math", "response": "x" * 20_000_000}, 413, "body is larger"),
    ],
)
def test_what_is_refused_and_why(server: Server, body: object, status: int, reason: str) -> None:
    answer = post(server, "/v1/verify", body)
    assert answer.status_code == status
    assert reason in answer.json()["error"]


def test_only_json_is_taken(server: Server) -> None:
    for content, kind, status in (
        (b"{}", "text/plain", 415),
        (b"{", "application/json", 400),
        (b"[" * 10**6, "application/json", 400),
    ):
        answer = httpx.post(server.url + "/v1/verify", content=content, headers={"content-type": kind})
        assert answer.status_code == status
    assert httpx.get(server.url + "/v1/verify").status_code == 405


def test_request_ids_are_returned_and_logged_without_texts(server: Server) -> None:
    answer = post(
        server,
        "/v1/verify",
        {"verifier": "boxed_math", **ITEM, "problem": "secret question"},
        **{"x-request-id": "run7-3"},
    )
    assert answer.headers["x-request-id"] == "run7-3"
    forged = post(server, "/v1/verify", {"verifier": "boxed_math", **ITEM}, **{"x-request-id": "a b" * 50})
    assert forged.headers["x-request-id"] != "a b" * 50
    time.sleep(0.5)
    log = "".join(server.log)
    assert "run7-3 /v1/verify 200" in log
    assert "secret" not in log


def test_health_and_metrics(server: Server) -> None:
    post(server, "/v1/verify", {"verifier": "boxed_math", **ITEM})
    assert httpx.get(server.url + "/healthz").json() == {"status": "ok"}
    text = httpx.get(server.url + "/metrics").text
    assert 'assay_requests_total{route="/v1/verify",status="200"}' in text
    assert 'assay_verdicts_total{outcome="graded",verifier="boxed_math"}' in text
    assert "assay_pending_responses 0.0" in text


def test_too_much_at_a_time_is_refused_with_a_time_to_wait() -> None:
    with running_server("--plugin", str(SLOW), "--workers", "1", "--max-pending", "4") as small:
        body = {"verifier": "slow", "items": [{"response": "0.5"}] * 4}
        with ThreadPoolExecutor(4) as threads:
            answers = list(threads.map(lambda _: post(small, "/v1/verify", body), range(4)))
        refused = [answer for answer in answers if answer.status_code == 429]
        assert refused
        assert len(refused) < 4
        assert all(1 <= int(answer.headers["retry-after"]) <= 30 for answer in refused)
        with Client(small.url, tries=8) as client, ThreadPoolExecutor(3) as threads:
            # The client waits as it is told, and everyone gets their verdicts.
            rounds = list(threads.map(lambda _: client.verify_many("slow", [{"response": "0.2"}] * 4), range(3)))
        assert all(verdict.score == 1.0 for verdicts in rounds for verdict in verdicts)


def test_the_token_is_asked_for() -> None:
    token = "0123456789abcdef"
    with running_server("--workers", "1", token=token) as locked:
        assert post(locked, "/v1/verify", {"verifier": "boxed_math", **ITEM}).status_code == 401
        assert httpx.get(locked.url + "/metrics").status_code == 401
        assert httpx.get(locked.url + "/healthz").status_code == 200
        with Client(locked.url, token=token) as client:
            assert client.verify("boxed_math", **ITEM).score == 1.0
        with Client(locked.url, token=token[::-1]) as client, pytest.raises(UsageError, match="token"):
            client.verify("boxed_math", **ITEM)


def test_other_addresses_need_a_token() -> None:
    for host in ("0.0.0.0", "192.168.1.1", "::", "example.org"):
        with pytest.raises(UsageError, match="ASSAY_SERVE_TOKEN"):
            ServerSettings(host=host)
    assert [ServerSettings(host=host).host for host in ("localhost", "::1", "127.0.0.2")]
    with pytest.raises(UsageError, match="16"):
        ServerSettings(token="short")


def test_shutdown_finishes_what_is_in_flight() -> None:
    with running_server("--plugin", str(SLOW), "--workers", "1") as server, ThreadPoolExecutor(1) as thread:
        asked = thread.submit(post, server, "/v1/verify", {"verifier": "slow", "response": "2"})
        time.sleep(0.7)
        server.process.send_signal(signal.SIGTERM)
        assert asked.result().json()["score"] == 1.0
        assert server.process.wait(20) == 0
        with pytest.raises(httpx.TransportError):
            httpx.get(server.url + "/healthz")


def test_several_processes_answer_and_count_together() -> None:
    with running_server("--processes", "2", "--workers", "1") as server:
        port = int(server.url.rpartition(":")[2])
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
        with Client(server.url) as client:
            for _ in range(20):
                assert client.verify("boxed_math", **ITEM).score == 1.0
        text = httpx.get(server.url + "/metrics").text
        assert 'assay_verdicts_total{outcome="graded",verifier="boxed_math"} 20.0' in text


def test_a_killed_server_process_is_replaced_and_counts_as_gone() -> None:
    with running_server("--processes", "2", "--workers", "1") as server, Client(server.url, tries=8) as client:
        for _ in range(8):
            assert client.verify("boxed_math", **ITEM).score == 1.0
        started = [line for line in server.log if "Started server process" in line]
        os.kill(int(started[0].rpartition("[")[2].split("]")[0]), signal.SIGKILL)
        deadline = time.monotonic() + 60
        while sum("Started server process" in line for line in server.log) < 3:
            assert time.monotonic() < deadline, server.log
            time.sleep(0.1)
        assert client.verify("boxed_math", **ITEM).score == 1.0
        assert "assay_pending_responses 0.0" in httpx.get(server.url + "/metrics").text


def test_a_port_in_use_is_said_at_once() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for more in ([], ["--processes", "2"]):
            command = [sys.executable, "-m", "assay", "serve", "--port", port, *more]
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
            assert done.returncode == 2
            assert f"cannot listen on 127.0.0.1, port {port}" in done.stderr
            assert "Serving" not in done.stderr


def test_connections_that_never_ask_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    from assay.serving.app import make_app
    from assay.serving.protocol import TimelyProtocol

    monkeypatch.setattr(TimelyProtocol, "header_seconds", 0.5)
    config = uvicorn.Config(make_app(ServerSettings()), port=0, http=TimelyProtocol, log_level="error")
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run)
    thread.start()
    while not running.started:
        time.sleep(0.02)
    port = running.servers[0].sockets[0].getsockname()[1]
    whole = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    for sent in (b"", b"GET /healthz HTTP/1.1\r\nHost:", whole + whole[:9]):
        with socket.create_connection(("127.0.0.1", port), timeout=20) as slow:
            slow.sendall(sent)
            while slow.recv(4096):  # the answer to what was whole, then the end
                pass
    running.should_exit = True
    thread.join(30)
    assert not thread.is_alive()


def test_the_client_says_what_is_wrong(server: Server) -> None:
    with Client(server.url) as client:
        assert client.healthy()
        assert client.reward([ITEM]) == [1.0]
        with pytest.raises(UsageError, match="boxed_math"):
            client.verify("boxed_meth", **ITEM)
        verdict = client.verify("boxed_math", response="no box", reference="4")
        assert verdict.outcome is Outcome.NO_ANSWER
    with Client("http://127.0.0.1:9", tries=2) as nobody:
        assert not nobody.healthy()
        with pytest.raises(BackendError, match="assay serve"):
            nobody.verify("boxed_math", **ITEM)
