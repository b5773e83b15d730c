r"""Verdicts per second over HTTP: numeric answers in batches of 64, from clients in processes of their own."""

from __future__ import annotations

import json
import multiprocessing
import time
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from tests.perf.measure import save
from tests.serving.conftest import running_server

BATCH = 64
REQUESTS = 300
CLIENTS = 2


def ask(url: str, number: int) -> tuple[float, float]:
    """Send all requests one after another; when the first began and the last ended."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=60)
    started = time.time()
    for request in range(REQUESTS):
        first = (number * REQUESTS + request) * BATCH  # no two answers are alike: nothing comes from a cache
        items = [
            {"response": f"So the sum is \\boxed{{{n}.0}}.", "reference": str(n)} for n in range(first, first + BATCH)
        ]
        body = json.dumps({"verifier": "boxed_math", "items": items})
        connection.request("POST", "/v1/verify", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        verdicts = json.loads(answer.read())["verdicts"]
        assert len(verdicts) == BATCH
        assert all(verdict["score"] == 1.0 for verdict in verdicts)
    connection.close()
    return started, time.time()


@pytest.mark.perf
@pytest.mark.timeout(300)
def test_numeric_verdicts_over_http() -> None:
    pytest.importorskip("uvicorn")
    with running_server() as server, multiprocessing.get_context("spawn").Pool(CLIENTS) as pool:
        ask(server.url, CLIENTS)  # warm
        spans = pool.starmap(ask, [(server.url, number) for number in range(CLIENTS)])
    seconds = max(end for _, end in spans) - min(start for start, _ in spans)
    figures = {
        "what": f"{CLIENTS} clients, {REQUESTS} requests each of {BATCH} numbers, no two alike; one server process",
        "verdicts_per_second": round(CLIENTS * REQUESTS * BATCH / seconds),
        "seconds": round(seconds, 2),
    }
    print(save("server_throughput", figures, ["assay", "starlette", "uvicorn", "orjson"]).read_text())
