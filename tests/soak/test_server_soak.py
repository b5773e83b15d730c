r"""A thousand clients at a time, good, slow and hostile, against one real server.

`ASSAY_SOAK_SECONDS` (60) and `ASSAY_SOAK_CLIENTS` (1000) say how long and how many. Writes results/perf/server.json.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import platform
import random
import statistics
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import ROOT
from tests.serving.conftest import SLOW, Server, running_server

pytestmark = pytest.mark.soak
SECONDS = float(os.environ.get("ASSAY_SOAK_SECONDS", "60"))
CLIENTS = int(os.environ.get("ASSAY_SOAK_CLIENTS", "1000"))
KINDS = ["good"] * 30 + ["slow", "dies", "malformed", "unknown", "huge", "dripping"]
REFUSED = {429, 503}
HUGE = json.dumps({"verifier": "boxed_math", "response": "x" * 1_000_001}).encode()


def body_of(kind: str, dice: random.Random) -> tuple[bytes, set[int]]:
    """A request's body, and the statuses that answer it."""
    if kind == "good":
        numbers = [dice.randrange(10**6) for _ in range(8)]
        items = [{"response": f"so \\boxed{{{n}}}", "reference": str(n)} for n in numbers]
        return json.dumps({"verifier": "boxed_math", "items": items}).encode(), {200}
    if kind == "slow":
        return b'{"verifier": "slow", "response": "3", "timeout": 0.5}', {200}
    if kind == "dies":
        return b'{"verifier": "slow", "response": "die"}', {200}
    if kind == "malformed":
        return dice.randbytes(100), {400}
    if kind == "unknown":
        return b'{"verifier": "nobody", "response": "4"}', {400}
    return HUGE, {413}


async def drip(server: Server) -> None:
    """Half a request, and away."""
    port = int(server.url.rpartition(":")[2])
    with contextlib.suppress(OSError):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            b"POST /v1/verify HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n{"
        )
        await writer.drain()
        await asyncio.sleep(0.5)
        writer.close()


async def client(
    number: int, server: Server, http: httpx.AsyncClient, end: float, seen: Counter[str], good: list[float]
) -> None:
    dice = random.Random(number)
    while time.monotonic() < end:
        kind = dice.choice(KINDS)
        if kind == "dripping":
            await drip(server)
            continue
        body, expected = body_of(kind, dice)
        started = time.monotonic()
        try:
            answer = await http.post("/v1/verify", content=body, headers={"content-type": "application/json"})
        except httpx.TransportError as error:
            seen[f"{kind}: {type(error).__name__}"] += 1
            continue
        status = answer.status_code
        seen[f"{kind}: {status}"] += 1
        assert status in expected | REFUSED, (kind, status, answer.text[:200])
        if status != 200:
            assert answer.json()["error"]
        if status in REFUSED:
            await asyncio.sleep(dice.random())
        elif kind == "good":
            good.append(time.monotonic() - started)
            assert all(verdict["score"] == 1.0 for verdict in answer.json()["verdicts"])


async def crowd(server: Server) -> tuple[Counter[str], list[float]]:
    seen: Counter[str] = Counter()
    good: list[float] = []
    end = time.monotonic() + SECONDS
    limits = httpx.Limits(max_connections=CLIENTS, max_keepalive_connections=CLIENTS)
    async with httpx.AsyncClient(base_url=server.url, timeout=60, limits=limits) as http:
        await asyncio.gather(*(client(number, server, http, end, seen, good) for number in range(CLIENTS)))
    return seen, good


def memory_of(pid: int) -> int:
    """Peak resident bytes of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


@pytest.mark.timeout(SECONDS * 3 + 120)
def test_a_thousand_clients_of_every_kind() -> None:
    pytest.importorskip("uvicorn")
    with running_server("--plugin", str(SLOW), "--workers", "2", "--max-pending", "2048") as server:
        seen, good = asyncio.run(crowd(server))
        assert server.process.poll() is None, "the server died"
        peak = memory_of(server.process.pid)
        deadline = time.monotonic() + 60
        while "assay_pending_responses 0.0" not in httpx.get(server.url + "/metrics").text:
            assert time.monotonic() < deadline, "something is pending for ever"
            time.sleep(0.5)
    cuts = statistics.quantiles(good, n=100)
    report: dict[str, Any] = {
        "seconds": SECONDS,
        "clients": CLIENTS,
        "answers": dict(sorted(seen.items())),
        "good_requests": len(good),
        "verdicts_per_second": round(8 * len(good) / SECONDS),
        "p50_ms": round(cuts[49] * 1000),
        "p99_ms": round(cuts[98] * 1000),
        "server_peak_mb": round(peak / 1e6),
        "machine": {"cpus": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()},
    }
    print(json.dumps(report, indent=2))
    broken = sum(count for name, count in seen.items() if name.endswith(("Error", "Timeout")))
    assert broken <= 0.001 * sum(seen.values()), seen
    assert peak < 1.5e9
    (ROOT / "results" / "perf" / "server.json").write_text(json.dumps(report, indent=2) + "\n")
