"""PrimeIntellect `verifiers` (v1): our rewards as the reward method of a Task.

    class Addition(vf.Task[AdditionData]):
        accuracy = assay.interop.verifiers.reward_method("boxed_math", reference="answer")

The reference is a field of the task's data. A check that failed on our side raises, which `verifiers` records as an
error of the trace instead of a reward.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from assay.errors import UsageError, VerifierError
from assay.interop.rows import RewardLike, as_reward, make_completion, make_problem, plain, with_readable_reference


def reward_method(
    reward: RewardLike,
    *,
    reference: str = "answer",
    verifier: str | None = None,
    weight: float = 1.0,
    prefill: str = "",
    name: str = "assay",
) -> Callable[..., Awaitable[float]]:
    """A method for a `verifiers` Task, already marked as a reward.

    Args:
        reward: A preset, a verifier's name, a mapping, or a YAML file.
        reference: The field of the task's data that holds the reference.
        verifier: Verifier of a routed reward; a field `verifier` of the data goes first.
        weight: Its weight among the task's rewards.
        prefill: What the chat template puts at the start of the assistant's turn.
        name: What it is recorded as.
    """
    import verifiers.v1 as vf

    made = as_reward(reward)

    async def assay_reward(self: Any, trace: Any) -> float:
        data = self.data
        if not hasattr(data, reference):
            raise UsageError(f"the task's data has no field {reference!r} for the reference")
        named = str(getattr(data, "verifier", None) or verifier or "")
        problem = make_problem(data.prompt_text, plain(getattr(data, reference)), named, data.id)
        problem = with_readable_reference(made, problem)
        (result,) = await made.ascore([problem], [make_completion(trace.last_reply, prefill=prefill)])
        if result.total is None:
            raise VerifierError(f"the check of the reply to {problem.id!r} failed on our side: {result.failure}")
        return result.total

    assay_reward.__name__ = name
    marked: Callable[..., Awaitable[float]] = vf.reward(assay_reward, weight=weight)
    return marked
