"""One process of supervised runs: sft_one_of_two.py MODEL ROWS OUTPUT CHANGES(JSON) OUTPUT CHANGES …"""

from __future__ import annotations

import json
import sys
from typing import Any

import torch

from assay_trainers.sft.config import SftConfig, read_config
from assay_trainers.sft.trainer import train


def config_of(model: str, rows: str, output: str, /, **changes: Any) -> SftConfig:
    """Rows and micro-batches such that processes differ in how many they have."""
    base = {
        "model": model,
        "output": output,
        "data": {"path": rows, "validation": 0.2},
        "preset": "r1",
        "rows": 7,
        "steps": 3,
        "device": "cpu",
        "optimizer": {"learning_rate": 1e-3, "micro_batch_tokens": 30},
        "validate_every": 2,
        "checkpoints": {"every": 1},
    }
    return read_config(base, changes)


if __name__ == "__main__":
    torch.set_num_threads(1)
    for output, changes in zip(sys.argv[3::2], sys.argv[4::2], strict=True):
        assert train(config_of(sys.argv[1], sys.argv[2], output, **json.loads(changes))).finished
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
