"""AdamW, its schedule, and one update over the gradients of all processes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from assay_trainers.common.configs import OptimizerConfig
from assay_trainers.common.sharding import gather
from assay_trainers.common.stopping import StopTrainingError
from assay_trainers.common.world import World
from assay_trainers.common.zero import ZeroOptimizer

Optimizer = torch.optim.Optimizer | ZeroOptimizer


def make_trainable(module: Any, settings: OptimizerConfig, world: World) -> tuple[Any, Optimizer]:
    """Shard a `PolicyModule` as the world says; returns what is called in its place, and AdamW as configured."""
    if world.zero is None:
        module = world.shard(module)
        return module, _adamw(module, settings)
    optimizer = world.partition(module, _adamw(module, settings), max_grad_norm=settings.max_grad_norm)
    return optimizer.engine, optimizer


def _adamw(module: Any, settings: OptimizerConfig) -> torch.optim.AdamW:
    """Fused: one pass over weights, gradient and moments, without temporary tensors."""
    return torch.optim.AdamW(
        [parameter for parameter in module.parameters() if parameter.requires_grad],
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
    optimizer: Optimizer,
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
    for group in optimizer.param_groups:
        group["lr"] = learning_rate
    if isinstance(optimizer, ZeroOptimizer):
        norm = optimizer.step()
    else:
        world.sum_gradients(parameters)
        norm = float(gather(torch.nn.utils.clip_grad_norm_(parameters, max_grad_norm)))
        if math.isfinite(norm):
            optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    if not math.isfinite(norm):
        raise StopTrainingError(
            f"the gradient of update {number} is not finite (norm {norm}): the weights are untouched. "
            "Lower optimizer.learning_rate, or look at the rows and log-probs of this step"
        )
    return norm
