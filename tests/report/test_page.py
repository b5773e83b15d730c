"""The HTML page: what stands on it, that hostile names stay text, and that figures carry the numbers."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
import xml.etree.ElementTree as tree
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from assay.errors import UsageError
from assay.report.page import build_page
from assay.report.page.samples import read_samples
from assay.report.page.training import find_training_runs
from assay.report.page.views import curves_of, make_views
from assay.results import find_runs, load_result
from assay.steps import step_of
from assay.types import Completion, Outcome, Verdict
from tests.report.stores import make_run, training_like

HOSTILE = "</style><script>alert(1)</script><img src=x onerror=alert(2)>\"'$\\frac{"


def results(root: Path):
    return [load_result(folder) for folder in find_runs([root])]


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three checkpoints on two benchmarks, and the training run that they come from."""
    root = tmp_path_factory.mktemp("sweep")
    for number, skill in enumerate((0.2, 0.5, 0.8)):
        for benchmark in ("sums", "words"):
            model = f"hf:out/checkpoints/step-{50 * number:06}"
            make_run(root / "runs", model, benchmark=benchmark, problems=12, make=training_like(skill))
    (root / "grpo").mkdir()
    lines = [
        {"step": step, "reward": step / 10, "reward/format": 1.0, "kl": 0.1, "alarms": []} for step in range(1, 11)
    ]
    torn = '{"step": 11, "rew'
    (root / "grpo" / "metrics.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n" + torn)
    return root


class Elements(HTMLParser):
    """Every element with its attributes, and what a page would load or run."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def test_steps_are_read_from_names():
    assert step_of("hf:out/checkpoint-500") == ("hf:out", 500)
    assert step_of("hf:runs/a/checkpoints/step-000050/") == ("hf:runs/a", 50)
    assert step_of("vllm:org/model@step-12") == ("vllm:org/model", 12)
    assert step_of("hf:Qwen/Qwen3-8B") == ("hf:Qwen/Qwen3-8B", None)
    assert step_of("hf:" + "a/" * 5000 + "step") == ("hf:" + "a/" * 5000 + "step", None)


def test_every_sampling_has_a_curve_of_its_own():
    def run(step, temperature):
        return {"model": f"hf:out/checkpoint-{step}", "benchmark": "sums", "temperature": temperature, "top_p": 1.0}

    records = [run(step, temperature) for temperature in (0.6, 1.0) for step in (50, 100)]
    views = make_views(records, [None] * 4, [None] * 4)
    assert {name: [view.step for view in steps] for name, steps in curves_of(views).items()} == {
        "out, T 0.6": [50, 100], "out, T 1.0": [50, 100],
    }  # fmt: skip
    (alone,) = curves_of(make_views(records[:2], [None] * 2, [None] * 2))
    assert alone == "out"


def test_samples_agree_with_the_summary(tmp_path: Path):
    folder = make_run(tmp_path, "hf:m", problems=7, samples=5, metrics=("pass@1",))
    result = load_result(folder)
    samples = read_samples(folder, result.manifest)
    assert np.mean(samples.pass_rates()) == pytest.approx(result.summary["metrics"]["pass@1"]["value"], abs=1e-12)
    assert {outcome.value: count for outcome, count in samples.outcome_counts().items()} == result.summary["outcomes"]
    assert samples.truncated.mean() == pytest.approx(result.summary["rates"]["truncated"])
    assert np.nanmean(samples.tokens) == pytest.approx(result.summary["rates"]["mean_tokens"])
    assert [len(places) for places in samples.places()] == [5] * 7


def test_a_run_that_goes_on_is_read_from_its_journal(tmp_path: Path):
    sealed = make_run(tmp_path / "a", "hf:m", problems=5)
    running = make_run(tmp_path / "b", "hf:m", problems=5, seal=False)
    first, second = (read_samples(folder, load_result(folder).manifest) for folder in (sealed, running))
    assert first.problems == second.problems
    assert np.array_equal(first.credit, second.credit, equal_nan=True)
    assert first.answers == second.answers


def test_our_failures_are_in_no_rate(tmp_path: Path):
    def make(problem, index, luck):
        ours = index == 0
        outcome = Outcome.ERROR if ours else Outcome.GRADED
        return Completion(text="x", num_tokens=3), Verdict(outcome=outcome, score=None if ours else 1.0, extracted="x")

    folder = make_run(tmp_path, "hf:m", problems=3, samples=4, make=make)
    samples = read_samples(folder, load_result(folder).manifest)
    assert list(samples.pass_rates()) == [1.0, 1.0, 1.0]
    assert samples.common_answers(samples.places()[0], 5) == [("x", 3, 1.0)]


def test_the_page_holds_tables_figures_and_cards(sweep: Path):
    page = build_page(results(sweep), training=[sweep], title="Small sweep")
    names = [figure.name for figure in page.figures]
    assert names == [
        "outcomes",
        "training-1",
        *[f"benchmark-{number}-{kind}" for number in (1, 2) for kind in ("curves", "scores", "problems", "lengths")],
    ]
    assert page.html.count("<svg") == len(names)
    assert "Small sweep" in page.html
    assert "out @ 100" in page.html
    assert page.html.count("<details") == 24
    assert page.left_out == ()
    ids = re.findall(r'\bid="([^"]+)"', page.html)
    assert len(ids) == len(set(ids))
    for figure in page.figures:
        tree.fromstring(figure.svg)
        tree.fromstring(figure.svg_file)
        assert figure.png().startswith(b"\x89PNG")


def test_curves_carry_the_numbers_of_the_summaries(sweep: Path):
    page = build_page(results(sweep), training=[sweep])
    curves = next(figure for figure in page.figures if figure.name == "benchmark-1-curves")
    rows = list(csv.DictReader(io.StringIO(curves.csv)))
    summaries = {load_result(folder).manifest["model"]: load_result(folder).summary for folder in find_runs([sweep])
                 if "sums" in folder.name}  # fmt: skip
    for row in rows:
        summary = summaries[f"hf:out/checkpoints/step-{int(row['step']):06}"]
        if row["what"] in summary["metrics"]:
            assert float(row["value"]) == summary["metrics"][row["what"]]["value"]
    assert {row["what"] for row in rows} >= {"pass@1", "cons@8", "mean length", "truncated"}
    heat = next(figure for figure in page.figures if figure.name == "benchmark-1-problems")
    assert len(list(csv.reader(io.StringIO(heat.csv)))) == 13


def test_a_training_run_is_read_up_to_its_torn_line(sweep: Path):
    (run,) = find_training_runs([sweep])
    assert run.series("reward")[0] == [float(step) for step in range(1, 11)]
    assert "alarms" not in run.rows[0]


def test_hostile_names_and_answers_stay_text(tmp_path: Path):
    def make(problem, index, luck):
        verdict = Verdict(outcome=Outcome.GRADED, score=0.0, extracted=HOSTILE + "\x00\u202e" + "9" * 10_000)
        return Completion(text=HOSTILE, num_tokens=5), verdict

    for number in range(2):
        make_run(tmp_path, f"hf:{HOSTILE}/checkpoint-{number}", benchmark=HOSTILE, problems=2, make=make,
                 names=lambda n: f"{HOSTILE}{n}", metrics=("pass@1",))  # fmt: skip
    (tmp_path / "<b>x").mkdir()
    (tmp_path / "<b>x" / "metrics.jsonl").write_text(json.dumps({"step": 1, f"reward/{HOSTILE}": 1.0, "reward": 1.0}))
    page = build_page(results(tmp_path), training=[tmp_path], title=HOSTILE)
    elements = Elements(page.html).seen
    assert not [tag for tag, _ in elements if tag in ("script", "img", "iframe", "object", "b", "link")]
    assert not [name for _, attributes in elements for name in attributes if name.startswith("on")]
    links = [attributes["href"] for tag, attributes in elements if tag in ("a", "use") and attributes.get("href")]
    assert all(link.startswith(("#", "data:text/csv;", "data:image/svg+xml;")) for link in links)
    assert len(page.html) < 3_000_000
    for figure in page.figures:
        assert "<script" not in figure.svg


def test_nothing_is_loaded_from_elsewhere(sweep: Path):
    page = build_page(results(sweep)).html
    policy = next(a["content"] for tag, a in Elements(page).seen if a.get("http-equiv") == "Content-Security-Policy")
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    outside = set(re.findall(r'(?:href|src)="(?!#|data:)([^"]*)"', page))
    assert not outside
    assert "url(http" not in page


def test_a_damaged_run_is_left_out_and_said(tmp_path: Path):
    good = make_run(tmp_path, "hf:good", problems=4)
    bad = make_run(tmp_path, "hf:bad", problems=4)
    loaded = results(tmp_path)
    (bad / "samples.parquet").write_bytes(b"not parquet")
    page = build_page(loaded)
    assert len(page.left_out) == 1
    assert str(bad) in page.left_out[0]
    assert load_result(good).row()["model"] == "hf:good"


def test_nothing_to_report_is_an_error(tmp_path: Path):
    with pytest.raises(UsageError, match="nothing to report"):
        build_page([], training=[tmp_path])


def test_the_command_writes_page_and_figures(sweep: Path, tmp_path: Path):
    page, figures = tmp_path / "deep" / "report.html", tmp_path / "figures"
    command = [sys.executable, "-m", "assay", "report", str(sweep), "--html", str(page), "--figures", str(figures)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert page.read_text().startswith("<!doctype html>")
    assert len(list(figures.iterdir())) == 3 * 10
    refused = subprocess.run([*command, "--json"], capture_output=True, text=True, timeout=60, check=False)
    assert refused.returncode == 2
    full = subprocess.run(
        [sys.executable, "-m", "assay", "report", str(sweep), "--html", "/dev/full"],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert full.returncode == 1
    assert "No space left on device" in full.stderr
    assert "Traceback" not in full.stderr
