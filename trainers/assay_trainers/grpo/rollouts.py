"""Rollout engines: prompts in, completions out, each the moment it is done.

An engine keeps the contract of `RolloutEngine`, and nothing else of the trainer knows where completions come from.
`TransformersEngine` samples from the very module that is trained, so it is never out of date; its decode loop is the
one of the `hf` backend: a prompt is read once for its whole group, finished rows leave and waiting ones take their
place, keys and values live in buffers that are written in place.

Every sample draws from a generator of its own. Its seed is a hash of the run's seed, the step, the problem and the
sample's index, so what is drawn does not depend on batch size, on the number of processes, or on whether the run was
stopped in between.

No top-p and no top-k: the loss needs the probability of a token under the distribution that it was drawn from, and
cutting that distribution biases the gradient (huggingface/trl#6789).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from assay import (
    Completion,
    DecodeJob,
    DecodeLoop,
    FinishReason,
    Message,
    Problem,
    Prompter,
    Request,
    Sampling,
    UsageError,
    eos_ids,
)
from assay_trainers.common.adapters import base_of
from assay_trainers.common.models import context_window

_BATCH = {"cpu": 64, "gpu": 256}
"""Rows decoded at a time: beyond it a step takes longer in proportion."""
_PREFILL_TOKENS = {"cpu": 4096, "gpu": 16384}


@dataclass(frozen=True, kw_only=True, slots=True)
class Prompt:
    """A problem as the policy sees it."""

    problem: Problem
    token_ids: tuple[int, ...]
    prefill: str
    """What already stands in the assistant's turn: for the verifier."""
    key: str = ""
    """Tells this use of the problem from others (step and place): part of every sample's seed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rollout:
    """One sampled completion, with `token_ids` and `logprobs` (at the sampler's temperature)."""

    prompt: Prompt
    sample_index: int
    """Which of the prompt's group."""
    completion: Completion


class RolloutEngine(Protocol):
    """Where rollouts come from."""

    holds_weights: bool
    """Whether it has weights of its own: `sync` then matters, and is checked."""

    def generate(self, prompts: Sequence[Prompt], *, samples: int, sampling: Sampling) -> Iterator[Rollout]:
        """`samples` completions of each prompt, in the order in which they finish.

        Args:
            prompts: What to complete.
            samples: Completions a prompt.
            sampling: Temperature, cap on tokens, stop strings and base seed; top_p is 1.
        """

    def sync(self) -> None:
        """Take over the policy's current weights; all processes call it together.

        Called before the first `generate`, and after every optimizer step that precedes one.
        """

    def close(self) -> None:
        """Let go of what it holds. Safe to call twice."""


class PromptEncoder:
    """Problems → token ids, with the chat template where the tokenizer has one.

    Args:
        tokenizer: Of transformers.
        prefill: Start of the assistant's turn: "auto", "none", or the text.
        limit: Longest prompt in tokens.
    """

    def __init__(self, tokenizer: Any, *, prefill: str = "none", limit: int | None = None) -> None:
        self._prompter = Prompter(tokenizer)
        self._prefill = self._prompter.resolve_prefill(prefill)
        self._limit = limit

    def encode(self, problem: Problem, text: tuple[Message, ...] | str, *, key: str = "") -> Prompt:
        """One prompt. Raises `UsageError` where it is empty or longer than the limit, naming the problem."""
        rendered = self._prompter.render(Request(key=problem.id, prompt=text, seed=0, prefill=self._prefill))
        ids = self._prompter.encode(rendered)
        if not ids:
            raise UsageError(f"the prompt of problem {problem.id!r} is empty: it has no tokens")
        if self._limit is not None and len(ids) > self._limit:
            raise UsageError(
                f"the prompt of problem {problem.id!r} has {len(ids)} tokens, and at most {self._limit} leave room "
                "for a completion: drop the problem, or lower rollout.max_tokens"
            )
        return Prompt(problem=problem, token_ids=tuple(ids), prefill=rendered.prefill, key=key)

    @property
    def template(self) -> str | None:
        """The chat template, where there is one."""
        return self._prompter.template

    def render(self, text: tuple[Message, ...] | str) -> str:
        """The exact text that the policy continues."""
        return self._prompter.render(Request(key="", prompt=text, seed=0, prefill=self._prefill)).text


def sample_seed(base: int, prompt: Prompt, sample_index: int) -> int:
    """The seed of one sample, in [0, 2**31)."""
    key = f"{base}\x1f{prompt.key}\x1f{prompt.problem.id}\x1f{sample_index}".encode()
    return int.from_bytes(hashlib.sha256(key).digest()[:4], "big") >> 1


class TransformersEngine:
    """Samples from a model of transformers in this process, bare or under an adapter.

    Args:
        model: The policy itself; it is put in evaluation mode while it generates.
        tokenizer: Its tokenizer.
        batch_size: Rows at a time; None: by device.
        max_batch_tokens: Rows times columns of the key-value cache at most.
        precision: Of the weights that are sampled from: copies, made when `generate` begins.
    """

    holds_weights = False

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        batch_size: int | None = None,
        max_batch_tokens: int = 2**20,
        precision: Literal["float32", "bfloat16"] = "float32",
    ) -> None:
        model = base_of(model)
        kind = "cpu" if model.device.type == "cpu" else "gpu"
        self._model = model
        self._loop = DecodeLoop(
            model,
            tokenizer,
            eos_ids=end_tokens(model, tokenizer),
            context=context_window(model),
            batch_size=batch_size or _BATCH[kind],
            max_batch_tokens=max_batch_tokens,
            prefill_tokens=_PREFILL_TOKENS[kind],
            precision=precision,
        )

    def generate(self, prompts: Sequence[Prompt], *, samples: int, sampling: Sampling) -> Iterator[Rollout]:
        """See `RolloutEngine.generate`."""
        places = [(prompt, index) for prompt in prompts for index in range(samples)]
        # The jobs of equal prompts share one list: that is how the loop knows to read it once.
        shared: dict[tuple[int, ...], list[int]] = {}
        ids = [shared.setdefault(prompt.token_ids, list(prompt.token_ids)) for prompt in prompts]
        jobs = [
            DecodeJob(
                number=number,
                ids=ids[number // samples],
                seed=sample_seed(sampling.seed, prompt, index),
            )
            for number, (prompt, index) in enumerate(places)
        ]
        training = self._model.training
        self._model.eval()
        try:
            for done in self._loop.run(jobs, sampling):
                prompt, index = places[done.job.number]
                completion = Completion(
                    text=done.text,
                    finish_reason=done.finish_reason,
                    num_tokens=len(done.token_ids),
                    token_ids=done.token_ids,
                    logprobs=done.logprobs,
                    prefill=prompt.prefill,
                    error=done.error,
                )
                yield Rollout(prompt=prompt, sample_index=index, completion=completion)
        finally:
            self._model.train(training)

    def sync(self) -> None:
        """Nothing to do: it samples from the weights that are trained."""

    def close(self) -> None:
        """Nothing to do."""


def decoded_at_a_time(*, cpu: bool) -> int:
    """Rows that are decoded at a time where the configuration does not say."""
    return _BATCH["cpu" if cpu else "gpu"]


def truncated(completion: Completion) -> bool:
    """Whether the token cap ended it."""
    return completion.finish_reason is FinishReason.LENGTH


def end_tokens(model: Any, tokenizer: Any) -> frozenset[int]:
    """Every token that ends a turn. Raises `UsageError` where none is named."""
    found = eos_ids(model, tokenizer)
    if not found:
        raise UsageError("neither the model nor its tokenizer names an end-of-sequence token: no completion would end")
    return found
