"""A character model learns two-digit addition: supervised to about .40, then by GRPO on a verifier's reward alone.

    OMP_NUM_THREADS=1 python results/learning/addition.py [--steps 400] [--seed 0] [--out results/runs/addition]

The model (0.8 million parameters), the split (500 of the 10,000 pairs held out), the supervised start and the sizes of
a step (16 problems × 16 completions of at most 5 tokens, learning rate 5e-5, no KL) are those of the run that TRL 1.16
was measured with. Writes `addition-seedN.json` beside this file: greedy accuracy held out, every 25 steps, with wall
and CPU seconds. Timings of a shared machine say little; the CPU seconds say more.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import time
from pathlib import Path
from typing import Any

import assay


class ExactText(assay.BaseVerifier):
    """1 where the response is the reference, white space aside."""

    name, version = "exact_text", "1"

    def verify(self, problem: assay.Problem, completion: assay.Completion) -> assay.Verdict:
        right = completion.text.strip() == problem.reference
        return assay.Verdict(outcome=assay.Outcome.GRADED, score=float(right), extracted=completion.text.strip())

    def verify_fast(self, problem: assay.Problem, completion: assay.Completion) -> assay.Verdict:
        """A comparison of two short texts needs no worker process."""
        return self.verify(problem, completion)


@assay.hookimpl
def register_verifiers() -> dict[str, Any]:
    return {"exact_text": ExactText}


def make_tokenizer() -> Any:
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    characters = "0123456789+-*/=()<>?.,: abcdefghijklmnopqrstuvwxyz\n|"
    vocabulary = {token: number for number, token in enumerate(["<pad>", "<bos>", "<eos>", "<unk>", *characters])}
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Split(Regex(".|\n"), "isolated")
    inner.decoder = decoders.Fuse()
    special = {"pad_token": "<pad>", "bos_token": "<bos>", "eos_token": "<eos>", "unk_token": "<unk>"}
    return PreTrainedTokenizerFast(tokenizer_object=inner, **special)


def make_model(tokenizer: Any, seed: int) -> Any:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=128, intermediate_size=384, num_hidden_layers=4,
        num_attention_heads=4, num_key_value_heads=4, max_position_embeddings=128, bos_token_id=1, eos_token_id=2,
        pad_token_id=0, tie_word_embeddings=True,
    )  # fmt: skip
    return LlamaForCausalLM(config)


def problem_of(a: int, b: int) -> assay.Problem:
    return assay.Problem(
        id=f"{a}+{b}",
        prompt=(assay.Message(role="user", content=f"{a}+{b}="),),
        reference=str(a + b),
        verifier="exact_text",
    )


def greedy_accuracy(model: Any, tokenizer: Any, problems: list[assay.Problem]) -> float:
    from assay_trainers.grpo.rollouts import PromptEncoder, TransformersEngine

    encoder = PromptEncoder(tokenizer)
    prompts = [encoder.encode(problem, problem.prompt[0].content) for problem in problems]
    engine = TransformersEngine(model, tokenizer, batch_size=256)
    sampling = assay.Sampling(temperature=0.0, top_p=1.0, max_tokens=5)
    rollouts = engine.generate(prompts, samples=1, sampling=sampling)
    return sum(r.completion.text.strip() == r.prompt.problem.reference for r in rollouts) / len(prompts)


def supervise(
    model: Any, tokenizer: Any, train: list[assay.Problem], held_out: list[assay.Problem], goal: float
) -> int:
    """Ordinary fine-tuning until the greedy accuracy reaches the goal; returns its steps."""
    import torch

    from assay_trainers.common.batching import Row, collate
    from assay_trainers.common.logprobs import completion_logprobs

    def row(problem: assay.Problem) -> Row:
        prompt = tokenizer(problem.prompt[0].content)["input_ids"]
        return Row(prompt_ids=prompt, completion_ids=[*tokenizer(problem.reference)["input_ids"], 2])

    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.0)
    for step in range(1, 2001):
        batch = collate([row(problem) for problem in random.sample(train, 128)])
        logps, _ = completion_logprobs(model, batch, temperature=1.0)
        (-logps.sum() / batch.mask.sum()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        if step % 50 == 0 and greedy_accuracy(model, tokenizer, held_out) >= goal:
            return step
    raise SystemExit("the supervised start did not reach its goal in 2,000 steps")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--goal", type=float, default=0.3)
    parser.add_argument("--out", type=Path, default=Path("results/runs/addition"))
    options = parser.parse_args()

    import torch

    from assay_trainers.common.models import save_policy
    from assay_trainers.grpo.config import read_config
    from assay_trainers.grpo.trainer import train

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    assay.load_plugin(__file__)
    random.seed(options.seed)
    pairs = [(a, b) for a in range(100) for b in range(100)]
    random.shuffle(pairs)
    problems = [problem_of(a, b) for a, b in pairs]
    held_out, rest = problems[:500], problems[500:]
    tokenizer = make_tokenizer()
    model = make_model(tokenizer, options.seed)
    cpu = time.process_time()
    sft_steps = supervise(model, tokenizer, rest, held_out, options.goal)
    base = options.out / f"sft-{options.seed}"
    save_policy(model, tokenizer, base)
    start = greedy_accuracy(model, tokenizer, held_out)
    curve: list[dict[str, Any]] = [{"step": 0, "greedy": start}]
    print(f"supervised: {sft_steps} steps, greedy {start:.3f}, {time.process_time() - cpu:.0f} CPU s", flush=True)
    config = read_config(
        {
            "model": str(base),
            "output": str(options.out / f"grpo-{options.seed}"),
            "data": {"path": "held in memory", "template": "raw"},
            "reward": {"terms": [{"name": "exact"}]},
            "preset": "grpo",
            "loss": {"beta": 0.0},
            "steps": options.steps,
            "seed": options.seed,
            "rollout": {"prompts": 16, "group": 16, "max_tokens": 5, "batch_size": 256},
            "optimizer": {"learning_rate": 5e-5},
            "checkpoints": {"every": 100, "keep": 1},
        }
    )
    wall, cpu = time.perf_counter(), time.process_time()
    rewards: list[float] = []
    idle: list[float] = []

    def watch(step: int, metrics: dict[str, Any], policy: Any) -> None:
        rewards.append(metrics["reward"])
        idle.append(metrics["skipped_rows"])
        if step % 25:
            return
        point = {
            "step": step,
            "greedy": greedy_accuracy(policy, tokenizer, held_out),
            "train_reward": sum(rewards[-25:]) / 25,
            "skipped_rows": sum(idle[-25:]) / 25,
            "entropy": metrics["entropy"],
            "wall_seconds": round(time.perf_counter() - wall, 1),
            "cpu_seconds": round(time.process_time() - cpu, 1),
        }
        curve.append(point)
        print(json.dumps(point), flush=True)

    train(config, problems=rest, on_step=watch)
    result = {
        "seed": options.seed,
        "sft_steps": sft_steps,
        "held_out": len(held_out),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "config": config.as_dict(),
        "curve": curve,
    }
    target = Path(__file__).with_name(f"addition-seed{options.seed}.json")
    target.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
