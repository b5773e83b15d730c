"""TensorBoard and W&B, through accelerate's trackers. metrics.jsonl is written in any case; these are for watching.

Neither package is imported unless the configuration asks for it. W&B's `offline` mode writes into the run's folder
and asks no server (`wandb sync` uploads it later).
"""

from __future__ import annotations

import hashlib
import importlib.util
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assay import UsageError
from assay_trainers.grpo.config import TrainConfig
from assay_trainers.grpo.watching import LoggingConfig


class Trackers:
    """The trackers of a run, on its main process.

    Args:
        config: Of the run.
        step: Where it goes on: what TensorBoard has of later steps is dropped.
    """

    def __init__(self, config: TrainConfig, step: int) -> None:
        self._trackers: list[Any] = []
        output = Path(config.output).resolve()
        if config.logging.tensorboard:
            from accelerate.tracking import TensorBoardTracker

            self._trackers.append(TensorBoardTracker("tensorboard", output, purge_step=step + 1))
        if config.logging.wandb != "off":
            from accelerate.tracking import WandBTracker

            run = hashlib.sha256(f"{output}\x1f{config.hash}".encode()).hexdigest()[:16]
            options = {
                "name": output.name,
                "dir": str(output),
                "mode": config.logging.wandb,
                "config": config.as_dict(),
            }
            self._trackers.append(WandBTracker(config.logging.project, id=run, resume="allow", **options))
        for tracker in self._trackers:
            tracker.start()

    def log(self, step: int, metrics: Mapping[str, Any]) -> None:
        """Write the numbers of a step."""
        values = {name: float(value) for name, value in metrics.items() if _is_number(value) and name != "step"}
        for tracker in self._trackers:
            tracker.log(values, step=step)

    def close(self) -> None:
        """Flush and end them. Safe to call twice."""
        for tracker in self._trackers:
            tracker.finish()
        self._trackers = []


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def check_installed(config: LoggingConfig) -> None:
    """Raise `UsageError` where a tracker's package is missing."""
    for package, wanted in (("tensorboard", config.tensorboard), ("wandb", config.wandb != "off")):
        if wanted and importlib.util.find_spec(package) is None:
            raise UsageError(f"logging.{package} is on, and {package} is not installed: pip install 'assay[export]'")
