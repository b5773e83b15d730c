"""Make the checkpoints of the sweep: the character model learns addition, supervised, then by GRPO.

    OMP_NUM_THREADS=1 python results/sweep/train.py FOLDER

A base model (`FOLDER/base`) and a checkpoint every 50 of 250 steps (`FOLDER/grpo/checkpoints/step-…`). The recipe is
that of ../learning/addition.py.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import assay

SEED = 0
PLUGIN = Path(__file__).with_name("carry.py")


def main() -> None:
    import torch

    from assay_trainers.grpo.config import read_config
    from assay_trainers.grpo.trainer import train

    torch.set_num_threads(1)
    assay.load_plugin(PLUGIN)  # also makes the files of ../learning importable
    import addition

    out = Path(sys.argv[1])
    base, _, rest, how = addition.prepare(SEED, out)
    print("supervised", how, flush=True)
    shutil.copytree(base, out / "base", dirs_exist_ok=True)
    config = read_config(
        {
            **addition.SETTINGS,
            "model": str(out / "base"),
            "output": str(out / "grpo"),
            "data": {"path": "held in memory", "template": "raw"},
            "reward": {"terms": [{"name": "paid", "verifier": "exact_text"}]},
            "steps": 250,
            "seed": SEED,
            "checkpoints": {"every": 50, "keep": 10},
        }
    )
    train(config, problems=rest, on_step=lambda step, metrics, _: print(step, round(metrics["reward"], 3), flush=True))


if __name__ == "__main__":
    main()
