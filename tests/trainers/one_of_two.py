"""One process of a run of the tiny model. Usage: one_of_two.py MODEL OUTPUT PRESET; ranks come from the environment."""

import json
import sys
from pathlib import Path

import torch

from assay import Message, Problem
from assay_trainers.grpo.config import read_config
from assay_trainers.grpo.trainer import train
from tests.trainers.conftest import DigitReward

torch.set_num_threads(1)
model, output, preset = sys.argv[1:]
held_out = Path(output).with_suffix(".jsonl")
if not held_out.exists():
    rows = [{"prompt": f"{n}-{n}=", "answer": "0", "verifier": "format_tags"} for n in range(5)]
    held_out.write_text("".join(json.dumps(row) + "\n" for row in rows))
config = read_config(
    {
        "model": model,
        "output": output,
        "data": {"path": "held in memory", "template": "raw"},
        "preset": preset,
        "advantages": {"scale": "batch"},
        "steps": 2,
        "device": "cpu",
        "rollout": {"prompts": 3, "group": 4, "max_tokens": 6},
        "optimizer": {"learning_rate": 1e-3, "updates": 2},
        "alarms": {"truncation": 1.0},
        "evaluation": {"benchmarks": [f"{held_out}:3"], "every": 1},
    }
)
problems = [Problem(id=str(n), prompt=(Message(role="user", content=f"{n}+{n}="),), reference="") for n in range(7)]
result = train(config, reward=DigitReward(), problems=problems)
assert result.finished
if torch.distributed.is_initialized():
    torch.distributed.destroy_process_group()
