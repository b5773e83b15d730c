"""Supervised fine-tuning of one model on one set of rows by one engine; prints a JSON object.

    python sft_engines.py assay|trl uniform|mixed MODEL STEPS [LAYOUT]

uniform: 4 rows of about 92 tokens a step. mixed: 8 rows of 16 to 256 tokens a step, drawn evenly. Both engines see
the same rows (uniform ones under the chat template, mixed ones as bare texts), learn from the answer alone, and
compute in float32.
"""

from __future__ import annotations

import json
import os
import random
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

_WORDS = (
    "we",
    "add",
    "the",
    "first",
    "number",
    "to",
    "second",
    "one",
    "and",
    "then",
    "look",
    "at",
    "what",
    "is",
    "left",
)


def rows_of(kind: str, tokenizer: Any) -> list[dict[str, Any]]:
    """Prompt and completion: messages, or two texts."""
    if kind == "uniform":
        pairs = [(i, j) for i in range(16) for j in range(8)]
        return [
            _row(
                f"What is {i} + {j}? Explain your reasoning step by step and then give the answer.",
                f"We add {i} and {j}. " * 4 + f"The answer is {i + j}.",
            )
            for i, j in pairs
        ]
    draw = random.Random(0)
    rows = []
    for number in range(64):
        prompt = f"What is {number}+1?"
        words = draw.randint(16, 256) - len(tokenizer(prompt)["input_ids"]) - 1
        rows.append({"prompt": prompt, "completion": "".join(f" {draw.choice(_WORDS)}" for _ in range(words))})
    return rows


def _row(question: str, answer: str) -> dict[str, Any]:
    return {
        "prompt": [{"role": "user", "content": question}],
        "completion": [{"role": "assistant", "content": answer}],
    }


def assay(kind: str, model: str, steps: int, layout: str, rows: list[dict[str, Any]], folder: Path) -> dict[str, Any]:
    """Ours, through its trainer."""
    from assay_trainers.sft.config import read_config
    from assay_trainers.sft.trainer import train

    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = read_config(
        {
            "model": model, "output": str(folder / "run"), "data": {"path": str(folder / "rows.jsonl")},
            "rows": 4 if kind == "uniform" else 8, "steps": steps, "device": "cpu", "layout": layout,
            "checkpoints": {"every": 10**6}, "optimizer": {"micro_batch_tokens": 2048},
        }
    )  # fmt: skip
    steps_seen: list[dict[str, float]] = []
    cpu = [0.0]

    def on_step(step: int, _steps: int, metrics: dict[str, Any]) -> None:
        now = time.process_time()
        steps_seen.append({"wall": metrics["seconds"], "cpu": now - cpu[0], "tokens": metrics["tokens"],
                           "loss": metrics["loss"]})  # fmt: skip
        cpu[0] = now
        if step == steps:  # what is written at the end is not the step's
            _finish(steps_seen)

    train(config, on_step=on_step)
    raise AssertionError("the last step ends the process")


def trl(kind: str, model: str, steps: int, rows: list[dict[str, Any]], folder: Path) -> dict[str, Any]:
    """TRL's SFTTrainer with its defaults, in float32 on the CPU."""
    import torch
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
    from trl import SFTConfig, SFTTrainer

    seen: list[dict[str, float]] = []
    began = [0.0, 0.0]

    class Watch(TrainerCallback):  # type: ignore[misc]
        def on_step_begin(self, *_: Any, **__: Any) -> None:
            began[:] = [time.perf_counter(), time.process_time()]

        def on_step_end(self, *_: Any, **__: Any) -> None:
            seen.append({"wall": time.perf_counter() - began[0], "cpu": time.process_time() - began[1]})

    arguments = SFTConfig(
        output_dir=str(folder / "trl"), per_device_train_batch_size=4 if kind == "uniform" else 8, max_length=512,
        max_steps=steps, learning_rate=1e-5, logging_steps=1, report_to="none", save_strategy="no", bf16=False,
        use_cpu=True, gradient_checkpointing=False, seed=0, disable_tqdm=True, completion_only_loss=True,
    )  # fmt: skip
    trainer = SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32),
        args=arguments,
        train_dataset=Dataset.from_list(rows),
        processing_class=AutoTokenizer.from_pretrained(model),
        callbacks=[Watch()],
    )
    trainer.train()
    logged = [entry for entry in trainer.state.log_history if "num_tokens" in entry and "loss" in entry]
    counts = [float(entry["num_tokens"]) for entry in logged]
    for place, step in enumerate(seen):
        step["tokens"] = counts[place] - (counts[place - 1] if place else 0.0)
        step["loss"] = float(logged[place]["loss"])
    _finish(seen)
    raise AssertionError("the last step ends the process")


def _finish(steps: list[dict[str, float]]) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"steps": steps, "peak_mb": peak}), flush=True)
    os._exit(0)


def main() -> None:
    import torch
    from transformers import AutoTokenizer

    engine, kind, model, steps, *layout = sys.argv[1:]
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
    rows = rows_of(kind, AutoTokenizer.from_pretrained(model))
    with tempfile.TemporaryDirectory() as folder:
        if engine == "assay":
            assay(kind, model, int(steps), layout[0] if layout else "buckets", rows, Path(folder))
        trl(kind, model, int(steps), rows, Path(folder))


if __name__ == "__main__":
    main()
