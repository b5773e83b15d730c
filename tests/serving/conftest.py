"""A real server in a process of its own."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

SLOW = Path(__file__).with_name("slow.py")


@dataclass
class Server:
    process: subprocess.Popen[str]
    url: str = ""
    log: list[str] = field(default_factory=list)


@contextlib.contextmanager
def running_server(*arguments: str, token: str | None = None) -> Iterator[Server]:
    """`assay serve` on a free port, with the plugin `slow`."""
    here = {name: value for name, value in os.environ.items() if name != "ASSAY_SERVE_TOKEN"}
    if token is not None:
        here["ASSAY_SERVE_TOKEN"] = token
    command = [sys.executable, "-m", "assay", "serve", "--port", "0", *arguments]
    process = subprocess.Popen(command, env=here, stderr=subprocess.PIPE, text=True, start_new_session=True)
    server = Server(process)
    ready = threading.Event()

    def read() -> None:
        assert process.stderr is not None
        for line in process.stderr:
            server.log.append(line)
            if found := re.search(r"running on (http://\S+)", line):
                server.url = found.group(1)
                ready.set()
        ready.set()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        assert ready.wait(60), server.log
        assert server.url, server.log
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        reader.join()
        assert process.stderr is not None
        process.stderr.close()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running_server("--plugin", str(SLOW), "--reward", "boxed_math", "--workers", "2", "--timeout", "20") as made:
        yield made
