"""Exports, each read back by the program that it is for."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from assay.errors import StoreError
from assay.exports import counted_records, scalars
from assay.exports.boards import write_tensorboard, write_wandb
from assay.exports.inspect_log import write_inspect
from assay.exports.samples import write_jsonl, write_parquet
from assay.exports.tables import latex_text, to_latex, to_model_card
from assay.results import find_runs, load_result
from assay.types import Completion, FinishReason, Outcome, Verdict
from tests.report.stores import make_run, training_like


def mixed(problem, index, luck):
    """One sample of every outcome in each problem."""
    outcome = list(Outcome)[index % len(Outcome)]
    reason = FinishReason.LENGTH if outcome is Outcome.TRUNCATED else FinishReason.STOP
    score = float(problem % 2) if outcome is Outcome.GRADED else None
    verdict = Verdict(outcome=outcome, score=score, extracted="7" if score is not None else None, reason="so")
    return Completion(text=f"text \ud800 {index}", finish_reason=reason, num_tokens=10, prefill="<think>\n"), verdict


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("runs")
    for step, skill in ((100, 0.3), (200, 0.7)):
        make_run(
            root, f"hf:out/checkpoint-{step}", problems=6, samples=4, make=training_like(skill), metrics=("pass@1",)
        )
    make_run(root, "openai:http://host/v1#org/tiny_model", benchmark="odd_%&", problems=4, samples=6, make=mixed,
             metrics=("pass@1",))  # fmt: skip
    (root / "grpo").mkdir()
    (root / "grpo" / "metrics.jsonl").write_text(
        "".join(json.dumps({"step": s, "reward": s / 2}) + "\n" for s in (1, 2))
    )
    return root


@pytest.fixture(scope="module")
def results(runs: Path):
    return [load_result(folder) for folder in find_runs([runs])]


def test_samples_as_parquet_and_jsonl_are_the_same(results, tmp_path: Path):
    assert write_parquet(results, tmp_path / "x.parquet") == 72
    assert write_jsonl(results, tmp_path / "x.jsonl") == 72
    rows = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text().splitlines()]
    assert pq.read_table(tmp_path / "x.parquet").to_pylist() == rows
    assert {row["model"] for row in rows} == {result.manifest["model"] for result in results}
    assert sum(row["outcome"] == "error" for row in rows) == 4


def test_a_run_with_a_limit_exports_what_its_summary_counts(tmp_path: Path):
    folder = make_run(tmp_path, "hf:m", problems=5, samples=4)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["sessions"].append({**manifest["sessions"][0], "samples_per_problem": 2, "problem_ids": ["sum-001"]})
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert [record.sample_index for record in counted_records(load_result(folder))] == [0, 1]


def test_a_full_disk_is_said(results):
    with pytest.raises(StoreError, match="No space left"):
        write_jsonl(results, Path("/dev/full"))


def test_latex_compiles_to_the_cells(results):
    text = to_latex([result.row() for result in results])
    body = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert len(body) == 4
    assert len({line.count(" & ") for line in body}) == 1
    assert r"odd\_\%\&" in text
    assert latex_text("a_b{~^\\") == r"a\_b\{\textasciitilde{}\textasciicircum{}\textbackslash{}"
    assert re.search(r"0\.\d{3} \$\\pm\$ 0\.\d{3}", text)


def test_a_model_card_is_yaml_with_the_values(results):
    text = to_model_card([result.row() for result in results])
    assert text.startswith("---\n")
    assert text.endswith("---\n")
    index = yaml.safe_load(text.strip("-\n"))["model-index"]
    assert [entry["name"] for entry in index] == ["checkpoint-100", "checkpoint-200", "tiny_model"]
    metric = index[0]["results"][0]["metrics"][0]
    assert metric["value"] == round(results[0].summary["metrics"]["pass@1"]["value"], 6)
    from huggingface_hub import ModelCard

    card = ModelCard(to_model_card([results[0].row()]) + "\n# A model\n")
    assert card.data.model_name == "checkpoint-100"
    assert card.data.eval_results[0].metric_value == metric["value"]


def test_tensorboards_own_reader_loads_the_scalars(results, runs: Path, tmp_path: Path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    expected: dict[str, dict[str, list[tuple[int, float]]]] = defaultdict(lambda: defaultdict(list))
    for point in scalars(results, [runs]):
        expected[point.series][point.tag].append((point.step, point.value))
    assert write_tensorboard(scalars(results, [runs]), tmp_path) == sum(
        len(points) for tags in expected.values() for points in tags.values()
    )
    reader = EventAccumulator(str(tmp_path / "hf-out")).Reload()
    assert set(reader.Tags()["scalars"]) == set(expected["hf:out"])
    read = [(event.step, event.value) for event in reader.Scalars("sums/pass@1")]
    assert read == [(step, pytest.approx(value, abs=1e-6)) for step, value in expected["hf:out"]["sums/pass@1"]]
    training = EventAccumulator(str(tmp_path / "grpo")).Reload().Scalars("training/reward")
    assert [(event.step, event.value) for event in training] == [(1, 0.5), (2, 1.0)]


def test_inspects_own_reader_loads_the_log(results, tmp_path: Path):
    from inspect_ai.log import list_eval_logs, read_eval_log, read_eval_log_sample_summaries

    result = next(each for each in results if each.manifest["benchmark"] == "odd_%&")
    path = write_inspect(result, tmp_path)
    assert [Path(info.name.removeprefix("file://")).name for info in list_eval_logs(str(tmp_path))] == [path.name]
    log = read_eval_log(str(path))
    assert log.status == "success"
    assert log.eval.model == result.manifest["model"]
    assert log.eval.config.epochs == 6
    (score,) = log.results.scores
    assert score.metrics["pass@1"].value == result.summary["metrics"]["pass@1"]["value"]
    assert len(read_eval_log_sample_summaries(str(path))) == len(log.samples) == 24
    values = defaultdict(set)
    for sample in log.samples:
        outcome = list(Outcome)[(sample.epoch - 1) % len(Outcome)]
        values[outcome].add(None if sample.error else sample.scores["boxed_math"].value)
        assert sample.output.completion.startswith("<think>\ntext")
    assert values[Outcome.GRADED] == {0.0, 1.0}
    assert values[Outcome.NO_ANSWER] == values[Outcome.REFUSED] == {"N"}
    assert values[Outcome.TRUNCATED] == {"I"}
    assert values[Outcome.ERROR] == values[Outcome.VERIFIER_TIMEOUT] == {None}


def test_wandb_writes_an_offline_run(results, runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    count = write_wandb(scalars(results[:2], [runs]), tmp_path)
    assert count > 10
    assert len(list(tmp_path.glob("wandb/offline-run-*/*.wandb"))) == 2


def test_the_command_and_its_mistakes(runs: Path, tmp_path: Path):
    def call(*arguments: str):
        command = [sys.executable, "-m", "assay", "export", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    table = call("csv", str(runs))
    assert len(list(csv.DictReader(io.StringIO(table.stdout)))) == 3
    assert call("parquet", str(runs), "--out", str(tmp_path / "a.parquet")).returncode == 0
    typo = call("parket", str(runs))
    assert typo.returncode == 2
    assert "parquet" in typo.stderr
    assert call("jsonl", str(runs)).returncode == 2
    nothing = call("csv", str(tmp_path))
    assert nothing.returncode == 1
    assert "holds no run" in nothing.stderr
    alone = call("tensorboard", str(runs / "grpo"), str(runs / "checkpoint-100"), "--out", str(tmp_path / "board"))
    assert alone.returncode == 0, alone.stderr
    assert {path.name for path in (tmp_path / "board").iterdir()} == {"grpo", "hf-out"}
    copy = shutil.copytree(runs, tmp_path / "copy")
    next(copy.rglob("manifest.json")).write_text("{")
    damaged = call("csv", str(copy))
    assert damaged.returncode == 1
    assert len(list(csv.DictReader(io.StringIO(damaged.stdout)))) == 2
