"""The processes of a run, through accelerate: devices, mixed precision, sums over processes.

Gradients are added up by hand after the last micro-batch of an update, instead of inside every backward pass as DDP
does it: processes may then have different numbers of micro-batches, or none at all (all of its groups had equal
rewards), and nobody waits for a partner that never comes. Losses are shares of the whole batch (see `losses`), so
sums, not means, are what is right.

Not covered yet: sharded parameters (FSDP, DeepSpeed), whose forward passes must be called by all processes together.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor

from assay_trainers.common.kernels import use_fast_float32


class World:
    """What a process knows of the others. With one process every sum is the value itself.

    Args:
        cpu: Stay on the CPU even where there is a GPU.
        dtype: "float32" or "bfloat16", of the arithmetic.
    """

    def __init__(self, *, cpu: bool, dtype: str) -> None:
        from accelerate import Accelerator

        self._accelerator = Accelerator(cpu=cpu, mixed_precision="bf16" if dtype == "bfloat16" else "no")
        self.rank = int(self._accelerator.process_index)
        self.size = int(self._accelerator.num_processes)
        self.device: torch.device = self._accelerator.device
        if self.device.type == "cpu" and dtype == "float32":
            use_fast_float32()

    @property
    def is_main(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    def autocast(self) -> AbstractContextManager[Any]:
        """The arithmetic's precision."""
        context: AbstractContextManager[Any] = self._accelerator.autocast()
        return context

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

    def sum_gradients(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Add up the gradients of all processes; a process without one counts as zero."""
        if self.size == 1:
            return
        for parameter in parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            grad: Tensor = parameter.grad
            torch.distributed.all_reduce(grad)

    def barrier(self) -> None:
        """Wait until every process is here."""
        self._accelerator.wait_for_everyone()
