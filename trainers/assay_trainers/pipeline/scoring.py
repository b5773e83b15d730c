"""The evaluation after a stage: the harness's own `evaluate`, on the stage's model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from assay import EvalProtocol, RunResult, UsageError, evaluate
from assay_trainers.common.configs import parse
from assay_trainers.grpo.held_out import FileBenchmark
from assay_trainers.grpo.problems import load_problems
from assay_trainers.pipeline.recipe import EvaluateConfig, StageConfig


def evaluation_of(recipe: EvaluateConfig, stage: StageConfig | None) -> EvaluateConfig | None:
    """What a stage's model is measured on; None: on nothing. Raises `UsageError` for an unknown field."""
    if stage is not None and stage.evaluate is False:
        return None
    changes = stage.evaluate if stage is not None and isinstance(stage.evaluate, dict) else {}
    made = parse(EvaluateConfig, {**asdict(recipe), **changes}, "evaluate")
    if made.backend not in ("hf", "vllm"):
        raise UsageError(f"evaluate.backend must be hf or vllm, got {made.backend!r}")
    return made if made.benchmarks or made.path else None


def score(model: Path | str, config: EvaluateConfig, out: Path) -> list[dict[str, Any]]:
    """The scores of a model, a row a benchmark and metric, with interval, counts, and the run's folder."""
    asked: list[Any] = list(config.benchmarks)
    if config.path is not None:
        problems = load_problems(config.path, None, verifier=config.verifier, limit=None)
        protocol = EvalProtocol(template="plain", instruction=config.instruction, prefill="none")
        made = FileBenchmark(Path(config.path).stem, problems, protocol)
        made.metrics = config.metrics
        asked.append(made)
    names = ("template", "prefill", "samples", "limit", "temperature", "top_p", "max_tokens", "seed")
    settings = {name: value for name in names if (value := getattr(config, name)) is not None}
    results = evaluate(
        f"{config.backend}:{model}",
        asked,
        out=out,
        backend_options=config.options,
        verifier_options=config.verifiers,
        **settings,
    )
    return [row for result in results for row in _rows(result)]


def _rows(result: RunResult) -> list[dict[str, Any]]:
    summary: Mapping[str, Any] = result.summary
    return [
        {
            "benchmark": result.manifest["benchmark"],
            "metric": name,
            **{key: metric[key] for key in ("value", "low", "high", "num_problems")},
            "samples": summary["samples_per_problem"],
            "errors": summary["num_errors"],
            "mean_tokens": summary["rates"]["mean_tokens"],
            "run": str(result.path),
        }
        for name, metric in summary["metrics"].items()
    ]
