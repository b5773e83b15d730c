"""The loop of GRPO: draw, score, learn, write down; stop when asked, and go on where it stopped.

    step:  problems → G completions each → rewards (overlapped) → advantages
           → updates × epochs of: forward and backward over micro-batches, one optimizer step
           → metrics.jsonl, logged completions, alarms, and every so often an evaluation and a checkpoint

Same seed, same result: on a CPU a run that was stopped and resumed has the very weights of one that was not.
SIGTERM ends the run at the next completion, or after the optimizer update that has begun, with a checkpoint.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from assay import AssayError, BackendError, Problem, UsageError, notify
from assay_trainers.common.adapters import add_adapter
from assay_trainers.common.batching import Row
from assay_trainers.common.checkpoints import checkpoint_folder, list_checkpoints, locked, write_best
from assay_trainers.common.logprobs import check_head
from assay_trainers.common.logs import append_line, cut_log, write_config
from assay_trainers.common.models import checkpoint_gradients, context_window, frozen_copy, load_policy, save_policy
from assay_trainers.common.order import take
from assay_trainers.common.stopping import StopRequestedError, StopTrainingError, on_sigterm
from assay_trainers.common.world import World
from assay_trainers.grpo.alarms import find_alarms
from assay_trainers.grpo.checkpoints import Pending, Progress, load_checkpoint, save_checkpoint
from assay_trainers.grpo.config import TrainConfig
from assay_trainers.grpo.engines.check import PROMPTS, check_sync
from assay_trainers.grpo.engines.opening import open_engine, twin_of
from assay_trainers.grpo.losses import Totals
from assay_trainers.grpo.observers import Observers
from assay_trainers.grpo.pending import Learning, unpack_learning, unpack_rollouts
from assay_trainers.grpo.policy_backend import PolicyBackend, weights_fingerprint
from assay_trainers.grpo.rewarding import Scorer
from assay_trainers.grpo.rollouts import Prompt, PromptEncoder, RolloutEngine
from assay_trainers.grpo.setup import problems_of, prompt_text, reward_of
from assay_trainers.grpo.update import Learner, UpdateStats
from assay_trainers.grpo.window import deal, draw_round, draw_window, sampling_of, summarise

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
        model, self.tokenizer = load_policy(config.model, device=world.loading_device)
        check_head(model)
        twin = twin_of(model, config, world) if engine is None else None
        if config.lora.rank:
            if config.dtype == "bfloat16":
                model = model.to(torch.bfloat16)  # frozen; the adapter stays float32
            model = add_adapter(model, config.lora)
        if config.gradient_checkpointing:
            checkpoint_gradients(model)
        copied = config.loss.beta and not config.lora.rank
        self.learner = Learner(model, frozen_copy(model) if copied else None, config, world)
        window = context_window(model)
        limit = None if window is None else window - config.rollout.max_tokens
        if limit is not None and limit < 1:
            raise UsageError(
                f"rollout.max_tokens is {config.rollout.max_tokens}, and the model's context window of {window} tokens "
                "must hold the prompt as well"
            )
        self.encoder = PromptEncoder(self.tokenizer, prefill=config.data.prefill, limit=limit)
        self.progress = Progress()
        self.pending = Pending()
        self.observers = Observers(config, problems, reward, world, self._backend)
        self._synced: dict[str, float] = {}
        self._stop = threading.Event()
        self._messages: dict[str, str] = {}
        self.engine = engine or open_engine(model, twin, self.tokenizer, config, world)

    def run(self, on_step: StepListener | None = None) -> TrainResult:
        """Resume, and go on to the last step, while holding the output folder."""
        holding = locked(self.output) if self.world.is_main else nullcontext()
        with closing(self.engine), holding, on_sigterm(self._stop):
            try:
                self._resume()
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
                save_policy(self.learner.model, self.tokenizer, folder, write=self.world.is_main)
                self.world.barrier()
        return TrainResult(steps=self.progress.step, finished=finished, model=folder)

    def _advance(self, on_step: StepListener | None) -> bool:
        """One step, written down. False where the run was asked to stop; raises where an alarm ends it."""
        updates = self.learner.updates
        try:
            metrics = self.step()
        except StopRequestedError:
            return False
        except BackendError:
            # The sampler is gone. Where there are several processes the others wait for this one: nothing to save with.
            if self.learner.updates == updates and self.world.size == 1:
                self._save()
            raise
        except StopTrainingError:
            if self.learner.updates == updates:  # else the weights are those of no step
                self.pending = Pending()  # what was found bad is not for the run that goes on
                self._save()
            raise
        if self.world.is_main:
            append_line(self.output / "metrics.jsonl", metrics)
        try:
            self._sync()
        except (BackendError, StopTrainingError):
            self._save()
            raise
        try:
            evaluation = self.observers.after(self.progress.step, metrics)
        except BackendError:
            if self.world.size == 1:
                self._save()
            raise
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
        self._keep_best(seen)
        return not self._asked_to_stop()

    def step(self) -> dict[str, Any]:
        """One step: draw, score, learn. Returns its metrics.

        Raises `StopRequestedError` where the run was asked to stop before the last update of the step.
        """
        config, progress, started = self.config, self.progress, time.perf_counter()
        number = progress.step + 1
        learning = self.pending.learning or self._draw(number)
        drawn = time.perf_counter()
        with self._drawing_ahead(number + 1, progress.cursor + learning.drawn):
            learned = self._learn(learning)
        self.pending.learning = None
        metrics = learning.metrics | learned
        metrics["alarms"] = [*learning.alarms, *self._alarms({"kl": learned["kl"]})]
        progress.step, progress.cursor = number, progress.cursor + learning.drawn
        if config.refresh_reference_every and number % config.refresh_reference_every == 0:
            self.learner.refresh_reference()
            progress.reference_step = number
        done = time.perf_counter()
        metrics |= {
            "cursor": progress.cursor,
            "seconds": done - started,
            "seconds/rollout": drawn - started,
            "seconds/learn": done - drawn,
            "tokens_per_second": metrics["generated_tokens"] / (done - started),
        }
        return metrics

    def _draw(self, number: int) -> Learning:
        """The completions of a step, scored; what was drawn ahead comes first."""
        started = time.perf_counter()
        window = draw_window(
            number,
            lambda count, offset: take(self.problems, count, self.progress.cursor + offset, self.config.seed),
            encode=self.encode,
            engine=self.engine,
            reward=self.reward,
            config=self.config,
            world=self.world,
            # With several processes they must all agree, so only the end of an update asks.
            should_stop=self._stop.is_set if self.world.size == 1 else lambda: False,
            first=self.pending.ahead,
        )
        self.pending.ahead = None
        metrics = {"step": number, **summarise(window), **self._synced}
        metrics |= {
            "seconds/generate": window.generating,
            "seconds/reward": time.perf_counter() - started - window.generating,
        }
        self.observers.drawn(number, window.samples)
        alarms = self._alarms(metrics)
        self._stop_on(alarms)
        return Learning(
            batches=window.batches, totals=window.totals, metrics=metrics, alarms=alarms, drawn=window.drawn
        )

    @contextmanager
    def _drawing_ahead(self, number: int, cursor: int) -> Iterator[None]:
        """With `rollout.overlap`, draw the first round of a step in a thread while the context lasts.

        The engine holds the weights of the last `sync`, and nothing changes them meanwhile. A request to stop waits
        for the round: its weights are not in the checkpoint, so it could not be drawn again.
        """
        config = self.config
        if not config.rollout.overlap or number > config.steps or self.pending.ahead is not None:
            yield
            return
        problems = take(self.problems, config.rollout.prompts, cursor, config.seed)
        prompts = deal(number, enumerate(problems), encode=self.encode, world=self.world)
        with ThreadPoolExecutor(1, thread_name_prefix="assay-ahead") as thread:
            drawing = thread.submit(
                draw_round, prompts, engine=self.engine, reward=self.reward, config=config, world=self.world
            )
            try:
                yield
            finally:
                try:
                    self.pending.ahead = drawing.result().scored
                except BackendError as error:  # said again when the next step cannot be drawn, after this one is saved
                    _log.warning("step %d could not be drawn ahead: %s", number, error)

    def _sync(self) -> None:
        """Give the engine the weights of now, and look whether it has them.

        Raises `StopTrainingError` where it does not, `BackendError` where it is gone.
        """
        self.engine.sync()
        if not self.engine.holds_weights:
            return
        problems = take(self.problems, PROMPTS * self.world.size, 0, self.config.seed)
        prompts = deal(0, enumerate(problems), encode=self.encode, world=self.world)
        with self.world.autocast():
            found = check_sync(self.engine, prompts, sampling_of(self.config), self.learner.log_probs)
        mean = max(self.world.gather([found.mean]))
        limit = self.config.alarms.mismatch
        if not mean <= limit:
            raise StopTrainingError(
                f"after the weights were handed over, sampler and trainer disagree by {mean:.3g} nats a token (limit "
                f"alarms.mismatch = {limit:g}): the sampler does not have the weights that are trained, or samples at "
                "another temperature or precision"
            )
        self._synced = {"sync_mismatch": mean}

    def encode(self, problem: Problem, key: str) -> Prompt:
        """A problem as the policy sees it."""
        return self.encoder.encode(problem, prompt_text(self.config, problem), key=key)

    def _learn(self, learning: Learning) -> dict[str, Any]:
        """What is left of the updates of a step.

        Raises `StopRequestedError` between two of them, with the rest in `pending`.
        """
        settings = self.config.optimizer
        count, optimizing = settings.updates * settings.epochs, 0.0
        if not learning.prepared:
            self.learner.prepare([row for batch in learning.batches for row in batch], keep_old=count > 1)
            learning.rate, learning.prepared = self.learner.learning_rate(), True
        stats = learning.stats
        while learning.done < count:
            place = learning.done % settings.updates
            if learning.totals[place].rows:
                found = self._accumulate(learning.batches[place], learning.totals[place])
                if not self.config.rollout.overlap:  # there it is what the last step moved; `_sync` finds stale weights
                    self._stop_on(self._alarms({"mismatch": found.mean("mismatch", "compared")}))
                started = time.perf_counter()
                learning.norms.append(self.learner.apply(idle=found.sums["rows"] == found.sums["skipped"]))
                optimizing += time.perf_counter() - started
                stats.add(**found.sums)
                stats.mismatch_max = max(stats.mismatch_max, found.mismatch_max)
            learning.done += 1
            if learning.done < count and self._asked_to_stop():
                self.pending.learning = learning
                raise StopRequestedError
        return {
            "loss": stats.sums["loss"] / max(1, len(learning.norms)),
            "grad_norm": max(learning.norms, default=0.0),
            "entropy": stats.mean("entropy"),
            "kl": stats.mean("kl") if self.config.loss.beta else None,
            "clip_fraction": stats.mean("clipped"),
            "mismatch": stats.mean("mismatch", "compared"),
            "mismatch_max": stats.mismatch_max,
            "skipped_rows": stats.mean("skipped", "rows"),
            "learning_rate": learning.rate,
            "seconds/forward": stats.sums["forward"] / self.world.size,
            "seconds/backward": stats.sums["backward"] / self.world.size,
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
        found = list_checkpoints(self.output)
        if found:
            self.progress, packed = load_checkpoint(found[-1], self.learner, config_hash=self.config.hash)
            by_id = {problem.id: problem for problem in self.problems}
            self.pending = Pending(
                learning=unpack_learning(packed["learning"], self.world),
                ahead=unpack_rollouts(packed["ahead"], by_id, self.encode, self.world),
            )
            _log.info("going on from %s", found[-1])
        if found or self.engine.holds_weights:
            self._sync()
        if self.world.is_main:
            cut_log(self.output / "metrics.jsonl", self.progress.step)
            write_config(self.output / "config.yaml", self.config.as_dict())

    def _keep_best(self, metrics: dict[str, Any]) -> None:
        """Save the step, and remember it, where the metric that `checkpoints.best` names is better than ever."""
        name, progress = self.config.checkpoints.best, self.progress
        value = self.world.broadcast(metrics.get(name)) if name else None  # the main process evaluates
        if value is None or (progress.best_value is not None and value <= progress.best_value):
            return
        progress.best_step, progress.best_value = progress.step, float(value)
        folder = self._save()
        if self.world.is_main:
            write_best(folder, {"step": progress.step, "metric": name, "value": progress.best_value})

    def _save(self) -> Path:
        """Write a checkpoint; one of this very step, if there is one, stays as it is."""
        done = self.pending.learning.done if self.pending.learning is not None else 0
        folder = checkpoint_folder(self.output, self.progress.step, done)
        if folder in list_checkpoints(self.output):
            return folder
        return save_checkpoint(
            self.output,
            self.progress,
            self.learner,
            self.tokenizer,
            pending=self.pending,
            config_hash=self.config.hash,
            keep=self.config.checkpoints.keep,
        )

    def _asked_to_stop(self) -> bool:
        return any(self.world.gather([self._stop.is_set()]))
