"""Everything that watches a run: evaluations, logged completions, trackers, the figure. It changes nothing in the run.

The loop calls `begin` once, `drawn` when a step's completions are scored, `after` when it is learned, and `close`.
`begin` and `after` are for all processes together, since evaluations are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from assay import Problem
from assay_trainers.common.stopping import StopRequestedError
from assay_trainers.common.world import World
from assay_trainers.grpo.config import TrainConfig
from assay_trainers.grpo.curves import can_draw, draw_run
from assay_trainers.grpo.evaluator import Evaluator
from assay_trainers.grpo.policy_backend import PolicyBackend
from assay_trainers.grpo.rewarding import Rewarded, Scorer
from assay_trainers.grpo.rollout_log import RolloutLog
from assay_trainers.grpo.trackers import Trackers, check_installed


class Observers:
    """What a configuration asks to watch.

    Args:
        config: The run's.
        problems: What it trains on.
        reward: What it is paid by.
        world: Its processes.
        backend: The policy of now as a backend; takes the step.

    Raises `UsageError` or `DataError` for what cannot be watched, before anything is trained.
    """

    def __init__(
        self,
        config: TrainConfig,
        problems: Sequence[Problem],
        reward: Scorer,
        world: World,
        backend: Callable[[int], PolicyBackend],
    ) -> None:
        self._config, self._world = config, world
        check_installed(config.logging)
        self._evaluator = Evaluator(config, problems, world, backend)
        self._rollouts = RolloutLog(config, problems, reward)
        self._trackers: Trackers | None = None

    def begin(self, step: int) -> dict[str, Any]:
        """Go on from a step: evaluate if that is due and was not finished. Returns what `after` does."""
        self._evaluator.resume(step)
        if self._world.is_main:
            self._trackers = Trackers(self._config, step)
        return self._evaluate(step, None)

    def drawn(self, step: int, samples: Sequence[Rewarded]) -> None:
        """Log some of this process's completions of a step."""
        if self._world.is_main:
            self._rollouts.record(step, samples[: self._config.log_samples])

    def after(self, step: int, metrics: dict[str, Any]) -> dict[str, Any]:
        """Take in a step that is learned and written down.

        Returns:
            The row of the evaluation after it (`eval/…`, `alarms`, `messages`); empty where none was made.
        """
        if self._trackers is not None:
            self._trackers.log(step, metrics)
        return self._evaluate(step, metrics["reward"])

    def close(self) -> None:
        """Seal and flush. Safe to call twice."""
        self._rollouts.close()
        if self._trackers is not None:
            self._trackers.close()
            self._trackers = None
            self._draw()

    def _evaluate(self, step: int, reward: float | None) -> dict[str, Any]:
        try:
            row = self._evaluator.after(step, reward)
        except StopRequestedError:
            return {}  # it goes on where it stopped when the run does
        if row and self._trackers is not None:
            self._trackers.log(step, row)
            self._draw()
        return row

    def _draw(self) -> None:
        if self._config.logging.figure and can_draw():
            draw_run(Path(self._config.output))
