"""The policy as one module whose forward pass is what training needs: log-probs of what is learned.

A plain model does not need it. Sharded parameters do: their owner gathers them when its forward pass begins, so the
head's weight has to be used inside a forward pass, and every process has to make the same passes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from assay_trainers.common.adapters import base_of


class PolicyModule(nn.Module):
    """A causal language model of transformers, bare or under an adapter.

    Args:
        model: The model.
        log_probs: (model, micro-batch, …) → what a forward pass gives.
    """

    def __init__(self, model: Any, log_probs: Callable[..., Any]) -> None:
        super().__init__()
        self.model = model
        self._log_probs = log_probs
        self.block_names: tuple[str, ...] = tuple(getattr(base_of(model), "_no_split_modules", None) or ())
        """Class names of the layers that are sharded one by one."""

    def forward(self, batch: Any, **settings: Any) -> Any:
        """What `log_probs` gives."""
        return self._log_probs(self.model, batch, **settings)
