"""Rewards of rollouts, computed in threads while others are still being generated.

A completion is sent to its verifiers the moment it is done, so that the wall time of a step is the larger of
generating and verifying, not their sum. The threads only wait: checks run in the verification pool's processes.

What a check is worth is the `Reward`'s policy. Here only one thing is added: a total that is not a finite number is
taken for a failure of ours (None), because a NaN in one reward would make every weight of the policy NaN.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from assay import Completion, FinishReason, Problem, RewardResult
from assay_trainers.grpo.rollouts import Rollout

_THREADS = 16


class Scorer(Protocol):
    """What a `Reward` does."""

    def score(self, problems: list[Problem], completions: list[Completion]) -> list[RewardResult]:
        """The total and the parts of each completion, in order."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rewarded:
    """A rollout and what it earned."""

    rollout: Rollout
    result: RewardResult

    @property
    def reward(self) -> float | None:
        """The total; None: leave it out."""
        return self.result.total


def score_rollouts(reward: Scorer, rollouts: Iterable[Rollout]) -> list[Rewarded]:
    """Score rollouts as they come, in the order in which they came.

    Raises whatever the reward raises (`UsageError`, `VerifierError`), at once, without waiting for the rest.
    """
    waiting: list[tuple[Rollout, Future[RewardResult]]] = []
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="assay-reward") as threads:
        try:
            for rollout in rollouts:
                waiting.append((rollout, threads.submit(_score, reward, rollout)))
                if waiting[0][1].done():
                    waiting[0][1].result()  # a misconfigured reward is said after one rollout, not after all
            scored = [Rewarded(rollout=rollout, result=future.result()) for rollout, future in waiting]
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            raise
    return scored


def _score(reward: Scorer, rollout: Rollout) -> RewardResult:
    if rollout.completion.finish_reason is FinishReason.ERROR or not rollout.completion.token_ids:
        return RewardResult(total=None, parts={})  # the sampler failed: nothing was said
    (result,) = reward.score([rollout.prompt.problem], [rollout.completion])
    if result.total is not None and not math.isfinite(result.total):
        return RewardResult(total=None, parts=result.parts, verdicts=result.verdicts)
    return result
