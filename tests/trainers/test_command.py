"""`assay train grpo`, as it is run, with real verifiers."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from assay import DataError, UsageError
from assay.cli.train import train


@pytest.fixture
def config_file(tiny_folder: str, tmp_path: Path) -> Path:
    rows = [{"prompt": f"{n}+{n}=", "answer": str(2 * n), "verifier": "boxed_math"} for n in range(5)]
    (tmp_path / "sums.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "run.yaml").write_text(
        f"""
model: {tiny_folder}
output: {tmp_path / "run"}
data: {{path: {tmp_path / "sums.jsonl"}, template: raw}}
reward: {{terms: [{{name: accuracy}}]}}
steps: 2
device: cpu
rollout: {{prompts: 2, group: 3, max_tokens: 4}}
"""
    )
    return tmp_path / "run.yaml"


def assay(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "ASSAY_PLUGINS": "boxed_math,format_tags,backends"}
    command = [sys.executable, "-m", "assay", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=200)


def test_it_trains_and_says_so(config_file: Path) -> None:
    done = assay("train", "grpo", str(config_file))
    assert done.returncode == 0, done.stderr
    assert "step 2/2" in done.stderr
    assert "equal_groups" in done.stderr  # a random model earns nothing: the alarm is loud
    final = config_file.parent / "run" / "final"
    assert (final / "config.json").exists()


def test_the_same_command_goes_on(config_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train("grpo", str(config_file), ["steps=1"])
    train("grpo", str(config_file), ["steps=3", "rollout.batch_size=null"])
    shown = capsys.readouterr().err
    assert [f"step {n}/3" in shown for n in (1, 2, 3)] == [False, True, True]


def test_a_dry_run_shows_the_plan_and_trains_nothing(config_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    watched = f'evaluation.benchmarks=["{config_file.with_name("sums.jsonl")}:4"]'
    train("grpo", str(config_file), ["rollout.group=8", watched, "evaluation.every=1"], dry_run=True)
    shown = capsys.readouterr().out
    assert "group: 8" in shown
    assert "2 problems × 8 = 16" in shown
    assert "first prompt        '0+0='" in shown
    assert "a boxed reference   earns 1.0 (accuracy 1.0)" in shown
    assert "nonsense            earns 0.0 (accuracy 0.0)" in shown
    assert "held out            sums: 5 problems × 4, 3 times" in shown
    assert re.search(r"memory +about \d.+ at most, beside Python and its libraries:\n  weights ", shown)
    assert re.search(r"keys and values .+ while drawing +16 rows × 8 tokens", shown)
    assert not (config_file.parent / "run").exists()


def test_a_row_without_an_answer_is_refused_before_anything_is_written(config_file: Path) -> None:
    with config_file.with_name("sums.jsonl").open("a") as file:
        file.write(json.dumps({"prompt": "2+2="}) + "\n")
    for dry_run in (True, False):
        with pytest.raises(DataError, match=r"sums\.jsonl, row 6 lacks a reference; it has \['prompt'\]") as refused:
            train("grpo", str(config_file), dry_run=dry_run)
        assert refused.value.exit_code == 1
    assert not (config_file.parent / "run").exists()


@pytest.mark.parametrize(
    ("method", "file", "change", "message"),
    [
        ("gpro", "run.yaml", "steps=1", "no trainer 'gpro'. Did you mean grpo"),
        ("grpo", "run.yaml", "rollout.grup=8", "Did you mean group"),
        ("grpo", "missing.yaml", "steps=1", "cannot read the training configuration"),
        ("grpo", "run.yaml", "steps", "--set takes NAME=VALUE"),
        ("grpo", "run.yaml", "reward=r1-one", "no reward preset 'r1-one'"),
    ],
)
def test_mistakes_are_usage_errors(method: str, file: str, change: str, message: str, config_file: Path) -> None:
    for dry_run in (True, False):
        with pytest.raises(UsageError, match=re.escape(message)):
            train(method, str(config_file.with_name(file)), [change], dry_run=dry_run)
