"""The engine that a configuration asks for."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch

from assay import UsageError
from assay_trainers.common.adapters import checkpoint_weights, module_weights
from assay_trainers.common.models import context_window, save_policy
from assay_trainers.common.world import World
from assay_trainers.grpo.config import TrainConfig
from assay_trainers.grpo.engines.copied import CopiedEngine
from assay_trainers.grpo.rollouts import RolloutEngine, TransformersEngine, end_tokens


def twin_of(model: Any, config: TrainConfig, world: World) -> Any | None:
    """A copy of the model to sample from, where the policy itself cannot; before anything is done to the model."""
    apart = config.rollout.overlap or world.sharded
    if config.rollout.engine != "transformers" or not apart:
        return None
    return copy.deepcopy(model).to(world.device, getattr(torch, config.dtype))


def open_engine(model: Any, twin: Any | None, tokenizer: Any, config: TrainConfig, world: World) -> RolloutEngine:
    """The engine of a run.

    Args:
        model: The policy as it is trained.
        twin: From `twin_of`.
        tokenizer: The policy's.
        config: The run's.
        world: Its processes.

    Raises:
        UsageError: Options that the engine does not have, or an engine that cannot serve these processes.
        BackendError: The engine does not start, or is not there.
    """
    rollout = config.rollout
    if rollout.engine == "transformers":
        if rollout.engine_options:
            raise UsageError(f"rollout.engine transformers has no engine_options, and got {rollout.engine_options}")
        if twin is None:
            return TransformersEngine(model, tokenizer, batch_size=rollout.batch_size, precision=rollout.precision)
        return CopiedEngine(
            twin,
            tokenizer,
            lambda: module_weights(model),
            batch_size=rollout.batch_size,
            precision=rollout.precision,
        )
    ends = end_tokens(model, tokenizer)
    folder = Path(config.output) / "engine"
    if rollout.engine == "vllm_server":
        from assay_trainers.grpo.engines.vllm_server import VllmServerEngine

        return VllmServerEngine(
            tokenizer,
            lambda: checkpoint_weights(model),
            end_tokens=ends,
            options=rollout.engine_options,
            dtype=getattr(torch, config.dtype),
            folder=folder,
            is_main=world.is_main,
            agree=world.agree,
        )
    from assay_trainers.grpo.engines.vllm_local import VllmEngine

    if world.size > 1:
        raise UsageError(
            f"rollout.engine vllm lives in one process, and there are {world.size}: use vllm_server, which serves all"
        )
    source = Path(config.model).expanduser()
    if not source.is_dir():  # a GGUF file, or an id on the hub that may have moved on
        save_policy(model, tokenizer, folder)
        source = folder
    return VllmEngine(
        source,
        tokenizer,
        lambda: checkpoint_weights(model),
        end_tokens=ends,
        options=rollout.engine_options,
        dtype=config.dtype,
        context=context_window(model),
    )
