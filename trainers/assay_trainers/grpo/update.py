"""One optimizer update over rows of any number: micro-batches, their gradients summed, one step of AdamW.

Rows that cannot have a gradient (advantage 0 while there is no KL term) skip forward and backward; the denominators
in `Totals` count them all the same. The caller looks at the statistics between `accumulate` and `apply`: a sampler
that does not match the trainer is found before its gradient reaches the weights.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch

from assay_trainers.common.batching import MicroBatch, Row, collate, gathered, plan
from assay_trainers.common.logprobs import body_and_head, completion_logprobs
from assay_trainers.common.memory import pass_tokens
from assay_trainers.common.models import shape_of
from assay_trainers.common.optimizer import descend, make_trainable, schedule
from assay_trainers.common.policy import PolicyModule
from assay_trainers.common.shared_prompts import SharedBatch, can_share_prompts, collate_shared, costs_on, plan_shared
from assay_trainers.common.world import World
from assay_trainers.grpo.config import TrainConfig
from assay_trainers.grpo.losses import LossInputs, Totals, clip_fraction, k3, loss
from assay_trainers.grpo.reference import FrozenCopy, Reference, UnderAdapter

Build = Callable[[], MicroBatch | SharedBatch]

_NOTHING = Row(prompt_ids=(0,), completion_ids=(0,))
"""What a process reads while others have rows and it has none, where passes are made together."""


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
        model: The policy, bare or under an adapter.
        reference: A model that becomes the frozen reference policy; None where beta is 0, or where the policy is
            under an adapter and its base is the reference.
        config: The run's.
        world: Its processes; they shard the models where that is asked for.
    """

    def __init__(self, model: Any, reference: Any | None, config: TrainConfig, world: World) -> None:
        self.model, self.config, self.world = model, config, world
        # Shared prompts take two passes through the layers; sharded processes make the same number of them.
        shares = not config.gradient_checkpointing and not world.sharded
        self.shares_prompts = shares and can_share_prompts(body_and_head(model)[0])
        shape, cpu = shape_of(model), world.device.type == "cpu"
        self._costs = costs_on(shape.hidden, cpu=cpu)
        self._pass_tokens = pass_tokens(config, shape, cpu=cpu)
        self.policy, self.optimizer = make_trainable(PolicyModule(model, completion_logprobs), config.optimizer, world)
        self.reference = self._reference(reference) if config.loss.beta else None
        self.parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self._dtype = torch.promote_types(model.dtype, torch.float32)
        self.updates = 0
        """Optimizer updates so far."""

    def prepare(self, rows: Sequence[Row], *, keep_old: bool) -> None:
        """Fill in what rows need from policies that do not take part in the update.

        Args:
            rows: Of the whole step, before its first update.
            keep_old: The policy will change before all rows are used: keep its log-probs of today.
        """
        needed = self._needed(rows)
        if keep_old:
            for row, values in zip(needed, self.log_probs(needed), strict=True):
                row.old = values
        if self.reference is not None:
            with self.reference.policy() as policy:
                for row, values in zip(needed, self.log_probs(needed, policy), strict=True):
                    row.ref = values

    def accumulate(self, rows: Sequence[Row], totals: Totals) -> UpdateStats:
        """Add the gradient of the rows' share of the loss to the parameters' gradients."""
        stats = UpdateStats()
        needed = self._needed(rows)
        stats.add(rows=len(rows), skipped=len(rows) - len(needed))
        for build in self.world.passes(self._micro_batches(needed)):
            started = time.perf_counter()
            micro, logps, entropies = self._forward(self.policy, build)
            if build is None:
                self.world.backward(logps.sum() * 0.0)
                continue
            inputs = self._inputs(micro, logps)
            value = loss(inputs, self.config.loss, totals)
            forwarded = time.perf_counter()
            self.world.backward(value)
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
            self.reference.refresh()

    @torch.no_grad()
    def log_probs(self, rows: Sequence[Row], policy: Any | None = None) -> list[torch.Tensor]:
        """Log-probs of each row's completion tokens, on the CPU and without gradient.

        `policy`: In place of the one that is trained. All processes call it together.
        """
        found: dict[int, torch.Tensor] = {}
        for build in self.world.passes(self._micro_batches(rows)):
            micro, logps, _ = self._forward(policy or self.policy, build)
            for place, row in enumerate(micro.rows if build else ()):
                found[id(row)] = logps[place, : len(row.completion_ids)].cpu()
        self.world.settle(policy or self.policy)
        return [found[id(row)] for row in rows]

    def _reference(self, model: Any | None) -> Reference:
        if model is None:
            return UnderAdapter(self.policy)
        return FrozenCopy(self.policy, self.world.shard(PolicyModule(model, completion_logprobs)))

    def _forward(self, policy: Any, build: Build | None) -> tuple[MicroBatch | SharedBatch, torch.Tensor, torch.Tensor]:
        micro = build() if build else collate([_NOTHING], device=self.world.device, dtype=self._dtype)
        with self.world.autocast():
            logps, entropies = policy(micro, temperature=self.config.rollout.temperature)
        return micro, logps, entropies

    def _needed(self, rows: Sequence[Row]) -> list[Row]:
        return list(rows) if self.config.loss.beta else [row for row in rows if row.advantage != 0.0]

    def _micro_batches(self, rows: Sequence[Row]) -> list[Build]:
        """Rows that go through the model together, in whichever form costs less; built when their turn comes."""
        budget = self._pass_tokens
        shared = plan_shared(rows, budget, self._costs) if self.shares_prompts else None
        form: dict[str, Any] = {"device": self.world.device, "dtype": self._dtype}
        if shared is not None:
            return [partial(collate_shared, sequences, **form) for sequences in shared]
        batches = plan([row.length for row in rows], budget)
        return [partial(collate, [rows[place] for place in batch], **form) for batch in batches]

    def _inputs(self, micro: MicroBatch | SharedBatch, logps: torch.Tensor) -> LossInputs:
        old, ref, sampling = (
            gathered(micro.rows, micro.mask, name, self._dtype) for name in ("old", "ref", "sampling")
        )
        return LossInputs(
            logp=logps, mask=micro.mask, advantages=micro.advantages, old=old, ref=ref, sampling=sampling
        )  # fmt: skip

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
