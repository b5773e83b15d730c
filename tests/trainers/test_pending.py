"""Runs that stop where rollouts are pending go on bit for bit; saving survives a full disk and kill -9."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from assay import Problem, StoreError, UsageError
from assay_trainers.common.checkpoints import list_checkpoints
from assay_trainers.common.world import World
from assay_trainers.grpo.config import TrainConfig
from assay_trainers.grpo.losses import Totals
from assay_trainers.grpo.trainer import Trainer, train
from tests.conftest import ROOT
from tests.trainers.conftest import DigitReward
from tests.trainers.test_trainer import samples

Make = Callable[..., TrainConfig]


def lines(config: TrainConfig) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in (Path(config.output) / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in row.items() if "second" not in k} for row in rows]


def same_weights(one: Path, two: Path) -> bool:
    first, second = load_file(one / "model.safetensors"), load_file(two / "model.safetensors")
    return first.keys() == second.keys() and all(torch.equal(value, second[name]) for name, value in first.items())


class StopsBetweenUpdates(Trainer):
    """Sends itself SIGTERM while a given optimizer update of the run is being computed."""

    def __init__(self, config: TrainConfig, problems: Sequence[Problem], at: int) -> None:
        super().__init__(config, problems, DigitReward(), World(cpu=True, dtype="float32"))
        self.at = at

    def _accumulate(self, rows: Any, totals: Totals) -> Any:
        if self.learner.updates == self.at:
            os.kill(os.getpid(), signal.SIGTERM)
        return super()._accumulate(rows, totals)


VARIANTS: list[dict[str, Any]] = [
    {"optimizer__updates": 3, "optimizer__epochs": 2},
    {"optimizer__updates": 3, "optimizer__epochs": 2, "rollout__overlap": True, "loss__sampler_cap": 2.0},
    {"optimizer__updates": 3, "lora__rank": 2, "rollout__overlap": True, "loss__sampler_cap": 2.0,
     "preset": "dapo", "rollout__max_rounds": 2},
]  # fmt: skip


@pytest.mark.parametrize("changes", VARIANTS, ids=["updates × epochs", "drawn ahead", "adapter, dynamic sampling"])
def test_a_window_that_was_left_half_way_is_finished_exactly(
    changes: dict[str, Any], make_config: Make, problems: list[Problem], tmp_path: Path
) -> None:
    whole = make_config(output=str(tmp_path / "whole"), steps=4, refresh_reference_every=2, **changes)
    done = train(whole, reward=DigitReward(), problems=problems)
    parts = make_config(output=str(tmp_path / "parts"), steps=4, refresh_reference_every=2, **changes)
    a_step = parts.optimizer.updates * parts.optimizer.epochs
    stopped = StopsBetweenUpdates(parts, problems, at=2 * a_step + 1).run()
    assert (stopped.steps, stopped.finished) == (2, False)
    assert stopped.model.name == "step-000002-update-00002"
    assert [row["step"] for row in lines(parts)] == [1, 2]
    # Once more, right at the next update: what was taken up is saved again.
    again = StopsBetweenUpdates(parts, problems, at=2 * a_step + 2)
    if a_step > 3:
        assert again.run().model.name == "step-000002-update-00003"
    resumed = train(parts, reward=DigitReward(), problems=problems)
    assert resumed.finished
    assert same_weights(done.model, resumed.model)
    assert lines(whole) == lines(parts)
    assert samples(whole) == samples(parts)


class Stops(Trainer):
    """Sends itself SIGTERM when a step is done."""

    def __init__(self, config: TrainConfig, problems: Sequence[Problem], after: int) -> None:
        super().__init__(config, problems, DigitReward(), World(cpu=True, dtype="float32"))
        self.after = after

    def run(self, on_step: Any = None) -> Any:
        def stop(step: int, *_: Any) -> None:
            if step == self.after:
                os.kill(os.getpid(), signal.SIGTERM)

        return super().run(stop)


OVERLAP: dict[str, Any] = {"rollout__overlap": True, "loss__sampler_cap": 2.0, "preset": "dr_grpo"}


def test_completions_drawn_ahead_are_in_the_checkpoint(
    make_config: Make, problems: list[Problem], tmp_path: Path
) -> None:
    whole = make_config(output=str(tmp_path / "whole"), **OVERLAP)
    done = train(whole, reward=DigitReward(), problems=problems)
    parts = make_config(output=str(tmp_path / "parts"), **OVERLAP)
    assert Stops(parts, problems, after=3).run().model.name == "step-000003"
    assert same_weights(done.model, train(parts, reward=DigitReward(), problems=problems).model)
    assert lines(whole) == lines(parts)
    assert samples(whole) == samples(parts)
    # One step off-policy: from the second step on the sampler is not the policy that learns.
    mismatch = [row["mismatch"] for row in lines(whole)]
    assert mismatch[0] < 1e-4
    assert min(mismatch[1:]) > 1e-3
    assert max(row["sync_mismatch"] for row in lines(whole)) < 1e-4
    plain = make_config(output=str(tmp_path / "plain"), preset="dr_grpo", loss__sampler_cap=2.0)
    assert not same_weights(train(plain, reward=DigitReward(), problems=problems).model, done.model)


def test_it_learns_one_step_off_policy(make_config: Make, problems: list[Problem]) -> None:
    config = make_config(steps=25, optimizer__learning_rate=3e-3, rollout__group=8, **OVERLAP)
    train(config, reward=DigitReward(), problems=problems)
    rewards = [row["reward"] for row in lines(config)]
    assert sum(rewards[-5:]) > sum(rewards[:5]) + 1.0


def test_overlap_without_its_correction_is_refused(make_config: Make) -> None:
    with pytest.raises(UsageError, match=r"set loss\.sampler_cap"):
        make_config(rollout__overlap=True)


def test_the_best_step_is_kept(make_config: Make, problems: list[Problem]) -> None:
    config = make_config(steps=8, checkpoints__every=100, checkpoints__keep=1, checkpoints__best="reward")
    train(config, reward=DigitReward(), problems=problems)
    rewards = {row["step"]: row["reward"] for row in lines(config)}
    best = max(rewards, key=lambda step: (rewards[step], -step))
    found = json.loads((Path(config.output) / "checkpoints" / "best.json").read_text())
    expected = {"step": best, "metric": "reward", "value": rewards[best], "checkpoint": f"step-{best:06d}"}
    assert found == expected
    kept = {path.name for path in list_checkpoints(Path(config.output))}
    assert kept == {f"step-{best:06d}", "step-000008"}
    # It stays the best one for the run that goes on.
    longer = make_config(steps=9, checkpoints__every=100, checkpoints__keep=1, checkpoints__best="reward")
    train(longer, reward=DigitReward(), problems=problems)
    assert (
        f"step-{best:06d}" in {path.name for path in list_checkpoints(Path(config.output))}
        or lines(longer)[-1]["reward"] > rewards[best]
    )


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    """The kernel refuses to write on: what a full disk does, for real and for this process alone."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # the write then fails with EFBIG
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_disk_that_is_full_keeps_the_earlier_checkpoint(make_config: Make, problems: list[Problem]) -> None:
    config = make_config(steps=2)
    train(config, reward=DigitReward(), problems=problems)
    longer = make_config(steps=4)
    with no_file_larger_than(20_000), pytest.raises(StoreError, match=r"cannot write .*last complete one is .*000002"):
        train(longer, reward=DigitReward(), problems=problems)
    assert [path.name for path in (Path(config.output) / "checkpoints").iterdir()] == ["step-000002"]
    assert train(longer, reward=DigitReward(), problems=problems).finished


def test_kill_9_loses_the_steps_since_the_last_save_and_no_more(tiny_folder: str, tmp_path: Path) -> None:
    output = tmp_path / "run"
    program = (
        "import os, signal, sys, torch\n"
        "torch.set_num_threads(1)\n"
        "from tests.trainers import small_run\n"
        "from tests.trainers.conftest import DigitReward\n"
        "class Dies(DigitReward):\n"
        "    calls = 0\n"
        "    def _one(self, text):\n"
        "        Dies.calls += 1\n"
        "        if Dies.calls == 4 * 12 + 5: os.kill(os.getpid(), signal.SIGKILL)\n"
        "        return super()._one(text)\n"
        "small_run.DigitReward = Dies\n"
        "small_run.run(small_run.config_of(*sys.argv[1:3], **{'steps': 6, 'checkpoints.every': 2}))\n"
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    died = subprocess.run([sys.executable, "-c", program, tiny_folder, str(output)], env=environment, cwd=ROOT)
    assert died.returncode == -signal.SIGKILL
    assert [path.name for path in list_checkpoints(output)] == ["step-000002", "step-000004"]

    from tests.trainers.small_run import config_of, run

    run(config_of(tiny_folder, str(output), steps=6, **{"checkpoints.every": 2}))
    run(config_of(tiny_folder, str(tmp_path / "whole"), steps=6, **{"checkpoints.every": 2}))
    assert same_weights(output / "final", tmp_path / "whole" / "final")
    steps = [json.loads(line)["step"] for line in (output / "metrics.jsonl").read_text().splitlines()]
    assert steps == [1, 2, 3, 4, 5, 6]
