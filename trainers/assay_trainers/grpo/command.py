"""`assay train grpo CONFIG`: what the command line asks of this trainer.

The core finds this module through the entry point group `assay.trainers` and calls `plan` (for `--dry-run`) or `run`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay import Benchmark, Completion, Problem, Reward
from assay_trainers.common.logs import plan_of
from assay_trainers.grpo.config import TrainConfig, read_config
from assay_trainers.grpo.held_out import held_out
from assay_trainers.grpo.progress import StepLine
from assay_trainers.grpo.setup import problems_of, prompt_text, reward_of
from assay_trainers.grpo.trackers import check_installed

if TYPE_CHECKING:
    from assay_trainers.common.memory import Part, Split
    from assay_trainers.common.models import Shape

_LOOKED_AT = 256
"""Problems whose prompts are rendered for the estimate of memory."""


def plan(source: str | Path, changes: Mapping[str, Any]) -> str:
    """The resolved configuration and what it would do, as text; nothing is trained and no weights are loaded.

    Raises what a run would raise: a mistake in the configuration, in the data or in the reward.
    """
    config = read_config(source, changes)
    problems = problems_of(config)
    reward = reward_of(config)
    first = problems[0]
    benchmarks = held_out(config)
    check_installed(config.logging)
    encoder = _encoder(config)
    rollout = config.rollout
    per_step = rollout.prompts * rollout.group
    cap = per_step * rollout.max_tokens
    lines = [
        f"problems            {len(problems)}, {config.steps * rollout.prompts / len(problems):.1f} epochs",
        f"completions a step  {rollout.prompts} problems × {rollout.group} = {per_step}",
        f"tokens at most      {cap:,} a step, {config.steps * cap:,} in all",
        f"optimizer updates   {config.steps * config.optimizer.updates * config.optimizer.epochs}",
        *_memory(config, encoder, problems),
        "first prompt        " + repr(encoder.render(prompt_text(config, first))),
        *_samples(reward, first),
        *_watched(config, benchmarks),
    ]
    return plan_of(config.as_dict(), lines)


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


def _encoder(config: TrainConfig) -> Any:
    from assay_trainers.common.models import load_tokenizer
    from assay_trainers.grpo.rollouts import PromptEncoder

    return PromptEncoder(load_tokenizer(config.model), prefill=config.data.prefill)


def _memory(config: TrainConfig, encoder: Any, problems: Sequence[Problem]) -> list[str]:
    """An estimate from the model's configuration and the longest of some prompts."""
    from assay_trainers.common.memory import describe, split_of_launch
    from assay_trainers.common.models import parameters_of

    shape = parameters_of(config.model)
    if shape is None:
        return ["memory              not estimated for a GGUF file"]
    split = split_of_launch()
    looked_at = problems[:_LOOKED_AT]
    longest = max(len(encoder.encode(problem, prompt_text(config, problem)).token_ids) for problem in looked_at)
    return describe(memory_parts(config, shape, longest, split), split)


def memory_parts(config: TrainConfig, shape: Shape, prompt: int, split: Split) -> list[Part]:
    """What a process of a run needs, if its prompts have so many tokens and every completion hits the cap."""
    import torch

    from assay_trainers.common.memory import Part, drawing_parts, fixed_parts, learning_parts, pass_tokens
    from assay_trainers.grpo.rollouts import decoded_at_a_time

    rollout, sharded = config.rollout, split.weights > 1
    cpu = config.device == "cpu" or not torch.cuda.is_available()
    length = prompt + rollout.max_tokens
    rows = -(-rollout.prompts // split.processes) * rollout.group
    tokens = min(max(pass_tokens(config, shape, cpu=cpu), length), rows * length)
    bytes_of = {"float32": 4, "bfloat16": 2}
    parts = [
        *fixed_parts(
            shape,
            split,
            rank=config.lora.rank,
            dtype=config.dtype,
            reference=bool(config.loss.beta) and not config.lora.rank,
        ),
        *learning_parts(
            shape,
            tokens=tokens,
            learned=tokens * rollout.max_tokens // length,
            dtype=config.dtype,
            recomputed=config.gradient_checkpointing,
            sharded=sharded,
        ),
    ]
    if rollout.engine == "transformers":
        if apart := sharded or rollout.overlap:
            size = float(bytes_of[config.dtype] * shape.parameters)
            parts.append(Part(name="weights to sample from", size=size))
        # Laid out anew for every step's completions: on a CPU always, on a GPU where they are to be lighter.
        lighter = bytes_of[rollout.precision] if cpu or rollout.precision == "bfloat16" else 0
        parts += drawing_parts(
            shape,
            rows=min(rows, rollout.batch_size or decoded_at_a_time(cpu=cpu)),
            columns=length,
            copy_bytes=lighter,
            cache_bytes=4 if cpu else bytes_of[config.dtype if apart else rollout.precision],
        )
    return parts
