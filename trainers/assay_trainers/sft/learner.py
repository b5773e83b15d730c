"""One optimizer update over rows of any number: micro-batches, their gradients summed, one step of AdamW."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from assay_trainers.common.optimizer import descend, make_optimizer, schedule
from assay_trainers.common.stopping import StopRequestedError
from assay_trainers.common.world import World
from assay_trainers.sft.batching import collate, micro_batches
from assay_trainers.sft.config import SftConfig
from assay_trainers.sft.encoding import SftRow
from assay_trainers.sft.loss import token_logprobs


class Learner:
    """The model with its optimizer and schedule.

    Args:
        model: In float32.
        config: The run's.
        steps: Optimizer updates of the whole run.
        world: Its processes.
    """

    def __init__(self, model: Any, config: SftConfig, steps: int, world: World) -> None:
        self.model, self.config, self.steps, self.world = model, config, steps, world
        self.parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self.optimizer = make_optimizer(self.parameters, config.optimizer)
        self.updates = 0
        """Optimizer updates so far."""

    def own(self, rows: Sequence[SftRow]) -> list[SftRow]:
        """This process's share of some rows: dealt by length, so that nobody waits long for the others."""
        dealt = sorted(rows, key=lambda row: -row.length)
        return dealt[self.world.rank :: self.world.size]

    def learn(self, rows: Sequence[SftRow], should_stop: Callable[[], bool] = lambda: False) -> dict[str, float]:
        """One update. Returns loss (nats a token), gradient norm and learning rate.

        Args:
            rows: Of the step, over all processes.
            should_stop: Asked after every micro-batch.

        Raises:
            StopRequestedError: It said so; nothing was learned.
            StopTrainingError: The gradient is not finite; the weights are untouched.
        """
        total = sum(row.learned for row in rows)
        summed, computed = 0.0, 0
        for batch in micro_batches(self.own(rows), self.config.optimizer.micro_batch_tokens, self.config.layout):
            micro = collate(batch, self.config.layout, device=self.world.device)
            with self.world.autocast():
                logps = token_logprobs(self.model, micro)
            value = -logps.sum() / total
            value.backward()  # type: ignore[no-untyped-call]
            summed += value.item()
            computed += micro.input_ids.numel()
            if should_stop():
                self.optimizer.zero_grad(set_to_none=True)
                raise StopRequestedError
        sums = self.world.sums({"loss": summed, "computed": float(computed)})
        rate = self.learning_rate()
        norm = descend(
            self.optimizer,
            self.parameters,
            self.world,
            learning_rate=rate,
            max_grad_norm=self.config.optimizer.max_grad_norm,
            number=self.updates + 1,
        )
        self.updates += 1
        return {"loss": sums["loss"], "grad_norm": norm, "learning_rate": rate, "computed_tokens": sums["computed"]}

    @torch.no_grad()
    def loss_of(self, rows: Sequence[SftRow]) -> float:
        """Mean loss of some rows, in nats a token, without learning from them."""
        summed = 0.0
        for batch in micro_batches(self.own(rows), self.config.optimizer.micro_batch_tokens, self.config.layout):
            with self.world.autocast():
                logps = token_logprobs(self.model, collate(batch, self.config.layout, device=self.world.device))
            summed -= float(logps.double().sum())
        return self.world.sums({"loss": summed})["loss"] / sum(row.learned for row in rows)

    def learning_rate(self) -> float:
        """Of the next update."""
        settings = self.config.optimizer
        return settings.learning_rate * schedule(settings, self.updates, self.steps)
