"""`assay train grpo CONFIG`: what the command line asks of this trainer.

The core finds this module through the entry point group `assay.trainers` and calls `plan` (for `--dry-run`) or `run`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from assay import Benchmark, Completion, Problem, Reward
from assay_trainers.grpo.config import TrainConfig, read_config
from assay_trainers.grpo.held_out import held_out
from assay_trainers.grpo.progress import StepLine
from assay_trainers.grpo.setup import problems_of, prompt_text, reward_of
from assay_trainers.grpo.trackers import check_installed


def plan(source: str | Path, changes: Mapping[str, Any]) -> str:
    """The resolved configuration and what it would do, as text; nothing is trained and no weights are loaded.

    Raises what a run would raise: a mistake in the configuration, in the data or in the reward.
    """
    import yaml

    config = read_config(source, changes)
    problems = problems_of(config)
    reward = reward_of(config)
    first = problems[0]
    benchmarks = held_out(config)
    check_installed(config.logging)
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
        *_samples(reward, first),
        *_watched(config, benchmarks),
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

    line = StepLine(config.steps)
    result = train(config, on_step=lambda step, metrics, _: show(line.describe(step, metrics)))
    show(f"{'done' if result.finished else 'stopped'} after step {result.steps}: {result.model}")
    return result.finished


def _samples(reward: Reward, first: Problem) -> list[str]:
    """What answers of different forms to the first problem would earn: a reward that pays none of them is a mistake."""
    right = str(first.reference)
    forms = {
        "the bare reference": right,
        "a boxed reference": f"\\boxed{{{right}}}",
        "with its reasoning": f"<think>\nLet me see.\n</think>\n\n<answer>\\boxed{{{right}}}</answer>",
        "nonsense": "I do not know.",
    }
    completions = [Completion(text=text, num_tokens=len(text)) for text in forms.values()]
    lines = []
    for name, result in zip(forms, reward.score([first] * len(forms), completions), strict=True):
        parts = ", ".join(f"{part} {value}" for part, value in result.parts.items())
        lines.append(f"{name:<19} earns {result.total} ({parts})" + (f": {result.failure}" if result.failure else ""))
    return lines


def _watched(config: TrainConfig, benchmarks: list[tuple[Benchmark, int]]) -> list[str]:
    settings = config.evaluation
    times = len({*range(0, config.steps + 1, settings.every), config.steps}) - (not settings.at_start)
    lines = []
    for benchmark, samples in benchmarks:
        count = len(benchmark.problems()[: settings.limit])
        lines.append(f"held out            {benchmark.name}: {count} problems × {samples}, {times} times")
    return lines


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
