"""What a run writes down of its completions: some of each step, with what they earned and why."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from assay_trainers.common.logs import append_line
from assay_trainers.grpo.rewarding import Rewarded


def write_samples(path: Path, step: int, samples: Sequence[Rewarded]) -> None:
    """Append completions with what they earned, and why."""
    for item in samples:
        completion = item.rollout.completion
        verdicts = {
            name: {"outcome": verdict.outcome.value, "score": verdict.score, "reason": verdict.reason}
            for name, verdict in item.result.verdicts.items()
        }
        row = {
            "step": step,
            "problem": item.rollout.prompt.problem.id,
            "sample": item.rollout.sample_index,
            "text": completion.prefill + completion.text,
            "finish_reason": completion.finish_reason.value,
            "tokens": completion.num_tokens,
            "reward": item.reward,
            "parts": dict(item.result.parts),
            "verdicts": verdicts,
        }
        append_line(path, row)
