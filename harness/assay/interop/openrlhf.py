r"""OpenRLHF: our rewards as the Python file, or the server, that `--reward.remote_url` names.

    # reward.py
    from assay.interop.openrlhf import make_reward_func
    reward_func = make_reward_func("r1-zero", verifier="boxed_math")

A label is the reference itself, or a JSON object {"reference": …, "verifier": …}. OpenRLHF hands over the query, which
is the prompt and the response with their special tokens; those at the response's end are taken off. An exception makes
OpenRLHF log it and drop the reward, which is what a check that failed on our side asks for, so it is raised.
The same over HTTP: `assay serve` answers OpenRLHF's requests.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from assay.errors import UsageError, VerifierError
from assay.interop.rows import (
    RewardLike,
    as_reward,
    make_completion,
    make_problem,
    plain,
    prefill_of,
    with_readable_reference,
    without_special_tokens,
)
from assay.rewards import Reward, RewardResult
from assay.types import Completion, Problem


def make_reward_func(
    reward: RewardLike, *, verifier: str | None = None, prefill: str | None = None
) -> Callable[..., dict[str, Any]]:
    """The function `reward_func(queries, prompts, labels)` for OpenRLHF.

    Args:
        reward: A preset, a verifier's name, a mapping, or a YAML file.
        verifier: Verifier of labels that name none.
        prefill: Start of the assistant's turn; by default what the prompt ends with.

    The function returns tensors `rewards` and `scores` (clipped to [0, 1], for OpenRLHF's filter) and `extra_logs`.
    """
    return _RewardFunction(as_reward(reward), verifier, prefill)


class _RewardFunction:
    """A function that can be pickled."""

    def __init__(self, reward: Reward, verifier: str | None, prefill: str | None) -> None:
        self._reward = reward
        self._verifier = verifier
        self._prefill = prefill
        self.__name__ = "reward_func"

    def __call__(
        self, queries: Sequence[str], prompts: Sequence[str], labels: Sequence[Any], **_: Any
    ) -> dict[str, Any]:
        import torch

        answer = score_queries(self._reward, queries, prompts, labels, verifier=self._verifier, prefill=self._prefill)
        logs = {name: torch.tensor(values) for name, values in answer["extra_logs"].items()}
        return {
            "rewards": torch.tensor(answer["rewards"]),
            "scores": torch.tensor(answer["scores"]),
            "extra_logs": logs,
        }


def score_queries(
    reward: Reward,
    queries: Sequence[str],
    prompts: Sequence[str],
    labels: Sequence[Any],
    *,
    verifier: str | None = None,
    prefill: str | None = None,
) -> dict[str, Any]:
    """OpenRLHF's answer as plain lists: `rewards`, `scores`, `extra_logs`.

    Raises:
        VerifierError: A check failed on our side, so that there is no reward.
        UsageError: The lists have different lengths, or a label cannot be read.
    """
    if not len(queries) == len(prompts) == len(labels):
        raise UsageError(
            f"queries, prompts and labels must go together; got {len(queries)}, {len(prompts)} and {len(labels)}"
        )
    rows = [_row(*row, verifier, prefill) for row in zip(queries, prompts, labels, strict=True)]
    rows = [(with_readable_reference(reward, problem), completion) for problem, completion in rows]
    results = reward.score([problem for problem, _ in rows], [completion for _, completion in rows])
    totals = [_total(result, problem) for result, (problem, _) in zip(results, rows, strict=True)]
    parts = dict.fromkeys(name for result in results for name in result.parts)
    return {
        "rewards": totals,
        "scores": [min(1.0, max(0.0, total)) for total in totals],
        "extra_logs": {name: [result.parts.get(name) or 0.0 for result in results] for name in parts},
    }


def _row(query: str, prompt: str, label: Any, verifier: str | None, prefill: str | None) -> tuple[Problem, Completion]:
    reference, named = _label(plain(label))
    # The tokenizer may have put a start token before the prompt, so it is looked for.
    start = query.find(prompt)
    response = query[start + len(prompt) :] if start >= 0 else query
    completion = make_completion(
        without_special_tokens(response), prefill=prefill_of(prompt) if prefill is None else prefill
    )
    return make_problem(prompt, reference, named or verifier or ""), completion


def _label(label: Any) -> tuple[Any, str]:
    """Reference and verifier of a label, which may be a JSON object written as text."""
    if isinstance(label, str) and label.lstrip().startswith("{"):
        try:
            label = json.loads(label)
        except (ValueError, RecursionError):
            return label, ""  # a set in braces is a reference too
    if isinstance(label, Mapping) and "reference" in label:
        return label["reference"], str(label.get("verifier") or "")
    return label, ""


def _total(result: RewardResult, problem: Problem) -> float:
    if result.total is None:
        raise VerifierError(f"the check of the response to {problem.id!r} failed on our side: {result.failure}")
    return result.total
