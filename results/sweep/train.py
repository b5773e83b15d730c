"""Make the checkpoints of the sweep: the character model learns addition, supervised, then by GRPO.

    OMP_NUM_THREADS=1 python results/sweep/train.py FOLDER

A base model (`FOLDER/base`) and a checkpoint every 50 of 250 steps (`FOLDER/grpo/checkpoints/step-…`). The recipe is
that of ../learning/addition.py.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

import assay

PLUGIN = Path(__file__).with_name("sums.py")


def main() -> None:
    import importlib.util

    import torch

    from assay_trainers.common.models import save_policy
    from assay_trainers.grpo.config import read_config
    from assay_trainers.grpo.trainer import train

    spec = importlib.util.spec_from_file_location("sums", PLUGIN)
    assert spec is not None
    assert spec.loader is not None
    sums = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sums)
    out = Path(sys.argv[1])
    torch.set_num_threads(1)
    assay.load_plugin(PLUGIN)
    held_out, rest = ([sums.addition.problem_of(a, b) for a, b in part] for part in sums.pairs())
    tokenizer = sums.addition.make_tokenizer()
    model = sums.addition.make_model(tokenizer, sums.SEED)
    random.seed(sums.SEED)
    steps = sums.addition.supervise(model, tokenizer, rest, held_out, 0.3)
    print(f"supervised: {steps} steps", flush=True)
    save_policy(model, tokenizer, out / "base")
    config = read_config(
        {
            "model": str(out / "base"),
            "output": str(out / "grpo"),
            "data": {"path": "held in memory", "template": "raw"},
            "reward": {"terms": [{"name": "exact"}]},
            "preset": "grpo",
            "loss": {"beta": 0.0},
            "steps": 250,
            "seed": sums.SEED,
            "rollout": {"prompts": 16, "group": 16, "max_tokens": 5, "batch_size": 256},
            "optimizer": {"learning_rate": 5e-5},
            "checkpoints": {"every": 50, "keep": 10},
        }
    )
    train(config, problems=rest, on_step=lambda step, metrics, _: print(step, round(metrics["reward"], 3), flush=True))


if __name__ == "__main__":
    main()
