"""Whole runs of a tiny model: resuming bit for bit, stopping, and the documented end of every fault."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

import assay
from assay import Completion, Problem, RewardResult, Sampling, StoreError, UsageError, VerifierError
from assay.runs.store import SampleStore
from assay_trainers.common import checkpoints
from assay_trainers.common.stopping import StopTrainingError
from assay_trainers.common.world import World
from assay_trainers.grpo.config import TrainConfig
from assay_trainers.grpo.rollouts import Prompt, Rollout, TransformersEngine
from assay_trainers.grpo.trainer import Trainer, train
from tests.trainers.conftest import DigitReward

Make = Callable[..., TrainConfig]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return dict(AutoModelForCausalLM.from_pretrained(folder).state_dict())


def lines(config: TrainConfig, name: str = "metrics.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (Path(config.output) / name).read_text().splitlines()]


def comparable(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in row.items() if "seconds" not in k and "per_second" not in k} for row in rows]


def samples(config: TrainConfig) -> list[tuple[Any, ...]]:
    """The logged completions, without what differs between two runs of one seed."""
    (folder,) = (Path(config.output) / "rollouts").glob("*/*")
    with SampleStore.open(folder) as store:
        found = [(row.problem_id, row.sample_index, key) for key, row in store.rows.items()]
        records = {record.key: record for record in store.records(store.rows)}
    kept = [(*place, records[key].completion.text, records[key].verdict) for *place, key in sorted(found)]
    return [(*place, text, replace(verdict, seconds=0.0)) for *place, text, verdict in kept]


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(value, b[name]) for name, value in a.items())


VARIANTS: list[dict[str, Any]] = [
    {},
    {"preset": "dapo", "rollout__max_rounds": 3, "optimizer__schedule": "cosine", "optimizer__warmup": 2},
    {"preset": "grpo", "optimizer__updates": 3, "optimizer__epochs": 2, "refresh_reference_every": 2},
]


@pytest.mark.parametrize("changes", VARIANTS, ids=["r1", "dynamic sampling", "off-policy, refreshed reference"])
def test_three_and_three_steps_are_six(
    changes: dict[str, Any], make_config: Make, problems: list[Problem], tmp_path: Path
) -> None:
    whole = make_config(output=str(tmp_path / "whole"), **changes)
    done = train(whole, reward=DigitReward(), problems=problems)
    assert (done.steps, done.finished) == (6, True)

    parts = make_config(output=str(tmp_path / "parts"), **changes)
    stopper = Stopper(parts, problems, after=3)
    assert stopper.run().steps == 3
    resumed = train(parts, reward=DigitReward(), problems=problems)
    assert resumed.finished
    assert same(weights(done.model), weights(resumed.model))
    assert not same(weights(done.model), weights(Path(whole.model)))
    assert comparable(lines(whole)) == comparable(lines(parts))
    assert samples(whole) == samples(parts)
    assert [row["step"] for row in lines(parts)] == [1, 2, 3, 4, 5, 6]


class Stopper(Trainer):
    """Sends itself SIGTERM while the completions of the step after `after` are being drawn."""

    def __init__(self, config: TrainConfig, problems: Sequence[Problem], after: int) -> None:
        super().__init__(config, problems, DigitReward(), World(cpu=True, dtype="float32"))
        self.after = after

    def encode(self, problem: Problem, key: str) -> Prompt:
        if self.progress.step == self.after:
            os.kill(os.getpid(), signal.SIGTERM)
        return super().encode(problem, key)


def test_sigterm_stops_within_the_step_and_restores_the_handler(make_config: Make, problems: list[Problem]) -> None:
    before = signal.getsignal(signal.SIGTERM)
    config = make_config()
    result = Stopper(config, problems, after=1).run()
    assert (result.steps, result.finished) == (1, False)
    assert result.model.name == "step-000001"
    assert signal.getsignal(signal.SIGTERM) is before
    # A checkpoint is a plain Hugging Face folder.
    assert AutoModelForCausalLM.from_pretrained(result.model) is not None


def test_a_killed_run_goes_on_from_its_last_checkpoint(make_config: Make, problems: list[Problem]) -> None:
    config = make_config(steps=4, checkpoints__every=2)

    class KilledError(BaseException):
        """Stands for kill -9: nothing catches it."""

    def die(step: int, *_: Any) -> None:
        if step == 3:
            raise KilledError

    with pytest.raises(KilledError):
        train(config, reward=DigitReward(), problems=problems, on_step=die)
    assert [row["step"] for row in lines(config)] == [1, 2, 3]
    with open(Path(config.output) / "metrics.jsonl", "a") as file:
        file.write('{"step": 4, "torn')
    assert train(config, reward=DigitReward(), problems=problems).finished
    assert [row["step"] for row in lines(config)] == [1, 2, 3, 4]


def test_it_learns(make_config: Make, problems: list[Problem]) -> None:
    config = make_config(preset="dr_grpo", steps=25, optimizer__learning_rate=3e-3, rollout__group=8)
    train(config, reward=DigitReward(), problems=problems)
    rewards = [row["reward"] for row in lines(config)]
    assert sum(rewards[-5:]) > sum(rewards[:5]) + 1.0


def test_metrics_and_samples_say_what_happened(make_config: Make, problems: list[Problem]) -> None:
    config = make_config(steps=2)
    train(config, reward=DigitReward(), problems=problems)
    for row in lines(config):
        assert row["mismatch"] < 1e-4
        assert row["completions"] == 12
        assert row["reward"] == pytest.approx(row["reward/digits"])
        assert row["kl"] >= 0
        assert 0 < row["entropy"] < 4
        assert 0 <= row["truncation"] <= 1
        assert row["seconds"] >= row["seconds/learn"] > 0
        assert row["repetition"] == 0
    logged = samples(config)
    assert len(logged) == 2 * config.log_samples
    for *_, text, verdict in logged:
        share = sum(character.isdigit() for character in text) / max(1, len(text))
        assert verdict.score == verdict.details["reward"] == pytest.approx(share)
        assert verdict.reason == f"paid {share:.4g} (digits {share:.3g})"


def test_old_checkpoints_go(make_config: Make, problems: list[Problem]) -> None:
    config = make_config(steps=5, checkpoints__every=1, checkpoints__keep=2)
    train(config, reward=DigitReward(), problems=problems)
    kept = checkpoints.list_checkpoints(Path(config.output))
    assert [path.name for path in kept] == ["step-000004", "step-000005"]


def test_unknown_rewards_are_left_out(make_config: Make, problems: list[Problem]) -> None:
    config = make_config(steps=2, alarms__verifier_errors=0.01)
    train(config, reward=DigitReward(known=lambda text: "1" not in text), problems=problems)
    rows = lines(config)
    assert any(row["verifier_errors"] > 0 and "verifier_errors" in row["alarms"] for row in rows)
    assert all(row["reward"] is not None for row in rows)


class Broken:
    """A reward that misbehaves in one way."""

    def __init__(self, total: float | None = None, error: Exception | None = None) -> None:
        self.total, self.error = total, error

    def score(self, problems: Sequence[Problem], completions: Sequence[Completion]) -> list[RewardResult]:
        if self.error is not None:
            raise self.error
        return [RewardResult(total=self.total, parts={}) for _ in completions]


@pytest.mark.parametrize("total", [None, float("nan"), float("inf")])
def test_no_reward_at_all_stops_the_run_before_it_learns(
    total: float | None, make_config: Make, problems: list[Problem]
) -> None:
    config = make_config()
    with pytest.raises(StopTrainingError, match="all_unknown: no completion of this step has a reward"):
        train(config, reward=Broken(total), problems=problems)
    (kept,) = checkpoints.list_checkpoints(Path(config.output))
    assert same(weights(kept), weights(Path(config.model)))


def test_a_reward_that_raises_stops_the_run(make_config: Make, problems: list[Problem]) -> None:
    with pytest.raises(VerifierError, match="no such judge"):
        train(make_config(), reward=Broken(error=VerifierError("no such judge")), problems=problems)


def test_equal_rewards_raise_an_alarm_and_move_nothing(make_config: Make, problems: list[Problem]) -> None:
    config = make_config(steps=2, preset="dapo")
    done = train(config, reward=Broken(total=0.1 + 0.2), problems=problems)
    for row in lines(config):
        assert row["equal_groups"] == row["skipped_rows"] == 1.0
        assert "equal_groups" in row["alarms"]
    assert same(weights(done.model), weights(Path(config.model)))


@pytest.mark.parametrize("masked", [True, False])
def test_everything_cut_off_raises_an_alarm_and_moves_nothing_where_it_is_masked(
    masked: bool, make_config: Make, problems: list[Problem]
) -> None:
    config = make_config(steps=1, rollout__max_tokens=1, alarms__truncation=0.5, optimizer__mask_truncated=masked)
    done = train(config, reward=DigitReward(), problems=problems)
    (row,) = lines(config)
    assert row["truncation"] == 1.0
    assert "truncation" in row["alarms"]
    assert same(weights(done.model), weights(Path(config.model))) == masked


class StaleEngine(TransformersEngine):
    """Reports the log-probs of other weights than it should have."""

    def generate(self, prompts: Sequence[Prompt], *, samples: int, sampling: Sampling) -> Iterator[Rollout]:
        for rollout in super().generate(prompts, samples=samples, sampling=sampling):
            logprobs = tuple(value - 0.5 for value in rollout.completion.logprobs or ())
            yield replace(rollout, completion=replace(rollout.completion, logprobs=logprobs))


@pytest.mark.parametrize("updates", [1, 3])
def test_a_stale_sampler_is_found_before_its_gradient_is_used(
    updates: int, make_config: Make, problems: list[Problem]
) -> None:
    config = make_config(optimizer__updates=updates)
    trainer = Trainer(config, problems, DigitReward(), World(cpu=True, dtype="float32"))
    trainer.engine = StaleEngine(trainer.learner.model, trainer.tokenizer)
    with pytest.raises(StopTrainingError, match=r"mismatch: sampler and trainer disagree by 0\.5 nats"):
        trainer.run()
    (kept,) = checkpoints.list_checkpoints(Path(config.output))
    assert same(weights(kept), weights(Path(config.model)))


def test_a_policy_that_runs_away_ends_after_the_step_that_showed_it(make_config: Make, problems: list[Problem]) -> None:
    config = make_config(alarms__kl=1e-6, alarms__stop_on=["kl"], optimizer__learning_rate=1e-2)
    with pytest.raises(StopTrainingError, match=r"stopped by the alarm kl: the policy has moved"):
        train(config, reward=DigitReward(), problems=problems)
    row = lines(config)[-1]
    assert row["kl"] > 1e-6
    assert row["alarms"] == ["kl"]
    (kept,) = checkpoints.list_checkpoints(Path(config.output))
    assert kept.name == f"step-{row['step']:06d}"


def test_a_full_disk_keeps_the_earlier_checkpoint(
    make_config: Make, problems: list[Problem], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make_config(steps=4, checkpoints__every=2)
    real, count = checkpoints._sync_tree, []

    def full(folder: Path) -> None:
        count.append(folder)
        if len(count) > 1:
            raise OSError(28, "No space left on device")
        real(folder)

    monkeypatch.setattr(checkpoints, "_sync_tree", full)
    with pytest.raises(StoreError, match=r"No space left on device.*last complete one is .*step-000002"):
        train(config, reward=DigitReward(), problems=problems)
    monkeypatch.undo()
    assert [path.name for path in (Path(config.output) / "checkpoints").iterdir()] == ["step-000002"]
    assert train(config, reward=DigitReward(), problems=problems).finished


def test_another_configuration_does_not_resume(make_config: Make, problems: list[Problem]) -> None:
    train(make_config(steps=1), reward=DigitReward(), problems=problems)
    with pytest.raises(StoreError, match="another configuration"):
        train(make_config(steps=2, seed=1), reward=DigitReward(), problems=problems)
    # More steps, another alarm: still the same run.
    longer = make_config(steps=2, alarms__kl=9.0)
    assert train(longer, reward=DigitReward(), problems=problems).steps == 2


def test_two_processes_on_one_folder_are_refused(make_config: Make, problems: list[Problem]) -> None:
    config = make_config(steps=1)
    with (
        checkpoints.locked(Path(config.output)),
        pytest.raises(StoreError, match="another process is training"),
    ):
        train(config, reward=DigitReward(), problems=problems)


def test_a_damaged_checkpoint_is_named(make_config: Make, problems: list[Problem]) -> None:
    config = make_config(steps=1)
    train(config, reward=DigitReward(), problems=problems)
    (kept,) = checkpoints.list_checkpoints(Path(config.output))
    (kept / "trainer" / "tensors.pt").write_bytes(b"not a checkpoint")
    with pytest.raises(StoreError, match="step-000001 is damaged"):
        train(replace(config, steps=2), reward=DigitReward(), problems=problems)


def test_a_model_that_is_not_there_is_named(make_config: Make, problems: list[Problem]) -> None:
    with pytest.raises(UsageError, match=r"no model at \./nowhere"):
        train(make_config(model="./nowhere"), reward=DigitReward(), problems=problems)


def test_a_cap_that_leaves_no_room_for_a_prompt_is_named(make_config: Make, problems: list[Problem]) -> None:
    with pytest.raises(UsageError, match=r"rollout\.max_tokens is 64, and the model's context window of 64"):
        train(make_config(rollout__max_tokens=64), reward=DigitReward(), problems=problems)
    with pytest.raises(UsageError, match=r"problem 'p.' has 4 tokens, and at most 3"):
        train(make_config(rollout__max_tokens=61), reward=DigitReward(), problems=problems)


def test_plugins_hear_of_every_step(
    make_config: Make, problems: list[Problem], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEARD", str(tmp_path / "heard"))
    listener = tmp_path / "listener.py"
    listener.write_text(
        "import os, assay\n@assay.hookimpl\ndef training_step(step, metrics):\n"
        "    with open(os.environ['HEARD'], 'a') as file:\n"
        "        file.write(f\"{step} {metrics['reward']}\\n\")\n"
    )
    assay.load_plugin(str(listener))
    config = make_config(steps=2)
    train(config, reward=DigitReward(), problems=problems)
    heard = (tmp_path / "heard").read_text().splitlines()
    assert heard == [f"{row['step']} {row['reward']}" for row in lines(config)]


def test_gradient_checkpointing_changes_no_result(make_config: Make, problems: list[Problem], tmp_path: Path) -> None:
    plain = train(make_config(steps=2, output=str(tmp_path / "a")), reward=DigitReward(), problems=problems)
    config = make_config(steps=2, output=str(tmp_path / "b"), gradient_checkpointing=True)
    saving = train(config, reward=DigitReward(), problems=problems)
    other = weights(saving.model)
    assert all(torch.allclose(value, other[name], atol=1e-6) for name, value in weights(plain.model).items())
