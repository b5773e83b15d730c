"""What a verifier, a benchmark and a backend must be: the three things that plugins add.

They are structural (`typing.Protocol`): a plugin needs no base class of ours. `BaseVerifier` and
`BaseBenchmark` hold the defaults that most want; `ScoringBackend` is what a backend may be able to do besides.
What a check of these contracts looks at is in `assay.plugins` (when a plugin loads) and in `assay.validate` (gold
answers score 1).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from assay.types import (
    CheckedSample,
    Completion,
    Continuation,
    EvalProtocol,
    Generated,
    LogLikelihood,
    Problem,
    Request,
    Sampling,
    Verdict,
)


@runtime_checkable
class Verifier(Protocol):
    """Grades completions: a reward in training, a scorer in benchmarks, a filter for data."""

    @property
    def name(self) -> str:
        """The registered name."""

    @property
    def version(self) -> str:
        """Changes whenever a verdict may change; recorded beside every verdict."""

    def verify(self, problem: Problem, completion: Completion) -> Verdict:
        """Grade one completion. Runs in a worker process with a deadline and a memory limit."""


class BaseVerifier:
    """The optional part of a verifier, with its defaults. Subclass it or offer the same methods.

    Options of a verifier are keyword arguments of its constructor and JSON values, because workers
    build their own copy from its name and options.
    """

    name: str
    version: str
    preload: tuple[str, ...] = ()
    """Modules that are imported once, before worker processes are forked, so that workers start fast."""

    needs_reference: bool = True
    """Whether it compares with `Problem.reference`; False for one that looks at the response alone."""

    waits: bool = False
    """Whether its checks wait for a server instead of computing: the pool then runs `verify` in threads of the caller,
    many at a time. It must be safe for threads, and bounds its own time: no timeout of the pool applies."""

    def verify_fast(self, problem: Problem, completion: Completion) -> Verdict | None:
        """Decide in the caller, without algebra and in bounded time; None hands it to a worker."""
        return None

    def time_needed(self, problem: Problem) -> float | None:
        """Seconds that a check of this problem may take at most, where that is more than the pool's timeout.

        None: the pool's. A caller that gives a timeout of its own is not asked.
        """
        return None

    def same_answer(self, a: str, b: str) -> bool:
        """Whether two extracted answers are the same answer: cons@k counts votes over these classes."""
        return a == b

    def same_answer_fast(self, a: str, b: str) -> bool | None:
        """`same_answer` decided in the caller in bounded time; None hands it to a worker."""
        return True if a == b else None

    def answer_key(self, answer: str) -> tuple[str, str]:
        """A bucket and a key of an extracted answer, in bounded time, so that few pairs need `same_answer`.

        Answers with the same bucket and key are the same answer; answers of different buckets never are.
        Only answers that share a bucket and not the key are compared.
        """
        return "", answer

    def check_reference(self, reference: Any) -> str | None:
        """Why nothing can be graded against a reference, as a sentence; None where it is sound.

        `validate_benchmark` asks this of every problem before any model runs.
        """
        return None


@runtime_checkable
class Benchmark(Protocol):
    """A set of problems with a protocol."""

    @property
    def name(self) -> str:
        """The name it is asked for by, family argument included ("reasoning_gym:leg_counting")."""

    @property
    def revision(self) -> str:
        """Hash of the data: two runs with different revisions must not be compared."""

    @property
    def protocol(self) -> EvalProtocol:
        """How its authors, or the DeepSeek-R1 reports, put it to a model."""

    @property
    def metrics(self) -> Sequence[str]:
        """What its table reports: "pass@1", "pass@k" and "cons@k" with a number for k, or with "n" for all samples."""

    def problems(self) -> Sequence[Problem]:
        """All problems in their fixed order. Raises `DataError` where the data cannot be had."""

    def variant(self, problem: Problem, sample_index: int) -> Problem:
        """The problem as sample `sample_index` sees it (shuffled choices); most return it unchanged."""


class BaseBenchmark:
    """The defaults that most benchmarks want."""

    name: str
    protocol: EvalProtocol = EvalProtocol()
    metrics: Sequence[str] = ("pass@1",)
    verifier_options: Mapping[str, Mapping[str, Any]] = {}
    """Options of the verifiers that grade its problems, by verifier: how its answers are to be read. A run may add to
    them or change them; what it used stands in its manifest."""
    no_gold: str = ""
    """Why some or all problems have no gold answer, as a sentence; empty where every problem must have one."""
    provenance: Mapping[str, Any] | None = None
    """Where the data was read from (origin, place, revision, SHA-256 of the file), once it was; recorded with runs."""

    def problems(self) -> Sequence[Problem]:
        """All problems in their fixed order."""
        raise NotImplementedError(f"benchmark {self.name} must define problems()")

    @property
    def revision(self) -> str:
        """Hash over all problems: ids, prompts, references and verifiers."""
        from assay.hashing import hash_problems

        return hash_problems(self.problems())

    def variant(self, problem: Problem, sample_index: int) -> Problem:
        """The problem as sample `sample_index` sees it."""
        return problem

    def continuations(self, problem: Problem) -> Sequence[Continuation]:
        """The texts whose probabilities answer the problem; empty where the model is to generate.

        The completion that is stored and graded is then a JSON list with `[logprob, greedy]` for each, in this order.
        Needs a `ScoringBackend`.
        """
        return ()

    def aggregate(self, samples: Iterable[CheckedSample]) -> Mapping[str, float | None]:
        """Figures over all samples beside the metrics, by name: another average, a rate of one grade, a win rate.

        Args:
            samples: Those of the run in the order of the problems, each with its verdict; they are read one by one.
        """
        return {}


@runtime_checkable
class Backend(Protocol):
    """Where completions come from."""

    @property
    def url(self) -> str:
        """What was asked for, such as "hf:./checkpoint-500", without secrets."""

    @property
    def fingerprint(self) -> str:
        """Hash of what decides the completions (weights, tokenizer, dtype; or server and model name)."""

    def generate(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[Generated]:
        """Complete every request once, in the order in which they finish.

        A request that fails for good yields a completion with `FinishReason.ERROR`; only when nothing
        can work any more (server down, out of memory at batch size 1) is `BackendError` raised.
        `sampling.seed` is ignored here: each request carries its own seed.
        """

    def render(self, request: Request) -> str | None:
        """The exact text that the model continues; None where only the server knows it."""

    def preflight(self, requests: Sequence[Request], sampling: Sampling) -> Iterable[str]:
        """Warnings about requests like these, one sentence each, before anything is spent."""

    def resolve_prefill(self, prefill: str) -> str:
        """Turn a protocol's prefill ("auto", "none" or a text) into the text that this model needs."""

    def close(self) -> None:
        """Free the model. Safe to call twice."""


@runtime_checkable
class SwappingBackend(Protocol):
    """A backend that can become another checkpoint with its engine kept alive."""

    swaps: int
    """Times that weights were read into an engine that was there."""

    def swap(self, url: str) -> bool:
        """Become the model that `url` names, fingerprint and url included; False, and nothing changed, where it cannot.

        The weights may be read later, when something is next generated. Completions must be those of a backend that is
        opened anew. Raises what opening the model raises: it does not exist, or holds no weights.
        """


@runtime_checkable
class ScoringBackend(Protocol):
    """A backend that can also say how probable a text is."""

    def loglikelihood(self, pairs: Sequence[Continuation]) -> Sequence[LogLikelihood]:
        """The log-likelihood of each continuation after its context, in order. Deterministic.

        Contexts are raw text: no chat template is applied. Too long a context loses its beginning.
        """
