"""verl: our rewards as its `custom_reward_function`, one by one or in batches.

    reward.custom_reward_function.path=pkg://assay.interop.verl
    reward.custom_reward_function.name=compute_score
    +reward.custom_reward_function.reward_kwargs.reward=boxed_math

(verl before 0.8: `custom_reward_function.…`.) The reference is the row's `reward_model.ground_truth`; the verifier of a
routed reward is `extra_info["verifier"]`, else the `verifier` that is given here. verl decodes responses without their
special tokens and knows no way to leave a rollout out, so:

* `compute_score` raises `VerifierError` when a check fails on our side a second time. A number would train the model on
  our failure; set `failed` to one only if a stop of the run is worse.
* `compute_scores` (verl's batch manager) gives such a rollout the mean of the others of its group, the rows of the same
  prompt: its advantage is then near 0, and it is marked `failed`.

verl runs synchronous functions in threads: nothing here uses signals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assay.errors import VerifierError
from assay.interop.rows import RewardLike, as_reward, make_completion, make_problem, plain, with_readable_reference
from assay.rewards import Reward, RewardResult
from assay.types import Completion, Problem

Score = dict[str, float]


def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: Any,
    extra_info: Mapping[str, Any] | None = None,
    *,
    reward: RewardLike = "r1-zero",
    verifier: str | None = None,
    prefill: str = "",
    failed: float | None = None,
    **_: Any,
) -> Score:
    r"""The reward of one response.

    Args:
        data_source: Name of the data set; unused where `extra_info` names the problem's verifier.
        solution_str: The decoded response.
        ground_truth: The reference.
        extra_info: The row's further fields: `verifier`, `index` or `id`, `prompt` or `question`, `num_tokens`.
        reward: A preset, a verifier's name, or the path of a YAML file.
        verifier: Verifier of rows that name none.
        prefill: What the chat template puts at the start of the assistant's turn, e.g. "<think>\n".
        failed: The score of a response whose check failed on our side; None raises.

    Returns:
        `score`, and each part of it under its own name (verl logs them).

    Raises:
        VerifierError: The check failed on our side twice, and `failed` is None.
    """
    row = _row(data_source, solution_str, ground_truth, extra_info, verifier, prefill)
    result = _retried(as_reward(reward), [row])[0]
    if result.total is None and failed is None:
        raise VerifierError(
            f"the check of the response to {row[0].id!r} failed on our side twice: {result.failure}. Set "
            "reward_kwargs.failed to a number to go on with that as its score, or use compute_scores"
        )
    return _score(result, failed or 0.0)


def compute_scores(
    data_sources: Sequence[str],
    solution_strs: Sequence[str],
    ground_truths: Sequence[Any],
    extra_infos: Sequence[Mapping[str, Any] | None],
    *,
    reward: RewardLike = "r1-zero",
    verifier: str | None = None,
    prefill: str = "",
    failed: float | None = None,
    **_: Any,
) -> list[Score]:
    """`compute_score` of a batch, for `reward_manager=batch`; much faster, as all are checked side by side."""
    columns = zip(data_sources, solution_strs, ground_truths, extra_infos, strict=True)
    rows = [_row(*column, verifier, prefill) for column in columns]
    results = _retried(as_reward(reward), rows)
    groups: dict[str, list[float]] = {}
    for (problem, _completion), result in zip(rows, results, strict=True):
        if result.total is not None:
            groups.setdefault(problem.id, []).append(result.total)
    scores = []
    for (problem, _completion), result in zip(rows, results, strict=True):
        group = groups.get(problem.id, [])
        neutral = failed if failed is not None else sum(group) / len(group) if group else 0.0
        scores.append(_score(result, neutral))
    return scores


_Row = tuple[Problem, Completion]


def _row(
    data_source: str, text: str, reference: Any, info: Mapping[str, Any] | None, verifier: str | None, prefill: str
) -> _Row:
    info = info or {}
    prompt = info.get("prompt", info.get("question", ""))
    name = info.get("id", info.get("index"))
    problem = make_problem(
        plain(prompt),
        plain(reference),
        str(info.get("verifier") or verifier or ""),
        None if name is None else f"{data_source}/{name}",
    )
    return problem, make_completion(text, prefill=prefill, tokens=info.get("num_tokens"))


def _retried(reward: Reward, rows: Sequence[_Row]) -> list[RewardResult]:
    rows = [(with_readable_reference(reward, problem), completion) for problem, completion in rows]
    results = reward.score([problem for problem, _ in rows], [completion for _, completion in rows])
    again = [index for index, result in enumerate(results) if result.total is None]
    if again:
        second = reward.score([rows[index][0] for index in again], [rows[index][1] for index in again])
        for index, result in zip(again, second, strict=True):
            results[index] = result
    return results


def _score(result: RewardResult, failed: float) -> Score:
    """The same keys for every row: verl makes columns of them."""
    parts = {name: failed if value is None else value for name, value in result.parts.items()}
    total = result.total
    return {**parts, "score": failed if total is None else total, "failed": float(total is None)}
