"""`assay compare` and `assay power` on real runs: numbers by hand, refusals, formats."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

PLUGIN = """
import assay

class Words(assay.BaseVerifier):
    name, version = "words", "{version}"

    def verify_fast(self, problem, completion):
        right = completion.text == problem.reference
        return assay.Verdict(outcome=assay.Outcome.GRADED, score=float(right), extracted=completion.text)

    verify = verify_fast

class Easy(assay.BaseBenchmark):
    name = "easy"
    protocol = assay.EvalProtocol(samples=4, instruction="{instruction}")
    metrics = ("pass@1", "cons@4")

    def problems(self):
        ask = (assay.Message(role="user", content="{question}"),)
        return [assay.Problem(id=f"p{{q}}", prompt=ask, reference="yes", verifier="words") for q in range(12)]

@assay.hookimpl
def register_verifiers():
    return {{"words": Words}}

@assay.hookimpl
def register_benchmarks():
    return {{"easy": Easy}}
"""


def assay(folder: Path, *arguments: str, rc: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "assay", *arguments], capture_output=True, text=True, timeout=200, cwd=folder
    )
    assert done.returncode == rc, done.stderr
    return done


def make(folder: Path, name: str, right: list[int], *options: str, version="1", instruction="", question="?") -> str:
    """A run whose problem q has right[q] right samples of four."""
    plugin = folder / f"{name}.py"
    plugin.write_text(PLUGIN.format(version=version, instruction=instruction, question=question))
    with open(folder / f"{name}.jsonl", "w") as file:
        for q, count in enumerate(right):
            for i in range(4):
                text = "yes" if i < count else f"no {i}"
                file.write(json.dumps({"problem_id": f"p{q}", "sample_index": i, "text": text}) + "\n")
    assay(folder, "run", f"replay:{name}.jsonl", "easy", "--plugin", str(plugin), "--out", name, "-q", *options)
    return name


A = [4, 4, 4, 4, 4, 4, 4, 4, 3, 3, 2, 0]
B = [1, 0, 1, 2, 0, 1, 0, 1, 0, 3, 2, 1]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    make(folder, "a", A)
    make(folder, "b", B)
    make(folder, "warm", B, "--temperature", "1.0")
    make(folder, "other_prompt", A, instruction="Answer yes.")
    make(folder, "other_version", A, version="2")
    make(folder, "other_data", A, question="??")
    return folder


def test_the_numbers_of_a_comparison(runs: Path) -> None:
    (row,) = json.loads(assay(runs, "compare", "a", "b", "--json", "--plugin", "a.py").stdout)
    differences = [(x - y) / 4 for x, y in zip(A, B, strict=True)]
    mean = sum(differences) / 12
    assert row["difference"] == pytest.approx(mean)
    assert (row["value_a"], row["value_b"]) == (pytest.approx(sum(A) / 48), pytest.approx(sum(B) / 48))
    assert (row["won"], row["lost"], row["tied"], row["problems"]) == (9, 1, 2, 12)
    se = (sum((d - mean) ** 2 for d in differences) / 11 / 12) ** 0.5
    assert row["se"] == pytest.approx(se)
    assert row["high"] == pytest.approx(mean + 2.20099 * se, abs=1e-6)
    # Ten problems differ: of 1,024 ways to sign them, those that reach 29 quarters either way, counted one by one.
    steps = [abs(x - y) for x, y in zip(A, B, strict=True) if x != y]
    sums = [sum(s if k >> i & 1 else -s for i, s in enumerate(steps)) for k in range(1024)]
    assert row["p"] == pytest.approx(sum(abs(total) >= sum(A) - sum(B) for total in sums) / 1024)
    assert row["p_method"] == "sign-flip"
    assert row["significant"] is True
    assert row["notes"] == []
    (voted,) = json.loads(assay(runs, "compare", "a", "b", "--metric", "cons@4", "--json", "--plugin", "a.py").stdout)
    # "no" answers differ from each other: two right ones of four win, one ties with the three others.
    share = [0, 0.25, 1, 1, 1]
    assert voted["difference"] == pytest.approx(sum(share[x] - share[y] for x, y in zip(A, B, strict=True)) / 12)


def test_every_form_says_the_same(runs: Path) -> None:
    table = assay(runs, "compare", "a", "b", "warm").stdout
    assert "+0.583 *" in table
    rows = list(csv.DictReader(io.StringIO(assay(runs, "compare", "a", "b", "warm", "--csv").stdout)))
    assert [(row["a"], row["b"]) for row in rows] == [("a.jsonl", "b.jsonl"), ("a.jsonl", "warm.jsonl")]
    assert float(rows[0]["p_holm"]) == pytest.approx(2 * float(rows[0]["p"]))
    assert "temperature 0.6 and 1.0" in rows[1]["notes"]
    page = assay(runs, "compare", "a", "b", "warm", "--markdown", "--all-pairs").stdout
    assert page.count("| easy |") == 3
    assert "temperature 0.6 and 1.0" in page
    for text in (table, page):
        assert "p (Holm)" in text
        assert f"{float(rows[0]['difference']):+.3f}" in text


@pytest.mark.parametrize("kind", ["prompt", "verifier", "revision"])
def test_what_differs_is_refused_and_said(runs: Path, kind: str) -> None:
    other = {"prompt": "other_prompt", "verifier": "other_version", "revision": "other_data"}[kind]
    refused = assay(runs, "compare", "a", other, rc=2).stderr
    assert "not comparable" in refused
    assert f"differ in {kind} (" in refused
    assert f"--allow-different {kind}" in refused
    if kind == "verifier":
        assert "words 1 and words 2" in refused
    (row,) = json.loads(assay(runs, "compare", "a", other, "--allow-different", kind, "--json").stdout)
    assert (row["difference"], row["p"]) == (0.0, 1.0)
    assert f"{kind} differs" in row["notes"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compare", "a"], "two or more"),
        (["compare", "a", "b", "--metric", "pass"], "unknown metric"),
        (["compare", "a", "b", "--allow-different", "promt"], "Did you mean prompt"),
        (["power", "--mean", "0.5"], "all of --mean, --spread and --problems"),
        (["power", "--mean", "0.5", "--spread", "0.5", "--problems", "30", "a"], "when no run is given"),
        (["power", "--mean", "0.1", "--spread", "0.4", "--problems", "30"], "at most 0.300"),
        (["power", "a", "b", "--correlation", "0.5"], "measured"),
        (["power", "a", "other_prompt"], "not comparable"),
    ],
)
def test_usage_errors(runs: Path, arguments: list[str], message: str) -> None:
    assert message in assay(runs, *arguments, rc=2).stderr


def test_power_from_runs_and_from_assumptions(runs: Path) -> None:
    one = json.loads(assay(runs, "power", "a", "--diff", "0.1", "--json").stdout)
    two = json.loads(assay(runs, "power", "a", "b", "--diff", "0.1", "--json").stdout)
    assert (one["problems"], two["problems"]) == (12, 12)
    (row,) = json.loads(assay(runs, "compare", "a", "b", "--json").stdout)
    at_four = next(each for each in two["rows"] if each["samples"] == 4)
    assert at_four["se"] == pytest.approx(row["se"])
    assert two["rows"][-1]["se"] == pytest.approx(row["se_limit"], rel=1e-6)
    assert two["samples_needed"] is None
    text = assay(runs, "power", "--mean", "0.5", "--spread", "0.2", "--problems", "30", "--diff", "0.05").stdout
    assert "out of reach" not in text
    assert "samples of each of the 30 problems are enough" in text or "No number of samples is enough" in text
