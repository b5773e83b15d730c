"""A whole update as a function: of no split, order, padding or number of processes, and the derivative of its loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from assay_trainers.common.batching import Row
from assay_trainers.common.world import World
from assay_trainers.grpo.config import TrainConfig
from assay_trainers.grpo.losses import LossInputs, Totals, loss
from assay_trainers.grpo.settings import PRESETS
from assay_trainers.grpo.update import Learner
from tests.trainers.models import EOS, exact_model
from tests.trainers.test_losses import EVERY, random_batch, value_and_grad

CAP = 40


def group_rows(lengths: Sequence[int], seed: int) -> list[Row]:
    """Rows of groups of three, with everything that a loss may need; a third of them have no advantage."""
    make = torch.Generator().manual_seed(seed)

    def draw(length: int) -> Tensor:
        return -3 + 0.3 * torch.randn(length, generator=make, dtype=torch.float64)

    rows: list[Row] = []
    for place, length in enumerate(lengths):
        if place % 3 == 0:
            prompt = torch.randint(2, 50, (1 + 3 * (place % 4),), generator=make).tolist()
        completion = [*torch.randint(2, 50, (length - 1,), generator=make).tolist(), EOS]
        advantage = 0.0 if place % 3 == 2 else float(torch.randn((), generator=make, dtype=torch.float64))
        rows.append(Row(prompt_ids=prompt, completion_ids=completion, advantage=advantage))
        rows[-1].sampling, rows[-1].old, rows[-1].ref = draw(length).tolist(), draw(length), draw(length)
    return rows


def totals_of(rows: Sequence[Row]) -> Totals:
    return Totals(rows=len(rows), tokens=sum(len(row.completion_ids) for row in rows), max_tokens=CAP)


def learner_of(model: Any, config: TrainConfig, budget: int) -> Learner:
    config = replace(config, optimizer=replace(config.optimizer, micro_batch_tokens=budget))
    return Learner(model, None, config, World(cpu=True, dtype="float32"))


def gradient(model: Any) -> Tensor:
    found = torch.cat([
        torch.zeros_like(p).flatten() if p.grad is None else p.grad.flatten() for p in model.parameters()
    ])  # fmt: skip
    model.zero_grad()
    return found


def plainly(model: Any, rows: Sequence[Row], config: TrainConfig) -> tuple[float, Tensor]:
    """Each row alone, unpadded, its whole log-softmax; the loss one row at a time."""
    value, totals = 0.0, totals_of(rows)
    for row in rows:
        ids = torch.tensor([[*row.prompt_ids, *row.completion_ids]])
        table = torch.log_softmax(model(input_ids=ids).logits[0] / config.rollout.temperature, dim=-1)
        targets = torch.tensor(list(row.completion_ids))
        logp = table[len(row.prompt_ids) - 1 : -1].gather(-1, targets[:, None]).T  # (1, T)
        assert row.old is not None
        assert row.ref is not None
        inputs = LossInputs(
            logp=logp, mask=torch.ones_like(logp, dtype=torch.bool),
            advantages=torch.tensor([row.advantage], dtype=torch.float64), old=row.old[None], ref=row.ref[None],
            sampling=torch.tensor([row.sampling], dtype=torch.float64),
        )  # fmt: skip
        share = loss(inputs, config.loss, totals)
        share.backward()
        value += share.item()
    return value, gradient(model)


MODEL = exact_model(1)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lengths=st.lists(st.integers(1, 30), min_size=1, max_size=12),
    budget=st.sampled_from([1, 37, 64, 200, 10**6]),
    processes=st.integers(1, 4),
    shares=st.booleans(),
    name=st.sampled_from([*PRESETS, "corrected"]),
    seed=st.integers(0, 10**6),
)
def test_split_order_and_processes_change_nothing(
    lengths: list[int],
    budget: int,
    processes: int,
    shares: bool,
    name: str,
    seed: int,
    make_config: Callable[..., TrainConfig],
) -> None:
    config = make_config(preset="dapo", loss__sampler_cap=1.1) if name == "corrected" else make_config(preset=name)
    rows = group_rows(lengths, seed)
    value, wanted = plainly(MODEL, rows, config)
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed)).tolist()
    learner = learner_of(MODEL, config, budget)
    assert learner.shares_prompts
    learner.shares_prompts = shares
    total, found = 0.0, torch.zeros_like(wanted)
    for rank in range(processes):  # what `World.sum_gradients` adds up
        own = [rows[place] for place in order if place % processes == rank]
        total += learner.accumulate(own, totals_of(rows)).sums["loss"]
        found += gradient(MODEL)
    assert total == pytest.approx(value, abs=1e-10)
    assert torch.allclose(found, wanted, atol=1e-10, rtol=0)


@pytest.mark.parametrize("name", [*PRESETS, "corrected"])
def test_the_gradient_is_the_derivative_of_the_loss(name: str, make_config: Callable[..., TrainConfig]) -> None:
    config = make_config(preset="dapo", loss__sampler_cap=1.1) if name == "corrected" else make_config(preset=name)
    rows, model = group_rows([4, 9, 2, 17, 1, 6], 7), exact_model(3)
    if config.loss.kind == "cispo":
        # Its weight is a constant of the step that moves with the policy: only where the cap holds it is it one.
        config = replace(config, loss=replace(config.loss, eps_max=1e-6))
    learner = learner_of(model, config, 64)
    learner.accumulate(rows, totals_of(rows))
    found = gradient(model)
    make = torch.Generator().manual_seed(11)
    directions = [torch.randn(p.shape, generator=make, dtype=p.dtype) for p in model.parameters()]
    step, ends = 1e-6, []
    for sign in (1, -2):  # to one end, and from there to the other
        with torch.no_grad():
            for parameter, direction in zip(model.parameters(), directions, strict=True):
                parameter.add_(direction, alpha=sign * step)
        ends.append(learner.accumulate(rows, totals_of(rows)).sums["loss"])
    slope = float(found @ torch.cat([direction.flatten() for direction in directions]))
    assert abs(slope) > 1e-9
    assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(slope, rel=1e-4, abs=1e-8)


@pytest.mark.parametrize("loss_settings", EVERY, ids=str)
def test_the_side_of_the_padding_does_not_matter(loss_settings: Any) -> None:
    inputs, totals = random_batch(6)
    value, grad = value_and_grad(inputs, loss_settings, totals)
    width = inputs.mask.shape[1] + 3
    places = [torch.arange(width - int(mask.sum()), width) for mask in inputs.mask]

    def left_padded(values: Tensor | None, fill: float) -> Tensor | None:
        if values is None:
            return None
        out = torch.full((len(values), width), fill, dtype=values.dtype)
        for row, (mask, place) in enumerate(zip(inputs.mask, places, strict=True)):
            out[row, place] = values[row, mask]
        return out

    logp = left_padded(inputs.logp, float("nan"))
    mask = left_padded(inputs.mask, False)
    assert logp is not None
    assert mask is not None
    moved = replace(
        inputs, logp=logp, mask=mask, old=left_padded(inputs.old, float("nan")),
        ref=left_padded(inputs.ref, float("inf")), sampling=left_padded(inputs.sampling, -float("inf")),
    )  # fmt: skip
    other, other_grad = value_and_grad(moved, loss_settings, totals)
    assert other == pytest.approx(value, abs=1e-12)
    assert torch.allclose(other_grad[mask], grad[inputs.mask], atol=1e-12, rtol=0)
    assert not other_grad[~mask].any()
