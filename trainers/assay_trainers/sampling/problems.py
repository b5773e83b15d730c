"""What is sampled from, as a benchmark: so that the harness's own `evaluate` draws, checks, stores and resumes."""

from __future__ import annotations

from pathlib import Path

from assay import EvalProtocol, get_benchmark
from assay_trainers.grpo.config import DataConfig
from assay_trainers.grpo.held_out import FileBenchmark
from assay_trainers.grpo.problems import load_problems


def problem_set(data: DataConfig) -> FileBenchmark:
    """The problems that a configuration names, with its instruction, template and prefill as their protocol."""
    problems = load_problems(data.path, data.benchmark, verifier=data.verifier, limit=data.limit)
    protocol = EvalProtocol(template=data.template, instruction=data.instruction, prefill=data.prefill)
    made = FileBenchmark(data.benchmark or Path(str(data.path)).stem, problems, protocol)
    if data.benchmark is not None:
        made.verifier_options = getattr(get_benchmark(data.benchmark), "verifier_options", {})
    return made
