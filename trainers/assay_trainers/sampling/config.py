"""The configuration of rejection sampling: one YAML file, checked field by field.

model: hf:./checkpoint          # or vllm:…, openai:URL#MODEL, replay:FILE
output: runs/sampled
data: {path: problems.jsonl}    # as for `assay train grpo`
samples: 16                     # drawn a problem
keep: 4                         # kept a problem at most
filters: [no_mixed_language, no_long_paragraphs, no_code_in_reasoning, no_repetition]
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from assay_trainers.common.configs import (
    NO_OTHER_FIELDS,
    AboveZero,
    Amount,
    Count,
    Positive,
    Share,
    as_values,
    parse,
    read_mapping,
)
from assay_trainers.grpo.config import DataConfig

R1_FILTERS = ("no_mixed_language", "no_long_paragraphs", "no_code_in_reasoning", "no_repetition")
"""What the reports drop: mixed languages, long paragraphs and code blocks in the reasoning, repetition."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SampleConfig:
    """Everything that decides which rows come out."""

    __pydantic_config__: ClassVar[dict[str, str]] = NO_OTHER_FIELDS

    model: str
    """The url of a backend."""
    output: str
    """The folder of rows.parquet, rows.jsonl, report.json, report.md, and the sample store under `store`."""
    data: DataConfig
    samples: Positive = 16
    """Drawn a problem; with more of them the same command tops up."""
    keep: Count = 1
    """Kept a problem at most; 0: all that pass."""
    prefer: Literal["first", "shortest"] = "first"
    """Which of a problem's good samples are kept: the first drawn, or those of the fewest tokens."""
    min_score: Share = 1.0
    """A verdict's score from which a sample is right."""
    temperature: Amount = 0.6
    top_p: Annotated[float, Field(gt=0, le=1)] = 0.95
    max_tokens: Positive = 32768
    stop: tuple[str, ...] = ()
    seed: Count = 0
    filters: tuple[str, ...] = R1_FILTERS
    """Verifiers that a sample must score 1 with, in this order."""
    benchmarks: tuple[str, ...] = ()
    """Evaluation sets that rows must not overlap with: adds the filter `not_in_benchmarks`."""
    near_duplicates: AboveZero | None = 0.8
    """Jaccard similarity of word 5-grams from which the later of two rows is dropped; null: off."""
    backend: dict[str, Any] = field(default_factory=dict)
    """Options of the backend, such as {dtype: bfloat16}."""
    verifiers: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Options by verifier or filter, such as {boxed_math: {extraction: strict}}."""

    def as_dict(self) -> dict[str, Any]:
        """JSON values."""
        return as_values(self)


def read_config(source: str | Path | Mapping[str, Any], changes: Mapping[str, Any] | None = None) -> SampleConfig:
    """A configuration from a YAML file or a mapping, with dotted `changes` over it ({"data.limit": 8}).

    Raises `UsageError` naming the file, the field and what it should be.
    """
    data, where = read_mapping(source, changes, "'model', 'output' and 'data'")
    return parse(SampleConfig, data, where)
