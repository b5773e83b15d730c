"""A run of the tiny model, as one of some processes: small_run.py MODEL OUTPUT CHANGES(JSON) OUTPUT CHANGES …"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch

from assay import Message, Problem
from assay_trainers.grpo.config import TrainConfig, read_config
from assay_trainers.grpo.trainer import train
from tests.trainers.conftest import DigitReward


def config_of(model: str, output: str, /, **changes: Any) -> TrainConfig:
    """Micro-batches of a row or two: processes then differ in how many they have."""
    base = {
        "model": model,
        "output": output,
        "data": {"path": "held in memory", "template": "raw"},
        "preset": "grpo",
        "steps": 2,
        "device": "cpu",
        "rollout": {"prompts": 3, "group": 4, "max_tokens": 6},
        "optimizer": {"learning_rate": 1e-3, "updates": 2, "micro_batch_tokens": 24},
        "refresh_reference_every": 1,
        "checkpoints": {"every": 1},
        "alarms": {"truncation": 1.0},
    }
    return read_config(base, changes)


def run(config: TrainConfig) -> None:
    """Train it to its end; writes down how many values of the parameters this process holds between steps."""

    def held(step: int, metrics: dict[str, Any], model: Any) -> None:
        (Path(config.output) / "held").write_text(str(sum(parameter.numel() for parameter in model.parameters())))

    problems = [Problem(id=str(n), prompt=(Message(role="user", content=f"{n}+{n}="),), reference="") for n in range(7)]
    assert train(config, reward=DigitReward(), problems=problems, on_step=held).finished


if __name__ == "__main__":
    torch.set_num_threads(1)
    for output, changes in zip(sys.argv[2::2], sys.argv[3::2], strict=True):
        run(config_of(sys.argv[1], output, **json.loads(changes)))
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
