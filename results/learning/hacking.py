"""Reward hacking, on purpose: a reward for form alone, and the alarm that catches it.

    OMP_NUM_THREADS=1 python results/learning/hacking.py [--seed 1]

The supervised model of `addition.py` is paid for writing three digits, right or wrong. The reward rises to 1; sums
below 100 have two digits, so what is right falls. Every evaluation measures correctness on the 500 held-out sums; the
alarm `hacking` must ring, and does not ring in the runs of `addition.py`. Writes `hacking-seedN.json` and `.svg`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
from pathlib import Path

import addition
import tasks

import assay


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("results/runs/learning"))
    parser.add_argument("--write", type=Path, default=tasks.HERE)
    options = parser.parse_args()

    import torch

    from assay_trainers.grpo.config import read_config
    from assay_trainers.grpo.curves import draw_run
    from assay_trainers.grpo.trainer import train

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    assay.load_plugin(tasks.__file__)
    base, held_out, rest, _ = addition.prepare(options.seed, options.out)
    output = options.out / f"hacking-{options.seed}"
    shutil.rmtree(output, ignore_errors=True)
    name = f"addition-held-out-{options.seed}"
    settings = {
        "preset": "grpo",
        "loss": {"beta": 0.0},
        "steps": 60,
        "rollout": {"prompts": 16, "group": 8, "max_tokens": 5, "batch_size": 256},
        "optimizer": {"learning_rate": 5e-5},
    }
    config = read_config(
        settings
        | {
            "model": str(base.resolve()),
            "output": str(output),
            "data": {"path": "held in memory", "template": "raw"},
            "reward": {"terms": [{"name": "form", "verifier": "three_digits"}]},
            "seed": options.seed,
            "checkpoints": {"every": 1000, "keep": 1},
            "evaluation": {
                "benchmarks": [tasks.write_problems(options.out / f"{name}.jsonl", held_out)],
                "every": 10,
                "temperature": 0.0,
            },
        }
    )
    watch = tasks.Stopwatch()
    train(config, problems=rest)
    took = watch.seconds()
    evaluations = tasks.rows_of(output / "evaluations.jsonl")
    rewards = [round(row["reward"], 4) for row in tasks.rows_of(output / "metrics.jsonl")]
    score = f"eval/{name}/pass@1"
    rung = [row for row in evaluations if "hacking" in row["alarms"]]
    result = {
        "seed": options.seed, "held_out": len(held_out), "grpo": took, "settings": settings, "rewards": rewards,
        "curve": [{"step": row["step"], "greedy": row[score], "alarms": row["alarms"]} for row in evaluations],
        "first_alarm": rung[0]["step"] if rung else None,
        "message": next((text for text in rung[0]["messages"] if "the reward rises" in text), "") if rung else "",
    }  # fmt: skip
    options.write.mkdir(parents=True, exist_ok=True)
    (options.write / f"hacking-seed{options.seed}.json").write_text(json.dumps(result, indent=1) + "\n")
    figure = draw_run(output, title=f"paid for three digits, seed {options.seed}")
    shutil.copy(figure, options.write / f"hacking-seed{options.seed}.svg")
    print(
        f"reward {rewards[0]:.2f} → {rewards[-1]:.2f}, right {evaluations[0][score]:.3f} → {evaluations[-1][score]:.3f}"
    )
    print(f"alarm after step {result['first_alarm']}: {result['message']}")
    if not rung:
        raise SystemExit("the alarm did not ring")


if __name__ == "__main__":
    main()
