"""The policy as one module whose forward pass is what training needs: log-probs of completions.

A plain model does not need it. Sharded parameters do: their owner gathers them when its forward pass begins, so the
head's weight has to be used inside a forward pass, and every process has to make the same passes.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from assay_trainers.common.adapters import base_of
from assay_trainers.common.batching import MicroBatch
from assay_trainers.common.logprobs import completion_logprobs
from assay_trainers.common.shared_prompts import SharedBatch


class PolicyModule(nn.Module):
    """A causal language model of transformers, bare or under an adapter."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        self.block_names: tuple[str, ...] = tuple(getattr(base_of(model), "_no_split_modules", None) or ())
        """Class names of the layers that are sharded one by one."""

    def forward(self, batch: MicroBatch | SharedBatch, *, temperature: float) -> tuple[Tensor, Tensor]:
        """See `completion_logprobs`."""
        return completion_logprobs(self.model, batch, temperature=temperature)
