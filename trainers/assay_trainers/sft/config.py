"""The configuration of supervised fine-tuning: one YAML file, checked field by field.

    model: ./my-base-model          # a Hugging Face folder, a .gguf file, or an id on the hub
    output: runs/sft
    data: {path: rows.jsonl}        # JSONL or Parquet, one file or several
    preset: r1                      # epochs, rows a step, schedule; every field given here goes over it

| preset    | epochs | rows a step | learning rate           | for                                               |
|-----------|--------|-------------|-------------------------|---------------------------------------------------|
| `plain`   | 1      | 64          | 1e-5, constant          | anything                                          |
| `r1`      | 2      | 128         | 5e-5, cosine to a tenth | cold start; rejection-sampled rows, from the base |
| `distill` | 2      | 64          | 1e-4, cosine to a tenth | a small model on the rows of a large one          |
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from assay import UsageError, did_you_mean
from assay_trainers.common.configs import (
    NO_OTHER_FIELDS,
    AboveZero,
    AdapterConfig,
    CheckpointConfig,
    OptimizerConfig,
    Positive,
    as_values,
    parse,
    read_mapping,
)

TooLong = Literal["drop", "truncate", "error"]
Layout = Literal["buckets", "packed"]


@dataclass(frozen=True, kw_only=True, slots=True)
class DataConfig:
    """Where rows come from and what becomes of them."""

    __pydantic_config__: ClassVar[dict[str, str]] = NO_OTHER_FIELDS

    path: str | tuple[str, ...]
    """A JSONL or Parquet file, or several; see `assay_trainers.sft.data`."""
    limit: Positive | None = None
    """Use only the first so many rows."""
    response: str = "think"
    """How reasoning and summary of a row become a response: think, cold-start, or a text with both in braces."""
    special_token: str = "|special_token|"  # noqa: S105  # the report's own placeholder, no secret
    """What stands around the reasoning in the cold-start format."""
    turns: Literal["all", "last"] = "all"
    """Which assistant turns of a conversation are learned."""
    chat_template: str | None = None
    """A Jinja file for a model whose tokenizer has no chat template; saved with the model."""
    max_tokens: Positive = 32768
    """Tokens of a row at most."""
    too_long: TooLong = "drop"
    """What happens to longer rows: left out, cut off at the end (they then teach no end of turn), or an error."""
    validation: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the rows that is held out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LearningRate(OptimizerConfig):
    """AdamW and its schedule, with the default rate of supervised training."""

    learning_rate: AboveZero = 1e-5


@dataclass(frozen=True, kw_only=True, slots=True)
class SftConfig:
    """Everything that decides a run."""

    __pydantic_config__: ClassVar[dict[str, str]] = NO_OTHER_FIELDS

    model: str
    output: str
    """The run's folder: resolved configuration, metrics.jsonl, checkpoints, and the final model under `final`."""
    data: DataConfig
    preset: str = "plain"
    epochs: AboveZero = 1.0
    """Times that the rows are gone through; the last step is filled up with the rows that follow."""
    rows: Positive = 64
    """Rows a step, over all processes."""
    steps: Positive | None = None
    """Optimizer updates, in place of `epochs`."""
    layout: Layout = "buckets"
    """buckets: rows of about one length, padded, no attention mask. packed: rows in one line, each blind to the
    others; the better one with attention kernels for it (`attention: flash_attention_2`)."""
    attention: str | None = None
    """An implementation of transformers, such as sdpa or flash_attention_2; None: its default."""
    validate_every: Positive = 50
    """Steps between two losses on the held-out rows; there is one before the first step and after the last, too."""
    seed: int = 0
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Of the arithmetic; weights and optimizer are float32 either way. On a CPU float32 is the faster one."""
    device: Literal["auto", "cpu"] = "auto"
    lora: AdapterConfig = field(default_factory=AdapterConfig)
    gradient_checkpointing: bool = False
    """Compute activations twice instead of keeping them."""
    optimizer: LearningRate = field(default_factory=LearningRate)
    checkpoints: CheckpointConfig = field(default_factory=CheckpointConfig)

    def __post_init__(self) -> None:
        if self.checkpoints.best:
            raise UsageError("checkpoints.best is for GRPO: supervised training keeps the last checkpoints only")

    def as_dict(self) -> dict[str, Any]:
        """JSON values, preset applied."""
        return as_values(self)

    def total_steps(self, rows: int) -> int:
        """Optimizer updates of the run, for so many rows."""
        return self.steps or max(1, -(-round(self.epochs * rows) // self.rows))

    @property
    def hash(self) -> str:
        """Over everything that decides the weights: not the folder, or what is kept."""
        values = self.as_dict()
        for name in ("output", "checkpoints", "validate_every"):
            del values[name]
        if self.optimizer.schedule == "constant":
            del values["steps"], values["epochs"]  # else the schedule ends there
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


_COSINE = {"schedule": "cosine", "floor": 0.1}
PRESETS: Mapping[str, Mapping[str, Any]] = {
    "plain": {},
    "r1": {"epochs": 2, "rows": 128, "optimizer": {"learning_rate": 5e-5, **_COSINE}},
    "distill": {"epochs": 2, "rows": 64, "optimizer": {"learning_rate": 1e-4, **_COSINE}},
}


def read_config(source: str | Path | Mapping[str, Any], changes: Mapping[str, Any] | None = None) -> SftConfig:
    """A configuration from a YAML file or a mapping, with dotted `changes` over it ({"data.limit": 8}).

    Raises `UsageError` naming the file, the field and what it should be.
    """
    data, where = read_mapping(source, changes, "'model', 'output' and 'data'")
    name = str(data.get("preset", "plain"))
    if name not in PRESETS:
        raise UsageError(f"there is no SFT preset {name!r}. " + did_you_mean(name, list(PRESETS)))
    for key, value in PRESETS[name].items():
        if key != "optimizer":
            data.setdefault(key, value)
        elif isinstance(data.setdefault(key, {}), dict):
            data[key] = value | data[key]
    return parse(SftConfig, data, where)
