"""What a run writes down: a line a step in metrics.jsonl, some completions in samples.jsonl, its configuration.

Logs are cut back to the checkpoint when a run resumes, so no step stands in them twice.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assay_trainers.grpo.config import TrainConfig
from assay_trainers.grpo.rewarding import Rewarded


def append_line(path: Path, row: dict[str, Any]) -> None:
    """Append a row to a JSONL file."""
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(row, ensure_ascii=False) + "\n")


def write_config(path: Path, config: TrainConfig) -> None:
    """Write the resolved configuration as YAML."""
    import yaml

    path.write_text(yaml.safe_dump(config.as_dict(), sort_keys=False, allow_unicode=True), encoding="utf-8")


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


def cut_log(path: Path, step: int) -> None:
    """Drop the lines of a JSONL log that belong to steps after `step`, and a torn last line."""
    if not path.exists():
        return
    kept = []
    for line in path.read_bytes().split(b"\n"):
        try:
            if line and json.loads(line)["step"] <= step:
                kept.append(line + b"\n")
        except (ValueError, KeyError, TypeError):
            continue
    part = path.with_name(path.name + ".part")
    part.write_bytes(b"".join(kept))
    part.replace(path)
