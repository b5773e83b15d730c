"""Asking a backend how probable texts are, in place of letting it write.

A benchmark with `continuations` is answered without generating: the completion that is stored is a JSON list with
`[logprob, greedy]` for each of them, so that the store, the verifier, resuming and rescoring work as they do for
texts. A `replay:` backend hands out such completions as they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from assay.contracts import Backend, Benchmark, ScoringBackend
from assay.errors import UsageError
from assay.plan import PlannedSample
from assay.types import Completion, Continuation, Generated, LogLikelihood

_BATCH = 64
"""Problems whose continuations are asked for at a time: what is lost when a run is stopped in between."""


def continuations_of(benchmark: Benchmark, sample: PlannedSample) -> Sequence[Continuation]:
    """The texts that a sample's problem is answered by; empty where it is to be answered by generating."""
    ask = getattr(benchmark, "continuations", None)
    return () if ask is None else ask(sample.problem)


def is_scored(benchmark: Benchmark, backend: Backend, sample: PlannedSample) -> bool:
    """Whether a sample is answered by probabilities that this backend must compute.

    Raises `UsageError` where the backend cannot.
    """
    if backend.url.startswith("replay:") or not continuations_of(benchmark, sample):
        return False
    if not isinstance(backend, ScoringBackend):
        raise UsageError(
            f"{benchmark.name} asks how probable texts are, and the backend {backend.url} cannot say: use hf:MODEL, or "
            "a benchmark whose answers are generated"
        )
    return True


def score(backend: ScoringBackend, benchmark: Benchmark, samples: Sequence[PlannedSample]) -> Iterator[Generated]:
    """The answers to samples for which `is_scored` holds. All samples of one problem have the same."""
    for start in range(0, len(samples), _BATCH):
        batch = samples[start : start + _BATCH]
        asked = {sample.problem.id: continuations_of(benchmark, sample) for sample in batch}
        answers = iter(backend.loglikelihood([pair for pairs in asked.values() for pair in pairs]))
        texts = {problem_id: encode([next(answers) for _ in pairs]) for problem_id, pairs in asked.items()}
        for sample in batch:
            yield Generated(request=sample.request, completion=Completion(text=texts[sample.problem.id]))


def encode(answers: Sequence[LogLikelihood]) -> str:
    """The completion's text; the numbers keep all their digits.

    >>> encode([LogLikelihood(logprob=-0.5, greedy=True)])
    '[[-0.5, true]]'
    """
    return json.dumps([[answer.logprob, answer.greedy] for answer in answers])
