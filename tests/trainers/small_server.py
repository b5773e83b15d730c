"""A server that answers as vLLM does, around a tiny model: for the ways in which a real one may fail.

tests/trainers/test_vllm_engine.py runs the real one. This one keeps the contract that the engine relies on: token ids
in, token ids with log-probs out, weights from a folder.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from assay import Problem, Sampling
from assay_trainers.grpo.rollouts import Prompt, TransformersEngine
from tests.trainers.models import tiny_model, tokenizer


class SmallServer:
    """State of a server; `faults` says what it does wrong, by path."""

    def __init__(self) -> None:
        self.model = tiny_model(seed=9)  # never the weights of the run
        self.engine = TransformersEngine(self.model, tokenizer())
        self.faults: dict[str, tuple[int, Any]] = {}
        self.lock = threading.Lock()
        self.served = 0
        self.url = ""

    def answer(self, path: str, asked: Any) -> tuple[int, Any]:
        """Status and body."""
        if path in self.faults:
            return self.faults[path]
        with self.lock:
            if path == "/v1/models":
                return 200, {"data": [{"id": "tiny"}]}
            if path == "/v1/completions":
                return 200, {"choices": [self._complete(asked)]}
            if path == "/collective_rpc":
                return 200, {"results": [self._load(Path(asked["args"][0]))]}
            return 200, None

    def _complete(self, asked: Any) -> dict[str, Any]:
        assert asked["return_token_ids"] is True
        assert (asked["top_p"], asked["top_k"], asked["repetition_penalty"]) == (1.0, 0, 1.0)
        self.served += 1
        problem = Problem(id=str(asked["seed"]), prompt=())
        prompt = Prompt(problem=problem, token_ids=tuple(asked["prompt"]), prefill="")
        sampling = Sampling(temperature=asked["temperature"], top_p=1.0, max_tokens=asked["max_tokens"])
        (rollout,) = self.engine.generate([prompt], samples=1, sampling=sampling)
        completion = rollout.completion
        return {
            "text": completion.text,
            "finish_reason": completion.finish_reason.value,
            "token_ids": completion.token_ids,
            "logprobs": {"token_logprobs": completion.logprobs},
        }

    @torch.no_grad()
    def _load(self, folder: Path) -> str:
        tensors = {name: value for file in folder.glob("*.safetensors") for name, value in load_file(file).items()}
        for name, parameter in self.model.named_parameters():
            parameter.copy_(tensors[name])
        return str(len(tensors))


@contextmanager
def small_server() -> Iterator[SmallServer]:
    """Serve on a free port while the context lasts."""
    state = SmallServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._reply(*state.answer(self.path, None))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self._reply(*state.answer(self.path, json.loads(body) if body else None))

        def _reply(self, status: int, body: Any) -> None:
            raw = b"" if body is None else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
