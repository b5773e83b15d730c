"""One process of a supervised run. Usage: sft_one_of_two.py MODEL ROWS OUTPUT; ranks come from the environment."""

import sys

import torch

from assay_trainers.sft.config import SftConfig, read_config
from assay_trainers.sft.trainer import train


def config_of(model: str, rows: str, output: str) -> SftConfig:
    return read_config(
        {
            "model": model,
            "output": output,
            "data": {"path": rows, "validation": 0.2},
            "preset": "r1",
            "rows": 7,
            "steps": 3,
            "device": "cpu",
            "optimizer": {"learning_rate": 1e-3, "micro_batch_tokens": 30},
            "validate_every": 2,
        }
    )


if __name__ == "__main__":
    torch.set_num_threads(1)
    assert train(config_of(*sys.argv[1:])).finished
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
