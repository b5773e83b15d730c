"""Runs of both trainers as one of some processes: both_runs.py MODEL ROWS FOLDER CHANGES(JSON: name → changes).

Most of the time of two processes goes to starting them.
"""

from __future__ import annotations

import json
import sys

import torch

from assay_trainers.sft.trainer import train
from tests.trainers import sft_one_of_two, small_run

if __name__ == "__main__":
    torch.set_num_threads(1)
    model, rows, folder, changes = sys.argv[1:]
    for name, each in json.loads(changes).items():
        small_run.run(small_run.config_of(model, f"{folder}/grpo/{name}", **each))
        assert train(sft_one_of_two.config_of(model, rows, f"{folder}/sft/{name}", **each)).finished
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
