"""The loop of supervised fine-tuning: take rows, learn, write down; stop when asked, and go on where it stopped.

Same seed, same result: on a CPU a run that was stopped and resumed has the very weights of one that was not.
SIGTERM ends the run at the next micro-batch (with several processes: the next step), with a checkpoint.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from assay import DataError, UsageError, notify
from assay_trainers.common.adapters import add_adapter
from assay_trainers.common.checkpoints import (
    checkpoint_folder,
    list_checkpoints,
    load_checkpoint,
    locked,
    save_checkpoint,
)
from assay_trainers.common.logprobs import check_head
from assay_trainers.common.logs import append_line, cut_log, write_config
from assay_trainers.common.models import checkpoint_gradients, context_window, load_policy, save_policy
from assay_trainers.common.order import take
from assay_trainers.common.stopping import StopRequestedError, StopTrainingError, on_sigterm
from assay_trainers.common.world import World
from assay_trainers.sft.config import DataConfig, SftConfig
from assay_trainers.sft.data import read_examples
from assay_trainers.sft.encoding import Encoded, Encoder, SftRow
from assay_trainers.sft.learner import Learner
from assay_trainers.sft.loss import check_packing

_log = logging.getLogger("assay.trainers")

StepListener = Callable[[int, int, dict[str, Any]], None]
"""(step, steps in all, its metrics): called on the main process after every step."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SftResult:
    """How a run ended."""

    steps: int
    """Steps done, over all its parts."""
    finished: bool
    """False: it was asked to stop."""
    model: Path
    """A Hugging Face folder: the final model, or the last checkpoint."""


def train(config: SftConfig, *, on_step: StepListener | None = None) -> SftResult:
    """Run a configuration to its end, going on from the last checkpoint in its output folder.

    Raises:
        UsageError: Something asked for does not exist or contradicts itself.
        DataError: The rows cannot be read or taught.
        StoreError: The output folder is in use, full, or holds a run with another configuration.
        StopTrainingError: A gradient that is not finite.
    """
    return Trainer(config, World(cpu=config.device == "cpu", dtype=config.dtype)).run(on_step)


class Trainer:
    """A run's parts, put together. Use `train` unless you write a test."""

    def __init__(self, config: SftConfig, world: World) -> None:
        torch.manual_seed(config.seed)
        self.config, self.world = config, world
        self.output = Path(config.output)
        model, self.tokenizer = load_policy(config.model, device=world.loading_device)
        set_chat_template(self.tokenizer, config.data)
        if config.attention is not None:
            model.set_attn_implementation(config.attention)
        check_head(model)
        if config.layout == "packed":
            check_packing(model)
        if config.gradient_checkpointing:
            checkpoint_gradients(model)
        data = capped(config.data, context_window(model))
        encoder = Encoder(self.tokenizer, data)
        encoded = encoder.encode(read_examples(data))
        self.held_out, self.rows = split(encoded, config)
        _say_what_fell(encoded, data)
        end_with(model, encoder.end_of_turn)
        if config.lora.rank:
            model = add_adapter(model, config.lora)
        self.steps = config.total_steps(len(self.rows))
        self.learner = Learner(model, self.config, self.steps, world)
        self.step_number = 0
        self._stop = threading.Event()

    def run(self, on_step: StepListener | None = None) -> SftResult:
        """Resume, and go on to the last step, while holding the output folder."""
        with locked(self.output) if self.world.is_main else nullcontext(), on_sigterm(self._stop):
            self._resume()
            if self.step_number == 0:
                self._write({"step": 0})
            while self.step_number < self.steps and self._advance(on_step):
                if self.step_number % self.config.checkpoints.every == 0:
                    self._save()
            folder = self._save()
            finished = self.step_number == self.steps
            if finished:
                folder = self.output / "final"
                save_policy(self.learner.model, self.tokenizer, folder, write=self.world.is_main)
                self.world.barrier()
        return SftResult(steps=self.step_number, finished=finished, model=folder)

    def _advance(self, on_step: StepListener | None) -> bool:
        """One step, written down. False where the run was asked to stop."""
        started = time.perf_counter()
        rows = take(self.rows, self.config.rows, self.step_number * self.config.rows, self.config.seed)
        try:
            # With several processes they must all agree, so only the end of a step asks.
            learned = self.learner.learn(rows, self._stop.is_set if self.world.size == 1 else lambda: False)
        except StopRequestedError:
            return False
        except StopTrainingError:
            self._save()
            raise
        self.step_number += 1
        seconds = time.perf_counter() - started
        tokens = sum(row.length for row in rows)
        metrics: dict[str, Any] = {
            "step": self.step_number,
            "epoch": self.step_number * self.config.rows / len(self.rows),
            **learned,
            "tokens": tokens,
            "learned_tokens": sum(row.learned for row in rows),
            "padding": 1.0 - tokens / learned["computed_tokens"],
            "seconds": seconds,
            "tokens_per_second": tokens / seconds,
        }
        self._write(metrics)
        if self.world.is_main and on_step is not None:
            on_step(self.step_number, self.steps, metrics)
        return not any(self.world.gather([self._stop.is_set()]))

    def _write(self, metrics: dict[str, Any]) -> None:
        """Write a step's metrics down, with the loss on held-out rows where it is due."""
        number = metrics["step"]
        due = number % self.config.validate_every == 0 or number == self.steps
        if self.held_out and due:
            metrics["validation_loss"] = self.learner.loss_of(self.held_out)
        if self.world.is_main and (number or self.held_out):
            append_line(self.output / "metrics.jsonl", metrics)
            notify("training_step", step=number, metrics=metrics)

    def _resume(self) -> None:
        found = list_checkpoints(self.output)
        if found:
            state = load_checkpoint(found[-1], self.learner, needs=("step",), config_hash=self.config.hash)
            self.step_number = state["step"]
            _log.info("going on from %s", found[-1])
        if self.world.is_main:
            cut_log(self.output / "metrics.jsonl", self.step_number if found else -1)
            write_config(self.output / "config.yaml", self.config.as_dict())

    def _save(self) -> Path:
        """Write a checkpoint; one of this very step, if there is one, stays as it is."""
        folder = checkpoint_folder(self.output, self.step_number)
        if folder in list_checkpoints(self.output):
            return folder
        return save_checkpoint(
            self.output,
            self.learner,
            self.tokenizer,
            state={"step": self.step_number},
            config_hash=self.config.hash,
            keep=self.config.checkpoints.keep,
        )


def split(encoded: Encoded, config: SftConfig) -> tuple[list[SftRow], list[SftRow]]:
    """Held-out rows, drawn by the seed, and the others. Raises `DataError` where nothing is left to learn from."""
    rows = encoded.rows
    count = round(config.data.validation * len(rows))
    chosen = set(random.Random(f"{config.seed}/held out").sample(range(len(rows)), count))  # noqa: S311
    held_out = [row for place, row in enumerate(rows) if place in chosen]
    rest = [row for place, row in enumerate(rows) if place not in chosen]
    if not rest:
        raise DataError(
            f"no row is left to learn from: {encoded.dropped} were longer than data.max_tokens = "
            f"{config.data.max_tokens}, {len(held_out)} are held out"
        )
    return held_out, rest


def set_chat_template(tokenizer: Any, config: DataConfig) -> None:
    """Give the tokenizer the configured chat template. Raises `UsageError` where it cannot be read."""
    if config.chat_template is None:
        return
    try:
        tokenizer.chat_template = Path(config.chat_template).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read data.chat_template {config.chat_template}: {error}") from error


def end_with(model: Any, token: int) -> None:
    """Let generation end at the token that ends a turn: a base model's settings name another, and it would run on."""
    generation = model.generation_config
    known = generation.eos_token_id
    known = [] if known is None else [known] if isinstance(known, int) else list(known)
    if token not in known:
        generation.eos_token_id = [*known, token]


def capped(data: DataConfig, window: int | None) -> DataConfig:
    """The same data, with rows that fit the model's context."""
    return data if window is None or data.max_tokens <= window else replace(data, max_tokens=window)


def _say_what_fell(encoded: Encoded, data: DataConfig) -> None:
    if encoded.dropped or encoded.truncated:
        _log.warning(
            "%d rows are longer than data.max_tokens = %d tokens and were left out, %d were cut off (data.too_long)",
            encoded.dropped, data.max_tokens, encoded.truncated,
        )  # fmt: skip
