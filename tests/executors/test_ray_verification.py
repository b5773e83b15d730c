"""`assay rescore` and `assay score` with `--executor ray`: the verdicts of one machine, in order, though a node dies.

Minutes, and a gigabyte of memory: `make ray`.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assay.runs.store import SampleStore
from tests.executors.conftest import a_node_dies, assay, lines
from tests.verification.conftest import wait_until

ray = pytest.importorskip("ray")
pytestmark = [
    pytest.mark.ray,
    pytest.mark.timeout(900),
    pytest.mark.filterwarnings("ignore"),  # Ray's own, of processes and files that it leaves to the system
]

SLOW = '''
"""Sums, checked slowly and in two versions: the second also takes an answer that is one too large."""
import time, assay

class Slow(assay.BaseVerifier):
    name, version = "slow_plus", "{version}"

    def verify(self, problem, completion):
        time.sleep(0.02)
        answer = completion.text.strip()
        if not answer:
            return assay.missing_answer(completion, "nothing")
        off = int(answer) - int(problem.reference)
        return assay.Verdict(outcome=assay.Outcome.GRADED, score=float(0 <= off < {version}), extracted=answer)

class Plus(assay.BaseBenchmark):
    name = "plus"
    protocol = assay.EvalProtocol(samples=8)
    metrics = ("pass@1", "cons@n")

    def problems(self):
        return [assay.Problem(id=f"p{{a}}", prompt=(assay.Message(role="user", content=str(a)),), reference=str(a),
                              verifier="slow_plus") for a in range(60)]

@assay.hookimpl
def register_verifiers():
    return {{"slow_plus": Slow}}

@assay.hookimpl
def register_benchmarks():
    return {{"plus": Plus}}
'''


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], str]:
    folder = tmp_path_factory.mktemp("plugins")
    for version in (1, 2):
        (folder / f"v{version}.py").write_text(SLOW.format(version=version))
    return lambda version: str(folder / f"v{version}.py")


def records(folder: Path) -> list[tuple]:
    (path,) = {file.parent for file in folder.rglob("manifest.json")}
    with SampleStore.open(path) as store:
        return [
            (record.key, record.completion.text, replace(record.verdict, seconds=0.0), record.verifier_version)
            for record in store.records(list(store.rows))
        ]


def flips(stdout: str) -> list[dict[str, Any]]:
    (run,) = json.loads(stdout)
    return run["flips"]


def test_a_rescore_is_the_local_one_though_a_node_dies(
    cluster: Any, plugin: Callable[[int], str], tmp_path: Path
) -> None:
    chance = random.Random(11)
    with open(tmp_path / "replay.jsonl", "w") as file:
        for a in range(60):
            for sample in range(8):
                text = chance.choice([str(a), str(a + 1), str(a - 1), ""])
                file.write(json.dumps({"problem_id": f"p{a}", "sample_index": sample, "text": text}) + "\n")
    assay("run", f"replay:{tmp_path}/replay.jsonl", "plus:8", "--plugin", plugin(1), "--out", str(tmp_path / "here"))
    shutil.copytree(tmp_path / "here", tmp_path / "ray")
    here = flips(assay("rescore", str(tmp_path / "here"), "--plugin", plugin(2), "--json").stdout)
    where = ("--executor", f"ray:{cluster.address}")
    with a_node_dies(cluster, when=lambda: _checked_on(cluster.extra[0])):
        there = flips(assay("rescore", str(tmp_path / "ray"), "--plugin", plugin(2), "--json", *where).stdout)
    assert len(here) > 60
    assert there == here
    assert records(tmp_path / "ray") == records(tmp_path / "here")
    assert {record[3] for record in records(tmp_path / "ray")} == {"2"}
    assert lines(tmp_path / "ray") == 0, "it is sealed again"
    assert _summary(tmp_path / "ray")["metrics"] == _summary(tmp_path / "here")["metrics"]


def _checked_on(node: Any) -> bool:
    """Whether a node is at work: one of its processes has verifiers open."""
    import psutil

    raylet = next((info.process.pid for info in node.all_processes.get("raylet", ())), None)
    if raylet is None:
        return False
    try:
        return any("assay-fork-server" in child.cmdline() for child in psutil.Process(raylet).children(recursive=True))
    except psutil.Error:
        return False


def _summary(folder: Path) -> dict[str, Any]:
    (path,) = folder.rglob("summary.json")
    summary: dict[str, Any] = json.loads(path.read_text())
    return summary


def score(file: Path, *more: str) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(assay("score", str(file), "--json", "--disagreements", *more).stdout)
    del report["seconds"]
    return report


def test_a_file_is_scored_as_locally_though_a_node_dies(
    cluster: Any, plugin: Callable[[int], str], tmp_path: Path
) -> None:
    chance = random.Random(12)
    file = tmp_path / "rows.jsonl"
    with open(file, "w") as out:
        for number in range(500):
            row = {"id": f"r{number}", "response": str(number + chance.choice([0, 1])), "answer": str(number)}
            out.write(json.dumps({**row, "correct": chance.random() < 0.5}) + "\n")
    asked = ("--verifier", "slow_plus", "--plugin", plugin(1))
    here = score(file, *asked)
    with a_node_dies(cluster, when=lambda: _checked_on(cluster.extra[0])):
        there = score(file, *asked, "--executor", f"ray:{cluster.address}")
    assert there == here
    assert len(here["disagreements"]) > 100


def test_real_answers_and_programs_have_the_same_verdicts(cluster: Any, shared_data: Path, tmp_path: Path) -> None:
    where = ("--executor", f"ray:{cluster.address}")
    maths = shared_data / "responses_qwen25math_100x8.jsonl"
    asked = ("--verifier", "boxed_math", "-o", "extraction=lenient")
    assert score(maths, *asked, *where) == score(maths, *asked)
    programs = tmp_path / "programs.jsonl"
    tests = {"kind": "stdin", "time_limit": 1.0, "tests": [{"input": "2 3\n", "output": "5\n"}]}
    bodies = [
        "a, b = map(int, input().split())\nprint(a + b)", "print(5)", "print(6)", "while True: pass", "1 / 0",
        "import os\nos._exit(3)", "print('x' * 10**8)", "x = bytearray(2**33)",
    ]  # fmt: skip
    with open(programs, "w") as out:
        for number, body in enumerate(bodies * 3):
            out.write(json.dumps({"id": number, "response": f"```python\n{body}\n```", "reference": tests}) + "\n")
    asked = ("--verifier", "code_tests")
    here, there = score(programs, *asked), score(programs, *asked, *where)
    assert here == there
    assert here["outcomes"]["graded"] == len(bodies) * 3, here["failures"][:1]
    nodes = [cluster.head_node, *cluster.extra]
    wait_until(lambda: not any(map(_checked_on, nodes)), 30, "the end of all workers")


def test_a_node_without_the_plugin_is_found_out(cluster: Any, plugin: Callable[[int], str], tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps({"response": "1", "answer": "1"}) + "\n")
    asked = ("score", str(file), "--verifier", "slow_plus", "--executor", f"ray:{cluster.address}")
    gone = tmp_path / "gone.py"
    gone.write_text(SLOW.format(version=1).replace("import time, assay", "import time, assay, os\nos.remove(__file__)"))
    done = assay(*asked, "--plugin", str(gone), code=1)
    assert "a node of the cluster cannot run the verifier" in done.stderr
    assert "Traceback" not in done.stderr
