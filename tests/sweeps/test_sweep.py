"""Sweeps over real (tiny) checkpoints: order, swapping, resuming, topping up, failures, watching."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from assay.errors import UsageError
from assay.plugins import load_plugin
from assay.sweeps.config import make_sweep, read_sweep
from assay.sweeps.loop import Sweep, Watch
from assay.sweeps.planning import expected_seconds, measure
from tests.backends.conftest import build_tiny_model

pytest.importorskip("transformers")
pytestmark = pytest.mark.model

PLUGIN = Path(__file__).parents[1] / "runs" / "arithmetic_plugin.py"


@pytest.fixture(scope="module", autouse=True)
def _plugin() -> None:
    load_plugin(PLUGIN)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("models")
    for step in (20, 100, 3):
        build_tiny_model(root / f"checkpoint-{step}", seed=step)
        (root / f"checkpoint-{step}" / "trainer_state.json").write_text("{}")
    return root


def sweep_of(root: Path, out: Path, **changes) -> Sweep:
    fields = {
        "models": f"hf:{root}", "benchmarks": "sums:2", "settings": {"max_tokens": 4}, "limit": 5, "out": str(out),
        "options": {"device": "cpu"},
    }  # fmt: skip
    return Sweep(config=make_sweep({**fields, **changes}, "test"))


def samples(out: Path) -> dict[str, tuple]:
    """What the runs of a folder hold, without times."""
    import pyarrow.parquet as pq

    found = {}
    for path in out.rglob("samples.parquet"):
        for row in pq.read_table(path).to_pylist():
            assert row["key"] not in found
            found[row["key"]] = (row["problem_id"], row["sample_index"], row["text"], row["score"], row["outcome"])
    return found


def test_one_engine_in_the_order_of_steps_and_nothing_twice(models: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    sweep = sweep_of(models, out)
    cells, failed = sweep.plan()
    assert ([cell.missing for cell in cells], failed) == ([10, 10, 10], [])
    record = sweep.run()
    assert [(entry.step, entry.engine, entry.state) for entry in record.checkpoints] == [
        (3, "started", "done"), (20, "swapped", "done"), (100, "swapped", "done"),
    ]  # fmt: skip
    assert [cell.drawn for entry in record.checkpoints for cell in entry.cells] == [10, 10, 10]
    for step in (3, 20, 100):
        sweep_of(models, tmp_path / "alone", models=f"hf:{models}/checkpoint-{step}").run()
    assert samples(tmp_path / "alone") == samples(out)
    assert len(samples(out)) == 30
    again = sweep_of(models, out).run()
    assert [(entry.engine, entry.cells[0].drawn) for entry in again.checkpoints] == [("unused", 0)] * 3
    more = sweep_of(models, out, benchmarks="sums:3").run()
    assert [entry.cells[0].drawn for entry in more.checkpoints] == [5, 5, 5]
    assert more.path == record.path, "more samples are the same sweep"
    assert json.loads(more.path.read_text())["checkpoints"][1]["cells"][0]["path"].startswith("checkpoint-20/sums-")


def test_a_failed_checkpoint_is_recorded_and_the_rest_goes_on(models: Path, tmp_path: Path) -> None:
    broken = tmp_path / "models"
    shutil.copytree(models, broken)
    weights = broken / "checkpoint-20" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    record = sweep_of(broken, tmp_path / "out").run()
    assert [(entry.step, entry.state) for entry in record.checkpoints] == [(3, "done"), (20, "failed"), (100, "done")]
    assert "not whole" in record.failed[0].reason
    shutil.copy(models / "checkpoint-20" / "model.safetensors", weights)
    mended = sweep_of(broken, tmp_path / "out").run()
    assert [entry.cells[0].drawn for entry in mended.checkpoints] == [0, 10, 0]
    assert not mended.failed


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"benchmarks": ["sums:2", "summs"]}, "summs"),
        ({"settings": {"temperature": -1}}, "temperature"),
        ({"settings": [{"max_tokens": 4}, {"top_p": 3}]}, "top-p"),
        ({"models": ["hf:/nowhere/checkpoint-*"]}, "no model matches"),
    ],
)
def test_a_wrong_question_stops_it_before_anything_is_drawn(models, tmp_path: Path, changes, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        sweep_of(models, tmp_path, **changes).run()
    assert not samples(tmp_path)


def test_the_plan_knows_lengths_and_speed_of_what_is_stored(models: Path, tmp_path: Path) -> None:
    cells, _ = sweep_of(models, tmp_path).plan()
    assert expected_seconds(cells, measure(tmp_path)) is None
    sweep_of(models, tmp_path, models=f"hf:{models}/checkpoint-3").run()
    cells, _ = sweep_of(models, tmp_path, benchmarks="sums:4").plan()
    measured = measure(tmp_path)
    assert [cell.missing for cell in cells] == [10, 20, 20]
    assert 1 <= measured.mean_tokens["sums"] <= 4
    seconds = expected_seconds(cells, measured)
    assert seconds == pytest.approx(50 * measured.mean_tokens["sums"] / measured.tokens_per_second)


def test_watching_takes_checkpoints_when_they_are_complete(models: Path, tmp_path: Path) -> None:
    growing = tmp_path / "models"

    def train() -> None:
        for step in (3, 20, 100):
            part = growing / f"checkpoint-{step}"
            part.mkdir(parents=True)
            for name in ("config.json", "generation_config.json", "model.safetensors"):
                content = (models / part.name / name).read_bytes()
                (part / name).write_bytes(content[: len(content) // 2])
                time.sleep(0.15)
                (part / name).write_bytes(content)
            for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "trainer_state.json"):
                time.sleep(0.1)
                shutil.copy(models / part.name / name, part / name)

    trainer = threading.Thread(target=train)
    trainer.start()
    record = sweep_of(growing, tmp_path / "out").run(Watch(poll=0.05, idle=60, until_step=100))
    trainer.join()
    assert [(entry.step, entry.state) for entry in record.checkpoints] == [(3, "done"), (20, "done"), (100, "done")]
    reference = sweep_of(models, tmp_path / "reference")
    reference.run()
    assert sorted(map(str, (row[2] for row in samples(tmp_path / "out").values()))) == sorted(
        str(row[2]) for row in samples(tmp_path / "reference").values()
    )


def test_watching_ends_when_nothing_new_comes(models: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    sweep = sweep_of(models, tmp_path)
    sweep.say = lines.append
    record = sweep.run(Watch(poll=0.05, idle=0.2))
    assert len(record.checkpoints) == 3
    assert lines[-1].startswith("no new checkpoint")


@pytest.mark.soak
def test_the_command_killed_in_the_middle_goes_on(models: Path, tmp_path: Path) -> None:
    config = tmp_path / "sweep.yaml"
    config.write_text(
        f"models: ['hf:{models}']\nbenchmarks: [sums:8]\nlimit: 12\nsettings: [{{max_tokens: 6}}]\n"
        f"plugins: ['{PLUGIN}']\nout: '{tmp_path}/out'\noptions: {{device: cpu, batch_size: 1}}\n"
    )
    command = [sys.executable, "-m", "assay", "sweep", str(config)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 200
    while time.monotonic() < deadline and process.poll() is None:
        journals = list((tmp_path / "out").glob("checkpoint-20/*/journal.jsonl"))
        if journals and journals[0].stat().st_size > 5_000:
            break
        time.sleep(0.02)
    assert process.poll() is None, "it ended before it could be killed"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    cells, _ = Sweep(config=read_sweep(config)).plan()
    assert cells[0].missing == 0
    assert 0 < cells[1].missing < 96
    assert cells[2].missing == 96
    assert expected_seconds(cells, measure(tmp_path / "out")) > 0
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "[3/3]" in done.stderr
    assert "checkpoint-100" in done.stdout
    whole = samples(tmp_path / "out")
    assert len(whole) == 288
    (table,) = (tmp_path / "out").glob("sweep-*.csv")
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert [(row["step"], row["complete"]) for row in rows] == [("3", "true"), ("20", "true"), ("100", "true")]
    assert {"pass@1", "pass@1 low", "cons@n", "mean_tokens", "truncated"} <= rows[0].keys()
    Sweep(config=replace(read_sweep(config), out=str(tmp_path / "straight"))).run()
    # One row at a time, so that what was drawn before the kill and after it had the same batch shape: bit for bit.
    assert samples(tmp_path / "straight") == whole


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("models: hf:x\n", "benchmarks names nothing"),
        ("- hf:x\n", "not a sweep"),
        ("models: hf:x\nbenchmark: [aime24]\n", "Did you mean benchmarks"),
        ("models: hf:x\nbenchmarks: aime24\nsettings: [{temp: 1}]\n", "no field 'temp'"),
        ("models: hf:x\nbenchmarks: aime24\nsettings: [{temperature: hot}]\n", "cannot be 'hot'"),
        ("models: hf:x\nbenchmarks: aime24\nsettings: []\n", "empty list"),
        ("models: hf:x\nbenchmarks: [1]\n", "must be texts"),
        ("models: hf:x\nbenchmarks: aime24\nlimit: true\n", "limit must be int"),
        ("models: hf:x\nbenchmarks: aime24\nverifier_options: {a: 1}\n", "must be a mapping"),
    ],
)
def test_sweep_files_are_checked(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=message):
        read_sweep(path)
