"""The loop of GRPO: draw, score, learn, write down; stop when asked, and go on where it stopped.

    step:  problems → G completions each → rewards (overlapped) → advantages
           → updates × epochs of: forward and backward over micro-batches, one optimizer step
           → metrics.jsonl, logged completions, alarms, and every so often an evaluation and a checkpoint

Same seed, same result: on a CPU a run that was stopped and resumed has the very weights of one that was not.
SIGTERM ends the run at the next completion, or after the updates that have begun, with a checkpoint.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from assay import AssayError, Problem, UsageError, notify
from assay_trainers.common.batching import Row
from assay_trainers.common.checkpoints import checkpoint_folder, list_checkpoints, locked
from assay_trainers.common.logprobs import check_head
from assay_trainers.common.logs import append_line, cut_log, write_config
from assay_trainers.common.models import checkpoint_gradients, context_window, frozen_copy, load_policy, save_policy
from assay_trainers.common.order import take
from assay_trainers.common.stopping import StopRequestedError, StopTrainingError, on_sigterm
from assay_trainers.common.world import World
from assay_trainers.grpo.alarms import find_alarms
from assay_trainers.grpo.checkpoints import Progress, load_checkpoint, save_checkpoint
from assay_trainers.grpo.config import TrainConfig
from assay_trainers.grpo.losses import Totals
from assay_trainers.grpo.observers import Observers
from assay_trainers.grpo.policy_backend import PolicyBackend, weights_fingerprint
from assay_trainers.grpo.rewarding import Scorer
from assay_trainers.grpo.rollouts import Prompt, PromptEncoder, RolloutEngine, TransformersEngine
from assay_trainers.grpo.setup import problems_of, prompt_text, reward_of
from assay_trainers.grpo.update import Learner, UpdateStats
from assay_trainers.grpo.window import Window, draw_window, summarise

_log = logging.getLogger("assay.trainers")

StepListener = Callable[[int, dict[str, Any], Any], None]
"""(step, its metrics, the policy): called on the main process after every step."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainResult:
    """How a run ended."""

    steps: int
    """Steps done, over all its parts."""
    finished: bool
    """False: it was asked to stop."""
    model: Path
    """A Hugging Face folder: the final model, or the last checkpoint."""


def train(
    config: TrainConfig,
    *,
    reward: Scorer | None = None,
    problems: Sequence[Problem] | None = None,
    on_step: StepListener | None = None,
) -> TrainResult:
    """Run a configuration to its end, going on from the last checkpoint in its output folder.

    Args:
        config: From `read_config`.
        reward: In place of the configuration's, for rewards written in Python.
        problems: In place of the configuration's data.
        on_step: Sees every step.

    Raises:
        UsageError: Something asked for does not exist or contradicts itself.
        StoreError: The output folder is in use, full, or holds a run with another configuration.
        StopTrainingError: An alarm that ends runs, or a gradient that is not finite.
    """
    world = World(cpu=config.device == "cpu", dtype=config.dtype)
    chosen = list(problems) if problems is not None else problems_of(config)
    scorer = reward if reward is not None else reward_of(config)
    return Trainer(config, chosen, scorer, world).run(on_step)


class Trainer:
    """A run's parts, put together. Use `train` unless you write a test.

    Args:
        config: Of the run.
        problems: All of them, in their fixed order.
        reward: Scores completions.
        world: The processes.
        engine: Where completions come from; the policy itself in this process if not given.
    """

    def __init__(
        self,
        config: TrainConfig,
        problems: Sequence[Problem],
        reward: Scorer,
        world: World,
        engine: RolloutEngine | None = None,
    ) -> None:
        torch.manual_seed(config.seed)
        self.config, self.problems, self.reward, self.world = config, problems, reward, world
        self.output = Path(config.output)
        model, self.tokenizer = load_policy(config.model, device=world.device)
        check_head(model)
        if config.gradient_checkpointing:
            checkpoint_gradients(model)
        self.learner = Learner(model, frozen_copy(model) if config.loss.beta else None, config, world)
        self.engine = engine or TransformersEngine(
            model, self.tokenizer, batch_size=config.rollout.batch_size, precision=config.rollout.precision
        )
        window = context_window(model)
        limit = None if window is None else window - config.rollout.max_tokens
        if limit is not None and limit < 1:
            raise UsageError(
                f"rollout.max_tokens is {config.rollout.max_tokens}, and the model's context window of {window} tokens "
                "must hold the prompt as well"
            )
        self.encoder = PromptEncoder(self.tokenizer, prefill=config.data.prefill, limit=limit)
        self.progress = Progress()
        self.observers = Observers(config, problems, reward, world, self._backend)
        self._stop = threading.Event()
        self._messages: dict[str, str] = {}

    def run(self, on_step: StepListener | None = None) -> TrainResult:
        """Resume, and go on to the last step, while holding the output folder."""
        with locked(self.output) if self.world.is_main else nullcontext(), on_sigterm(self._stop):
            self._resume()
            try:
                self._take_in(self.observers.begin(self.progress.step))
                going = not self._asked_to_stop()
                while going and self.progress.step < self.config.steps:
                    going = self._advance(on_step)
                    if going and self.progress.step % self.config.checkpoints.every == 0:
                        self._save()
            except BaseException:
                # What ended the run must be heard, not what a full disk says to closing its logs.
                with suppress(AssayError, OSError):
                    self.observers.close()
                raise
            self.observers.close()
            folder = self._save()
            finished = self.progress.step == self.config.steps
            if finished:
                folder = self.output / "final"
                if self.world.is_main:
                    save_policy(self.learner.model, self.tokenizer, folder)
                self.world.barrier()
        return TrainResult(steps=self.progress.step, finished=finished, model=folder)

    def _advance(self, on_step: StepListener | None) -> bool:
        """One step, written down. False where the run was asked to stop; raises where an alarm ends it."""
        updates = self.learner.updates
        try:
            metrics = self.step()
        except StopRequestedError:
            return False
        except StopTrainingError:
            if self.learner.updates == updates:  # else the weights are those of no step
                self._save()
            raise
        if self.world.is_main:
            append_line(self.output / "metrics.jsonl", metrics)
        evaluation = self.observers.after(self.progress.step, metrics)
        seen = metrics | {name: value for name, value in evaluation.items() if name.startswith("eval/")}
        if self.world.is_main:
            notify("training_step", step=self.progress.step, metrics=seen)
            if on_step is not None:
                on_step(self.progress.step, seen, self.learner.model)
        try:
            self._stop_on(metrics["alarms"])
            self._take_in(evaluation)
        except StopTrainingError:
            self._save()
            raise
        return not self._asked_to_stop()

    def step(self) -> dict[str, Any]:
        """One step: draw, score, learn. Returns its metrics.

        Raises `StopRequestedError` where the run was asked to stop before anything was learned.
        """
        config, progress, started = self.config, self.progress, time.perf_counter()
        number = progress.step + 1
        window = draw_window(
            number,
            lambda count, offset: take(self.problems, count, progress.cursor + offset, config.seed),
            encode=self.encode,
            engine=self.engine,
            reward=self.reward,
            config=config,
            world=self.world,
            # With several processes they must all agree, so only the end of a step asks.
            should_stop=self._stop.is_set if self.world.size == 1 else lambda: False,
        )
        drawn = time.perf_counter()
        metrics: dict[str, Any] = {"step": number, **summarise(window)}
        self.observers.drawn(number, window.samples)
        alarms = self._alarms(metrics)
        self._stop_on(alarms)
        learned = self._learn(window)
        metrics |= learned | {"alarms": [*alarms, *self._alarms({"kl": learned["kl"]})]}
        self.engine.sync()
        progress.step, progress.cursor = number, progress.cursor + window.drawn
        if config.refresh_reference_every and number % config.refresh_reference_every == 0:
            self.learner.refresh_reference()
            progress.reference_step = number
        done = time.perf_counter()
        metrics |= {
            "cursor": progress.cursor,
            "seconds": done - started,
            "seconds/rollout": drawn - started,
            "seconds/generate": window.generating,
            "seconds/reward": drawn - started - window.generating,
            "seconds/learn": done - drawn,
            "tokens_per_second": metrics["generated_tokens"] / (done - started),
        }
        return metrics

    def encode(self, problem: Problem, key: str) -> Prompt:
        """A problem as the policy sees it."""
        return self.encoder.encode(problem, prompt_text(self.config, problem), key=key)

    def _learn(self, window: Window) -> dict[str, Any]:
        """All updates of a step."""
        settings = self.config.optimizer
        several = settings.updates * settings.epochs > 1
        self.learner.prepare([row for batch in window.batches for row in batch], keep_old=several)
        total, norms, largest, optimizing = UpdateStats(), [], 0.0, 0.0
        rate = self.learner.learning_rate()
        for _ in range(settings.epochs):
            for rows, totals in zip(window.batches, window.totals, strict=True):
                if totals.rows:
                    stats = self._accumulate(rows, totals)
                    self._stop_on(self._alarms({"mismatch": stats.mean("mismatch", "compared")}))
                    started = time.perf_counter()
                    norms.append(self.learner.apply(idle=stats.sums["rows"] == stats.sums["skipped"]))
                    optimizing += time.perf_counter() - started
                    total.add(**stats.sums)
                    largest = max(largest, stats.mismatch_max)
        kl = total.mean("kl") if self.config.loss.beta else None
        return {
            "loss": total.sums["loss"] / max(1, len(norms)),
            "grad_norm": max(norms, default=0.0),
            "entropy": total.mean("entropy"),
            "kl": kl,
            "clip_fraction": total.mean("clipped"),
            "mismatch": total.mean("mismatch", "compared"),
            "mismatch_max": largest,
            "skipped_rows": total.mean("skipped", "rows"),
            "learning_rate": rate,
            "seconds/forward": total.sums["forward"] / self.world.size,
            "seconds/backward": total.sums["backward"] / self.world.size,
            "seconds/optimizer": optimizing,
        }

    def _accumulate(self, rows: list[Row], totals: Totals) -> UpdateStats:
        stats = self.learner.accumulate(rows, totals)
        stats.sums = self.world.sums(stats.sums)
        return stats

    def _alarms(self, metrics: dict[str, Any]) -> list[str]:
        """Log the alarms of some metrics; returns their names."""
        found = list(find_alarms(metrics, self.config.alarms))
        for alarm in found:
            if self.world.is_main:
                _log.warning("step %d: %s: %s", self.progress.step + 1, alarm.name, alarm.message)
            self._messages[alarm.name] = alarm.message
        return [alarm.name for alarm in found]

    def _stop_on(self, alarms: Sequence[str]) -> None:
        for name in alarms:
            if name in self.config.alarms.stop_on:
                raise StopTrainingError(f"stopped by the alarm {name}: {self._messages[name]}")

    def _take_in(self, evaluation: dict[str, Any]) -> None:
        """Stop where an evaluation raised an alarm that ends runs."""
        alarms = self.world.broadcast(evaluation.get("alarms", ()))
        self._messages |= zip(alarms, self.world.broadcast(evaluation.get("messages", ())), strict=True)
        self._stop_on(alarms)

    def _backend(self, step: int) -> PolicyBackend:
        """The policy of now as a backend, for evaluations."""
        model = self.learner.model
        return PolicyBackend(
            self.engine,
            self.tokenizer,
            self.world,
            url=f"policy:{self.output.name}/step-{step:06d}",
            fingerprint=weights_fingerprint(model, self.config.dtype, str(self.encoder.template)),
            context=context_window(model),
            should_stop=self._stop.is_set,
        )

    def _resume(self) -> None:
        hashed = self.config.hash
        found = list_checkpoints(self.output)
        if found:
            self.progress = load_checkpoint(found[-1], self.learner, config_hash=hashed)
            self.engine.sync()
            _log.info("going on from %s", found[-1])
        if self.world.is_main:
            cut_log(self.output / "metrics.jsonl", self.progress.step)
            write_config(self.output / "config.yaml", self.config.as_dict())

    def _save(self) -> Path:
        """Write a checkpoint; one of this very step, if there is one, stays as it is."""
        folder = checkpoint_folder(self.output, self.progress.step)
        if folder in list_checkpoints(self.output):
            return folder
        return save_checkpoint(
            self.output,
            self.progress,
            self.learner,
            self.tokenizer,
            config_hash=self.config.hash,
            keep=self.config.checkpoints.keep,
        )

    def _asked_to_stop(self) -> bool:
        return any(self.world.gather([self._stop.is_set()]))
