"""A character model learns two-digit addition: supervised to about .40, then by GRPO on a verifier's reward alone.

    OMP_NUM_THREADS=1 python results/learning/addition.py [--seed 1] [--out results/runs/learning]

Model (0.8 million parameters), split (500 of the 10,000 pairs held out), supervised start and completions a step (256
of at most 5 tokens) are those of `trl_addition.py`, which does the same with TRL. The settings below were chosen on
seed 0, which is not reported. Writes `addition-seedN.json` and `.svg` beside this file: greedy accuracy held out by
`assay.evaluate` every 25 steps, with wall and CPU seconds, evaluations included.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
from pathlib import Path
from typing import Any

import tasks

import assay

SETTINGS: dict[str, Any] = {
    "preset": "grpo",
    "loss": {"beta": 0.0},
    "steps": 300,
    "rollout": {"prompts": 32, "group": 8, "max_tokens": 5, "temperature": 0.8, "batch_size": 256},
    "optimizer": {"learning_rate": 1.5e-4, "schedule": "linear"},
}
"""Against TRL's run: more problems with fewer completions each, a falling learning rate, and sampling at 0.8, whose
mistakes are nearer to what greedy decoding gets wrong."""
GOAL = 0.3
"""Greedy accuracy at which the supervised start ends; it is looked at every 50 steps."""


def prepare(seed: int, out: Path) -> tuple[Path, list[assay.Problem], list[assay.Problem], dict[str, Any]]:
    """The supervised model of a seed, made once: its folder, the problems held out and the rest, and how it went."""
    from assay_trainers.common.models import save_policy

    pairs = [(a, b) for a in range(100) for b in range(100)]
    random.Random(seed).shuffle(pairs)
    problems = [tasks.problem_of(pair, "exact_text") for pair in pairs]
    held_out, rest = problems[:500], problems[500:]
    base, note = out / f"addition-sft-{seed}", out / f"addition-sft-{seed}.json"
    if note.exists():
        return base, held_out, rest, json.loads(note.read_text())
    tokenizer = tasks.make_tokenizer()
    model = tasks.make_model(tokenizer, seed)
    watch = tasks.Stopwatch()
    for step in tasks.supervise(model, tokenizer, rest, batch=128, learning_rate=1e-3, seed=seed):
        if step % 50 == 0 and tasks.greedy_accuracy(model, tokenizer, held_out) >= GOAL:
            break
        if step == 2000:
            raise SystemExit("the supervised start did not reach its goal in 2,000 steps")
    how = {"steps": step, **watch.seconds()}
    save_policy(model, tokenizer, base)
    note.write_text(json.dumps(how))
    return base, held_out, rest, how


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("results/runs/learning"))
    parser.add_argument("--write", type=Path, default=tasks.HERE, help="where the JSON and the figure go")
    options = parser.parse_args()

    import torch

    from assay_trainers.grpo.config import read_config
    from assay_trainers.grpo.curves import draw_run
    from assay_trainers.grpo.trainer import train

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    assay.load_plugin(tasks.__file__)
    base, held_out, rest, start = prepare(options.seed, options.out)
    output = options.out / f"addition-{options.seed}"
    shutil.rmtree(output, ignore_errors=True)  # a measurement starts from nothing
    config = read_config(
        SETTINGS
        | {
            "model": str(base.resolve()),
            "output": str(output),
            "data": {"path": "held in memory", "template": "raw"},
            "reward": {"terms": [{"name": "exact", "verifier": "exact_text"}]},
            "seed": options.seed,
            "checkpoints": {"every": 1000, "keep": 1},
            "evaluation": {
                "benchmarks": [tasks.write_problems(options.out / f"addition-held-out-{options.seed}.jsonl", held_out)],
                "every": 25,
                "temperature": 0.0,
            },
        }
    )
    watch = tasks.Stopwatch()
    times: dict[int, dict[str, float]] = {0: {"wall_seconds": 0.0, "cpu_seconds": 0.0}}

    def on_step(step: int, metrics: dict[str, Any], _: Any) -> None:
        if step % 25 == 0:
            times[step] = watch.seconds()
            print(step, {name: value for name, value in metrics.items() if "/pass@1" in name}, times[step], flush=True)

    train(config, problems=rest, on_step=on_step)
    took = watch.seconds()
    rewards = {row["step"]: row["reward"] for row in tasks.rows_of(output / "metrics.jsonl")}
    name = f"eval/addition-held-out-{options.seed}/pass@1"
    curve = [
        {
            "step": row["step"],
            "greedy": row[name],
            "train_reward": sum(recent) / len(recent) if (recent := _last(rewards, row["step"])) else None,
            **times.get(row["step"], {}),
        }
        for row in tasks.rows_of(output / "evaluations.jsonl")
    ]
    result = {
        "seed": options.seed, "held_out": len(held_out), "supervised": start, "grpo": took, "curve": curve,
        "threads": torch.get_num_threads(), "torch": torch.__version__, "settings": SETTINGS,
    }  # fmt: skip
    options.write.mkdir(parents=True, exist_ok=True)
    (options.write / f"addition-seed{options.seed}.json").write_text(json.dumps(result, indent=1) + "\n")
    figure = draw_run(output, title=f"addition, seed {options.seed}")
    shutil.copy(figure, options.write / f"addition-seed{options.seed}.svg")
    print(f"greedy held out {curve[0]['greedy']:.3f} → {curve[-1]['greedy']:.3f} in {took}")


def _last(rewards: dict[int, float], step: int) -> list[float]:
    return [rewards[at] for at in range(max(1, step - 24), step + 1) if at in rewards]


if __name__ == "__main__":
    main()
