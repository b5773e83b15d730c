"""One optimizer update over rows of any number: micro-batches, their gradients summed, one step of AdamW."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from assay_trainers.common.memory import pass_tokens
from assay_trainers.common.models import shape_of
from assay_trainers.common.optimizer import descend, make_trainable, schedule
from assay_trainers.common.policy import PolicyModule
from assay_trainers.common.stopping import StopRequestedError
from assay_trainers.common.world import World
from assay_trainers.sft.batching import SftBatch, collate, micro_batches
from assay_trainers.sft.config import SftConfig
from assay_trainers.sft.encoding import SftRow
from assay_trainers.sft.loss import token_logprobs

_NOTHING = SftRow(ids=np.zeros(2, dtype=np.int32), spans=((1, 2),))
"""What a process reads while others have rows and it has none, where passes are made together."""


class Learner:
    """The model with its optimizer and schedule.

    Args:
        model: In float32.
        config: The run's.
        steps: Optimizer updates of the whole run.
        world: Its processes; they shard the model where that is asked for.
    """

    def __init__(self, model: Any, config: SftConfig, steps: int, world: World) -> None:
        self.model, self.config, self.steps, self.world = model, config, steps, world
        self._pass_tokens = pass_tokens(config, shape_of(model), cpu=world.device.type == "cpu")
        self.policy, self.optimizer = make_trainable(PolicyModule(model, token_logprobs), config.optimizer, world)
        self.parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
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
        for batch in self.world.passes(self._micro_batches(rows)):
            micro, logps = self._forward(batch)
            if batch is None:
                self.world.backward(logps.sum() * 0.0)
                continue
            value = -logps.sum() / total
            self.world.backward(value)
            summed += value.item()
            computed += micro.input_ids.numel()
            if should_stop():
                for parameter in self.parameters:
                    parameter.grad = None
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
        for batch in self.world.passes(self._micro_batches(rows)):
            _, logps = self._forward(batch)
            if batch is not None:
                summed -= float(logps.double().sum())
        self.world.settle(self.policy)
        return self.world.sums({"loss": summed})["loss"] / sum(row.learned for row in rows)

    def learning_rate(self) -> float:
        """Of the next update."""
        settings = self.config.optimizer
        return settings.learning_rate * schedule(settings, self.updates, self.steps)

    def _micro_batches(self, rows: Sequence[SftRow]) -> list[list[SftRow]]:
        return micro_batches(self.own(rows), self._pass_tokens, self.config.layout)

    def _forward(self, batch: list[SftRow] | None) -> tuple[SftBatch, Tensor]:
        micro = collate(batch or [_NOTHING], self.config.layout, device=self.world.device)
        with self.world.autocast():
            logps: Tensor = self.policy(micro)
        return micro, logps
