"""A recipe: one YAML file with stages, checked field by field.

    output: runs/mine
    model: ./base                        # what {base} stands for, and what is evaluated first
    files: {problems: problems.jsonl}    # {problems}, and so on; hashed, so that a changed file runs its stages again
    evaluate: {benchmarks: [math500], samples: 4}
    stages:
      cold-start: {kind: sft, config: {model: "{base}", data: {path: "{chains}"}, preset: r1}}
      rl: {kind: grpo, config: {model: "{cold-start}", data: {path: "{problems}"}, reward: r1-reasoning}}

Stages run in their order. `{name}` in a stage's configuration stands for what an earlier stage made (a model's folder,
or the folder of rows), for a file, or for `{base}`, `{judge}` and `{recipe}` (the folder of the recipe file).
`variants` hold dotted changes under a name, and `variant` chooses one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from assay import UsageError, did_you_mean
from assay_trainers.common.configs import (
    NO_OTHER_FIELDS,
    Amount,
    Count,
    Positive,
    parse,
    read_mapping,
)

BUNDLED = Path(__file__).parent.parent / "recipes"

Kind = Literal["sft", "grpo", "sample", "synthetic"]


@dataclass(frozen=True, kw_only=True, slots=True)
class EvaluateConfig:
    """What every model is measured on. A stage may change fields of it."""

    __pydantic_config__: ClassVar[dict[str, str]] = NO_OTHER_FIELDS

    benchmarks: tuple[str, ...] = ()
    """Registered benchmarks, with samples if wanted: aime24:64. Never ones that are trained on."""
    path: str | None = None
    """A file of problems, as for GRPO."""
    verifier: str = ""
    """For rows of the file that name none."""
    instruction: str = ""
    """For the problems of the file."""
    metrics: tuple[str, ...] = ("pass@1",)
    """Of the file's table."""
    template: str | None = None
    """None: the benchmark's own, and "plain" for a file."""
    prefill: str | None = None
    samples: Positive | None = None
    limit: Positive | None = None
    temperature: Amount | None = None
    top_p: float | None = None
    max_tokens: Positive | None = None
    seed: Count | None = None
    backend: str = "hf"
    """hf or vllm."""
    options: dict[str, Any] = field(default_factory=dict)
    """Of the backend."""
    verifiers: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Options by verifier."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StageConfig:
    """One stage."""

    __pydantic_config__: ClassVar[dict[str, str]] = NO_OTHER_FIELDS

    kind: Kind
    config: dict[str, Any] = field(default_factory=dict)
    """As the file of `assay train` or `assay sample`, without `output`."""
    evaluate: bool | dict[str, Any] = True
    """False: not at all. A mapping: changes to the recipe's `evaluate`."""
    launch: str | None = None
    """How its processes are started, such as "accelerate launch --config_file {configs}/fsdp2.yaml"; None: in this
    process. `{configs}` is the folder of configurations that come with the trainers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """A pipeline."""

    __pydantic_config__: ClassVar[dict[str, str]] = NO_OTHER_FIELDS

    output: str
    stages: dict[str, StageConfig]
    model: str | None = None
    """`{base}`: what the stages begin with."""
    files: dict[str, str | None] = field(default_factory=dict)
    """Inputs by name; one that is null must be given: `--set files.problems=…`."""
    judge: str | None = None
    """`{judge}`: the url of a judge model, or "rule" for the rule-based one of the small recipes."""
    evaluate: EvaluateConfig = field(default_factory=EvaluateConfig)
    launch: str | None = None
    """For every training stage that says nothing else."""
    variant: str | None = None
    variants: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Dotted changes by name."""


def read_recipe(source: str | Path, changes: Mapping[str, Any] | None = None) -> tuple[Recipe, Path]:
    """A recipe by name or path, with its variant and dotted `changes` over it; and the file's folder.

    Raises `UsageError` naming the file, the field and what it should be.
    """
    path = find_recipe(str(source))
    changes = dict(changes or {})
    data, where = read_mapping(path, {k: v for k, v in changes.items() if k == "variant"}, "'output' and 'stages'")
    variants = data.get("variants") or {}
    name = data.get("variant")
    if name is not None and name not in variants:
        raise UsageError(f"{where} has no variant {name!r}. " + did_you_mean(str(name), sorted(variants)))
    data, where = read_mapping(path, {**(variants[name] if name is not None else {}), **changes}, "'stages'")
    recipe = parse(Recipe, data, where)
    if not recipe.stages:
        raise UsageError(f"{where} has no stages")
    for reserved in sorted({"base", "judge", "recipe", *recipe.files} & set(recipe.stages)):
        if reserved != "base" or recipe.model is not None:
            raise UsageError(
                f"{where}: a stage cannot be called {reserved!r}: {{{reserved}}} stands for something else"
            )
    for name, value in recipe.files.items():
        if value is None:
            raise UsageError(f"{where} needs a file: --set files.{name}=PATH (its first lines say what it holds)")
    return recipe, path.parent


def find_recipe(name: str) -> Path:
    """The file of a recipe: bundled ones go by their names."""
    path = Path(name).expanduser()
    if path.suffix in (".yaml", ".yml"):
        return path
    bundled = BUNDLED / f"{name}.yaml"
    if not bundled.is_file():
        known = sorted(file.stem for file in BUNDLED.glob("*.yaml"))
        raise UsageError(f"there is no bundled recipe {name!r}. " + did_you_mean(name, known) + " Or give a .yaml file")
    return bundled
