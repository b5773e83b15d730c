"""One optimizer update over rows of any number: micro-batches, their gradients summed, one step of AdamW.

Rows that cannot have a gradient (advantage 0 while there is no KL term) skip forward and backward; the denominators
in `Totals` count them all the same. The caller looks at the statistics between `accumulate` and `apply`: a sampler
that does not match the trainer is found before its gradient reaches the weights.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from assay_trainers.common.batching import MicroBatch, Row, collate, gathered, plan
from assay_trainers.common.logprobs import batch_logprobs, body_and_head, completion_logprobs
from assay_trainers.common.optimizer import descend, make_optimizer, schedule
from assay_trainers.common.shared_prompts import COSTS, SharedBatch, can_share_prompts, collate_shared, plan_shared
from assay_trainers.common.world import World
from assay_trainers.grpo.config import TrainConfig
from assay_trainers.grpo.losses import LossInputs, Totals, clip_fraction, k3, loss


@dataclass(kw_only=True, slots=True)
class UpdateStats:
    """Sums over the tokens that went through the model; `World.sums` adds them up over processes."""

    sums: dict[str, float] = field(
        default_factory=lambda: dict.fromkeys(
            (
                "loss",
                "tokens",
                "entropy",
                "kl",
                "clipped",
                "mismatch",
                "compared",
                "rows",
                "skipped",
                "forward",
                "backward",
            ),
            0.0,
        )
    )
    mismatch_max: float = 0.0

    def add(self, **values: float) -> None:
        """Add to the sums."""
        for name, value in values.items():
            self.sums[name] += value

    def mean(self, name: str, per: str = "tokens") -> float | None:
        """A mean; None where nothing went through the model."""
        return self.sums[name] / self.sums[per] if self.sums[per] else None


class Learner:
    """The policy with its reference, optimizer and schedule.

    Args:
        model: The policy, in float32.
        reference: The frozen reference policy; None where beta is 0.
        config: The run's.
        world: Its processes.
    """

    def __init__(self, model: Any, reference: Any | None, config: TrainConfig, world: World) -> None:
        self.model, self.reference, self.config, self.world = model, reference, config, world
        self.parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self.optimizer = make_optimizer(self.parameters, config.optimizer)
        self.shares_prompts = not config.gradient_checkpointing and can_share_prompts(body_and_head(model)[0])
        self._dtype = torch.promote_types(model.dtype, torch.float32)
        self.updates = 0
        """Optimizer updates so far."""

    def prepare(self, rows: Sequence[Row], *, keep_old: bool) -> None:
        """Fill in what rows need from policies that do not take part in the update.

        Args:
            rows: Of the whole step, before its first update.
            keep_old: The policy will change before all rows are used: keep its log-probs of today.
        """
        settings = self.config.loss
        refer = bool(settings.beta) and self.reference is not None
        if not (keep_old or refer):
            return
        for batch in self._micro_batches(self._needed(rows)):
            if keep_old:
                for row, values in zip(batch.rows, self._log_probs(self.model, batch), strict=True):
                    row.old = values
            if refer:
                for row, values in zip(batch.rows, self._log_probs(self.reference, batch), strict=True):
                    row.ref = values

    def accumulate(self, rows: Sequence[Row], totals: Totals) -> UpdateStats:
        """Add the gradient of the rows' share of the loss to the parameters' gradients."""
        stats = UpdateStats()
        needed = self._needed(rows)
        stats.add(rows=len(rows), skipped=len(rows) - len(needed))
        for micro in self._micro_batches(needed):
            started = time.perf_counter()
            with self.world.autocast():
                logps, entropies = completion_logprobs(self.model, micro, temperature=self.config.rollout.temperature)
            inputs = self._inputs(micro, logps)
            value = loss(inputs, self.config.loss, totals)
            forwarded = time.perf_counter()
            value.backward()  # type: ignore[no-untyped-call]
            self._record(stats, inputs, entropies, value.item())
            stats.add(forward=forwarded - started, backward=time.perf_counter() - forwarded)
        return stats

    def apply(self, *, idle: bool = False) -> float:
        """Sum the gradients of all processes, clip, step; returns the gradient's norm before the clip.

        `idle`: no row of any process had a gradient. The weights then stay as they are: AdamW would go on moving
        them by its momentum.

        Raises `StopTrainingError` where the gradient is not finite: the weights are untouched then.
        """
        if idle:
            self.updates += 1
            return 0.0
        norm = descend(
            self.optimizer,
            self.parameters,
            self.world,
            learning_rate=self.learning_rate(),
            max_grad_norm=self.config.optimizer.max_grad_norm,
            number=self.updates + 1,
        )
        self.updates += 1
        return norm

    def learning_rate(self) -> float:
        """Of the next update."""
        settings = self.config.optimizer
        total = self.config.steps * settings.updates * settings.epochs
        return settings.learning_rate * schedule(settings, self.updates, total)

    def refresh_reference(self) -> None:
        """Make the reference policy a copy of the current one."""
        if self.reference is not None:
            self.reference.load_state_dict(self.model.state_dict())

    def _needed(self, rows: Sequence[Row]) -> list[Row]:
        return list(rows) if self.config.loss.beta else [row for row in rows if row.advantage != 0.0]

    def _micro_batches(self, rows: list[Row]) -> Iterator[MicroBatch | SharedBatch]:
        """Rows that go through the model together, in whichever form costs less."""
        budget, device = self.config.optimizer.micro_batch_tokens, self.world.device
        costs = COSTS["cpu" if device.type == "cpu" else "gpu"]
        shared = plan_shared(rows, budget, costs) if self.shares_prompts else None
        if shared is not None:
            for sequences in shared:
                yield collate_shared(sequences, device=device, dtype=self._dtype)
            return
        for batch in plan([row.length for row in rows], budget):
            yield collate([rows[place] for place in batch], device=device, dtype=self._dtype)

    def _inputs(self, micro: MicroBatch | SharedBatch, logps: torch.Tensor) -> LossInputs:
        old, ref, sampling = (
            gathered(micro.rows, micro.mask, name, self._dtype) for name in ("old", "ref", "sampling")
        )
        return LossInputs(
            logp=logps, mask=micro.mask, advantages=micro.advantages, old=old, ref=ref, sampling=sampling
        )  # fmt: skip

    def _log_probs(self, model: Any, batch: MicroBatch | SharedBatch) -> list[torch.Tensor]:
        with self.world.autocast():
            return batch_logprobs(model, batch, temperature=self.config.rollout.temperature)

    @torch.no_grad()
    def _record(self, stats: UpdateStats, inputs: LossInputs, entropies: torch.Tensor, value: float) -> None:
        mask = inputs.mask
        clipped, tokens = clip_fraction(inputs, self.config.loss)
        stats.add(loss=value, tokens=tokens, clipped=clipped, entropy=float(entropies[mask].sum()))
        if inputs.ref is not None:
            stats.add(kl=float(k3(inputs.logp[mask], inputs.ref[mask]).sum()))
        if inputs.sampling is not None:
            trainer = inputs.logp if inputs.old is None else inputs.old
            difference = (trainer - inputs.sampling)[mask].abs()
            stats.add(mismatch=float(difference.sum()), compared=tokens)
            stats.mismatch_max = max(stats.mismatch_max, float(difference.max()))
