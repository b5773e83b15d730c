"""The memory that a run takes at most, in a process of its own: memory_run.py MODEL TINY FOLDER.

A run of the tiny model comes first, so that what libraries load when they are first used is not counted. Prints the
bytes of resident memory that a GRPO run of MODEL adds to that at its peak.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import torch

from assay_trainers.grpo.config import TrainConfig, read_config
from tests.trainers.small_run import run


def config_of(model: str, output: str, /, **changes: Any) -> TrainConfig:
    """Long completions in one micro-batch."""
    base = {
        "model": model,
        "output": output,
        "data": {"path": "held in memory", "template": "raw"},
        "preset": "grpo",
        "steps": 2,  # AdamW has no moments before its first
        "device": "cpu",
        "rollout": {"prompts": 2, "group": 8, "max_tokens": 40},
        "alarms": {"truncation": 1.0},
        "logging": {"figure": False},
    }
    return read_config(base, changes)


def resident(name: str) -> int:
    """VmRSS or VmHWM (its peak) of this process, in bytes."""
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) * 1024


if __name__ == "__main__":
    torch.set_num_threads(1)
    large, tiny, folder = sys.argv[1:]
    run(config_of(tiny, f"{folder}/tiny"))
    before = resident("VmRSS")
    run(config_of(large, f"{folder}/large"))
    print(resident("VmHWM") - before)
