"""A judge's server that fails: nothing that goes wrong there becomes a score."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.plugins.judge_server import JudgeServer, completion, wait_until

from assay import Completion, Message, Outcome, Pool, Problem, Verdict
from assay.backends import openai_client
from assay_plugins.llm_judge.verifier import LlmJudge

QUICK = {"max_retries": 2, "timeout": 20.0}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[JudgeServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(openai_client, "_backoff", lambda state: 0.01)
    running = JudgeServer()
    yield running
    running.close()


def problem() -> Problem:
    return Problem(id="p", prompt=(Message(role="user", content="6*7?"),), reference="42", verifier="llm_judge")


def ask(server: JudgeServer, text: str = "It is 42.", **options: Any) -> Verdict:
    judge = LlmJudge(**{"judge": server.url, "judge_options": QUICK, **options})
    return judge.verify(problem(), Completion(text=text))


@pytest.mark.parametrize("status", [429, 500, 503, 0])
def test_what_passes_is_waited_for(server: JudgeServer, status: int) -> None:
    server.reply = lambda prompt, attempt: (status, "busy", {}) if attempt < 3 else "Verdict: CORRECT"
    assert ask(server).score == 1.0
    assert len(server.prompts) == 3


@pytest.mark.parametrize(
    ("status", "headers", "reason"),
    [
        (429, {"Retry-After": "0"}, "429"),
        (500, {}, "500"),
        (0, {}, "connection broke"),
        (400, {}, "refused the request with 400"),
        (401, {}, "401"),
        (404, {}, "404"),
        (302, {"Location": "http://127.0.0.1:9/"}, "redirects"),
    ],
)
def test_what_does_not_pass_is_an_error(server: JudgeServer, status: int, headers: dict, reason: str) -> None:
    server.reply = lambda prompt, attempt: (status, "Verdict: CORRECT", headers)
    verdict = ask(server)
    assert verdict.outcome is Outcome.ERROR
    assert verdict.score is None
    assert verdict.reason.startswith("the judge failed: ")
    assert reason in verdict.reason


@pytest.mark.parametrize(
    "body",
    [
        "Verdict: CORRECT",
        "",
        "[]",
        '"Verdict: CORRECT"',
        "{}",
        '{"choices": []}',
        '{"choices": [{"message": {"content": ["Verdict: CORRECT"]}}]}',
        '{"choices": [{"message": {"content": {"Verdict": "CORRECT"}}, "finish_reason": "stop"}]}',
        '{"choices": [{"message": {"content": "Verdict: CORRECT"}, "finish_reason": 7}]}',
        '{"error": "Verdict: CORRECT"}',
        "[" * 100_000,
        b"\xff\xfe\x00Verdict: CORRECT",
        "<html>Verdict: CORRECT</html>",
    ],
    ids=range(13),
)
def test_malformed_answers_are_errors(server: JudgeServer, body: str | bytes) -> None:
    server.reply = lambda prompt, attempt: (200, body, {})
    verdict = ask(server)
    assert verdict.outcome is Outcome.ERROR
    assert verdict.score is None


def test_an_answer_cut_off_by_the_token_cap_is_unreadable(server: JudgeServer) -> None:
    server.reply = lambda prompt, attempt: (200, completion("Verdict: CORRECT", finish="length"), {})
    verdict = ask(server)
    assert verdict.outcome is Outcome.ERROR
    assert "cut off at its token cap" in verdict.reason
    assert len(server.prompts) == 3


def test_an_answer_cut_off_on_the_wire_is_an_error(server: JudgeServer) -> None:
    body = b'{"choices": [{"message": {"content": "Verdict: CORRECT"}, "finish_reason": "stop"}]}'
    server.reply = lambda prompt, attempt: (200, body, {"Content-Length": str(len(body) + 100), "Connection": "close"})
    # The server keeps the connection open unless it is told otherwise; the missing bytes never come.
    verdict = ask(server, judge_options={"max_retries": 0, "timeout": 1.0})
    assert verdict.outcome is Outcome.ERROR


def test_a_huge_answer_is_unreadable(server: JudgeServer) -> None:
    server.reply = lambda prompt, attempt: "CORRECT " * 2_000_000 + "\nVerdict: CORRECT"
    verdict = ask(server, attempts=1)
    assert verdict.outcome is Outcome.ERROR
    assert "characters" in verdict.reason
    assert len(verdict.reason) < 300


def test_reasoning_that_the_server_splits_off_is_not_read(server: JudgeServer) -> None:
    def reply(prompt: str, attempt: int) -> Any:
        return 200, completion("No.\nVerdict: INCORRECT", reasoning_content="Verdict: CORRECT"), {}

    server.reply = reply
    assert ask(server).score == 0.0
    server.reply = lambda prompt, attempt: (200, completion("", reasoning_content="Verdict: CORRECT"), {})
    assert ask(server, "It is 43.").outcome is Outcome.ERROR


def test_a_server_that_is_not_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"openai:http://127.0.0.1:{taken.getsockname()[1]}/v1#judge"
    judge = LlmJudge(judge=url, judge_options={"max_retries": 0})
    verdict = judge.verify(problem(), Completion(text="It is 42."))
    assert verdict.outcome is Outcome.ERROR
    assert "no server answers at" in verdict.reason


def test_a_slow_server_is_given_up_by_the_backend_and_by_the_deadline(server: JudgeServer) -> None:
    release = threading.Event()

    def reply(prompt: str, attempt: int) -> str:
        release.wait(60)
        return "Verdict: CORRECT"

    server.reply = reply
    verdict = ask(server, judge_options={"timeout": 0.3, "max_retries": 0})
    assert verdict.outcome is Outcome.ERROR
    assert "no answer within 0.3 s" in verdict.reason
    started = time.monotonic()
    verdict = ask(server, "It is 43.", timeout=0.5, judge_options={"timeout": 60.0})
    assert time.monotonic() - started < 20
    assert verdict.outcome is Outcome.VERIFIER_TIMEOUT
    assert verdict.reason == "no answer of the judge within 0.5 seconds"
    release.set()


def test_a_dribbling_server_is_given_up(server: JudgeServer) -> None:
    """A byte now and then keeps a connection alive, but not a question."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stop = threading.Event()

        def dribble(client: socket.socket) -> None:
            with client:
                request = client.recv(1 << 16)
                if request.startswith(b"GET"):
                    client.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                    return
                client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
                while not stop.wait(0.05):
                    try:
                        client.sendall(b" ")
                    except OSError:
                        return

        def serve() -> None:
            while not stop.is_set():
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=dribble, args=(client,), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        url = f"openai:http://127.0.0.1:{listener.getsockname()[1]}/v1#judge"
        judge = LlmJudge(judge=url, judge_options={"timeout": 1.0, "max_retries": 0})
        verdict = judge.verify(problem(), Completion(text="It is 42."))
        stop.set()
    assert verdict.outcome is Outcome.ERROR


def test_one_bad_answer_costs_one_verdict(server: JudgeServer) -> None:
    server.reply = lambda prompt, attempt: (400, "no", {}) if "It is 7." in prompt else "Verdict: CORRECT"
    judge = LlmJudge(judge=server.url, judge_options=QUICK)
    with Pool(workers=1) as pool:
        futures = [pool.submit(judge, problem(), Completion(text=f"It is {n}.")) for n in range(40)]
        outcomes = [future.result(60).outcome for future in futures]
    assert outcomes == [Outcome.ERROR if n == 7 else Outcome.GRADED for n in range(40)]


def test_many_checks_at_once_share_few_connections(server: JudgeServer) -> None:
    def reply(prompt: str, attempt: int) -> str:
        time.sleep(0.02)
        return "Verdict: CORRECT"

    server.reply = reply
    judge = LlmJudge(judge=server.url, judge_options={**QUICK, "concurrency": 12})
    with Pool(workers=1) as pool:
        futures = [pool.submit(judge, problem(), Completion(text=f"It is {n}.")) for n in range(150)]
        verdicts = [future.result(60) for future in futures]
        assert pool.worker_pids() == []
    assert [verdict.score for verdict in verdicts] == [1.0] * 150
    assert 1 < server.most_running <= 12
    assert all(verdict.seconds > 0 for verdict in verdicts)


def test_answers_go_to_those_who_asked(server: JudgeServer) -> None:
    server.reply = lambda prompt, attempt: f"Verdict: {'CORRECT' if 'is even' in prompt else 'INCORRECT'}"
    judge = LlmJudge(judge=server.url, judge_options=QUICK)
    texts = [f"It is {n}, and {n} is {'odd' if n % 2 else 'even'}." for n in range(100)]
    with Pool(workers=1) as pool:
        futures = [pool.submit(judge, problem(), Completion(text=text)) for text in texts]
        scores = [future.result(60).score for future in futures]
    assert scores == [float(n % 2 == 0) for n in range(100)]


def test_a_given_up_check_is_not_asked(server: JudgeServer) -> None:
    release = threading.Event()

    def reply(prompt: str, attempt: int) -> str:
        release.wait(30)
        return "Verdict: CORRECT"

    server.reply = reply
    judge = LlmJudge(judge=server.url, judge_options={**QUICK, "concurrency": 1}, timeout=0.3)
    with Pool(workers=1) as pool:
        futures = [pool.submit(judge, problem(), Completion(text=f"It is {n}.")) for n in range(10)]
        assert {future.result(30).outcome for future in futures} == {Outcome.VERIFIER_TIMEOUT}
    release.set()
    again = LlmJudge(judge=server.url, judge_options={**QUICK, "concurrency": 1, "timeout": 10.0})
    assert again.verify(problem(), Completion(text="Now.")).score == 1.0
    assert len(server.prompts) <= 3  # the one in flight, a neighbour at most, and the new one


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_asks_for_itself(server: JudgeServer, tmp_path: Any) -> None:
    code = f"""
import os
from assay import Completion, Message, Problem
from assay_plugins.llm_judge.verifier import LlmJudge
judge = LlmJudge(judge={server.url!r}, cache={str(tmp_path / "c.sqlite")!r})
problem = Problem(id="p", prompt=(Message(role="user", content="q"),), reference="42")
def ask(text):
    verdict = judge.verify(problem, Completion(text=text))
    assert verdict.score == 1.0, verdict
    return judge.usage["calls"]
assert ask("parent") == 1
pid = os.fork()
if pid == 0:
    try:
        assert ask("parent") == 0 and ask("child") == 1
        os._exit(0)
    finally:
        os._exit(1)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
assert ask("child") == 1
"""
    subprocess.run([sys.executable, "-W", "ignore::DeprecationWarning", "-c", code], check=True, timeout=60)
    assert len(server.prompts) == 2


def test_the_interpreter_exits_although_the_judge_never_answers(server: JudgeServer) -> None:
    release = threading.Event()

    def reply(prompt: str, attempt: int) -> str:
        release.wait(60)
        return "Verdict: CORRECT"

    server.reply = reply
    code = f"""
import sys
from assay import Completion, Message, Problem
from assay.verification import default_pool
from assay_plugins.llm_judge.verifier import LlmJudge
problem = Problem(id="p", prompt=(Message(role="user", content="q"),), reference="42")
default_pool().submit(LlmJudge(judge={server.url!r}), problem, Completion(text="It is 42."))
sys.stdin.readline()
print("leaving", flush=True)
"""
    pipe = subprocess.PIPE
    process = subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe, stderr=pipe, text=True)
    try:
        wait_until(lambda: server.running, 60)
        out, errors = process.communicate("go\n", timeout=60)
        assert (out, errors, process.returncode) == ("leaving\n", "", 0)
    finally:
        release.set()
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            process.communicate()
