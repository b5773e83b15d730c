"""One line a step for the person who watches: where the run is, how fast, how long it still takes, how it does."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from typing import Any

_SHOWN = ("reward", "kl", "entropy", "truncation", "equal_groups")
_RECENT = 20
"""Steps over which the rate is taken: lengths change as a policy learns."""


class StepLine:
    """Describes steps.

    Args:
        steps: Of the whole run.
    """

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self._ends: deque[float] = deque([time.monotonic()], maxlen=_RECENT + 1)
        self._score = ""

    def describe(self, step: int, metrics: Mapping[str, Any]) -> str:
        """The line of a step; evaluations in between count in the time left."""
        self._ends.append(time.monotonic())
        each = (self._ends[-1] - self._ends[0]) / (len(self._ends) - 1)
        held_out = {name: v for name, v in metrics.items() if name.startswith("eval/") and name.endswith("/pass@1")}
        if held_out:
            values = ", ".join(f"{name[5:].rpartition('/')[0]} {value:.3f}" for name, value in held_out.items())
            self._score = f"held out {values} (step {step})"
        parts = [f"step {step}/{self._steps}"]
        parts += [f"{name} {metrics[name]:.3f}" for name in _SHOWN if metrics.get(name) is not None]
        parts += [self._score] if self._score else []
        parts.append(f"{metrics['seconds']:.1f} s, {metrics['tokens_per_second']:.0f} tok/s")
        if step < self._steps:
            parts.append(f"{duration(each * (self._steps - step))} left")
        return "  ".join(parts)


def duration(seconds: float) -> str:
    """A time for a person: "40 s", "12 min", "3.5 h"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
