"""A folder with runs of every kind, and the viewer over it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from assay import FinishReason, Outcome
from assay.viewing.app import make_app
from tests.viewing.folders import sample, write_run


def mixed(right: int) -> list:
    """12 problems × 4 samples; those whose number is below `right` are right, and one of each other kind."""
    samples = []
    for problem in range(12):
        for index in range(4):
            name = f"sum-{problem}"
            if problem == 11:
                verdict = [Outcome.NO_ANSWER, Outcome.TRUNCATED, Outcome.REFUSED, Outcome.ERROR][index]
                finish = FinishReason.LENGTH if verdict is Outcome.TRUNCATED else FinishReason.STOP
                samples.append(sample(name, index, "<think>\nendless", verdict=verdict, finish_reason=finish))
            elif problem == 10:
                samples.append(sample(name, index, verdict=0.5))
            else:
                text = f"<think>\nlet me see {problem}\n</think>\nso Zebra{problem} $x^2$ \\boxed{{4}}"
                samples.append(sample(name, index, text, verdict=float(problem < right)))
    return samples


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Whole, running, trainer's and broken runs."""
    root = tmp_path_factory.mktemp("results")
    write_run(root / "a" / "checkpoint-500" / "sums-1", mixed(4), model="hf:out/checkpoint-500")
    write_run(root / "a" / "checkpoint-1000" / "sums-1", mixed(7), model="hf:out/checkpoint-1000")
    write_run(root / "other" / "data", mixed(7), model="hf:out/checkpoint-1000", revision="r2")
    write_run(
        root / "grpo" / "rollouts", mixed(5), model="hf:out", benchmark="train", seal=False, summary=False, planned=96
    )
    broken = root / "broken"
    cut = write_run(broken / "cut", mixed(2), benchmark="cut")
    (cut / "samples.parquet").write_bytes((cut / "samples.parquet").read_bytes()[:900])
    rotten = write_run(broken / "rotten", mixed(2), benchmark="rotten")
    whole = bytearray((rotten / "samples.parquet").read_bytes())
    whole[200:2_000] = b"\xff" * 1_800  # the footer is whole, the columns are not
    (rotten / "samples.parquet").write_bytes(whole)
    no_manifest = write_run(broken / "no-manifest", mixed(2), benchmark="none")
    (no_manifest / "manifest.json").unlink()
    odd = write_run(broken / "odd", mixed(2), benchmark="odd")
    (odd / "manifest.json").write_text(
        '{"format": 1, "sampling": 3, "sessions": "abc", "first_prompt": [1], "metrics": {}, "model": {"a": 1}, '
        '"verifiers": [], "model_fingerprint": 0, "benchmark": null, "benchmark_revision": 1, "template": 1, '
        '"instruction": 7, "prefill": null, "prompt_sha256": false}'
    )
    (broken / "empty").mkdir()
    (broken / "empty" / "manifest.json").write_text("")
    text = broken / "text"
    text.mkdir()
    (text / "samples.parquet").write_text("no parquet")
    (text / "journal.jsonl").write_bytes(b"\xff\xfe rubbish\n{}\n" + b"[" * 5_000 + b"\n" + b'{"torn": ')
    return root


class Site:
    """The viewer, asked as a browser asks."""

    def __init__(self, client: TestClient) -> None:
        self.client = client

    def get(self, address: str, status: int = 200) -> str:
        """The page at an address."""
        answer = self.client.get(address)
        assert answer.status_code == status, (address, answer.status_code, answer.text[-2_000:])
        assert "script-src 'self'" in answer.headers["content-security-policy"]
        return answer.text

    def total(self, query: str) -> int:
        """How many samples a filter has."""
        found = re.search(r"<b>([\d,]+)</b> sample", self.get(f"/samples?{query}"))
        assert found
        return int(found[1].replace(",", ""))

    def samples(self, query: str) -> list[str]:
        """The addresses of the samples of a page."""
        return [
            unescape(each)
            for each in re.findall(r'<a href="(/sample\?[^"]+)" data-open', self.get(f"/samples?{query}"))
        ]


@pytest.fixture
def site(results: Path) -> Iterator[Site]:
    """The viewer over `results`."""
    with viewer(results) as found:
        yield found


def viewer(root: Path) -> object:
    """A context with the viewer over a folder."""
    import contextlib

    @contextlib.contextmanager
    def opened() -> Iterator[Site]:
        with TestClient(make_app(root, port=None), base_url="http://127.0.0.1") as client:
            yield Site(client)

    return opened()
