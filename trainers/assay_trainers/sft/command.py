"""`assay train sft CONFIG`: what the command line asks of this trainer.

The core finds this module through the entry point group `assay.trainers` and calls `plan` (for `--dry-run`) or `run`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay_trainers.common.logs import plan_of
from assay_trainers.sft.config import SftConfig, read_config

if TYPE_CHECKING:
    from assay_trainers.common.memory import Part, Split
    from assay_trainers.common.models import Shape


def plan(source: str | Path, changes: Mapping[str, Any]) -> str:
    """The resolved configuration and what it would do, as text; nothing is trained and no weights are loaded.

    Raises what a run would raise: a mistake in the configuration or in the data.
    """
    from assay_trainers.common.models import load_tokenizer, parameters_of
    from assay_trainers.sft.data import read_examples
    from assay_trainers.sft.encoding import Encoder, show_row
    from assay_trainers.sft.trainer import capped, set_chat_template, split

    config = read_config(source, changes)
    tokenizer = load_tokenizer(config.model)
    set_chat_template(tokenizer, config.data)
    shape = parameters_of(config.model)
    data = capped(config.data, shape.window if shape is not None else None)
    encoded = Encoder(tokenizer, data).encode(read_examples(data))
    held_out, rows = split(encoded, config)
    lengths = sorted(row.length for row in rows)
    tokens, learned = sum(lengths), sum(row.learned for row in rows)
    steps = config.total_steps(len(rows))
    middle, most = lengths[len(lengths) // 2], lengths[-1]
    seen = steps * config.rows / len(rows)
    lines = [
        f"rows                {len(rows)} to learn from, {len(held_out)} held out, {encoded.dropped} left out as too "
        f"long, {encoded.truncated} cut off",
        f"tokens              {tokens:,} an epoch, {learned:,} of them learned; rows of {lengths[0]} to {most}, "
        f"half up to {middle}",
        f"optimizer updates   {steps} of {config.rows} rows: {seen:.2f} epochs, {int(tokens * seen):,} tokens",
        *_memory(config, shape, [row.length for row in rows]),
        "first row           " + show_row(tokenizer, rows[0]),
    ]
    return plan_of(config.as_dict(), lines)


def run(source: str | Path, changes: Mapping[str, Any], show: Callable[[str], None]) -> bool:
    """Train; returns whether the run came to its end (False: it was asked to stop).

    Args:
        source: The YAML file.
        changes: Dotted fields over it.
        show: Takes a line for the person who watches.
    """
    from assay_trainers.sft.trainer import train

    def on_step(step: int, steps: int, metrics: dict[str, Any]) -> None:
        held_out = f"  held out {metrics['validation_loss']:.4f}" if "validation_loss" in metrics else ""
        show(
            f"step {step}/{steps}  loss {metrics['loss']:.4f}{held_out}  {metrics['seconds']:.1f} s, "
            f"{metrics['tokens_per_second']:.0f} tok/s"
        )

    result = train(read_config(source, changes), on_step=on_step)
    show(f"{'done' if result.finished else 'stopped'} after step {result.steps}: {result.model}")
    return result.finished


def _memory(config: SftConfig, shape: Shape | None, lengths: Sequence[int]) -> list[str]:
    """An estimate from the model's configuration and the rows' lengths."""
    from assay_trainers.common.memory import describe, split_of_launch

    if shape is None:
        return ["memory              not estimated for a GGUF file"]
    split = split_of_launch()
    return describe(memory_parts(config, shape, lengths, split), split)


def memory_parts(config: SftConfig, shape: Shape, lengths: Sequence[int], split: Split) -> list[Part]:
    """What a process of a run needs, for rows of such lengths."""
    import torch

    from assay_trainers.common.memory import fixed_parts, learning_parts, pass_tokens

    # The longest rows of a step lie in one micro-batch, as many as the budget allows.
    step = sorted(lengths, reverse=True)[: -(-config.rows // split.processes)]
    cpu = config.device == "cpu" or not torch.cuda.is_available()
    tokens = min(max(pass_tokens(config, shape, cpu=cpu), step[0]), sum(step))
    return [
        *fixed_parts(shape, split, rank=config.lora.rank, dtype="float32", reference=False),
        *learning_parts(
            shape,
            tokens=tokens,
            learned=tokens,
            dtype=config.dtype,
            recomputed=config.gradient_checkpointing,
            sharded=split.weights > 1,
        ),
    ]
