"""The processes of a run, through accelerate: devices, mixed precision, sums over processes.

Gradients are added up by hand after the last micro-batch of an update, instead of inside every backward pass as DDP
does it: processes may then have different numbers of micro-batches, or none at all (all of its groups had equal
rewards), and nobody waits for a partner that never comes. Losses are shares of the whole batch (see `losses`), so
sums, not means, are what is right.

With FSDP (`sharding`) and DeepSpeed (`zero`) what a process holds of parameters, gradients or optimizer is a part:
gradients are then added up inside the backward pass, and passes are made by all processes together. `passes` fills up
a process that has fewer micro-batches than another.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor

from assay_trainers.common.sharding import is_sharded, shard
from assay_trainers.common.zero import ZeroOptimizer, partition, plain_accelerate, zero_settings


class World:
    """What a process knows of the others. With one process every sum is the value itself.

    Args:
        cpu: Stay on the CPU even where there is a GPU.
        dtype: "float32" or "bfloat16", of the arithmetic.

    Raises `UsageError` or `BackendError` where DeepSpeed cannot do what accelerate was told.
    """

    def __init__(self, *, cpu: bool, dtype: str) -> None:
        from accelerate import Accelerator
        from accelerate.utils import parse_flag_from_env

        zero = zero_settings() if parse_flag_from_env("ACCELERATE_USE_DEEPSPEED") else None
        with plain_accelerate():
            self._accelerator = Accelerator(cpu=cpu, mixed_precision="bf16" if dtype == "bfloat16" else "no")
        self.rank = int(self._accelerator.process_index)
        self.size = int(self._accelerator.num_processes)
        self.device: torch.device = self._accelerator.device
        self.dtype = dtype
        self.zero = zero if self.size > 1 else None
        """Settings of ZeRO, where DeepSpeed partitions."""
        fsdp = self.size > 1 and parse_flag_from_env("ACCELERATE_USE_FSDP")
        self.sharded = fsdp or (self.zero is not None and self.zero["stage"] == 3)
        """Whether parameters are sharded over the processes."""
        self._together = self.sharded or self.zero is not None
        """Whether processes make their passes together, and take the mean of their gradients in them."""
        self._trained: ZeroOptimizer | None = None

    @property
    def is_main(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    def autocast(self) -> AbstractContextManager[Any]:
        """The arithmetic's precision."""
        context: AbstractContextManager[Any] = self._accelerator.autocast()
        return context

    @property
    def loading_device(self) -> torch.device:
        """Where a model is loaded: whole models that will be sharded stay in the CPU's memory until then."""
        return torch.device("cpu") if self.sharded else self.device

    def agree(self, problem: str) -> str:
        """What went wrong on any process, or nothing: so that all of them stop together."""
        return next((found for found in self.gather([problem]) if found), "")

    def gather(self, items: list[Any]) -> list[Any]:
        """The items of all processes, in order of their ranks; on every process."""
        if self.size == 1:
            return items
        from accelerate.utils import gather_object

        return list(gather_object(items))

    def broadcast(self, value: Any) -> Any:
        """The main process's value, on every process; the others' own are not looked at."""
        return value if self.size == 1 else self.gather([value if self.is_main else None])[0]

    def sums(self, values: dict[str, float]) -> dict[str, float]:
        """Each value summed over the processes."""
        if self.size == 1:
            return dict(values)
        gathered = self.gather([values])
        return {name: sum(other[name] for other in gathered) for name in values}

    def shard(self, module: Any) -> Any:
        """Shard a `PolicyModule`, where parameters are to be sharded; returns what is called in its place."""
        if not self.sharded:
            return module
        if self.zero is not None:
            return partition(module, self.zero, device=self.device, dtype=self.dtype)
        shard(module, dtype=self.dtype)
        return module

    def partition(self, module: Any, optimizer: torch.optim.AdamW, *, max_grad_norm: float) -> ZeroOptimizer:
        """The same for a module that is trained, with its optimizer, where `zero` says how."""
        assert self.zero is not None
        self._trained = ZeroOptimizer(
            module, optimizer, self.zero, device=self.device, dtype=self.dtype, max_grad_norm=max_grad_norm
        )
        return self._trained

    def settle(self, module: Any) -> None:
        """After forward passes that no backward pass follows: let go of what was gathered for them."""
        if self.sharded and self.zero is None:
            module.reshard()

    def passes(self, batches: Sequence[Any]) -> Iterator[Any | None]:
        """The micro-batches of this process; then None, as often as others still have one, where passes are shared."""
        count = max(self.gather([len(batches)])) if self._together else len(batches)
        for number, batch in enumerate(itertools.chain(batches, itertools.repeat(None, count - len(batches)))):
            if self._trained is not None:
                self._trained.announce(last=number == count - 1)
            yield batch

    def backward(self, loss: Tensor) -> None:
        """Add a loss's gradient, so that after `sum_gradients` it is the sum over all processes."""
        if self._together:
            loss = loss * self.size  # FSDP and DeepSpeed take the mean
        if self._trained is not None:
            self._trained.backward(loss)
        else:
            loss.backward()  # type: ignore[no-untyped-call]

    def sum_gradients(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Add up the gradients of all processes; a process without one counts as zero."""
        if self.size == 1:
            return
        for parameter in parameters:
            if is_sharded(parameter):
                continue
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            grad: Tensor = parameter.grad
            torch.distributed.all_reduce(grad)

    def barrier(self) -> None:
        """Wait until every process is here."""
        self._accelerator.wait_for_everyone()
