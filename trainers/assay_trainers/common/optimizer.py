"""AdamW, its schedule, and one update over the gradients of all processes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import torch

from assay_trainers.common.configs import OptimizerConfig
from assay_trainers.common.sharding import gather
from assay_trainers.common.stopping import StopTrainingError
from assay_trainers.common.world import World


def make_optimizer(parameters: Iterable[torch.nn.Parameter], settings: OptimizerConfig) -> torch.optim.AdamW:
    """AdamW as configured. Fused: one pass over weights, gradient and moments, without temporary tensors."""
    return torch.optim.AdamW(
        parameters,
        fused=True,
        lr=settings.learning_rate,
        betas=(settings.beta1, settings.beta2),
        eps=settings.eps,
        weight_decay=settings.weight_decay,
    )


def schedule(settings: OptimizerConfig, update: int, total: int) -> float:
    """The factor of the learning rate at an update, counted from 0, of `total`."""
    if update < settings.warmup:
        return (update + 1) / settings.warmup
    if settings.schedule == "constant":
        return 1.0
    done = min(1.0, (update - settings.warmup) / max(1, total - settings.warmup))
    left = 1.0 - done if settings.schedule == "linear" else 0.5 * (1.0 + math.cos(math.pi * done))
    return settings.floor + (1.0 - settings.floor) * left


def descend(
    optimizer: torch.optim.Optimizer,
    parameters: Sequence[torch.nn.Parameter],
    world: World,
    *,
    learning_rate: float,
    max_grad_norm: float,
    number: int,
) -> float:
    """Sum the gradients of all processes, clip, step, forget the gradients; returns the norm before the clip.

    Args:
        optimizer: Of the parameters.
        parameters: Those that are trained.
        world: The processes.
        learning_rate: Of this update.
        max_grad_norm: Where the gradient is clipped.
        number: Of this update, counted from 1, for the error.

    Raises `StopTrainingError` where the gradient is not finite: the weights are untouched then.
    """
    world.sum_gradients(parameters)
    norm = float(gather(torch.nn.utils.clip_grad_norm_(parameters, max_grad_norm)))
    if not math.isfinite(norm):
        optimizer.zero_grad(set_to_none=True)
        raise StopTrainingError(
            f"the gradient of update {number} is not finite (norm {norm}): the weights are untouched. "
            "Lower optimizer.learning_rate, or look at the rows and log-probs of this step"
        )
    for group in optimizer.param_groups:
        group["lr"] = learning_rate
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return norm
