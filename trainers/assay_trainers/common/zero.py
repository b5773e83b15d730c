"""Optimizer state, gradients and parameters partitioned by DeepSpeed's ZeRO (1910.02054), with accelerate's settings.

    accelerate launch --config_file deepspeed.yaml -m assay train grpo run.yaml

    stage 1: each process holds a part of AdamW's moments and of a float32 copy of the weights that it updates
    stage 2: and of the gradients
    stage 3: and of the parameters, which are gathered layer by layer

The engine is DeepSpeed's own, called here: accelerate's wrapper around it takes an optimizer step with every backward
pass that it believes to be the last, and wants to know the batch size of a data loader. Here an update has as many
passes as it needs, the same number in every process (`World.passes`), and the last one is announced to the engine.

Of the configuration that `accelerate launch` puts into environment variables the section on ZeRO is used. Precision,
clipping and batch sizes are the run's.
"""

from __future__ import annotations

import logging
import math
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from assay import BackendError, UsageError

_MOMENTS = ("exp_avg", "exp_avg_sq")


def zero_settings() -> dict[str, Any]:
    """The `zero_optimization` section that accelerate was told.

    Raises:
        BackendError: DeepSpeed is not installed.
        UsageError: A stage that partitions nothing, or a precision of its own.
    """
    from accelerate import DeepSpeedPlugin
    from accelerate.utils import is_deepspeed_available

    if not is_deepspeed_available():
        raise BackendError("this launch needs DeepSpeed, which is not installed here: pip install 'assay[deepspeed]'")
    config = DeepSpeedPlugin().deepspeed_config
    for name in ("fp16", "bf16"):
        if config.get(name, {}).get("enabled") is True:
            raise UsageError(f"the DeepSpeed configuration enables {name}: `dtype` of the run decides its precision")
    section: dict[str, Any] = config["zero_optimization"]
    if section["stage"] not in (1, 2, 3):
        raise UsageError(
            f"ZeRO stage {section['stage']} partitions nothing: take 1, 2 or 3, or launch without DeepSpeed "
            "(copies.yaml)"
        )
    return {name: value for name, value in section.items() if value != "auto"}


@contextmanager
def plain_accelerate() -> Iterator[None]:
    """While the context lasts accelerate does not know of DeepSpeed: it would start it with settings of its own."""
    name = "ACCELERATE_USE_DEEPSPEED"
    kept = os.environ.pop(name, None)
    try:
        yield
    finally:
        if kept is not None:
            os.environ[name] = kept


class ZeroOptimizer:
    """An optimizer whose state, and perhaps gradients and parameters, are partitioned. All processes call it together.

    Args:
        module: The `PolicyModule` that is trained; use `engine` in its place from then on.
        optimizer: AdamW over its trained parameters.
        section: Of `zero_settings`.
        device: Of this process.
        dtype: "float32" or "bfloat16", of the arithmetic.
        max_grad_norm: Where the gradient is clipped.
    """

    def __init__(
        self,
        module: Any,
        optimizer: torch.optim.AdamW,
        section: dict[str, Any],
        *,
        device: torch.device,
        dtype: str,
        max_grad_norm: float,
    ) -> None:
        self._groups: list[dict[str, Any]] = optimizer.state_dict()["param_groups"]
        self._parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        self._base = optimizer
        clip = max_grad_norm
        self.engine = _engine(module, optimizer, section, device=device, dtype=dtype, max_grad_norm=clip)
        # DeepSpeed looks for infinities and NaN in half precision only. With this it does so always, and takes no step.
        self.engine.optimizer.check_grad_overflow = True

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The settings of AdamW, the learning rate among them."""
        groups: list[dict[str, Any]] = self._base.param_groups
        return groups

    def announce(self, *, last: bool) -> None:
        """Say whether the next backward pass is the last before a step."""
        self.engine.set_gradient_accumulation_boundary(last)

    def backward(self, loss: Tensor) -> None:
        """Add a loss's gradient to the mean over the processes."""
        self.engine.backward(loss)

    def step(self) -> float:
        """Clip, step, forget the gradients; returns the norm before the clip. NaN: not finite, and no step taken."""
        self.engine.step()
        if self.engine.optimizer.overflow:
            return math.nan
        return float(self.engine.get_global_grad_norm())

    def whole_state(self, *, keep: bool) -> dict[str, Any]:
        """As AdamW's `state_dict` in a process that holds everything, on the CPU; nothing where not to `keep` it."""
        from deepspeed.utils import safe_get_full_optimizer_state

        groups = [
            {**kept, **{name: value for name, value in now.items() if name != "params"}}
            for kept, now in zip(self._groups, self._base.param_groups, strict=True)
        ]
        steps = [values["step"].detach().cpu() for values in self._base.state.values() if "step" in values]
        state: dict[int, dict[str, Any]] = {}
        for number, parameter in enumerate(self._parameters if steps else ()):
            state[number] = {"step": steps[0].clone()}
            for name in _MOMENTS:
                whole = safe_get_full_optimizer_state(parameter, name)  # one at a time on the device
                state[number][name] = whole.cpu() if keep else None
        return {"state": state, "param_groups": groups} if keep else {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `whole_state` gave, and the weights that the module has now."""
        from deepspeed.utils import safe_set_full_optimizer_state

        self.engine.optimizer.refresh_fp32_params()
        if not state["state"]:
            return
        self._make_state(state["state"][0]["step"])
        for number, parameter in enumerate(self._parameters):
            for name in _MOMENTS:
                value = state["state"][number][name].to(parameter.device)
                safe_set_full_optimizer_state(parameter, value, name)

    def _make_state(self, step: Tensor) -> None:
        """What AdamW makes in its first step: moments of this process's share of the weights, flat and in float32."""
        from deepspeed.utils import lazy_init_hp_params_optimizer_state

        inner = self.engine.optimizer
        whole = hasattr(inner, "single_partition_of_fp32_groups")  # stages 1 and 2
        for number, flat in enumerate(
            inner.single_partition_of_fp32_groups if whole else inner.fp32_partitioned_groups_flat
        ):
            moments = {name: torch.zeros_like(flat) for name in _MOMENTS}
            self._base.state[flat] = {"step": step.to(flat.device).clone(), **moments}
            if whole:  # parameters know their place in them from the first step on
                lazy_init_hp_params_optimizer_state(inner.bit16_groups[number], flat, self._base.state)


def is_partitioned(tensor: Tensor) -> bool:
    """Whether stage 3 holds only a part of it in this process."""
    return hasattr(tensor, "ds_tensor")


def gather_partitions(tensor: Any) -> Tensor:
    """A copy of all of it. All processes call it together."""
    from deepspeed.runtime.zero import GatheredParameters

    with GatheredParameters([tensor]):
        whole: Tensor = tensor.detach().clone()
    return whole


@torch.no_grad()
def put_partitions(tensor: Any, value: Tensor) -> None:
    """Write a whole tensor, the same on every process, into one of stage 3."""
    from deepspeed.runtime.zero import GatheredParameters

    with GatheredParameters([tensor], modifier_rank=0):
        tensor.copy_(value)


def partition(module: Any, section: dict[str, Any], *, device: torch.device, dtype: str) -> Any:
    """A module that is not trained, its parameters partitioned: the reference policy under stage 3."""
    return _engine(module, None, section, device=device, dtype=dtype, max_grad_norm=0.0)


def _engine(
    module: Any,
    optimizer: torch.optim.Optimizer | None,
    section: dict[str, Any],
    *,
    device: torch.device,
    dtype: str,
    max_grad_norm: float,
) -> Any:
    import deepspeed
    import deepspeed.ops

    logging.getLogger("DeepSpeed").setLevel(logging.WARNING)
    # DeepSpeed calls collectives by names that torch is about to change, in every pass.
    warnings.filterwarnings("ignore", ".* is deprecated", FutureWarning, "torch.distributed.c10d_logger")
    chosen = deepspeed.accelerator.get_accelerator().device_name()
    if chosen != device.type:
        raise UsageError(
            f"DeepSpeed computes on {chosen}, and the run on {device.type}: set DS_ACCELERATOR={device.type} in the "
            "environment, or another `device`"
        )
    # A kernel for inference on one host, compiled for a minute at its first use: a compilation that is killed leaves a
    # lock in ~/.cache/torch_extensions, for which every later run waits for ever. Nothing here uses it.
    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    config: dict[str, Any] = {
        "train_micro_batch_size_per_gpu": 1,  # not true, and used for the engine's own reports alone
        "gradient_accumulation_steps": 1,
        "gradient_clipping": max_grad_norm,
        "steps_per_print": math.inf,
        "zero_optimization": section,
        "zero_allow_untested_optimizer": True,
        "zero_force_ds_cpu_optimizer": False,
    }
    if dtype == "bfloat16":
        config["torch_autocast"] = {"enabled": True, "dtype": "bfloat16"}
    return deepspeed.initialize(model=module, optimizer=optimizer, config=config)[0]
