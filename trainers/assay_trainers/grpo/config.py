"""The configuration of a GRPO run: one YAML file, checked field by field.

    model: ./my-base-model          # a Hugging Face folder, a .gguf file, or an id on the hub
    output: runs/grpo
    data: {path: problems.jsonl}    # or {benchmark: gsm8k}
    reward: r1-zero                 # a preset, a mapping as in docs/rewards.md, or the path of a YAML file
    preset: r1                      # loss and advantages; `loss:` and `advantages:` change fields of it
    steps: 400

Every other field has a default. Unknown fields are refused, with the closest known ones. The resolved configuration,
preset applied, is written beside the results, and its hash into every checkpoint.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from assay import UsageError
from assay_trainers.common.configs import (
    NO_OTHER_FIELDS,
    AboveZero,
    AdapterConfig,
    CheckpointConfig,
    Count,
    OptimizerConfig,
    Positive,
    Share,
    as_values,
    parse,
    read_mapping,
)
from assay_trainers.grpo.settings import AdvantageSettings, LossSettings, changed, preset
from assay_trainers.grpo.watching import EvaluationConfig, LoggingConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class DataConfig:
    """Where problems come from and how they are put to the policy."""

    __pydantic_config__: ClassVar[dict[str, str]] = NO_OTHER_FIELDS

    path: str | None = None
    """A JSONL file; see `assay_trainers.grpo.problems`."""
    benchmark: str | None = None
    """A registered benchmark. Never train on one that you report."""
    verifier: str = ""
    """For rows of a file that name none."""
    limit: Positive | None = None
    """Use only the first so many problems."""
    template: str = "plain"
    """r1, r1-zero, plain, or the path of a file, as in `assay run`; "raw" sends the bare text, no chat template."""
    instruction: str = ""
    """Appended to the question by the templates that carry one."""
    prefill: str = "none"
    """Start of the assistant's turn: auto, none, or the text."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutConfig:
    """How completions are drawn."""

    __pydantic_config__: ClassVar[dict[str, str]] = NO_OTHER_FIELDS

    prompts: Positive = 32
    """Problems a step."""
    group: Annotated[int, Field(ge=2)] = 16
    """Completions a problem (G)."""
    temperature: AboveZero = 1.0
    max_tokens: Positive = 1024
    """Cap on generated tokens."""
    stop: tuple[str, ...] = ()
    batch_size: Positive | None = None
    """Completions decoded at a time; by device if not given."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Of the weights that completions are sampled with. bfloat16 is faster where the processor has it (GPUs; CPUs with
    AVX512-BF16 or AMX), and its samples are not quite the policy's: `loss.sampler_cap`, 2 unless given, corrects it."""
    engine: Literal["transformers", "vllm", "vllm_server"] = "transformers"
    """What draws completions: the policy itself, vLLM in this process, or a vLLM server."""
    engine_options: dict[str, Any] = field(default_factory=dict)
    """vllm: arguments of `vllm.LLM`; vllm_server: url, folder, concurrency, timeout, api_key_env."""
    overlap: bool = False
    """Draw the next step's completions while this step is learned from: one step off-policy, which
    `loss.sampler_cap` corrects."""
    max_rounds: Positive = 1
    """DAPO's dynamic sampling: while groups with equal rewards leave fewer than `prompts` useful groups, draw as many
    new problems as are missing, in at most so many rounds a step. 1: off."""


@dataclass(frozen=True, kw_only=True, slots=True)
class UpdateConfig(OptimizerConfig):
    """AdamW, its schedule, and how a step's completions become updates."""

    updates: Positive = 1
    """Optimizer updates a step: its completions are split into so many mini-batches, by whole groups."""
    epochs: Positive = 1
    """Times that a step's completions are gone through."""
    mask_truncated: bool = False
    """Completions that the cap cut off stay in their group's baseline but teach nothing (DAPO's overlong filtering)."""


AlarmName = Literal[
    "mismatch", "truncation", "equal_groups", "verifier_errors", "kl", "all_unknown", "repetition", "hacking"
]


@dataclass(frozen=True, kw_only=True, slots=True)
class AlarmConfig:
    """From when on a run must not keep quiet. Alarms are logged and recorded; those in `stop_on` end the run."""

    __pydantic_config__: ClassVar[dict[str, str]] = NO_OTHER_FIELDS

    mismatch: AboveZero = 0.1
    """Mean |sampler − trainer| log-prob over a step's tokens, in nats. Same kernels differ by 1e-5, bfloat16 engines by
    1e-2; beyond this the sampler has other weights."""
    truncation: Share = 0.5
    """Share of a step's completions that the cap cut off."""
    equal_groups: Share = 0.9
    """Share of a step's groups whose rewards are all the same."""
    verifier_errors: Share = 0.1
    """Share of a step's completions whose check failed on our side."""
    kl: AboveZero = 5.0
    """Mean k3 to the reference policy, in nats a token."""
    repetition: Share = 0.1
    """Share of a step's completions that end in a loop."""
    hacking: Share = 0.01
    """Largest p-value, of both, at which the reward is said to rise while a held-out score falls."""
    hacking_window: Annotated[int, Field(ge=4)] = 8
    """Evaluations that are looked at, the last ones."""
    stop_on: tuple[AlarmName, ...] = ("mismatch", "all_unknown")


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainConfig:
    """Everything that decides a run."""

    __pydantic_config__: ClassVar[dict[str, str]] = NO_OTHER_FIELDS

    model: str
    output: str
    """The run's folder: resolved configuration, metrics.jsonl, checkpoints, and the final model under `final`."""
    data: DataConfig
    reward: str | dict[str, Any] = "r1-zero"
    preset: str = "r1"
    loss: LossSettings = field(default_factory=LossSettings)
    """In a file: changes to the preset's fields."""
    advantages: AdvantageSettings = field(default_factory=AdvantageSettings)
    refresh_reference_every: Count = 0
    """Steps after which the reference policy becomes a copy of the current one; 0: never. The preset's by default."""
    steps: Positive = 100
    """A step draws completions once and learns from them."""
    seed: int = 0
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Of the arithmetic; weights and optimizer are float32 either way. On a CPU float32 is the faster one."""
    device: Literal["auto", "cpu"] = "auto"
    lora: AdapterConfig = field(default_factory=AdapterConfig)
    gradient_checkpointing: bool = False
    """Compute activations twice instead of keeping them."""
    log_samples: Count = 4
    """Completions a step that are kept with their verdicts, under rollouts."""
    rollout: RolloutConfig = field(default_factory=RolloutConfig)
    optimizer: UpdateConfig = field(default_factory=UpdateConfig)
    checkpoints: CheckpointConfig = field(default_factory=CheckpointConfig)
    alarms: AlarmConfig = field(default_factory=AlarmConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    logging: LoggingConfig = field(default_factory=LoggingConfig)

    def __post_init__(self) -> None:
        if self.rollout.overlap and self.loss.sampler_cap is None:
            raise UsageError(
                "rollout.overlap draws completions from weights that are one step old: set loss.sampler_cap (2.0 is "
                "usual), which corrects for it"
            )

    def as_dict(self) -> dict[str, Any]:
        """JSON values, preset applied."""
        return as_values(self)

    @property
    def hash(self) -> str:
        """Over everything that decides the weights: not the folder, the number of steps, or what is kept."""
        values = self.as_dict()
        for name in ("output", "steps", "checkpoints", "alarms", "log_samples", "evaluation", "logging"):
            del values[name]
        if self.optimizer.schedule != "constant":
            values["steps"] = self.steps  # the schedule ends there
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


_SAMPLER_CAP = 2.0
"""C of truncated importance sampling, as Yao et al. (2025) use it, where rollouts are less precise than the trainer."""


def _sampled_in_half(data: Mapping[str, Any]) -> bool:
    rollout = data.get("rollout")
    half = isinstance(rollout, dict) and rollout.get("precision") == "bfloat16"
    return half and data.get("dtype", "float32") == "float32"


def read_config(source: str | Path | Mapping[str, Any], changes: Mapping[str, Any] | None = None) -> TrainConfig:
    """A configuration from a YAML file or a mapping, with dotted `changes` over it ({"rollout.group": 8}).

    Raises `UsageError` naming the file, the field and what it should be.
    """
    data, where = read_mapping(source, changes, "'model', 'output' and 'data'")
    chosen = preset(str(data.get("preset", "r1")))
    for name, base in (("loss", chosen.loss), ("advantages", chosen.advantages)):
        given = data.get(name) or {}
        if not isinstance(given, dict):
            raise UsageError(f"{where}: {name} must be a mapping, got {type(given).__name__}")
        if name == "loss" and _sampled_in_half(data) and "sampler_cap" not in given:
            given = {**given, "sampler_cap": _SAMPLER_CAP}
        data[name] = changed(base, given, name)
    data.setdefault("refresh_reference_every", chosen.refresh_reference_every)
    return parse(TrainConfig, data, where)
