"""What a run will ask for: benchmark, problems, prompts and the key of every sample, before anything is spent.

The key of a sample is a hash of the model's fingerprint, the problem's id, the prompt, the sampling
parameters and the sample index; its seed is read off the key. So a sample means the same thing in every
run, and asking for more samples changes none of those already drawn.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from assay.contracts import Backend, Benchmark
from assay.errors import DataError, UsageError
from assay.hashing import hash_problems, hash_value
from assay.metrics import check_metrics
from assay.plugins import get_benchmark
from assay.prompts import PromptTemplate, get_template, render_prompt
from assay.runs.manifest import RunIdentity
from assay.types import Message, Problem, Request, Sampling

MAX_SAMPLES = 100_000
MAX_COUNT = 2**31 - 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Overrides:
    """What a user set for a run in place of the benchmark's own protocol; None keeps the protocol's."""

    samples: int | None = None
    limit: int | None = None
    template: str | None = None
    prefill: str | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] | None = None
    seed: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedSample:
    """One sample to draw: the problem as this sample sees it, and the request for it."""

    problem: Problem
    request: Request
    prompt_sha256: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RunPlan:
    """One model on one benchmark."""

    benchmark: Benchmark
    identity: RunIdentity
    samples: int
    limit: int | None
    problems: Sequence[Problem]
    """All problems of the benchmark, those beyond the limit included."""
    planned: tuple[PlannedSample, ...]
    """In the order in which they are asked for: all samples of a problem together, for prefix caches."""


def parse_benchmark(spec: str) -> tuple[str, int | None]:
    """Split "aime24:64" into name and samples; a last part that is no number belongs to the name.

    >>> parse_benchmark("aime24:64"), parse_benchmark("reasoning_gym:leg_counting")
    (('aime24', 64), ('reasoning_gym:leg_counting', None))
    """
    name, colon, last = spec.rpartition(":")
    if colon and name and re.fullmatch("-?[0-9]+", last):
        return name, _positive("the number of samples", int(last), MAX_SAMPLES)
    return spec, None


def make_plan(backend: Backend, benchmark: str | Benchmark, overrides: Overrides) -> RunPlan:
    """Decide everything about a run. Raises `UsageError` for what cannot be asked, `DataError` for bad data."""
    spec_samples = None
    if isinstance(benchmark, str):
        name, spec_samples = parse_benchmark(benchmark)
        benchmark = get_benchmark(name)
    protocol = benchmark.protocol
    wanted = (spec_samples, overrides.samples, protocol.samples)
    samples = _positive("the number of samples", next(n for n in wanted if n is not None), MAX_SAMPLES)
    check_metrics(benchmark.metrics)
    sampling = _sampling(protocol.sampling, overrides)
    template = get_template(overrides.template or protocol.template)
    prefill = "" if not template.chat else backend.resolve_prefill(overrides.prefill or protocol.prefill)
    problems = _problems(benchmark)
    limit = None if overrides.limit is None else _positive("the limit", overrides.limit, MAX_COUNT)
    identity = RunIdentity(
        model=backend.url,
        model_fingerprint=backend.fingerprint,
        benchmark=benchmark.name,
        benchmark_revision=revision_of(benchmark, problems),
        template=template.name,
        instruction=protocol.instruction,
        prefill=prefill,
        prompt_sha256=hash_value([template.text, template.chat, protocol.instruction, prefill]),
        sampling=sampling,
    )
    planned = tuple(
        sample
        for problem in problems[:limit]
        for sample in _plan_problem(benchmark, problem, samples, template, identity)
    )
    return RunPlan(
        benchmark=benchmark,
        identity=identity,
        samples=samples,
        limit=limit,
        problems=problems,
        planned=planned,
    )


def options_for(
    benchmark: Benchmark, verifiers: Sequence[str], changes: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Options of a run's verifiers: the benchmark's own, with the user's over them; verifiers without any left out."""
    own: Mapping[str, Mapping[str, Any]] = getattr(benchmark, "verifier_options", {})
    merged = {name: {**own.get(name, {}), **changes.get(name, {})} for name in verifiers}
    return {name: options for name, options in merged.items() if options}


def revision_of(benchmark: Benchmark, problems: Sequence[Problem]) -> str:
    """The benchmark's revision; where samples see variants of a problem, a hash that depends on these too."""
    variants = [benchmark.variant(problem, 1) for problem in problems]
    if all(variant is problem for variant, problem in zip(variants, problems, strict=True)):
        return benchmark.revision
    return hash_value([benchmark.revision, hash_problems(variants)])


def _plan_problem(
    benchmark: Benchmark, problem: Problem, samples: int, template: PromptTemplate, identity: RunIdentity
) -> list[PlannedSample]:
    planned = []
    prompt: tuple[Message, ...] | str = ()
    prompt_sha256 = ""
    shown: Problem | None = None
    sampling = _key_part(identity.sampling)
    for index in range(samples):
        variant = benchmark.variant(problem, index)
        if variant is not shown:
            shown = variant
            prompt = render_prompt(template, variant, identity.instruction)
            prompt_sha256 = hash_value([prompt, identity.prefill])
        key = hashlib.sha256(
            "\n".join((identity.model_fingerprint, problem.id, prompt_sha256, sampling, str(index))).encode(
                "utf-8", "surrogatepass"
            )
        ).hexdigest()[:32]
        request = Request(
            key=key,
            prompt=prompt,
            seed=int(key[:8], 16) >> 1,
            prefill=identity.prefill,
            problem_id=problem.id,
            sample_index=index,
        )
        planned.append(PlannedSample(problem=variant, request=request, prompt_sha256=prompt_sha256))
    return planned


def _key_part(sampling: Sampling) -> str:
    return hash_value(sampling)


def _problems(benchmark: Benchmark) -> Sequence[Problem]:
    problems = benchmark.problems()
    if not problems:
        raise DataError(f"the benchmark {benchmark.name} holds no problems: check its data with `assay data check`")
    seen: set[str] = set()
    for problem in problems:
        if not isinstance(problem.id, str):
            raise DataError(f"the benchmark {benchmark.name} has a problem whose id is no string: {problem.id!r}")
        if problem.id in seen:
            raise DataError(f"the benchmark {benchmark.name} has two problems with the id {problem.id!r}")
        seen.add(problem.id)
    return problems


def _sampling(base: Sampling, overrides: Overrides) -> Sampling:
    given: dict[str, Any] = {
        name: value
        for name in ("temperature", "top_p", "max_tokens", "stop", "seed")
        if (value := getattr(overrides, name)) is not None
    }
    if isinstance(given.get("stop"), str):
        raise UsageError(f"stop takes a sequence of strings, got the one string {given['stop']!r}")
    for name in ("temperature", "top_p"):
        # 1 and 1.0 are the same temperature, and must name the same run.
        given[name] = float(given.get(name, getattr(base, name)))
    sampling = replace(base, **given)
    if not 0.0 <= sampling.temperature <= 100.0:
        raise UsageError(f"the temperature must lie in [0, 100], got {sampling.temperature}")
    if not 0.0 < sampling.top_p <= 1.0:
        raise UsageError(f"top-p must lie in (0, 1], got {sampling.top_p}")
    if "" in sampling.stop:
        raise UsageError("a stop string is empty: it would end every completion at once")
    _positive("the token cap", sampling.max_tokens, MAX_COUNT)
    if not isinstance(sampling.seed, int) or not 0 <= sampling.seed < 2**63:
        raise UsageError(f"the seed must be a whole number from 0 to 2^63 - 1, got {sampling.seed!r}")
    return sampling


def _positive(what: str, value: int, most: int) -> int:
    if not isinstance(value, int) or not 1 <= value <= most:
        raise UsageError(f"{what} must be at least 1 and at most {most}, got {value!r}")
    return value
