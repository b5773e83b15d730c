"""Held-out problems: registered benchmarks by name, or a JSONL file of the same rows as training data.

    evaluation: {benchmarks: [aime24:64, held_out.jsonl:4]}

A file is put to the policy exactly as training problems are: same template, instruction, prefill and token cap.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from assay import BaseBenchmark, Benchmark, EvalProtocol, Problem, Sampling, UsageError, get_benchmark
from assay_trainers.grpo.config import TrainConfig
from assay_trainers.grpo.problems import load_problems


class FileBenchmark(BaseBenchmark):
    """Problems in memory as a benchmark.

    Args:
        name: What results call it.
        problems: In their order.
        protocol: How they are put to the policy.
    """

    def __init__(self, name: str, problems: Sequence[Problem], protocol: EvalProtocol) -> None:
        self.name, self.protocol, self._problems = name, protocol, tuple(problems)
        self.metrics = ("pass@1", "cons@n") if protocol.samples > 1 else ("pass@1",)

    def problems(self) -> Sequence[Problem]:
        """All of them."""
        return self._problems


def held_out(config: TrainConfig) -> list[tuple[Benchmark, int]]:
    """The benchmarks that the configuration evaluates on, each with its samples a problem.

    Raises:
        UsageError: No benchmark has such a name, or it occurs twice.
        DataError: Its data cannot be had: found out before anything is trained.
    """
    found: dict[str, tuple[Benchmark, int]] = {}
    for spec in config.evaluation.benchmarks:
        name, samples = split_samples(spec)
        benchmark = _file(name, samples or 1, config) if name.endswith(".jsonl") else get_benchmark(name)
        benchmark.problems()
        if benchmark.name in found:
            raise UsageError(f"evaluation.benchmarks names {benchmark.name} twice")
        found[benchmark.name] = benchmark, samples or benchmark.protocol.samples
    return list(found.values())


def split_samples(spec: str) -> tuple[str, int | None]:
    """Split "aime24:64" into name and samples.

    >>> split_samples("held_out.jsonl:4"), split_samples("reasoning_gym:leg_counting")
    (('held_out.jsonl', 4), ('reasoning_gym:leg_counting', None))
    """
    name, colon, last = spec.rpartition(":")
    if colon and name and last.isascii() and last.isdigit():
        if not int(last):
            raise UsageError(f"evaluation.benchmarks: {spec} asks for no sample at all")
        return name, int(last)
    return spec, None


def shared_prompts(training: Sequence[Problem], benchmarks: Sequence[Benchmark]) -> dict[str, int]:
    """How many problems of each benchmark have a prompt that is trained on; benchmarks without any are left out."""
    seen = {_text(problem) for problem in training}
    counts = {each.name: sum(_text(problem) in seen for problem in each.problems()) for each in benchmarks}
    return {name: count for name, count in counts.items() if count}


def _text(problem: Problem) -> str:
    return " ".join(" ".join(message.content for message in problem.prompt).split()).casefold()


def _file(path: str, samples: int, config: TrainConfig) -> FileBenchmark:
    data, rollout = config.data, config.rollout
    protocol = EvalProtocol(
        samples=samples,
        sampling=Sampling(max_tokens=rollout.max_tokens, stop=rollout.stop),
        instruction=data.instruction,
        template=data.template,
        prefill=data.prefill,
    )
    return FileBenchmark(Path(path).stem, load_problems(path, None, verifier=data.verifier, limit=None), protocol)
