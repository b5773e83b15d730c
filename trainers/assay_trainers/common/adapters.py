"""Low-rank adapters (LoRA, 2106.09685) through peft, and a policy's weights as a plain checkpoint has them.

    W' = W + (alpha / rank) · B A          A: (rank, in), B: (out, rank); B starts at 0, so the run starts at the base

Only A and B are trained. The base under the adapter is the reference policy for free. Dropout is not offered: sampler
and trainer would be two policies.

`checkpoint_weights` is what leaves the trainer: names of a Hugging Face checkpoint, adapters merged, sharded tensors
gathered. Merging computes W + ΔW anew and leaves the model as it is: to merge and unmerge in place changes last bits.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from assay import BackendError, UsageError
from assay_trainers.common.configs import AdapterConfig
from assay_trainers.common.sharding import gather, put

_NAME = "default"
"""Of the adapter, in peft."""
_FILE = "adapter_model.safetensors"


def add_adapter(model: Any, config: AdapterConfig) -> Any:
    """Put adapters into a model's linear layers, in place; returns peft's model around it.

    Raises:
        BackendError: peft is not installed.
        UsageError: No layer has the given names.
    """
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError as error:
        raise BackendError("lora needs peft, which is not installed here: pip install 'assay[train]'") from error
    targets = config.targets[0] if config.targets == ("all-linear",) else list(config.targets)
    settings = LoraConfig(
        r=config.rank, lora_alpha=config.alpha, lora_dropout=0.0, target_modules=targets, task_type="CAUSAL_LM"
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # what transformers tells peft is not for our users
            adapted = get_peft_model(model, settings, adapter_name=_NAME)
    except ValueError as error:
        raise UsageError(f"lora.targets: {' '.join(str(error).split())[:300]}") from error
    return adapted.eval()


def is_adapted(model: Any) -> bool:
    """Whether a model carries adapters."""
    return hasattr(model, "peft_config")


def base_of(model: Any) -> Any:
    """The model of transformers, adapters and all, without peft's wrapper."""
    return model.get_base_model() if is_adapted(model) else model


def save_adapter(model: Any, folder: Path, *, write: bool = True) -> None:
    """Write the adapter as peft reads it. All processes call it together; those with `write` write."""
    from safetensors.torch import save_file

    tensors = {name: gather(tensor) for name, tensor in adapter_parameters(model).items()}
    if not write:
        return
    folder.mkdir(parents=True, exist_ok=True)
    save_file({_file_name(name): tensor.cpu().contiguous() for name, tensor in tensors.items()}, folder / _FILE)
    model.peft_config[_NAME].save_pretrained(folder)


def load_adapter(model: Any, folder: Path) -> None:
    """Put an adapter written by `save_adapter` into a model that has one, bit for bit. Raises `KeyError`."""
    from safetensors.torch import load_file

    tensors = load_file(folder / _FILE)
    for name, parameter in adapter_parameters(model).items():
        put(parameter, tensors[_file_name(name)])


def adapter_parameters(model: Any) -> dict[str, torch.nn.Parameter]:
    """The trained tensors by name."""
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}


@contextmanager
def without_adapter(model: Any) -> Iterator[Any]:
    """The base under the adapter."""
    with model.disable_adapter():
        yield model


def module_weights(model: Any) -> Iterator[tuple[str, Tensor]]:
    """Parameters and saved buffers by the names that they have without an adapter, tied ones once."""
    base = base_of(model)
    layers = {name: layer for name, layer in base.named_modules() if hasattr(layer, "lora_A")}
    for name, parameter in base.named_parameters():
        owner, _, leaf = name.rpartition(".")
        layer_name = owner.removesuffix(".base_layer")
        if ".lora_" in name:
            continue
        value = gather(parameter)
        if owner != layer_name and leaf == "weight" and layer_name in layers:
            value = value + _delta(layers[layer_name]).to(value)
        yield f"{layer_name}.{leaf}".lstrip("."), value
    parameters = {name for name, _ in base.named_parameters(remove_duplicate=False)}
    for name, value in base.state_dict().items():
        if name not in parameters:
            yield name, gather(value)


def checkpoint_weights(model: Any) -> Iterator[tuple[str, Tensor]]:
    """The same by the names of a checkpoint: transformers may keep several of its tensors as one in memory."""
    base = base_of(model)
    try:
        from transformers.core_model_loading import revert_weight_conversion
    except ImportError:  # transformers 4: memory and checkpoint agree
        yield from module_weights(model)
        return
    if getattr(base, "_weight_conversions", None) in (None, []) and not _converted(base):
        yield from module_weights(model)
        return
    yield from revert_weight_conversion(base, dict(module_weights(model))).items()


def _file_name(name: str) -> str:
    return name.replace(f".{_NAME}.", ".")


def _converted(model: Any) -> bool:
    from transformers.conversion_mapping import get_model_conversion_mapping

    return bool(get_model_conversion_mapping(model, add_legacy=False))


def _delta(layer: Any) -> Tensor:
    a, b = gather(layer.lora_A[_NAME].weight), gather(layer.lora_B[_NAME].weight)
    delta: Tensor = (b @ a) * layer.scaling[_NAME]
    return delta.T if layer.fan_in_fan_out else delta
