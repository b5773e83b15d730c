"""Configurations of trainers: one YAML file, checked field by field, with dotted changes over it.

A configuration is a frozen dataclass whose fields are values or sections (dataclasses again), validated by pydantic.
Unknown fields are refused, with the closest known ones.
"""

from __future__ import annotations

import dataclasses
import json
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from assay import UsageError, did_you_mean, read_yaml

NO_OTHER_FIELDS = {"extra": "forbid"}
"""A misspelt field must not pass for a default."""

Positive = Annotated[int, Field(ge=1)]
Count = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
AboveZero = Annotated[float, Field(gt=0, allow_inf_nan=False)]

_MAX_FILE_BYTES = 2**20
_MAX_BRACKETS = 5000

Config = TypeVar("Config")


@dataclass(frozen=True, kw_only=True, slots=True)
class OptimizerConfig:
    """AdamW and its schedule."""

    __pydantic_config__: ClassVar[dict[str, str]] = NO_OTHER_FIELDS

    learning_rate: AboveZero = 3e-6
    beta1: Share = 0.9
    beta2: Share = 0.999
    eps: AboveZero = 1e-8
    weight_decay: Amount = 0.0
    max_grad_norm: AboveZero = 1.0
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    """What the learning rate does after the warm-up."""
    floor: Share = 0.0
    """Share of the learning rate at which linear and cosine end."""
    warmup: Count = 0
    """Optimizer updates of linear warm-up."""
    micro_batch_tokens: Positive = 16384
    """Padded tokens in one forward and backward pass at most; changes speed and memory, not the gradient. On a CPU also
    no more than a gigabyte of activations: more is no faster there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckpointConfig:
    """When the state is written, and how much of it is kept."""

    __pydantic_config__: ClassVar[dict[str, str]] = NO_OTHER_FIELDS

    every: Positive = 50
    """Steps."""
    keep: Positive = 3
    """Checkpoints; older ones are deleted."""
    best: str = ""
    """Name of a metric, the higher the better, such as a held-out score. The step with the best value so far gets a
    checkpoint, which is kept beside the last ones and named in checkpoints/best.json."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AdapterConfig:
    """Low-rank adapters (LoRA) in place of training every weight.

    There is no dropout: it would make sampler and trainer two policies.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = NO_OTHER_FIELDS

    rank: Count = 0
    """0: train every weight."""
    alpha: Positive = 32
    """The adapter's output is multiplied by alpha / rank."""
    targets: tuple[str, ...] = ("all-linear",)
    """Names of linear layers, such as q_proj; all-linear: every one but the head."""


def read_mapping(
    source: str | Path | Mapping[str, Any], changes: Mapping[str, Any] | None, what: str
) -> tuple[dict[str, Any], str]:
    """The mapping in a file (or a copy of one given), changed, and what to call it in errors.

    Args:
        source: A YAML file or a mapping.
        changes: {"rollout.group": 8}
        what: What a configuration needs, for the error: "'model' and 'data'".

    Raises `UsageError` naming the file.
    """
    where = "the configuration" if isinstance(source, Mapping) else str(source)
    data = (
        json.loads(json.dumps(dict(source)))
        if isinstance(source, Mapping)
        else read_yaml(Path(source), "training configuration", max_bytes=_MAX_FILE_BYTES, max_brackets=_MAX_BRACKETS)
    )
    if not isinstance(data, dict):
        raise UsageError(f"{where} must be a mapping with {what}, got {type(data).__name__}")
    for dotted, value in (changes or {}).items():
        _set(data, dotted, value)
    return data, where


def parse(kind: type[Config], data: Mapping[str, Any], where: str) -> Config:
    """A mapping as a configuration. Raises `UsageError` naming the field and what it should be."""
    try:
        return TypeAdapter(kind).validate_python(data)
    except ValidationError as error:
        raise UsageError(f"{where}: " + _explain(error, kind)) from error


def sections(kind: type) -> dict[str, type]:
    """The fields of a configuration that hold further fields."""
    hints = typing.get_type_hints(kind)
    names = [entry.name for entry in dataclasses.fields(kind)]
    return {name: hints[name] for name in names if dataclasses.is_dataclass(hints[name])}


def as_values(config: Any) -> dict[str, Any]:
    """A configuration as JSON values."""
    return dict(json.loads(json.dumps(dataclasses.asdict(config))))


def _set(data: dict[str, Any], dotted: str, value: Any) -> None:
    *parents, last = dotted.split(".")
    place = data
    for number, name in enumerate(parents):
        inner = place.get(name)
        if inner is None:
            inner = place[name] = {}
        if not isinstance(inner, dict):
            raise UsageError(f"--set {dotted}: {'.'.join(parents[: number + 1])} is a value, not a section")
        place = inner
    place[last] = value


def _explain(error: ValidationError, kind: type) -> str:
    first = error.errors()[0]
    places = [str(part) for part in first["loc"]]
    dotted = ".".join(places) or "top level"
    if first["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        owner = sections(kind).get(places[0], kind) if len(places) > 1 else kind
        known = [entry.name for entry in dataclasses.fields(owner)]
        return f"there is no field {dotted!r}. " + did_you_mean(places[-1], known)
    if first["type"] == "missing":
        return f"the field {dotted!r} is missing"
    return f"{dotted}: {first['msg']}, got {first['input']!r}"
