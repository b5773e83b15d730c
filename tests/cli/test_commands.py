"""The commands on real files: what they print, and that the numbers agree with each other."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.runs.crash import PLUGIN, write_replay


def assay(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "assay", *arguments], capture_output=True, text=True, timeout=200)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    write_replay(folder / "replay.jsonl")
    done = assay(
        "run", f"replay:{folder}/replay.jsonl", "sums:8", "--plugin", str(PLUGIN), "--out", str(folder / "out")
    )
    assert done.returncode == 0, done.stderr
    assert "320/320" in done.stderr
    assert "What is 0 + 0?" in done.stderr
    return folder / "out"


def test_report_says_the_same_in_every_form(runs: Path) -> None:
    rows = json.loads(assay("report", str(runs), "--json").stdout)
    value = rows[0]["summary"]["metrics"]["pass@1"]["value"]
    assert rows[0]["complete"] is True
    table = list(csv.DictReader(io.StringIO(assay("report", str(runs), "--csv").stdout)))
    assert float(table[0]["pass@1"]) == pytest.approx(value)
    for form in ((), ("--markdown",)):
        assert f"{value:.3f} ± " in assay("report", str(runs), *form).stdout
    (run,) = {path.parent for path in runs.rglob("manifest.json")}
    assert f"{value:.3f} ± " in (run / "report.md").read_text()
    assert json.loads((run / "summary.json").read_text())["metrics"]["pass@1"]["value"] == value


def test_the_pass_at_1_of_the_table_is_the_mean_of_the_samples(runs: Path) -> None:
    import pyarrow.parquet as pq

    (path,) = runs.rglob("samples.parquet")
    samples = pq.read_table(path).to_pylist()
    mean = sum(sample["score"] or 0.0 for sample in samples) / len(samples)
    rows = json.loads(assay("report", str(runs), "--json").stdout)
    assert rows[0]["summary"]["metrics"]["pass@1"]["value"] == pytest.approx(mean)
    assert {sample["outcome"] for sample in samples} == {"graded", "no_answer", "truncated"}


def test_score_counts_outcomes_and_lists_disagreements(tmp_path: Path) -> None:
    rows = [
        {"id": "right", "response": r"\boxed{4}", "answer": "4", "correct": True},
        {"id": "wrong", "response": r"\boxed{5}", "answer": "4", "correct": False},
        {"id": "mislabelled", "response": r"\boxed{8/2}", "answer": "4", "correct": False},
        {"id": "silent", "response": "hm", "answer": "4", "correct": False},
        {"id": "absurd", "response": r"\boxed{9^{9^{9}}}", "answer": "4", "correct": False},
        {"id": "cut", "response": r"<think>\boxed{4}", "answer": "4", "correct": False, "finish_reason": "length"},
    ]
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = assay("score", str(file), "--verifier", "boxed_math", "--json", "--disagreements")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["outcomes"] == {
        "graded": 3, "no_answer": 1, "truncated": 1, "refused": 1, "verifier_timeout": 0, "error": 0
    }  # fmt: skip
    assert report["mean_score"] == pytest.approx(2 / 6)
    assert report["agreement"] == pytest.approx(5 / 6)
    assert [row["id"] for row in report["disagreements"]] == ["mislabelled"]
    text = assay("score", str(file), "--verifier", "boxed_math", "--disagreements").stdout
    assert "agreement with the labels 83.33% (5 of 6; 1 disagree)" in text
    assert "disagrees: row 3 (mislabelled)" in text
    only = json.loads(assay("score", str(file), "--verifier", "boxed_math", "--json", "--where", "id=right").stdout)
    assert (only["rows"], only["mean_score"]) == (1, 1.0)


def test_prefilled_responses_without_tags_are_unfinished_reasoning(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text('{"response": "so \\\\boxed{4}", "answer": "4"}\n')
    plain = json.loads(assay("score", str(file), "--verifier", "boxed_math", "--json").stdout)
    assert plain["outcomes"]["graded"] == 1
    opened = json.loads(assay("score", str(file), "--verifier", "boxed_math", "--json", "--prefilled").stdout)
    assert opened["outcomes"]["no_answer"] == 1


REAL = {
    "responses_gsm8k_gpt3_4x1319.jsonl": set(),
    # These nine labels are wrong: the responses answer 4:30 p.m. for "4:30 p.m." and 10000 for "10{,}000".
    "responses_qwen25math_100x8.jsonl": {*(f"q25m-3-{sample}" for sample in range(8)), "q25m-72-7"},
}


@pytest.mark.parametrize("name", REAL)
def test_real_responses_agree_with_their_labels(shared_data: Path, name: str) -> None:
    options = ("--verifier", "boxed_math", "-o", "extraction=marker", "--json", "--disagreements")
    done = assay("score", str(shared_data / name), *options)
    report = json.loads(done.stdout)
    assert {row["id"] for row in report["disagreements"]} == REAL[name]
    assert report["outcomes"]["error"] == report["outcomes"]["verifier_timeout"] == 0


def test_doctor_really_checks(tmp_path: Path) -> None:
    done = assay("doctor", "--json", "--data", str(tmp_path))
    assert done.returncode == 0, done.stderr
    checks = {check["name"]: check for check in json.loads(done.stdout)}
    assert checks["verification pool"]["ok"]
    assert all(check["ok"] or check["remedy"] for check in checks.values())
    assert {"sandbox", "GPU", "vllm backend", "Hugging Face hub", "benchmark data"} <= set(checks)


def test_help_lists_what_the_commands_say_of_themselves() -> None:
    import importlib

    from assay.cli import COMMANDS, python_name

    shown = assay("--help").stdout
    for name, summary in COMMANDS.items():
        module = importlib.import_module(f"assay.cli.{python_name(name)}")
        own = module.app.info.help if hasattr(module, "app") else getattr(module, python_name(name)).__doc__
        assert own.strip().splitlines()[0] == summary
        assert name in shown


def test_whole_numbers_keep_every_digit(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text('{"response": "\\\\boxed{12345678901234567890123}", "answer": 12345678901234567890124}\n')
    report = json.loads(assay("score", str(file), "--verifier", "boxed_math", "--json").stdout)
    assert report["mean_score"] == 0.0
    file.write_text('{"response": "\\\\boxed{12345678901234567890124}", "answer": 12345678901234567890124}\n')
    report = json.loads(assay("score", str(file), "--verifier", "boxed_math", "--json").stdout)
    assert report["mean_score"] == 1.0


def test_score_without_references_says_so(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text('{"response": "<think>a</think>b", "ok": true}\n')
    done = assay("score", str(file), "--verifier", "boxed_math")
    assert done.returncode == 2
    assert "--field reference=NAME" in done.stderr
    report = json.loads(assay("score", str(file), "--verifier", "format_tags", "--json", "--where", "ok=true").stdout)
    assert (report["rows"], report["mean_score"]) == (1, 1.0)
    none = assay("score", str(file), "--verifier", "format_tags", "--where", "nosuch=None")
    assert none.returncode == 1
    assert "holds no rows that match" in none.stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_tables_on_terminals_without_unicode(runs: Path, encoding: str) -> None:
    import os

    for command in (["report", str(runs)], ["report", str(runs), "--markdown"], ["plugins"], ["doctor"]):
        done = subprocess.run(
            [sys.executable, "-m", "assay", *command],
            capture_output=True, timeout=100, env={**os.environ, "PYTHONIOENCODING": encoding},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr


def test_output_that_cannot_be_written(runs: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "assay", "report", str(runs)], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 1
    assert "cannot write the output: No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


def test_one_damaged_run_does_not_hide_the_others(runs: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(runs, tmp_path / "copy")
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "manifest.json").write_text('{"format": 1}')
    done = assay("report", str(tmp_path))
    assert done.returncode == 1
    assert "left out:" in done.stderr
    assert "it lacks benchmark" in done.stderr
    assert "sums" in done.stdout
