"""A real vLLM server for a test, on a free port of this machine."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from assay_trainers.grpo.engines.vllm_worker import WeightReload
from tests.trainers.vllm_learning import ROOT
from tests.trainers.vllm_models import ENVIRONMENT

_START_SECONDS = 200


@dataclass(kw_only=True, slots=True)
class Server:
    """A server and its process."""

    url: str
    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        """As a machine that fails: everything at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@contextlib.contextmanager
def serving(python: str, model: str, port: int | None = None) -> Iterator[Server]:
    """Serve a model while the context lasts."""
    if port is None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
    command = [
        python, "-m", "vllm.entrypoints.cli.main", "serve", model, "--port", str(port), "--host", "127.0.0.1",
        "--dtype", "float32", "--enforce-eager", "--max-model-len", "64", "--logprobs-mode", "processed_logprobs",
        "--worker-extension-cls", f"{WeightReload.__module__}.{WeightReload.__name__}",
    ]  # fmt: skip
    environment = {**os.environ, **ENVIRONMENT, "VLLM_SERVER_DEV_MODE": "1", "PYTHONPATH": str(ROOT / "trainers")}
    with tempfile.NamedTemporaryFile(suffix=".log") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
        server = Server(url=f"http://127.0.0.1:{port}", process=process)
        try:
            _wait(server, Path(log.name))
            yield server
        finally:
            server.kill()


def _wait(server: Server, log: Path) -> None:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and server.process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{server.url}/health", trust_env=False).status_code == 200:
                return
        time.sleep(0.5)
    raise RuntimeError(f"the vLLM server did not start:\n{log.read_text(errors='replace')[-4000:]}")
