"""A million samples of 2 kB: sealing them, and every page of the viewer over them."""

from __future__ import annotations

import os
import re
import statistics
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from tests.perf.big_store import NEEDLE
from tests.perf.measure import Cost, python, run_once, save
from tests.viewing.browser import serving_process

COUNT = int(os.environ.get("ASSAY_BIG_STORE", "1_000_000"))
PAGES = {
    "runs": "/",
    "one run": "/run?run=big",
    "first page": "/samples?run=big",
    "first page of both runs": "/samples",
    "far page": "/samples?run=big&after=0~900000~big",
    "verdict": "/samples?run=big&verdict=refused",
    "two verdicts, both runs": "/samples?verdict=truncated&verdict=error",
    "benchmark": "/samples?benchmark=big",
    "problem": "/samples?run=big&problem=problem-07777",
    "part of a problem's id": "/samples?run=big&like=777",
    "score": "/samples?run=big&low=0.5",
    "cap": "/samples?run=big&mark=cap",
    "longest first": "/samples?run=big&order=longest",
    "newest first": "/samples?run=big&order=newest",
    "flipped against the other run": "/samples?run=big&flip=lost&against=other",
}
COMPARISON = "/compare?a=big&b=other"


class Server:
    """A running viewer; every question is timed, by the clock and by the processor seconds of the server."""

    def __init__(self, base: str, process: int) -> None:
        self._place = urlsplit(base).netloc
        self._process = psutil.Process(process)

    def ask(self, address: str) -> tuple[dict[str, float], str]:
        """What a page costs, over a connection of its own, and the page."""
        cpu, started = self.cpu(), time.perf_counter()
        connection = HTTPConnection(self._place, timeout=120)
        connection.request("GET", address)
        answer = connection.getresponse()
        page = answer.read().decode()
        connection.close()
        assert answer.status == 200, (address, page[-1_000:])
        return {"seconds": time.perf_counter() - started, "cpu_seconds": self.cpu() - cpu}, page

    def cpu(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def search(self, words: str) -> dict[str, float]:
        """What it costs until the first page, until all texts were searched, and how many samples were found."""
        cost, page = self.ask(f"/samples?run=big&q={words}")
        first, whole, cpu = cost["seconds"], cost["seconds"], cost["cpu_seconds"]
        while "searched so far" in page:
            cost, page = self.ask(f"/samples?run=big&q={words}")
            whole, cpu = whole + cost["seconds"], cpu + cost["cpu_seconds"]
        found = re.search(r"<b>([\d,]+)</b> sample", page)
        assert found
        costs = {"first_page_seconds": first, "seconds": whole, "cpu_seconds": cpu}
        return {**rounded(costs), "found": int(found[1].replace(",", ""))}

    def peak_mb(self) -> int:
        lines = Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
        return round(int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024)


def rounded(cost: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 3) for name, value in cost.items()}


def measured(cost: Cost) -> dict[str, float]:
    return {
        "seconds": round(cost.wall_seconds, 1),
        "cpu_seconds": round(cost.cpu_seconds, 1),
        "peak_mb": round(cost.peak_mb),
    }


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, float]]]:
    """Two sealed runs, and what sealing one of them took."""
    root = tmp_path_factory.mktemp("big")
    run_once(python("-m", "tests.perf.big_store", "journal", str(root / "big"), str(COUNT)))
    size = (root / "big" / "journal.jsonl").stat().st_size
    cost = run_once(python("-m", "tests.perf.big_store", "seal", str(root / "big")))
    run_once(python("-m", "tests.perf.big_store", "changed", str(root / "big"), str(root / "other")))
    sealed = (root / "big" / "samples.parquet").stat().st_size
    yield root, {**measured(cost), "journal_mb": round(size / 2**20), "sealed_mb": round(sealed / 2**20)}
    for path in root.rglob("samples.parquet"):
        path.unlink()  # gigabytes that pytest would keep for three runs


@pytest.mark.perf
@pytest.mark.timeout(1_500)
def test_a_million_samples(store: tuple[Path, dict[str, float]]) -> None:
    root, sealing = store
    load = os.getloadavg()[0]
    started = time.perf_counter()
    with serving_process(root) as (base, process):
        ready = time.perf_counter() - started
        server = Server(base, process)
        cold = {name: rounded(server.ask(address)[0]) for name, address in PAGES.items()}
        warm = {}
        for name, address in PAGES.items():
            costs = [server.ask(address)[0] for _ in range(3)]
            warm[name] = rounded({each: statistics.median(cost[each] for cost in costs) for each in costs[0]})
        _, page = server.ask("/samples?run=big&verdict=right")
        sample = re.search(r'href="(/sample\?[^"]+)" data-open', page)
        assert sample
        cold["one sample"] = rounded(server.ask(sample[1].replace("&amp;", "&"))[0])
        comparison = rounded(server.ask(COMPARISON)[0])
        words = {"rare": NEEDLE, "none": "zzyzx", "common": "the+answer", "in every text": "BOXED"}
        searches = {name: server.search(each) for name, each in words.items()}
        peak = server.peak_mb()
    save(
        "view",
        {
            "samples": COUNT,
            "what": "load_at_start is that of other work on the machine: where it is above a fraction of a core, "
            "processor seconds say more than seconds",
            "load_at_start": round(load, 1),
            "sealing": sealing,
            "server": {"ready_seconds": round(ready, 2), "peak_mb": peak},
            "first_time": cold,
            "again": warm,
            "comparison": comparison,
            "search": searches,
        },
        ["assay", "duckdb", "pyarrow", "starlette", "uvicorn"],
    )
    assert searches["rare"]["found"] == -(-(COUNT - 77) // 100_000)
    assert searches["none"]["found"] == 0
    assert searches["in every text"]["found"] == COUNT
    assert sealing["seconds"] < 180
    assert sealing["peak_mb"] < 2_048
    for costs in (cold, warm):
        assert max(cost["seconds"] for cost in costs.values()) < 1
    assert max(each["seconds"] for each in searches.values()) < 3


@pytest.mark.perf
@pytest.mark.timeout(1_500)
def test_a_report_of_a_million_samples(store: tuple[Path, dict[str, float]], tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    cost = run_once(python("-m", "assay", "report", str(store[0] / "big"), "--html", str(page)))
    save(
        "report",
        {
            "samples": COUNT,
            "what": "assay report --html over one sealed run, the whole process",
            "load_at_start": round(os.getloadavg()[0], 1),
            "report": measured(cost),
            "page_mb": round(page.stat().st_size / 2**20, 2),
        },
        ["assay", "matplotlib", "numpy", "pyarrow"],
    )
    assert cost.wall_seconds < 60
