"""What is watched during a run, as configuration: evaluations and logs. None of it changes what is learned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator

from assay_trainers.common.configs import NO_OTHER_FIELDS, Positive


def _switch(value: object) -> object:
    """YAML reads the bare word `off` as false."""
    return "off" if value is False else value


@dataclass(frozen=True, kw_only=True, slots=True)
class EvaluationConfig:
    """Held-out benchmarks, asked every so many steps."""

    __pydantic_config__: ClassVar[dict[str, str]] = NO_OTHER_FIELDS

    benchmarks: tuple[str, ...] = ()
    """Registered names or .jsonl files, each with its samples a problem: aime24:64, held_out.jsonl:4."""
    every: Positive = 50
    """Steps; after the last one in any case."""
    at_start: bool = True
    """Also before the first step: what everything is compared with."""
    limit: Positive | None = None
    """Only the first so many problems."""
    temperature: float | None = None
    """In place of the benchmark's own, like the following."""
    top_p: float | None = None
    max_tokens: Positive | None = None
    template: str | None = None
    prefill: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class LoggingConfig:
    """Where metrics and samples go, beside metrics.jsonl."""

    __pydantic_config__: ClassVar[dict[str, str]] = NO_OTHER_FIELDS

    tensorboard: bool = False
    wandb: Annotated[Literal["off", "offline", "online"], BeforeValidator(_switch)] = "off"
    """`offline` writes into the run's folder and asks no server."""
    project: str = "assay"
    """Of W&B."""
    figure: bool = True
    """Draw curves.svg after every evaluation and at the end, where matplotlib is installed."""
    samples_run: Positive = 50
    """Steps whose logged completions make one run of the sample store."""
    samples_keep: Positive = 20
    """Such runs that are kept; older ones are deleted."""
