"""Does the sampler have the weights that are trained? Asked after every sync.

A few short completions are drawn anew and read by the trainer. Where both have the same weights, the log-probs of
the drawn tokens differ by rounding: 1e-5 nats in float32, about 1e-2 in bfloat16. A sync that silently does nothing,
or leaves one matrix behind (vLLM on a CPU kept a tied head), shows as soon as it matters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from assay import Sampling
from assay_trainers.common.batching import Row
from assay_trainers.grpo.rollouts import Prompt, RolloutEngine

PROMPTS = 2
SAMPLES = 2
TOKENS = 16
"""Prompts, completions a prompt, and tokens a completion at most: enough to find a stale matrix, next to nothing
beside a step."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SyncCheck:
    """What was found, in nats a token."""

    mean: float
    largest: float
    tokens: int


def check_sync(engine: RolloutEngine, prompts: Sequence[Prompt], sampling: Sampling, log_probs: Any) -> SyncCheck:
    """Compare sampler and trainer on fresh completions of some prompts.

    Args:
        engine: After its `sync`.
        prompts: The first few are used.
        sampling: The run's.
        log_probs: Rows → the trainer's log-probs of their completion tokens. All processes call it together.
    """
    short = replace(sampling, max_tokens=min(TOKENS, sampling.max_tokens), stop=())
    drawn = list(engine.generate(prompts[:PROMPTS], samples=SAMPLES, sampling=short))
    rows = [
        Row(
            prompt_ids=rollout.prompt.token_ids,
            completion_ids=rollout.completion.token_ids,
            sampling=rollout.completion.logprobs,
        )
        for rollout in drawn
        if rollout.completion.token_ids and rollout.completion.logprobs
    ]
    differences = [
        abs(float(own) - sampled)
        for row, values in zip(rows, log_probs(rows), strict=True)
        for own, sampled in zip(values, row.sampling or (), strict=True)
    ]
    count = max(1, len(differences))
    return SyncCheck(mean=sum(differences) / count, largest=max(differences, default=0.0), tokens=len(differences))
