r"""TRL: our rewards as `reward_funcs` of its trainers.

    trainer = GRPOTrainer(model, reward_funcs=assay.interop.trl.reward_function("r1-zero"), train_dataset=rows, …)

A row needs a column for the reference (`reference`, `ground_truth`, `solution` or `answer`, or the name that is given)
and, for a routed reward, a column `verifier`. A row whose `verifier` column is empty is not ours: its reward is None,
which TRL leaves out, as it does with a check that failed on our side.

Safe in the trainer's main thread and in its event loop: nothing here uses signals.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from assay.errors import UsageError
from assay.interop.rows import (
    REFERENCE_COLUMNS,
    RewardLike,
    as_reward,
    find_column,
    make_completion,
    make_problem,
    plain,
    prefill_of,
    response_text,
    with_readable_reference,
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
    return _Function(name, _Door(as_reward(reward), reference, verifier, prefill, max_tokens))


def async_reward_function(
    reward: RewardLike, *, name: str = "assay", **settings: Any
) -> Callable[..., Awaitable[Rewards]]:
    """`reward_function` as a coroutine function: TRL runs all of these at once, beside each other."""
    door = _Door(
        as_reward(reward), *(settings.pop(key, None) for key in ("reference", "verifier", "prefill", "max_tokens"))
    )
    if settings:
        raise UsageError(f"async_reward_function takes no setting called {', '.join(settings)}")

    return _AsyncFunction(name, door)


class _Function:
    """A reward function that can be pickled: trainers hand theirs to other processes."""

    def __init__(self, name: str, door: _Door) -> None:
        self.__name__ = self.__qualname__ = name
        self._door = door

    def __call__(self, prompts: Sequence[Any], completions: Sequence[Any], **columns: Any) -> Rewards:
        batch = self._door.batch(prompts, completions, columns)
        return self._door.rewards(batch, self._door.reward.score(*batch.ours()), columns)


class _AsyncFunction:
    """The same as a coroutine function, also to those that ask `inspect` or `asyncio` about the object itself."""

    def __init__(self, name: str, door: _Door) -> None:
        self.__name__ = self.__qualname__ = name
        self._door = door
        if hasattr(inspect, "markcoroutinefunction"):  # Python 3.12
            inspect.markcoroutinefunction(self)
        else:
            self._is_coroutine = asyncio.coroutines._is_coroutine  # type: ignore[attr-defined]

    def __reduce__(self) -> tuple[type[_AsyncFunction], tuple[str, _Door]]:
        return type(self), (self.__name__, self._door)

    async def __call__(self, prompts: Sequence[Any], completions: Sequence[Any], **columns: Any) -> Rewards:
        batch = self._door.batch(prompts, completions, columns)
        return self._door.rewards(batch, await self._door.reward.ascore(*batch.ours()), columns)


class _Batch:
    """One call's rows: a problem for each completion, None where the row is not ours."""

    def __init__(self, problems: list[Problem | None], completions: list[Completion]) -> None:
        self.problems = problems
        self.completions = completions

    def ours(self) -> tuple[list[Problem], list[Completion]]:
        kept = [(p, c) for p, c in zip(self.problems, self.completions, strict=True) if p is not None]
        return [problem for problem, _ in kept], [completion for _, completion in kept]


def _is_column(values: Any) -> bool:
    """Whether an argument of a reward function holds a value for each row: a list, an array or a tensor."""
    return isinstance(values, list | tuple) or (hasattr(values, "tolist") and getattr(values, "ndim", 0) > 0)


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
        rows = {name: values for name, values in columns.items() if _is_column(values)}
        reference = find_column(list(rows), self._reference)
        ours = {name: rows[name] for name in (reference, "verifier", "id", "completion_ids") if name in rows}
        for name, values in {"prompts": prompts, **ours}.items():
            if len(values) != len(completions):
                raise UsageError(f"{name!r} has {len(values)} rows, and there are {len(completions)} completions")
        problems = [self._problem(index, prompt, rows, reference) for index, prompt in enumerate(prompts)]
        tokens = rows.get("completion_ids")
        answered = [
            make_completion(
                response_text(completion),
                prefill=prefill_of(prompt) if self._prefill is None else self._prefill,
                tokens=len(tokens[index]) if tokens is not None else None,
                max_tokens=self._max_tokens,
            )
            for index, (prompt, completion) in enumerate(zip(prompts, completions, strict=True))
        ]
        return _Batch(problems, answered)

    def _problem(self, index: int, prompt: Any, rows: dict[str, Sequence[Any]], column: str | None) -> Problem | None:
        """The problem of a row; None where the row is not ours."""
        named = rows["verifier"][index] if "verifier" in rows else self._verifier or ""
        if "verifier" in rows and not (named and isinstance(named, str)):
            return None  # an empty cell is "", None or NaN
        reference = plain(rows[column][index]) if column else None
        problem = make_problem(prompt, reference, named, str(rows["id"][index]) if "id" in rows else None)
        if column is None and any(getattr(each, "needs_reference", True) for each in self.reward.verifiers_of(problem)):
            raise UsageError(
                f"the rows have no column for the reference: name one of {', '.join(rows) or 'none'} with "
                f"reference=..., or call it {' or '.join(REFERENCE_COLUMNS)}"
            )
        return with_readable_reference(self.reward, problem)

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
