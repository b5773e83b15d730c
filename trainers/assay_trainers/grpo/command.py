"""`assay train grpo CONFIG`: what the command line asks of this trainer.

The core finds this module through the entry point group `assay.trainers` and calls `plan` (for `--dry-run`) or `run`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from assay import Completion
from assay_trainers.grpo.config import TrainConfig, read_config
from assay_trainers.grpo.setup import problems_of, prompt_text, reward_of


def plan(source: str | Path, changes: Mapping[str, Any]) -> str:
    """The resolved configuration and what it would do, as text; nothing is trained and no weights are loaded.

    Raises what a run would raise: a mistake in the configuration, in the data or in the reward.
    """
    import yaml

    config = read_config(source, changes)
    problems = problems_of(config)
    reward = reward_of(config)
    first = problems[0]
    probe = Completion(text=f"\\boxed{{{first.reference}}}", num_tokens=1)
    (result,) = reward.score([first], [probe])
    parts = ", ".join(f"{name} {value}" for name, value in result.parts.items())
    rollout = config.rollout
    per_step = rollout.prompts * rollout.group
    cap = per_step * rollout.max_tokens
    lines = [
        yaml.safe_dump(config.as_dict(), sort_keys=False, allow_unicode=True).rstrip(),
        "",
        f"problems            {len(problems)}, {config.steps * rollout.prompts / len(problems):.1f} epochs",
        f"completions a step  {rollout.prompts} problems × {rollout.group} = {per_step}",
        f"tokens at most      {cap:,} a step, {config.steps * cap:,} in all",
        f"optimizer updates   {config.steps * config.optimizer.updates * config.optimizer.epochs}",
        *_memory(config),
        "first prompt        " + repr(_rendered(config, first)),
        f"a boxed reference   earns {result.total} ({parts})",
    ]
    return "\n".join(lines)


def run(source: str | Path, changes: Mapping[str, Any], show: Callable[[str], None]) -> bool:
    """Train; returns whether the run came to its end (False: it was asked to stop).

    Args:
        source: The YAML file.
        changes: Dotted fields over it.
        show: Takes a line for the person who watches.
    """
    from assay_trainers.grpo.trainer import train

    config = read_config(source, changes)

    def on_step(step: int, metrics: dict[str, Any], _model: Any) -> None:
        values = {name: metrics.get(name) for name in ("reward", "kl", "entropy", "truncation", "equal_groups")}
        shown = "  ".join(f"{name} {value:.3f}" for name, value in values.items() if value is not None)
        show(
            f"step {step}/{config.steps}  {shown}  {metrics['seconds']:.1f} s, {metrics['tokens_per_second']:.0f} tok/s"
        )

    result = train(config, on_step=on_step)
    show(f"{'done' if result.finished else 'stopped'} after step {result.steps}: {result.model}")
    return result.finished


def _rendered(config: TrainConfig, problem: Any) -> str:
    from assay_trainers.common.models import load_tokenizer
    from assay_trainers.grpo.rollouts import PromptEncoder

    tokenizer = load_tokenizer(config.model)
    return PromptEncoder(tokenizer, prefill=config.data.prefill).render(prompt_text(config, problem))


def _memory(config: TrainConfig) -> list[str]:
    """Bytes that the parameters cost, from the model's configuration alone."""
    from assay_trainers.common.models import parameters_of

    shape = parameters_of(config.model)
    if shape is None:
        return []
    # float32: weights 4, gradient 4, AdamW's two moments 8; the reference policy another 4.
    per_parameter = 16 + (4 if config.loss.beta else 0)
    gibibytes = shape.parameters * per_parameter / 2**30
    return [f"parameters          {shape.parameters:,}: {gibibytes:.2f} GiB with gradient, AdamW and reference"]
