"""The reference policy of the KL term: a frozen copy, or the base under an adapter, refreshed every so often."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import torch
from torch import Tensor

from assay_trainers.common.adapters import adapter_parameters, without_adapter
from assay_trainers.common.policy import PolicyModule
from assay_trainers.common.sharding import held, put


class Reference(Protocol):
    """What the policy is compared with."""

    def policy(self) -> Any:
        """A context whose value is the module to call."""

    def refresh(self) -> None:
        """Become what the policy is now."""

    def state(self) -> dict[str, Tensor]:
        """What a checkpoint keeps of a refreshed reference."""

    def load(self, state: dict[str, Tensor]) -> None:
        """Take back what `state` gave."""


class FrozenCopy:
    """A second model. `twin` and `policy` may be sharded, alike."""

    def __init__(self, policy: Any, twin: Any) -> None:
        self._policy, self._twin = policy, twin

    @contextmanager
    def policy(self) -> Iterator[Any]:
        """The copy."""
        yield self._twin

    @torch.no_grad()
    def refresh(self) -> None:
        """Copy the policy's parameters."""
        for own, other in zip(self._twin.parameters(), self._policy.parameters(), strict=True):
            put(own, held(other))

    def state(self) -> dict[str, Tensor]:
        """All parameters."""
        return dict(self._twin.model.named_parameters())

    @torch.no_grad()
    def load(self, state: dict[str, Tensor]) -> None:
        """All parameters."""
        for name, parameter in self._twin.model.named_parameters():
            put(parameter, state[name])


class UnderAdapter:
    """The policy's own base; after a refresh, the base with the adapter as it was then."""

    def __init__(self, policy: PolicyModule) -> None:
        self._policy = policy
        self._kept: dict[str, Tensor] = {}

    @contextmanager
    def policy(self) -> Iterator[Any]:
        """The policy, with its adapter off or exchanged while the context lasts."""
        if not self._kept:
            with without_adapter(self._policy.model):
                yield self._policy
            return
        self._exchange()
        try:
            yield self._policy
        finally:
            self._exchange()

    @torch.no_grad()
    def refresh(self) -> None:
        """Keep a copy of the adapter."""
        self._kept = {name: held(p).clone() for name, p in adapter_parameters(self._policy.model).items()}

    def state(self) -> dict[str, Tensor]:
        """The adapter that was kept."""
        return dict(self._kept)

    def load(self, state: dict[str, Tensor]) -> None:
        """The adapter that was kept."""
        self.refresh()
        for name, kept in self._kept.items():
            put(kept, state[name])

    @torch.no_grad()
    def _exchange(self) -> None:
        for name, parameter in adapter_parameters(self._policy.model).items():
            now = held(parameter).clone()
            put(parameter, self._kept[name])
            self._kept[name] = now
