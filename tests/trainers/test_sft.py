"""Supervised runs of a tiny model: exact batches, resuming bit for bit, stopping, two processes, the command."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from assay import DataError, StoreError, UsageError
from assay.cli.train import train as train_command
from assay_trainers.common import checkpoints
from assay_trainers.common.stopping import StopTrainingError
from assay_trainers.common.world import World
from assay_trainers.sft.batching import collate, micro_batches
from assay_trainers.sft.config import SftConfig, read_config
from assay_trainers.sft.encoding import SftRow
from assay_trainers.sft.learner import Learner
from assay_trainers.sft.loss import check_packing, token_logprobs
from assay_trainers.sft.trainer import Trainer, train
from tests.trainers import sft_one_of_two
from tests.trainers.models import tiny_model
from tests.trainers.test_processes import run
from tests.trainers.test_trainer import comparable, same, weights

Make = Callable[..., SftConfig]


@pytest.fixture
def data_file(tmp_path: Path) -> str:
    rows = [{"prompt": f"{a}+{b}=", "completion": f"{a + b} " + "so " * (a % 3)} for a in range(5) for b in range(5)]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


@pytest.fixture
def make(tiny_folder: str, data_file: str, tmp_path: Path) -> Make:
    def build(**changes: Any) -> SftConfig:
        base = {
            "model": tiny_folder, "output": str(tmp_path / "run"), "data": {"path": data_file, "validation": 0.2},
            "rows": 8, "steps": 6, "device": "cpu", "optimizer": {"learning_rate": 1e-3, "micro_batch_tokens": 40},
            "checkpoints": {"every": 2}, "validate_every": 3,
        }  # fmt: skip
        return read_config(base, {name.replace("__", "."): value for name, value in changes.items()})

    return build


def metrics(config: SftConfig) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (Path(config.output) / "metrics.jsonl").read_text().splitlines()]


def random_rows(count: int = 9) -> list[SftRow]:
    make = np.random.default_rng(0)
    rows = []
    for number in range(count):
        length = int(make.integers(4, 20))
        first = int(make.integers(1, length - 2))
        spans = ((first, first + 2), (length - 1, length)) if number % 2 and first + 2 < length else ((first, length),)
        rows.append(SftRow(ids=make.integers(2, 50, length).astype(np.int32), spans=spans))
    return rows


def alone(model: Any, rows: list[SftRow]) -> tuple[float, dict[str, torch.Tensor]]:
    """The loss by its definition: each row through the whole model by itself, logits and all."""
    total = sum(row.learned for row in rows)
    loss = torch.zeros((), dtype=torch.float64)
    for row in rows:
        ids = torch.from_numpy(row.ids).long()
        logps = model(input_ids=ids[None], use_cache=False).logits[0].log_softmax(-1)
        for start, stop in row.spans:
            loss -= sum(logps[place - 1, ids[place]] for place in range(start, stop)) / total
    loss.backward()
    return loss.item(), {name: value.grad for name, value in model.named_parameters()}


@pytest.mark.parametrize("layout", ["buckets", "packed"])
@pytest.mark.parametrize("budget", [1, 45, 10**6])
def test_a_batch_is_its_rows_alone(layout: Any, budget: int) -> None:
    rows = random_rows()
    loss, gradient = alone(tiny_model(1, dtype=torch.float64), rows)
    model = tiny_model(1, dtype=torch.float64)
    total, summed = sum(row.learned for row in rows), 0.0
    for batch in micro_batches(rows, budget, layout):
        value = -token_logprobs(model, collate(batch, layout)).sum() / total
        value.backward()
        summed += value.item()
    assert summed == pytest.approx(loss, abs=1e-12)
    for name, value in model.named_parameters():
        assert torch.allclose(value.grad, gradient[name], rtol=0, atol=1e-10), name
    assert sum(float(grad.abs().sum()) for grad in gradient.values()) > 1


def test_packing_refuses_a_model_that_looks_over_the_border() -> None:
    model = tiny_model(1)
    check_packing(model)
    real = model.model.forward
    model.model.forward = lambda **inputs: real(**{k: v for k, v in inputs.items() if k != "position_ids"})
    with pytest.raises(UsageError, match="rows of one line see each other"):
        check_packing(model)


def test_packed_lines_are_full_and_lose_nothing() -> None:
    rows = random_rows(50)
    lines = micro_batches(rows, 64, "packed")
    assert sorted(id(row) for line in lines for row in line) == sorted(map(id, rows))
    assert max(sum(row.length for row in line) for line in lines) <= 64
    assert len(lines) <= 1.25 * sum(row.length for row in rows) / 64 + 1


VARIANTS: list[dict[str, Any]] = [
    {},
    {"optimizer__schedule": "cosine", "optimizer__warmup": 2, "layout": "packed"},
    {"lora__rank": 4},
]


@pytest.mark.parametrize("changes", VARIANTS, ids=["buckets", "packed", "adapter"])
def test_three_and_three_steps_are_six(changes: dict[str, Any], make: Make, tmp_path: Path) -> None:
    whole = make(output=str(tmp_path / "whole"), **changes)
    assert train(whole).finished
    parts = make(output=str(tmp_path / "parts"), **changes)
    stopper = Trainer(parts, World(cpu=True, dtype="float32"))

    def stop_at_three(step: int, *_: Any) -> None:
        if step == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    stopped = stopper.run(stop_at_three)
    assert (stopped.steps, stopped.finished, stopped.model.name) == (3, False, "step-000003")
    assert signal.getsignal(signal.SIGTERM) is before
    resumed = train(parts)
    assert resumed.finished
    assert same(weights(Path(whole.output) / "final"), weights(resumed.model))
    assert not same(weights(resumed.model), weights(Path(whole.model)))
    assert comparable(metrics(whole)) == comparable(metrics(parts))
    assert [row["step"] for row in metrics(parts)] == [0, 1, 2, 3, 4, 5, 6]


def test_a_request_in_the_middle_of_a_step_undoes_it(make: Make) -> None:
    config = make()
    running = Trainer(config, World(cpu=True, dtype="float32"))
    running._stop.set()
    result = running.run()
    assert (result.steps, result.finished) == (0, False)
    assert same(weights(result.model), weights(Path(config.model)))


def test_it_learns_and_says_so(make: Make) -> None:
    config = make(steps=None, epochs=6, optimizer__learning_rate=5e-3)
    train(config)
    rows = metrics(config)
    assert rows[-1]["validation_loss"] < rows[0]["validation_loss"] - 1
    assert [row["step"] for row in rows if "validation_loss" in row] == [0, 3, 6, 9, 12, 15]
    assert rows[-1]["epoch"] == pytest.approx(6)
    assert rows[1]["loss"] == pytest.approx(rows[0]["validation_loss"], abs=0.5)
    assert all(0 <= row["padding"] <= 0.3 for row in rows[1:])
    assert rows[1]["learned_tokens"] < rows[1]["tokens"]


def test_another_configuration_does_not_resume(make: Make) -> None:
    train(make(steps=1))
    with pytest.raises(StoreError, match="another configuration"):
        train(make(steps=2, seed=1))
    assert train(make(steps=2)).steps == 2


def test_a_full_disk_keeps_the_earlier_checkpoint(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    real, count = checkpoints._sync_tree, []

    def full(folder: Path) -> None:
        count.append(folder)
        if len(count) > 1:
            raise OSError(28, "No space left on device")
        real(folder)

    monkeypatch.setattr(checkpoints, "_sync_tree", full)
    config = make(steps=4)
    with pytest.raises(StoreError, match=r"No space left on device.*last complete one is .*step-000002"):
        train(config)
    monkeypatch.undo()
    assert train(config).finished


def test_a_gradient_that_is_not_finite_leaves_the_weights_alone(make: Make) -> None:
    model = tiny_model(1)
    with torch.no_grad():
        model.model.embed_tokens.weight[5] = float("nan")
    before = {name: value.clone() for name, value in model.state_dict().items()}
    learner = Learner(model, make(), 6, World(cpu=True, dtype="float32"))
    with pytest.raises(StopTrainingError, match="not finite"):
        learner.learn([SftRow(ids=np.arange(2, 9, dtype=np.int32), spans=((1, 7),))])
    assert all(torch.equal(before[name].nan_to_num(), value.nan_to_num()) for name, value in model.state_dict().items())


def test_rows_beyond_the_window_are_left_out_and_counted(
    make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "long.jsonl"
    rows = [{"prompt": "1+1=", "completion": "2"}, {"prompt": "1" * 70, "completion": "2"}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    train(make(data__path=str(path), data__validation=0.0, steps=1))
    assert "1 rows are longer than data.max_tokens = 64 tokens and were left out, 0 were cut off" in caplog.text
    with pytest.raises(DataError, match="no row is left to learn from: 2 were longer"):
        train(make(data__path=str(path), data__max_tokens=4, output=str(tmp_path / "none")))


def test_what_ends_a_turn_ends_generation(make: Make, tmp_path: Path) -> None:
    template = tmp_path / "chat.jinja"
    template.write_text("{% for m in messages %}{{ m['content'] }}<unk>{% endfor %}")
    done = train(make(steps=1, data__chat_template=str(template), output=str(tmp_path / "chat")))
    assert AutoModelForCausalLM.from_pretrained(done.model).generation_config.eos_token_id == [0, 1]
    with pytest.raises(UsageError, match=r"cannot read data\.chat_template"):
        train(make(data__chat_template="nowhere.jinja"))


def test_two_processes_are_one(tiny_folder: str, data_file: str, tmp_path: Path) -> None:
    logs, ends = [], []
    for size in (1, 2):
        output = tmp_path / f"of-{size}"
        if size == 1:
            train(sft_one_of_two.config_of(tiny_folder, data_file, str(output)))
        else:
            run(size, tiny_folder, data_file, str(output), "{}", module="tests.trainers.sft_one_of_two")
        logs.append([json.loads(line) for line in (output / "metrics.jsonl").read_text().splitlines()])
        ends.append(weights(output / "final"))
    for one, two in zip(*logs, strict=True):
        for name in ("loss", "grad_norm", "validation_loss", "learned_tokens", "learning_rate"):
            assert two.get(name) == pytest.approx(one.get(name), abs=1e-5), name
    assert all(torch.allclose(value, ends[1][name], atol=1e-5) for name, value in ends[0].items())
    assert not same(ends[0], weights(Path(tiny_folder)))


@pytest.fixture
def config_file(make: Make, tmp_path: Path) -> Path:
    import yaml

    path = tmp_path / "sft.yaml"
    path.write_text(yaml.safe_dump(make().as_dict()))
    return path


def test_the_command_trains_and_goes_on(config_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train_command("sft", str(config_file), ["steps=1"])
    train_command("sft", str(config_file), ["steps=3"])
    shown = capsys.readouterr().err
    assert re.search(r"step 1/1  loss \d\.\d+  held out \d", shown)
    assert "step 2/3" in shown
    assert "done after step 3" in shown


def test_a_dry_run_shows_the_plan_and_the_first_row(config_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train_command("sft", str(config_file), ["rows=5", "data.max_tokens=7"], dry_run=True)
    shown = capsys.readouterr().out
    assert "rows: 5" in shown
    assert re.search(r"rows +\d+ to learn from, \d held out, 15 left out as too long, 0 cut off", shown)
    assert re.search(r"first row +\d\+\d=⟦\d+", shown)
    assert re.search(r"memory +about \d.+ at most, beside Python and its libraries:\n  weights ", shown)
    assert "while drawing" not in shown
    assert not (config_file.parent / "run").exists()
