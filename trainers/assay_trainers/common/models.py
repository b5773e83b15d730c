"""Loading a policy, and writing it as a plain Hugging Face folder.

A GGUF file (the small model of the tests and the demo comes as one) is de-quantised into an ordinary float32 model:
transformers refuses to save a model that it loaded from GGUF.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from assay import BackendError, UsageError
from assay_trainers.common.adapters import base_of, is_adapted, load_adapter, module_weights, save_adapter
from assay_trainers.common.kernels import use_fast_float32
from assay_trainers.common.sharding import is_sharded, put

ADAPTER = "adapter"
"""Folder of the adapter inside a checkpoint."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """The size of a model."""

    parameters: int
    layers: int
    hidden: int
    queries: int
    """Width of a token's queries, over all heads."""
    keys: int
    """Width of its keys, and of its values."""
    inner: int
    """Width inside the feed-forward part."""
    vocabulary: int
    window: int | None
    """Tokens of its context; None where the configuration has no number."""


def load_policy(source: str, *, device: Any) -> tuple[Any, Any]:
    """A causal language model in float32 and evaluation mode, and its tokenizer.

    Args:
        source: A Hugging Face folder, a `.gguf` file, or an id on the hub.
        device: Where it goes.

    Raises:
        UsageError: There is no such path.
        BackendError: It does not load.
    """
    from transformers import AutoModelForCausalLM

    tokenizer = load_tokenizer(source)
    where, options = _place(source)
    with _loading(source), _quiet():
        model = AutoModelForCausalLM.from_pretrained(where, dtype=torch.float32, **options)
    if options:
        model = _dequantised(model)
    if torch.device(device).type == "cpu":
        use_fast_float32(model.get_input_embeddings().weight.shape[-1])
    return model.to(device).eval(), tokenizer


def load_tokenizer(source: str) -> Any:
    """The tokenizer of a model. Raises what `load_policy` raises."""
    from transformers import AutoTokenizer

    where, options = _place(source)
    with _loading(source), _quiet():
        return AutoTokenizer.from_pretrained(where, **options)


def parameters_of(source: str) -> Shape | None:
    """The size of a model, from its configuration alone; None for a GGUF file, which has none."""
    from transformers import AutoConfig, AutoModelForCausalLM

    where, options = _place(source)
    if options:
        return None
    with _loading(source), torch.device("meta"):
        model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(where))
    return shape_of(model)


def shape_of(model: Any) -> Shape:
    """The size of a model of transformers, bare or under an adapter."""
    model = base_of(model)
    inner = model.config.get_text_config(decoder=True)
    hidden = int(inner.hidden_size)
    heads = int(getattr(inner, "num_attention_heads", None) or 1)  # models without attention have none
    width = int(getattr(inner, "head_dim", None) or hidden // heads)
    return Shape(
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        layers=int(inner.num_hidden_layers),
        hidden=hidden,
        queries=heads * width,
        keys=int(getattr(inner, "num_key_value_heads", None) or heads) * width,
        inner=int(getattr(inner, "intermediate_size", None) or 4 * hidden),
        vocabulary=int(inner.vocab_size),
        window=window_of(model.config),
    )


def save_policy(model: Any, tokenizer: Any, folder: Path, *, write: bool = True) -> None:
    """Write weights, configuration and tokenizer as a Hugging Face folder; an adapter merged, and once more by itself.

    Where parameters are sharded, all processes call it together; those with `write` write.
    """
    state = None
    if is_adapted(model):
        save_adapter(model, folder / ADAPTER, write=write)
    if is_adapted(model) or any(is_sharded(parameter) for parameter in model.parameters()):
        state = {name: tensor.cpu() if write else None for name, tensor in module_weights(model)}
    if not write:
        return
    with _quiet():
        base_of(model).save_pretrained(folder, state_dict=state)
    tokenizer.save_pretrained(folder)


def load_weights(model: Any, folder: Path) -> None:
    """Put the weights of a folder written by `save_policy` into a model, bit for bit."""
    if is_adapted(model):
        load_adapter(model, folder / ADAPTER)
        return
    from transformers import AutoModelForCausalLM

    with _quiet():
        saved = AutoModelForCausalLM.from_pretrained(folder, dtype=model.dtype).state_dict()
    for name, value in model.state_dict(keep_vars=True).items():
        put(value, saved[name])


def frozen_copy(model: Any) -> Any:
    """A copy that takes no gradient: the reference policy."""
    import copy

    twin = copy.deepcopy(model)
    twin.requires_grad_(False)
    return twin.eval()


def parameter_count(model: Any) -> int:
    """Trainable parameters; tied ones count once."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


def context_window(model: Any) -> int | None:
    """Tokens that fit into the model's context; None where the configuration has no number."""
    return window_of(model.config)


def window_of(config: Any) -> int | None:
    """The same, from a model's configuration."""
    inner = config.get_text_config(decoder=True)
    return getattr(inner, "max_position_embeddings", None) or getattr(inner, "n_positions", None)


def checkpoint_gradients(model: Any) -> None:
    """Only models in training mode do it, and there dropout would make trainer and sampler two policies."""
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        if hasattr(module, "attention_dropout"):
            module.attention_dropout = 0.0
    if hasattr(model, "activation_checkpointing_enable"):  # transformers 5.22 and later
        model.activation_checkpointing_enable()
    else:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    model.train()


def _place(source: str) -> tuple[str, dict[str, str]]:
    """What transformers calls it, and the options that go with that."""
    path = Path(source).expanduser()
    if source.startswith((".", "/", "~")) and not path.exists():
        raise UsageError(f"there is no model at {source}: no such file or folder")
    if path.suffix == ".gguf":
        return str(path.parent), {"gguf_file": path.name}
    return (str(path) if path.is_dir() else source), {}


@contextmanager
def _loading(source: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # broken files make transformers raise nearly anything
        line = " ".join(str(error).split())[:400]
        raise BackendError(f"cannot load the model {source}: {type(error).__name__}: {line}") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """No progress bars: a run writes lines."""
    from transformers.utils import logging as transformers_logging

    shown = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            transformers_logging.enable_progress_bar()


def _dequantised(model: Any) -> Any:
    config = model.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    fresh = type(model)(config).to(model.dtype)
    loaded = fresh.load_state_dict(model.state_dict(), strict=False)
    # A tied head is a second name of the embeddings, which not every version writes.
    lacking = sorted({*loaded.missing_keys, *loaded.unexpected_keys} - {"lm_head.weight"})
    if lacking:
        raise BackendError(f"the GGUF model and {type(model).__name__} have different weights: {', '.join(lacking)}")
    fresh.tie_weights()
    fresh.generation_config = model.generation_config
    return fresh
