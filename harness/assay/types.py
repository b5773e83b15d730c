"""The nouns of Assay: frozen, keyword-only data without behaviour.

A `Problem` is put to a model as a `Request`; the model answers with a `Completion`; a verifier turns
that into a `Verdict`. Everything here is cheap to import and holds only JSON-like values, so that it
can cross a process boundary or be written to the sample store without pickling.

What these types do not do: they never format prompts (`assay.prompts`), never read answers out of
text (`assay.reasoning`) and never compare anything (verifiers do).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

Role = Literal["system", "user", "assistant"]


class Outcome(StrEnum):
    """How the check of one completion ended. Only `GRADED` carries a score."""

    GRADED = "graded"
    """The check finished; `Verdict.score` says how well."""
    NO_ANSWER = "no_answer"
    """The model stopped without a readable final answer. Worth 0, casts no vote."""
    TRUNCATED = "truncated"
    """The model ran into its token cap before a final answer. Worth 0, casts no vote."""
    REFUSED = "refused"
    """There is an answer, but it is over a cap of the verifier (its length, its depth, the size of its numbers): an
    absurd input, nothing was compared. The model's: worth 0, casts no vote. `Verdict.reason` says which cap."""
    VERIFIER_TIMEOUT = "verifier_timeout"
    """Our check ran into its deadline. Never counted as the model's failure; retried."""
    ERROR = "error"
    """Our check, our sandbox or our backend failed. Never counted as the model's failure; retried."""

    @property
    def is_ours(self) -> bool:
        """True where we failed rather than the model: left out of every score."""
        return self in (Outcome.VERIFIER_TIMEOUT, Outcome.ERROR)


class FinishReason(StrEnum):
    """Why a completion ended."""

    STOP = "stop"
    """The model ended it: end-of-sequence token or a stop string."""
    LENGTH = "length"
    """The token cap ended it."""
    ERROR = "error"
    """The backend failed; `Completion.error` says how and `text` is not the model's answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One task of a benchmark or of a training set."""

    id: str
    """Unique in its benchmark and stable for ever: part of the key of every stored sample."""
    prompt: tuple[Message, ...]
    """The question as messages, without the protocol's instruction (`assay.prompts` adds that)."""
    reference: Any = None
    """What the verifier needs (answers, tests, choices): any JSON value. Never sent to a model."""
    verifier: str = ""
    """Registered name of the verifier that grades it."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """Whatever else is known (subject, level, date): JSON values, recorded and never interpreted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Completion:
    """One response of a model."""

    text: str
    """What the model wrote, without `prefill`."""
    finish_reason: FinishReason = FinishReason.STOP
    num_tokens: int | None = None
    """Generated tokens, the end-of-sequence token included; None where the backend does not say."""
    token_ids: tuple[int, ...] | None = None
    logprobs: tuple[float, ...] | None = None
    """Natural log of each generated token's probability under the sampling distribution."""
    prefill: str = ""
    """What already stood in the assistant's turn when generation began, usually "<think>\\n".

    `prefill + text` is the whole turn; `split_reasoning` needs both to see an unclosed thought.
    """
    error: str | None = None
    """What went wrong, where `finish_reason` is `ERROR`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What a verifier says of one completion.

    Raises `ValueError` when a score is given without `Outcome.GRADED`, is missing with it, or does
    not lie in [0, 1] (NaN included): a broken verifier must not pass for a wrong answer.
    """

    outcome: Outcome
    score: float | None = None
    """In [0, 1]; only with `Outcome.GRADED`."""
    extracted: str | None = None
    """What was compared with the reference; cons@k votes on it. None: there was nothing to read."""
    reason: str = ""
    """One sentence for a person who reads a failed row."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """Parts of the score, positions, limits hit: JSON values."""
    seconds: float = 0.0
    """Wall-clock seconds that the check took."""

    def __post_init__(self) -> None:
        if self.outcome is Outcome.GRADED:
            if self.score is None or math.isnan(self.score) or not 0.0 <= self.score <= 1.0:
                raise ValueError(f"a graded verdict needs a score in [0, 1], got {self.score!r}")
        elif self.score is not None:
            raise ValueError(f"a verdict with outcome {self.outcome} has no score, got {self.score!r}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampling:
    """How completions are drawn. The defaults are those of the DeepSeek-R1 reports."""

    temperature: float = 0.6
    """0 means greedy decoding, which the reports advise against for reasoning models."""
    top_p: float = 0.95
    """Nucleus mass in (0, 1]."""
    max_tokens: int = 32768
    """Cap on generated tokens."""
    stop: tuple[str, ...] = ()
    """Strings that end a completion. One that occurs in the reasoning cuts it short."""
    seed: int = 0
    """Base seed; the seed of each sample is derived from it and from the sample's key."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One completion asked of a backend."""

    key: str
    """The sample's key in the store; unique in a call of `Backend.generate`."""
    prompt: tuple[Message, ...] | str
    """Messages (the chat template is applied by the backend) or a raw text that is sent as it is."""
    seed: int
    """In [0, 2**31): the same request with the same seed draws the same completion where the backend can."""
    prefill: str = ""
    """Text that the assistant's turn must start with; added unless the rendered prompt ends with it."""
    problem_id: str = ""
    sample_index: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Generated:
    """A completion with the request that it answers."""

    request: Request
    completion: Completion


@dataclass(frozen=True, kw_only=True, slots=True)
class EvalProtocol:
    """How a benchmark wants to be put to a model. Each field can be overridden for a run."""

    samples: int = 1
    """Samples per problem (n)."""
    sampling: Sampling = Sampling()
    instruction: str = ""
    """Appended to the question by the templates that carry instructions, e.g. "… within \\boxed{}."."""
    template: str = "r1"
    """Name of a prompt template: r1, r1-zero, plain, raw, or the path of a file."""
    prefill: str = "auto"
    """Start of the assistant's turn: "auto" ("<think>\\n" where the model's chat template knows the
    tag), "none", or the text itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Continuation:
    """A text whose probability is asked for, and what stands before it."""

    context: str
    """What the model has read, as raw text; may be empty."""
    text: str
    """The continuation, with its leading space if it has one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LogLikelihood:
    """What a model thinks of a continuation."""

    logprob: float
    """Natural log of its probability after its context: the sum over its tokens."""
    greedy: bool
    """Whether greedy decoding would write exactly it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckedSample:
    """One stored sample: what `BaseBenchmark.aggregate` sees."""

    problem_id: str
    sample_index: int
    completion: Completion
    verdict: Verdict
