"""Completions from a second copy of the policy in this process.

For two cases in which the trained module cannot sample: its parameters are sharded over processes, or the next step's
completions are drawn while it learns. Costs the memory of one more model without gradients.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import torch

from assay import Sampling
from assay_trainers.grpo.engines.weights import WeightSource
from assay_trainers.grpo.rollouts import Prompt, Rollout, TransformersEngine


class CopiedEngine:
    """Samples from a copy.

    Args:
        twin: A model like the policy without its adapter; it is written to.
        tokenizer: The policy's.
        weights: The policy's weights, by the names of the module.
        batch_size: Rows at a time; None: by device.
        precision: Of the weights that are sampled from.
    """

    holds_weights = True

    def __init__(
        self,
        twin: Any,
        tokenizer: Any,
        weights: WeightSource,
        *,
        batch_size: int | None = None,
        precision: Literal["float32", "bfloat16"] = "float32",
    ) -> None:
        self._twin, self._weights = twin.requires_grad_(False).eval(), weights
        self._sampler = TransformersEngine(twin, tokenizer, batch_size=batch_size, precision=precision)

    def generate(self, prompts: Sequence[Prompt], *, samples: int, sampling: Sampling) -> Iterator[Rollout]:
        """See `RolloutEngine.generate`."""
        return self._sampler.generate(prompts, samples=samples, sampling=sampling)

    @torch.no_grad()
    def sync(self) -> None:
        """Copy the policy's weights."""
        own = self._twin.state_dict(keep_vars=True)
        for name, tensor in self._weights():
            own[name].copy_(tensor)

    def close(self) -> None:
        """Nothing to do."""
