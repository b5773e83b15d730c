r"""TRL: our rewards as `reward_funcs` of its trainers.

    trainer = GRPOTrainer(model, reward_funcs=assay.interop.trl.reward_function("r1-zero"), train_dataset=rows, …)

A row needs a column for the reference (`reference`, `ground_truth`, `solution` or `answer`, or the name that is given)
and, for a routed reward, a column `verifier`. A row whose `verifier` column is empty is not ours: its reward is None,
which TRL leaves out, as it does with a check that failed on our side.

Safe in the trainer's main thread and in its event loop: nothing here uses signals.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from assay.errors import UsageError
from assay.interop.rows import (
    RewardLike,
    as_reward,
    find_column,
    make_completion,
    make_problem,
    plain,
    prefill_of,
    response_text,
)
from assay.rewards import Reward, RewardResult
from assay.types import Completion, Problem

Rewards = list[float | None]


def reward_function(
    reward: RewardLike,
    *,
    name: str = "assay",
    reference: str | None = None,
    verifier: str | None = None,
    prefill: str | None = None,
    max_tokens: int | None = None,
) -> Callable[..., Rewards]:
    r"""A reward function for TRL's trainers.

    Args:
        reward: A `Reward`, a preset such as "r1-zero", a verifier such as "boxed_math", a mapping, or a YAML file.
        name: What TRL logs it as; two functions of one trainer need two names.
        reference: Column of the reference; by default the first of the usual names that the rows have.
        verifier: Verifier of the rows that have no `verifier` column.
        prefill: What the chat template puts at the start of the assistant's turn ("<think>\n"); a prompt given as
            text says so itself.
        max_tokens: The trainer's `max_completion_length`: completions that reach it count as cut off.

    Raises `UsageError` for a mistake in the reward; the function itself raises it for rows without a reference.
    """
    door = _Door(as_reward(reward), reference, verifier, prefill, max_tokens)

    def assay_reward(prompts: Sequence[Any], completions: Sequence[Any], **columns: Any) -> Rewards:
        batch = door.batch(prompts, completions, columns)
        return door.rewards(batch, door.reward.score(*batch.ours()), columns)

    assay_reward.__name__ = assay_reward.__qualname__ = name
    return assay_reward


def async_reward_function(
    reward: RewardLike, *, name: str = "assay", **settings: Any
) -> Callable[..., Awaitable[Rewards]]:
    """`reward_function` as a coroutine function: TRL runs all of these at once, beside each other."""
    door = _Door(
        as_reward(reward), *(settings.pop(key, None) for key in ("reference", "verifier", "prefill", "max_tokens"))
    )
    if settings:
        raise UsageError(f"async_reward_function takes no setting called {', '.join(settings)}")

    async def assay_reward(prompts: Sequence[Any], completions: Sequence[Any], **columns: Any) -> Rewards:
        batch = door.batch(prompts, completions, columns)
        return door.rewards(batch, await door.reward.ascore(*batch.ours()), columns)

    assay_reward.__name__ = assay_reward.__qualname__ = name
    return assay_reward


class _Batch:
    """One call's rows: a problem for each completion, None where the row is not ours."""

    def __init__(self, problems: list[Problem | None], completions: list[Completion]) -> None:
        self.problems = problems
        self.completions = completions

    def ours(self) -> tuple[list[Problem], list[Completion]]:
        kept = [(p, c) for p, c in zip(self.problems, self.completions, strict=True) if p is not None]
        return [problem for problem, _ in kept], [completion for _, completion in kept]


class _Door:
    """What a reward function remembers between calls."""

    def __init__(
        self,
        reward: Reward,
        reference: str | None,
        verifier: str | None,
        prefill: str | None,
        max_tokens: int | None,
    ) -> None:
        self.reward = reward
        self._reference = reference
        self._verifier = verifier
        self._prefill = prefill
        self._max_tokens = max_tokens

    def batch(self, prompts: Sequence[Any], completions: Sequence[Any], columns: dict[str, Any]) -> _Batch:
        rows = {name: values for name, values in columns.items() if isinstance(values, list)}
        reference = find_column(list(rows), self._reference)
        ids, verifiers = rows.get("id"), rows.get("verifier")
        tokens = rows.get("completion_ids")
        problems: list[Problem | None] = []
        answered = []
        for index, (prompt, completion) in enumerate(zip(prompts, completions, strict=True)):
            named = verifiers[index] if verifiers is not None else self._verifier or ""
            ours = verifiers is None or bool(named)
            problems.append(
                make_problem(
                    prompt,
                    plain(rows[reference][index]) if reference else None,
                    named,
                    str(ids[index]) if ids is not None else None,
                )
                if ours
                else None
            )
            answered.append(
                make_completion(
                    response_text(completion),
                    prefill=prefill_of(prompt) if self._prefill is None else self._prefill,
                    tokens=len(tokens[index]) if tokens is not None else None,
                    max_tokens=self._max_tokens,
                )
            )
        return _Batch(problems, answered)

    def rewards(self, batch: _Batch, results: list[RewardResult], columns: dict[str, Any]) -> Rewards:
        scored = iter(results)
        placed = [None if problem is None else next(scored) for problem in batch.problems]
        self._log(placed, columns)
        return [None if result is None else result.total for result in placed]

    def _log(self, results: Sequence[RewardResult | None], columns: dict[str, Any]) -> None:
        """Means of the parts and the share of failed checks, where this TRL takes metrics from reward functions."""
        log_metric = columns.get("log_metric")
        ours = [result for result in results if result is not None]
        if not callable(log_metric) or not ours:
            return
        for part in dict.fromkeys(name for result in ours for name in result.parts):
            values = [value for result in ours if (value := result.parts.get(part)) is not None]
            if values:
                log_metric(f"assay/{part}", sum(values) / len(values))
        log_metric("assay/failed_checks", sum(result.total is None for result in ours) / len(ours))
