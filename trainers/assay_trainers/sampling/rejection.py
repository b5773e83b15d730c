"""Which samples are kept: right, whole, clean by every filter, no near duplicate, and at most so many a problem.

    drawn → finished → right → filters, in order → no near duplicate → at most `keep` a problem

A sample falls at the first step that it does not pass, and is counted there. A sample whose check failed on our side
falls as "unchecked": nobody knows whether it was right. Filters are verifiers, so a filter that fails on our side
drops the sample too: what was not looked at is not taught.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assay import Completion, FinishReason, Outcome, Pool, Problem, Verifier, get_verifier, metrics
from assay_trainers.sampling.config import SampleConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampled:
    """One stored sample with its problem."""

    problem: Problem
    completion: Completion
    sample_index: int
    seed: int
    key: str
    outcome: Outcome
    score: float | None
    extracted: str | None
    verifier: str
    verifier_version: str


@dataclass(kw_only=True, slots=True)
class Selection:
    """What was kept, and where the others fell."""

    kept: list[Sampled] = field(default_factory=list)
    fell: dict[str, int] = field(default_factory=dict)
    """Samples by the step at which they fell, in the order of the steps."""
    filters: dict[str, str] = field(default_factory=dict)
    """The filters that the kept ones passed, with their versions."""
    drawn: int = 0
    problems: int = 0
    answered: int = 0
    """Problems of which a sample is kept."""


def select(samples: Iterable[Sampled], config: SampleConfig, pool: Pool) -> Selection:
    """Apply the steps to samples in order of problem and sample index.

    Raises `UsageError` for a filter that does not exist or lacks an option, `VerifierError` where one cannot run.
    """
    filters = _filters(config)
    chosen = Selection(filters={name: verifier.version for name, verifier in filters.items()})
    steps = ("backend error", "truncated", "unchecked", "wrong", *filters, "near duplicate", "beyond keep")
    chosen.fell = dict.fromkeys(steps, 0)
    passed = []
    for sample in samples:
        chosen.drawn += 1
        step = _fault(sample, config) or _first_fault(sample, filters, pool)
        if step is None:
            passed.append(sample)
        else:
            chosen.fell[step] += 1
    passed = _without_duplicates(passed, config, chosen)
    chosen.kept = _at_most(passed, config, chosen)
    chosen.answered = len({sample.problem.id for sample in chosen.kept})
    return chosen


def _filters(config: SampleConfig) -> Mapping[str, Verifier]:
    options = dict(config.verifiers)
    names = list(config.filters)
    if config.benchmarks:
        names.append("not_in_benchmarks")
        options["not_in_benchmarks"] = {"benchmarks": list(config.benchmarks), **options.get("not_in_benchmarks", {})}
    return {name: get_verifier(name, **options.get(name, {})) for name in dict.fromkeys(names)}


def _fault(sample: Sampled, config: SampleConfig) -> str | None:
    if sample.completion.finish_reason is FinishReason.ERROR:
        return "backend error"
    if sample.completion.finish_reason is FinishReason.LENGTH:
        return "truncated"
    if sample.outcome.is_ours:
        return "unchecked"
    return None if sample.score is not None and sample.score >= config.min_score else "wrong"


def _first_fault(sample: Sampled, filters: Mapping[str, Verifier], pool: Pool) -> str | None:
    for name, verifier in filters.items():
        verdict = pool.verify(verifier, sample.problem, sample.completion)
        if verdict.outcome is not Outcome.GRADED or verdict.score != 1.0:
            return name
    return None


def _without_duplicates(samples: Sequence[Sampled], config: SampleConfig, chosen: Selection) -> list[Sampled]:
    if config.near_duplicates is None or not samples:
        return list(samples)
    repeats: Sequence[Any] = metrics.near_duplicates(
        [f"{_question(sample.problem)}\n{sample.completion.text}" for sample in samples],
        threshold=config.near_duplicates,
    )
    kept = [sample for sample, earlier in zip(samples, repeats, strict=True) if earlier is None]
    chosen.fell["near duplicate"] += len(samples) - len(kept)
    return kept


def _at_most(samples: Sequence[Sampled], config: SampleConfig, chosen: Selection) -> list[Sampled]:
    groups: dict[str, list[Sampled]] = {}
    for sample in samples:
        groups.setdefault(sample.problem.id, []).append(sample)
    kept = []
    for group in groups.values():
        if config.prefer == "shortest":
            group.sort(key=lambda sample: sample.completion.num_tokens or len(sample.completion.text))
        cut = group[: config.keep] if config.keep else group
        chosen.fell["beyond keep"] += len(group) - len(cut)
        kept += cut
    return kept


def _question(problem: Problem) -> str:
    return "\n".join(message.content for message in problem.prompt)
