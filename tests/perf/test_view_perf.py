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

import pytest

from tests.perf.big_store import NEEDLE
from tests.perf.measure import Cost, python, run_once, save
from tests.viewing.browser import serving

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


def seconds_of(address: str, base: str) -> tuple[float, str]:
    """How long a page takes, over a connection of its own."""
    started = time.perf_counter()
    connection = HTTPConnection(urlsplit(base).netloc, timeout=120)
    connection.request("GET", address)
    answer = connection.getresponse()
    page = answer.read().decode()
    connection.close()
    assert answer.status == 200, (address, page[-1_000:])
    return time.perf_counter() - started, page


def search(base: str, words: str) -> tuple[float, float, int]:
    """Seconds until the first page, until all texts were searched, and how many samples were found."""
    first, page = seconds_of(f"/samples?run=big&q={words}", base)
    total = first
    while "searched so far" in page:
        more, page = seconds_of(f"/samples?run=big&q={words}", base)
        total += more
    found = re.search(r"<b>([\d,]+)</b> sample", page)
    assert found
    return first, total, int(found[1].replace(",", ""))


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
    started = time.perf_counter()
    with serving(root) as base:
        ready = time.perf_counter() - started
        cold = {name: round(seconds_of(address, base)[0], 3) for name, address in PAGES.items()}
        warm = {
            name: round(statistics.median(seconds_of(address, base)[0] for _ in range(3)), 3)
            for name, address in PAGES.items()
        }
        _, page = seconds_of("/samples?run=big&verdict=right", base)
        sample = re.search(r'href="(/sample\?[^"]+)" data-open', page)
        assert sample
        cold["one sample"] = round(seconds_of(sample[1].replace("&amp;", "&"), base)[0], 3)
        comparison = round(seconds_of(COMPARISON, base)[0], 3)
        searches = {}
        for name, words in (("rare", NEEDLE), ("none", "zzyzx"), ("common", "the+answer"), ("in every text", "BOXED")):
            first, whole, found = search(base, words)
            searches[name] = {"first_page_seconds": round(first, 3), "whole_seconds": round(whole, 3), "found": found}
    save(
        "view",
        {
            "samples": COUNT,
            "sealing": sealing,
            "server_ready_seconds": round(ready, 2),
            "first_time_seconds": cold,
            "again_seconds": warm,
            "comparison_seconds": comparison,
            "search": searches,
        },
        ["assay", "duckdb", "pyarrow", "starlette", "uvicorn"],
    )
    assert searches["rare"]["found"] == -(-(COUNT - 77) // 100_000)
    assert searches["none"]["found"] == 0
    assert searches["in every text"]["found"] == COUNT
    assert sealing["seconds"] < 180
    assert sealing["peak_mb"] < 2_048
    assert max(cold.values()) < 1
    assert max(warm.values()) < 1
    assert max(each["whole_seconds"] for each in searches.values()) < 3
