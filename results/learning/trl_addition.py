"""The run of `addition.py` by TRL, for its time and its curve: same supervised model, problems and completions a step.

    OMP_NUM_THREADS=1 python results/learning/trl_addition.py [--seed 1] [--like-ours]

The settings are those that TRL was first measured with (16 problems × 16 completions, learning rate 5e-5, 400 steps, no
KL); `--like-ours` gives it those of `addition.py` instead, so that the difference is the program's alone. Greedy
accuracy held out every 25 steps is part of its time, as it is of ours. Writes `trl-addition-seedN.json`.
"""

from __future__ import annotations

import importlib.metadata
from typing import Any

import addition
import tasks


def main() -> None:
    options = tasks.options(__doc__)

    import torch
    from datasets import Dataset
    from transformers import TrainerCallback
    from trl import GRPOConfig, GRPOTrainer

    from assay_trainers.common.models import load_policy

    base, held_out, rest, start = addition.prepare(options.seed, options.out)
    model, tokenizer = load_policy(str(base.resolve()), device="cpu")
    tokenizer.padding_side = "left"
    data = Dataset.from_list([{"prompt": each.prompt[0].content, "answer": each.reference} for each in rest])
    rewards: list[float] = []

    def exact(completions: list[str], answer: list[str], **_: Any) -> list[float]:
        values = [float(text.strip() == right) for text, right in zip(completions, answer, strict=True)]
        rewards.append(sum(values) / len(values))
        return values

    ours = addition.SETTINGS
    steps = options.steps or (ours["steps"] if options.like_ours else 400)
    settings: dict[str, Any] = {"num_generations": 16, "learning_rate": 5e-5, "lr_scheduler_type": "constant"}
    if options.like_ours:
        settings = {
            "num_generations": ours["rollout"]["group"],
            "temperature": ours["rollout"]["temperature"],
            "learning_rate": ours["optimizer"]["learning_rate"],
            "lr_scheduler_type": ours["optimizer"]["schedule"],
        }
    curve: list[dict[str, Any]] = []

    class Evaluate(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if state.global_step % 25 == 0:
                accuracy = tasks.greedy_accuracy(model, tokenizer, held_out)
                model.train()
                recent = rewards[-25:]
                row = {"step": state.global_step, "right": accuracy, "train_reward": sum(recent) / len(recent)}
                curve.append(row | watch.seconds())
                print(curve[-1], flush=True)

    arguments = GRPOConfig(
        output_dir=str(options.out / "trl"), per_device_train_batch_size=256, max_completion_length=5, max_steps=steps,
        logging_steps=1000, report_to="none", save_strategy="no", bf16=False, use_cpu=True,
        gradient_checkpointing=False, seed=options.seed, disable_tqdm=True, beta=0.0, loss_type="grpo",
        max_grad_norm=1.0, **settings,
    )  # fmt: skip
    trainer = GRPOTrainer(
        model=model, reward_funcs=exact, args=arguments, train_dataset=data, processing_class=tokenizer,
        callbacks=[Evaluate()],
    )  # fmt: skip
    watch = tasks.Stopwatch()
    trainer.train()
    result = {
        "seed": options.seed, "supervised": start, "grpo": watch.seconds(), "curve": curve, "settings": settings,
        "threads": torch.get_num_threads(), "torch": torch.__version__, "trl": importlib.metadata.version("trl"),
    }  # fmt: skip
    tasks.write_result(f"trl-addition{'-like-ours' if options.like_ours else ''}", result, options)


if __name__ == "__main__":
    main()
