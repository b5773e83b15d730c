"""Parameters sharded over processes: torch's FSDP2, with accelerate's settings. DeepSpeed's way is in `zero`.

    accelerate launch --config_file fsdp2.yaml -m assay train grpo run.yaml

`accelerate launch` puts its configuration into environment variables; its plugin reads them. The sharding itself is
`torch.distributed.fsdp.fully_shard` called here, block by block and then around the whole `PolicyModule`: accelerate
shards on GPUs only, and it draws its lines around a model's own forward pass, which is not the one that is used.

A sharded tensor is a `DTensor`, or one that DeepSpeed has partitioned. `gather` makes it whole (all processes
together), `put` writes a whole one into it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from assay_trainers.common.zero import ZeroOptimizer, gather_partitions, is_partitioned, put_partitions


def shard(module: Any, *, dtype: str) -> None:
    """Shard a `PolicyModule` in place over all processes. `dtype` is the arithmetic's; parameters keep theirs."""
    from accelerate import FullyShardedDataParallelPlugin
    from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

    plugin = FullyShardedDataParallelPlugin(fsdp_version=2)
    settings: dict[str, Any] = {"offload_policy": plugin.cpu_offload} if plugin.cpu_offload else {}
    if dtype == "bfloat16":
        settings["mp_policy"] = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)
    names = plugin.transformer_cls_names_to_wrap or module.block_names
    for block in module.modules():
        if type(block).__name__ in names:
            fully_shard(block, reshard_after_forward=plugin.reshard_after_forward, **settings)
    fully_shard(module, **settings)


def is_sharded(tensor: Tensor) -> bool:
    """Whether this process holds only a part of it."""
    return _is_dtensor(tensor) or is_partitioned(tensor)


def gather(tensor: Tensor) -> Tensor:
    """All of a tensor, without gradient; the tensor itself where it is whole. All processes call it together.

    Give it a parameter as it is: what DeepSpeed knows of it is lost by `detach`.
    """
    if is_partitioned(tensor):
        return gather_partitions(tensor)
    whole: Tensor = tensor.detach()
    return whole.full_tensor() if _is_dtensor(whole) else whole  # type: ignore[attr-defined]


def held(parameter: Tensor) -> Tensor:
    """What `put` needs to make another parameter, sharded alike, equal to this one."""
    return gather_partitions(parameter) if is_partitioned(parameter) else parameter.detach()


@torch.no_grad()
def put(parameter: Tensor, value: Tensor) -> None:
    """Write a whole tensor, the same on every process, into one that may be sharded; or what `held` gave."""
    if is_partitioned(parameter):
        put_partitions(parameter, value)
    else:
        parameter.copy_(_like(parameter, value))


def whole_optimizer_state(optimizer: torch.optim.Optimizer | ZeroOptimizer, *, keep: bool = True) -> dict[str, Any]:
    """An optimizer's state as one process without sharding would have it, on the CPU. All processes call it together.

    One tensor is whole on the device at a time: all of them are two more copies of the model.

    Args:
        optimizer: Its parameters may be sharded.
        keep: False: take part in gathering, and keep nothing.
    """
    if isinstance(optimizer, ZeroOptimizer):
        return optimizer.whole_state(keep=keep)
    state = optimizer.state_dict()
    whole = {
        number: {name: _on_cpu(value, keep) for name, value in values.items()}
        for number, values in state["state"].items()
    }
    return {**state, "state": whole} if keep else {}


def load_optimizer_state(optimizer: torch.optim.Optimizer | ZeroOptimizer, state: dict[str, Any]) -> None:
    """Take back what `whole_optimizer_state` gave, shard by shard where parameters are sharded; after the weights."""
    if isinstance(optimizer, ZeroOptimizer):
        optimizer.load_state_dict(state)
        return
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    shared = {
        number: {name: _like(parameters[number], value) for name, value in values.items()}
        for number, values in state["state"].items()
    }
    optimizer.load_state_dict({**state, "state": shared})


def _like(parameter: Tensor, value: Any) -> Any:
    if not isinstance(value, Tensor) or value.shape != parameter.shape or not _is_dtensor(parameter):
        return value
    if _is_dtensor(value):
        return value
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(value.to(parameter.device), parameter.device_mesh, parameter.placements)  # type: ignore[attr-defined]


def _on_cpu(value: Any, keep: bool) -> Any:
    whole = gather(value) if isinstance(value, Tensor) else value
    if not keep:
        return None
    return whole.cpu() if isinstance(whole, Tensor) else whole


def _is_dtensor(tensor: Tensor) -> bool:
    return hasattr(tensor, "device_mesh")
