"""An optimizer update does not depend on how its rows are split, on idle rows, or on their order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from assay_trainers.common.batching import Row
from assay_trainers.common.configs import OptimizerConfig
from assay_trainers.common.models import frozen_copy
from assay_trainers.common.optimizer import schedule
from assay_trainers.common.stopping import StopTrainingError
from assay_trainers.common.world import World
from assay_trainers.grpo.config import TrainConfig
from assay_trainers.grpo.losses import LOSSES, Totals
from assay_trainers.grpo.settings import PRESETS
from assay_trainers.grpo.update import Learner, UpdateStats
from tests.trainers.models import EOS, tiny_model


def make_rows(seed: int = 0) -> list[Row]:
    make = torch.Generator().manual_seed(seed)

    def ids(count: int) -> list[int]:
        return torch.randint(2, 50, (count,), generator=make).tolist()

    rows = []
    for length in (1, 9, 3, 14, 5, 2, 30, 8):
        completion = [*ids(length - 1), EOS]
        rows.append(
            Row(
                prompt_ids=ids(1 + length % 4),
                completion_ids=completion,
                advantage=float(torch.randn((), generator=make)),
                sampling=(-3 + 0.3 * torch.randn(length, generator=make)).tolist(),
            )
        )
    rows[2].advantage = rows[5].advantage = 0.0
    return rows


def gradient(config: TrainConfig, rows: list[Row], budget: int) -> tuple[dict[str, torch.Tensor], UpdateStats]:
    config = replace(config, optimizer=replace(config.optimizer, micro_batch_tokens=budget))
    model = tiny_model(1, dtype=torch.float64)
    reference = frozen_copy(tiny_model(2, dtype=torch.float64)) if config.loss.beta else None
    learner = Learner(model, reference, config, World(cpu=True, dtype="float32"))
    learner.prepare(rows, keep_old=False)
    totals = Totals(rows=len(rows), tokens=sum(len(row.completion_ids) for row in rows), max_tokens=40)
    stats = learner.accumulate(rows, totals)
    return {name: value.grad for name, value in model.named_parameters()}, stats


@pytest.mark.parametrize("name", [*PRESETS, "corrected"])
def test_the_gradient_does_not_depend_on_the_split(name: str, make_config: Callable[..., TrainConfig]) -> None:
    config = make_config(preset="dapo", loss__sampler_cap=2.0) if name == "corrected" else make_config(preset=name)
    whole, stats = gradient(config, make_rows(), 10**6)
    assert {s.sums["skipped"] for s in (stats,)} == {0.0 if config.loss.beta else 2.0}
    for budget, rows in ((1, make_rows()), (40, make_rows()), (64, make_rows()[::-1])):
        parts, other = gradient(config, rows, budget)
        assert other.sums["loss"] == pytest.approx(stats.sums["loss"], abs=1e-6)
        for key, grad in whole.items():
            assert torch.allclose(parts[key], grad, atol=1e-6), (budget, key)
    assert sum(float(grad.abs().sum()) for grad in whole.values()) > 1e-3


def test_every_loss_has_a_preset() -> None:
    assert {preset.loss.kind for preset in PRESETS.values()} == set(LOSSES)


def test_idle_rows_do_not_go_through_the_model(make_config: Callable[..., TrainConfig]) -> None:
    config = make_config(preset="dapo")
    idle = [replace(row, advantage=0.0) for row in make_rows()]
    grads, stats = gradient(config, idle, 64)
    assert all(grad is None for grad in grads.values())
    assert stats.sums["skipped"] == len(idle)
    assert stats.mean("entropy") is None
    # The Kullback-Leibler term has a gradient of its own: with it nothing may be skipped.
    _, stats = gradient(make_config(preset="grpo"), idle, 64)
    assert stats.sums["skipped"] == 0
    assert stats.mean("kl") is not None


def test_a_gradient_that_is_not_finite_leaves_the_weights_alone(make_config: Callable[..., TrainConfig]) -> None:
    model = tiny_model(1)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    learner = Learner(model, None, make_config(preset="dapo"), World(cpu=True, dtype="float32"))
    rows = make_rows()
    rows[0].advantage = float("nan")
    learner.accumulate(rows, Totals(rows=8, tokens=72, max_tokens=40))
    with pytest.raises(StopTrainingError, match="not finite"):
        learner.apply()
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_an_idle_update_moves_nothing_by_momentum(make_config: Callable[..., TrainConfig]) -> None:
    model = tiny_model(1)
    learner = Learner(model, None, make_config(preset="dapo"), World(cpu=True, dtype="float32"))
    totals = Totals(rows=8, tokens=72, max_tokens=40)
    learner.accumulate(make_rows(), totals)
    assert learner.apply() > 0
    before = {name: value.clone() for name, value in model.state_dict().items()}
    learner.accumulate([replace(row, advantage=0.0) for row in make_rows()], totals)
    assert learner.apply(idle=True) == 0.0
    assert learner.updates == 2
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_schedules() -> None:
    linear = OptimizerConfig(schedule="linear", warmup=2)
    assert [schedule(linear, update, 6) for update in range(6)] == [0.5, 1.0, 1.0, 0.75, 0.5, 0.25]
    cosine = OptimizerConfig(schedule="cosine")
    assert [schedule(cosine, update, 2) for update in (0, 1, 2)] == pytest.approx([1.0, 0.5, 0.0])
    assert schedule(OptimizerConfig(), 10**6, 5) == 1.0
