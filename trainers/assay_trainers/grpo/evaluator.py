"""Evaluation every so many steps, by `assay.evaluate` and on the weights of now.

Each evaluation is an ordinary run under OUTPUT/evaluations/step-000050, so `assay report OUTPUT/evaluations` is the
curve. A row in evaluations.jsonl keeps its numbers, named `eval/<benchmark>/<metric>`:

    eval/aime24/pass@1   eval/aime24/cons@64   eval/aime24/length (mean tokens)   eval/aime24/truncated   …

One that was cut short goes on where it stopped, and one that is complete is not made twice.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from assay import AssayError, Problem, RunResult, evaluate, load_result
from assay_trainers.common.logs import append_line, cut_log
from assay_trainers.common.world import World
from assay_trainers.grpo.alarms import Alarm, find_alarms
from assay_trainers.grpo.config import TrainConfig
from assay_trainers.grpo.hacking import HackingWatch
from assay_trainers.grpo.held_out import held_out, shared_prompts
from assay_trainers.grpo.policy_backend import PolicyBackend

_log = logging.getLogger("assay.trainers")
_RATES = {"length": "mean_tokens", "truncated": "truncated", "no_answer": "no_answer", "repetitive": "repetitive"}
_OVERRIDES = ("limit", "temperature", "top_p", "max_tokens", "template", "prefill")


class Evaluator:
    """A run's evaluations. Every process has one; the main one writes.

    Args:
        config: The run's.
        problems: What it trains on: a held-out problem among them is said.
        world: Its processes.
        backend: The policy of now as a backend; takes the step.

    Raises what `held_out` raises.
    """

    def __init__(
        self,
        config: TrainConfig,
        problems: Sequence[Problem],
        world: World,
        backend: Callable[[int], PolicyBackend],
    ) -> None:
        self._config, self._settings, self._world, self._backend = config, config.evaluation, world, backend
        self._output = Path(config.output)
        self._benchmarks = held_out(config)
        self._done: dict[int, dict[str, Any]] = {}
        self._watch = HackingWatch(config.alarms)
        if world.is_main:
            for name, count in shared_prompts(problems, [each for each, _ in self._benchmarks]).items():
                _log.warning(
                    "%d problems of %s are among those trained on: its score is no held-out score", count, name
                )

    @property
    def log(self) -> Path:
        """A row for each evaluation."""
        return self._output / "evaluations.jsonl"

    def resume(self, step: int) -> None:
        """Forget what came after a step, and read what came before."""
        if not self._world.is_main:
            return
        cut_log(self.log, step)
        for row in _rows(self._output / "metrics.jsonl"):
            self._watch.reward(row["step"], row.get("reward"))
        for row in _rows(self.log):
            self._done[row["step"]] = row
            for name, folder in row.get("runs", {}).items():
                try:
                    self._remember(row["step"], name, load_result(self._output / folder))
                except AssayError as error:
                    _log.warning("an earlier evaluation cannot be read: %s", error)

    def due(self, step: int) -> bool:
        """Whether the policy is evaluated after this step (0: before the first)."""
        settings = self._settings
        if not self._benchmarks or not settings.every:
            return False
        return settings.at_start if step == 0 else step % settings.every == 0 or step == self._config.steps

    def after(self, step: int, reward: float | None = None) -> dict[str, Any]:
        """Evaluate if it is due and not done yet; to be called by all processes together.

        Args:
            step: The step that has been done.
            reward: Its mean reward.

        Returns:
            The row of evaluations.jsonl; empty where nothing was due.

        Raises:
            StopRequestedError: The run was asked to stop meanwhile; the same call goes on later.
        """
        self._watch.reward(step, reward)
        missing = self._world.broadcast(self.due(step) and step not in self._done if self._world.is_main else None)
        if not missing:
            return {}
        started = time.perf_counter()
        backend = self._backend(step)
        if not self._world.is_main:
            backend.serve()
            return {}
        row: dict[str, Any] = {"step": step}
        runs = {}
        alarms: list[Alarm] = []
        try:
            for result in self._evaluate(backend):
                name = result.manifest["benchmark"]
                row |= named(result)
                runs[name] = os.path.relpath(result.path, self._output.resolve())
                self._remember(step, name, result)
                alarms += find_alarms({"verifier_errors": _errors(result)}, self._config.alarms)
        finally:
            backend.dismiss()
        alarms += self._watch.alarms()
        for alarm in alarms:
            _log.warning("evaluation after step %d: %s: %s", step, alarm.name, alarm.message)
        row |= {"runs": runs, "seconds": time.perf_counter() - started}
        row |= {"alarms": [alarm.name for alarm in alarms], "messages": [alarm.message for alarm in alarms]}
        append_line(self.log, row)
        self._done[step] = row
        return row

    def last(self) -> dict[str, Any]:
        """The row of the last evaluation; empty before the first."""
        return self._done[max(self._done)] if self._done else {}

    def _evaluate(self, backend: PolicyBackend) -> list[RunResult]:
        settings = {name: value for name in _OVERRIDES if (value := getattr(self._settings, name)) is not None}
        out = (self._output / "evaluations").resolve()
        results = []
        for benchmark, samples in self._benchmarks:
            results += evaluate(backend, benchmark, out=out, samples=samples, **settings)
        return results

    def _remember(self, step: int, benchmark: str, result: RunResult) -> None:
        means = {}
        for problem, scores in result.scores().items():
            known = [score for score in scores if score is not None]
            if known:
                means[problem] = sum(known) / len(known)
        self._watch.score(step, benchmark, means)


def named(result: RunResult) -> dict[str, float]:
    """The numbers of an evaluation under their names in logs; what is not defined is left out."""
    prefix = f"eval/{result.manifest['benchmark']}"
    values: dict[str, float | None] = {}
    for name, metric in result.summary["metrics"].items():
        values |= {f"{prefix}/{name}": metric["value"], f"{prefix}/{name}/se": metric["se"]}
    values |= {f"{prefix}/{name}": result.summary["rates"][rate] for name, rate in _RATES.items()}
    return {name: value for name, value in values.items() if value is not None}


def _errors(result: RunResult) -> float | None:
    total = result.summary["num_samples"]
    return result.summary["num_errors"] / total if total else None


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
